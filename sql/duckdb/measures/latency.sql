-- made from measures/latency.sql, sha256 ff8b2de8644c850d
-- reads requests; returns project VARCHAR, location VARCHAR, workload VARCHAR, service VARCHAR, revision VARCHAR, scope VARCHAR, endpoint VARCHAR, n HUGEINT, errors_5xx HUGEINT, errors_4xx HUGEINT, n_latency BIGINT, p50_ms DOUBLE, p95_ms DOUBLE, p99_ms DOUBLE, max_ms DOUBLE
/* How long did requests take: all of them, those of users, health paths, each endpoint? */
/* Grain: one row per revision, scope (all, eligible, health, endpoint) and endpoint ('' but for scope endpoint). */
/* Units: counts; *_ms in milliseconds. Percentiles are R type 7 from integers by their places. */
WITH scoped AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    scope,
    CASE WHEN scope = 'endpoint' THEN endpoint ELSE '' END AS endpoint,
    http_status,
    CASE WHEN scope = 'eligible' AND latency_ns <= 0 THEN NULL ELSE latency_ns END AS latency_ns
  FROM requests
  CROSS JOIN UNNEST(['all', 'eligible', 'health', 'endpoint']) AS _t0(scope)
  WHERE
    scope IN ('all', 'endpoint')
    OR (
      scope = 'eligible' AND is_eligible
    )
    OR (
      scope = 'health' AND is_health
    )
), counted /* as many rows as there are different latencies, however many requests there are */ AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    scope,
    endpoint,
    latency_ns,
    COUNT(*) AS n,
    COUNT_IF(http_status >= 500) AS errors_5xx,
    COUNT_IF(http_status BETWEEN 400 AND 499) AS errors_4xx
  FROM scoped
  GROUP BY
    project,
    location,
    workload,
    service,
    revision,
    scope,
    endpoint,
    latency_ns
), numbered AS (
  SELECT
    *,
    CAST(SUM(n) OVER (
      PARTITION BY project, location, workload, service, revision, scope, endpoint, latency_ns IS NULL
      ORDER BY latency_ns NULLS FIRST
    ) AS BIGINT) AS last_place,
    CAST(SUM(CASE WHEN latency_ns IS NULL THEN 0 ELSE n END) OVER (PARTITION BY project, location, workload, service, revision, scope, endpoint) AS BIGINT) AS n_latency
  FROM counted
), picked /* lower and upper neighbour of each percentile */ AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    scope,
    endpoint,
    SUM(n) AS n,
    SUM(errors_5xx) AS errors_5xx,
    SUM(errors_4xx) AS errors_4xx,
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
