-- What took how long: user requests, WebSockets, events that measure themselves, and unknown lines that name a time?
-- Grain: one row per eligible request with a latency above zero (kind endpoint), per WebSocket that was accepted (kind
-- socket: how long it lived), per event with a duration, and per line without an event that names one (kind line, by
-- its signature: "answered in 900 ms", "elapsed_ms=900", "took 1.2 s"; of several the first in ms).
-- Units: bucket is logarithmic, the n with 1.02^(n-1) < ns <= 1.02^n, so that its middle is at most 1 % off.
-- part is an eighth of the time from the revision's first to its last row, 0 to 7. Start-up as in requests.sql.
with

-- What a line announces or was configured with is no time that it measured: "retry in 30 s", "every 5 s",
-- "timeout of 30 s", "timeout_ms=500", "a 30 s timeout". It is blanked, and the first time that is left counts.
measurable as (

    select
        project, location, workload, service, revision, timestamp_ns, instance_id, signature,
        regexp_replace(regexp_replace(
            substr(message, 1, 1000),
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
    where event is null and signature is not null and timestamp_ns is not null

),

named_times as (

    select
        project, location, workload, service, revision, timestamp_ns,
        instance_id,
        signature,
        coalesce(
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
        ) as named_ms

    from measurable

),

rows_of_both as (

    select
        project, location, workload, service, revision, timestamp_ns, is_startup,
        'endpoint' as kind,
        endpoint as name,
        latency_ns as duration_ns
    from requests
    where is_eligible and latency_ns > 0 and timestamp_ns is not null
    union all
    select
        project, location, workload, service, revision, timestamp_ns, false as is_startup,
        'socket' as kind,
        'websocket' as name,
        latency_ns as duration_ns
    from requests
    where http_status = 101 and latency_ns > 0 and timestamp_ns is not null
    union all
    select
        events.project, events.location, events.workload, events.service, events.revision, events.timestamp_ns,
        coalesce(events.timestamp_ns < start_ns + 60000000000, false) as is_startup,
        'event' as kind,
        events.event as name,
        cast(floor(events.duration_ms * 1000000 + 0.5) as int64) as duration_ns
    from events
    left join starts
        on events.instance_id = started_instance and coalesce(events.revision, '') = started_revision
    where
        events.duration_ms > 0
        and events.timestamp_ns is not null
        and events.event not in ('http.request', 'http.access')
    union all
    select
        named_times.project, named_times.location, named_times.workload, named_times.service, named_times.revision,
        named_times.timestamp_ns,
        coalesce(named_times.timestamp_ns < start_ns + 60000000000, false) as is_startup,
        'line' as kind,
        named_times.signature as name,
        cast(floor(named_times.named_ms * 1000000 + 0.5) as int64) as duration_ns
    from named_times
    left join starts
        on named_times.instance_id = started_instance and coalesce(named_times.revision, '') = started_revision
    where named_times.named_ms > 0

),

spans as (

    select
        *,
        8 * (
            div(timestamp_ns, 1000)
            - min(div(timestamp_ns, 1000)) over (partition by project, location, workload, service, revision)
        ) as eighths_us,
        max(div(timestamp_ns, 1000)) over (partition by project, location, workload, service, revision)
        - min(div(timestamp_ns, 1000)) over (partition by project, location, workload, service, revision) + 1 as span_us

    from rows_of_both
    where duration_ns > 0

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
        div(timestamp_ns, 10000000000) as slot,
        div(eighths_us, span_us) as part,
        cast(ceil(ln(greatest(duration_ns, 1)) / ln(1.02)) as int64) as bucket

    from spans

)

select * from timed
