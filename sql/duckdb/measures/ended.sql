-- made from measures/ended.sql, sha256 94193dbd7bc574b6
-- reads requests; returns project VARCHAR, location VARCHAR, workload VARCHAR, service VARCHAR, revision VARCHAR, minute BIGINT, n BIGINT
/* How many requests that reach a container ended, minute by minute? */
/* Grain: one row per revision and minute in which requests ended. */
/* Units: n in rows of the request log; minute in minutes since 1970, of the request's start and its latency. Left out */
/* are requests that reach no container, as run.googleapis.com/request_count of Cloud Monitoring leaves them out: */
/* callers without a right, and those for which no instance was free. */
WITH ended AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    (
      timestamp_ns // 1000000 + COALESCE(latency_ns, 0) // 1000000
    ) // 60000 AS minute,
    COUNT(*) AS n
  FROM requests
  WHERE
    NOT timestamp_ns IS NULL
    AND log_id = 'run.googleapis.com/requests'
    AND NOT COALESCE(cause, '') IN ('platform.no_instance', 'platform.unauthenticated')
  GROUP BY
    project,
    location,
    workload,
    service,
    revision,
    (
      timestamp_ns // 1000000 + COALESCE(latency_ns, 0) // 1000000
    ) // 60000
)
SELECT
  *
FROM ended
