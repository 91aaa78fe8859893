-- Which entries prove each claim? The first five of every topic.
-- Grain: one row per revision, topic and place (1 to 5).
-- Topics: event/NAME/CODE, requests/5xx, requests/5xx_all, requests/health_5xx, requests/handshake_rejected,
-- requests/scan, unexplained, leaks.
-- Units: timestamp_ns in ns since 1970; excerpt is the redacted message, or the request in a line.
with

requests as (

    select * from requests

),

topics as (

    select
        project, location, service, revision, timestamp_ns, log_name, insert_id,
        coalesce(message, '') as excerpt,
        concat('event/', event, '/', coalesce(cast(code as string), '')) as topic
    from events
    where event is not null and event not in ('http.request', 'http.access')
    union all
    select
        project, location, service, revision, timestamp_ns, log_name, insert_id,
        coalesce(message, '') as excerpt,
        'unexplained' as topic
    from events
    where raw is null and event is null and level in ('ERROR', 'CRITICAL', 'ALERT', 'EMERGENCY')
    union all
    select
        project, location, service, revision, timestamp_ns, log_name, insert_id,
        coalesce(message, '') as excerpt,
        'leaks' as topic
    from events
    where
        (log_id is null or log_id in ('run.googleapis.com/stdout', 'run.googleapis.com/stderr'))
        and regexp_contains(coalesce(payload, message, ''), r'<(?:token|key|secret|email)>|<user>(?:[^.]|$)')
    union all
    select
        project, location, service, revision, timestamp_ns, log_name, insert_id,
        line as excerpt,
        topic
    from requests
    cross join unnest([
        'requests/5xx', 'requests/5xx_all', 'requests/health_5xx', 'requests/handshake_rejected', 'requests/scan'
    ])
    as topic
    where
        (topic = 'requests/5xx' and is_eligible and http_status >= 500)
        or (topic = 'requests/5xx_all' and http_status >= 500)
        or (topic = 'requests/health_5xx' and is_health and http_status >= 500)
        or (topic = 'requests/scan' and is_scan)
        or (topic = 'requests/handshake_rejected' and is_handshake and http_status >= 400)

),

ranked as (

    select
        *,
        row_number() over (
            partition by project, location, service, revision, topic
            order by timestamp_ns, log_name, insert_id, excerpt
        ) as place

    from topics

),

first_five as (

    select
        project,
        location,
        service,
        revision,
        topic,
        place,
        timestamp_ns,
        log_name,
        insert_id,
        substr(excerpt, 1, 400) as excerpt

    from ranked
    where place <= 5

)

select * from first_five
