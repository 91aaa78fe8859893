-- How large are the answers of each endpoint?
-- Grain: one row per revision, endpoint and size.
-- Units: n in eligible request rows with status 200; size k holds 1.02^(k-1) < bytes <= 1.02^k, 0 no
-- more than a byte.
with

bodies as (

    select
        project,
        location,
        workload,
        service,
        revision,
        endpoint,
        cast(ceil(ln(greatest(http_response_bytes, 1)) / ln(1.02)) as int64) as size,
        count(*) as n

    from requests
    where is_eligible and http_status = 200 and http_response_bytes is not null
    group by
        project, location, workload, service, revision, endpoint,
        cast(ceil(ln(greatest(http_response_bytes, 1)) / ln(1.02)) as int64)

)

select * from bodies
