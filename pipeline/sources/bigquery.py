"""A log sink's tables in BigQuery, or Log Analytics' `_AllLogs`, as entries: redacted there, before they are read.

A sink writes one table per log, partitioned, or a shard per day (`…_20260115`). Which columns a table has depends on
what was logged first, so rows are taken as JSON and read by `sql/staging/entries.sql`.
"""

import re
from collections.abc import Iterator

import polars as pl

from pipeline import googlesql as sql
from pipeline.errors import BigQueryError, SourceError
from pipeline.schema import CONTENT, ENTRIES, polars_schema
from pipeline.sources.records import SourceReport
from pipeline.warehouse import Place, Warehouse, is_bigquery, parse
from pipeline.window import Window, nanoseconds

__all__ = ["bounds", "is_bigquery", "query", "read"]

ALL_LOGS = "_AllLogs"

_SHARD = re.compile(r"(.+)_([0-9]{8})")
#: Where a sink puts what it could not write.
_ERRORS = re.compile(r"export_errors(?:_([0-9]{8}))?|.*table_invalid_schema.*")

#: Of the logs of a whole project only those of Cloud Run.
_CLOUD_RUN = "starts_with(resource.type, 'cloud_run')"

Bounds = tuple[int | None, int | None]


def bounds(window: Window) -> Bounds:
    """Return a window's sides in ns since 1970, None for an open one."""
    return (
        nanoseconds(window.start) if window.start else None,
        nanoseconds(window.end) if window.end else None,
    )


def query(warehouse: Warehouse, place: Place, window: Window, report: SourceReport) -> str:
    """Return the query that gives the entries of a source within a window; what it leaves out is noted.

    Raises SourceError where no table of the place holds log entries.
    """
    found = [(place.path(name), condition) for name, condition in _tables(warehouse, place, window, report)]
    if not found:
        hint = "name the dataset of a log sink, one of its tables, or a dataset linked to a log bucket"
        raise SourceError(str(place), "holds no table of log entries", hint)
    return sql.source(found, *bounds(window))


def read(
    source: str, window: Window, key: bytes, *, report: SourceReport, max_bytes: int | None
) -> Iterator[pl.DataFrame]:
    """Yield entries as a store has them, a page of results at a time.

    Raises SourceError where BigQuery refuses, or holds nothing of the kind.
    """
    place = parse(source)
    schema = pl.Schema({**polars_schema(ENTRIES), CONTENT: pl.String()})
    try:
        warehouse = Warehouse(place, max_bytes=max_bytes)
        text = query(warehouse, place, window, report)
        for rows in warehouse.frames(warehouse.run(text, "source", {"pseudonym_key": key.decode()})):
            report.records += rows.height
            yield rows.cast(schema)
    except BigQueryError as error:
        raise SourceError(source, error.reason, error.hint) from error


def _tables(warehouse: Warehouse, place: Place, window: Window, report: SourceReport) -> Iterator[tuple[str, str]]:
    """Yield the tables of log entries that may hold some of the window, each with a condition on its rows."""
    with warehouse.errors():
        listed = warehouse.client.list_tables(f"{place.project}.{place.dataset}")
        names = sorted(table.table_id for table in listed)
    if place.table in names:
        names = [place.table]
    elif place.table:
        names = [name for name in names if (shard := _SHARD.fullmatch(name)) and shard[1] == place.table]
        if not names:
            raise SourceError(str(place), "no such table, and no shards of one", "bq ls lists what is there")
    elif ALL_LOGS in names:
        names = [ALL_LOGS]
    logs: dict[str, list[str]] = {}
    for name in names:
        if found := _ERRORS.fullmatch(name):
            if _of_window(found[1], window):
                _note_errors(warehouse, place, name, report)
            continue
        shard = _SHARD.fullmatch(name)
        mine = logs.setdefault(shard[1] if shard else name, [])
        if not shard or _of_window(shard[2], window):
            mine.append(name)
    for shards in logs.values():
        if shards and _holds_entries(warehouse, place, shards[-1]):
            for name in shards:
                yield name, _CLOUD_RUN if name == ALL_LOGS else "true"


def _of_window(day: str | None, window: Window) -> bool:
    """Whether the shard of a day (YYYYMMDD, UTC) may hold entries of the window; shards are cut by the same time."""
    if day is None:
        return True
    first = window.start.strftime("%Y%m%d") if window.start else "00000000"
    last = window.end.strftime("%Y%m%d") if window.end else "99999999"
    return first <= day <= last


def _holds_entries(warehouse: Warehouse, place: Place, name: str) -> bool:
    """Whether a table has the columns of a LogEntry, and is none of a runverdict store."""
    with warehouse.errors():
        table = warehouse.client.get_table(f"{place.project}.{place.dataset}.{name}")
    columns = {field.name for field in table.schema}
    return "timestamp" in columns and bool(columns & {"logName", "log_name"}) and "timestamp_ns" not in columns


def _note_errors(warehouse: Warehouse, place: Place, name: str, report: SourceReport) -> None:
    with warehouse.errors():
        rows = warehouse.client.get_table(f"{place.project}.{place.dataset}.{name}").num_rows or 0
    if rows:
        report.note(
            f"{name} holds {rows:,} {'entry' if rows == 1 else 'entries'} that the sink could not write, mostly for a "
            "column of another type; they are in no number here"
        )
