-- made from measures/statuses.sql, sha256 dd007bbd3cdbca24
-- reads requests; returns project VARCHAR, location VARCHAR, workload VARCHAR, service VARCHAR, revision VARCHAR, endpoint VARCHAR, caller VARCHAR, status BIGINT, slot BIGINT, n BIGINT
/* How did requests end, endpoint by endpoint: those of users and of callers, and those that are no user traffic? */
/* Grain: one row per revision, endpoint, caller ('' for users; 'websocket' for handshakes, 'preflight', 'health' and */
/* 'scan' for what is no user traffic), status and slot of ten seconds. */
/* Units: n in request rows; slot in ten seconds since 1970. */
WITH called AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    endpoint,
    CASE
      WHEN is_handshake
      THEN 'websocket'
      WHEN is_eligible
      THEN caller
      WHEN COALESCE(http_method, '') = 'OPTIONS'
      THEN 'preflight'
      WHEN is_health OR is_probe
      THEN 'health'
      ELSE 'scan'
    END AS caller,
    http_status AS status,
    timestamp_ns // 10000000000 AS slot
  FROM requests
  WHERE
    NOT timestamp_ns IS NULL
), statuses AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    endpoint,
    caller,
    status,
    slot,
    COUNT(*) AS n
  FROM called
  GROUP BY
    project,
    location,
    workload,
    service,
    revision,
    endpoint,
    caller,
    status,
    slot
)
SELECT
  *
FROM statuses
