-- made from measures/tails.sql, sha256 b91bd37a06735196
-- reads timed; returns project VARCHAR, location VARCHAR, workload VARCHAR, service VARCHAR, revision VARCHAR, name VARCHAR, minute BIGINT, step BIGINT, n BIGINT
/* How do slow requests cluster in time? The ground of the design effect of a share above a latency. */
/* Grain: one row per revision, endpoint, minute and step of latency. */
/* Units: n in eligible requests of the steady phase; minute in minutes since 1970; step k holds the buckets 20 k + 1 to */
/* 20 k + 20 of histograms.sql, so that a step is a factor of 1.49. */
WITH tails AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    name,
    slot // 6 AS minute,
    (
      bucket - 1
    ) // 20 AS step,
    COUNT(*) AS n
  FROM timed
  WHERE
    kind = 'endpoint' AND NOT is_startup
  GROUP BY
    project,
    location,
    workload,
    service,
    revision,
    name,
    slot // 6,
    (
      bucket - 1
    ) // 20
)
SELECT
  *
FROM tails
