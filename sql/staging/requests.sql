-- What is each request row, and does it count as user traffic?
-- Grain: one row per request row (any entry with an HTTP status, whatever its log).
-- Units: latency_ns in nanoseconds; minute in minutes since 1970. A request is one of the start-up where its instance
-- started at most a minute before it, or after it: such a request waited for the start.
with

requests as (

    select
        *,
        cast(floor(http_latency_ms * 1000000 + 0.5) as int64) as latency_ns,
        coalesce(http_path, '') as path

    from events
    where http_status is not null

),

-- twice: neighbouring segments share a slash, and a match takes it
masked as (

    select
        *,
        regexp_replace(
            regexp_replace(
                path,
                concat(
                    r'/(?:[0-9]+|[0-9A-Fa-f]{8,}|[0-9A-Fa-f]{8}-[0-9A-Fa-f-]{27}',
                    r'|[0-9A-Za-z]{24,}|[a-z]{2,10}_[0-9A-Za-z]{10,}|<[a-z]+>)(/|$)'
                ),
                r'/{id}\1'
            ),
            concat(
                r'/(?:[0-9]+|[0-9A-Fa-f]{8,}|[0-9A-Fa-f]{8}-[0-9A-Fa-f-]{27}',
                r'|[0-9A-Za-z]{24,}|[a-z]{2,10}_[0-9A-Za-z]{10,}|<[a-z]+>)(/|$)'
            ),
            r'/{id}\1'
        ) as endpoint_path

    from requests

),

named as (

    select
        *,
        concat(coalesce(http_method, '?'), ' ', endpoint_path) as endpoint,
        concat(
            coalesce(http_method, '?'), ' ', path, ' ', cast(http_status as string),
            if(http_latency_ms is null, '', concat(
                ' in ', cast(cast(floor(http_latency_ms + 0.5) as int64) as string), ' ms'
            ))
        ) as line,
        regexp_contains(
            path,
            r'(?:^|/)(?:health|healthz|health_check|ready|readyz|live|livez|ping)/?$'
        ) as is_health,
        coalesce(regexp_contains(
            http_user_agent,
            r'GoogleStackdriverMonitoring-UptimeChecks|kube-probe|GoogleHC'
        ), false) as is_probe,
        case
            when regexp_contains(http_user_agent, r'^Google-Cloud-Scheduler') then 'Cloud Scheduler'
            when regexp_contains(http_user_agent, r'^Google-Cloud-Tasks') then 'Cloud Tasks'
            when regexp_contains(http_user_agent, r'^(?:CloudPubSub-Google|APIs-Google)') then 'Pub/Sub or Eventarc'
            else ''
        end as caller,
        http_status between 400 and 499 and regexp_contains(
            path,
            concat(
                r'/\.[a-z]|\.php|/wp-|/cgi-bin|/phpmyadmin|/vendor/|/actuator|/owa/|/boaform|/HNAP1|/server-status',
                r'|/telescope|/_all_dbs|/solr/|/geoserver|/manager/html|/v2/_catalog|/console/$',
                r'|\.(?:asp|aspx|jsp|cgi|sql|bak|old|zip|rar|7z|tgz|env)$'
            )
        ) as is_scan,
        http_status = 101
        or regexp_contains(path, r'(?:^|/)(?:ws|wss|websocket|websockets)/?$|/socket\.io/|/sockjs/')
        as is_socket

    from masked

),

-- an endpoint that answered 101 once is a WebSocket's, whatever its name
upgraded as (

    select distinct
        coalesce(concat('=', service), '') as upgraded_service,
        endpoint as upgraded_endpoint

    from named
    where http_status = 101

),

sockets as (

    select
        named.*,
        upgraded_endpoint is not null as has_upgraded

    from named
    left join upgraded
        on coalesce(concat('=', named.service), '') = upgraded_service and named.endpoint = upgraded_endpoint

),

final as (

    select
        * except (started_instance, started_revision, start_ns, served_ns),
        coalesce(timestamp_ns < start_ns + 60000000000, false) as is_startup,
        coalesce(timestamp_ns < served_ns, false) as has_waited,
        div(timestamp_ns, 60000000000) as minute,
        is_socket or has_upgraded as is_handshake,
        not (
            is_socket or has_upgraded or is_health or is_probe or is_scan
            or coalesce(http_method, '') = 'OPTIONS'
        ) as is_eligible,
        is_probe and not (is_socket or has_upgraded or is_health or is_scan) as is_synthetic

    from sockets
    left join starts
        on sockets.instance_id = started_instance and coalesce(sockets.revision, '') = started_revision

)

select * from final
