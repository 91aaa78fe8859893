-- What does history have of one run? These rows, if it had none of that run.
-- Grain: as the table's description says.
-- Units: as the columns of the table are described.
merge $table as stored
using $rows as given
on stored.run = given.run
when not matched then
    insert ($columns)
    values ($columns)
