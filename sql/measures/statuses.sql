-- How did the user requests and of callers, and WebSocket handshakes, end, endpoint by endpoint?
-- Grain: one row per revision, endpoint, caller ('' for users, 'websocket' for handshakes), status and slot of ten
-- seconds.
-- Units: n in request rows that are eligible or handshakes; slot in ten seconds since 1970.
with

statuses as (

    select
        project,
        location,
        workload,
        service,
        revision,
        endpoint,
        if(is_handshake, 'websocket', caller) as caller,
        http_status as status,
        div(timestamp_ns, 10000000000) as slot,
        count(*) as n

    from requests
    where (is_eligible or is_handshake) and timestamp_ns is not null
    group by
        project, location, workload, service, revision, endpoint, if(is_handshake, 'websocket', caller),
        http_status, div(timestamp_ns, 10000000000)

)

select * from statuses
