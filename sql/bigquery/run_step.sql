-- What do the measures of a window read more than once? A table of sql/staging, of one run.
-- Grain: as the staging file says.
-- Units: as the staging file says.
create or replace table $table
options (expiration_timestamp = timestamp_add(current_timestamp(), interval 1 day))
as
$rows
