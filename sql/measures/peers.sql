-- How does each instance serve users, next to its peers, endpoint by endpoint?
-- Grain: one row per revision, instance that served a user and endpoint; '(others)' are those with fewer than 50 user
-- requests of the revision each.
-- Units: n, errors_5xx in eligible request rows; bucket_sum and bucket_squares add up the buckets of histograms.sql,
-- and their squares, over the n_steady requests with a latency and a status below 400 that did not come in the
-- instance's first minute.
with

bucketed as (

    select
        *,
        cast(ceil(ln(greatest(latency_ns, 1)) / ln(1.02)) as int64) as bucket,
        latency_ns > 0 and not is_startup and http_status < 400 as is_timed

    from requests
    where is_eligible and instance_id is not null

),

endpoints as (

    select
        project,
        location,
        workload,
        service,
        revision,
        instance_id,
        endpoint,
        count(*) as n,
        countif(http_status >= 500) as errors_5xx,
        countif(is_timed) as n_steady,
        sum(if(is_timed, bucket, 0)) as bucket_sum,
        sum(if(is_timed, bucket * bucket, 0)) as bucket_squares

    from bucketed
    group by project, location, workload, service, revision, instance_id, endpoint

),

named as (

    select
        * except (endpoint),
        if(
            sum(n) over (partition by project, location, workload, service, revision, endpoint) < 50,
            '(others)',
            endpoint
        ) as endpoint

    from endpoints

),

peers as (

    select
        project,
        location,
        workload,
        service,
        revision,
        instance_id,
        endpoint,
        sum(n) as n,
        sum(errors_5xx) as errors_5xx,
        sum(n_steady) as n_steady,
        sum(bucket_sum) as bucket_sum,
        sum(bucket_squares) as bucket_squares

    from named
    group by project, location, workload, service, revision, instance_id, endpoint

)

select * from peers
