"""Deployments of a service, from its audit log: the calls that asked for one, and the Ready entries that ended it.

An operation is logged when it starts, when it ends, or both, so a call may stand before the Ready of its revision or
some seconds after it. A Ready counts for the revision it names, and only where that revision was not Ready before: a
revision that is Ready again is no deployment.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from pipeline.sources.cloud_logging.filter import Scope, quoted

#: The logs that report deployments.
AUDIT_LOGS = ("cloudaudit.googleapis.com/system_event", "cloudaudit.googleapis.com/activity")

#: What every entry of an audit log has in it.
AUDITED = b"cloudaudit.googleapis.com"

_CONDITION = "Ready condition status changed to"
READY = re.compile(
    rf"{_CONDITION} (?P<status>True|False) for (?P<kind>Revision|Service) (?P<name>[a-z0-9-]+)"
    r"(?: with message: (?P<message>.+))?",
    re.DOTALL,
)
_NOT_READY = re.compile(r"Revision '(?P<name>[a-z0-9-]+)' is not ready")
_METHODS = r"(Create|Replace|Update|Patch)(Internal)?Service$"
CALL = re.compile(rf"\.{_METHODS}")

#: What is read of an audit entry.
COLUMNS = ("project", "location", "service", "revision", "timestamp_ns", "message", "payload")

_SECOND = 10**9

#: Calls of one deployment stand within this time; so long after its Ready an operation's end may be logged.
_TOGETHER_NS = 600 * _SECOND
AFTER_READY_NS = 10 * _SECOND

#: A deployment without a Ready after so long has failed: what Cloud Run waits for at most, in s.
READY_S = 600.0


@dataclass(frozen=True)
class Deployment:
    """One deployment of a service, or one change that sent all traffic to an older revision (rollback).

    started_ns: its first call, or its Ready where no call was seen. revision: None while nothing names it. ready_ns:
    its revision's first Ready, None where there is none yet; failed: what the platform says of a revision that could
    not become ready, and failed_ns when. timeout_s: the revision's request time-out, if an entry says. newer: the
    revision of a deployment that came after it, or words for one that names none yet. All times since 1970.
    """

    service: str
    started_ns: int
    revision: str | None = None
    ready_ns: int | None = None
    failed: str | None = None
    failed_ns: int | None = None
    timeout_s: float | None = None
    rollback: bool = False
    newer: str | None = None

    @property
    def begin_ns(self) -> int:
        """Where its window begins: its Ready, or its first call where it never became ready."""
        return self.started_ns if self.ready_ns is None else self.ready_ns

    def overdue(self, now_ns: int) -> bool:
        """Whether its Ready should have come by now."""
        return self.ready_ns is None and now_ns - self.started_ns > READY_S * _SECOND


@dataclass(frozen=True)
class _Call:
    service: str
    at_ns: int
    revision: str | None
    latest: str | None
    rollback_to: str | None
    only_traffic: bool


@dataclass(frozen=True)
class _Condition:
    service: str
    at_ns: int
    revision: str | None
    is_ready: bool
    message: str
    timeout_s: float | None


def audit_filter(service: str | None) -> str:
    """Return the filter of the entries that report deployments, without times."""
    ready = f"protoPayload.status.message:{quoted(_CONDITION)}"
    calls = f"protoPayload.methodName=~{quoted(_METHODS)}"
    return f"{Scope(service, logs=AUDIT_LOGS).text()} AND ({ready} OR {calls})"


def audit_lines(lines: Sequence[bytes]) -> list[bytes]:
    """Return the raw entries that may report a deployment."""
    return [line for line in lines if AUDITED in line]


def audit_rows(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of the audit log that may report a deployment of a service, with `COLUMNS`."""
    named = pl.col("log_id").is_in(AUDIT_LOGS) & pl.col("timestamp_ns").is_not_null() & pl.col("service").is_not_null()
    names = {"message": _CONDITION, "payload": _METHODS.removesuffix("$")}
    reports = [pl.col(name).cast(pl.String).str.contains(pattern) for name, pattern in names.items()]
    return rows.filter(named & (pl.col("workload") == "service")).filter(pl.any_horizontal(reports)).select(COLUMNS)


