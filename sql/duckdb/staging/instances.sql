-- made from staging/instances.sql, sha256 f94453e5fad8a331
/* Which instances were there, when did each start and answer its probe, and how did it end? */
/* Grain: one row per revision and instance. */
/* Units: counts of entries; *_ns in ns since 1970, null where no entry tells. */
WITH instances AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    instance_id,
    MIN(
      CASE
        WHEN event IN ('platform.instance_started', 'platform.probe_succeeded', 'python.server_started')
        THEN timestamp_ns
        ELSE NULL
      END
    ) AS start_ns,
    MIN(CASE WHEN event = 'platform.instance_started' THEN timestamp_ns ELSE NULL END) AS scaled_ns,
    MIN(CASE WHEN event = 'platform.probe_succeeded' THEN timestamp_ns ELSE NULL END) AS ready_ns,
    MIN(
      CASE
        WHEN event = 'platform.instance_started'
        THEN ARRAY_EXTRACT(REGEXP_EXTRACT_ALL(fields, '"reason":"([A-Z_]+)"', 1), 1)
        ELSE NULL
      END
    ) AS reason,
    COUNT_IF(event = 'platform.exit' AND NOT outcome IN ('ok', 'info')) AS bad_exits,
    MIN(timestamp_ns) AS first_ns,
    MAX(timestamp_ns) AS last_ns
  FROM events
  WHERE
    NOT instance_id IS NULL
  GROUP BY
    project,
    location,
    workload,
    service,
    revision,
    instance_id
)
SELECT
  *
FROM instances
