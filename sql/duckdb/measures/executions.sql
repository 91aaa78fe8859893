-- made from measures/executions.sql, sha256 562ae07256d8bbb4
-- reads events; returns project VARCHAR, location VARCHAR, workload VARCHAR, service VARCHAR, revision VARCHAR, first_ns BIGINT, last_ns BIGINT, lines HUGEINT, says_succeeded HUGEINT, says_failed HUGEINT, says_cancelled HUGEINT, timeouts HUGEINT, memory_kills HUGEINT, aborted_starts HUGEINT, used_mib BIGINT, given_started VARCHAR, given_completed VARCHAR, given_succeeded BIGINT, given_tasks BIGINT, given_retried BIGINT, given_cancelled BIGINT, said_succeeded BIGINT, said_tasks BIGINT, tasks BIGINT, succeeded_tasks HUGEINT, failed_tasks HUGEINT, retried_tasks HUGEINT, attempts_failed HUGEINT
/* How did each execution of a job end, how long did it take, and which of its tasks needed more than one attempt? */
/* Grain: one row per execution of a job. */
/* Units: *_ns in ns since 1970; tasks, succeeded_tasks, failed_tasks, retried_tasks in tasks as their last attempts */
/* ended; attempts_failed in attempts; lines in entries of the containers; given_* as the audit log says, null where it */
/* says nothing: started and completed RFC 3339, succeeded and tasks in tasks, retried and cancelled in attempts and */
/* tasks; used_mib in MiB, of attempts that were ended for it. */
/* An attempt ends by the exit of its container, its time-out, its memory limit, or where it could not start. A task */
/* ended as its last attempt did. Where no entry of an execution names its task, all are of one. */
WITH told AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    timestamp_ns,
    log_name,
    insert_id,
    event,
    outcome,
    code,
    COALESCE(
      NULLIF(
        ARRAY_EXTRACT(
          REGEXP_EXTRACT_ALL(labels, '"run[._]googleapis[._]com[/_]task_index" ?: ?"?([0-9]+)', 1),
          1
        ),
        ''
      ),
      ''
    ) AS task,
    CAST(COALESCE(
      NULLIF(
        ARRAY_EXTRACT(
          REGEXP_EXTRACT_ALL(labels, '"run[._]googleapis[._]com[/_]task_attempt" ?: ?"?([0-9]{1,9})', 1),
          1
        ),
        ''
      ),
      '0'
    ) AS BIGINT) AS attempt,
    log_id IN ('run.googleapis.com/stdout', 'run.googleapis.com/stderr') AS is_line,
    STARTS_WITH(COALESCE(log_id, ''), 'cloudaudit.googleapis.com/') AS is_audit,
    COALESCE(
      event IN (
        'job.execution_succeeded',
        'job.execution_failed',
        'job.execution_cancelled',
        'job.task_failed'
      ),
      FALSE
    ) AS is_end,
    event IN (
      'platform.exit',
      'job.task_timeout',
      'platform.memory_limit',
      'platform.could_not_start'
    )
    AND NOT STARTS_WITH(COALESCE(log_id, ''), 'cloudaudit.googleapis.com/') AS ends_attempt,
    payload,
    fields
  FROM events
  WHERE
    workload = 'job' AND NOT revision IS NULL
), reported AS (
  SELECT
    *,
    CASE WHEN is_end THEN payload ELSE NULL END AS report,
    CASE WHEN event = 'job.execution_failed' THEN fields ELSE NULL END AS failure
  FROM told
), ends AS (
  SELECT
    *,
    ROW_NUMBER() OVER (
      PARTITION BY project, location, workload, service, revision, task
      ORDER BY attempt DESC, COALESCE(timestamp_ns, 0) DESC, COALESCE(log_name, '') DESC, COALESCE(insert_id, '') DESC
    ) AS place,
    event = 'platform.exit' AND COALESCE(code, 1) = 0 AS is_good
  FROM told
  WHERE
    ends_attempt
), tasks AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    task,
    BOOL_OR(CAST(place = 1 AND is_good AS BOOLEAN)) AS has_succeeded,
    COUNT(DISTINCT CASE WHEN is_good THEN NULL ELSE attempt END) AS attempts_failed
  FROM ends
  GROUP BY
    project,
    location,
    workload,
    service,
    revision,
    task
), attempts AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    task,
    MAX(attempt) AS last_attempt,
    MAX(task) OVER (PARTITION BY project, location, workload, service, revision) AS highest_task
  FROM told
  WHERE
    NOT is_audit
  GROUP BY
    project,
    location,
    workload,
    service,
    revision,
    task
), tried AS (
  SELECT
    attempts.project,
    attempts.location,
    attempts.workload,
    attempts.service,
    attempts.revision,
    COUNT(*) AS tasks,
    COUNT_IF(COALESCE(tasks.has_succeeded, FALSE)) AS succeeded_tasks,
    COUNT_IF(NOT tasks.task IS NULL AND NOT tasks.has_succeeded) AS failed_tasks,
    COUNT_IF(
      attempts.last_attempt > 0
      OR COALESCE(tasks.has_succeeded AND tasks.attempts_failed > 0, FALSE)
    ) AS retried_tasks,
    SUM(COALESCE(tasks.attempts_failed, 0)) AS attempts_failed
  FROM attempts
  LEFT JOIN tasks
    ON COALESCE(attempts.project, '') = COALESCE(tasks.project, '')
    AND COALESCE(attempts.location, '') = COALESCE(tasks.location, '')
    AND COALESCE(attempts.service, '') = COALESCE(tasks.service, '')
    AND attempts.revision = tasks.revision
    AND attempts.task = tasks.task
  WHERE
    attempts.task <> '' OR attempts.highest_task = ''
  GROUP BY
    attempts.project,
    attempts.location,
    attempts.workload,
    attempts.service,
    attempts.revision
), summed AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    MIN(timestamp_ns) AS first_ns,
    MAX(CASE WHEN is_audit AND NOT is_end THEN NULL ELSE timestamp_ns END) AS last_ns,
    COUNT_IF(is_line) AS lines,
    COUNT_IF(event = 'job.execution_succeeded') AS says_succeeded,
    COUNT_IF(event IN ('job.execution_failed', 'job.task_failed')) AS says_failed,
    COUNT_IF(event = 'job.execution_cancelled') AS says_cancelled,
    COUNT_IF(event = 'job.task_timeout') AS timeouts,
    COUNT_IF(event = 'platform.memory_limit') AS memory_kills,
    COUNT_IF(event = 'platform.could_not_start') AS aborted_starts,
    MAX(
      CAST(CASE
        WHEN event = 'platform.memory_limit'
        THEN NULLIF(
          ARRAY_EXTRACT(REGEXP_EXTRACT_ALL(fields, '"used_mib" ?: ?"([0-9]{1,9})"', 1), 1),
          ''
        )
        ELSE NULL
      END AS BIGINT)
    ) AS used_mib,
    MAX(
      NULLIF(
        ARRAY_EXTRACT(REGEXP_EXTRACT_ALL(report, '"startTime" ?: ?"([^"\\]{1,40})"', 1), 1),
        ''
      )
    ) AS given_started,
    MAX(
      NULLIF(
        ARRAY_EXTRACT(REGEXP_EXTRACT_ALL(report, '"completionTime" ?: ?"([^"\\]{1,40})"', 1), 1),
        ''
      )
    ) AS given_completed,
    MAX(
      CAST(NULLIF(
        ARRAY_EXTRACT(REGEXP_EXTRACT_ALL(report, '"succeededCount" ?: ?"?([0-9]{1,9})', 1), 1),
        ''
      ) AS BIGINT)
    ) AS given_succeeded,
    MAX(
      CAST(NULLIF(
        ARRAY_EXTRACT(REGEXP_EXTRACT_ALL(report, '"taskCount" ?: ?"?([0-9]{1,9})', 1), 1),
        ''
      ) AS BIGINT)
    ) AS given_tasks,
    MAX(
      CAST(NULLIF(
        ARRAY_EXTRACT(REGEXP_EXTRACT_ALL(report, '"retriedCount" ?: ?"?([0-9]{1,9})', 1), 1),
        ''
      ) AS BIGINT)
    ) AS given_retried,
    MAX(
      CAST(NULLIF(
        ARRAY_EXTRACT(REGEXP_EXTRACT_ALL(report, '"cancelledCount" ?: ?"?([0-9]{1,9})', 1), 1),
        ''
      ) AS BIGINT)
    ) AS given_cancelled,
    MAX(
      CAST(NULLIF(
        ARRAY_EXTRACT(REGEXP_EXTRACT_ALL(failure, '"succeeded" ?: ?"([0-9]{1,9})"', 1), 1),
        ''
      ) AS BIGINT)
    ) AS said_succeeded,
    MAX(
      CAST(NULLIF(ARRAY_EXTRACT(REGEXP_EXTRACT_ALL(failure, '"tasks" ?: ?"([0-9]{1,9})"', 1), 1), '') AS BIGINT)
    ) AS said_tasks
  FROM reported
  GROUP BY
    project,
    location,
    workload,
    service,
    revision
), executions AS (
  SELECT
    summed.*,
    COALESCE(tried.tasks, 0) AS tasks,
    COALESCE(tried.succeeded_tasks, 0) AS succeeded_tasks,
    COALESCE(tried.failed_tasks, 0) AS failed_tasks,
    COALESCE(tried.retried_tasks, 0) AS retried_tasks,
    COALESCE(tried.attempts_failed, 0) AS attempts_failed
  FROM summed
  LEFT JOIN tried
    ON COALESCE(summed.project, '') = COALESCE(tried.project, '')
    AND COALESCE(summed.location, '') = COALESCE(tried.location, '')
    AND COALESCE(summed.service, '') = COALESCE(tried.service, '')
    AND summed.revision = tried.revision
)
SELECT
  *
FROM executions
