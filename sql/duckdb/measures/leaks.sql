-- made from measures/leaks.sql, sha256 2efaab31b75f8bb6
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
    log_id IS NULL
    OR log_id IN ('run.googleapis.com/stdout', 'run.googleapis.com/stderr')
), kinds AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    'tokens' AS kind
  FROM lines
  WHERE
    REGEXP_MATCHES(text, '<token>')
  UNION ALL
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    'keys' AS kind
  FROM lines
  WHERE
    REGEXP_MATCHES(text, '<key>')
  UNION ALL
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    'passwords and secrets' AS kind
  FROM lines
  WHERE
    REGEXP_MATCHES(text, '<secret>')
  UNION ALL
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    'e-mail addresses' AS kind
  FROM lines
  WHERE
    REGEXP_MATCHES(text, '<email>')
  UNION ALL
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    'whole user ids' AS kind
  FROM lines
  WHERE
    REGEXP_MATCHES(text, '<user>(?:[^.]|$)')
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
