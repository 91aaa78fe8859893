"""Which revisions are judged: services by their activity, the newest revision of each, and the one that served."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

import polars as pl

_NUMBER = re.compile(r"-([0-9]{5})-[a-z0-9]{3}$")

#: A service with fewer request rows, no deploy, start or crash is listed, not judged, unless there is no other.
_MIN_REQUESTS = 20

#: With a digest behind it this stays below the 255 bytes that file systems allow.
_MAX_FILE_NAME = 200


@dataclass(frozen=True)
class Target:
    """A revision to judge; `served_by` names the older revision that had the requests, where it had none."""

    project: str | None
    location: str | None
    service: str
    revision: str
    path: str
    served_by: str | None = None


@dataclass(frozen=True)
class Selection:
    """What is judged, and the services that are only listed, with their entries."""

    targets: list[Target]
    others: dict[str, int]


def select(revisions: pl.DataFrame, *, service: str | None, revision: str) -> Selection:
    """Return the revisions to judge.

    revisions: the measure of that name. service: its name, or None for every service with a deploy, an instance
    start, a crash or 20 requests (every one, if that leaves none). revision: `newest`, `serving`, or a name.
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
        for name, served_by in _revisions(mine.filter(pl.col("revision").is_not_null()), revision):
            path = f"{folder}/{file_name(name)}"
            targets.append(Target(row["project"], row["location"], row["service"], name, path, served_by))
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


def _revisions(rows: pl.DataFrame, wanted: str) -> list[tuple[str, str | None]]:
    """Names of the revisions of one service to judge, each with the one that served in its place."""
    if rows.is_empty():
        return []
    if wanted not in ("newest", "serving"):
        return [(wanted, None)] if wanted in rows["revision"] else []
    newest = _newest(rows.to_dicts())
    served = rows.filter(pl.col("request_rows") > 0)
    serving = _newest(served.to_dicts()) if served.height else None
    if wanted == "serving":
        return [(serving or newest, None)]
    if serving is None or serving == newest:
        return [(newest, None)]
    return [(newest, serving), (serving, None)]


def _newest(rows: Sequence[dict[str, object]]) -> str:
    """The newest by Ready time, else number, else first entry; a higher number not yet Ready is newer still."""

    def number(row: dict[str, object]) -> int:
        found = _NUMBER.search(str(row["revision"]))
        return int(found[1]) if found else -1

    def order(row: dict[str, object]) -> tuple[object, ...]:
        return number(row), row["first_ns"] or 0, str(row["revision"])

    ready = [row for row in rows if row["ready_ns"] is not None]
    best = max(rows, key=order)
    if ready:
        latest = max(ready, key=lambda row: (row["ready_ns"], *order(row)))
        if best["ready_ns"] is not None or number(best) <= number(latest):
            best = latest
    return str(best["revision"])


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
