"""Which revisions are judged: services by their activity, the newest revision of each, and the one that served."""

import hashlib
import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, count
from typing import Any
from urllib.parse import quote

import polars as pl

from pipeline.assess.executions import JobKey
from pipeline.judge.counts import Ending, Execution
from pipeline.judge.model import Workload
from pipeline.schema import IDENTITY, SERVICE, WORKLOADS
from pipeline.text import without_digest

_NUMBER = re.compile(r"-([0-9]{5})-[a-z0-9]{3}$")

#: A service with fewer request rows, no deploy, start or crash is listed, not judged, unless there is no other.
_MIN_REQUESTS = 20

#: Revisions that share the traffic of a service have their last requests within so many minutes.
_SHARED_MINUTES = 1

#: So many services are judged at a time, those with most crashes, requests and entries first.
MAX_SERVICES = 200

#: With a digest behind it this stays below the 255 bytes that file systems allow.
_MAX_FILE_NAME = 200


@dataclass(frozen=True)
class Target:
    """A revision to judge.

    served_by: the older revision that had the requests, where it had none. older: the service's older revisions, the
    newest first. baseline: the one to compare with, None where there is none.
    """

    project: str | None
    location: str | None
    workload: Workload
    service: str
    revision: str
    path: str
    served_by: str | None = None
    older: tuple[str, ...] = ()
    baseline: str | None = None

    @property
    def of_service(self) -> tuple[str | None, ...]:
        """Project, location, workload and service."""
        return tuple(getattr(self, key) for key in SERVICE)

    @property
    def identity(self) -> dict[str, str | None]:
        """Project, location, workload, service and revision."""
        return {key: getattr(self, key) for key in IDENTITY}


@dataclass(frozen=True)
class Selection:
    """What is judged, the services that are only listed, with their entries, and how many of these are too many."""

    targets: list[Target]
    others: dict[str, int]
    excess: int


def select(
    revisions: pl.DataFrame,
    *,
    service: str | None,
    revision: str,
    baseline: str = "previous",
    deployed: Mapping[str, str] | None = None,
    jobs: Mapping[JobKey, Sequence[Execution]] | None = None,
    served: pl.DataFrame | None = None,
) -> Selection:
    """Return the revisions to judge.

    revisions: the measure of that name. service: its name, or None for every service with a deploy, an instance
    start, a crash or 20 requests, worker pool with 20 entries, and job with an execution that ended (every one, if that
    leaves none). revision: `newest`, `serving`, `every` (of 20
    requests), or a name. baseline: `previous` (the revision that served before), `none`, or a name. deployed: by
    service, the revision that stands for the newest where it has entries. jobs: the executions of each job; the newest
    that has ended is judged, beside the newest before it that succeeded. served: the measure `minutes`; the baseline is
    the older revision that served users last before the judged one did: a bad one that was rolled back is newer than
    the one that served in its place.
    """
    known = revisions.filter(pl.col("service").is_not_null(), pl.col("workload").is_in(WORKLOADS))
    totals = known.group_by(SERVICE).agg(
        pl.col("entries", "deploys", "starts", "bad_exits", "request_rows").sum(),
        pl.col("revision").is_not_null().any().alias("has_revision"),
    )
    ended = [
        name
        for (*_, name), executions in (jobs or {}).items()
        if any(execution.ending != "unknown" for execution in executions)
    ]
    active = pl.any_horizontal(
        pl.col("deploys", "starts", "bad_exits").cast(pl.Boolean),
        pl.col("request_rows") >= _MIN_REQUESTS,
        (pl.col("workload") == "worker_pool") & (pl.col("entries") >= _MIN_REQUESTS),
        (pl.col("workload") == "job") & pl.col("service").is_in(ended),
    )
    chosen = totals.filter(pl.col("service") == service) if service else totals.filter(active & pl.col("has_revision"))
    if not service and chosen.is_empty():
        chosen = totals
    excess = max(chosen.height - MAX_SERVICES, 0)
    if excess:
        first = ["bad_exits", "request_rows", "entries"]
        order = [*first, *SERVICE]
        chosen = chosen.sort(order, descending=[name in first for name in order], nulls_last=True).head(MAX_SERVICES)
    targets = []
    paths: set[str] = set()
    for row in chosen.sort(SERVICE, nulls_last=True).iter_rows(named=True):
        own = known.filter(*(pl.col(key).eq_missing(pl.lit(row[key], pl.String)) for key in SERVICE))
        folder = folder_of(row, chosen)
        rows = own.filter(pl.col("revision").is_not_null()).to_dicts()
        order = _by_age(rows)
        endings: dict[str, Ending] = {}
        if row["workload"] == "job":
            executions = (jobs or {}).get((row["project"], row["location"], row["service"]), ())
            endings = {execution.name: execution.ending for execution in executions}
            order = [*reversed(endings)] or order
            wanted = _executions(order, endings, revision)
        else:
            wanted = _revisions(rows, revision, (deployed or {}).get(row["service"]))
        for name, served_by in wanted:
            older = tuple(order[order.index(name) + 1 :])
            good = [execution for execution in older if endings.get(execution) == "succeeded"]
            before = (
                good[0]
                if good and baseline == "previous"
                else _before(rows, name, _by_traffic(older, served, row, name), baseline)
            )
            path = _untaken(f"{folder}/{file_name(without_digest(name))}", paths)
            identity = {key: row[key] for key in SERVICE}
            targets.append(
                Target(**identity, revision=name, path=path, served_by=served_by, older=older, baseline=before)
            )
    judged = [tuple(getattr(target, key) for key in SERVICE) for target in targets]
    taken = pl.DataFrame(judged, schema=dict.fromkeys(SERVICE, pl.String), orient="row")
    left = totals.join(taken, on=SERVICE, how="anti", nulls_equal=True)
    listed = left.group_by("service").agg(pl.col("entries").sum()).sort("service")
    return Selection(targets, dict(listed.select("service", "entries").iter_rows()), excess)


