-- made from staging/timed.sql, sha256 2db6187bbfec1505
/* What took how long: user requests, WebSockets, events that measure themselves, and unknown lines that name a time? */
/* Grain: one row per eligible request with a latency above zero (kind endpoint), per WebSocket that was accepted (kind */
/* socket: how long it lived), per event with a duration, and per line without an event that names one (kind line, by */
/* its signature: "answered in 900 ms", "elapsed_ms=900", "took 1.2 s"; of several the first in ms). */
/* Units: bucket is logarithmic, the n with 1.02^(n-1) < ns <= 1.02^n, so that its middle is at most 1 % off. */
/* at_us in µs and slot in ten seconds since 1970. Start-up as in requests.sql. */
WITH measurable /* What a line announces or was configured with is no time that it measured: "retry in 30 s", "every 5 s", */ /* "timeout of 30 s", "timeout_ms=500", "a 30 s timeout". It is blanked, and the first time that is left counts. */ AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    timestamp_ns,
    instance_id,
    CASE WHEN event IS NULL THEN 'line' ELSE 'event' END AS kind,
    COALESCE(event, signature) AS name,
    duration_ms,
    REGEXP_REPLACE(
      REGEXP_REPLACE(
        CASE WHEN event IS NULL THEN SUBSTRING(message, 1, 1000) ELSE NULL END,
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
    NOT timestamp_ns IS NULL
    AND CASE
      WHEN event IS NULL
      THEN NOT signature IS NULL
      ELSE duration_ms > 0 AND NOT event IN ('http.request', 'http.access')
    END
), measured AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    timestamp_ns,
    instance_id,
    kind,
    name,
    CASE
      WHEN kind = 'event'
      THEN duration_ms
      ELSE COALESCE(
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
      )
    END AS took_ms
  FROM measurable
), rows_of_both AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    timestamp_ns,
    kind = 'endpoint' AND is_startup AS is_startup,
    kind,
    CASE WHEN kind = 'endpoint' THEN endpoint ELSE 'websocket' END AS name,
    latency_ns AS duration_ns
  FROM requests
  CROSS JOIN UNNEST(['endpoint', 'socket']) AS _t0(kind)
  WHERE
    latency_ns > 0
    AND NOT timestamp_ns IS NULL
    AND CASE WHEN kind = 'endpoint' THEN is_eligible ELSE http_status = 101 END
  UNION ALL
  SELECT
    project,
    location,
    workload,
    service,
    measured.revision,
    timestamp_ns,
    COALESCE(timestamp_ns < start_ns + 60000000000, FALSE) AS is_startup,
    kind,
    name,
    CAST(FLOOR(took_ms * 1000000 + 0.5) AS BIGINT) AS duration_ns
  FROM measured
  LEFT JOIN starts
    ON measured.instance_id = started_instance
    AND COALESCE(measured.revision, '') = started_revision
  WHERE
    took_ms > 0
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
    timestamp_ns // 1000 AS at_us,
    timestamp_ns // 10000000000 AS slot,
    CAST(CEIL(
      LN(
        CASE
          WHEN duration_ns IS NULL OR 1 IS NULL
          THEN NULL
          ELSE GREATEST(duration_ns, 1)
        END
      ) / LN(1.02)
    ) AS BIGINT) AS bucket
  FROM rows_of_both
  WHERE
    duration_ns > 0
)
SELECT
  *
FROM timed
