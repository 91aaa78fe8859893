"""A log sink's tables in BigQuery, or Log Analytics' `_AllLogs`, as entries.

Tables are read over the Storage Read API where it may be used; else by a query, whose rows are redacted in BigQuery.
A query reads columns of any table, so they are taken as JSON, by `sql/staging/entries.sql`.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from string import Template

import polars as pl

from pipeline import googlesql
from pipeline.errors import BigQueryError, SourceError
from pipeline.googlesql import written
from pipeline.schema import CONTENT, ENTRIES, polars_schema
from pipeline.sources.base import Access, Checkpoint, EntryBatch, Estimate, Query, Request
from pipeline.sources.bigquery import read_api
from pipeline.sources.bigquery.read_api import RefusedError, Sessions
from pipeline.sources.bigquery.tables import log_tables, tables_of_logs
from pipeline.sources.cloud_logging.deployments import AUDIT_LOGS, audit_rows
from pipeline.sources.records import SourceReport
from pipeline.warehouse import Address, Warehouse, parse, price_text
from pipeline.window import Window, moment_of, nanoseconds

#: Average bytes of an entry in a sink's table, and the bytes from which on advice is given.
_ENTRY_BYTES, _LARGE_SCAN = 950, 10**11

_REQUESTS, _SYSTEM = "run.googleapis.com/requests", "run.googleapis.com/varlog/system"
_REVISION = "resource.labels.revision_name"

#: Where the platform reports exits, exceeded memory and probes. A request that ended in 5xx has ERROR, in 4xx WARNING.
_TROUBLE = (
    "(t.severity in ('ERROR', 'CRITICAL', 'ALERT', 'EMERGENCY')"
    " or (t.severity = 'WARNING' and ends_with(t.{name}, 'system')))"
)


def open_source(address: str, access: Access) -> list["BigQuerySource"]:
    """Return the source of a dataset or table. Raises UsageError where the address names none."""
    return [BigQuerySource(address, parse(address), access)]


class BigQuerySource:
    """A log sink's tables, or one of them, or `_AllLogs`."""

    remote = True
    size = None

    def __init__(self, address: str, dataset: Address, access: Access) -> None:
        self.address = address
        self._dataset = dataset
        self._access = access

    def now(self) -> datetime:
        """Return the time of day: a sink writes what is logged within seconds."""
        return self._access.moment()

    def batches(
        self,
        request: Request,
        report: SourceReport,
        checkpoint: Checkpoint | None = None,  # noqa: ARG002
    ) -> Iterator[EntryBatch]:
        """Yield the entries of the window, redacted only where a query gave them. Raises SourceError."""
        with self._source_errors():
            warehouse = self._warehouse()
            try:
                frames = self._sessions(warehouse, request, report).frames()
            except RefusedError as error:
                report.note(f"read by a query, not over the Storage Read API: {error}")
            else:
                for rows in frames:
                    report.records += rows.height
                    yield EntryBatch(rows)
                return
            schema = pl.Schema({**polars_schema(ENTRIES), CONTENT: pl.String()})
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
        """Return the bytes that BigQuery would read, by the way that they would be read."""
        with self._source_errors():
            warehouse = self._warehouse()
            if not self._access.is_store_in_bigquery:
                try:
                    read = self._sessions(warehouse, request, SourceReport(self.address)).n_bytes
                except RefusedError:
                    pass
                else:
                    usd = read / 2**40 * read_api.USD_PER_TIB
                    words = f"{price_text(read, usd)}, over the Storage Read API"
                    return Estimate(f"read {self.address}", words, read, entries=read // _ENTRY_BYTES, usd=usd)
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
        """Return the entries of a window that report deployments: of the audit log's tables, no others are read."""
        with self._source_errors():
            warehouse = self._warehouse()
            logs = tables_of_logs(warehouse, self._dataset, Request(window, service=service), AUDIT_LOGS, audit=True)
            tables = [table for table, _ in logs]
            if not tables:
                return []
            text = googlesql.source(tables, *window.bounds)
            rows = warehouse.frame(warehouse.run(text, "audit", {"pseudonym_key": "audit"}))
        found = audit_rows(rows)
        return [found if service is None else found.filter(pl.col("service") == service)]

    def first_request(self, revision: str, window: Window) -> datetime | None:
        """Return when a revision's first request of a window began. Raises SourceError."""
        return self._first((_REQUESTS,), "true", revision, window)

    def first_trouble(self, revision: str, window: Window) -> datetime | None:
        """Return when the platform first warned of a revision, or a request of it failed. Raises SourceError."""
        return self._first((_REQUESTS, _SYSTEM), _TROUBLE, revision, window)

    def _first(self, logs: Sequence[str], condition: str, revision: str, window: Window) -> datetime | None:
        """When the first entry of some logs and a revision stands in a window."""
        assert window.start
        assert window.end
        inside = googlesql.hours(nanoseconds(window.start), nanoseconds(window.end) - 1000, "t.")
        with self._source_errors():
            warehouse = self._warehouse()
            rows = [
                f"    select t.timestamp\n    from {table.path} as t\n    where t.{_REVISION} = @revision and {inside}"  # noqa: S608
                f" and {table.condition} and {table.days or 'true'}"
                f" and {condition.format(name='log_name' if 'log_name' in columns else 'logName')}"
                for table, columns in tables_of_logs(warehouse, self._dataset, Request(window), logs)
                if any(_REVISION in paths for paths in columns.values())
            ]
            if not rows:
                return None
            text = Template(written("bigquery/first_entry")).substitute(rows="\n    union all\n".join(rows))
            found = warehouse.frame(warehouse.run(text, "first", {"revision": revision}))["first_us"][0]
        return None if found is None else moment_of(int(found) * 1000)

    def _warehouse(self) -> Warehouse:
        return self._access.warehouse(self._dataset)

    def _sessions(self, warehouse: Warehouse, request: Request, report: SourceReport) -> Sessions:
        tables = list(log_tables(warehouse, self._dataset, request, report, read_api.MAX_TABLES))
        return Sessions(warehouse, tables, request.read_window, request.service)

    def _text(self, warehouse: Warehouse, request: Request, report: SourceReport) -> str:
        tables = list(log_tables(warehouse, self._dataset, request, report))
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


def _share_of_days(window: Window) -> float:
    """Which part of the days that a window touches is in it."""
    if window.start is None or window.end is None:
        return 1.0
    last_day = (window.end - timedelta(microseconds=1)).date()
    days = (last_day - window.start.date()).days + 1
    return min((window.end - window.start) / timedelta(days=days), 1.0)
