-- made from measures/signatures.sql, sha256 d3c92fff3e1ac902
-- reads events, starts; returns project VARCHAR, location VARCHAR, workload VARCHAR, service VARCHAR, revision VARCHAR, signature VARCHAR, level VARCHAR, event VARCHAR, outcome VARCHAR, phase VARCHAR, signatures BIGINT, n HUGEINT, minutes BIGINT, slots HUGEINT, first_ns BIGINT, first_log_name VARCHAR, first_insert_id VARCHAR, first_excerpt VARCHAR
/* Which lines are unknown, and which report a failure, by their signature? */
/* Grain: one row per revision, signature, level, event ('' for unknown lines), outcome and phase */
/* (startup: within a minute of the instance's start, else steady). A revision has at most 10,000 rows and '(others)': */
/* the most severe lines first, then the most frequent, so that a text whose parts are not masked costs only itself. */
/* Units: signatures in rows that count as this one (1 but for '(others)', whose minutes and slots are the largest of */
/* one of them); n in entries, minutes and slots (of ten seconds) those with one; first_ns in ns since 1970. first_* */
/* name the first such entry; its text only where it matters: at WARNING and above, or with an event. */
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
    SUBSTRING(events.message, 1, 400) AS message /* before rows are put in order, which holds them in memory */
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
        THEN message
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
), ranked AS (
  SELECT
    *,
    ROW_NUMBER() OVER (
      PARTITION BY project, location, workload, service, revision
      ORDER BY CASE
        WHEN level IN ('CRITICAL', 'ALERT', 'EMERGENCY') OR outcome = 'critical'
        THEN 0
        WHEN level = 'ERROR' OR outcome = 'failure'
        THEN 1
        WHEN level = 'WARNING' OR outcome = 'degraded'
        THEN 2
        ELSE 3
      END NULLS FIRST, n DESC, signature NULLS FIRST, level NULLS FIRST, event NULLS FIRST, outcome NULLS FIRST, phase NULLS FIRST
    ) > 10000 AS is_other
  FROM signatures
), named AS (
  SELECT
    *
    EXCLUDE (signature),
    CASE WHEN is_other THEN '(others)' ELSE signature END AS signature,
    ROW_NUMBER() OVER (
      PARTITION BY project, location, workload, service, revision, CASE WHEN is_other THEN '(others)' ELSE signature END, level, event, outcome, phase
      ORDER BY first_ns NULLS FIRST, first_log_name NULLS FIRST, first_insert_id NULLS FIRST
    ) AS place
  FROM ranked
), together AS (
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
    COUNT(*) AS signatures,
    SUM(n) AS n,
    MAX(minutes) AS minutes,
    MAX(slots) AS slots,
    MIN(first_ns) AS first_ns,
    MAX(CASE WHEN place = 1 THEN first_log_name ELSE NULL END) AS first_log_name,
    MAX(CASE WHEN place = 1 THEN first_insert_id ELSE NULL END) AS first_insert_id,
    MAX(CASE WHEN place = 1 THEN first_excerpt ELSE NULL END) AS first_excerpt
  FROM named
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
FROM together
