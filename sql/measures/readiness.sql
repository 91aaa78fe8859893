-- How long after its instance's start did each WebSocket readiness failure come?
-- Grain: one row per readiness failure.
-- Units: timestamp_ns in ns since 1970; age_ns in nanoseconds, null where no start of the instance was seen before.
with

marked as (

    select
        project,
        location,
        workload,
        service,
        revision,
        log_name,
        insert_id,
        timestamp_ns,
        event,
        max(if(
            event in ('platform.instance_started', 'platform.probe_succeeded', 'python.server_started'),
            timestamp_ns,
            null
        )) over (
            partition by project, location, workload, service, revision, instance_id
            order by timestamp_ns
            rows between unbounded preceding and current row
        ) as start_ns

    from events
    where event in (
        'platform.instance_started', 'platform.probe_succeeded', 'python.server_started',
        'websocket.readiness_failed'
    )

),

ages as (

    select
        project,
        location,
        workload,
        service,
        revision,
        timestamp_ns,
        1000 * least(div(timestamp_ns, 1000) - div(start_ns, 1000), 9000000000000000) as age_ns

    from marked
    where event = 'websocket.readiness_failed'

)

select * from ages
