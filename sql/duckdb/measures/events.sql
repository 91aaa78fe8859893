-- made from measures/events.sql, sha256 80c6240ef64c5bd4
-- reads events; returns project VARCHAR, location VARCHAR, workload VARCHAR, service VARCHAR, revision VARCHAR, cause VARCHAR, event VARCHAR, outcome VARCHAR, code BIGINT, minute BIGINT, n HUGEINT, n_code HUGEINT, counted HUGEINT, lines HUGEINT, first_ns BIGINT, last_ns BIGINT
/* How often did each event happen, minute by minute, each occurrence counted once? */
/* Grain: one row per revision, event, outcome, code and minute. */
/* Units: n, n_code, counted, lines in entries; minute in minutes since 1970; *_ns in ns since 1970. */
/* One occurrence may leave several lines: other wordings of its event, and events that echo it. Per instance and minute */
/* the largest of their counts is n, which adds up over an event's rows. n_code is the largest count of one code, for a */
/* wording may not tell it. counted adds up to the count of the cause: an echo adds only where nothing else told. */
WITH wordings AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    COALESCE(instance_id, '') AS instance_id,
    COALESCE(timestamp_ns // 60000000000, 0) AS minute,
    cause,
    event,
    outcome,
    code,
    wording,
    COUNT(*) AS lines,
    MIN(timestamp_ns) AS first_ns,
    MAX(timestamp_ns) AS last_ns
  FROM events
  WHERE
    NOT event IS NULL
  GROUP BY
    project,
    location,
    workload,
    service,
    revision,
    COALESCE(instance_id, ''),
    COALESCE(timestamp_ns // 60000000000, 0),
    cause,
    event,
    outcome,
    code,
    wording
), sized AS (
  SELECT
    *,
    SUM(lines) OVER (
      PARTITION BY project, location, workload, service, revision, instance_id, minute, event, wording
    ) AS wording_lines,
    MAX(CASE WHEN code IS NULL THEN 0 ELSE 1 END) OVER (
      PARTITION BY project, location, workload, service, revision, instance_id, minute, event, wording
    ) AS wording_coded
  FROM wordings
), ordered AS (
  SELECT
    *,
    DENSE_RANK() OVER (
      PARTITION BY project, location, workload, service, revision, instance_id, minute, event
      ORDER BY wording_lines DESC, wording_coded DESC, wording NULLS FIRST
    ) AS wording_place
  FROM sized
), occurrences AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    instance_id,
    minute,
    cause,
    event,
    outcome,
    code,
    SUM(CASE WHEN wording_place = 1 THEN lines ELSE 0 END) AS n_own,
    MAX(lines) AS n_code,
    SUM(lines) AS lines,
    MIN(first_ns) AS first_ns,
    MAX(last_ns) AS last_ns
  FROM ordered
  GROUP BY
    project,
    location,
    workload,
    service,
    revision,
    instance_id,
    minute,
    cause,
    event,
    outcome,
    code
), totals AS (
  SELECT
    *,
    SUM(n_own) OVER (
      PARTITION BY project, location, workload, service, revision, instance_id, minute, event
    ) AS n_event
  FROM occurrences
), compared AS (
  SELECT
    *,
    SUM(CASE WHEN event = cause THEN n_own ELSE 0 END) OVER same_cause AS n_cause,
    MAX(CASE WHEN event = cause THEN 0 ELSE n_event END) OVER same_cause AS n_echo,
    ROW_NUMBER() OVER (
      PARTITION BY project, location, workload, service, revision, instance_id, minute, cause, event = cause
      ORDER BY n_own DESC, event NULLS FIRST, outcome NULLS FIRST, code NULLS FIRST
    ) AS place
  FROM totals
  WINDOW same_cause AS (
    PARTITION BY project, location, workload, service, revision, instance_id, minute, cause
  )
), weighed AS (
  SELECT
    *,
    CASE
      WHEN event = cause AND place = 1
      THEN n_own + CASE
        WHEN (
          n_echo - n_cause
        ) IS NULL OR 0 IS NULL
        THEN NULL
        ELSE GREATEST(n_echo - n_cause, 0)
      END
      ELSE n_own
    END AS n,
    CASE
      WHEN event = cause AND place = 1
      THEN n_own + CASE
        WHEN (
          n_echo - n_cause
        ) IS NULL OR 0 IS NULL
        THEN NULL
        ELSE GREATEST(n_echo - n_cause, 0)
      END
      WHEN event = cause
      THEN n_own
      WHEN n_cause = 0 AND place = 1
      THEN n_echo
      ELSE 0
    END AS counted
  FROM compared
), minutes AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    cause,
    event,
    outcome,
    code,
    minute,
    SUM(n) AS n,
    SUM(n_code) AS n_code,
    SUM(counted) AS counted,
    SUM(lines) AS lines,
    MIN(first_ns) AS first_ns,
    MAX(last_ns) AS last_ns
  FROM weighed
  GROUP BY
    project,
    location,
    workload,
    service,
    revision,
    cause,
    event,
    outcome,
    code,
    minute
)
SELECT
  *
FROM minutes
