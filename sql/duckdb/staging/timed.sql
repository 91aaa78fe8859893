-- made from staging/timed.sql, sha256 76becf34b738944e
/* What took how long: user requests, WebSockets, events that measure themselves, and unknown lines that name a time? */
/* Grain: one row per eligible request with a latency above zero (kind endpoint), per WebSocket that was accepted (kind */
/* socket: how long it lived), per event with a duration, and per line without an event that names one (kind line, by */
/* its signature: "answered in 900 ms", "elapsed_ms=900", "took 1.2 s"; of several the first in ms). */
/* Units: bucket is logarithmic, the n with 1.02^(n-1) < ns <= 1.02^n, so that its middle is at most 1 % off. */
/* part is an eighth of the time from the revision's first to its last row, 0 to 7. Start-up as in requests.sql. */
WITH measurable /* What a line announces or was configured with is no time that it measured: "retry in 30 s", "every 5 s", */ /* "timeout of 30 s", "timeout_ms=500", "a 30 s timeout". It is blanked, and the first time that is left counts. */ AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    timestamp_ns,
    instance_id,
    signature,
    REGEXP_REPLACE(
      REGEXP_REPLACE(
        SUBSTRING(message, 1, 1000),
        '(?i)(?:^|[^a-z])(?:(?:retry|retries|again|next|expir|wait|sleep|schedul|refresh|renew|restart|reconnect|' || 'back(?:ing)?[ -]?off|starts|due)[a-z]*(?: [a-z_]+){0,3}? ?(?:in|after|for)' || '|every|each|within|up to|at most|no more than|at least|per' || '|[a-z_.-]*(?:timeout|ttl|interval|delay|back-?off|deadline|period|retry|expir|max[_-]?age|keep-?alive|' || 'limit|threshold)[a-z_.-]*(?: (?:of|is|was|set to|at))?)["\x27]?[ =:(]*' || '[0-9]{1,8}(?:[.][0-9]{1,6})? ?(?:ms|msecs?|milliseconds?|s|secs?|seconds?)?(?:[^0-9a-z.]|$)',
        ' ',
        'g'
      ),
      '(?i)[0-9]{1,8}(?:[.][0-9]{1,6})?[ -]?(?:ms|msecs?|milliseconds?|s|secs?|seconds?)' || '[ -](?:timeout|ttl|interval|delay|back-?off|deadline|period|limit)',
      ' ',
      'g'
    ) AS message
  FROM events
  WHERE
    event IS NULL AND NOT signature IS NULL AND NOT timestamp_ns IS NULL
), named_times AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    timestamp_ns,
    instance_id,
    signature,
    COALESCE(
      CAST(NULLIF(
        ARRAY_EXTRACT(
          REGEXP_EXTRACT_ALL(
            message,
            '(?:^|[^0-9A-Za-z.:-])([0-9]{1,8}(?:[.][0-9]{1,6})?) ?(?:ms|msecs?|milliseconds?)(?:[^0-9A-Za-z]|$)',
            1
          ),
          1
        ),
        ''
      ) AS DOUBLE),
      CAST(NULLIF(
        ARRAY_EXTRACT(
          REGEXP_EXTRACT_ALL(message, '_ms["\x27]?[=:] ?([0-9]{1,8}(?:[.][0-9]{1,6})?)(?:[^0-9A-Za-z.]|$)', 1),
          1
        ),
        ''
      ) AS DOUBLE),
      1000 * CAST(NULLIF(
        ARRAY_EXTRACT(
          REGEXP_EXTRACT_ALL(
            message,
            '(?:^|[^0-9A-Za-z.:-])([0-9]{1,5}(?:[.][0-9]{1,6})?) ?(?:s|secs?|seconds?)(?:[^0-9A-Za-z]|$)',
            1
          ),
          1
        ),
        ''
      ) AS DOUBLE)
    ) AS named_ms
  FROM measurable
), rows_of_both AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    timestamp_ns,
    is_startup,
    'endpoint' AS kind,
    endpoint AS name,
    latency_ns AS duration_ns
  FROM requests
  WHERE
    is_eligible AND latency_ns > 0 AND NOT timestamp_ns IS NULL
  UNION ALL
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    timestamp_ns,
    FALSE AS is_startup,
    'socket' AS kind,
    'websocket' AS name,
    latency_ns AS duration_ns
  FROM requests
  WHERE
    http_status = 101 AND latency_ns > 0 AND NOT timestamp_ns IS NULL
  UNION ALL
  SELECT
    events.project,
    events.location,
    events.workload,
    events.service,
    events.revision,
    events.timestamp_ns,
    COALESCE(events.timestamp_ns < start_ns + 60000000000, FALSE) AS is_startup,
    'event' AS kind,
    events.event AS name,
    CAST(FLOOR(events.duration_ms * 1000000 + 0.5) AS BIGINT) AS duration_ns
  FROM events
  LEFT JOIN starts
    ON events.instance_id = started_instance
    AND COALESCE(events.revision, '') = started_revision
  WHERE
    events.duration_ms > 0
    AND NOT events.timestamp_ns IS NULL
    AND NOT events.event IN ('http.request', 'http.access')
  UNION ALL
  SELECT
    named_times.project,
    named_times.location,
    named_times.workload,
    named_times.service,
    named_times.revision,
    named_times.timestamp_ns,
    COALESCE(named_times.timestamp_ns < start_ns + 60000000000, FALSE) AS is_startup,
    'line' AS kind,
    named_times.signature AS name,
    CAST(FLOOR(named_times.named_ms * 1000000 + 0.5) AS BIGINT) AS duration_ns
  FROM named_times
  LEFT JOIN starts
    ON named_times.instance_id = started_instance
    AND COALESCE(named_times.revision, '') = started_revision
  WHERE
    named_times.named_ms > 0
), spans AS (
  SELECT
    *,
    8 * (
      timestamp_ns // 1000 - MIN(timestamp_ns // 1000) OVER (PARTITION BY project, location, workload, service, revision)
    ) AS eighths_us,
    MAX(timestamp_ns // 1000) OVER (PARTITION BY project, location, workload, service, revision) - MIN(timestamp_ns // 1000) OVER (PARTITION BY project, location, workload, service, revision) + 1 AS span_us
  FROM rows_of_both
  WHERE
    duration_ns > 0
), timed AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    kind,
    name,
    is_startup,
    timestamp_ns // 10000000000 AS slot,
    eighths_us // span_us AS part,
    CAST(CEIL(
      LN(
        CASE
          WHEN duration_ns IS NULL OR 1 IS NULL
          THEN NULL
          ELSE GREATEST(duration_ns, 1)
        END
      ) / LN(1.02)
    ) AS BIGINT) AS bucket
  FROM spans
)
SELECT
  *
FROM timed
