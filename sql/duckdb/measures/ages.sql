-- made from measures/ages.sql, sha256 acf0bf9fd993339f
-- reads events, starts; returns project VARCHAR, location VARCHAR, workload VARCHAR, service VARCHAR, revision VARCHAR, event VARCHAR, outcome VARCHAR, age_s BIGINT, lines BIGINT
/* How long after their instance's start did lines of each degraded or failed event come? */
/* Grain: one row per revision, event, outcome and age. */
/* Units: lines in entries; age_s in whole seconds, rounded up, null where the instance's start is not known. */
WITH aged AS (
  SELECT
    events.project,
    events.location,
    events.workload,
    events.service,
    events.revision,
    events.event,
    events.outcome,
    CAST(CEIL((
      events.timestamp_ns // 1000 - start_ns // 1000
    ) / 1000000) AS BIGINT) AS age_s
  FROM events
  LEFT JOIN starts
    ON events.instance_id = started_instance
    AND COALESCE(events.revision, '') = started_revision
    AND start_ns <= events.timestamp_ns
  WHERE
    NOT events.event IS NULL
    AND events.outcome IN ('degraded', 'failure', 'critical')
), ages AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    event,
    outcome,
    CASE WHEN age_s IS NULL OR 3600 IS NULL THEN NULL ELSE LEAST(age_s, 3600) END AS age_s,
    COUNT(*) AS lines
  FROM aged
  GROUP BY
    project,
    location,
    workload,
    service,
    revision,
    event,
    outcome,
    CASE WHEN age_s IS NULL OR 3600 IS NULL THEN NULL ELSE LEAST(age_s, 3600) END
)
SELECT
  *
FROM ages
