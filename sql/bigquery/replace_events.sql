-- What are the entries of the window, by the catalogue as it is now? In one step, for what was told of them before.
-- Grain: one row per entry.
-- Units: as the columns of events are described.
merge $events as stored
using (
$classification
) as told
on false
when not matched by source and $condition then
    delete
when not matched then
    insert ($columns)
    values ($columns)
