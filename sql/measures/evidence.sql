-- Which entries prove each claim? The first five of every topic.
-- Grain: one row per revision, topic and place (1 to 5).
-- Topics: event/NAME/CODE, requests/5xx, requests/5xx_all, requests/health_5xx, requests/handshake_rejected,
-- requests/scan, requests/denied, requests/4xx, requests/waited, ended/STATUS/ENDPOINT (300 and above),
-- requests/slowest, slowest/ENDPOINT (of 50 requests and more), unexplained, leaks.
-- The slowest are the five of the longest latency; of the others the first five by time, log and insert id.
-- Units: timestamp_ns in ns since 1970; excerpt is the redacted message, or the request in a line.
with

topics as (

    select
        project, location, workload, service, revision, timestamp_ns, log_name, insert_id,
        substr(coalesce(message, ''), 1, 400) as excerpt,  -- before rows are put in order, which holds them in memory
        0 as slow_ns,
        if(
            topic = 'event', concat('event/', event, '/', coalesce(cast(code as string), '')), topic
        ) as topic
    from events
    cross join unnest(['event', 'unexplained', 'leaks']) as topic
    where
        case topic
            when 'event' then event is not null and event not in ('http.request', 'http.access')
            when 'unexplained'
                then raw is null and event is null and level in ('ERROR', 'CRITICAL', 'ALERT', 'EMERGENCY')
            else
                (log_id is null or log_id in ('run.googleapis.com/stdout', 'run.googleapis.com/stderr'))
                and regexp_contains(coalesce(payload, message, ''), r'<(?:token|key|secret|email)>|<user>(?:[^.]|$)')
        end
    union all
    select
        project, location, workload, service, revision, timestamp_ns, log_name, insert_id,
        substr(line, 1, 400) as excerpt,
        if(topic in ('requests/slowest', 'slowest'), latency_ns, 0) as slow_ns,
        case topic
            when 'ended' then concat('ended/', cast(http_status as string), '/', endpoint)
            when 'slowest' then concat('slowest/', endpoint)
            else topic
        end as topic
    from requests
    cross join unnest([
        'requests/5xx', 'requests/5xx_all', 'requests/health_5xx', 'requests/handshake_rejected', 'requests/scan',
        'requests/denied', 'requests/4xx', 'requests/waited', 'ended', 'requests/slowest', 'slowest'
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
        or (topic = 'ended' and not is_handshake and http_status >= 300 and http_status <> 304)
        or (topic in ('requests/slowest', 'slowest') and is_eligible and latency_ns > 0)

),

-- the first five of all are among the first five of their minutes
numbered as (

    select
        *,
        row_number() over (
            partition by project, location, workload, service, revision, topic, div(timestamp_ns, 60000000000)
            order by slow_ns desc, timestamp_ns, log_name, insert_id, excerpt
        ) as place_in_minute,
        count(*) over (
            partition by project, location, workload, service, revision, topic, div(timestamp_ns, 60000000000)
        ) as n_minute

    from topics

),

ranked as (

    select
        *,
        row_number() over (
            partition by project, location, workload, service, revision, topic
            order by slow_ns desc, timestamp_ns, log_name, insert_id, excerpt
        ) as place,
        sum(if(place_in_minute = 1, n_minute, 0)) over (
            partition by project, location, workload, service, revision, topic
        ) as n_topic

    from numbered
    where place_in_minute <= 5

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
        excerpt

    from ranked
    where place <= 5 and (n_topic >= 50 or not starts_with(topic, 'slowest/'))

)

select * from first_five
