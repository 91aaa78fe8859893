-- Does a stored entry and a new one differ only in that one of them has nanoseconds? Only then is one replaced.
-- Grain: one row.
-- Units: n in pairs of entries.
select count(*) as n

from $entries as stored
join $rows as given
    on
        coalesce(stored.log_name, '') = coalesce(given.log_name, '')
        and coalesce(stored.insert_id, '') = coalesce(given.insert_id, '')
        and coalesce(stored.content, '') = coalesce(given.content, '')
        and stored.timestamp = given.timestamp
where
    $hours
    and mod(stored.timestamp_ns, 1000) = 0
    and mod(given.timestamp_ns, 1000) != 0
