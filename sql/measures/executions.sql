-- How did each execution of a job end, how long did it take, and which of its tasks needed more than one attempt?
-- Grain: one row per execution of a job.
-- Units: *_ns in ns since 1970; tasks, succeeded_tasks, failed_tasks, retried_tasks in tasks as their last attempts
-- ended; attempts_failed in attempts; lines in entries of the containers; given_* as the audit log says, null where it
-- says nothing: started and completed RFC 3339, succeeded and tasks in tasks, retried and cancelled in attempts and
-- tasks; used_mib in MiB, of attempts that were ended for it.
-- An attempt ends by the exit of its container, its time-out, its memory limit, or where it could not start. A task
-- ended as its last attempt did. Where no entry of an execution names its task, all are of one.
with

told as (

    select
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
        coalesce(
            nullif(regexp_extract(labels, r'"run[._]googleapis[._]com[/_]task_index" ?: ?"?([0-9]+)'), ''), ''
        ) as task,
        cast(coalesce(
            nullif(regexp_extract(labels, r'"run[._]googleapis[._]com[/_]task_attempt" ?: ?"?([0-9]{1,9})'), ''), '0'
        ) as int64) as attempt,
        log_id in ('run.googleapis.com/stdout', 'run.googleapis.com/stderr') as is_line,
        starts_with(coalesce(log_id, ''), 'cloudaudit.googleapis.com/') as is_audit,
        coalesce(event in ('job.execution_succeeded', 'job.execution_failed', 'job.execution_cancelled',
            'job.task_failed'), false) as is_end,
        event in ('platform.exit', 'job.task_timeout', 'platform.memory_limit', 'platform.could_not_start')
        and not starts_with(coalesce(log_id, ''), 'cloudaudit.googleapis.com/') as ends_attempt,
        payload,
        fields

    from events
    where workload = 'job' and revision is not null

),

reported as (

    select
        *,
        if(is_end, payload, null) as report,
        if(event = 'job.execution_failed', fields, null) as failure

    from told

),

ends as (

    select
        *,
        row_number() over (
            partition by project, location, workload, service, revision, task
            order by attempt desc, coalesce(timestamp_ns, 0) desc, coalesce(log_name, '') desc,
                coalesce(insert_id, '') desc
        ) as place,
        event = 'platform.exit' and coalesce(code, 1) = 0 as is_good

    from told
    where ends_attempt

),

tasks as (

    select
        project,
        location,
        workload,
        service,
        revision,
        task,
        logical_or(place = 1 and is_good) as has_succeeded,
        count(distinct if(is_good, null, attempt)) as attempts_failed

    from ends
    group by project, location, workload, service, revision, task

),

attempts as (

    select
        project,
        location,
        workload,
        service,
        revision,
        task,
        max(attempt) as last_attempt,
        max(task) over (partition by project, location, workload, service, revision) as highest_task

    from told
    where not is_audit
    group by project, location, workload, service, revision, task

),

tried as (

    select
        attempts.project,
        attempts.location,
        attempts.workload,
        attempts.service,
        attempts.revision,
        count(*) as tasks,
        countif(coalesce(tasks.has_succeeded, false)) as succeeded_tasks,
        countif(tasks.task is not null and not tasks.has_succeeded) as failed_tasks,
        countif(attempts.last_attempt > 0 or coalesce(tasks.has_succeeded and tasks.attempts_failed > 0, false))
        as retried_tasks,
        sum(coalesce(tasks.attempts_failed, 0)) as attempts_failed

    from attempts
    left join tasks
        on
            coalesce(attempts.project, '') = coalesce(tasks.project, '')
            and coalesce(attempts.location, '') = coalesce(tasks.location, '')
            and coalesce(attempts.service, '') = coalesce(tasks.service, '')
            and attempts.revision = tasks.revision
            and attempts.task = tasks.task
    where attempts.task != '' or attempts.highest_task = ''
    group by
        attempts.project, attempts.location, attempts.workload, attempts.service, attempts.revision

),

summed as (

    select
        project,
        location,
        workload,
        service,
        revision,
        min(timestamp_ns) as first_ns,
        max(if(is_audit and not is_end, null, timestamp_ns)) as last_ns,
        countif(is_line) as lines,
        countif(event = 'job.execution_succeeded') as says_succeeded,
        countif(event in ('job.execution_failed', 'job.task_failed')) as says_failed,
        countif(event = 'job.execution_cancelled') as says_cancelled,
        countif(event = 'job.task_timeout') as timeouts,
        countif(event = 'platform.memory_limit') as memory_kills,
        countif(event = 'platform.could_not_start') as aborted_starts,
        max(cast(if(
            event = 'platform.memory_limit',
            nullif(regexp_extract(fields, r'"used_mib" ?: ?"([0-9]{1,9})"'), ''), null
        ) as int64)) as used_mib,
        max(nullif(regexp_extract(report, r'"startTime" ?: ?"([^"\\]{1,40})"'), '')) as given_started,
        max(nullif(regexp_extract(report, r'"completionTime" ?: ?"([^"\\]{1,40})"'), '')) as given_completed,
        max(cast(nullif(regexp_extract(report, r'"succeededCount" ?: ?"?([0-9]{1,9})'), '') as int64))
        as given_succeeded,
        max(cast(nullif(regexp_extract(report, r'"taskCount" ?: ?"?([0-9]{1,9})'), '') as int64))
        as given_tasks,
        max(cast(nullif(regexp_extract(report, r'"retriedCount" ?: ?"?([0-9]{1,9})'), '') as int64))
        as given_retried,
        max(cast(nullif(regexp_extract(report, r'"cancelledCount" ?: ?"?([0-9]{1,9})'), '') as int64))
        as given_cancelled,
        max(cast(nullif(regexp_extract(failure, r'"succeeded" ?: ?"([0-9]{1,9})"'), '') as int64)) as said_succeeded,
        max(cast(nullif(regexp_extract(failure, r'"tasks" ?: ?"([0-9]{1,9})"'), '') as int64)) as said_tasks

    from reported
    group by project, location, workload, service, revision

),

executions as (

    select
        summed.*,
        coalesce(tried.tasks, 0) as tasks,
        coalesce(tried.succeeded_tasks, 0) as succeeded_tasks,
        coalesce(tried.failed_tasks, 0) as failed_tasks,
        coalesce(tried.retried_tasks, 0) as retried_tasks,
        coalesce(tried.attempts_failed, 0) as attempts_failed

    from summed
    left join tried
        on
            coalesce(summed.project, '') = coalesce(tried.project, '')
            and coalesce(summed.location, '') = coalesce(tried.location, '')
            and coalesce(summed.service, '') = coalesce(tried.service, '')
            and summed.revision = tried.revision

)

select * from executions
