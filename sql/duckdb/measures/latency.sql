-- made from measures/latency.sql, sha256 b5dd9219c6e8dc99
/* How long did requests take: all of them, those of users, health paths, each endpoint? */
/* Grain: one row per revision, scope (all, eligible, health, endpoint) and endpoint ('' but for scope endpoint). */
/* Units: counts; *_ms in milliseconds. Percentiles are R type 7 from integers by ROW_NUMBER. */
WITH scoped AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    'all' AS scope,
    '' AS endpoint,
    http_status,
    latency_ns
  FROM requests
  UNION ALL
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    'eligible' AS scope,
    '' AS endpoint,
    http_status,
    CASE WHEN latency_ns > 0 THEN latency_ns ELSE NULL END AS latency_ns
  FROM requests
  WHERE
    is_eligible
  UNION ALL
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    'health' AS scope,
    '' AS endpoint,
    http_status,
    latency_ns
  FROM requests
  WHERE
    is_health
  UNION ALL
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    'endpoint' AS scope,
    endpoint,
    http_status,
    latency_ns
  FROM requests
), numbered AS (
  SELECT
    *,
    ROW_NUMBER() OVER (
      PARTITION BY project, location, workload, service, revision, scope, endpoint, latency_ns IS NULL
      ORDER BY latency_ns NULLS FIRST
    ) AS place,
    COUNT(latency_ns) OVER (PARTITION BY project, location, workload, service, revision, scope, endpoint) AS n_latency
  FROM scoped
), picked /* lower and upper neighbour of each percentile */ AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    scope,
    endpoint,
    COUNT(*) AS n,
    COUNT_IF(http_status >= 500) AS errors_5xx,
    COUNT_IF(http_status BETWEEN 400 AND 499) AS errors_4xx,
    MAX(n_latency) AS n_latency,
    MAX(
      CASE
        WHEN place = 1 + (
          50 * (
            n_latency - 1
          )
        ) // 100
        THEN latency_ns
        ELSE NULL
      END
    ) AS p50_low,
    MAX(
      CASE
        WHEN place = CASE
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
    MAX(
      CASE
        WHEN place = 1 + (
          95 * (
            n_latency - 1
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
    MAX(
      CASE
        WHEN place = 1 + (
          99 * (
            n_latency - 1
          )
        ) // 100
        THEN latency_ns
        ELSE NULL
      END
    ) AS p99_low,
    MAX(
      CASE
        WHEN place = CASE
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
    scope,
    endpoint
), latencies AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    scope,
    endpoint,
    n,
    errors_5xx,
    errors_4xx,
    n_latency,
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
FROM latencies
