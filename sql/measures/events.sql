-- How often did each event happen, minute by minute, each occurrence counted once?
-- Grain: one row per revision, event, outcome, code and minute.
-- Units: n, n_code, counted, lines in entries; minute in minutes since 1970; *_ns in ns since 1970.
-- One occurrence may leave several lines: other wordings of its event, and events that echo it. Per instance and minute
-- the largest of their counts is n, which adds up over an event's rows. n_code is the largest count of one code, for a
-- wording may not tell it. counted adds up to the count of the cause: an echo adds only where nothing else told.
with

wordings as (

    select
        project,
        location,
        workload,
        service,
        revision,
        coalesce(instance_id, '') as instance_id,
        coalesce(div(timestamp_ns, 60000000000), 0) as minute,
        cause,
        event,
        outcome,
        code,
        wording,
        count(*) as lines,
        min(timestamp_ns) as first_ns,
        max(timestamp_ns) as last_ns

    from events
    where event is not null
    group by
        project, location, workload, service, revision, coalesce(instance_id, ''),
        coalesce(div(timestamp_ns, 60000000000), 0), cause, event, outcome, code, wording

),

sized as (

    select
        *,
        sum(lines) over (
            partition by project, location, workload, service, revision, instance_id, minute, event, wording
        ) as wording_lines,
        max(if(code is null, 0, 1)) over (
            partition by project, location, workload, service, revision, instance_id, minute, event, wording
        ) as wording_coded

    from wordings

),

ordered as (

    select
        *,
        dense_rank() over (
            partition by project, location, workload, service, revision, instance_id, minute, event
            order by wording_lines desc, wording_coded desc, wording
        ) as wording_place

    from sized

),

occurrences as (

    select
        project,
        location,
        workload,
        service,
        revision,
        instance_id,
        minute,
        cause,
        event,
        outcome,
        code,
        sum(if(wording_place = 1, lines, 0)) as n_own,
        max(lines) as n_code,
        sum(lines) as lines,
        min(first_ns) as first_ns,
        max(last_ns) as last_ns

    from ordered
    group by
        project, location, workload, service, revision, instance_id,
        minute, cause, event, outcome, code

),

totals as (

    select
        *,
        sum(n_own) over (
            partition by project, location, workload, service, revision, instance_id, minute, event
        ) as n_event

    from occurrences

),

compared as (

    select
        *,
        sum(if(event = cause, n_own, 0)) over same_cause as n_cause,
        max(if(event = cause, 0, n_event)) over same_cause as n_echo,
        row_number() over (
            partition by project, location, workload, service, revision, instance_id, minute, cause, event = cause
            order by n_own desc, event, outcome, code
        ) as place

    from totals
    window same_cause as (
        partition by project, location, workload, service, revision, instance_id, minute, cause
    )

),

weighed as (

    select
        *,
        if(event = cause and place = 1, n_own + greatest(n_echo - n_cause, 0), n_own) as n,
        case
            when event = cause and place = 1 then n_own + greatest(n_echo - n_cause, 0)
            when event = cause then n_own
            when n_cause = 0 and place = 1 then n_echo
            else 0
        end as counted

    from compared

),

minutes as (

    select
        project,
        location,
        workload,
        service,
        revision,
        cause,
        event,
        outcome,
        code,
        minute,
        sum(n) as n,
        sum(n_code) as n_code,
        sum(counted) as counted,
        sum(lines) as lines,
        min(first_ns) as first_ns,
        max(last_ns) as last_ns

    from weighed
    group by project, location, workload, service, revision, cause, event, outcome, code, minute

)

select * from minutes
