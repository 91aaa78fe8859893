-- made from measures/gaps.sql, sha256 4db58c49c31c9fb4
/* How long was the service's longest silence within its entries? */
/* Grain: one row per project, location, workload and service. */
/* Units: max_gap_ns in nanoseconds, null for a single entry. */
WITH steps AS (
  SELECT
    project,
    location,
    workload,
    service,
    1000 * CASE
      WHEN (
        timestamp_ns // 1000 - LAG(timestamp_ns // 1000) OVER (
          PARTITION BY project, location, workload, service
          ORDER BY timestamp_ns NULLS FIRST
        )
      ) IS NULL
      OR 9000000000000000 IS NULL
      THEN NULL
      ELSE LEAST(
        timestamp_ns // 1000 - LAG(timestamp_ns // 1000) OVER (
          PARTITION BY project, location, workload, service
          ORDER BY timestamp_ns NULLS FIRST
        ),
        9000000000000000
      )
    END AS gap_ns
  FROM events
  WHERE
    NOT timestamp_ns IS NULL
), gaps AS (
  SELECT
    project,
    location,
    workload,
    service,
    MAX(gap_ns) AS max_gap_ns
  FROM steps
  GROUP BY
    project,
    location,
    workload,
    service
)
SELECT
  *
FROM gaps
