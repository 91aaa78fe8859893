"""How revisions are configured, from the audit log: what a deployment's call asked for, and what answered it.

The Ready entry of a revision holds the revision itself; a call's response holds its service, and the request what was
asked for. v1 has them as Knative writes them (`spec.template.spec`), v2 flat (`template`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import polars as pl

from pipeline.sources.cloud_logging.deployments import (
    AFTER_READY_NS,
    CALL,
    READY,
    READY_S,
    Deployment,
    deployments,
    field_at,
    name_of,
    payload_of,
)
from pipeline.sources.run_admin import Described, commit_of, deployer_of, seconds_of

#: A text of an audit entry is cut here; a number above is nobody's configuration.
_MOST_CHARS = 500
_MOST = 10**6


#: Project, location, service and revision.
Key = tuple[str | None, str | None, str, str]


def configured(frames: Sequence[pl.DataFrame]) -> dict[Key, Described]:
    """Return by project, location, service and revision what the audit log says of its configuration.

    frames: of `audit_rows`. The traffic split, the newest revision and whether it is ready are not read here. Texts are
    as they stand there, cut at 500 characters.
    """
    rows = [row for frame in frames for row in frame.iter_rows(named=True)]
    # What became Ready comes after what was asked for, whenever the call was logged.
    rows.sort(key=lambda row: (READY.search(row["message"] or "") is not None, row["timestamp_ns"]))
    known = deployments(frames)
    parts: dict[Key, list[Described]] = {}
    for row in rows:
        payload = payload_of(row["payload"])
        condition = READY.search(row["message"] or "")
        if condition and condition["kind"] == "Revision":
            described = _described(payload, field_at(payload, "response"))
            parts.setdefault(_key(row, row["revision"] or condition["name"]), []).insert(0, described)
        elif CALL.search(str(payload.get("methodName") or "")) and not field_at(payload, "status", "code"):
            for whole in (field_at(payload, "request", "service"), payload.get("request"), payload.get("response")):
                template = _object(field_at(whole, "spec", "template") or field_at(whole, "template"))
                if revision := _revision(row, template, known):
                    described = _described(payload, template, whole)
                    parts.setdefault(_key(row, revision), []).insert(0, described)
    latest = {key: _first_known(values) for key, values in parts.items()}
    return {key: value for key, value in latest.items() if any(vars(value).values())}


def _key(row: Mapping[str, Any], revision: str) -> Key:
    return row["project"], row["location"], row["service"], revision


def _revision(row: Mapping[str, Any], template: Mapping[str, Any], known: Sequence[Deployment]) -> str | None:
    """Which revision a call made: the one it names, else that of the deployment that it belongs to."""
    named = name_of(field_at(template, "metadata", "name") or template.get("revision"))
    own = [
        deployment.revision
        for deployment in known
        if deployment.service == row["service"]
        and not deployment.rollback
        and deployment.started_ns - AFTER_READY_NS <= row["timestamp_ns"] <= _until_ns(deployment)
    ]
    return named or (own[-1] if own else None)


def _until_ns(deployment: Deployment) -> int:
    """Until when a call may belong to a deployment."""
    if deployment.ready_ns is None:
        return deployment.started_ns + int(READY_S) * 10**9
    return deployment.ready_ns + AFTER_READY_NS


def _described(payload: Mapping[str, Any], template: Any, whole: Any = None) -> Described:
    """What a template or revision says, in the form of v1 or v2."""
    spec = template.get("spec") if isinstance(template, dict) and "spec" in template else template
    containers = field_at(spec, "containers")
    listed = [item for item in containers if isinstance(item, dict)] if isinstance(containers, list) else []
    serving = next((item for item in listed if item.get("ports")), listed[0] if listed else {})
    limits = field_at(serving, "resources", "limits")
    labels = {**_object(field_at(template, "labels")), **_object(field_at(template, "metadata", "labels"))}
    return Described(
        image=_text(serving.get("image")),
        commit=_text(commit_of(labels)),
        deployer=_text(deployer_of(_text(field_at(payload, "authenticationInfo", "principalEmail")))),
        timeout_s=seconds_of(field_at(spec, "timeoutSeconds") or field_at(spec, "timeout")),
        traffic={},
        newest=None,
        is_ready=None,
        message="",
        url=_text(field_at(whole, "status", "url") or field_at(whole, "uri")),
        memory=_text(field_at(limits, "memory")),
        cpu=_text(field_at(limits, "cpu")),
        concurrency=_number(field_at(spec, "containerConcurrency") or field_at(spec, "maxInstanceRequestConcurrency")),
    )


def _first_known(values: Sequence[Described]) -> Described:
    """The latest entry's, each part from the latest that has it."""
    latest = {
        field.name: next(
            (part for value in values if (part := getattr(value, field.name))), getattr(values[0], field.name)
        )
        for field in fields(Described)
    }
    return Described(**latest)


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str | None:
    return value[:_MOST_CHARS] or None if isinstance(value, str) else None


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= _MOST else None
