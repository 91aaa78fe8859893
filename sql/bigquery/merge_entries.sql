-- Which of the new entries does the store not have yet? Those are inserted, and nothing is inserted twice.
-- Grain: one row per entry; its key is (log_name, timestamp_ns, insert_id), null equals null, and without insert_id or
-- timestamp the hash of its content too.
-- Units: timestamp_ns in ns since 1970. At equal microseconds a row with nanoseconds stands for one that has none.
merge $entries as stored
using (
    select *
    from (
        select
            *,
            row_number() over (
                partition by log_name, timestamp_ns, insert_id, content
                order by message, payload, severity, source
            ) as place,
            row_number() over (
                partition by log_name, timestamp, insert_id, content, mod(timestamp_ns, 1000) = 0
                order by timestamp_ns
            ) as place_of_ns,
            max(if(mod(timestamp_ns, 1000) = 0, 0, 1)) over (
                partition by log_name, timestamp, insert_id, content
            ) as has_ns
        from (
$rows
        )
    )
    where place = 1 and (has_ns = 0 or timestamp_ns is null or insert_id is null or mod(timestamp_ns, 1000) != 0)
) as given
on
    coalesce(stored.log_name, '') = coalesce(given.log_name, '')
    and coalesce(stored.insert_id, '') = coalesce(given.insert_id, '')
    and coalesce(stored.content, '') = coalesce(given.content, '')
    and coalesce(unix_micros(stored.timestamp), -1) = coalesce(unix_micros(given.timestamp), -1)
    and $days
    and (
        coalesce(stored.timestamp_ns, -1) = coalesce(given.timestamp_ns, -1)
        or (mod(stored.timestamp_ns, 1000) = 0 and mod(given.timestamp_ns, 1000) != 0 and given.place_of_ns = 1)
        or (mod(stored.timestamp_ns, 1000) != 0 and mod(given.timestamp_ns, 1000) = 0)
    )
when matched and mod(stored.timestamp_ns, 1000) = 0 and mod(given.timestamp_ns, 1000) != 0 then
    update set $updates
when not matched then
    insert ($columns)
    values ($values)
