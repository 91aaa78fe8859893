-- made from measures/pace.sql, sha256 40a7da4518ec1ace
-- reads requests; returns project VARCHAR, location VARCHAR, workload VARCHAR, service VARCHAR, revision VARCHAR, minute BIGINT, n BIGINT, p95_ms DOUBLE
/* How slow were user requests minute by minute? */
/* Grain: one row per revision and minute with a latency. */
/* Units: n counts latencies above zero; p95_ms in milliseconds, R type 7 from integers by ROW_NUMBER; minute in */
/* minutes since 1970. */
WITH numbered AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    minute,
    latency_ns,
    ROW_NUMBER() OVER (
      PARTITION BY project, location, workload, service, revision, minute
      ORDER BY latency_ns NULLS FIRST
    ) AS place,
    COUNT(*) OVER (PARTITION BY project, location, workload, service, revision, minute) AS n
  FROM requests
  WHERE
    is_eligible AND NOT minute IS NULL AND latency_ns > 0
), picked /* lower and upper neighbour of the percentile */ AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    minute,
    n,
    MAX(
      CASE
        WHEN place = 1 + (
          95 * (
            n - 1
          )
        ) // 100
        THEN latency_ns
        ELSE NULL
      END
    ) AS p95_low,
    MAX(
      CASE
        WHEN place = CASE
          WHEN (
            2 + (
              95 * (
                n - 1
              )
            ) // 100
          ) IS NULL OR n IS NULL
          THEN NULL
          ELSE LEAST(2 + (
            95 * (
              n - 1
            )
          ) // 100, n)
        END
        THEN latency_ns
        ELSE NULL
      END
    ) AS p95_high
  FROM numbered
  GROUP BY
    project,
    location,
    workload,
    service,
    revision,
    minute,
    n
), pace AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    minute,
    n,
    (
      p95_low + (
        p95_high - p95_low
      ) * ((
        95 * (
          n - 1
        )
      ) % 100) / 100
    ) / 1000000 AS p95_ms
  FROM picked
)
SELECT
  *
FROM pace
