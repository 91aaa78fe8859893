"""Runs over time: what history holds of each, as one frame, and where a measure changed for good."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl
from pydantic import ValidationError

from pipeline.judge.changepoints import change_points
from pipeline.judge.latencies import AUTH_SUCCESS, DATABASE_SUCCESS
from pipeline.judge.model import Verdict
from pipeline.schema import SERVICE

#: So many runs of a service are searched for changes, the latest.
MAX_RUNS = 200

#: What is searched for changes: ratios and times in ms, each a column of `points`.
MEASURES = ("error_rate", "p50_ms", "p95_ms", "auth_p50_ms", "database_p50_ms", "start_up_p50_ms")

_OF_DOCUMENT: dict[str, type[pl.DataType]] = {
    "run": pl.String,
    "deployed": pl.String,
    "ready": pl.String,
    "auth_p50_ms": pl.Float64,
    "database_p50_ms": pl.Float64,
    "start_up_p50_ms": pl.Float64,
    "crashes": pl.Int64,
}
_DRIFT = {
    **dict.fromkeys((*SERVICE, "measure", "revision", "run", "since"), pl.String),
    **dict.fromkeys(("before", "after", "p"), pl.Float64),
}


def points(verdicts: pl.DataFrame, documents: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Return a row per run, by service and time: the table `verdicts` without its documents, and of each document

    deployed, ready: RFC 3339. auth_p50_ms, database_p50_ms: median of the event that reports most successes, in ms.
    start_up_p50_ms: from an instance's start to its readiness. crashes: bad exits. All are null where nothing says.
    verdicts: of `stores.history.listed`. documents: of `stores.history.documents`, each of which may be large.
    """
    read = [(run, *_of_document(json.loads(text))) for part in documents for run, text in part.iter_rows()]
    more = pl.DataFrame(read, schema=_OF_DOCUMENT, orient="row").unique("run")  # one row each, should one stand twice
    return verdicts.join(more, on="run", how="left").sort(*SERVICE, "started", "ended", "run", nulls_last=True)


def drifts(rows: pl.DataFrame) -> pl.DataFrame:
    """Return a row per change of a measure: service, measure, the first run of the new level, medians, p.

    rows: of `points`. A run without user requests counts for none of their measures.
    """
    changes = []
    for key, runs in rows.group_by(SERVICE, maintain_order=True):
        for measure in MEASURES:
            served = runs.filter(pl.col(measure).is_not_null()).tail(MAX_RUNS)
            for change in change_points(served[measure].to_list()):
                first = served.row(change.index, named=True)
                named = (measure, first["revision"], first["run"], first["started"])
                changes.append((*key, *named, change.before, change.after, change.p))
    return pl.DataFrame(changes, schema=_DRIFT, orient="row")


def of_service(rows: pl.DataFrame, key: Mapping[str, str | None]) -> pl.DataFrame:
    """Return the rows of a service, by the columns that name it."""
    return rows.filter(*(pl.col(name).eq_missing(pl.lit(value, pl.String)) for name, value in key.items()))


def verdict_of(text: str) -> Verdict | None:
    """Return what a document says was decided; None where one of another version cannot be read."""
    try:
        return Verdict.model_validate_json(text)
    except ValidationError:
        return None


def _of_document(document: Mapping[str, Any]) -> tuple[object, ...]:
    deployment = document.get("deployment") or {}
    exits: Mapping[str, Any] = next(
        (check for check in document.get("checks", ()) if check["id"] == "platform.exits"), {}
    )
    value = (exits.get("observed") or {}).get("value")
    return (
        deployment.get("deployed"),
        deployment.get("ready"),
        _median(document, AUTH_SUCCESS),
        _median(document, DATABASE_SUCCESS),
        (deployment.get("start_up_ms") or {}).get("p50"),
        None if value is None else int(value),
    )


def _median(document: Mapping[str, Any], names: tuple[str, ...]) -> float | None:
    """The median of the event of these names with most durations, as the document has it."""
    timed = [
        event["duration_ms"]
        for event in document.get("events", ())
        if event["event"] in names and event["duration_ms"] and event["duration_ms"]["p50"] is not None
    ]
    return max(timed, key=lambda times: times["n"])["p50"] if timed else None
