"""The entries of one request in order of time, joined by trace, request id and correlation id."""

import ast
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import polars as pl

from pipeline.text import shown
from pipeline.window import rfc3339_ns

_LINKS = ("trace", "request_id", "correlation_id")
_SHOWN = (
    *("timestamp_ns", "service", "revision", "level", "event", "outcome", "message"),
    *("http_method", "http_path", "http_status", "http_latency_ms"),
    *_LINKS,
)

#: What stands before a trace's id in an entry; the column `trace` holds the id alone.
_TRACE_NAME = re.compile(r"projects/[^/]*/traces/")

#: A Python literal at the end of a context dump, and how much of one is read.
_CONTEXT = re.compile(r"(?:FULL_CONTEXT|COMPREHENSIVE_CONTEXT_DUMP|Context): (\{.*)", re.DOTALL)
_MAX_LITERAL = 100_000


@dataclass(frozen=True)
class Step:
    """One entry of a timeline. offset_ms: since the first one; context: the Python literal it dumps, or None."""

    timestamp_ns: int | None
    offset_ms: float | None
    service: str | None
    level: str
    event: str | None
    outcome: str | None
    text: str
    context: object | None


def timeline(slices: Sequence[Path], identifier: str) -> Iterator[Step]:
    """Yield the steps of the request that an id names, in order of time.

    slices: Parquet files of events. identifier: a trace, also by its name `projects/PROJECT/traces/ID`, a request id or
    a correlation id. An entry that carries one of these joins all entries with any other id it carries, and so on,
    until no new id turns up.
    """
    events = pl.scan_parquet(list(slices), hive_partitioning=False, glob=False).select(_SHOWN)
    known: set[str] = set()
    name = _TRACE_NAME.match(identifier)
    identifiers = {identifier, identifier[name.end() :] if name else identifier} - {""}
    rows = pl.DataFrame()
    while identifiers - known:
        known |= identifiers
        joined = pl.any_horizontal(pl.col(name).is_in(sorted(known)) for name in _LINKS)
        rows = events.filter(joined).collect()
        identifiers = {value for name in _LINKS for value in rows[name].drop_nulls().unique()}
    rows = rows.sort("timestamp_ns", "message", nulls_last=True)
    first = rows["timestamp_ns"].min() if rows.height else None
    for row in rows.iter_rows(named=True):
        at = row["timestamp_ns"]
        yield Step(
            timestamp_ns=at,
            offset_ms=(at - first) / 1e6 if isinstance(first, int) and at is not None else None,
            service=row["service"],
            level=row["level"],
            event=row["event"],
            outcome=row["outcome"],
            text=row["message"] or _request(row),
            context=context(row["message"] or ""),
        )


def text(step: Step) -> str:
    """Return a step for reading, in one line."""
    when = "–" if step.offset_ms is None else f"+{step.offset_ms:,.3f} ms"
    what = f"{step.event} [{step.outcome}]" if step.event else "unexplained"
    return f"{when:>16s}  {step.level:8s} {what:36s} {shown(step.text)}"


def as_json(step: Step) -> str:
    """Return a step as one line of JSON; what a context dump holds beyond JSON is written as its Python text."""
    document = asdict(step) | {
        "timestamp": None if step.timestamp_ns is None else rfc3339_ns(step.timestamp_ns),
        "text": shown(step.text),
    }
    del document["timestamp_ns"]
    return json.dumps(document, ensure_ascii=False, default=repr)


def context(message: str) -> object | None:
    """Return the Python literal that a context dump ends with, or None; nothing is evaluated.

    >>> context("… | FULL_CONTEXT: {'ids': {'user_id': None}, 'n': 2}")
    {'ids': {'user_id': None}, 'n': 2}
    """
    match = _CONTEXT.search(message[:_MAX_LITERAL])
    if not match:
        return None
    try:
        value: object = ast.literal_eval(match[1].strip())
    except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
        return None
    return value


def _request(row: dict[str, object]) -> str:
    if row["http_status"] is None:
        return ""
    latency = row["http_latency_ms"]
    spent = f" in {latency:.0f} ms" if isinstance(latency, float) else ""
    return f"{row['http_method'] or '?'} {row['http_path'] or ''} {row['http_status']}{spent}"
