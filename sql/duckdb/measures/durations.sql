-- made from measures/durations.sql, sha256 aa090d13a0b6f936
-- reads events; returns project VARCHAR, location VARCHAR, workload VARCHAR, service VARCHAR, revision VARCHAR, event VARCHAR, n BIGINT, p50_ms DOUBLE, p95_ms DOUBLE, p99_ms DOUBLE, max_ms DOUBLE
/* How long did the things take that events measure themselves (response times in log lines)? */
/* Grain: one row per revision and event with a duration. */
/* Units: counts; *_ms in milliseconds. Percentiles are R type 7 from integers by their places. */
WITH timed AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    event,
    CAST(FLOOR(duration_ms * 1000000 + 0.5) AS BIGINT) AS latency_ns
  FROM events
  WHERE
    NOT duration_ms IS NULL
), counted /* as many rows as there are different durations, however many lines there are */ AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    event,
    latency_ns,
    COUNT(*) AS n
  FROM timed
  GROUP BY
    project,
    location,
    workload,
    service,
    revision,
    event,
    latency_ns
), numbered AS (
  SELECT
    *,
    CAST(SUM(n) OVER (
      PARTITION BY project, location, workload, service, revision, event
      ORDER BY latency_ns NULLS FIRST
    ) AS BIGINT) AS last_place,
    CAST(SUM(n) OVER (PARTITION BY project, location, workload, service, revision, event) AS BIGINT) AS n_latency
  FROM counted
), picked /* lower and upper neighbour of each percentile */ AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    event,
    MAX(n_latency) AS n_latency,
    MIN(
      CASE
        WHEN last_place >= 1 + (
          50 * (
            n_latency - 1
          )
        ) // 100
        THEN latency_ns
        ELSE NULL
      END
    ) AS p50_low,
    MIN(
      CASE
        WHEN last_place >= CASE
          WHEN (
            2 + (
              50 * (
                n_latency - 1
              )
            ) // 100
          ) IS NULL
          OR n_latency IS NULL
          THEN NULL
          ELSE LEAST(2 + (
            50 * (
              n_latency - 1
            )
          ) // 100, n_latency)
        END
        THEN latency_ns
        ELSE NULL
      END
    ) AS p50_high,
    MIN(
      CASE
        WHEN last_place >= 1 + (
          95 * (
            n_latency - 1
          )
        ) // 100
        THEN latency_ns
        ELSE NULL
      END
    ) AS p95_low,
    MIN(
      CASE
        WHEN last_place >= CASE
          WHEN (
            2 + (
              95 * (
                n_latency - 1
              )
            ) // 100
          ) IS NULL
          OR n_latency IS NULL
          THEN NULL
          ELSE LEAST(2 + (
            95 * (
              n_latency - 1
            )
          ) // 100, n_latency)
        END
        THEN latency_ns
        ELSE NULL
      END
    ) AS p95_high,
    MIN(
      CASE
        WHEN last_place >= 1 + (
          99 * (
            n_latency - 1
          )
        ) // 100
        THEN latency_ns
        ELSE NULL
      END
    ) AS p99_low,
    MIN(
      CASE
        WHEN last_place >= CASE
          WHEN (
            2 + (
              99 * (
                n_latency - 1
              )
            ) // 100
          ) IS NULL
          OR n_latency IS NULL
          THEN NULL
          ELSE LEAST(2 + (
            99 * (
              n_latency - 1
            )
          ) // 100, n_latency)
        END
        THEN latency_ns
        ELSE NULL
      END
    ) AS p99_high,
    MAX(latency_ns) AS max_ns
  FROM numbered
  GROUP BY
    project,
    location,
    workload,
    service,
    revision,
    event
), durations AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    event,
    n_latency AS n,
    (
      p50_low + (
        p50_high - p50_low
      ) * ((
        50 * (
          n_latency - 1
        )
      ) % 100) / 100
    ) / 1000000 AS p50_ms,
    (
      p95_low + (
        p95_high - p95_low
      ) * ((
        95 * (
          n_latency - 1
        )
      ) % 100) / 100
    ) / 1000000 AS p95_ms,
    (
      p99_low + (
        p99_high - p99_low
      ) * ((
        99 * (
          n_latency - 1
        )
      ) % 100) / 100
    ) / 1000000 AS p99_ms,
    max_ns / 1000000 AS max_ms
  FROM picked
)
SELECT
  *
FROM durations
