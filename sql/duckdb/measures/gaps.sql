-- made from measures/gaps.sql, sha256 98eb2f11c486ea3a
-- reads events; returns project VARCHAR, location VARCHAR, workload VARCHAR, service VARCHAR, max_gap_ns BIGINT, settled_ns BIGINT
/* How long was the service's longest silence within its entries, and to when does it write for sure? */
/* Grain: one row per project, location, workload and service. */
/* Units: max_gap_ns in nanoseconds, null for a single entry; settled_ns in ns since 1970, the last entry of the third */
/* last minute with entries, so that a stray line or two do not move it; null where there are fewer minutes. */
/* Within each minute the entries are put in order, then the minutes: nowhere all entries of a service. */
WITH steps AS (
  SELECT
    project,
    location,
    workload,
    service,
    timestamp_ns // 60000000000 AS minute,
    timestamp_ns,
    timestamp_ns // 1000 - LAG(timestamp_ns // 1000) OVER (
      PARTITION BY project, location, workload, service, timestamp_ns // 60000000000
      ORDER BY timestamp_ns NULLS FIRST
    ) AS gap_us
  FROM events
  WHERE
    NOT timestamp_ns IS NULL
), minutes AS (
  SELECT
    project,
    location,
    workload,
    service,
    minute,
    MIN(timestamp_ns // 1000) AS first_us,
    MAX(timestamp_ns // 1000) AS last_us,
    MAX(gap_us) AS gap_us
  FROM steps
  GROUP BY
    project,
    location,
    workload,
    service,
    minute
), silences AS (
  SELECT
    *,
    first_us - LAG(last_us) OVER (
      PARTITION BY project, location, workload, service
      ORDER BY minute NULLS FIRST, first_us NULLS FIRST
    ) AS silence_us,
    ROW_NUMBER() OVER (PARTITION BY project, location, workload, service ORDER BY minute DESC) AS place_from_end
  FROM minutes
), gaps AS (
  SELECT
    project,
    location,
    workload,
    service,
    1000 * CASE
      WHEN CASE
        WHEN COALESCE(MAX(gap_us), MAX(silence_us)) IS NULL
        OR COALESCE(MAX(silence_us), MAX(gap_us)) IS NULL
        THEN NULL
        ELSE GREATEST(COALESCE(MAX(gap_us), MAX(silence_us)), COALESCE(MAX(silence_us), MAX(gap_us)))
      END IS NULL
      OR 9000000000000000 IS NULL
      THEN NULL
      ELSE LEAST(
        CASE
          WHEN COALESCE(MAX(gap_us), MAX(silence_us)) IS NULL
          OR COALESCE(MAX(silence_us), MAX(gap_us)) IS NULL
          THEN NULL
          ELSE GREATEST(COALESCE(MAX(gap_us), MAX(silence_us)), COALESCE(MAX(silence_us), MAX(gap_us)))
        END,
        9000000000000000
      )
    END AS max_gap_ns,
    1000 * MAX(CASE WHEN place_from_end = 3 THEN last_us ELSE NULL END) AS settled_ns
  FROM silences
  GROUP BY
    project,
    location,
    workload,
    service
)
SELECT
  *
FROM gaps
