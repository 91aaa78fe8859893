-- What took how long: requests of users, and events that measure themselves (response times in log lines)?
-- Grain: one row per eligible request with a latency above zero (kind endpoint), and per event with a duration.
-- Units: bucket is logarithmic, the n with 1.02^(n-1) < ns <= 1.02^n, so that its middle is at most 1 % off.
-- part is an eighth of the time from the revision's first to its last row, 0 to 7. Start-up as in requests.sql.
with

rows_of_both as (

    select
        project, location, service, revision, timestamp_ns, is_startup,
        'endpoint' as kind,
        endpoint as name,
        latency_ns as duration_ns
    from requests
    where is_eligible and latency_ns > 0 and timestamp_ns is not null
    union all
    select
        events.project, events.location, events.service, events.revision, events.timestamp_ns,
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

),

spans as (

    select
        *,
        8 * (
            div(timestamp_ns, 1000)
            - min(div(timestamp_ns, 1000)) over (partition by project, location, service, revision)
        ) as eighths_us,
        max(div(timestamp_ns, 1000)) over (partition by project, location, service, revision)
        - min(div(timestamp_ns, 1000)) over (partition by project, location, service, revision) + 1 as span_us

    from rows_of_both
    where duration_ns > 0

),

timed as (

    select
        project,
        location,
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
