"""A log sink's tables in BigQuery, or Log Analytics' `_AllLogs`, as entries: redacted there, before they are read.

A sink writes one table per log, partitioned, or a shard per day (`…_20260115`). Which columns a table has depends on
what was logged first, so the columns of an entry are taken as JSON and read by `sql/staging/entries.sql`; others are
not read. What a sink could not write, it puts into `export_errors…` as it got it.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from pipeline import googlesql
from pipeline.errors import BigQueryError, SourceError
from pipeline.googlesql import LogTable, literal
from pipeline.schema import CONTENT, ENTRIES, polars_schema
from pipeline.sources.base import Access, Checkpoint, EntryBatch, Estimate, Query, Request
from pipeline.sources.cloud_logging.deployments import audit_rows
from pipeline.sources.records import SourceReport
from pipeline.warehouse import Address, Warehouse, parse, price_text
from pipeline.window import Window

ALL_LOGS = "_AllLogs"

_SHARD = re.compile(r"(.+)_([0-9]{8})")
#: The columns of an entry, as `sql/staging/entries.sql` reads them, but for its payload: in lower case, no underscores.
_READ = frozenset(
    [
        *("logname", "insertid", "timestamp", "receivetimestamp", "resource", "severity", "labels", "httprequest"),
        *("trace", "spanid"),
    ]
)
_PAYLOAD = re.compile(r"(?:text|json|proto)_?payload", re.IGNORECASE)

#: The time of an entry as JSON, whose nanoseconds are cut.
_NANOSECONDS = r'("(?:timestamp|receiveTimestamp)": ?"[^".]+[.][0-9]{6})[0-9]+'
_MICROSECONDS = r"\1"

_NUMBER = "-[0-9]{5}-[a-z0-9]{3}"
_EXECUTION = "-[a-z0-9]{5}"

#: Average bytes of an entry in a sink's table, and the bytes from which on advice is given.
_ENTRY_BYTES, _LARGE_SCAN = 950, 10**11

#: So many shards of a log are read each with its own columns: a field can have another type, or be missing, on another
#: day. More are read as one table, with the columns of the newest.
_NAMED_SHARDS = 8

#: The columns of a table, each with the paths of the fields below it.
Columns = dict[str, frozenset[str]]


def open_source(address: str, access: Access) -> list["BigQuerySource"]:
    """Return the source of a dataset or table. Raises UsageError where the address names none."""
    return [BigQuerySource(address, parse(address), access)]


class BigQuerySource:
    """A log sink's tables, or one of them, or `_AllLogs`."""

    remote = False
    size = None

    def __init__(self, address: str, dataset: Address, access: Access) -> None:
        self.address = address
        self._dataset = dataset
        self._access = access

    def now(self) -> datetime | None:
        """Return None: a sink writes some minutes late, so its newest entry is its now."""
        return None

    def batches(
        self,
        request: Request,
        report: SourceReport,
        checkpoint: Checkpoint | None = None,  # noqa: ARG002
    ) -> Iterator[EntryBatch]:
        """Yield the entries of the window, redacted in BigQuery, a page of results at a time. Raises SourceError."""
        schema = pl.Schema({**polars_schema(ENTRIES), CONTENT: pl.String()})
        with self._source_errors():
            warehouse = self._warehouse()
            text = self._text(warehouse, request, report)
            for rows in warehouse.frames(warehouse.run(text, "source", {"pseudonym_key": request.key.decode()})):
                report.records += rows.height
                yield EntryBatch(rows.cast(schema), redacted=True)

    def query(self, request: Request, report: SourceReport) -> Query | None:
        """Return the query that gives the entries of a request's window and lookback; what it leaves out is noted."""
        with self._source_errors():
            warehouse = self._warehouse()
            return Query(self._text(warehouse, request, report), warehouse.location)

    def estimate(self, request: Request) -> Estimate:
        """Return the bytes that BigQuery would read."""
        with self._source_errors():
            warehouse = self._warehouse()
            text = self._text(warehouse, request, SourceReport(self.address))
            read = warehouse.estimate(text, "source", {"pseudonym_key": "estimate"})
        window = request.read_window
        share = _share_of_days(window)
        advice = ""
        if share < 1 and read > _LARGE_SCAN:
            advice = (
                f"{self.address}: the scan reads whole days, {price_text(int(read * (1 - share)))} of it outside the "
                "window; a sink per service (--log-filter='resource.labels.service_name=\"NAME\"') reads its logs alone"
            )
        # An entry of a sink's table has about as many bytes as one that is stored.
        return Estimate(f"read {self.address}", price_text(read), read, advice, int(read * share / _ENTRY_BYTES))

    def audit_entries(self, service: str | None, window: Window) -> list[pl.DataFrame]:
        """Return the entries of a window that report deployments."""
        request = Request(window, service=service)
        return [audit_rows(batch.rows) for batch in self.batches(request, SourceReport(self.address))]

    def first_request(self, revision: str, window: Window) -> datetime | None:  # noqa: ARG002
        """Return None: nothing waits for traffic of what others write later."""
        return None

    def first_trouble(self, revision: str, window: Window) -> datetime | None:  # noqa: ARG002
        """Return None: nothing is looked for between two looks."""
        return None

    def _warehouse(self) -> Warehouse:
        return Warehouse(self._dataset, budget=self._access.budget)

    def _text(self, warehouse: Warehouse, request: Request, report: SourceReport) -> str:
        tables = list(_tables(warehouse, self._dataset, request, report))
        if not tables:
            hint = "name the dataset of a log sink, one of its tables, or a dataset linked to a log bucket"
            raise SourceError(self.address, "holds no table of log entries", hint)
        return googlesql.source(tables, *request.read_window.bounds)

    @contextmanager
    def _source_errors(self) -> Iterator[None]:
        try:
            yield
        except BigQueryError as error:
            raise SourceError(self.address, error.reason, error.hint) from error


