"""OTLP logs as JSON, the files of the OpenTelemetry collector: each log record as the LogEntry that it stands for.

https://opentelemetry.io/docs/specs/otlp/ (JSON mapping) and https://opentelemetry.io/docs/specs/otel/logs/data-model/;
names of attributes: https://opentelemetry.io/docs/specs/semconv/resource/faas/ and …/cloud-provider/gcp/.
"""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from pipeline.sources.files.json_values import WRAPPED
from pipeline.sources.records import SourceReport
from pipeline.text import counted
from pipeline.window import rfc3339_ns

#: A longer batch, in bytes, is not parsed, which would take a multiple of it in memory.
MAX_BATCH = 16 << 20

_HEAD = re.compile(rb'\s*\[?\s*\{\s*"(?:resourceLogs|scopeLogs|resource)"\s*:\s*[\[{]')

#: Labels of the resource, and the attributes that hold them: the first that is there.
_RESOURCE = {
    "project_id": ("cloud.account.id", "gcp.project_id", "project_id"),
    "location": ("cloud.region", "location"),
    "service_name": ("service_name", "faas.name", "service.name"),
    "revision_name": ("revision_name", "faas.version", "service.version"),
    "configuration_name": ("configuration_name",),
    "job_name": ("job_name",),
    "worker_pool_name": ("worker_pool_name",),
}
_INSTANCE = ("instanceId", "faas.instance", "faas.id", "service.instance.id")
_EXECUTION = {
    "run.googleapis.com/execution_name": ("gcp.cloud_run.job.execution", "run.googleapis.com/execution_name"),
    "run.googleapis.com/task_index": ("gcp.cloud_run.job.task_index", "run.googleapis.com/task_index"),
    "run.googleapis.com/task_attempt": ("run.googleapis.com/task_attempt",),
}
_LOG_NAME = ("gcp.log_name", "logName", "log_name")
_INSERT_ID = ("log.record.uid", "insertId", "gcp.insert_id")
_REQUEST = {
    "requestMethod": ("http.request.method", "http.method"),
    "requestUrl": ("url.full", "http.url"),
    "status": ("http.response.status_code", "http.status_code"),
    "requestSize": ("http.request.size", "http.request_content_length"),
    "responseSize": ("http.response.size", "http.response_content_length"),
    "userAgent": ("user_agent.original", "http.user_agent"),
    "remoteIp": ("client.address", "http.client_ip"),
}
#: severityNumber by fours: TRACE, DEBUG, INFO, WARN, ERROR, FATAL.
_LEVELS = ("DEBUG", "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_NAMES = ("DEFAULT", "DEBUG", "INFO", "NOTICE", "WARNING", "ERROR", "CRITICAL", "ALERT", "EMERGENCY")


def is_otlp(head: bytes) -> bool:
    """Whether a file that starts like this is OTLP logs as JSON.

    >>> is_otlp(b'{"resourceLogs":[{"resource":{},"scopeLogs":[]}]}'), is_otlp(b'{"resource":{"type":"x"}}')
    (True, False)
    """
    return _HEAD.match(head) is not None and b'"scopeLogs"' in head


def otlp_records(framed: Iterable[list[bytes]], report: SourceReport) -> Iterator[list[bytes]]:
    """Yield the log records of batches, or of what stands in a batch for one resource, each the JSON of a LogEntry.

    Of other records the text as it stands.
    """
    long = 0
    for records in framed:
        entries: list[bytes] = []
        for record in records:
            batch = _batch(record) if len(record) <= MAX_BATCH else None
            long += len(record) > MAX_BATCH
            if batch is None:
                entries.append(record)
            else:
                entries += [json.dumps(entry, ensure_ascii=False).encode("utf-8", "replace") for entry in batch]
        yield entries
    report.notes[:] = [note for note in report.notes if note != WRAPPED]  # nothing was left out of these objects
    if long:
        report.note(f"{counted(long, 'OTLP batch', 'OTLP batches')} above {MAX_BATCH >> 20} MiB kept as text")


def _batch(record: bytes) -> list[dict[str, Any]] | None:
    """The entries of a batch; None where it is none."""
    try:
        value = json.loads(record)
        if not isinstance(value, dict) or value.keys().isdisjoint({"resourceLogs", "scopeLogs"}):
            return None
        resources = value.get("resourceLogs", [value])
        return [
            _entry(log, _attributes(resource_logs.get("resource") or {}))
            for resource_logs in resources
            for scope in resource_logs.get("scopeLogs") or []
            for log in scope.get("logRecords") or []
        ]
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        return None


def _entry(log: dict[str, Any], resource: dict[str, Any]) -> dict[str, Any]:
    own = _attributes(log)
    known = {**resource, **own}
    labels = {name: str(value) for name, names in _RESOURCE.items() if (value := _first(known, names)) is not None}
    project = labels.get("project_id", "")
    job = _first(known, _EXECUTION["run.googleapis.com/execution_name"])
    if job is not None and "job_name" not in labels and "service_name" in labels:
        labels["job_name"] = labels["service_name"]
    kind = "cloud_run_job" if "job_name" in labels else "cloud_run_revision"
    if "job_name" in labels:
        labels = {name: value for name, value in labels.items() if name not in ("service_name", "revision_name")}
    elif "worker_pool_name" in labels:
        kind = "cloud_run_worker_pool"
    log_name, insert_id = _first(known, _LOG_NAME), _first(own, _INSERT_ID)
    if log_name is not None and "/logs/" not in str(log_name):
        log_name = f"projects/{project}/logs/{str(log_name).replace('/', '%2F')}"
    request = {name: value for name, names in _REQUEST.items() if (value := _first(own, names)) is not None}
    used = {name for names in (*_RESOURCE.values(), _LOG_NAME, _INSERT_ID, _INSTANCE) for name in names}
    others = {name: _shown(value) for name, value in own.items() if name not in used}
    instance = _first(known, _INSTANCE)
    tasks = {name: str(value) for name, names in _EXECUTION.items() if (value := _first(known, names)) is not None}
    observed = int(log.get("observedTimeUnixNano") or 0)
    time = int(log.get("timeUnixNano") or 0) or observed
    body = _value(log.get("body"))
    entry: dict[str, Any] = {
        "logName": log_name,
        "insertId": None if insert_id is None else str(insert_id),
        "resource": {"type": known.get("gcp.resource_type") or kind, "labels": labels},
        "timestamp": rfc3339_ns(time) if time else None,
        "receiveTimestamp": rfc3339_ns(observed) if observed else None,
        "severity": _severity(log),
        "labels": {**others, **tasks, **({} if instance is None else {"instanceId": str(instance)})},
        "httpRequest": request if "status" in request else None,
        "trace": log.get("traceId") or None,
        "spanId": log.get("spanId") or None,
        "jsonPayload": body if isinstance(body, dict) else None,
        "textPayload": None if body is None or isinstance(body, dict) else _shown(body),
    }
    return {name: value for name, value in entry.items() if value is not None}


def _severity(log: dict[str, Any]) -> str:
    text, number = str(log.get("severityText") or "").upper(), log.get("severityNumber")
    if text in _NAMES:
        return text
    if isinstance(number, str):  # enumerations may be written by their names, as SEVERITY_NUMBER_INFO2
        named = re.fullmatch("SEVERITY_NUMBER_(TRACE|DEBUG|INFO|WARN|ERROR|FATAL)[2-4]?", number)
        return _LEVELS[("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL").index(named[1])] if named else "DEFAULT"
    return _LEVELS[(number - 1) // 4] if isinstance(number, int) and 1 <= number <= 24 else "DEFAULT"


def _attributes(holder: dict[str, Any]) -> dict[str, Any]:
    return {str(attribute["key"]): _value(attribute.get("value")) for attribute in holder.get("attributes") or []}


def _value(value: Any) -> Any:
    """An AnyValue as JSON has it; integers stand in texts."""
    if not isinstance(value, dict):
        return None
    for name in ("stringValue", "boolValue", "doubleValue", "bytesValue"):
        if name in value:
            return value[name]
    if "intValue" in value:
        return int(value["intValue"])
    if "kvlistValue" in value:
        return {str(member["key"]): _value(member.get("value")) for member in value["kvlistValue"].get("values") or []}
    if "arrayValue" in value:
        return [_value(member) for member in value["arrayValue"].get("values") or []]
    return None


def _first(values: dict[str, Any], names: tuple[str, ...]) -> Any:
    return next((values[name] for name in names if values.get(name) not in (None, "")), None)


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
