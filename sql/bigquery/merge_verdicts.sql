-- Which verdicts were given? One on the same revision, window and rules stands once, as it was given last.
-- Grain: one row per revision, window and rules.
-- Units: as the columns of verdicts are described.
merge $verdicts as stored
using $rows as given
on
    coalesce(stored.location, '') = coalesce(given.location, '')
    and stored.service = given.service
    and stored.revision = given.revision
    and coalesce(unix_micros(stored.window_start), -1) = coalesce(unix_micros(given.window_start), -1)
    and coalesce(unix_micros(stored.window_end), -1) = coalesce(unix_micros(given.window_end), -1)
    and stored.tool = given.tool
when matched then
    update set $updates
when not matched then
    insert ($columns)
    values ($values)
