-- How many entries of each log, severity as given and effective level?
-- Grain: one row per revision, dimension (log, severity, level) and value.
-- Units: counts of entries.
with

combined as (

    select
        project,
        location,
        workload,
        service,
        revision,
        log_id,
        severity,
        level,
        count(*) as n

    from events
    group by project, location, workload, service, revision, log_id, severity, level

),

dimensions as (

    select
        project,
        location,
        workload,
        service,
        revision,
        dimension,
        case dimension
            when 'log' then coalesce(log_id, '')
            when 'severity' then severity
            else level
        end as item,
        n

    from combined
    cross join unnest(['log', 'severity', 'level']) as dimension

),

inputs as (

    select
        project,
        location,
        workload,
        service,
        revision,
        dimension,
        item,
        sum(n) as n

    from dimensions
    group by project, location, workload, service, revision, dimension, item

)

select * from inputs
