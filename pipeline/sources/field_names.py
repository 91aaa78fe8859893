"""Other spellings of a LogEntry: client dumps, sink rows, Log Analytics; put into the API's own.

A record comes here only where the API's names gave nothing, so this is per record and not on the fast path.
"""

import re
from typing import Any

#: Names of Log Analytics, BigQuery sinks and client dumps that are not just snake_case of the API's.
_NAMES = {
    "json_payload": "jsonPayload",
    "text_payload": "textPayload",
    "proto_payload": "protoPayload",
    "protopayload_auditlog": "protoPayload",
    "protoPayload_auditlog": "protoPayload",
    "log_name": "logName",
    "insert_id": "insertId",
    "receive_timestamp": "receiveTimestamp",
    "received_timestamp": "receiveTimestamp",
    "http_request": "httpRequest",
    "span_id": "spanId",
    "trace_sampled": "traceSampled",
}
_HTTP_NAMES = {
    "method": "requestMethod",
    "request_method": "requestMethod",
    "url": "requestUrl",
    "request_url": "requestUrl",
    "size": "requestSize",
    "request_size": "requestSize",
    "response_size": "responseSize",
    "user_agent": "userAgent",
    "remote_ip": "remoteIp",
}
_TIMES = ("timestamp", "receiveTimestamp")
_CONTAINERS = ("jsonPayload", "protoPayload", "httpRequest", "resource", "labels")

#: BigQuery prints `2026-01-15 09:00:00.123456 UTC`, Python `2026-01-15 09:00:00.123456+00:00`.
_UTC = re.compile(r"^([0-9-]{10})[ T]([0-9:]{8}(?:\.[0-9]+)?) ?(?:UTC)?$")


def respelled(entry: dict[str, Any]) -> dict[str, Any]:
    """Return the entry with the API's names and forms; explicit nulls are gone, what is not known stays as it is."""
    members = {_NAMES.get(name, name): value for name, value in entry.items() if value is not None}
    for name in _TIMES:
        if isinstance(members.get(name), str):
            members[name] = _UTC.sub(r"\1T\2Z", members[name])
    request = members.get("httpRequest")
    if isinstance(request, dict):
        request = {_HTTP_NAMES.get(name, name): value for name, value in request.items() if value is not None}
        if isinstance(request.get("status"), float) and request["status"].is_integer():
            request["status"] = int(request["status"])
        if isinstance(request.get("latency"), int | float):
            request["latency"] = f"{request['latency']:.9f}s"
        if isinstance(request.get("latency"), dict):
            seconds, nanos = (str(request["latency"].get(name, 0)) for name in ("seconds", "nanos"))
            request["latency"] = f"{seconds}.{nanos.zfill(9)}s"
        members["httpRequest"] = request
    labels = members.get("labels")
    if isinstance(labels, list) and all(isinstance(pair, dict) and isinstance(pair.get("key"), str) for pair in labels):
        labels = {pair["key"]: pair.get("value") for pair in labels}  # so Log Analytics and sinks may write them
    if isinstance(labels, dict) and "instanceid" in labels:  # BigQuery sinks lower-case the names of labels
        labels = {**labels, "instanceId": labels["instanceid"]}
    if labels is not None:
        members["labels"] = labels
    for name in _CONTAINERS:
        if members.get(name) == {}:
            del members[name]
    return members
