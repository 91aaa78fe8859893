"""Which revisions are judged: services by their activity, the newest revision of each, and the one that served."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

import polars as pl

_NUMBER = re.compile(r"-([0-9]{5})-[a-z0-9]{3}$")

#: A service with fewer request rows, no deploy, start or crash is listed, not judged, unless there is no other.
_MIN_REQUESTS = 20


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
    names = chosen["service"].to_list()
    targets = []
    for row in chosen.sort(keys, nulls_last=True).iter_rows(named=True):
        mine = known.filter(*(pl.col(key).eq_missing(pl.lit(row[key], pl.String)) for key in keys))
        folder = f"{row['service']}@{row['location']}" if names.count(row["service"]) > 1 else row["service"]
        for name, served_by in _revisions(mine.filter(pl.col("revision").is_not_null()), revision):
            path = f"{file_name(folder)}/{file_name(name)}"
            targets.append(Target(row["project"], row["location"], row["service"], name, path, served_by))
    judged = {(target.project, target.location, target.service) for target in targets}
    left = totals.filter(~pl.struct(keys).is_in([dict(zip(keys, key, strict=True)) for key in judged]))
    others = dict(left.sort("service").select("service", "entries").iter_rows())
    return Selection(targets, others)


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

    >>> file_name("../../x"), file_name(".."), file_name("")
    ('..%2F..%2Fx', '%2E%2E', '%')
    """
    if text in ("", ".", ".."):
        return "%2E" * len(text) or "%"
    encoded = quote(text, safe="@")
    return encoded.replace("~", "%7E")
