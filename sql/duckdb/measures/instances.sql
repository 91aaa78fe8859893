-- made from measures/instances.sql, sha256 214017ee920c7c16
-- reads instances; returns project VARCHAR, location VARCHAR, workload VARCHAR, service VARCHAR, revision VARCHAR, instance_id VARCHAR, start_ns BIGINT, scaled_ns BIGINT, ready_ns BIGINT, reason VARCHAR, bad_exits HUGEINT, first_ns BIGINT, last_ns BIGINT
/* Which instances were there, when did each start and answer its probe, and how did it end? */
/* Grain: one row per revision and instance. */
/* Units: counts of entries; *_ns in ns since 1970, null where no entry tells. */
WITH instances AS (
  SELECT
    *
  FROM instances
)
SELECT
  *
FROM instances
