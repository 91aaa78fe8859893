-- When did the first of some entries stand?
-- Grain: one row.
-- Units: first_us in µs since 1970, null where there is none.
select min(unix_micros(timestamp)) as first_us
from (
$rows
)
