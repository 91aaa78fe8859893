-- made from measures/leaks.sql, sha256 47c0bd8fd0da1069
-- reads events; returns project VARCHAR, location VARCHAR, workload VARCHAR, service VARCHAR, revision VARCHAR, kind VARCHAR, n BIGINT
/* Which kinds of secrets and personal data did the service write to its own logs? */
/* Grain: one row per revision and kind that was found. */
/* Units: n in entries. Read off the tokens that redaction left in their place, so no value is seen here. */
/* Truncated user ids (`<user>...`), hashes and addresses of the network are no leak. */
WITH lines AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    timestamp_ns,
    log_name,
    insert_id,
    COALESCE(payload, message, '') AS text
  FROM events
  WHERE
    (
      log_id IS NULL
      OR log_id IN ('run.googleapis.com/stdout', 'run.googleapis.com/stderr')
    )
    AND REGEXP_MATCHES(COALESCE(payload, message, ''), '<(?:token|key|secret|email|user)>')
), kinds AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    kind
  FROM lines
  CROSS JOIN UNNEST(['tokens', 'keys', 'passwords and secrets', 'e-mail addresses', 'whole user ids']) AS _t0(kind)
  WHERE
    CASE kind
      WHEN 'tokens'
      THEN STRPOS(text, '<token>') > 0
      WHEN 'keys'
      THEN STRPOS(text, '<key>') > 0
      WHEN 'passwords and secrets'
      THEN STRPOS(text, '<secret>') > 0
      WHEN 'e-mail addresses'
      THEN STRPOS(text, '<email>') > 0
      ELSE REGEXP_MATCHES(text, '<user>(?:[^.]|$)')
    END
), leaks AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    kind,
    COUNT(*) AS n
  FROM kinds
  GROUP BY
    project,
    location,
    workload,
    service,
    revision,
    kind
)
SELECT
  *
FROM leaks
