-- made from measures/signatures.sql, sha256 b45a6ec7936e27ae
/* Which lines are unknown, and which report a failure, by their signature? */
/* Grain: one row per revision, signature, level, event ('' for unknown lines), outcome and phase */
/* (startup: within a minute of the instance's start, else steady). */
/* Units: n in entries, minutes and slots (of ten seconds) those with one; first_ns in ns since 1970. first_* name the */
/* first such entry; its text only where it matters: at WARNING and above, or with an event. */
WITH signed AS (
  SELECT
    events.project,
    events.location,
    events.workload,
    events.service,
    events.revision,
    events.signature,
    events.level,
    COALESCE(events.event, '') AS event,
    COALESCE(events.outcome, '') AS outcome,
    CASE
      WHEN COALESCE(events.timestamp_ns < start_ns + 60000000000, FALSE)
      THEN 'startup'
      ELSE 'steady'
    END AS phase,
    events.timestamp_ns // 60000000000 AS minute,
    events.timestamp_ns,
    events.log_name,
    events.insert_id,
    events.message
  FROM events
  LEFT JOIN starts
    ON events.instance_id = started_instance
    AND COALESCE(events.revision, '') = started_revision
  WHERE
    NOT events.signature IS NULL
), numbered AS (
  SELECT
    *,
    ROW_NUMBER() OVER (
      PARTITION BY project, location, workload, service, revision, signature, level, event, outcome, phase, minute
      ORDER BY timestamp_ns NULLS FIRST, log_name NULLS FIRST, insert_id NULLS FIRST, message NULLS FIRST
    ) AS place
  FROM signed
), minutes AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    signature,
    level,
    event,
    outcome,
    phase,
    minute,
    COUNT(*) AS n,
    COUNT(DISTINCT timestamp_ns // 10000000000) AS slots,
    MIN(timestamp_ns) AS first_ns,
    MAX(CASE WHEN place = 1 THEN log_name ELSE NULL END) AS first_log_name,
    MAX(CASE WHEN place = 1 THEN insert_id ELSE NULL END) AS first_insert_id,
    MAX(
      CASE
        WHEN place = 1
        AND (
          event <> '' OR NOT level IN ('DEFAULT', 'DEBUG', 'INFO', 'NOTICE')
        )
        THEN SUBSTRING(message, 1, 400)
        ELSE NULL
      END
    ) AS first_excerpt
  FROM numbered
  GROUP BY
    project,
    location,
    workload,
    service,
    revision,
    signature,
    level,
    event,
    outcome,
    phase,
    minute
), placed /* entries without a time come first */ AS (
  SELECT
    *,
    ROW_NUMBER() OVER (
      PARTITION BY project, location, workload, service, revision, signature, level, event, outcome, phase
      ORDER BY minute NULLS FIRST
    ) AS place
  FROM minutes
), signatures AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    signature,
    level,
    event,
    outcome,
    phase,
    SUM(n) AS n,
    COUNT(minute) AS minutes,
    SUM(slots) AS slots,
    MIN(first_ns) AS first_ns,
    MAX(CASE WHEN place = 1 THEN first_log_name ELSE NULL END) AS first_log_name,
    MAX(CASE WHEN place = 1 THEN first_insert_id ELSE NULL END) AS first_insert_id,
    MAX(CASE WHEN place = 1 THEN first_excerpt ELSE NULL END) AS first_excerpt
  FROM placed
  GROUP BY
    project,
    location,
    workload,
    service,
    revision,
    signature,
    level,
    event,
    outcome,
    phase
)
SELECT
  *
FROM signatures
