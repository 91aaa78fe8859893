-- How many entries of each log, severity as given and effective level?
-- Grain: one row per revision, dimension (log, severity, level) and value.
-- Units: counts of entries.
with

dimensions as (

    select project, location, workload, service, revision, 'log' as dimension, coalesce(log_id, '') as item
    from events
    union all
    select project, location, workload, service, revision, 'severity' as dimension, severity as item
    from events
    union all
    select project, location, workload, service, revision, 'level' as dimension, level as item
    from events

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
        count(*) as n

    from dimensions
    group by project, location, workload, service, revision, dimension, item

)

select * from inputs
