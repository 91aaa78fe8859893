-- How many rows are loaded, from when to when, and how many of them without a time?
-- Grain: one row.
-- Units: n and undated in rows; *_ns in ns since 1970.
select
    count(*) as n,
    countif(timestamp is null) as undated,
    min(timestamp_ns) as first_ns,
    max(timestamp_ns) as last_ns

from $rows
