-- made from measures/histograms.sql, sha256 d882ee687ba9b052
-- reads spans, timed; returns project VARCHAR, location VARCHAR, workload VARCHAR, service VARCHAR, revision VARCHAR, kind VARCHAR, name VARCHAR, phase VARCHAR, part BIGINT, bucket BIGINT, n BIGINT
/* How are the times of requests and of events distributed? */
/* Grain: one row per revision, kind (endpoint, socket, event, line), name, phase (startup, steady), part of the */
/* revision's time (eighths, 0 to 7) and bucket. */
/* Units: n in entries; bucket n holds 1.02^(n-1) < ns <= 1.02^n. Rows of several runs add up. */
WITH parted AS (
  SELECT
    timed.project,
    timed.location,
    timed.workload,
    timed.service,
    timed.revision,
    kind,
    name,
    CASE WHEN is_startup THEN 'startup' ELSE 'steady' END AS phase,
    (
      8 * (
        at_us - first_us
      )
    ) // span_us AS part,
    bucket
  FROM timed
  JOIN spans
    ON COALESCE('=' || timed.project, '') = COALESCE('=' || spans.project, '')
    AND COALESCE('=' || timed.location, '') = COALESCE('=' || spans.location, '')
    AND COALESCE('=' || timed.workload, '') = COALESCE('=' || spans.workload, '')
    AND COALESCE('=' || timed.service, '') = COALESCE('=' || spans.service, '')
    AND COALESCE('=' || timed.revision, '') = COALESCE('=' || spans.revision, '')
), histograms AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    kind,
    name,
    phase,
    part,
    bucket,
    COUNT(*) AS n
  FROM parted
  GROUP BY
    project,
    location,
    workload,
    service,
    revision,
    kind,
    name,
    phase,
    part,
    bucket
)
SELECT
  *
FROM histograms
