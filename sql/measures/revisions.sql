-- What is there of each revision: how much, from when to when, and what marks it as one to judge?
-- Grain: one row per project, location, workload, service and revision (null where an entry has none).
-- Units: counts of entries; *_ns in ns since 1970.
with

revisions as (

    select
        project,
        location,
        workload,
        service,
        revision,
        count(*) as entries,
        countif(raw is not null) as unparsed,
        countif(raw is null and event is not null) as explained,
        countif(raw is null and event is null) as unexplained,
        countif(
            raw is null
            and event is null
            and level in ('ERROR', 'CRITICAL', 'ALERT', 'EMERGENCY')
        ) as unexplained_errors,
        countif(severity in ('DEFAULT', 'DEBUG', 'INFO')) as below_notice,
        countif(http_status is not null) as request_rows,
        countif(http_status between 500 and 599) as request_rows_5xx,
        countif(event in ('audit.deploy', 'audit.ready')) as deploys,
        countif(event = 'platform.instance_started') as starts,
        countif(
            event = 'platform.exit' and outcome not in ('ok', 'info')
        ) as bad_exits,
        min(if(event = 'audit.ready', timestamp_ns, null)) as ready_ns,
        min(timestamp_ns) as first_ns,
        max(timestamp_ns) as last_ns,
        max(unix_micros(coalesce(receive_timestamp, timestamp)))
        as last_received_us

    from events
    group by project, location, workload, service, revision

)

select * from revisions
