-- Which kinds of secrets and personal data did the service write to its own logs?
-- Grain: one row per revision and kind that was found.
-- Units: n in entries. Read off the tokens that redaction left in their place, so no value is seen here.
-- Truncated user ids (`<user>...`), hashes and addresses of the network are no leak.
with

lines as (

    select
        project,
        location,
        workload,
        service,
        revision,
        timestamp_ns,
        log_name,
        insert_id,
        coalesce(payload, message, '') as text

    from events
    where
        (log_id is null or log_id in ('run.googleapis.com/stdout', 'run.googleapis.com/stderr'))
        and regexp_contains(coalesce(payload, message, ''), r'<(?:token|key|secret|email|user)>')

),

kinds as (

    select
        project,
        location,
        workload,
        service,
        revision,
        kind

    from lines
    cross join unnest(['tokens', 'keys', 'passwords and secrets', 'e-mail addresses', 'whole user ids']) as kind
    where
        case kind
            when 'tokens' then strpos(text, '<token>') > 0
            when 'keys' then strpos(text, '<key>') > 0
            when 'passwords and secrets' then strpos(text, '<secret>') > 0
            when 'e-mail addresses' then strpos(text, '<email>') > 0
            else regexp_contains(text, r'<user>(?:[^.]|$)')
        end

),

leaks as (

    select
        project,
        location,
        workload,
        service,
        revision,
        kind,
        count(*) as n

    from kinds
    group by project, location, workload, service, revision, kind

)

select * from leaks