def folder_of(row: Mapping[str, str | None], chosen: pl.DataFrame) -> str:
    """Return the folder of a service among those chosen: its name, with location and project where names tie.

    Other workloads have what they are behind their name.
    """
    parts = [row["service"], *([row["workload"]] if row["workload"] != "service" else [])]
    alike = chosen.filter(pl.col("service") == row["service"], pl.col("workload") == row["workload"])
    if alike.height > 1:
        parts.append(row["location"])
        if alike.filter(pl.col("location").eq_missing(pl.lit(row["location"], pl.String))).height > 1:
            parts.append(row["project"])
    return _fitting("@".join(_encoded(without_digest(part or "")) for part in parts))


def _untaken(path: str, taken: set[str]) -> str:
    """The path, with a number where another name is redacted to the same; no name of its own holds a tilde."""
    free = next(candidate for candidate in chain([path], (f"{path}~{n}" for n in count(2))) if candidate not in taken)
    taken.add(free)
    return free


def _revisions(
    rows: Sequence[dict[str, Any]], wanted: str, deployed: str | None = None
) -> list[tuple[str, str | None]]:
    """Names of the revisions of one service to judge, each with the one that served in its place."""
    if not rows:
        return []
    if wanted not in ("newest", "serving", "every"):
        return [(wanted, None)] if any(row["revision"] == wanted for row in rows) else []
    if wanted == "every":
        requests = {str(row["revision"]): row["request_rows"] for row in rows}
        return [(name, None) for name in _by_age(rows) if requests[name] >= _MIN_REQUESTS]
    newest = str(deployed) if any(row["revision"] == deployed for row in rows) else _by_age(rows)[0]
    served = [row for row in rows if row["request_rows"] > 0]
    serving = _by_age(served)[0] if served else None
    if any(row["revision"] == deployed for row in served):
        serving = newest
    if wanted == "serving":
        return [(serving or newest, None)]
    if serving is None or serving == newest:
        return [(newest, None)]
    return [(newest, serving), (serving, None)]


def _executions(order: Sequence[str], endings: Mapping[str, Ending], wanted: str) -> list[tuple[str, str | None]]:
    """The executions of one job to judge: the newest that has ended, every one that has, or the one named."""
    if wanted not in ("newest", "serving", "every"):
        return [(wanted, None)] if wanted in order else []
    ended = [name for name in order if endings.get(name, "unknown") != "unknown"] or list(order)
    return [(name, None) for name in (ended if wanted == "every" else ended[:1])]


def _before(rows: Sequence[dict[str, Any]], name: str, older: Sequence[str], wanted: str) -> str | None:
    """The revision to compare with: the newest older one that served enough, else at all.

    Where none of the service had a request, such as a worker that pulls its work, the newest older one.
    """
    requests = {str(row["revision"]): int(row["request_rows"]) for row in rows}
    if wanted == "none":
        return None
    if wanted != "previous":
        return wanted if wanted in requests and wanted != name else None
    for least in (_MIN_REQUESTS, 1) if any(requests.values()) else (0,):
        if served := [revision for revision in older if requests[revision] >= least]:
            return served[0]
    return None


