-- How many clients met each status of an endpoint, and does one client stand for many of its requests?
-- Grain: one row per revision, endpoint ('' for all together) and status (0 for all together).
-- Units: clients in distinct digests of addresses; most in requests of the client that has the most of them.
with

counted as (

    select
        project,
        location,
        workload,
        service,
        revision,
        name,
        kind,
        client,
        count(*) as n

    from requests
    cross join unnest([endpoint, '']) as name
    cross join unnest([http_status, 0]) as kind
    where is_eligible and client is not null
    group by project, location, workload, service, revision, name, kind, client

),

clients as (

    select
        project,
        location,
        workload,
        service,
        revision,
        name as endpoint,
        kind as status,
        count(*) as clients,
        max(n) as most

    from counted
    group by project, location, workload, service, revision, name, kind

)

select * from clients
