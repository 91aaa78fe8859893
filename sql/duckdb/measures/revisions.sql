-- made from measures/revisions.sql, sha256 11f7584d84106dd5
-- reads events; returns project VARCHAR, location VARCHAR, workload VARCHAR, service VARCHAR, revision VARCHAR, entries BIGINT, unparsed HUGEINT, explained HUGEINT, unexplained HUGEINT, unexplained_errors HUGEINT, below_notice HUGEINT, request_rows HUGEINT, request_rows_5xx HUGEINT, deploys HUGEINT, starts HUGEINT, bad_exits HUGEINT, ready_ns BIGINT, first_ns BIGINT, last_ns BIGINT, last_received_us BIGINT
/* What is there of each revision: how much, from when to when, and what marks it as one to judge? */
/* Grain: one row per project, location, workload, service and revision (null where an entry has none). */
/* Units: counts of entries; *_ns in ns since 1970. */
WITH revisions AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    COUNT(*) AS entries,
    COUNT_IF(NOT raw IS NULL) AS unparsed,
    COUNT_IF(raw IS NULL AND NOT event IS NULL) AS explained,
    COUNT_IF(raw IS NULL AND event IS NULL) AS unexplained,
    COUNT_IF(
      raw IS NULL
      AND event IS NULL
      AND level IN ('ERROR', 'CRITICAL', 'ALERT', 'EMERGENCY')
    ) AS unexplained_errors,
    COUNT_IF(severity IN ('DEFAULT', 'DEBUG', 'INFO')) AS below_notice,
    COUNT_IF(NOT http_status IS NULL) AS request_rows,
    COUNT_IF(http_status BETWEEN 500 AND 599) AS request_rows_5xx,
    COUNT_IF(event IN ('audit.deploy', 'audit.ready')) AS deploys,
    COUNT_IF(event = 'platform.instance_started') AS starts,
    COUNT_IF(event = 'platform.exit' AND NOT outcome IN ('ok', 'info')) AS bad_exits,
    MIN(CASE WHEN event = 'audit.ready' THEN timestamp_ns ELSE NULL END) AS ready_ns,
    MIN(timestamp_ns) AS first_ns,
    MAX(timestamp_ns) AS last_ns,
    MAX(EPOCH_US(COALESCE(receive_timestamp, timestamp))) AS last_received_us
  FROM events
  GROUP BY
    project,
    location,
    workload,
    service,
    revision
)
SELECT
  *
FROM revisions
