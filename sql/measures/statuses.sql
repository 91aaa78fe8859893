-- How did requests end, endpoint by endpoint: those of users and of callers, and those that are no user traffic?
-- Grain: one row per revision, endpoint, caller ('' for users; 'websocket' for handshakes, 'preflight', 'health' and
-- 'scan' for what is no user traffic), status and slot of ten seconds.
-- Units: n in request rows; slot in ten seconds since 1970.
with

called as (

    select
        project,
        location,
        workload,
        service,
        revision,
        endpoint,
        case
            when is_handshake then 'websocket'
            when is_eligible then caller
            when coalesce(http_method, '') = 'OPTIONS' then 'preflight'
            when is_health or is_probe then 'health'
            else 'scan'
        end as caller,
        http_status as status,
        div(timestamp_ns, 10000000000) as slot

    from requests
    where timestamp_ns is not null

),

statuses as (

    select
        project,
        location,
        workload,
        service,
        revision,
        endpoint,
        caller,
        status,
        slot,
        count(*) as n

    from called
    group by project, location, workload, service, revision, endpoint, caller, status, slot

)

select * from statuses
