-- Which entries prove each claim? The first five of every topic.
-- Grain: one row per revision, topic and place (1 to 5).
-- Topics: event/NAME/CODE, requests/5xx, requests/5xx_all, requests/health_5xx, requests/handshake_rejected,
-- requests/scan, requests/denied, requests/4xx, requests/waited, ended/STATUS/ENDPOINT (300 and above),
-- requests/slowest, slowest/ENDPOINT (of 50 requests and more), unexplained, leaks.
-- The slowest are the five of the longest latency; of the others the first five by time, log and insert id.
-- Units: timestamp_ns in ns since 1970; excerpt is the redacted message, or the request in a line.
with

requests as (

    select * from requests

),

topics as (

    select
        project, location, workload, service, revision, timestamp_ns, log_name, insert_id,
        coalesce(message, '') as excerpt, 0 as slow_ns,
        concat('event/', event, '/', coalesce(cast(code as string), '')) as topic
    from events
    where event is not null and event not in ('http.request', 'http.access')
    union all
    select
        project, location, workload, service, revision, timestamp_ns, log_name, insert_id,
        coalesce(message, '') as excerpt, 0 as slow_ns,
        'unexplained' as topic
    from events
    where raw is null and event is null and level in ('ERROR', 'CRITICAL', 'ALERT', 'EMERGENCY')
    union all
    select
        project, location, workload, service, revision, timestamp_ns, log_name, insert_id,
        coalesce(message, '') as excerpt, 0 as slow_ns,
        'leaks' as topic
    from events
    where
        (log_id is null or log_id in ('run.googleapis.com/stdout', 'run.googleapis.com/stderr'))
        and regexp_contains(coalesce(payload, message, ''), r'<(?:token|key|secret|email)>|<user>(?:[^.]|$)')
    union all
    select
        project, location, workload, service, revision, timestamp_ns, log_name, insert_id,
        line as excerpt, 0 as slow_ns,
        topic
    from requests
    cross join unnest([
        'requests/5xx', 'requests/5xx_all', 'requests/health_5xx', 'requests/handshake_rejected', 'requests/scan',
        'requests/denied', 'requests/4xx', 'requests/waited'
    ])
    as topic
    where
        (topic = 'requests/5xx' and is_eligible and http_status >= 500)
        or (topic = 'requests/5xx_all' and http_status >= 500)
        or (topic = 'requests/health_5xx' and is_health and http_status >= 500)
        or (topic = 'requests/scan' and is_scan)
        or (topic = 'requests/4xx' and is_eligible and http_status between 400 and 499)
        or (topic = 'requests/waited' and is_eligible and has_waited)
        or (topic = 'requests/denied' and is_eligible and http_status in (401, 403))
        or (topic = 'requests/handshake_rejected' and is_handshake and http_status >= 400)
    union all
    select
        project, location, workload, service, revision, timestamp_ns, log_name, insert_id,
        line as excerpt, 0 as slow_ns,
        concat('ended/', cast(http_status as string), '/', endpoint) as topic
    from requests
    where is_eligible and http_status >= 300 and http_status <> 304
    union all
    select
        project, location, workload, service, revision, timestamp_ns, log_name, insert_id,
        line as excerpt, latency_ns as slow_ns,
        'requests/slowest' as topic
    from requests
    where is_eligible and latency_ns > 0
    union all
    select
        project, location, workload, service, revision, timestamp_ns, log_name, insert_id,
        line as excerpt, latency_ns as slow_ns,
        concat('slowest/', endpoint) as topic
    from (
        select
            *,
            count(*) over (partition by project, location, workload, service, revision, endpoint) as n_endpoint
        from requests
        where is_eligible and latency_ns > 0
    )
    where n_endpoint >= 50

),

ranked as (

    select
        *,
        row_number() over (
            partition by project, location, workload, service, revision, topic
            order by slow_ns desc, timestamp_ns, log_name, insert_id, excerpt
        ) as place

    from topics

),

first_five as (

    select
        project,
        location,
        workload,
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
