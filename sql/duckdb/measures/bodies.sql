-- made from measures/bodies.sql, sha256 624e0b81b5e4bf2a
-- reads requests; returns project VARCHAR, location VARCHAR, workload VARCHAR, service VARCHAR, revision VARCHAR, endpoint VARCHAR, size BIGINT, n BIGINT
/* How large are the answers of each endpoint? */
/* Grain: one row per revision, endpoint and size. */
/* Units: n in eligible request rows with status 200; size k holds 1.02^(k-1) < bytes <= 1.02^k, 0 no */
/* more than a byte. */
WITH bodies AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    endpoint,
    CAST(CEIL(
      LN(
        CASE
          WHEN http_response_bytes IS NULL OR 1 IS NULL
          THEN NULL
          ELSE GREATEST(http_response_bytes, 1)
        END
      ) / LN(1.02)
    ) AS BIGINT) AS size,
    COUNT(*) AS n
  FROM requests
  WHERE
    is_eligible AND http_status = 200 AND NOT http_response_bytes IS NULL
  GROUP BY
    project,
    location,
    workload,
    service,
    revision,
    endpoint,
    CAST(CEIL(
      LN(
        CASE
          WHEN http_response_bytes IS NULL OR 1 IS NULL
          THEN NULL
          ELSE GREATEST(http_response_bytes, 1)
        END
      ) / LN(1.02)
    ) AS BIGINT)
)
SELECT
  *
FROM bodies
