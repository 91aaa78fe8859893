-- How close together did containers exit with an error?
-- Grain: one row per revision with such an exit.
-- Units: fastest_three_ns in nanoseconds, null below three.
-- One exit may be told in two wordings, so each wording is timed for itself. Three exits are within a minute, or among
-- the last two of one minute with exits and the first two of the next.
with

numbered as (

    select
        project,
        location,
        workload,
        service,
        revision,
        wording,
        div(timestamp_ns, 60000000000) as minute,
        div(timestamp_ns, 1000) as at_us,
        div(timestamp_ns, 1000) - lag(div(timestamp_ns, 1000), 2) over in_minute as three_us,
        row_number() over in_minute as place,
        lead(1) over in_minute as has_next,
        lead(1, 2) over in_minute as has_second_next

    from events
    where event = 'platform.exit' and outcome not in ('ok', 'info')
    window in_minute as (
        partition by project, location, workload, service, revision, wording, div(timestamp_ns, 60000000000)
        order by timestamp_ns, log_name, insert_id
    )

),

minutes as (

    select
        project,
        location,
        workload,
        service,
        revision,
        wording,
        minute,
        count(*) as n,
        min(three_us) as three_us,
        max(if(place = 1, at_us, null)) as first_us,
        max(if(place = 2, at_us, null)) as second_us,
        max(if(has_next is not null and has_second_next is null, at_us, null)) as second_last_us,
        max(if(has_next is null, at_us, null)) as last_us

    from numbered
    group by project, location, workload, service, revision, wording, minute

),

ends as (

    select
        *,
        if(n = 1, lag(last_us) over by_minute, second_last_us) as before_last_us

    from minutes
    window by_minute as (
        partition by project, location, workload, service, revision, wording
        order by minute
    )

),

crossing as (

    select
        *,
        first_us - lag(before_last_us) over by_minute as first_three_us,
        second_us - lag(last_us) over by_minute as second_three_us

    from ends
    window by_minute as (
        partition by project, location, workload, service, revision, wording
        order by minute
    )

),

fastest as (

    select
        project,
        location,
        workload,
        service,
        revision,
        nullif(min(least(
            coalesce(three_us, 9223372036854775807),
            coalesce(first_three_us, 9223372036854775807),
            coalesce(second_three_us, 9223372036854775807)
        )), 9223372036854775807) as three_us

    from crossing
    group by project, location, workload, service, revision

),

exits as (

    select
        project,
        location,
        workload,
        service,
        revision,
        1000 * least(three_us, 9000000000000000) as fastest_three_ns

    from fastest

)

select * from exits
