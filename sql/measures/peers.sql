-- How does each instance serve users, next to its peers?
-- Grain: one row per revision and instance that served a user.
-- Units: n, errors_5xx in eligible request rows; bucket_sum and bucket_squares add up the buckets of histograms.sql,
-- and their squares, over the n_steady requests with a latency that did not come in the instance's first minute.
with

bucketed as (

    select
        *,
        cast(ceil(ln(greatest(latency_ns, 1)) / ln(1.02)) as int64) as bucket,
        latency_ns > 0 and not is_startup as is_timed

    from requests
    where is_eligible and instance_id is not null

),

peers as (

    select
        project,
        location,
        workload,
        service,
        revision,
        instance_id,
        count(*) as n,
        countif(http_status >= 500) as errors_5xx,
        countif(is_timed) as n_steady,
        sum(if(is_timed, bucket, 0)) as bucket_sum,
        sum(if(is_timed, bucket * bucket, 0)) as bucket_squares

    from bucketed
    group by project, location, workload, service, revision, instance_id

)

select * from peers
