-- With which codes were WebSockets closed, and how many of them for a stated limit?
-- Grain: one row per revision and close code.
-- Units: n and limited in closes; per instance and minute the largest count of a wording, as in events.sql.
with

wordings as (

    select
        project,
        location,
        workload,
        service,
        revision,
        coalesce(instance_id, '') as instance_id,
        coalesce(div(timestamp_ns, 60000000000), 0) as minute,
        code,
        wording,
        count(*) as lines,
        countif(regexp_contains(
            coalesce(fields, ''),
            r'[Rr]ate limit|[Cc]onnection limit|[Tt]oo many|limit exceeded'
        )) as limited_lines

    from events
    where event = 'websocket.close' and code is not null
    group by
        project, location, workload, service, revision, coalesce(instance_id, ''),
        coalesce(div(timestamp_ns, 60000000000), 0), code, wording

),

occurrences as (

    select
        project,
        location,
        workload,
        service,
        revision,
        code,
        max(lines) as n,
        max(limited_lines) as limited

    from wordings
    group by project, location, workload, service, revision, instance_id, minute, code

),

closes as (

    select
        project,
        location,
        workload,
        service,
        revision,
        code,
        sum(n) as n,
        sum(limited) as limited

    from occurrences
    group by project, location, workload, service, revision, code

)

select * from closes
