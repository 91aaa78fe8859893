"""The Run Admin API: how a revision is configured, and what its service sends traffic to."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pipeline.sources.base import Access
from pipeline.sources.optional import Rest

_HOST = "run.googleapis.com"

#: Labels under which the commit stands: Cloud Run's own of deployments from a repository, then those in common use.
_COMMIT = ("commit-sha", "commit_sha", "commit", "git-sha", "git_sha", "sha", "revision")

#: Addresses of service accounts end so; any other is a person's.
_ACCOUNTS = ".gserviceaccount.com"

_MAX_REVISIONS = 20

_IS_READY = "CONDITION_SUCCEEDED"


@dataclass(frozen=True)
class Described:
    """What the API says of a revision; None where it says nothing. Texts are as they stand there.

    traffic: percent by revision, of the service as it is now. newest: the revision created last, where it is another
    one that is ready, and when. is_ready: None while that is not decided; message: why it is not.
    """

    image: str | None
    commit: str | None
    deployer: str | None
    timeout_s: float | None
    traffic: dict[str, int]
    newest: tuple[str, datetime] | None
    is_ready: bool | None
    message: str
    url: str | None
    memory: str | None
    cpu: str | None
    concurrency: int | None


def describe(access: Access, *, project: str, location: str, service: str, revision: str) -> Described:
    """Return what the API says of a revision and its service. Raises UnavailableError."""
    api = Rest(_HOST, access.endpoint)
    path = f"/v2/projects/{project}/locations/{location}/services/{service}"
    whole = api.read(path)
    own = api.read(f"{path}/revisions/{revision}")
    containers = [container for container in _list(own, "containers") if isinstance(container, dict)]
    serving = next(
        (container for container in containers if container.get("ports")), containers[0] if containers else {}
    )
    labels = own.get("labels") if isinstance(own.get("labels"), dict) else {}
    resources = serving.get("resources")
    limits = resources.get("limits") if isinstance(resources, dict) else None
    limits = limits if isinstance(limits, dict) else {}
    concurrency = own.get("maxInstanceRequestConcurrency")
    newest = _last(whole.get("latestCreatedRevision"))
    deployer = own.get("creator") or (whole.get("lastModifier") if newest == revision else None)
    later = api.read(f"{path}/revisions/{newest}") if newest not in (None, revision) else {}
    created = _moment(later.get("createTime")) if _ready(later).get("state") == _IS_READY else None
    ready = _ready(own)
    return Described(
        image=_text(serving.get("image")),
        commit=commit_of(labels or {}),
        deployer=deployer_of(_text(deployer)),
        timeout_s=seconds_of(own.get("timeout")),
        traffic=_traffic(whole),
        newest=(newest, created) if newest and newest != revision and created else None,
        is_ready={_IS_READY: True, "CONDITION_FAILED": False}.get(str(ready.get("state"))),
        message=_text(ready.get("message")) or "",
        url=_text(whole.get("uri")),
        memory=_text(limits.get("memory")),
        cpu=_text(limits.get("cpu")),
        concurrency=concurrency if isinstance(concurrency, int) else None,
    )


def _ready(revision: dict[str, Any]) -> dict[str, Any]:
    """The condition of a revision that says whether it is ready."""
    conditions = (condition for condition in _list(revision, "conditions") if isinstance(condition, dict))
    return next((condition for condition in conditions if condition.get("type") == "Ready"), {})


def _traffic(service: dict[str, Any]) -> dict[str, int]:
    """Percent by revision: as it is served, else as it is wanted."""
    split: dict[str, int] = {}
    for target in _list(service, "trafficStatuses") or _list(service, "traffic"):
        if isinstance(target, dict) and isinstance(percent := target.get("percent"), int) and percent > 0:
            name = _last(target.get("revision")) or _last(service.get("latestReadyRevision"))
            if name:
                split[name] = split.get(name, 0) + percent
    return dict(sorted(split.items(), key=lambda pair: (-pair[1], pair[0]))[:_MAX_REVISIONS])


def commit_of(labels: Mapping[str, Any]) -> str | None:
    """Return the commit that labels name."""
    return next((text for name in _COMMIT if (text := _text(labels.get(name)))), None)


def deployer_of(address: str | None) -> str | None:
    """Return who deployed, without a person's address.

    >>> deployer_of("ci-deployer@shop.iam.gserviceaccount.com"), deployer_of("somebody@example.com")
    ('service account ci-deployer', 'a person')
    """
    if address is None:
        return None
    return f"service account {address.partition('@')[0]}" if address.endswith(_ACCOUNTS) else "a person"


def _moment(value: object) -> datetime | None:
    """A time of the API; its nanoseconds are cut to microseconds."""
    try:
        return datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _list(value: dict[str, Any], name: str) -> list[Any]:
    member = value.get(name)
    return member if isinstance(member, list) else []


def _last(value: object) -> str | None:
    """The last part of a resource's name."""
    return value.rpartition("/")[2] or None if isinstance(value, str) else None


def _text(value: object) -> str | None:
    return value or None if isinstance(value, str) else None


def seconds_of(value: object) -> float | None:
    """Return a duration of the API, such as `300s`, in s; None where it is none."""
    try:
        seconds = float(str(value).removesuffix("s")) if value else 0.0
    except ValueError:
        return None
    return seconds if 0 < seconds < math.inf else None
