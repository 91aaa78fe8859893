-- How many requests, how many failed, how many count as user traffic?
-- Grain: one row per revision.
-- Units: counts of request rows; synthetic ones are uptime checks of other than health paths; clients are distinct
-- digests of addresses; *_ns in nanoseconds.
with

requests as (

    select * from requests

),

-- a run of 5xx rows that no other request row of the revision interrupts
numbered as (

    select
        *,
        lag(timestamp_ns, 2) over (
            partition by project, location, workload, service, revision
            order by timestamp_ns, log_name, insert_id
        ) as second_last_ns,
        lag(http_status, 1) over (
            partition by project, location, workload, service, revision
            order by timestamp_ns, log_name, insert_id
        ) as last_status,
        lag(http_status, 2) over (
            partition by project, location, workload, service, revision
            order by timestamp_ns, log_name, insert_id
        ) as second_last_status,
        1000 * least(div(timestamp_ns, 1000) - lag(div(timestamp_ns, 1000), 1) over (
            partition by project, location, workload, service, revision, is_eligible
            order by timestamp_ns, log_name, insert_id
        ), 9000000000000000) as silence_ns

    from requests

),

counted as (

    select
        project,
        location,
        workload,
        service,
        revision,
        count(*) as n,
        countif(http_status >= 500) as errors_5xx,
        countif(is_eligible) as eligible,
        countif(is_eligible and http_status >= 500) as eligible_5xx,
        countif(is_eligible and http_status in (401, 403)) as eligible_denied,
        countif(is_eligible and has_waited) as eligible_waited,
        count(distinct if(is_eligible, client, null)) as eligible_clients,
        max(if(is_eligible, timestamp_ns, null)) as last_eligible_ns,
        max(if(is_eligible, silence_ns, null)) as longest_silence_ns,
        countif(is_synthetic) as synthetic,
        countif(is_synthetic and http_status >= 500) as synthetic_5xx,
        countif(is_health) as health,
        countif(is_health and http_status >= 500) as health_5xx,
        countif(is_handshake) as handshakes,
        countif(http_status = 101) as upgraded,
        countif(is_handshake and http_status >= 400) as handshakes_rejected,
        count(distinct if(is_handshake and http_status >= 400, client, null))
        as handshake_clients,
        countif(is_scan) as scans,
        min(if(
            http_status >= 500 and last_status >= 500 and second_last_status >= 500,
            1000 * least(div(timestamp_ns, 1000) - div(second_last_ns, 1000), 9000000000000000),
            null
        )) as fastest_three_5xx_ns

    from numbered
    group by project, location, workload, service, revision

)

select * from counted
