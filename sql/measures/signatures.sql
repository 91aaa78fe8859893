-- Which lines are unknown, and which report a failure, by their signature?
-- Grain: one row per revision, signature, level, event ('' for unknown lines), outcome and phase
-- (startup: within a minute of the instance's start, else steady). A revision has at most 10,000 rows and '(others)':
-- the most severe lines first, then the most frequent, so that a text whose parts are not masked costs only itself.
-- Units: signatures in rows that count as this one (1 but for '(others)', whose minutes and slots are the largest of
-- one of them); n in entries, minutes and slots (of ten seconds) those with one; first_ns in ns since 1970. first_*
-- name the first such entry; its text only where it matters: at WARNING and above, or with an event.
with

signed as (

    select
        events.project,
        events.location,
        events.workload,
        events.service,
        events.revision,
        events.signature,
        events.level,
        coalesce(events.event, '') as event,
        coalesce(events.outcome, '') as outcome,
        if(
            coalesce(events.timestamp_ns < start_ns + 60000000000, false), 'startup', 'steady'
        ) as phase,
        div(events.timestamp_ns, 60000000000) as minute,
        events.timestamp_ns,
        events.log_name,
        events.insert_id,
        substr(events.message, 1, 400) as message  -- before rows are put in order, which holds them in memory

    from events
    left join starts
        on events.instance_id = started_instance and coalesce(events.revision, '') = started_revision
    where events.signature is not null

),

numbered as (

    select
        *,
        row_number() over (
            partition by
                project, location, workload, service, revision, signature, level, event, outcome, phase, minute
            order by timestamp_ns, log_name, insert_id, message
        ) as place

    from signed

),

minutes as (

    select
        project,
        location,
        workload,
        service,
        revision,
        signature,
        level,
        event,
        outcome,
        phase,
        minute,
        count(*) as n,
        count(distinct div(timestamp_ns, 10000000000)) as slots,
        min(timestamp_ns) as first_ns,
        max(if(place = 1, log_name, null)) as first_log_name,
        max(if(place = 1, insert_id, null)) as first_insert_id,
        max(if(
            place = 1 and (event <> '' or level not in ('DEFAULT', 'DEBUG', 'INFO', 'NOTICE')),
            message,
            null
        )) as first_excerpt

    from numbered
    group by project, location, workload, service, revision, signature, level, event, outcome, phase, minute

),

-- entries without a time come first
placed as (

    select
        *,
        row_number() over (
            partition by project, location, workload, service, revision, signature, level, event, outcome, phase
            order by minute
        ) as place

    from minutes

),

signatures as (

    select
        project,
        location,
        workload,
        service,
        revision,
        signature,
        level,
        event,
        outcome,
        phase,
        sum(n) as n,
        count(minute) as minutes,
        sum(slots) as slots,
        min(first_ns) as first_ns,
        max(if(place = 1, first_log_name, null)) as first_log_name,
        max(if(place = 1, first_insert_id, null)) as first_insert_id,
        max(if(place = 1, first_excerpt, null)) as first_excerpt

    from placed
    group by project, location, workload, service, revision, signature, level, event, outcome, phase

),

ranked as (

    select
        *,
        row_number() over (
            partition by project, location, workload, service, revision
            order by
                case
                    when level in ('CRITICAL', 'ALERT', 'EMERGENCY') or outcome = 'critical' then 0
                    when level = 'ERROR' or outcome = 'failure' then 1
                    when level = 'WARNING' or outcome = 'degraded' then 2
                    else 3
                end,
                n desc, signature, level, event, outcome, phase
        ) > 10000 as is_other

    from signatures

),

named as (

    select
        * except (signature),
        if(is_other, '(others)', signature) as signature,
        row_number() over (
            partition by
                project, location, workload, service, revision,
                if(is_other, '(others)', signature), level, event, outcome, phase
            order by first_ns, first_log_name, first_insert_id
        ) as place

    from ranked

),

together as (

    select
        project,
        location,
        workload,
        service,
        revision,
        signature,
        level,
        event,
        outcome,
        phase,
        count(*) as signatures,
        sum(n) as n,
        max(minutes) as minutes,
        max(slots) as slots,
        min(first_ns) as first_ns,
        max(if(place = 1, first_log_name, null)) as first_log_name,
        max(if(place = 1, first_insert_id, null)) as first_insert_id,
        max(if(place = 1, first_excerpt, null)) as first_excerpt

    from named
    group by project, location, workload, service, revision, signature, level, event, outcome, phase

)

select * from together
