-- made from measures/probes.sql, sha256 af60eded742d4fb0
-- reads events; returns project VARCHAR, location VARCHAR, workload VARCHAR, service VARCHAR, revision VARCHAR, kind VARCHAR, n BIGINT
/* How many probes failed, by their kind? */
/* Grain: one row per revision and kind (STARTUP, LIVENESS, READINESS). */
/* Units: n in entries. */
WITH probes AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    COALESCE(ARRAY_EXTRACT(REGEXP_EXTRACT_ALL(fields, '"kind":"([A-Z]+)"', 1), 1), 'STARTUP') AS kind,
    COUNT(*) AS n
  FROM events
  WHERE
    event = 'platform.probe_failed'
  GROUP BY
    project,
    location,
    workload,
    service,
    revision,
    COALESCE(ARRAY_EXTRACT(REGEXP_EXTRACT_ALL(fields, '"kind":"([A-Z]+)"', 1), 1), 'STARTUP')
)
SELECT
  *
FROM probes