def _tables(warehouse: Warehouse, dataset: Address, request: Request, report: SourceReport) -> Iterator[LogTable]:
    """Yield the tables of log entries that may hold some of a request's window, many shards of a log as one."""
    with warehouse.errors():
        listed = warehouse.client.list_tables(f"{dataset.project}.{dataset.dataset}")
        names = sorted(table.table_id for table in listed)
    if dataset.table in names:
        names = [dataset.table]
    elif dataset.table:
        names = [name for name in names if (shard := _SHARD.fullmatch(name)) and shard[1] == dataset.table]
        if not names:
            raise SourceError(str(dataset), "no such table, and no shards of one", "bq ls lists what is there")
    elif ALL_LOGS in names:
        names = [ALL_LOGS]
    logs: dict[str, list[str]] = {}
    for name in names:
        shard = _SHARD.fullmatch(name)
        days = logs.setdefault(shard[1] if shard else name, [])
        if not shard or _of_window(shard[2], request.read_window):
            days.append(name)
    for log, tables in logs.items():
        if not tables:
            continue
        if len(tables) <= _NAMED_SHARDS:
            read = [LogTable(dataset.path(table)) for table in tables]
        else:
            first, last = (table.removeprefix(f"{log}_") for table in (tables[0], tables[-1]))
            read = [LogTable(dataset.path(f"{log}_*"), shards=(first, last))]
        for log_table, name in zip(read, tables[-len(read) :], strict=True):
            columns = _columns(warehouse, dataset, name)
            if log == "export_errors" or "table_invalid_schema" in log:
                yield from _refused(log_table, columns, log, report)
            elif "timestamp" in columns and {"logName", "log_name"} & set(columns) and "timestamp_ns" not in columns:
                yield replace(log_table, columns=_read(columns), condition=_condition(columns, request.service))


def _refused(table: LogTable, columns: Columns, log: str, report: SourceReport) -> Iterator[LogTable]:
    """Yield the table of entries that a sink could not write, mostly for a column of another type: as it got them."""
    if {"logEntry", "timestamp"} <= set(columns):
        report.note(f"{log} holds entries that the sink could not write; those of the window are read from there")
        # BigQuery knows microseconds.
        yield replace(
            table,
            columns=("logEntry",),
            line=f"regexp_replace(t.logEntry, {literal(_NANOSECONDS)}, {literal(_MICROSECONDS)})",
        )
        return
    report.note(f"{log} holds entries that the sink could not write, in a form that is not known; none is read")
    report.incomplete = f"entries that the sink could not write are in {log}"


def _columns(warehouse: Warehouse, dataset: Address, name: str) -> Columns:
    """The columns of a table, each with the paths of all fields below it."""
    with warehouse.errors():
        table = warehouse.client.get_table(f"{dataset.project}.{dataset.dataset}.{name}")
    return {field.name: frozenset(_paths(field)) for field in table.schema}


def _paths(field: Any) -> Iterator[str]:
    yield field.name
    for inner in field.fields:
        yield from (f"{field.name}.{path}" for path in _paths(inner))


def _read(columns: Columns) -> tuple[str, ...]:
    """The columns that are read of a row: those of an entry, whatever the type of their payload."""
    return tuple(name for name in columns if name.lower().replace("_", "") in _READ or _PAYLOAD.match(name))


def _condition(columns: Columns, service: str | None) -> str:
    """That a row is one of Cloud Run's, and of a service where one is named, as far as the table's columns say."""
    paths = {path for column in columns.values() for path in column}
    parts = []
    if "resource.type" in paths:
        parts.append("starts_with(coalesce(t.resource.type, 'cloud_run'), 'cloud_run')")
    labels = [f"resource.labels.{name}" for name in ("service_name", "job_name", "worker_pool_name")]
    if service and any(label in paths for label in labels):
        name = re.escape(service)
        about = (
            f"/((services|jobs|worker[pP]ools)/{name}|revisions/{name}{_NUMBER}"
            f"|executions/{name}{_EXECUTION}|tasks/{name}{_EXECUTION}-task[0-9]+)$"
        )
        matches = [f"t.{label} = {literal(service)}" for label in labels if label in paths]
        patterns = {
            "resource.labels.revision_name": f"^{name}{_NUMBER}$",
            "protopayload_auditlog.resourceName": about,
            "proto_payload.audit_log.resource_name": about,
        }
        matches += [
            f"regexp_contains(t.{path}, {literal(pattern)})" for path, pattern in patterns.items() if path in paths
        ]
        parts.append(f"({' or '.join(matches)})")
    return " and ".join(parts) or "true"


def _share_of_days(window: Window) -> float:
    """Which part of the days that a window touches is in it."""
    if window.start is None or window.end is None:
        return 1.0
    last_day = (window.end - timedelta(microseconds=1)).date()
    days = (last_day - window.start.date()).days + 1
    return min((window.end - window.start) / timedelta(days=days), 1.0)


def _of_window(day: str | None, window: Window) -> bool:
    """Whether the shard of a day (YYYYMMDD, UTC) may hold entries of the window; shards are cut by the same time."""
    if day is None:
        return True
    first = window.start.strftime("%Y%m%d") if window.start else "00000000"
    last = window.end.strftime("%Y%m%d") if window.end else "99999999"
    return first <= day <= last
