-- made from measures/bodies.sql, sha256 40013e1055c93a36
-- reads requests; returns project VARCHAR, location VARCHAR, workload VARCHAR, service VARCHAR, revision VARCHAR, endpoint VARCHAR, size BIGINT, n BIGINT
/* How large are the answers of each endpoint? */
/* Grain: one row per revision, endpoint and size. */
/* Units: n in eligible request rows with a status of 200 to 299; size k holds 1.02^(k-1) < bytes <= 1.02^k, 0 no */
/* more than a byte, as an answer with status 204 has by definition. */
WITH answers AS (
  SELECT
    *,
    COALESCE(http_response_bytes, 0) AS bytes
  FROM requests
  WHERE
    is_eligible
    AND http_status BETWEEN 200 AND 299
    AND (
      NOT http_response_bytes IS NULL OR http_status = 204
    )
), bodies AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    endpoint,
    CAST(CEIL(
      LN(CASE WHEN bytes IS NULL OR 1 IS NULL THEN NULL ELSE GREATEST(bytes, 1) END) / LN(1.02)
    ) AS BIGINT) AS size,
    COUNT(*) AS n
  FROM answers
  GROUP BY
    project,
    location,
    workload,
    service,
    revision,
    endpoint,
    CAST(CEIL(
      LN(CASE WHEN bytes IS NULL OR 1 IS NULL THEN NULL ELSE GREATEST(bytes, 1) END) / LN(1.02)
    ) AS BIGINT)
)
SELECT
  *
FROM bodies
