-- made from measures/statuses.sql, sha256 11fde4790718f852
-- reads requests; returns project VARCHAR, location VARCHAR, workload VARCHAR, service VARCHAR, revision VARCHAR, endpoint VARCHAR, caller VARCHAR, status BIGINT, slot BIGINT, n BIGINT
/* How did the user requests and of callers, and WebSocket handshakes, end, endpoint by endpoint? */
/* Grain: one row per revision, endpoint, caller ('' for users, 'websocket' for handshakes), status and slot of ten */
/* seconds. */
/* Units: n in request rows that are eligible or handshakes; slot in ten seconds since 1970. */
WITH statuses AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    endpoint,
    CASE WHEN is_handshake THEN 'websocket' ELSE caller END AS caller,
    http_status AS status,
    timestamp_ns // 10000000000 AS slot,
    COUNT(*) AS n
  FROM requests
  WHERE
    (
      is_eligible OR is_handshake
    ) AND NOT timestamp_ns IS NULL
  GROUP BY
    project,
    location,
    workload,
    service,
    revision,
    endpoint,
    CASE WHEN is_handshake THEN 'websocket' ELSE caller END,
    http_status,
    timestamp_ns // 10000000000
)
SELECT
  *
FROM statuses
