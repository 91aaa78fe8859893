-- made from staging/starts.sql, sha256 a512d96615abc6f3
/* When did each instance start, as far as an entry tells? */
/* Grain: one row per instance id and revision ('' for none): the key by which lines find their start. */
/* Units: start_ns and served_ns (its probe succeeded, else its start) in ns since 1970. */
WITH starts AS (
  SELECT
    instance_id AS started_instance,
    COALESCE(revision, '') AS started_revision,
    MIN(start_ns) AS start_ns,
    MIN(COALESCE(ready_ns, start_ns)) AS served_ns
  FROM instances
  WHERE
    NOT start_ns IS NULL
  GROUP BY
    instance_id,
    COALESCE(revision, '')
)
SELECT
  *
FROM starts
