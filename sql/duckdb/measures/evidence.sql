-- made from measures/evidence.sql, sha256 0c9a56a38bdbd39a
-- reads events, requests; returns project VARCHAR, location VARCHAR, workload VARCHAR, service VARCHAR, revision VARCHAR, topic VARCHAR, place BIGINT, timestamp_ns BIGINT, log_name VARCHAR, insert_id VARCHAR, excerpt VARCHAR
/* Which entries prove each claim? The first five of every topic. */
/* Grain: one row per revision, topic and place (1 to 5). */
/* Topics: event/NAME/CODE, requests/5xx, requests/5xx_all, requests/health_5xx, requests/handshake_rejected, */
/* requests/scan, requests/denied, requests/4xx, requests/waited, ended/STATUS/ENDPOINT (300 and above), */
/* requests/slowest, slowest/ENDPOINT (of 50 requests and more), unexplained, leaks. */
/* The slowest are the five of the longest latency; of the others the first five by time, log and insert id. */
/* Units: timestamp_ns in ns since 1970; excerpt is the redacted message, or the request in a line. */
WITH topics AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    timestamp_ns,
    log_name,
    insert_id,
    SUBSTRING(COALESCE(message, ''), 1, 400) AS excerpt, /* before rows are put in order, which holds them in memory */
    0 AS slow_ns,
    CASE
      WHEN topic = 'event'
      THEN 'event/' || event || '/' || COALESCE(CAST(code AS TEXT), '')
      ELSE topic
    END AS topic
  FROM events
  CROSS JOIN UNNEST(['event', 'unexplained', 'leaks']) AS _t0(topic)
  WHERE
    CASE topic
      WHEN 'event'
      THEN NOT event IS NULL AND NOT event IN ('http.request', 'http.access')
      WHEN 'unexplained'
      THEN raw IS NULL
      AND event IS NULL
      AND level IN ('ERROR', 'CRITICAL', 'ALERT', 'EMERGENCY')
      ELSE (
        log_id IS NULL
        OR log_id IN ('run.googleapis.com/stdout', 'run.googleapis.com/stderr')
      )
      AND REGEXP_MATCHES(COALESCE(payload, message, ''), '<(?:token|key|secret|email)>|<user>(?:[^.]|$)')
    END
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
    SUBSTRING(line, 1, 400) AS excerpt,
    CASE WHEN topic IN ('requests/slowest', 'slowest') THEN latency_ns ELSE 0 END AS slow_ns,
    CASE topic
      WHEN 'ended'
      THEN 'ended/' || CAST(http_status AS TEXT) || '/' || endpoint
      WHEN 'slowest'
      THEN 'slowest/' || endpoint
      ELSE topic
    END AS topic
  FROM requests
  CROSS JOIN UNNEST([
    'requests/5xx',
    'requests/5xx_all',
    'requests/health_5xx',
    'requests/handshake_rejected',
    'requests/scan',
    'requests/denied',
    'requests/4xx',
    'requests/waited',
    'ended',
    'requests/slowest',
    'slowest'
  ]) AS _t1(topic)
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
    OR (
      topic = 'ended' AND NOT is_handshake AND http_status >= 300 AND http_status <> 304
    )
    OR (
      topic IN ('requests/slowest', 'slowest') AND is_eligible AND latency_ns > 0
    )
), numbered /* the first five of all are among the first five of their minutes */ AS (
  SELECT
    *,
    ROW_NUMBER() OVER (
      PARTITION BY project, location, workload, service, revision, topic, timestamp_ns // 60000000000
      ORDER BY slow_ns DESC, timestamp_ns NULLS FIRST, log_name NULLS FIRST, insert_id NULLS FIRST, excerpt NULLS FIRST
    ) AS place_in_minute,
    COUNT(*) OVER (
      PARTITION BY project, location, workload, service, revision, topic, timestamp_ns // 60000000000
    ) AS n_minute
  FROM topics
), ranked AS (
  SELECT
    *,
    ROW_NUMBER() OVER (
      PARTITION BY project, location, workload, service, revision, topic
      ORDER BY slow_ns DESC, timestamp_ns NULLS FIRST, log_name NULLS FIRST, insert_id NULLS FIRST, excerpt NULLS FIRST
    ) AS place,
    SUM(CASE WHEN place_in_minute = 1 THEN n_minute ELSE 0 END) OVER (PARTITION BY project, location, workload, service, revision, topic) AS n_topic
  FROM numbered
  WHERE
    place_in_minute <= 5
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
    excerpt
  FROM ranked
  WHERE
    place <= 5 AND (
      n_topic >= 50 OR NOT STARTS_WITH(topic, 'slowest/')
    )
)
SELECT
  *
FROM first_five
