-- made from measures/peers.sql, sha256 5a6edd7bec600820
-- reads requests; returns project VARCHAR, location VARCHAR, workload VARCHAR, service VARCHAR, revision VARCHAR, instance_id VARCHAR, endpoint VARCHAR, n HUGEINT, errors_5xx HUGEINT, n_steady HUGEINT, bucket_sum HUGEINT, bucket_squares HUGEINT
/* How does each instance serve users, next to its peers, endpoint by endpoint? */
/* Grain: one row per revision, instance that served a user and endpoint; '(others)' are those with fewer than 50 user */
/* requests of the revision each. */
/* Units: n, errors_5xx in eligible request rows; bucket_sum and bucket_squares add up the buckets of histograms.sql, */
/* and their squares, over the n_steady requests with a latency and a status below 400 that did not come in the */
/* instance's first minute. */
WITH bucketed AS (
  SELECT
    *,
    CAST(CEIL(
      LN(
        CASE WHEN latency_ns IS NULL OR 1 IS NULL THEN NULL ELSE GREATEST(latency_ns, 1) END
      ) / LN(1.02)
    ) AS BIGINT) AS bucket,
    latency_ns > 0 AND NOT is_startup AND http_status < 400 AS is_timed
  FROM requests
  WHERE
    is_eligible AND NOT instance_id IS NULL
), endpoints AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    instance_id,
    endpoint,
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
    instance_id,
    endpoint
), named AS (
  SELECT
    *
    EXCLUDE (endpoint),
    CASE
      WHEN SUM(n) OVER (PARTITION BY project, location, workload, service, revision, endpoint) < 50
      THEN '(others)'
      ELSE endpoint
    END AS endpoint
  FROM endpoints
), peers AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    instance_id,
    endpoint,
    SUM(n) AS n,
    SUM(errors_5xx) AS errors_5xx,
    SUM(n_steady) AS n_steady,
    SUM(bucket_sum) AS bucket_sum,
    SUM(bucket_squares) AS bucket_squares
  FROM named
  GROUP BY
    project,
    location,
    workload,
    service,
    revision,
    instance_id,
    endpoint
)
SELECT
  *
FROM peers
