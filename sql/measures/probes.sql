-- How many probes failed, by their kind?
-- Grain: one row per revision and kind (STARTUP, LIVENESS, READINESS).
-- Units: n in entries.
with

probes as (

    select
        project,
        location,
        workload,
        service,
        revision,
        coalesce(regexp_extract(fields, r'"kind":"([A-Z]+)"'), 'STARTUP') as kind,
        count(*) as n

    from events
    where event = 'platform.probe_failed'
    group by
        project, location, workload, service, revision,
        coalesce(regexp_extract(fields, r'"kind":"([A-Z]+)"'), 'STARTUP')

)

select * from probes
