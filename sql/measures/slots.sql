-- How much does what happens within the same ten seconds resemble each other? The ground of design effects.
-- Grain: one row per revision, kind (endpoint, socket, event, line), name and slot of ten seconds.
-- Units: counts of entries; slot in ten seconds since 1970. bucket_sum adds up the buckets of histograms.sql over the
-- n_steady entries of the steady phase.
with

requests_by_slot as (

    select
        project,
        location,
        workload,
        service,
        revision,
        'endpoint' as kind,
        endpoint as name,
        div(timestamp_ns, 10000000000) as slot,
        count(*) as n,
        countif(http_status >= 500) as errors_5xx,
        countif(http_status in (401, 403)) as denied

    from requests
    where is_eligible and timestamp_ns is not null
    group by project, location, workload, service, revision, endpoint, div(timestamp_ns, 10000000000)

),

timed_by_slot as (

    select
        project,
        location,
        workload,
        service,
        revision,
        kind,
        name,
        slot,
        count(*) as n_steady,
        sum(bucket) as bucket_sum

    from timed
    where not is_startup
    group by project, location, workload, service, revision, kind, name, slot

),

both as (

    select
        project, location, workload, service, revision, kind, name, slot,
        n, errors_5xx, denied, 0 as n_steady, 0 as bucket_sum
    from requests_by_slot
    union all
    select
        project, location, workload, service, revision, kind, name, slot,
        0 as n, 0 as errors_5xx, 0 as denied, n_steady, bucket_sum
    from timed_by_slot

),

slots as (

    select
        project,
        location,
        workload,
        service,
        revision,
        kind,
        name,
        slot,
        sum(n) as n,
        sum(errors_5xx) as errors_5xx,
        sum(denied) as denied,
        sum(n_steady) as n_steady,
        sum(bucket_sum) as bucket_sum

    from both
    group by project, location, workload, service, revision, kind, name, slot

)

select * from slots
