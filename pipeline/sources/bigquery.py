"""A log sink's tables in BigQuery, or Log Analytics' `_AllLogs`, as entries: redacted there, before they are read.

A sink writes one table per log, partitioned, or a shard per day (`…_20260115`). Which columns a table has depends on
what was logged first, so rows are taken as JSON and read by `sql/staging/entries.sql`.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import polars as pl

from pipeline import googlesql
from pipeline.errors import BigQueryError, SourceError
from pipeline.schema import CONTENT, ENTRIES, polars_schema
from pipeline.sources.base import Access, Checkpoint, EntryBatch, Estimate, Query, Request
from pipeline.sources.cloud_logging.deployments import audit_rows
from pipeline.sources.records import SourceReport
from pipeline.warehouse import Address, Warehouse, parse, price_text
from pipeline.window import Window

ALL_LOGS = "_AllLogs"

_SHARD = re.compile(r"(.+)_([0-9]{8})")
#: Where a sink puts what it could not write.
_ERRORS = re.compile(r"export_errors(?:_([0-9]{8}))?|.*table_invalid_schema.*")

#: Of the logs of a whole project only those of Cloud Run.
_CLOUD_RUN = "starts_with(resource.type, 'cloud_run')"


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
            text = self._text(warehouse, request.window, report)
            for rows in warehouse.frames(warehouse.run(text, "source", {"pseudonym_key": request.key.decode()})):
                report.records += rows.height
                yield EntryBatch(rows.cast(schema), redacted=True)

    def query(self, window: Window, report: SourceReport) -> Query | None:
        """Return the query that gives the entries of a window; what it leaves out is noted."""
        with self._source_errors():
            warehouse = self._warehouse()
            return Query(self._text(warehouse, window, report), warehouse.location)

    def estimate(self, request: Request) -> Estimate:
        """Return the bytes that BigQuery would read."""
        with self._source_errors():
            warehouse = self._warehouse()
            text = self._text(warehouse, request.window, SourceReport(self.address))
            read = warehouse.estimate(text, "source", {"pseudonym_key": "estimate"})
        return Estimate(f"read {self.address}", price_text(read), read)

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
        return Warehouse(self._dataset, max_bytes=self._access.max_bytes)

    def _text(self, warehouse: Warehouse, window: Window, report: SourceReport) -> str:
        tables = [
            (self._dataset.path(name), condition)
            for name, condition in _tables(warehouse, self._dataset, window, report)
        ]
        if not tables:
            hint = "name the dataset of a log sink, one of its tables, or a dataset linked to a log bucket"
            raise SourceError(self.address, "holds no table of log entries", hint)
        return googlesql.source(tables, *window.bounds)

    @contextmanager
    def _source_errors(self) -> Iterator[None]:
        try:
            yield
        except BigQueryError as error:
            raise SourceError(self.address, error.reason, error.hint) from error


def _tables(warehouse: Warehouse, dataset: Address, window: Window, report: SourceReport) -> Iterator[tuple[str, str]]:
    """Yield the tables of log entries that may hold some of the window, each with a condition on its rows."""
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
        if match := _ERRORS.fullmatch(name):
            if _of_window(match[1], window):
                _note_errors(warehouse, dataset, name, report)
            continue
        shard = _SHARD.fullmatch(name)
        shards_of_log = logs.setdefault(shard[1] if shard else name, [])
        if not shard or _of_window(shard[2], window):
            shards_of_log.append(name)
    for shards in logs.values():
        if shards and _holds_entries(warehouse, dataset, shards[-1]):
            for name in shards:
                yield name, _CLOUD_RUN if name == ALL_LOGS else "true"


def _of_window(day: str | None, window: Window) -> bool:
    """Whether the shard of a day (YYYYMMDD, UTC) may hold entries of the window; shards are cut by the same time."""
    if day is None:
        return True
    first = window.start.strftime("%Y%m%d") if window.start else "00000000"
    last = window.end.strftime("%Y%m%d") if window.end else "99999999"
    return first <= day <= last


def _holds_entries(warehouse: Warehouse, dataset: Address, name: str) -> bool:
    """Whether a table has the columns of a LogEntry, and is none of a runverdict store."""
    with warehouse.errors():
        table = warehouse.client.get_table(f"{dataset.project}.{dataset.dataset}.{name}")
    columns = {field.name for field in table.schema}
    return "timestamp" in columns and bool(columns & {"logName", "log_name"}) and "timestamp_ns" not in columns


def _note_errors(warehouse: Warehouse, dataset: Address, name: str, report: SourceReport) -> None:
    with warehouse.errors():
        rows = warehouse.client.get_table(f"{dataset.project}.{dataset.dataset}.{name}").num_rows or 0
    if rows:
        report.note(
            f"{name} holds {rows:,} {'entry' if rows == 1 else 'entries'} that the sink could not write, mostly for a "
            "column of another type; they are in no number here"
        )
