-- What does each row of a log sink's table, or of Log Analytics' _AllLogs, say as an entry?
-- Grain: one row per row of `sink_rows`, whose `line` is the row as JSON and `source` the table's name.
-- Units: timestamp_ns in ns since 1970, http_latency_ms in milliseconds, *_bytes in bytes.
-- A row as JSON has no missing columns and no types that conflict. Sinks write user-given names in lower case, Log
-- Analytics writes snake_case. A sink puts a payload with an @type into a column of its own: jsonpayload_VERSION_TYPE
-- (for Error Reporting jsonpayload_v1beta1_reportederrorevent) or protopayload_TYPE. A value that is null in JSON is
-- none; a row in which no payload is found was not understood. Nothing is redacted yet; remote_ip is the client's
-- address.
with

spelled as (

    select
        source,
        line,
        coalesce(json_value(line, '$.logName'), json_value(line, '$.log_name')) as log_name,
        coalesce(json_value(line, '$.insertId'), json_value(line, '$.insert_id')) as insert_id,
        json_value(line, '$.timestamp') as given_time,
        safe_cast(json_value(line, '$.timestamp') as timestamp) as written,
        safe_cast(coalesce(
            json_value(line, '$.receiveTimestamp'), json_value(line, '$.receive_timestamp')
        ) as timestamp) as received,
        json_value(line, '$.resource.labels.project_id') as project_id,
        json_value(line, '$.resource.labels.location') as location,
        nullif(json_value(line, '$.resource.type'), '') as resource_type,
        coalesce(
            nullif(json_value(line, '$.resource.labels.service_name'), ''),
            nullif(json_value(line, '$.resource.labels.job_name'), ''),
            json_value(line, '$.resource.labels.worker_pool_name')
        ) as service_name,
        json_value(line, '$.resource.labels.revision_name') as revision_name,
        coalesce(
            json_value(line, '$.labels."run.googleapis.com/execution_name"'),
            json_value(line, '$.labels.run_googleapis_com_execution_name')
        ) as execution_name,
        json_value(line, '$.severity') as severity,
        coalesce(json_value(line, '$.textPayload'), json_value(line, '$.text_payload')) as text_payload,
        coalesce(
            nullif(cast(json_query(line, '$.jsonPayload') as string), 'null'),
            nullif(cast(json_query(line, '$.json_payload') as string), 'null'),
            nullif(cast(json_query(line, '$.protopayload_auditlog') as string), 'null'),
            nullif(cast(json_query(line, '$.protoPayload') as string), 'null'),
            nullif(cast(json_query(line, '$.proto_payload.audit_log') as string), 'null'),
            -- one such column at most is not null in a row; a quote in a text is escaped, so no text looks like a key
            json_query(regexp_replace(
                line, r'"(?:json|proto)[pP]ayload_[^"\\]*":([^n])', r'"typed_payload":\1'
            ), '$.typed_payload')
        ) as given_payload,
        nullif(cast(json_query(line, '$.labels') as string), 'null') as given_labels,
        coalesce(
            json_value(line, '$.labels.instanceId'), json_value(line, '$.labels.instanceid')
        ) as instance_id,
        coalesce(
            nullif(cast(json_query(line, '$.httpRequest') as string), 'null'),
            nullif(cast(json_query(line, '$.http_request') as string), 'null')
        ) as request,
        json_value(line, '$.trace') as trace,
        coalesce(json_value(line, '$.spanId'), json_value(line, '$.span_id')) as span_id

    from sink_rows

),

-- a column that other rows have is null here, and no part of this payload
trimmed as (

    select
        *,
        regexp_replace(
            regexp_replace(given_payload, r',"[^"\\]*":null', ''), r'\{"[^"\\]*":null,?', '{'
        ) as payload,
        nullif(regexp_replace(
            regexp_replace(given_labels, r',"[^"\\]*":null', ''), r'\{"[^"\\]*":null,?', '{'
        ), '{}') as labels,
        coalesce(json_value(request, '$.requestMethod'), json_value(request, '$.request_method')) as http_method,
        coalesce(json_value(request, '$.requestUrl'), json_value(request, '$.request_url')) as url,
        json_value(request, '$.status') as given_status,
        safe_cast(json_value(request, '$.status') as int64) as http_status,
        coalesce(
            json_value(request, '$.latency'),
            concat(
                json_value(request, '$.latency.seconds'), '.',
                lpad(coalesce(json_value(request, '$.latency.nanos'), '0'), 9, '0')
            )
        ) as given_latency,
        coalesce(json_value(request, '$.requestSize'), json_value(request, '$.request_size')) as request_size,
        coalesce(json_value(request, '$.responseSize'), json_value(request, '$.response_size')) as response_size,
        coalesce(json_value(request, '$.userAgent'), json_value(request, '$.user_agent')) as http_user_agent,
        coalesce(json_value(request, '$.remoteIp'), json_value(request, '$.remote_ip')) as remote_ip

    from spelled

),

