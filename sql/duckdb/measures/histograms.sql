-- made from measures/histograms.sql, sha256 059db31ed00f617c
/* How are the times of requests and of events distributed? */
/* Grain: one row per revision, kind (endpoint, socket, event, line), name, phase (startup, steady), part of the */
/* revision's time (eighths, 0 to 7) and bucket. */
/* Units: n in entries; bucket n holds 1.02^(n-1) < ns <= 1.02^n. Rows of several runs add up. */
WITH histograms AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    kind,
    name,
    CASE WHEN is_startup THEN 'startup' ELSE 'steady' END AS phase,
    part,
    bucket,
    COUNT(*) AS n
  FROM timed
  GROUP BY
    project,
    location,
    workload,
    service,
    revision,
    kind,
    name,
    CASE WHEN is_startup THEN 'startup' ELSE 'steady' END,
    part,
    bucket
)
SELECT
  *
FROM histograms
