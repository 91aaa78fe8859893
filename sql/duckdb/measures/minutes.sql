-- made from measures/minutes.sql, sha256 3f53ee71535035c0
-- reads requests; returns project VARCHAR, location VARCHAR, workload VARCHAR, service VARCHAR, revision VARCHAR, endpoint VARCHAR, minute BIGINT, n BIGINT, errors_5xx HUGEINT, denied HUGEINT
/* How many user requests were there minute by minute, and how many failed or were denied? */
/* Grain: one row per revision, endpoint and minute. */
/* Units: counts of eligible request rows; minute in minutes since 1970; denied: 401 or 403. */
WITH minutes AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    endpoint,
    minute,
    COUNT(*) AS n,
    COUNT_IF(http_status >= 500) AS errors_5xx,
    COUNT_IF(http_status IN (401, 403)) AS denied
  FROM requests
  WHERE
    is_eligible AND NOT minute IS NULL
  GROUP BY
    project,
    location,
    workload,
    service,
    revision,
    endpoint,
    minute
)
SELECT
  *
FROM minutes
