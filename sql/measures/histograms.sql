-- How are the times of requests and of events distributed?
-- Grain: one row per revision, kind (endpoint, socket, event, line), name, phase (startup, steady), part of the
-- revision's time (eighths, 0 to 7) and bucket.
-- Units: n in entries; bucket n holds 1.02^(n-1) < ns <= 1.02^n. Rows of several runs add up.
with

histograms as (

    select
        project,
        location,
        workload,
        service,
        revision,
        kind,
        name,
        if(is_startup, 'startup', 'steady') as phase,
        part,
        bucket,
        count(*) as n

    from timed
    group by
        project, location, workload, service, revision, kind, name, if(is_startup, 'startup', 'steady'), part, bucket

)

select * from histograms
