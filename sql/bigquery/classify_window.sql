-- What are the entries of the window, each once, by the catalogue as it is now, in the columns that measures read?
-- Grain: one row per entry. The table belongs to one run; no other run reads or writes it.
-- Units: as the columns of events are described; part is 4 times the side of the window that a row is on (0 without a
-- timestamp, 1 before the window, 2 in it), plus how much of it is read: 0 counts alone, 1 its text too, 2 what few
-- measures look for, 3 a plain request row. copies_N: how many rows of the query N an entry stands for.
-- Columns that no measure reads are left out, and texts where none reads them: a null is billed nothing. origin and
-- kind stand for columns of few values, whose texts are in tables of their own; those of an origin stand in one row of
-- each minute, which is_first marks.
create or replace table $table
partition by range_bucket(part, generate_array(0, 12, 1))
options (expiration_timestamp = timestamp_add(current_timestamp(), interval 1 day))
as

with

entries as (

$entries

),

events as (

$classification

),

weighed as (

    select
        *,
        coalesce(payload, message, '') as own_text,
        log_id is null or log_id in ('run.googleapis.com/stdout', 'run.googleapis.com/stderr') as is_own,
        coalesce(event in (
            'job.execution_succeeded', 'job.execution_failed', 'job.execution_cancelled', 'job.task_failed'
        ), false) as is_end,
        event is not null and event not in ('http.request', 'http.access') as is_told

    from events

),

leaky as (

    select
        *,
        is_own and regexp_contains(own_text, r'<(?:token|key|secret|email)>|<user>(?:[^.]|$$)') as is_leaky

    from weighed

),

classed as (

    select
        *,
        case
            when
                is_leaky or is_end or coalesce(workload, '') = 'job'
                or coalesce(outcome, '') in ('degraded', 'failure', 'critical')
                or coalesce(event, '') in (
                    'platform.exit', 'platform.probe_failed', 'platform.instance_started', 'platform.probe_succeeded',
                    'python.server_started', 'websocket.close', 'websocket.readiness_failed'
                )
                or (http_status is not null and is_told)
                or (event is null and level in ('ERROR', 'CRITICAL', 'ALERT', 'EMERGENCY'))
                then 2
            when http_status is not null then 3
            when is_told or signature is not null then 1
            else 0
        end as class

    from leaky

),

numbered as (

    select
        *,
        $origin as origin,
        row_number() over (partition by $origin, div(timestamp_ns, 60000000000)) = 1 as is_first

    from classed

),

run_events as (

    select
        4 * case when timestamp_ns is null then 0 when timestamp_ns < $cut_ns then 1 else 2 end + class as part,
        origin,
        $kind as kind,
        $identity as identity,
        is_first,
        if(is_first, project, null) as project,
        if(is_first, location, null) as location,
        if(is_first, workload, null) as workload,
        if(is_first, service, null) as service,
        if(is_first, revision, null) as revision,
        if(is_first, instance_id, null) as instance_id,
        if(is_first, log_name, null) as log_name,
        if(is_first, log_id, null) as log_id,
        severity, level, event, wording, outcome, cause, code, http_status,
        if(raw is null, null, '') as raw,
        timestamp_ns,
        timestamp,
        receive_timestamp,
        if(class = 0, null, insert_id) as insert_id,
        if(class in (0, 3), null, if(is_end, message, substr(message, 1, 1000))) as message,
        case when is_end then payload when is_leaky then own_text when is_own and class in (1, 2) then '' end
        as payload,
        if(workload = 'job', labels, null) as labels,
        if(
            event in (
                'platform.instance_started', 'platform.probe_failed', 'platform.memory_limit', 'websocket.close',
                'job.execution_failed'
            ),
            fields, null
        ) as fields,
        signature,
        duration_ms,
        http_method, http_path, http_latency_ms, http_response_bytes, http_user_agent,
        client$copies

    from numbered

)

select * from run_events
