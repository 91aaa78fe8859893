-- Which lines does nothing explain, by their signature?
-- Grain: one row per revision, signature and level.
-- Units: n in entries; first_ns in ns since 1970.
with

signatures as (

    select
        project,
        location,
        service,
        revision,
        signature,
        level,
        count(*) as n,
        min(timestamp_ns) as first_ns

    from events
    where event is null and signature is not null
    group by project, location, service, revision, signature, level

)

select * from signatures
