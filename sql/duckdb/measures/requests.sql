-- made from measures/requests.sql, sha256 52c82e5e8e91957c
-- reads requests; returns project VARCHAR, location VARCHAR, workload VARCHAR, service VARCHAR, revision VARCHAR, n HUGEINT, errors_5xx HUGEINT, eligible HUGEINT, eligible_5xx HUGEINT, eligible_denied HUGEINT, eligible_waited HUGEINT, eligible_clients BIGINT, last_eligible_ns BIGINT, longest_silence_ns BIGINT, synthetic HUGEINT, synthetic_5xx HUGEINT, health HUGEINT, health_5xx HUGEINT, handshakes HUGEINT, upgraded HUGEINT, handshakes_rejected HUGEINT, handshake_clients BIGINT, scans HUGEINT, fastest_three_5xx_ns BIGINT
/* How many requests, how many failed, how many count as user traffic? */
/* Grain: one row per revision. */
/* Units: counts of request rows; synthetic ones are uptime checks of other than health paths; clients are distinct */
/* digests of addresses; *_ns in nanoseconds. */
/* Rows are put in order within a minute, then the minutes: three failures in a row are within one minute, or among the */
/* last two rows of a minute and the first two of the next that has some. */
WITH numbered AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    minute,
    timestamp_ns,
    http_status,
    is_eligible,
    is_synthetic,
    is_health,
    is_handshake,
    is_scan,
    has_waited,
    timestamp_ns // 1000 AS at_us,
    ROW_NUMBER() OVER in_minute AS place,
    LEAD(1) OVER in_minute AS has_next,
    LEAD(1, 2) OVER in_minute AS has_second_next,
    CASE
      WHEN http_status >= 500
      AND LAG(http_status) OVER in_minute >= 500
      AND LAG(http_status, 2) OVER in_minute >= 500
      THEN timestamp_ns // 1000 - LAG(timestamp_ns // 1000, 2) OVER in_minute
      ELSE NULL
    END AS three_us,
    timestamp_ns // 1000 - LAG(timestamp_ns // 1000) OVER (
      PARTITION BY project, location, workload, service, revision, minute, is_eligible
      ORDER BY timestamp_ns NULLS FIRST, log_name NULLS FIRST, insert_id NULLS FIRST
    ) AS silence_us
  FROM requests
  WINDOW in_minute AS (
    PARTITION BY project, location, workload, service, revision, minute
    ORDER BY timestamp_ns NULLS FIRST, log_name NULLS FIRST, insert_id NULLS FIRST
  )
), minutes /* the ends of a minute are null where they are no failure */ AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    minute,
    COUNT(*) AS n,
    COUNT_IF(http_status >= 500) AS errors_5xx,
    COUNT_IF(is_eligible) AS eligible,
    COUNT_IF(is_eligible AND http_status >= 500) AS eligible_5xx,
    COUNT_IF(is_eligible AND http_status IN (401, 403)) AS eligible_denied,
    COUNT_IF(is_eligible AND has_waited) AS eligible_waited,
    MAX(CASE WHEN is_eligible THEN timestamp_ns ELSE NULL END) AS last_eligible_ns,
    MIN(CASE WHEN is_eligible THEN at_us ELSE NULL END) AS first_eligible_us,
    MAX(CASE WHEN is_eligible THEN at_us ELSE NULL END) AS last_eligible_us,
    MAX(CASE WHEN is_eligible THEN silence_us ELSE NULL END) AS silence_us,
    COUNT_IF(is_synthetic) AS synthetic,
    COUNT_IF(is_synthetic AND http_status >= 500) AS synthetic_5xx,
    COUNT_IF(is_health) AS health,
    COUNT_IF(is_health AND http_status >= 500) AS health_5xx,
    COUNT_IF(is_handshake) AS handshakes,
    COUNT_IF(http_status = 101) AS upgraded,
    COUNT_IF(is_handshake AND http_status >= 400) AS handshakes_rejected,
    COUNT_IF(is_scan) AS scans,
    MIN(three_us) AS three_us,
    MAX(CASE WHEN http_status >= 500 AND place = 1 THEN at_us ELSE NULL END) AS first_us,
    MAX(CASE WHEN http_status >= 500 AND place = 2 THEN at_us ELSE NULL END) AS second_us,
    MAX(
      CASE
        WHEN http_status >= 500 AND NOT has_next IS NULL AND has_second_next IS NULL
        THEN at_us
        ELSE NULL
      END
    ) AS second_last_us,
    MAX(CASE WHEN http_status >= 500 AND has_next IS NULL THEN at_us ELSE NULL END) AS last_us
  FROM numbered
  GROUP BY
    project,
    location,
    workload,
    service,
    revision,
    minute
), ends AS (
  SELECT
    *,
    CASE WHEN n = 1 THEN LAG(last_us) OVER by_minute ELSE second_last_us END AS before_last_us,
    first_eligible_us - MAX(last_eligible_us) OVER (
      PARTITION BY project, location, workload, service, revision
      ORDER BY minute NULLS FIRST
      rows BETWEEN UNBOUNDED preceding AND 1 preceding
    ) AS silence_before_us
  FROM minutes
  WINDOW by_minute AS (
    PARTITION BY project, location, workload, service, revision
    ORDER BY minute NULLS FIRST
  )
), crossing AS (
  SELECT
    *,
    CASE
      WHEN LAG(last_us) OVER by_minute IS NULL
      THEN NULL
      ELSE first_us - LAG(before_last_us) OVER by_minute
    END AS first_three_us,
    CASE
      WHEN first_us IS NULL
      THEN NULL
      ELSE second_us - LAG(last_us) OVER by_minute
    END AS second_three_us
  FROM ends
  WINDOW by_minute AS (
    PARTITION BY project, location, workload, service, revision
    ORDER BY minute NULLS FIRST
  )
), summed AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    SUM(n) AS n,
    SUM(errors_5xx) AS errors_5xx,
    SUM(eligible) AS eligible,
    SUM(eligible_5xx) AS eligible_5xx,
    SUM(eligible_denied) AS eligible_denied,
    SUM(eligible_waited) AS eligible_waited,
    MAX(last_eligible_ns) AS last_eligible_ns,
    MAX(
      CASE
        WHEN COALESCE(silence_us, -9223372036854775807) IS NULL
        OR COALESCE(silence_before_us, -9223372036854775807) IS NULL
        THEN NULL
        ELSE GREATEST(
          COALESCE(silence_us, -9223372036854775807),
          COALESCE(silence_before_us, -9223372036854775807)
        )
      END
    ) AS silence_us,
    SUM(synthetic) AS synthetic,
    SUM(synthetic_5xx) AS synthetic_5xx,
    SUM(health) AS health,
    SUM(health_5xx) AS health_5xx,
    SUM(handshakes) AS handshakes,
    SUM(upgraded) AS upgraded,
    SUM(handshakes_rejected) AS handshakes_rejected,
    SUM(scans) AS scans,
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
    ) AS three_us
  FROM crossing
  GROUP BY
    project,
    location,
    workload,
    service,
    revision
), people AS (
  SELECT
    COALESCE('=' || project, '') AS project,
    COALESCE('=' || location, '') AS location,
    COALESCE('=' || workload, '') AS workload,
    COALESCE('=' || service, '') AS service,
    COALESCE('=' || revision, '') AS revision,
    COUNT(DISTINCT CASE WHEN is_eligible THEN client ELSE NULL END) AS eligible_clients,
    COUNT(DISTINCT CASE WHEN is_handshake AND http_status >= 400 THEN client ELSE NULL END) AS handshake_clients
  FROM requests
  GROUP BY
    project,
    location,
    workload,
    service,
    revision
), counted AS (
  SELECT
    summed.project,
    summed.location,
    summed.workload,
    summed.service,
    summed.revision,
    n,
    errors_5xx,
    eligible,
    eligible_5xx,
    eligible_denied,
    eligible_waited,
    eligible_clients,
    last_eligible_ns,
    1000 * CASE
      WHEN NULLIF(silence_us, -9223372036854775807) IS NULL OR 9000000000000000 IS NULL
      THEN NULL
      ELSE LEAST(NULLIF(silence_us, -9223372036854775807), 9000000000000000)
    END AS longest_silence_ns,
    synthetic,
    synthetic_5xx,
    health,
    health_5xx,
    handshakes,
    upgraded,
    handshakes_rejected,
    handshake_clients,
    scans,
    1000 * CASE
      WHEN NULLIF(three_us, 9223372036854775807) IS NULL OR 9000000000000000 IS NULL
      THEN NULL
      ELSE LEAST(NULLIF(three_us, 9223372036854775807), 9000000000000000)
    END AS fastest_three_5xx_ns
  FROM summed
  JOIN people
    ON COALESCE('=' || summed.project, '') = people.project
    AND COALESCE('=' || summed.location, '') = people.location
    AND COALESCE('=' || summed.workload, '') = people.workload
    AND COALESCE('=' || summed.service, '') = people.service
    AND COALESCE('=' || summed.revision, '') = people.revision
)
SELECT
  *
FROM counted