def deployments(frames: Sequence[pl.DataFrame], service: str | None = None) -> list[Deployment]:
    """Return the deployments that audit entries report, the oldest first.

    frames: of `audit_rows`. service: its own alone; None for those of all. Refused calls are none, nor are changes of
    traffic alone; one that sends all traffic to a revision that was Ready before is a rollback.
    """
    calls: dict[str, list[_Call]] = {}
    conditions: dict[str, list[_Condition]] = {}
    for frame in frames:
        for row in frame.sort("timestamp_ns").iter_rows(named=True):
            if service in (None, row["service"]):
                _read(row, calls, conditions)
    listed = [
        deployment
        for name in {**calls, **conditions}
        for deployment in _of_service(name, calls.get(name, []), conditions.get(name, []))
    ]
    return sorted(listed, key=lambda item: (item.begin_ns, item.started_ns, item.revision or ""))


def refused_ns(frames: Sequence[pl.DataFrame], service: str | None = None) -> list[int]:
    """Return when calls for a deployment were refused, in ns since 1970; service: of its own alone."""
    rows = (row for frame in frames for row in frame.iter_rows(named=True) if service in (None, row["service"]))
    calls = ((row["timestamp_ns"], payload_of(row["payload"])) for row in rows)
    return sorted(
        at_ns
        for at_ns, payload in calls
        if CALL.search(str(payload.get("methodName") or "")) and field_at(payload, "status", "code")
    )


def _read(row: dict[str, Any], calls: dict[str, list[_Call]], conditions: dict[str, list[_Condition]]) -> None:
    """Put one audit entry where it belongs, if it is a call or a condition."""
    service, at_ns, payload = row["service"], row["timestamp_ns"], payload_of(row["payload"])
    if condition := READY.search(row["message"] or ""):
        message = (condition["message"] or "").partition("\n")[0].strip()
        named = (row["revision"] or condition["name"]) if condition["kind"] == "Revision" else None
        if named is None:  # the Service's own condition names the revision only where that failed
            failed = _NOT_READY.search(message)
            named = failed["name"] if failed else None
            if condition["status"] == "True":
                return
        timeout = field_at(payload, "response", "spec", "timeoutSeconds")
        timeout_s = float(timeout) if isinstance(timeout, int) and timeout > 0 else None
        reported = _Condition(service, at_ns, named, condition["status"] == "True", message, timeout_s)
        conditions.setdefault(service, []).append(reported)
    elif CALL.search(str(payload.get("methodName") or "")) and not field_at(payload, "status", "code"):
        calls.setdefault(service, []).append(_call(service, at_ns, payload))


def _call(service: str, at_ns: int, payload: dict[str, Any]) -> _Call:
    request = field_at(payload, "request", "service")
    request = request if isinstance(request, dict) else field_at(payload, "request") or {}
    template = field_at(request, "spec", "template", "metadata", "name") or field_at(request, "template", "revision")
    latest = field_at(payload, "response", "status", "latestCreatedRevisionName") or field_at(
        payload, "response", "latestCreatedRevision"
    )
    mask = field_at(payload, "request", "updateMask")
    paths = mask.get("paths") if isinstance(mask, dict) else str(mask or "").split(",")
    only_traffic = bool(paths) and all(str(path).startswith("traffic") for path in paths or [])
    targets = field_at(request, "spec", "traffic") or field_at(request, "traffic") or []
    whole = [share for share in targets if isinstance(share, dict) and share.get("percent") == 100]
    target = name_of(whole[0].get("revisionName") or whole[0].get("revision")) if whole else None
    return _Call(service, at_ns, name_of(template), name_of(latest), target, only_traffic)


