-- How close together did containers exit with an error?
-- Grain: one row per revision with such an exit.
-- Units: fastest_three_ns in nanoseconds, null below three.
-- One exit may be told in two wordings, so each wording is timed for itself.
with

exits as (

    select
        project,
        location,
        workload,
        service,
        revision,
        timestamp_ns,
        1000 * least(div(timestamp_ns, 1000) - lag(div(timestamp_ns, 1000), 2) over (
            partition by project, location, workload, service, revision, wording
            order by timestamp_ns, log_name, insert_id
        ), 9000000000000000) as three_ns

    from events
    where event = 'platform.exit' and outcome not in ('ok', 'info')

),

counted as (

    select
        project,
        location,
        workload,
        service,
        revision,
        min(three_ns) as fastest_three_ns

    from exits
    group by project, location, workload, service, revision

)

select * from counted