valued as (

    select
        *,
        safe_cast(regexp_extract(given_latency, '^([0-9]{1,9}(?:[.][0-9]+)?(?:[eE]-?[0-9]+)?)s?$') as float64)
        as latency_s,
        json_value(payload, '$.status.message') as status_message,
        coalesce(
            json_value(payload, '$.resourceName'), json_value(payload, '$.resource_name')
        ) as resource_name,
        if(
            written between timestamp '1678-01-01 00:00:00+00' and timestamp '2261-12-31 23:59:59+00',
            written, null
        ) as timestamp,
        if(
            received between timestamp '1678-01-01 00:00:00+00' and timestamp '2261-12-31 23:59:59+00',
            received, null
        ) as receive_timestamp

    from trimmed

),

told as (

    select
        *,
        coalesce(
            nullif(text_payload, ''),
            nullif(coalesce(json_value(payload, '$.message'), cast(json_query(payload, '$.message') as string)), ''),
            nullif(coalesce(json_value(payload, '$.msg'), cast(json_query(payload, '$.msg') as string)), ''),
            nullif(coalesce(json_value(payload, '$.event'), cast(json_query(payload, '$.event') as string)), ''),
            nullif(json_value(payload, '$.textPayload'), ''),
            nullif(json_value(payload, '$.textpayload'), ''),
            nullif(json_value(payload, '$.status.message'), ''),
            nullif(json_value(payload, '$.methodName'), ''),
            nullif(json_value(payload, '$.method_name'), ''),
            -- where else a text can be: `message` in parsers/formats.toml; an object or a number is none
            nullif(nullif(
                json_value(payload, '$.Message'), cast(json_query(payload, '$.Message') as string)
            ), ''),
            nullif(nullif(
                json_value(payload, '$.record.message'), cast(json_query(payload, '$.record.message') as string)
            ), ''),
            nullif(nullif(
                json_value(payload, '$.fields.message'), cast(json_query(payload, '$.fields.message') as string)
            ), ''),
            nullif(nullif(
                json_value(payload, '$."@m"'), cast(json_query(payload, '$."@m"') as string)
            ), ''),
            nullif(nullif(
                json_value(payload, '$._m'), cast(json_query(payload, '$._m') as string)
            ), ''),
            nullif(nullif(
                json_value(payload, '$.short_message'), cast(json_query(payload, '$.short_message') as string)
            ), ''),
            nullif(nullif(
                json_value(payload, '$.body'), cast(json_query(payload, '$.body') as string)
            ), ''),
            nullif(nullif(
                json_value(payload, '$.body.stringValue'), cast(json_query(payload, '$.body.stringValue') as string)
            ), ''),
            nullif(nullif(
                json_value(payload, '$.body.stringvalue'), cast(json_query(payload, '$.body.stringvalue') as string)
            ), ''),
            nullif(nullif(
                json_value(payload, '$.text'), cast(json_query(payload, '$.text') as string)
            ), ''),
            nullif(nullif(
                json_value(payload, '$.log'), cast(json_query(payload, '$.log') as string)
            ), ''),
            nullif(nullif(
                json_value(payload, '$."@mt"'), cast(json_query(payload, '$."@mt"') as string)
            ), ''),
            nullif(nullif(
                json_value(payload, '$._mt'), cast(json_query(payload, '$._mt') as string)
            ), ''),
            nullif(nullif(
                json_value(payload, '$.err.message'), cast(json_query(payload, '$.err.message') as string)
            ), ''),
            nullif(nullif(
                json_value(payload, '$.error.message'), cast(json_query(payload, '$.error.message') as string)
            ), ''),
            nullif(nullif(
                json_value(payload, '$.error'), cast(json_query(payload, '$.error') as string)
            ), ''),
            nullif(nullif(
                json_value(payload, '$.err'), cast(json_query(payload, '$.err') as string)
            ), '')
        ) as message,
        if(
            (given_time is not null and timestamp is null)
            or (given_status is not null and http_status is null)
            or (given_latency is not null and latency_s is null)
            or (text_payload is null and given_payload is null and request is null)
            or not starts_with(coalesce(payload, '{'), '{'),
            line,
            null
        ) as raw

    from valued

),

