-- How slow were user requests minute by minute?
-- Grain: one row per revision and minute with a latency.
-- Units: n counts latencies above zero; p95_ms in milliseconds, R type 7 from integers by ROW_NUMBER; minute in
-- minutes since 1970.
with

numbered as (

    select
        project,
        location,
        workload,
        service,
        revision,
        minute,
        latency_ns,
        row_number() over (
            partition by project, location, workload, service, revision, minute order by latency_ns
        ) as place,
        count(*) over (partition by project, location, workload, service, revision, minute) as n

    from requests
    where is_eligible and minute is not null and latency_ns > 0

),

-- lower and upper neighbour of the percentile
picked as (

    select
        project,
        location,
        workload,
        service,
        revision,
        minute,
        n,
        max(if(place = 1 + div((95 * (n - 1)), 100), latency_ns, null)) as p95_low,
        max(if(place = least(2 + div((95 * (n - 1)), 100), n), latency_ns, null)) as p95_high

    from numbered
    group by project, location, workload, service, revision, minute, n

),

pace as (

    select
        project,
        location,
        workload,
        service,
        revision,
        minute,
        n,
        (p95_low + (p95_high - p95_low) * mod((95 * (n - 1)), 100) / 100) / 1000000 as p95_ms

    from picked

)

select * from pace
