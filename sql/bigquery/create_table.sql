-- What does the table hold? Each column is described with its unit.
-- Grain: as the table's description says; a partition per $unit, within it ordered by the columns named.
create table if not exists $table (
$columns
)
partition by timestamp_trunc($column, $unit)
cluster by $cluster
options (description = $description$expiration)
