-- made from measures/slots.sql, sha256 011be2c08f8eb326
-- reads requests, timed; returns project VARCHAR, location VARCHAR, workload VARCHAR, service VARCHAR, revision VARCHAR, kind VARCHAR, name VARCHAR, slot BIGINT, n HUGEINT, errors_5xx HUGEINT, denied HUGEINT, n_steady HUGEINT, bucket_sum HUGEINT
/* How much does what happens within the same ten seconds resemble each other? The ground of design effects. */
/* Grain: one row per revision, kind (endpoint, socket, event, line), name and slot of ten seconds. */
/* Units: counts of entries; slot in ten seconds since 1970. bucket_sum adds up the buckets of histograms.sql over the */
/* n_steady entries of the steady phase. */
WITH requests_by_slot AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    'endpoint' AS kind,
    endpoint AS name,
    timestamp_ns // 10000000000 AS slot,
    COUNT(*) AS n,
    COUNT_IF(http_status >= 500) AS errors_5xx,
    COUNT_IF(http_status IN (401, 403)) AS denied
  FROM requests
  WHERE
    is_eligible AND NOT timestamp_ns IS NULL
  GROUP BY
    project,
    location,
    workload,
    service,
    revision,
    endpoint,
    timestamp_ns // 10000000000
), timed_by_slot AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    kind,
    name,
    slot,
    COUNT(*) AS n_steady,
    SUM(bucket) AS bucket_sum
  FROM timed
  WHERE
    NOT is_startup
  GROUP BY
    project,
    location,
    workload,
    service,
    revision,
    kind,
    name,
    slot
), "both" AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    kind,
    name,
    slot,
    n,
    errors_5xx,
    denied,
    0 AS n_steady,
    0 AS bucket_sum
  FROM requests_by_slot
  UNION ALL
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    kind,
    name,
    slot,
    0 AS n,
    0 AS errors_5xx,
    0 AS denied,
    n_steady,
    bucket_sum
  FROM timed_by_slot
), slots AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    kind,
    name,
    slot,
    SUM(n) AS n,
    SUM(errors_5xx) AS errors_5xx,
    SUM(denied) AS denied,
    SUM(n_steady) AS n_steady,
    SUM(bucket_sum) AS bucket_sum
  FROM "both"
  GROUP BY
    project,
    location,
    workload,
    service,
    revision,
    kind,
    name,
    slot
)
SELECT
  *
FROM slots
