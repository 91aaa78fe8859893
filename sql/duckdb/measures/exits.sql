-- made from measures/exits.sql, sha256 e2686500cd3d9b4b
/* How close together did containers exit with an error? */
/* Grain: one row per revision with such an exit. */
/* Units: fastest_three_ns in nanoseconds, null below three. */
/* One exit may be told in two wordings, so each wording is timed for itself. */
WITH exits AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    timestamp_ns,
    1000 * CASE
      WHEN (
        timestamp_ns // 1000 - LAG(timestamp_ns // 1000, 2) OVER (
          PARTITION BY project, location, workload, service, revision, wording
          ORDER BY timestamp_ns NULLS FIRST, log_name NULLS FIRST, insert_id NULLS FIRST
        )
      ) IS NULL
      OR 9000000000000000 IS NULL
      THEN NULL
      ELSE LEAST(
        timestamp_ns // 1000 - LAG(timestamp_ns // 1000, 2) OVER (
          PARTITION BY project, location, workload, service, revision, wording
          ORDER BY timestamp_ns NULLS FIRST, log_name NULLS FIRST, insert_id NULLS FIRST
        ),
        9000000000000000
      )
    END AS three_ns
  FROM events
  WHERE
    event = 'platform.exit' AND NOT outcome IN ('ok', 'info')
), counted AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    MIN(three_ns) AS fastest_three_ns
  FROM exits
  GROUP BY
    project,
    location,
    workload,
    service,
    revision
)
SELECT
  *
FROM counted
