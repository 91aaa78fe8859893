-- When did each instance start, as far as an entry tells?
-- Grain: one row per instance id and revision ('' for none): the key by which lines find their start.
-- Units: start_ns and served_ns (its probe succeeded, else its start) in ns since 1970.
with

starts as (

    select
        instance_id as started_instance,
        coalesce(revision, '') as started_revision,
        min(start_ns) as start_ns,
        min(coalesce(ready_ns, start_ns)) as served_ns

    from instances
    where start_ns is not null
    group by instance_id, coalesce(revision, '')

)

select * from starts
