-- From when to when did a revision have what took time?
-- Grain: one row per revision with a row in timed.sql.
-- Units: first_us in µs since 1970, span_us in µs from the first to the last, and one more.
with

spans as (

    select
        project,
        location,
        workload,
        service,
        revision,
        min(at_us) as first_us,
        max(at_us) - min(at_us) + 1 as span_us

    from timed
    group by project, location, workload, service, revision

)

select * from spans
