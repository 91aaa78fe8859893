-- How long did requests take: all of them, those of users, health paths, each endpoint?
-- Grain: one row per revision, scope (all, eligible, health, endpoint) and endpoint ('' but for scope endpoint).
-- Units: counts; *_ms in milliseconds. Percentiles are R type 7 from integers by their places.
with

scoped as (

    select
        project,
        location,
        workload,
        service,
        revision,
        scope,
        if(scope = 'endpoint', endpoint, '') as endpoint,
        http_status,
        if(scope = 'eligible' and latency_ns <= 0, null, latency_ns) as latency_ns

    from requests
    cross join unnest(['all', 'eligible', 'health', 'endpoint']) as scope
    where scope in ('all', 'endpoint') or (scope = 'eligible' and is_eligible) or (scope = 'health' and is_health)

),

-- as many rows as there are different latencies, however many requests there are
counted as (

    select
        project,
        location,
        workload,
        service,
        revision,
        scope,
        endpoint,
        latency_ns,
        count(*) as n,
        countif(http_status >= 500) as errors_5xx,
        countif(http_status between 400 and 499) as errors_4xx

    from scoped
    group by project, location, workload, service, revision, scope, endpoint, latency_ns

),

numbered as (

    select
        *,
        cast(sum(n) over (
            partition by project, location, workload, service, revision, scope, endpoint, latency_ns is null
            order by latency_ns
        ) as int64) as last_place,
        cast(sum(if(latency_ns is null, 0, n)) over (
            partition by project, location, workload, service, revision, scope, endpoint
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
        scope,
        endpoint,
        sum(n) as n,
        sum(errors_5xx) as errors_5xx,
        sum(errors_4xx) as errors_4xx,
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
    group by project, location, workload, service, revision, scope, endpoint

),

latencies as (

    select
        project,
        location,
        workload,
        service,
        revision,
        scope,
        endpoint,
        n,
        errors_5xx,
        errors_4xx,
        n_latency,
        (p50_low + (p50_high - p50_low) * mod((50 * (n_latency - 1)), 100) / 100) / 1000000 as p50_ms,
        (p95_low + (p95_high - p95_low) * mod((95 * (n_latency - 1)), 100) / 100) / 1000000 as p95_ms,
        (p99_low + (p99_high - p99_low) * mod((99 * (n_latency - 1)), 100) / 100) / 1000000 as p99_ms,
        max_ns / 1000000 as max_ms

    from picked

)

select * from latencies
