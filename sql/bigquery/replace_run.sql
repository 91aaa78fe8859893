-- What does history have of one run? In one step, in place of what it had of the same run before.
-- Grain: as the table's description says.
-- Units: as the columns of the table are described.
merge $table as stored
using $rows as given
on false
when not matched by source and stored.run = $run then
    delete
when not matched then
    insert ($columns)
    values ($columns)
