-- What happened minute by minute: requests of users, failed and denied ones, and how long they and events took?
-- Grain: one row per revision, kind (endpoint, event), name and minute.
-- Units: counts; minute in minutes since 1970. bucket_sum adds up the buckets of histograms.sql over the n_steady
-- entries of the steady phase, so that the scatter between minutes can be seen.
with

requests_by_minute as (

    select
        project,
        location,
        service,
        revision,
        'endpoint' as kind,
        endpoint as name,
        minute,
        count(*) as n,
        countif(http_status >= 500) as errors_5xx,
        countif(http_status in (401, 403)) as denied

    from requests
    where is_eligible and minute is not null
    group by project, location, service, revision, endpoint, minute

),

timed_by_minute as (

    select
        project,
        location,
        service,
        revision,
        kind,
        name,
        minute,
        count(*) as n_timed,
        countif(not is_startup) as n_steady,
        sum(if(is_startup, 0, bucket)) as bucket_sum

    from timed
    group by project, location, service, revision, kind, name, minute

),

both as (

    select
        project, location, service, revision, kind, name, minute,
        n, errors_5xx, denied, 0 as n_timed, 0 as n_steady, 0 as bucket_sum
    from requests_by_minute
    union all
    select
        project, location, service, revision, kind, name, minute,
        0 as n, 0 as errors_5xx, 0 as denied, n_timed, n_steady, bucket_sum
    from timed_by_minute

),

minutes as (

    select
        project,
        location,
        service,
        revision,
        kind,
        name,
        minute,
        sum(n) as n,
        sum(errors_5xx) as errors_5xx,
        sum(denied) as denied,
        sum(n_timed) as n_timed,
        sum(n_steady) as n_steady,
        sum(bucket_sum) as bucket_sum

    from both
    group by project, location, service, revision, kind, name, minute

)

select * from minutes
