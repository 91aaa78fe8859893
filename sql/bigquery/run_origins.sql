-- Which origins do the entries of a run have, and how many entries does each give?
-- Grain: one row per origin: project, location, workload, service, revision, instance and log. Should two have the same
-- number, there are two rows of it, every count is wrong, and the run gives no verdict.
-- Units: entries and copies_N in entries of the window; identity stands for the columns up to the revision.
create or replace table $table
options (expiration_timestamp = timestamp_add(current_timestamp(), interval 1 day))
as
with

named as (

    select distinct
        origin, identity, project, location, workload, service, revision, instance_id, log_name, log_id
    from $events
    where is_first

),

counted as (

    select
        origin,
        countif($condition) as entries$copies
    from $events
    group by origin

)

select *
from named
join counted using (origin)
