-- In which minutes did requests of users fail?
-- Grain: one row per revision and minute with at least one 5xx.
-- Units: counts of eligible request rows; minute in minutes since 1970.
with

minutes as (

    select
        project,
        location,
        service,
        revision,
        div(timestamp_ns, 60000000000) as minute,
        count(*) as n,
        countif(http_status >= 500) as errors_5xx

    from requests
    where is_eligible and timestamp_ns is not null
    group by project, location, service, revision, div(timestamp_ns, 60000000000)

),

bad as (

    select *
    from minutes
    where errors_5xx > 0

)

select * from bad
