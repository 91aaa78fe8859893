-- made from measures/readiness.sql, sha256 09881b7c885e52f8
-- reads events; returns project VARCHAR, location VARCHAR, workload VARCHAR, service VARCHAR, revision VARCHAR, timestamp_ns BIGINT, age_ns BIGINT
/* How long after its instance's start did each WebSocket readiness failure come? */
/* Grain: one row per readiness failure. */
/* Units: timestamp_ns in ns since 1970; age_ns in nanoseconds, null where no start of the instance was seen before. */
WITH marked AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    log_name,
    insert_id,
    timestamp_ns,
    event,
    MAX(
      CASE
        WHEN event IN ('platform.instance_started', 'platform.probe_succeeded', 'python.server_started')
        THEN timestamp_ns
        ELSE NULL
      END
    ) OVER (
      PARTITION BY project, location, workload, service, revision, instance_id
      ORDER BY timestamp_ns NULLS FIRST
      rows BETWEEN UNBOUNDED preceding AND CURRENT ROW
    ) AS start_ns
  FROM events
  WHERE
    event IN (
      'platform.instance_started',
      'platform.probe_succeeded',
      'python.server_started',
      'websocket.readiness_failed'
    )
), ages AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    timestamp_ns,
    1000 * CASE
      WHEN (
        timestamp_ns // 1000 - start_ns // 1000
      ) IS NULL OR 9000000000000000 IS NULL
      THEN NULL
      ELSE LEAST(timestamp_ns // 1000 - start_ns // 1000, 9000000000000000)
    END AS age_ns
  FROM marked
  WHERE
    event = 'websocket.readiness_failed'
)
SELECT
  *
FROM ages
