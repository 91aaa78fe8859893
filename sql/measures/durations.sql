-- How long did the things take that events measure themselves (response times in log lines)?
-- Grain: one row per revision and event with a duration.
-- Units: counts; *_ms in milliseconds. Percentiles are R type 7 from integers by their places.
with

timed as (

    select
        project,
        location,
        workload,
        service,
        revision,
        event,
        cast(floor(duration_ms * 1000000 + 0.5) as int64) as latency_ns

    from events
    where duration_ms is not null

),

-- as many rows as there are different durations, however many lines there are
counted as (

    select
        project,
        location,
        workload,
        service,
        revision,
        event,
        latency_ns,
        count(*) as n

    from timed
    group by project, location, workload, service, revision, event, latency_ns

),

numbered as (

    select
        *,
        cast(sum(n) over (
            partition by project, location, workload, service, revision, event
            order by latency_ns
        ) as int64) as last_place,
        cast(sum(n) over (
            partition by project, location, workload, service, revision, event
        ) as int64) as n_latency

    from counted

),

-- lower and upper neighbour of each percentile
picked as (

    select
        project,
        location,
        workload,
        service,
        revision,
        event,
        max(n_latency) as n_latency,
        min(if(last_place >= 1 + div((50 * (n_latency - 1)), 100), latency_ns, null)) as p50_low,
        min(if(last_place >= least(2 + div((50 * (n_latency - 1)), 100), n_latency), latency_ns, null))
        as p50_high,
        min(if(last_place >= 1 + div((95 * (n_latency - 1)), 100), latency_ns, null)) as p95_low,
        min(if(last_place >= least(2 + div((95 * (n_latency - 1)), 100), n_latency), latency_ns, null))
        as p95_high,
        min(if(last_place >= 1 + div((99 * (n_latency - 1)), 100), latency_ns, null)) as p99_low,
        min(if(last_place >= least(2 + div((99 * (n_latency - 1)), 100), n_latency), latency_ns, null))
        as p99_high,
        max(latency_ns) as max_ns

    from numbered
    group by project, location, workload, service, revision, event

),

durations as (

    select
        project,
        location,
        workload,
        service,
        revision,
        event,
        n_latency as n,
        (p50_low + (p50_high - p50_low) * mod((50 * (n_latency - 1)), 100) / 100) / 1000000 as p50_ms,
        (p95_low + (p95_high - p95_low) * mod((95 * (n_latency - 1)), 100) / 100) / 1000000 as p95_ms,
        (p99_low + (p99_high - p99_low) * mod((99 * (n_latency - 1)), 100) / 100) / 1000000 as p99_ms,
        max_ns / 1000000 as max_ms

    from picked

)

select * from durations
