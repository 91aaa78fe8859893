"""Whether Google Cloud can be used from here: one probe per thing that can be wrong, each with how to mend it.

A probe never guesses: what could not be reached is said to be unknown, with the reason.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal
from urllib.parse import quote

import google.auth
import requests
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import GoogleAuthError
from google.auth.transport.requests import AuthorizedSession

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
    """What a probe found. mend: how to put it right; empty where nothing is wrong."""

    name: str
    state: State
    found: str
    mend: str = ""


class _UnreachableError(Exception):
    """An answer that tells nothing of what was asked."""


def probes(
    *,
    project: str | None = None,
    dataset: str | None = None,
    endpoint: str | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Iterator[Probe]:
    """Yield credentials, APIs, roles, quota, sink, dataset and clock, one after the other.

    project: whose logs; by default that of the credentials. dataset: PROJECT.DATASET, or none to ask for. endpoint: an
    address that answers in place of Google's, to which no credentials are sent.
    """
    session, known, found = _credentials(endpoint)
    yield found
    named = project or known
    cloud = _Cloud(session, quote(named, safe=":") if named else None, endpoint)
    asked: tuple[tuple[str, Callable[[], Probe]], ...] = (
        ("APIs", lambda: _apis(cloud, with_bigquery=bool(dataset))),
        ("roles", lambda: _roles(cloud, with_bigquery=bool(dataset))),
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
    told = f"{kind}, project {project}" if project else f"{kind}, without a project"
    return _session(credentials), project, Probe("credentials", "ok", told)


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
            raise _UnreachableError("not asked, for want of credentials")
        if self.project is None:
            raise _UnreachableError("not asked, for want of a project: add --project")
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


def _roles(cloud: _Cloud, *, with_bigquery: bool) -> Probe:
    needed = {"logging.logEntries.list": "roles/logging.viewer"}
    if with_bigquery:
        needed["bigquery.jobs.create"] = "roles/bigquery.jobUser"
    path = f"/v1/projects/{cloud.project}:testIamPermissions"
    held = cloud.json("cloudresourcemanager.googleapis.com", path, {"permissions": list(needed)}).get("permissions", [])
    missing = [permission for permission in needed if permission not in held]
    if missing:
        roles = ", ".join(needed[permission] for permission in missing)
        mend = f"gcloud projects add-iam-policy-binding {cloud.project} --member=... --role={needed[missing[0]]}"
        return Probe("roles", "bad", f"without {', '.join(missing)} ({roles})", mend)
    return Probe("roles", "ok", f"allowed: {', '.join(needed)}")


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
    told = f"{reads} reads a minute, so {reads * 1000:,} entries"
    if reads < _READS_PER_MINUTE:
        return Probe("quota", "bad", told, f"--reads-per-minute {reads}, or let a sink export the logs")
    return Probe("quota", "ok", told)


def _sink(cloud: _Cloud) -> Probe:
    found = cloud.json("logging.googleapis.com", f"/v2/projects/{cloud.project}/sinks").get("sinks", [])
    useful = [
        f"{sink.get('name')} to {sink.get('destination')}"
        for sink in found
        if str(sink.get("destination", "")).startswith(("bigquery.googleapis.com/", "storage.googleapis.com/"))
        and not sink.get("disabled")
    ]
    if not useful:
        mend = (
            "for more than an hour of a busy service: gcloud logging sinks create runs bigquery.googleapis.com/"
            f"projects/{cloud.project}/datasets/DATASET --use-partitioned-tables "
            "--log-filter='resource.type=\"cloud_run_revision\"'"
        )
        return Probe("sink", "ok", "none to BigQuery or Cloud Storage; the API alone is read", mend)
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
        mend = f"give this account roles/bigquery.dataEditor on {dataset}"
        return Probe("dataset", "bad", f"{dataset} may not be seen", mend)
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
        told = f"{abs(off):,.0f} s {'ahead of' if off > 0 else 'behind'} Google's"
        return Probe("clock", "bad", told, "set the clock by NTP: timedatectl set-ntp true")
    return Probe("clock", "ok", f"within {_MAX_CLOCK_S} s of Google's")
