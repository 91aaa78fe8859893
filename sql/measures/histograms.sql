-- How are the times of requests and of events distributed?
-- Grain: one row per revision, kind (endpoint, socket, event, line), name, phase (startup, steady), part of the
-- revision's time (eighths, 0 to 7) and bucket.
-- Units: n in entries; bucket n holds 1.02^(n-1) < ns <= 1.02^n. Rows of several runs add up.
with

parted as (

    select
        timed.project,
        timed.location,
        timed.workload,
        timed.service,
        timed.revision,
        kind,
        name,
        if(is_startup, 'startup', 'steady') as phase,
        div((8 * (at_us - first_us)), span_us) as part,
        bucket

    from timed
    join spans
        on
            coalesce(concat('=', timed.project), '') = coalesce(concat('=', spans.project), '')
            and coalesce(concat('=', timed.location), '') = coalesce(concat('=', spans.location), '')
            and coalesce(concat('=', timed.workload), '') = coalesce(concat('=', spans.workload), '')
            and coalesce(concat('=', timed.service), '') = coalesce(concat('=', spans.service), '')
            and coalesce(concat('=', timed.revision), '') = coalesce(concat('=', spans.revision), '')

),

histograms as (

    select
        project,
        location,
        workload,
        service,
        revision,
        kind,
        name,
        phase,
        part,
        bucket,
        count(*) as n

    from parted
    group by project, location, workload, service, revision, kind, name, phase, part, bucket

)

select * from histograms
