-- made from measures/closes.sql, sha256 e5219ee874cdebcd
-- reads events; returns project VARCHAR, location VARCHAR, workload VARCHAR, service VARCHAR, revision VARCHAR, code BIGINT, n HUGEINT, limited HUGEINT
/* With which codes were WebSockets closed, and how many of them for a stated limit? */
/* Grain: one row per revision and close code. */
/* Units: n and limited in closes; per instance and minute the largest count of a wording, as in events.sql. */
WITH wordings AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    COALESCE(instance_id, '') AS instance_id,
    COALESCE(timestamp_ns // 60000000000, 0) AS minute,
    code,
    wording,
    COUNT(*) AS lines,
    COUNT_IF(
      REGEXP_MATCHES(
        COALESCE(fields, ''),
        '[Rr]ate limit|[Cc]onnection limit|[Tt]oo many|limit exceeded'
      )
    ) AS limited_lines
  FROM events
  WHERE
    event = 'websocket.close' AND NOT code IS NULL
  GROUP BY
    project,
    location,
    workload,
    service,
    revision,
    COALESCE(instance_id, ''),
    COALESCE(timestamp_ns // 60000000000, 0),
    code,
    wording
), occurrences AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    code,
    MAX(lines) AS n,
    MAX(limited_lines) AS limited
  FROM wordings
  GROUP BY
    project,
    location,
    workload,
    service,
    revision,
    instance_id,
    minute,
    code
), closes AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    code,
    SUM(n) AS n,
    SUM(limited) AS limited
  FROM occurrences
  GROUP BY
    project,
    location,
    workload,
    service,
    revision,
    code
)
SELECT
  *
FROM closes
