-- How many requests, how many failed, how many count as user traffic?
-- Grain: one row per revision.
-- Units: counts of request rows; synthetic ones are uptime checks of other than health paths; clients are distinct
-- digests of addresses; *_ns in nanoseconds.
-- Rows are put in order within a minute, then the minutes: three failures in a row are within one minute, or among the
-- last two rows of a minute and the first two of the next that has some.
with

numbered as (

    select
        project,
        location,
        workload,
        service,
        revision,
        minute,
        timestamp_ns,
        http_status,
        is_eligible,
        is_synthetic,
        is_health,
        is_handshake,
        is_scan,
        has_waited,
        div(timestamp_ns, 1000) as at_us,
        row_number() over in_minute as place,
        lead(1) over in_minute as has_next,
        lead(1, 2) over in_minute as has_second_next,
        if(
            http_status >= 500
            and lag(http_status) over in_minute >= 500
            and lag(http_status, 2) over in_minute >= 500,
            div(timestamp_ns, 1000) - lag(div(timestamp_ns, 1000), 2) over in_minute,
            null
        ) as three_us,
        div(timestamp_ns, 1000) - lag(div(timestamp_ns, 1000)) over (
            partition by project, location, workload, service, revision, minute, is_eligible
            order by timestamp_ns, log_name, insert_id
        ) as silence_us

    from requests
    window in_minute as (
        partition by project, location, workload, service, revision, minute
        order by timestamp_ns, log_name, insert_id
    )

),

-- the ends of a minute are null where they are no failure
minutes as (

    select
        project,
        location,
        workload,
        service,
        revision,
        minute,
        count(*) as n,
        countif(http_status >= 500) as errors_5xx,
        countif(is_eligible) as eligible,
        countif(is_eligible and http_status >= 500) as eligible_5xx,
        countif(is_eligible and http_status in (401, 403)) as eligible_denied,
        countif(is_eligible and has_waited) as eligible_waited,
        max(if(is_eligible, timestamp_ns, null)) as last_eligible_ns,
        min(if(is_eligible, at_us, null)) as first_eligible_us,
        max(if(is_eligible, at_us, null)) as last_eligible_us,
        max(if(is_eligible, silence_us, null)) as silence_us,
        countif(is_synthetic) as synthetic,
        countif(is_synthetic and http_status >= 500) as synthetic_5xx,
        countif(is_health) as health,
        countif(is_health and http_status >= 500) as health_5xx,
        countif(is_handshake) as handshakes,
        countif(http_status = 101) as upgraded,
        countif(is_handshake and http_status >= 400) as handshakes_rejected,
        countif(is_scan) as scans,
        min(three_us) as three_us,
        max(if(http_status >= 500 and place = 1, at_us, null)) as first_us,
        max(if(http_status >= 500 and place = 2, at_us, null)) as second_us,
        max(if(http_status >= 500 and has_next is not null and has_second_next is null, at_us, null))
        as second_last_us,
        max(if(http_status >= 500 and has_next is null, at_us, null)) as last_us

    from numbered
    group by project, location, workload, service, revision, minute

),

ends as (

    select
        *,
        if(n = 1, lag(last_us) over by_minute, second_last_us) as before_last_us,
        first_eligible_us - max(last_eligible_us) over (
            partition by project, location, workload, service, revision
            order by minute
            rows between unbounded preceding and 1 preceding
        ) as silence_before_us

    from minutes
    window by_minute as (
        partition by project, location, workload, service, revision
        order by minute
    )

),

crossing as (

    select
        *,
        if(lag(last_us) over by_minute is null, null, first_us - lag(before_last_us) over by_minute) as first_three_us,
        if(first_us is null, null, second_us - lag(last_us) over by_minute) as second_three_us

    from ends
    window by_minute as (
        partition by project, location, workload, service, revision
        order by minute
    )

),

summed as (

    select
        project,
        location,
        workload,
        service,
        revision,
        sum(n) as n,
        sum(errors_5xx) as errors_5xx,
        sum(eligible) as eligible,
        sum(eligible_5xx) as eligible_5xx,
        sum(eligible_denied) as eligible_denied,
        sum(eligible_waited) as eligible_waited,
        max(last_eligible_ns) as last_eligible_ns,
        max(greatest(
            coalesce(silence_us, -9223372036854775807), coalesce(silence_before_us, -9223372036854775807)
        )) as silence_us,
        sum(synthetic) as synthetic,
        sum(synthetic_5xx) as synthetic_5xx,
        sum(health) as health,
        sum(health_5xx) as health_5xx,
        sum(handshakes) as handshakes,
        sum(upgraded) as upgraded,
        sum(handshakes_rejected) as handshakes_rejected,
        sum(scans) as scans,
        min(least(
            coalesce(three_us, 9223372036854775807),
            coalesce(first_three_us, 9223372036854775807),
            coalesce(second_three_us, 9223372036854775807)
        )) as three_us

    from crossing
    group by project, location, workload, service, revision

),

people as (

    select
        coalesce(concat('=', project), '') as project,
        coalesce(concat('=', location), '') as location,
        coalesce(concat('=', workload), '') as workload,
        coalesce(concat('=', service), '') as service,
        coalesce(concat('=', revision), '') as revision,
        count(distinct if(is_eligible, client, null)) as eligible_clients,
        count(distinct if(is_handshake and http_status >= 400, client, null)) as handshake_clients

    from requests
    group by project, location, workload, service, revision

),

counted as (

    select
        summed.project,
        summed.location,
        summed.workload,
        summed.service,
        summed.revision,
        n,
        errors_5xx,
        eligible,
        eligible_5xx,
        eligible_denied,
        eligible_waited,
        eligible_clients,
        last_eligible_ns,
        1000 * least(nullif(silence_us, -9223372036854775807), 9000000000000000) as longest_silence_ns,
        synthetic,
        synthetic_5xx,
        health,
        health_5xx,
        handshakes,
        upgraded,
        handshakes_rejected,
        handshake_clients,
        scans,
        1000 * least(nullif(three_us, 9223372036854775807), 9000000000000000) as fastest_three_5xx_ns

    from summed
    join people
        on
            coalesce(concat('=', summed.project), '') = people.project
            and coalesce(concat('=', summed.location), '') = people.location
            and coalesce(concat('=', summed.workload), '') = people.workload
            and coalesce(concat('=', summed.service), '') = people.service
            and coalesce(concat('=', summed.revision), '') = people.revision

)

select * from counted
