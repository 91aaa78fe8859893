"""Whether Google Cloud can be used from here: one probe per thing that can be wrong, each with how to fix it.

A probe never guesses: what could not be reached is said to be unknown, with the reason.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any, Literal
from urllib.parse import quote

import google.auth
import requests
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import GoogleAuthError
from google.auth.transport.requests import AuthorizedSession

from pipeline.sources.cloud_logging.resources import Resource, resources_of

State = Literal["ok", "bad", "unknown"]

_TIMEOUT_S = 5
_SCOPE = "https://www.googleapis.com/auth/cloud-platform.read-only"
_LOGIN = "gcloud auth application-default login, or set GOOGLE_APPLICATION_CREDENTIALS to a key file"

#: The quota that a pull of entries lives by; facts of the API's quota page.
_READS_PER_MINUTE = 60

#: A clock that is off by more makes `--since 30m` another window, and tokens invalid.
_MAX_CLOCK_S = 60


@dataclass(frozen=True)
class Probe:
    """What a probe found. fix: how to put it right; empty where nothing is wrong."""

    name: str
    state: State
    found: str
    fix: str = ""


class _UnreachableError(Exception):
    """An answer that tells nothing of what was asked."""


def probes(
    *,
    project: str | None = None,
    dataset: str | None = None,
    endpoint: str | None = None,
    resource: str | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Iterator[Probe]:
    """Yield credentials, APIs, roles, optional APIs, quota, sink, dataset and clock, one after the other.

    project: whose logs; by default that of the credentials. resource: an address of Cloud Logging, on whose resources
    the right to read is asked for in place of the project. dataset: PROJECT.DATASET, or none to ask for. endpoint: an
    address that answers in place of Google's, to which no credentials are sent.
    """
    session, known, login = _credentials(endpoint)
    yield login
    named = project or known
    cloud = _Cloud(session, quote(named, safe=":") if named else None, endpoint)
    named_resources = resources_of(resource) if resource else ()
    optional = (*_OPTIONAL, _STORAGE_READ) if dataset else _OPTIONAL
    asked: tuple[tuple[str, Callable[[], Probe]], ...] = (
        ("APIs", lambda: _apis(cloud, with_bigquery=bool(dataset))),
        ("roles", lambda: _roles(cloud, with_bigquery=bool(dataset), with_logs=not named_resources)),
        *((f"right on {named.name}", partial(_right, cloud, named)) for named in named_resources),
        *((right.name, partial(_optional, cloud, right)) for right in optional),
        ("quota", lambda: _quota(cloud)),
        ("sink", lambda: _sink(cloud)),
        ("dataset", lambda: _dataset(cloud, dataset)),
        ("clock", lambda: _clock(cloud, clock)),
    )
    for name, ask in asked:
        try:
            yield ask()
        except _UnreachableError as error:
            yield Probe(name, "unknown", str(error))


def _credentials(endpoint: str | None) -> tuple[Any, str | None, Probe]:
    """A session, the project of the credentials, and what there is to say of them."""
    if endpoint:
        return _session(AnonymousCredentials()), None, Probe("credentials", "ok", f"none are sent to {endpoint}")
    try:
        credentials, project = google.auth.default(scopes=[_SCOPE])
    except GoogleAuthError as error:
        return None, None, Probe("credentials", "bad", str(error).splitlines()[0], _LOGIN)
    kind = type(credentials).__module__.rpartition(".")[2].strip("_")
    words = f"{kind}, project {project}" if project else f"{kind}, without a project"
    return _session(credentials), project, Probe("credentials", "ok", words)


def _session(credentials: Any) -> Any:
    session = AuthorizedSession(credentials)
    session.trust_env = not isinstance(credentials, AnonymousCredentials)  # this machine needs no proxy to itself
    return session


@dataclass(frozen=True)
class _Cloud:
    """Google's APIs for one project."""

    session: Any
    project: str | None
    endpoint: str | None

    def ask(self, host: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Return the answer; raises _UnreachableError where there is none, or one that forbids to look."""
        if self.session is None:
            raise _UnreachableError("not asked, no credentials")
        if self.project is None:
            raise _UnreachableError("not asked, no project: add --project")
        url = f"{self.endpoint.rstrip('/') if self.endpoint else f'https://{host}'}{path}"
        try:
            answer = self.session.request("POST" if body else "GET", url, json=body, timeout=_TIMEOUT_S)
        except (requests.RequestException, GoogleAuthError) as error:
            raise _UnreachableError(f"{host} was not reached: {type(error).__name__}") from error
        return answer

    def json(self, host: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the answer's object; raises _UnreachableError for any other status than 200."""
        answer = self.ask(host, path, body)
        if answer.status_code != 200:
            raise _UnreachableError(f"{host} answered {answer.status_code}: this account may not look")
        try:
            found = answer.json()
        except ValueError as error:
            raise _UnreachableError(f"{host} answered without JSON, so maybe a proxy did") from error
        return found if isinstance(found, dict) else {}


def _apis(cloud: _Cloud, *, with_bigquery: bool) -> Probe:
    wanted = ["logging.googleapis.com", *(["bigquery.googleapis.com"] if with_bigquery else [])]
    states = {
        name: cloud.json("serviceusage.googleapis.com", f"/v1/projects/{cloud.project}/services/{name}").get("state")
        for name in wanted
    }
    missing = [name for name, state in states.items() if state != "ENABLED"]
    if missing:
        return Probe("APIs", "bad", f"not enabled: {', '.join(missing)}", f"gcloud services enable {' '.join(missing)}")
    return Probe("APIs", "ok", f"enabled: {', '.join(wanted)}")


#: Where the rights on a resource are asked for, by its kind; those on a view by Cloud Logging itself.
_HOSTS = {
    "projects": "cloudresourcemanager.googleapis.com/v3",
    "organizations": "cloudresourcemanager.googleapis.com/v3",
    "folders": "cloudresourcemanager.googleapis.com/v3",
    "billingAccounts": "cloudbilling.googleapis.com/v1",
}


def _right(cloud: _Cloud, resource: Resource) -> Probe:
    """The right to read the entries of one resource."""
    host, _, version = (_HOSTS[resource.kind] if not resource.bucket else "logging.googleapis.com/v2").partition("/")
    permission, role = resource.right
    path = f"/{version}/{quote(resource.name, safe=':/')}:testIamPermissions"
    held = cloud.json(host, path, {"permissions": [permission]}).get("permissions", [])
    name = f"right on {resource.name}"
    if permission not in held:
        return Probe(name, "bad", f"without {permission} ({role})", resource.hint)
    return Probe(name, "ok", f"allowed: {permission}")


def _roles(cloud: _Cloud, *, with_bigquery: bool, with_logs: bool) -> Probe:
    needed = {"logging.logEntries.list": "roles/logging.viewer"} if with_logs else {}
    if with_bigquery:
        needed["bigquery.jobs.create"] = "roles/bigquery.jobUser"
    if not needed:
        return Probe("roles", "ok", "none on the project: the resources below are read in its place")
    path = f"/v1/projects/{cloud.project}:testIamPermissions"
    held = cloud.json("cloudresourcemanager.googleapis.com", path, {"permissions": list(needed)}).get("permissions", [])
    missing = [permission for permission in needed if permission not in held]
    if missing:
        roles = ", ".join(needed[permission] for permission in missing)
        fix = f"gcloud projects add-iam-policy-binding {cloud.project} --member=... --role={needed[missing[0]]}"
        return Probe("roles", "bad", f"without {', '.join(missing)} ({roles})", fix)
    return Probe("roles", "ok", f"allowed: {', '.join(needed)}")


@dataclass(frozen=True)
class _Optional:
    """A right that a check can do without, and what it shows."""

    name: str
    api: str
    permission: str
    role: str
    shows: str


_OPTIONAL = (
    _Optional(
        "Cloud Monitoring",
        "monitoring.googleapis.com",
        "monitoring.timeSeries.list",
        "roles/monitoring.viewer",
        "prove that no log is missing",
    ),
    _Optional(
        "Run Admin API",
        "run.googleapis.com",
        "run.services.get",
        "roles/run.viewer",
        "show the traffic split, the image and who deployed it",
    ),
)
_STORAGE_READ = _Optional(
    "Storage Read API",
    "bigquerystorage.googleapis.com",
    "bigquery.readsessions.create",
    "roles/bigquery.readSessionUser",
    "read more than 10 GB of a sink without a store in BigQuery",
)


def _optional(cloud: _Cloud, right: _Optional) -> Probe:
    """An API that adds to a verdict: without it nothing is wrong."""
    state = cloud.json("serviceusage.googleapis.com", f"/v1/projects/{cloud.project}/services/{right.api}").get("state")
    if state != "ENABLED":
        fix = f"to {right.shows}: gcloud services enable {right.api}"
        return Probe(right.name, "ok", f"not used: {right.api} is not enabled", fix)
    path = f"/v1/projects/{cloud.project}:testIamPermissions"
    body = {"permissions": [right.permission]}
    held = cloud.json("cloudresourcemanager.googleapis.com", path, body).get("permissions", [])
    if right.permission not in held:
        fix = (
            f"to {right.shows}: gcloud projects add-iam-policy-binding {cloud.project} --member=... --role={right.role}"
        )
        return Probe(right.name, "ok", f"not used: without {right.permission} ({right.role})", fix)
    return Probe(right.name, "ok", f"allowed: {right.permission}")


def _quota(cloud: _Cloud) -> Probe:
    path = f"/v1beta1/projects/{cloud.project}/services/logging.googleapis.com/consumerQuotaMetrics"
    metrics = cloud.json("serviceusage.googleapis.com", path).get("metrics", [])
    limits = [
        int(bucket["effectiveLimit"])
        for metric in metrics
        if metric.get("metric") == "logging.googleapis.com/read_requests"
        for limit in metric.get("consumerQuotaLimits", [])
        for bucket in limit.get("quotaBuckets", [])
        if "effectiveLimit" in bucket
    ]
    if not limits:
        raise _UnreachableError(f"no limit on reads is told; {_READS_PER_MINUTE} a minute is usual")
    reads = min(limits)
    words = f"{reads} reads a minute, so {reads * 1000:,} entries"
    if reads < _READS_PER_MINUTE:
        return Probe("quota", "bad", words, f"--reads-per-minute {reads}, or let a sink export the logs")
    return Probe("quota", "ok", words)


def _sink(cloud: _Cloud) -> Probe:
    sinks = cloud.json("logging.googleapis.com", f"/v2/projects/{cloud.project}/sinks").get("sinks", [])
    useful = [
        f"{sink.get('name')} to {sink.get('destination')}"
        for sink in sinks
        if str(sink.get("destination", "")).startswith(("bigquery.googleapis.com/", "storage.googleapis.com/"))
        and not sink.get("disabled")
    ]
    if not useful:
        fix = (
            "for more than an hour of a busy service: gcloud logging sinks create runs bigquery.googleapis.com/"
            f"projects/{cloud.project}/datasets/DATASET --use-partitioned-tables "
            "--log-filter='resource.type=\"cloud_run_revision\"'"
        )
        return Probe("sink", "ok", "none to BigQuery or Cloud Storage; the API alone is read", fix)
    return Probe("sink", "ok", ", ".join(useful))


def _dataset(cloud: _Cloud, dataset: str | None) -> Probe:
    if not dataset:
        return Probe("dataset", "ok", "none was asked for (--dataset PROJECT.DATASET)")
    project, _, name = dataset.rpartition(".")
    host = "bigquery.googleapis.com"
    answer = cloud.ask(host, f"/bigquery/v2/projects/{quote(project) or cloud.project}/datasets/{quote(name)}")
    if answer.status_code == 404:
        return Probe(
            "dataset", "bad", f"{dataset} does not exist", f"bq mk --dataset {project or cloud.project}:{name}"
        )
    if answer.status_code == 403:
        fix = f"give this account roles/bigquery.dataEditor on {dataset}"
        return Probe("dataset", "bad", f"{dataset} may not be seen", fix)
    if answer.status_code != 200:
        raise _UnreachableError(f"{host} answered {answer.status_code}")
    return Probe("dataset", "ok", f"{dataset} exists")


def _clock(cloud: _Cloud, clock: Callable[[], datetime]) -> Probe:
    answer = cloud.ask("logging.googleapis.com", f"/v2/projects/{cloud.project}/sinks")
    try:
        there = parsedate_to_datetime(answer.headers["Date"])
    except (KeyError, ValueError) as error:
        raise _UnreachableError("the answer has no time") from error
    off = (clock() - there).total_seconds()
    if abs(off) > _MAX_CLOCK_S:
        words = f"{abs(off):,.0f} s {'ahead of' if off > 0 else 'behind'} Google's"
        return Probe("clock", "bad", words, "set the clock by NTP: timedatectl set-ntp true")
    return Probe("clock", "ok", f"within {_MAX_CLOCK_S} s of Google's")
