-- How long after their instance's start did lines of each degraded or failed event come?
-- Grain: one row per revision, event, outcome and age.
-- Units: lines in entries; age_s in whole seconds, rounded up, null where the instance's start is not known.
with

aged as (

    select
        events.project,
        events.location,
        events.workload,
        events.service,
        events.revision,
        events.event,
        events.outcome,
        cast(ceil((div(events.timestamp_ns, 1000) - div(start_ns, 1000)) / 1000000) as int64) as age_s

    from events
    left join starts
        on events.instance_id = started_instance and coalesce(events.revision, '') = started_revision
            and start_ns <= events.timestamp_ns
    where events.event is not null and events.outcome in ('degraded', 'failure', 'critical')

),

ages as (

    select
        project,
        location,
        workload,
        service,
        revision,
        event,
        outcome,
        least(age_s, 3600) as age_s,
        count(*) as lines

    from aged
    group by project, location, workload, service, revision, event, outcome, least(age_s, 3600)

)

select * from ages
