-- How long was the service's longest silence within its entries, and to when does it write for sure?
-- Grain: one row per project, location, workload and service.
-- Units: max_gap_ns in nanoseconds, null for a single entry; settled_ns in ns since 1970, the last entry of the third
-- last minute with entries, so that a stray line or two do not move it; null where there are fewer minutes.
-- Within each minute the entries are put in order, then the minutes: nowhere all entries of a service.
with

steps as (

    select
        project,
        location,
        workload,
        service,
        div(timestamp_ns, 60000000000) as minute,
        timestamp_ns,
        div(timestamp_ns, 1000) - lag(div(timestamp_ns, 1000)) over (
            partition by project, location, workload, service, div(timestamp_ns, 60000000000)
            order by timestamp_ns
        ) as gap_us

    from events
    where timestamp_ns is not null

),

minutes as (

    select
        project,
        location,
        workload,
        service,
        minute,
        min(div(timestamp_ns, 1000)) as first_us,
        max(div(timestamp_ns, 1000)) as last_us,
        max(gap_us) as gap_us

    from steps
    group by project, location, workload, service, minute

),

silences as (

    select
        *,
        first_us - lag(last_us) over (
            partition by project, location, workload, service
            order by minute, first_us
        ) as silence_us,
        row_number() over (
            partition by project, location, workload, service
            order by minute desc
        ) as place_from_end

    from minutes

),

gaps as (

    select
        project,
        location,
        workload,
        service,
        1000 * least(
            greatest(coalesce(max(gap_us), max(silence_us)), coalesce(max(silence_us), max(gap_us))), 9000000000000000
        ) as max_gap_ns,
        1000 * max(if(place_from_end = 3, last_us, null)) as settled_ns

    from silences
    group by project, location, workload, service

)

select * from gaps
