-- made from measures/requests.sql, sha256 6d525c5d6c13626b
/* How many requests, how many failed, how many count as user traffic? */
/* Grain: one row per revision. */
/* Units: counts of request rows; synthetic ones are uptime checks of other than health paths; clients are distinct */
/* digests of addresses; *_ns in nanoseconds. */
WITH requests AS (
  SELECT
    *
  FROM requests
), numbered /* a run of 5xx rows that no other request row of the revision interrupts */ AS (
  SELECT
    *,
    LAG(timestamp_ns, 2) OVER (
      PARTITION BY project, location, workload, service, revision
      ORDER BY timestamp_ns NULLS FIRST, log_name NULLS FIRST, insert_id NULLS FIRST
    ) AS second_last_ns,
    LAG(http_status, 1) OVER (
      PARTITION BY project, location, workload, service, revision
      ORDER BY timestamp_ns NULLS FIRST, log_name NULLS FIRST, insert_id NULLS FIRST
    ) AS last_status,
    LAG(http_status, 2) OVER (
      PARTITION BY project, location, workload, service, revision
      ORDER BY timestamp_ns NULLS FIRST, log_name NULLS FIRST, insert_id NULLS FIRST
    ) AS second_last_status,
    1000 * CASE
      WHEN (
        timestamp_ns // 1000 - LAG(timestamp_ns // 1000, 1) OVER (
          PARTITION BY project, location, workload, service, revision, is_eligible
          ORDER BY timestamp_ns NULLS FIRST, log_name NULLS FIRST, insert_id NULLS FIRST
        )
      ) IS NULL
      OR 9000000000000000 IS NULL
      THEN NULL
      ELSE LEAST(
        timestamp_ns // 1000 - LAG(timestamp_ns // 1000, 1) OVER (
          PARTITION BY project, location, workload, service, revision, is_eligible
          ORDER BY timestamp_ns NULLS FIRST, log_name NULLS FIRST, insert_id NULLS FIRST
        ),
        9000000000000000
      )
    END AS silence_ns
  FROM requests
), counted AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    COUNT(*) AS n,
    COUNT_IF(http_status >= 500) AS errors_5xx,
    COUNT_IF(is_eligible) AS eligible,
    COUNT_IF(is_eligible AND http_status >= 500) AS eligible_5xx,
    COUNT_IF(is_eligible AND http_status IN (401, 403)) AS eligible_denied,
    COUNT_IF(is_eligible AND has_waited) AS eligible_waited,
    COUNT(DISTINCT CASE WHEN is_eligible THEN client ELSE NULL END) AS eligible_clients,
    MAX(CASE WHEN is_eligible THEN timestamp_ns ELSE NULL END) AS last_eligible_ns,
    MAX(CASE WHEN is_eligible THEN silence_ns ELSE NULL END) AS longest_silence_ns,
    COUNT_IF(is_synthetic) AS synthetic,
    COUNT_IF(is_synthetic AND http_status >= 500) AS synthetic_5xx,
    COUNT_IF(is_health) AS health,
    COUNT_IF(is_health AND http_status >= 500) AS health_5xx,
    COUNT_IF(is_handshake) AS handshakes,
    COUNT_IF(http_status = 101) AS upgraded,
    COUNT_IF(is_handshake AND http_status >= 400) AS handshakes_rejected,
    COUNT(DISTINCT CASE WHEN is_handshake AND http_status >= 400 THEN client ELSE NULL END) AS handshake_clients,
    COUNT_IF(is_scan) AS scans,
    MIN(
      CASE
        WHEN http_status >= 500 AND last_status >= 500 AND second_last_status >= 500
        THEN 1000 * CASE
          WHEN (
            timestamp_ns // 1000 - second_last_ns // 1000
          ) IS NULL
          OR 9000000000000000 IS NULL
          THEN NULL
          ELSE LEAST(timestamp_ns // 1000 - second_last_ns // 1000, 9000000000000000)
        END
        ELSE NULL
      END
    ) AS fastest_three_5xx_ns
  FROM numbered
  GROUP BY
    project,
    location,
    workload,
    service,
    revision
)
SELECT
  *
FROM counted
