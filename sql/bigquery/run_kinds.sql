-- Which kinds of entries are there in a run?
-- Grain: one row per kind: what the catalogue makes of an entry, its levels, its HTTP status, whether it was parsed.
-- Units: as the columns of events are described.
create or replace table $table
options (expiration_timestamp = timestamp_add(current_timestamp(), interval 1 day))
as
select kind, severity, level, event, wording, outcome, cause, code, http_status, raw
from $events
group by kind, severity, level, event, wording, outcome, cause, code, http_status, raw
