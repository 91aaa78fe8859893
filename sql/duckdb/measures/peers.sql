-- made from measures/peers.sql, sha256 d495b9ba63c36301
-- reads requests; returns project VARCHAR, location VARCHAR, workload VARCHAR, service VARCHAR, revision VARCHAR, instance_id VARCHAR, n BIGINT, errors_5xx HUGEINT, n_steady HUGEINT, bucket_sum HUGEINT, bucket_squares HUGEINT
/* How does each instance serve users, next to its peers? */
/* Grain: one row per revision and instance that served a user. */
/* Units: n, errors_5xx in eligible request rows; bucket_sum and bucket_squares add up the buckets of histograms.sql, */
/* and their squares, over the n_steady requests with a latency that did not come in the instance's first minute. */
WITH bucketed AS (
  SELECT
    *,
    CAST(CEIL(
      LN(
        CASE WHEN latency_ns IS NULL OR 1 IS NULL THEN NULL ELSE GREATEST(latency_ns, 1) END
      ) / LN(1.02)
    ) AS BIGINT) AS bucket,
    latency_ns > 0 AND NOT is_startup AS is_timed
  FROM requests
  WHERE
    is_eligible AND NOT instance_id IS NULL
), peers AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    instance_id,
    COUNT(*) AS n,
    COUNT_IF(http_status >= 500) AS errors_5xx,
    COUNT_IF(is_timed) AS n_steady,
    SUM(CASE WHEN is_timed THEN bucket ELSE 0 END) AS bucket_sum,
    SUM(CASE WHEN is_timed THEN bucket * bucket ELSE 0 END) AS bucket_squares
  FROM bucketed
  GROUP BY
    project,
    location,
    workload,
    service,
    revision,
    instance_id
)
SELECT
  *
FROM peers
