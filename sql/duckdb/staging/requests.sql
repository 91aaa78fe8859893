-- made from staging/requests.sql, sha256 c1724612583d5221
/* What is each request row, and does it count as user traffic? */
/* Grain: one row per request row (any entry with an HTTP status, whatever its log). */
/* Units: latency_ns in nanoseconds; minute in minutes since 1970. A request is one of the start-up where its instance */
/* started at most a minute before it, or after it: such a request waited for the start. */
WITH requests AS (
  SELECT
    *,
    CAST(FLOOR(http_latency_ms * 1000000 + 0.5) AS BIGINT) AS latency_ns,
    COALESCE(http_path, '') AS path
  FROM events
  WHERE
    NOT http_status IS NULL
), masked /* twice: neighbouring segments share a slash, and a match takes it */ AS (
  SELECT
    *,
    REGEXP_REPLACE(
      REGEXP_REPLACE(
        path,
        '/(?:[0-9]+|[0-9A-Fa-f]{8,}|[0-9A-Fa-f]{8}-[0-9A-Fa-f-]{27}' || '|[0-9A-Za-z]{24,}|[a-z]{2,10}_[0-9A-Za-z]{10,}|<[a-z]+>)(/|$)',
        '/{id}\1',
        'g'
      ),
      '/(?:[0-9]+|[0-9A-Fa-f]{8,}|[0-9A-Fa-f]{8}-[0-9A-Fa-f-]{27}' || '|[0-9A-Za-z]{24,}|[a-z]{2,10}_[0-9A-Za-z]{10,}|<[a-z]+>)(/|$)',
      '/{id}\1',
      'g'
    ) AS endpoint_path
  FROM requests
), named AS (
  SELECT
    *,
    COALESCE(http_method, '?') || ' ' || endpoint_path AS endpoint,
    COALESCE(http_method, '?') || ' ' || path || ' ' || CAST(http_status AS TEXT) || CASE
      WHEN http_latency_ms IS NULL
      THEN ''
      ELSE ' in ' || CAST(CAST(FLOOR(http_latency_ms + 0.5) AS BIGINT) AS TEXT) || ' ms'
    END AS line,
    REGEXP_MATCHES(path, '(?:^|/)(?:health|healthz|health_check|ready|readyz|live|livez|ping)/?$') AS is_health,
    COALESCE(
      REGEXP_MATCHES(http_user_agent, 'GoogleStackdriverMonitoring-UptimeChecks|kube-probe|GoogleHC'),
      FALSE
    ) AS is_probe,
    CASE
      WHEN REGEXP_MATCHES(http_user_agent, '^Google-Cloud-Scheduler')
      THEN 'Cloud Scheduler'
      WHEN REGEXP_MATCHES(http_user_agent, '^Google-Cloud-Tasks')
      THEN 'Cloud Tasks'
      WHEN REGEXP_MATCHES(http_user_agent, '^(?:CloudPubSub-Google|APIs-Google)')
      THEN 'Pub/Sub or Eventarc'
      ELSE ''
    END AS caller,
    http_status BETWEEN 400 AND 499
    AND REGEXP_MATCHES(
      path,
      '/\.[a-z]|\.php|/wp-|/cgi-bin|/phpmyadmin|/vendor/|/actuator|/owa/|/boaform|/HNAP1|/server-status' || '|/telescope|/_all_dbs|/solr/|/geoserver|/manager/html|/v2/_catalog|/console/$' || '|\.(?:asp|aspx|jsp|cgi|sql|bak|old|zip|rar|7z|tgz|env)$'
    ) AS is_scan,
    http_status = 101
    OR REGEXP_MATCHES(path, '(?:^|/)(?:ws|wss|websocket|websockets)/?$|/socket\.io/|/sockjs/') AS is_socket
  FROM masked
), upgraded /* an endpoint that answered 101 once is a WebSocket's, whatever its name */ AS (
  SELECT DISTINCT
    COALESCE('=' || service, '') AS upgraded_service,
    endpoint AS upgraded_endpoint
  FROM named
  WHERE
    http_status = 101
), sockets AS (
  SELECT
    named.*,
    NOT upgraded_endpoint IS NULL AS has_upgraded
  FROM named
  LEFT JOIN upgraded
    ON COALESCE('=' || named.service, '') = upgraded_service
    AND named.endpoint = upgraded_endpoint
), final AS (
  SELECT
    *
    EXCLUDE (started_instance, started_revision, start_ns, served_ns),
    COALESCE(timestamp_ns < start_ns + 60000000000, FALSE) AS is_startup,
    COALESCE(timestamp_ns < served_ns, FALSE) AS has_waited,
    timestamp_ns // 60000000000 AS minute,
    is_socket OR has_upgraded AS is_handshake,
    NOT (
      is_socket
      OR has_upgraded
      OR is_health
      OR is_probe
      OR is_scan
      OR COALESCE(http_method, '') = 'OPTIONS'
    ) AS is_eligible,
    is_probe AND NOT (
      is_socket OR has_upgraded OR is_health OR is_scan
    ) AS is_synthetic
  FROM sockets
  LEFT JOIN starts
    ON sockets.instance_id = started_instance
    AND COALESCE(sockets.revision, '') = started_revision
)
SELECT
  *
FROM final
