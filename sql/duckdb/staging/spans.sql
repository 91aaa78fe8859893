-- made from staging/spans.sql, sha256 7ac626817e55bf7c
/* From when to when did a revision have what took time? */
/* Grain: one row per revision with a row in timed.sql. */
/* Units: first_us in µs since 1970, span_us in µs from the first to the last, and one more. */
WITH spans AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    MIN(at_us) AS first_us,
    MAX(at_us) - MIN(at_us) + 1 AS span_us
  FROM timed
  GROUP BY
    project,
    location,
    workload,
    service,
    revision
)
SELECT
  *
FROM spans