def baseline_before(
    stretch: pl.DataFrame,
    revisions: pl.DataFrame,
    target: Target,
    *,
    served: pl.DataFrame,
    baseline: str = "previous",
) -> str | None:
    """Return the revision to compare with of the stretch before a window; None where the window shows enough of one.

    stretch, revisions: the measure `revisions` of the stretch, and of the window. served: the measure `minutes` of the
    stretch. Of several that served users in the stretch it is the one that did so last: a bad revision that was rolled
    back is newer than the one that serves in its place.
    """
    identity = [pl.col(key).eq_missing(pl.lit(getattr(target, key), pl.String)) for key in SERVICE]
    known = revisions.filter(*identity).to_dicts()
    if any(row["revision"] == target.baseline and row["request_rows"] >= _MIN_REQUESTS for row in known):
        return None
    judged = [row for row in known if row["revision"] == target.revision]
    rows = stretch.filter(*identity, pl.col("revision") != target.revision).to_dicts()
    order = _by_age([*rows, *judged])
    older = order[order.index(target.revision) + 1 :]
    return _before(rows, target.revision, _by_last_minute(older, served.filter(*identity)), baseline)


def _by_traffic(older: Sequence[str], served: pl.DataFrame | None, row: Mapping[str, Any], name: str) -> Sequence[str]:
    """Older revisions of a service, those first that served users last before a revision did."""
    if served is None or len(older) < 2:
        return older
    minutes = served.filter(*(pl.col(key).eq_missing(pl.lit(row[key], pl.String)) for key in SERVICE))
    began = minutes.filter(pl.col("revision") == name)["minute"].min()
    return _by_last_minute(older, minutes if began is None else minutes.filter(pl.col("minute") <= began))


def _by_last_minute(older: Sequence[str], served: pl.DataFrame) -> list[str]:
    """Revisions in their order, but those first that shared the traffic to its end."""
    last = dict(served.group_by("revision").agg(pl.col("minute").max()).iter_rows())
    ended = max((last[revision] for revision in older if revision in last), default=None)
    if ended is None:
        return list(older)
    return sorted(older, key=lambda revision: last.get(revision, 0) < ended - _SHARED_MINUTES)


def _by_age(rows: Sequence[dict[str, Any]]) -> list[str]:
    """The names of revisions, the newest first.

    By Ready time, else number, else first entry. One not Ready yet is newer than all Ready ones of a lower number.
    """

    def number(row: dict[str, Any]) -> int:
        match = _NUMBER.search(str(row["revision"]))
        return int(match[1]) if match else -1

    def order(row: dict[str, Any]) -> tuple[Any, ...]:
        return number(row), row["first_ns"] or 0, str(row["revision"])

    numbers, latest = [-1], [-1]  # of the Ready ones by rising number, with the latest Ready time so far
    for row in sorted((row for row in rows if row["ready_ns"] is not None), key=order):
        numbers.append(number(row))
        latest.append(max(latest[-1], row["ready_ns"]))

    def age(row: dict[str, Any]) -> tuple[Any, ...]:
        lower = max(bisect_left(numbers, number(row)) - 1, 0)
        return row["ready_ns"] if row["ready_ns"] is not None else latest[lower], *order(row)

    return [str(row["revision"]) for row in sorted(rows, key=age, reverse=True)]


def file_name(text: str) -> str:
    """Return a text as a file name: characters outside `[A-Za-z0-9._-]` %-encoded, and `.`, `..`, empty too.

    What is longer than a file name may be ends in a digest of the whole.

    >>> file_name("../../x"), file_name(".."), file_name("")
    ('..%2F..%2Fx', '%2E%2E', '%')
    """
    return _fitting(_encoded(text))


def _encoded(text: str) -> str:
    if text in ("", ".", ".."):
        return "%2E" * len(text) or "%"
    if text == "summary.json":  # a file beside the folders
        return "summary%2Ejson"
    return quote(text, safe="").replace("~", "%7E")


def _fitting(name: str) -> str:
    digest = hashlib.sha256(name.encode()).hexdigest()[:12]
    return name if len(name) <= _MAX_FILE_NAME else f"{name[:_MAX_FILE_NAME]}-{digest}"
