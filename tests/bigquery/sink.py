"""A LogEntry as a log sink's table has it, and as Log Analytics has it; made from the entries of tests."""

import io
import json
import re

from google.cloud import bigquery


def sink_row(entry):
    """One row of a sink's table as JSON: names of users in lower case, nulls for other rows' columns."""
    row = {name: value for name, value in entry.items() if name not in ("labels", "httpRequest", "protoPayload")}
    row["timestamp"], row["receiveTimestamp"] = micros(entry.get("timestamp")), micros(entry.get("receiveTimestamp"))
    row["labels"] = {"instanceid": entry.get("labels", {}).get("instanceId"), "other": None}
    row["jsonPayload"] = lowered(entry["jsonPayload"]) | {"unused": None} if "jsonPayload" in entry else None
    kind = re.fullmatch(r".*[.](v\w+)[.](\w+)", entry.get("jsonPayload", {}).get("@type", ""))
    if kind:
        row[f"jsonpayload_{kind[1]}_{kind[2].lower()}"], row["jsonPayload"] = row["jsonPayload"], None
    row["textPayload"] = entry.get("textPayload")
    row["protopayload_auditlog"] = entry.get("protoPayload")
    row["httpRequest"] = sink_request(entry["httpRequest"]) if "httpRequest" in entry else None
    return row


def log_analytics_row(entry):
    """One row of `_AllLogs` as JSON."""
    request = entry.get("httpRequest")
    snake = {re.sub("[A-Z]", lambda c: "_" + c[0].lower(), name): value for name, value in (request or {}).items()}
    if "latency" in snake:
        seconds, _, fraction = snake["latency"].removesuffix("s").partition(".")
        snake["latency"] = {"seconds": seconds, "nanos": int(fraction.ljust(9, "0"))}
    audit = entry.get("protoPayload")
    return {
        "log_name": entry.get("logName"),
        "insert_id": entry.get("insertId"),
        "timestamp": micros(entry.get("timestamp")),
        "receive_timestamp": micros(entry.get("receiveTimestamp")),
        "severity": entry.get("severity", "DEFAULT"),
        "resource": entry.get("resource"),
        "labels": entry.get("labels"),
        "text_payload": entry.get("textPayload"),
        "json_payload": entry.get("jsonPayload"),
        "proto_payload": {"type": None, "audit_log": snaked(audit)} if audit else None,
        "http_request": snake or None,
        "trace": entry.get("trace"),
        "span_id": entry.get("spanId"),
    }


def line(row):
    """A row as TO_JSON_STRING writes it."""
    return json.dumps(row, ensure_ascii=False, separators=(",", ":"))


def micros(time):
    """A time as BigQuery keeps it: without its nanoseconds."""
    return time and re.sub(r"(\.[0-9]{6})[0-9]+", r"\1", time)


def lowered(payload):
    return {name.lower(): lowered(value) if isinstance(value, dict) else value for name, value in payload.items()}


def snaked(audit):
    names = {"methodName": "method_name", "resourceName": "resource_name", "serviceName": "service_name"}
    return {names.get(name, name): value for name, value in audit.items()}


def sink_request(request):
    latency = request.get("latency")
    return {**request, "latency": latency and float(latency.removesuffix("s")), "unused": None}


def sink(client, name, entries, table="run_googleapis_com_stderr"):
    """A sink's table with the columns that its entries need."""
    fields = bigquery.SchemaField
    labels = [fields(one, "STRING") for one in ("project_id", "location", "service_name", "revision_name")]
    request = [fields(one, "STRING") for one in ("requestMethod", "requestUrl", "userAgent", "remoteIp", "unused")]
    schema = [
        *(fields(one, "STRING") for one in ("logName", "insertId", "severity", "textPayload")),
        *(fields(one, "TIMESTAMP") for one in ("timestamp", "receiveTimestamp")),
        fields("resource", "RECORD", fields=[fields("type", "STRING"), fields("labels", "RECORD", fields=labels)]),
        fields("labels", "RECORD", fields=[fields("instanceid", "STRING"), fields("other", "STRING")]),
        fields("httpRequest", "RECORD", fields=[*request, fields("status", "INTEGER"), fields("latency", "FLOAT")]),
    ]
    if any("protoPayload" in entry for entry in entries):
        status = fields("status", "RECORD", fields=[fields("message", "STRING"), fields("code", "INTEGER")])
        names = ("methodName", "resourceName", "requestJson", "responseJson")
        audit = [*(fields(one, "STRING") for one in names), status]
        schema.append(fields("protopayload_auditlog", "RECORD", fields=audit))
    whole = client.create_table(bigquery.Table(f"{client.project}.{name}.{table}", schema=schema))
    known = {field.name for field in schema}
    lines = [{key: value for key, value in sink_row(one).items() if key in known} for one in entries]
    config = bigquery.LoadJobConfig(schema=schema, source_format="NEWLINE_DELIMITED_JSON")
    file = io.BytesIO("".join(f"{json.dumps(one)}\n" for one in lines).encode())
    client.load_table_from_file(file, whole, job_config=config).result()


def refused(client, name, entry):
    """The table of what a sink could not write, with one entry as it came."""
    schema = [bigquery.SchemaField("logEntry", "STRING"), bigquery.SchemaField("timestamp", "TIMESTAMP")]
    table = client.create_table(bigquery.Table(f"{client.project}.{name}.export_errors_20260115", schema=schema))
    row = {"logEntry": json.dumps(entry), "timestamp": micros(entry["timestamp"])}
    config = bigquery.LoadJobConfig(schema=schema, source_format="NEWLINE_DELIMITED_JSON")
    client.load_table_from_file(io.BytesIO(json.dumps(row).encode()), table, job_config=config).result()
