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
    where log_id is null or log_id in ('run.googleapis.com/stdout', 'run.googleapis.com/stderr')

),

kinds as (

    select project, location, workload, service, revision, 'tokens' as kind
    from lines
    where regexp_contains(text, '<token>')
    union all
    select project, location, workload, service, revision, 'keys' as kind
    from lines
    where regexp_contains(text, '<key>')
    union all
    select project, location, workload, service, revision, 'passwords and secrets' as kind
    from lines
    where regexp_contains(text, '<secret>')
    union all
    select project, location, workload, service, revision, 'e-mail addresses' as kind
    from lines
    where regexp_contains(text, '<email>')
    union all
    select project, location, workload, service, revision, 'whole user ids' as kind
    from lines
    where regexp_contains(text, r'<user>(?:[^.]|$)')

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
