"""Which revisions are judged: services by their activity, the newest revision of each, and the one that served."""

import hashlib
import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import polars as pl

from pipeline.schema import IDENTITY

_NUMBER = re.compile(r"-([0-9]{5})-[a-z0-9]{3}$")

#: A service with fewer request rows, no deploy, start or crash is listed, not judged, unless there is no other.
_MIN_REQUESTS = 20

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
    service: str
    revision: str
    path: str
    served_by: str | None = None
    older: tuple[str, ...] = ()
    baseline: str | None = None


@dataclass(frozen=True)
class Selection:
    """What is judged, and the services that are only listed, with their entries."""

    targets: list[Target]
    others: dict[str, int]


def select(revisions: pl.DataFrame, *, service: str | None, revision: str, baseline: str = "previous") -> Selection:
    """Return the revisions to judge.

    revisions: the measure of that name. service: its name, or None for every service with a deploy, an instance
    start, a crash or 20 requests (every one, if that leaves none). revision: `newest`, `serving`, `every` (of 20
    requests), or a name. baseline: `previous` (the revision that served before), `none`, or a name.
    """
    known = revisions.filter(pl.col("service").is_not_null())
    keys = ("project", "location", "service")
    totals = known.group_by(keys).agg(
        pl.col("entries", "deploys", "starts", "bad_exits", "request_rows").sum(),
        pl.col("revision").is_not_null().any().alias("has_revision"),
    )
    active = pl.any_horizontal(
        pl.col("deploys", "starts", "bad_exits").cast(pl.Boolean), pl.col("request_rows") >= _MIN_REQUESTS
    )
    chosen = totals.filter(pl.col("service") == service) if service else totals.filter(active & pl.col("has_revision"))
    if not service and chosen.is_empty():
        chosen = totals
    targets = []
    for row in chosen.sort(keys, nulls_last=True).iter_rows(named=True):
        mine = known.filter(*(pl.col(key).eq_missing(pl.lit(row[key], pl.String)) for key in keys))
        folder = _folder(row, chosen)
        rows = mine.filter(pl.col("revision").is_not_null()).to_dicts()
        order = _by_age(rows)
        for name, served_by in _revisions(rows, revision):
            older = tuple(order[order.index(name) + 1 :])
            before = _before(rows, name, older, baseline)
            path = f"{folder}/{file_name(name)}"
            identity = row["project"], row["location"], row["service"]
            targets.append(Target(*identity, name, path, served_by, older, before))
    judged = [(target.project, target.location, target.service) for target in targets]
    taken = pl.DataFrame(judged, schema=dict.fromkeys(keys, pl.String), orient="row")
    left = totals.join(taken, on=keys, how="anti", nulls_equal=True)
    listed = left.group_by("service").agg(pl.col("entries").sum()).sort("service")
    return Selection(targets, dict(listed.select("service", "entries").iter_rows()))


def _folder(row: dict[str, str | None], chosen: pl.DataFrame) -> str:
    """The folder of a service: its name, with the location where it has several, and the project where these tie."""
    parts = [row["service"]]
    alike = chosen.filter(pl.col("service") == row["service"])
    if alike.height > 1:
        parts.append(row["location"])
        if alike.filter(pl.col("location").eq_missing(pl.lit(row["location"], pl.String))).height > 1:
            parts.append(row["project"])
    return _fitting("@".join(_encoded(part or "") for part in parts))


def _revisions(rows: Sequence[dict[str, Any]], wanted: str) -> list[tuple[str, str | None]]:
    """Names of the revisions of one service to judge, each with the one that served in its place."""
    if not rows:
        return []
    if wanted not in ("newest", "serving", "every"):
        return [(wanted, None)] if any(row["revision"] == wanted for row in rows) else []
    if wanted == "every":
        requests = {str(row["revision"]): row["request_rows"] for row in rows}
        return [(name, None) for name in _by_age(rows) if requests[name] >= _MIN_REQUESTS]
    newest = _by_age(rows)[0]
    served = [row for row in rows if row["request_rows"] > 0]
    serving = _by_age(served)[0] if served else None
    if wanted == "serving":
        return [(serving or newest, None)]
    if serving is None or serving == newest:
        return [(newest, None)]
    return [(newest, serving), (serving, None)]


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
        if served := [one for one in older if requests[one] >= least]:
            return served[0]
    return None


def baseline_before(
    stretch: pl.DataFrame, revisions: pl.DataFrame, target: Target, *, baseline: str = "previous"
) -> str | None:
    """Return the revision to compare with of the stretch before a window; None where the window shows enough of one.

    stretch, revisions: the measure `revisions` of the stretch, and of the window.
    """
    identity = [pl.col(key).eq_missing(pl.lit(getattr(target, key), pl.String)) for key in IDENTITY[:3]]
    mine = revisions.filter(*identity).to_dicts()
    if any(row["revision"] == target.baseline and row["request_rows"] >= _MIN_REQUESTS for row in mine):
        return None
    judged = [row for row in mine if row["revision"] == target.revision]
    rows = stretch.filter(*identity, pl.col("revision") != target.revision).to_dicts()
    order = _by_age([*rows, *judged])
    return _before(rows, target.revision, order[order.index(target.revision) + 1 :], baseline)


def _by_age(rows: Sequence[dict[str, Any]]) -> list[str]:
    """The names of revisions, the newest first.

    By Ready time, else number, else first entry. One not Ready yet is newer than all Ready ones of a lower number.
    """

    def number(row: dict[str, Any]) -> int:
        found = _NUMBER.search(str(row["revision"]))
        return int(found[1]) if found else -1

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
    return quote(text, safe="").replace("~", "%7E")


def _fitting(name: str) -> str:
    digest = hashlib.sha256(name.encode()).hexdigest()[:12]
    return name if len(name) <= _MAX_FILE_NAME else f"{name[:_MAX_FILE_NAME]}-{digest}"
