-- Which instances were there, when did each start and answer its probe, and how did it end?
-- Grain: one row per revision and instance.
-- Units: counts of entries; *_ns in ns since 1970, null where no entry tells.
with

instances as (

    select
        project,
        location,
        workload,
        service,
        revision,
        instance_id,
        min(if(
            event in ('platform.instance_started', 'platform.probe_succeeded', 'python.server_started'),
            timestamp_ns,
            null
        )) as start_ns,
        min(if(event = 'platform.instance_started', timestamp_ns, null)) as scaled_ns,
        min(if(event = 'platform.probe_succeeded', timestamp_ns, null)) as ready_ns,
        min(if(
            event = 'platform.instance_started', regexp_extract(fields, r'"reason":"([A-Z_]+)"'), null
        )) as reason,
        countif(event = 'platform.exit' and outcome not in ('ok', 'info')) as bad_exits,
        min(timestamp_ns) as first_ns,
        max(timestamp_ns) as last_ns

    from events
    where instance_id is not null
    group by project, location, workload, service, revision, instance_id

)

select * from instances
