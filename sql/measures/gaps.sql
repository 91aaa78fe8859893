-- How long was the service's longest silence within its entries?
-- Grain: one row per project, location, workload and service.
-- Units: max_gap_ns in nanoseconds, null for a single entry.
with

steps as (

    select
        project,
        location,
        workload,
        service,
        1000 * least(div(timestamp_ns, 1000) - lag(div(timestamp_ns, 1000)) over (
            partition by project, location, workload, service
            order by timestamp_ns
        ), 9000000000000000) as gap_ns

    from events
    where timestamp_ns is not null

),

gaps as (

    select
        project,
        location,
        workload,
        service,
        max(gap_ns) as max_gap_ns

    from steps
    group by project, location, workload, service

)

select * from gaps
