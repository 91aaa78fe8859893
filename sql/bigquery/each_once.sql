-- Which of these rows are entries, each once?
-- Grain: one row per entry; its key is (log_name, timestamp_ns, insert_id), null equals null, and without insert_id or
-- timestamp the hash of its content too.
-- Units: timestamp_ns in ns since 1970. At equal microseconds a row with nanoseconds stands for one that has none.
select *
from (
    select
        *,
        row_number() over (
            partition by log_name, timestamp_ns, insert_id, content
            order by message, payload, severity, source
        ) as nth,
        row_number() over (
            partition by log_name, timestamp, insert_id, content, mod(timestamp_ns, 1000) = 0
            order by timestamp_ns
        ) as place_of_ns,
        max(if(mod(timestamp_ns, 1000) = 0, 0, 1)) over whole as has_ns$copies
    from (
$rows
    )
    window whole as (partition by log_name, timestamp, insert_id, content)
)
where nth = 1 and (has_ns = 0 or timestamp_ns is null or insert_id is null or mod(timestamp_ns, 1000) != 0)