def _of_service(service: str, calls: Sequence[_Call], conditions: Sequence[_Condition]) -> Iterator[Deployment]:
    """The deployments of one service, from its calls and conditions by time."""
    first_ready: dict[str, _Condition] = {}
    for condition in sorted(conditions, key=lambda timed: timed.at_ns):
        if condition.is_ready and condition.revision:
            first_ready.setdefault(condition.revision, condition)

    def was_ready(revision: str | None, at_ns: int) -> bool:
        return revision in first_ready and first_ready[revision].at_ns < at_ns - AFTER_READY_NS

    groups: list[Deployment] = []
    entries: list[_Call | _Condition] = [*calls, *conditions]
    for entry in sorted(entries, key=lambda timed: timed.at_ns):
        at_ns = entry.at_ns
        if isinstance(entry, _Call):
            if was_ready(entry.rollback_to, at_ns) and (entry.only_traffic or was_ready(entry.revision, at_ns)):
                yield Deployment(service, at_ns, entry.rollback_to, at_ns, rollback=True)
            elif not entry.only_traffic and not was_ready(entry.revision, at_ns):
                new = None if was_ready(entry.latest, at_ns) else entry.latest
                _join(groups, Deployment(service, at_ns, entry.revision or new))
        elif entry.is_ready and entry.revision and first_ready[entry.revision] is entry:
            _settle(groups, Deployment(service, at_ns, entry.revision, at_ns, timeout_s=entry.timeout_s))
        elif not entry.is_ready and not was_ready(entry.revision, at_ns):
            text = entry.message or "the platform gives no reason"
            _settle(groups, Deployment(service, at_ns, entry.revision, failed=text, failed_ns=at_ns))
    yield from groups


def _join(groups: list[Deployment], call: Deployment) -> None:
    """Count a call for the deployment that it belongs to, or for a new one."""
    last = groups[-1] if groups else None
    if last is not None and call.started_ns - last.started_ns <= _TOGETHER_NS:
        end_ns = last.ready_ns or last.failed_ns
        ended = end_ns is not None and call.started_ns > end_ns + AFTER_READY_NS
        if not ended and (last.revision == call.revision or None in (last.revision, call.revision)):
            groups[-1] = replace(last, revision=last.revision or call.revision)
            return
    groups.append(call)


def _settle(groups: list[Deployment], end: Deployment) -> None:
    """Give a deployment its end: the newest of the same or no revision that began by then; else it is its own."""
    for index in reversed(range(len(groups))):
        group = groups[index]
        named = group.revision in (None, end.revision) or end.revision is None
        ended = group.ready_ns is not None or group.failed is not None
        begun = group.started_ns - AFTER_READY_NS <= end.started_ns <= group.started_ns + READY_S * _SECOND
        if named and begun and (not ended or group.revision == end.revision or end.revision is None):
            ready_ns = end.ready_ns or group.ready_ns
            failing = end if end.failed else group
            groups[index] = replace(
                group,
                started_ns=min(group.started_ns, end.started_ns),
                revision=end.revision or group.revision,
                ready_ns=ready_ns,
                failed=None if ready_ns else failing.failed,
                failed_ns=None if ready_ns else failing.failed_ns,
                timeout_s=end.timeout_s or group.timeout_s,
            )
            return
    groups.append(end)
    groups.sort(key=lambda item: item.started_ns)


def payload_of(text: str | None) -> dict[str, Any]:
    """Return the payload of an audit entry, its bodies as objects; empty where it is no object.

    A sink to BigQuery writes the bodies as JSON texts, `requestJson` and so on.

    >>> payload_of(json.dumps({"responseJson": '{"a": 1}', "request": "cut {"}))
    {'responseJson': '{"a": 1}', 'request': {}, 'response': {'a': 1}}
    """
    payload = _object(text)
    for name in ("request", "response"):
        body = payload.get(name) or payload.get(f"{name}Json")
        if isinstance(body, str):
            payload[name] = _object(body)
    return payload


def _object(text: str | None) -> dict[str, Any]:
    try:
        value = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def field_at(value: Any, *path: str) -> Any:
    """Return what stands at a path of an object; None where something on it is missing."""
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def name_of(value: object) -> str | None:
    """Return the last part of a resource's name."""
    return value.rpartition("/")[2] or None if isinstance(value, str) else None
