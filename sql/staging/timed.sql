-- What took how long: user requests, WebSockets, events that measure themselves, and unknown lines that name a time?
-- Grain: one row per eligible request with a latency above zero (kind endpoint), per WebSocket that was accepted (kind
-- socket: how long it lived), per event with a duration, and per line without an event that names one (kind line, by
-- its signature: "answered in 900 ms", "elapsed_ms=900", "took 1.2 s"; of several the first in ms).
-- Units: bucket is logarithmic, the n with 1.02^(n-1) < ns <= 1.02^n, so that its middle is at most 1 % off.
-- at_us in µs and slot in ten seconds since 1970. Start-up as in requests.sql.
with

-- What a line announces or was configured with is no time that it measured: "retry in 30 s", "every 5 s",
-- "timeout of 30 s", "timeout_ms=500", "a 30 s timeout". It is blanked, and the first time that is left counts.
measurable as (

    select
        project, location, workload, service, revision, timestamp_ns, instance_id,
        if(event is null, 'line', 'event') as kind,
        coalesce(event, signature) as name,
        duration_ms,
        regexp_replace(regexp_replace(
            if(event is null, substr(message, 1, 1000), null),
            r'(?i)(?:^|[^a-z])(?:(?:retry|retries|again|next|expir|wait|sleep|schedul|refresh|renew|restart|reconnect|'
            || r'back(?:ing)?[ -]?off|starts|due)[a-z]*(?: [a-z_]+){0,3}? ?(?:in|after|for)'
            || r'|every|each|within|up to|at most|no more than|at least|per'
            || r'|[a-z_.-]*(?:timeout|ttl|interval|delay|back-?off|deadline|period|retry|expir|max[_-]?age|keep-?alive|'
            || r'limit|threshold)[a-z_.-]*(?: (?:of|is|was|set to|at))?)["\x27]?[ =:(]*'
            || r'[0-9]{1,8}(?:[.][0-9]{1,6})? ?(?:ms|msecs?|milliseconds?|s|secs?|seconds?)?(?:[^0-9a-z.]|$)',
            ' '
        ),
            r'(?i)[0-9]{1,8}(?:[.][0-9]{1,6})?[ -]?(?:ms|msecs?|milliseconds?|s|secs?|seconds?)'
            || r'[ -](?:timeout|ttl|interval|delay|back-?off|deadline|period|limit)',
            ' '
        ) as message

    from events
    where
        timestamp_ns is not null
        and if(
            event is null, signature is not null, duration_ms > 0 and event not in ('http.request', 'http.access')
        )

),

measured as (

    select
        project, location, workload, service, revision, timestamp_ns, instance_id, kind, name,
        if(kind = 'event', duration_ms, coalesce(
            cast(nullif(regexp_extract(
                message,
                r'(?:^|[^0-9A-Za-z.:-])([0-9]{1,8}(?:[.][0-9]{1,6})?) ?(?:ms|msecs?|milliseconds?)(?:[^0-9A-Za-z]|$)'
            ), '') as float64),
            cast(nullif(regexp_extract(
                message, r'_ms["\x27]?[=:] ?([0-9]{1,8}(?:[.][0-9]{1,6})?)(?:[^0-9A-Za-z.]|$)'
            ), '') as float64),
            1000 * cast(nullif(regexp_extract(
                message,
                r'(?:^|[^0-9A-Za-z.:-])([0-9]{1,5}(?:[.][0-9]{1,6})?) ?(?:s|secs?|seconds?)(?:[^0-9A-Za-z]|$)'
            ), '') as float64)
        )) as took_ms

    from measurable

),

rows_of_both as (

    select
        project, location, workload, service, revision, timestamp_ns,
        kind = 'endpoint' and is_startup as is_startup,
        kind,
        if(kind = 'endpoint', endpoint, 'websocket') as name,
        latency_ns as duration_ns
    from requests
    cross join unnest(['endpoint', 'socket']) as kind
    where
        latency_ns > 0
        and timestamp_ns is not null
        and if(kind = 'endpoint', is_eligible, http_status = 101)
    union all
    select
        project, location, workload, service, measured.revision, timestamp_ns,
        coalesce(timestamp_ns < start_ns + 60000000000, false) as is_startup,
        kind,
        name,
        cast(floor(took_ms * 1000000 + 0.5) as int64) as duration_ns
    from measured
    left join starts
        on measured.instance_id = started_instance and coalesce(measured.revision, '') = started_revision
    where took_ms > 0

),

timed as (

    select
        project,
        location,
        workload,
        service,
        revision,
        kind,
        name,
        is_startup,
        div(timestamp_ns, 1000) as at_us,
        div(timestamp_ns, 10000000000) as slot,
        cast(ceil(ln(greatest(duration_ns, 1)) / ln(1.02)) as int64) as bucket

    from rows_of_both
    where duration_ns > 0

)

select * from timed
