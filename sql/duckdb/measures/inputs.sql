-- made from measures/inputs.sql, sha256 b5064dc4ea328fec
/* How many entries of each log, severity as given and effective level? */
/* Grain: one row per revision, dimension (log, severity, level) and value. */
/* Units: counts of entries. */
WITH dimensions AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    'log' AS dimension,
    COALESCE(log_id, '') AS item
  FROM events
  UNION ALL
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    'severity' AS dimension,
    severity AS item
  FROM events
  UNION ALL
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    'level' AS dimension,
    level AS item
  FROM events
), inputs AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    dimension,
    item,
    COUNT(*) AS n
  FROM dimensions
  GROUP BY
    project,
    location,
    workload,
    service,
    revision,
    dimension,
    item
)
SELECT
  *
FROM inputs
