-- Which of the new entries does the store not have yet? Those are inserted, and nothing is inserted twice.
-- Grain: one row per entry, by the key of each_once.sql.
-- Units: timestamp_ns in ns since 1970. Where rows with nanoseconds meet rows that have none, the former stay; without
-- such a clause only the hours of the new entries are read, and nothing that is stored is written anew.
merge $entries as stored
using (
$given
) as given
on
    coalesce(stored.log_name, '') = coalesce(given.log_name, '')
    and coalesce(stored.insert_id, '') = coalesce(given.insert_id, '')
    and coalesce(stored.content, '') = coalesce(given.content, '')
    and coalesce(unix_micros(stored.timestamp), -1) = coalesce(unix_micros(given.timestamp), -1)
    and $hours
    and (
        coalesce(stored.timestamp_ns, -1) = coalesce(given.timestamp_ns, -1)
        or (mod(stored.timestamp_ns, 1000) = 0 and mod(given.timestamp_ns, 1000) != 0 and given.place_of_ns = 1)
        or (mod(stored.timestamp_ns, 1000) != 0 and mod(given.timestamp_ns, 1000) = 0)
    )
$matched
when not matched then
    insert ($columns)
    values ($values)
