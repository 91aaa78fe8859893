-- How many requests that reach a container ended, minute by minute?
-- Grain: one row per revision and minute in which requests ended.
-- Units: n in rows of the request log; minute in minutes since 1970, of the request's start and its latency. Left out
-- are requests that reach no container, as run.googleapis.com/request_count of Cloud Monitoring leaves them out:
-- callers without a right, and those for which no instance was free.
with

ended as (

    select
        project,
        location,
        workload,
        service,
        revision,
        div((div(timestamp_ns, 1000000) + div(coalesce(latency_ns, 0), 1000000)), 60000) as minute,
        count(*) as n

    from requests
    where
        timestamp_ns is not null
        and log_id = 'run.googleapis.com/requests'
        and coalesce(cause, '') not in ('platform.no_instance', 'platform.unauthenticated')
    group by
        project, location, workload, service, revision,
        div((div(timestamp_ns, 1000000) + div(coalesce(latency_ns, 0), 1000000)), 60000)

)

select * from ended