-- what is about an execution of a job, or a task of it, can name it in its text or its resource alone
executed as (

    select
        *,
        if(resource_type = 'cloud_run_job', coalesce(
            nullif(revision_name, ''),
            nullif(execution_name, ''),
            if(raw is null, regexp_extract(
                resource_name, '/(?:executions|tasks)/([^/]+?)(?:-task[0-9]+)?$'
            ), null),
            if(raw is null, regexp_extract(
                status_message, '^(?:Execution|Task) ([a-z][a-z0-9]*(?:-[a-z0-9]+)+?)(?:-task[0-9]+)?(?:[ .]|$)'
            ), null),
            if(raw is null, regexp_extract(
                regexp_extract(status_message, '^[A-Z][A-Za-z]+ condition status changed to [A-Z][a-z]+ for (.*)$'),
                '^(?:Execution|Task) ([a-z][a-z0-9]*(?:-[a-z0-9]+)+?)(?:-task[0-9]+)?(?:[ .]|$)'
            ), null)
        ), null) as execution

    from told

),

named as (

    select
        *,
        coalesce(resource_type, 'cloud_run_revision') in (
            'cloud_run_revision', 'cloud_run_job', 'cloud_run_worker_pool'
        ) as is_run,
        coalesce(
            nullif(service_name, ''),
            regexp_extract(revision_name, '^(.+)-[0-9]{5}-[a-z0-9]{3}$'),
            if(raw is null, regexp_extract(resource_name, '/(?:services|jobs|worker[pP]ools)/([^/]+)$'), null),
            if(raw is null, regexp_extract(resource_name, '/revisions/([^/]+)-[0-9]{5}-[a-z0-9]{3}$'), null),
            regexp_extract(execution, '^(.+)-[a-z0-9]{5}$')
        ) as name

    from executed

),

staged as (

    select
        log_name,
        unix_micros(timestamp) * 1000 as timestamp_ns,
        nullif(insert_id, '') as insert_id,
        timestamp,
        if(raw is null, receive_timestamp, null) as receive_timestamp,
        regexp_replace(regexp_extract(log_name, '/logs/(.+)$'), '%2[Ff]', '/') as log_id,
        coalesce(nullif(project_id, ''), regexp_extract(log_name, '^projects/([^/]+)/')) as project,
        nullif(location, '') as location,
        if(is_run, name, null) as service,
        if(is_run, coalesce(
            nullif(revision_name, ''),
            nullif(execution_name, ''),
            if(raw is null, regexp_extract(
                status_message, '^Ready condition status changed to (?:True|False) for Revision ([a-z0-9-]+)'
            ), null),
            if(raw is null, regexp_extract(
                status_message,
                "^Ready condition status changed to False for Service [a-z0-9-]+ with message: Revision '([a-z0-9-]+)'"
            ), null),
            execution
        ), null) as revision,
        if(raw is null, instance_id, null) as instance_id,
        case resource_type
            when 'cloud_run_revision' then 'service'
            when 'cloud_run_job' then 'job'
            when 'cloud_run_worker_pool' then 'worker_pool'
            else coalesce(resource_type, if(name is null, null, 'service'))
        end as workload,
        if(raw is null, coalesce(upper(nullif(severity, '')), 'DEFAULT'), 'DEFAULT') as severity,
        if(raw is null, message, null) as message,
        if(raw is null, payload, null) as payload,
        if(raw is null, labels, null) as labels,
        if(raw is null, http_method, null) as http_method,
        if(raw is null, nullif(regexp_extract(url, '^[A-Za-z][A-Za-z0-9+.-]*://([^/?#]*)'), ''), null) as http_host,
        if(
            raw is null,
            nullif(regexp_extract(url, '^(?:[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*)?([^?#]*)'), ''),
            null
        ) as http_path,
        if(raw is null, http_status, null) as http_status,
        if(raw is null, cast(floor(latency_s * 1000000000 + 0.5) as int64) / 1000000, null) as http_latency_ms,
        if(raw is null, safe_cast(request_size as int64), null) as http_request_bytes,
        if(raw is null, safe_cast(response_size as int64), null) as http_response_bytes,
        if(raw is null, http_user_agent, null) as http_user_agent,
        if(raw is null, remote_ip, null) as remote_ip,
        if(raw is null, nullif(regexp_replace(trace, '^projects/[^/]*/traces/', ''), ''), null) as trace,
        if(raw is null, nullif(span_id, ''), null) as span_id,
        source,
        raw,
        line

    from named

)

select * from staged
