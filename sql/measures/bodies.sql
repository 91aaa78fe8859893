-- How large are the answers of each endpoint?
-- Grain: one row per revision, endpoint and size.
-- Units: n in eligible request rows with a status of 200 to 299; size k holds 1.02^(k-1) < bytes <= 1.02^k, 0 no
-- more than a byte, as an answer with status 204 has by definition.
with

answers as (

    select
        *,
        coalesce(http_response_bytes, 0) as bytes

    from requests
    where
        is_eligible
        and http_status between 200 and 299
        and (http_response_bytes is not null or http_status = 204)

),

bodies as (

    select
        project,
        location,
        workload,
        service,
        revision,
        endpoint,
        cast(ceil(ln(greatest(bytes, 1)) / ln(1.02)) as int64) as size,
        count(*) as n

    from answers
    group by
        project, location, workload, service, revision, endpoint,
        cast(ceil(ln(greatest(bytes, 1)) / ln(1.02)) as int64)

)

select * from bodies
