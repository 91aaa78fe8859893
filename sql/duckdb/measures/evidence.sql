-- made from measures/evidence.sql, sha256 c7b6edd134545c1d
/* Which entries prove each claim? The first five of every topic. */
/* Grain: one row per revision, topic and place (1 to 5). */
/* Topics: event/NAME/CODE, requests/5xx, requests/5xx_all, requests/health_5xx, requests/handshake_rejected, */
/* requests/scan, requests/denied, requests/4xx, requests/waited, ended/STATUS/ENDPOINT (300 and above), */
/* requests/slowest, slowest/ENDPOINT (of 50 requests and more), unexplained, leaks. */
/* The slowest are the five of the longest latency; of the others the first five by time, log and insert id. */
/* Units: timestamp_ns in ns since 1970; excerpt is the redacted message, or the request in a line. */
WITH requests AS (
  SELECT
    *
  FROM requests
), topics AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    timestamp_ns,
    log_name,
    insert_id,
    COALESCE(message, '') AS excerpt,
    0 AS slow_ns,
    'event/' || event || '/' || COALESCE(CAST(code AS TEXT), '') AS topic
  FROM events
  WHERE
    NOT event IS NULL AND NOT event IN ('http.request', 'http.access')
  UNION ALL
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    timestamp_ns,
    log_name,
    insert_id,
    COALESCE(message, '') AS excerpt,
    0 AS slow_ns,
    'unexplained' AS topic
  FROM events
  WHERE
    raw IS NULL
    AND event IS NULL
    AND level IN ('ERROR', 'CRITICAL', 'ALERT', 'EMERGENCY')
  UNION ALL
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    timestamp_ns,
    log_name,
    insert_id,
    COALESCE(message, '') AS excerpt,
    0 AS slow_ns,
    'leaks' AS topic
  FROM events
  WHERE
    (
      log_id IS NULL
      OR log_id IN ('run.googleapis.com/stdout', 'run.googleapis.com/stderr')
    )
    AND REGEXP_MATCHES(COALESCE(payload, message, ''), '<(?:token|key|secret|email)>|<user>(?:[^.]|$)')
  UNION ALL
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    timestamp_ns,
    log_name,
    insert_id,
    line AS excerpt,
    0 AS slow_ns,
    topic
  FROM requests
  CROSS JOIN UNNEST([
    'requests/5xx',
    'requests/5xx_all',
    'requests/health_5xx',
    'requests/handshake_rejected',
    'requests/scan',
    'requests/denied',
    'requests/4xx',
    'requests/waited'
  ]) AS _t0(topic)
  WHERE
    (
      topic = 'requests/5xx' AND is_eligible AND http_status >= 500
    )
    OR (
      topic = 'requests/5xx_all' AND http_status >= 500
    )
    OR (
      topic = 'requests/health_5xx' AND is_health AND http_status >= 500
    )
    OR (
      topic = 'requests/scan' AND is_scan
    )
    OR (
      topic = 'requests/4xx' AND is_eligible AND http_status BETWEEN 400 AND 499
    )
    OR (
      topic = 'requests/waited' AND is_eligible AND has_waited
    )
    OR (
      topic = 'requests/denied' AND is_eligible AND http_status IN (401, 403)
    )
    OR (
      topic = 'requests/handshake_rejected' AND is_handshake AND http_status >= 400
    )
  UNION ALL
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    timestamp_ns,
    log_name,
    insert_id,
    line AS excerpt,
    0 AS slow_ns,
    'ended/' || CAST(http_status AS TEXT) || '/' || endpoint AS topic
  FROM requests
  WHERE
    is_eligible AND http_status >= 300 AND http_status <> 304
  UNION ALL
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    timestamp_ns,
    log_name,
    insert_id,
    line AS excerpt,
    latency_ns AS slow_ns,
    'requests/slowest' AS topic
  FROM requests
  WHERE
    is_eligible AND latency_ns > 0
  UNION ALL
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    timestamp_ns,
    log_name,
    insert_id,
    line AS excerpt,
    latency_ns AS slow_ns,
    'slowest/' || endpoint AS topic
  FROM (
    SELECT
      *,
      COUNT(*) OVER (PARTITION BY project, location, workload, service, revision, endpoint) AS n_endpoint
    FROM requests
    WHERE
      is_eligible AND latency_ns > 0
  )
  WHERE
    n_endpoint >= 50
), ranked AS (
  SELECT
    *,
    ROW_NUMBER() OVER (
      PARTITION BY project, location, workload, service, revision, topic
      ORDER BY slow_ns DESC, timestamp_ns NULLS FIRST, log_name NULLS FIRST, insert_id NULLS FIRST, excerpt NULLS FIRST
    ) AS place
  FROM topics
), first_five AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    topic,
    place,
    timestamp_ns,
    log_name,
    insert_id,
    SUBSTRING(excerpt, 1, 400) AS excerpt
  FROM ranked
  WHERE
    place <= 5
)
SELECT
  *
FROM first_five
