-- made from measures/inputs.sql, sha256 51f7a6d24d057d03
-- reads events; returns project VARCHAR, location VARCHAR, workload VARCHAR, service VARCHAR, revision VARCHAR, dimension VARCHAR, item VARCHAR, n HUGEINT
/* How many entries of each log, severity as given and effective level? */
/* Grain: one row per revision, dimension (log, severity, level) and value. */
/* Units: counts of entries. */
WITH combined AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    log_id,
    severity,
    level,
    COUNT(*) AS n
  FROM events
  GROUP BY
    project,
    location,
    workload,
    service,
    revision,
    log_id,
    severity,
    level
), dimensions AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    dimension,
    CASE dimension
      WHEN 'log'
      THEN COALESCE(log_id, '')
      WHEN 'severity'
      THEN severity
      ELSE level
    END AS item,
    n
  FROM combined
  CROSS JOIN UNNEST(['log', 'severity', 'level']) AS _t0(dimension)
), inputs AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    dimension,
    item,
    SUM(n) AS n
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
