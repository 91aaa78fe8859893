-- How do slow requests cluster in time? The ground of the design effect of a share above a latency.
-- Grain: one row per revision, endpoint, minute and step of latency.
-- Units: n in eligible requests of the steady phase; minute in minutes since 1970; step k holds the buckets 20 k + 1 to
-- 20 k + 20 of histograms.sql, so that a step is a factor of 1.49.
with

tails as (

    select
        project,
        location,
        workload,
        service,
        revision,
        name,
        div(slot, 6) as minute,
        div((bucket - 1), 20) as step,
        count(*) as n

    from timed
    where kind = 'endpoint' and not is_startup
    group by project, location, workload, service, revision, name, div(slot, 6), div((bucket - 1), 20)

)

select * from tails
