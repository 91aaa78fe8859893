-- How many user requests were there minute by minute, and how many failed or were denied?
-- Grain: one row per revision, endpoint and minute.
-- Units: counts of eligible request rows; minute in minutes since 1970; denied: 401 or 403.
with

minutes as (

    select
        project,
        location,
        workload,
        service,
        revision,
        endpoint,
        minute,
        count(*) as n,
        countif(http_status >= 500) as errors_5xx,
        countif(http_status in (401, 403)) as denied

    from requests
    where is_eligible and minute is not null
    group by project, location, workload, service, revision, endpoint, minute

)

select * from minutes
