-- made from measures/exits.sql, sha256 c5ac6d249cd58e51
-- reads events; returns project VARCHAR, location VARCHAR, workload VARCHAR, service VARCHAR, revision VARCHAR, fastest_three_ns BIGINT
/* How close together did containers exit with an error? */
/* Grain: one row per revision with such an exit. */
/* Units: fastest_three_ns in nanoseconds, null below three. */
/* One exit may be told in two wordings, so each wording is timed for itself. Three exits are within a minute, or among */
/* the last two of one minute with exits and the first two of the next. */
WITH numbered AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    wording,
    timestamp_ns // 60000000000 AS minute,
    timestamp_ns // 1000 AS at_us,
    timestamp_ns // 1000 - LAG(timestamp_ns // 1000, 2) OVER in_minute AS three_us,
    ROW_NUMBER() OVER in_minute AS place,
    LEAD(1) OVER in_minute AS has_next,
    LEAD(1, 2) OVER in_minute AS has_second_next
  FROM events
  WHERE
    event = 'platform.exit' AND NOT outcome IN ('ok', 'info')
  WINDOW in_minute AS (
    PARTITION BY project, location, workload, service, revision, wording, timestamp_ns // 60000000000
    ORDER BY timestamp_ns NULLS FIRST, log_name NULLS FIRST, insert_id NULLS FIRST
  )
), minutes AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    wording,
    minute,
    COUNT(*) AS n,
    MIN(three_us) AS three_us,
    MAX(CASE WHEN place = 1 THEN at_us ELSE NULL END) AS first_us,
    MAX(CASE WHEN place = 2 THEN at_us ELSE NULL END) AS second_us,
    MAX(
      CASE WHEN NOT has_next IS NULL AND has_second_next IS NULL THEN at_us ELSE NULL END
    ) AS second_last_us,
    MAX(CASE WHEN has_next IS NULL THEN at_us ELSE NULL END) AS last_us
  FROM numbered
  GROUP BY
    project,
    location,
    workload,
    service,
    revision,
    wording,
    minute
), ends AS (
  SELECT
    *,
    CASE WHEN n = 1 THEN LAG(last_us) OVER by_minute ELSE second_last_us END AS before_last_us
  FROM minutes
  WINDOW by_minute AS (
    PARTITION BY project, location, workload, service, revision, wording
    ORDER BY minute NULLS FIRST
  )
), crossing AS (
  SELECT
    *,
    first_us - LAG(before_last_us) OVER by_minute AS first_three_us,
    second_us - LAG(last_us) OVER by_minute AS second_three_us
  FROM ends
  WINDOW by_minute AS (
    PARTITION BY project, location, workload, service, revision, wording
    ORDER BY minute NULLS FIRST
  )
), fastest AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    NULLIF(
      MIN(
        CASE
          WHEN COALESCE(three_us, 9223372036854775807) IS NULL
          OR COALESCE(first_three_us, 9223372036854775807) IS NULL
          OR COALESCE(second_three_us, 9223372036854775807) IS NULL
          THEN NULL
          ELSE LEAST(
            COALESCE(three_us, 9223372036854775807),
            COALESCE(first_three_us, 9223372036854775807),
            COALESCE(second_three_us, 9223372036854775807)
          )
        END
      ),
      9223372036854775807
    ) AS three_us
  FROM crossing
  GROUP BY
    project,
    location,
    workload,
    service,
    revision
), exits AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    1000 * CASE
      WHEN three_us IS NULL OR 9000000000000000 IS NULL
      THEN NULL
      ELSE LEAST(three_us, 9000000000000000)
    END AS fastest_three_ns
  FROM fastest
)
SELECT
  *
FROM exits
