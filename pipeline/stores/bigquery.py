"""The store in BigQuery: tables of entries and history, each entry once, whatever is run again.

What is read from here is loaded into a table of the run, which is billed nothing, and merged into the entries once, at
the end. A sink's tables are not copied: the run classifies them where they are, together with the entries that the
store has, into tables of its own that go when it ends. `extract` copies a sink's entries, for those who keep them.
"""

import hashlib
import json
import os
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import polars as pl

from parsers.model import Catalogue
from pipeline import extract, googlesql
from pipeline.aggregate.bigquery import BigQueryEngine
from pipeline.aggregate.measures import Measures, measure
from pipeline.errors import BigQueryError, SourceError, StoreError, UsageError
from pipeline.run_tables import AFTER, BEFORE, Scope
from pipeline.schema import CHECKPOINTS, polars_schema
from pipeline.sources.base import Checkpoint, EntryBatch, Estimate, Query, Request, Source
from pipeline.sources.records import SourceReport
from pipeline.stores.base import KEY_VARIABLE, Progress, StoreOptions
from pipeline.stores.bigquery_loads import Loads
from pipeline.warehouse import Address, Warehouse, parse, price_text
from pipeline.window import Bounds, Window

#: What the API calls the types of GoogleSQL.
_STANDARD = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL"}

#: Average bytes of a stored entry, and those that all statements after the classification read of an entry, as
#: `python -m tests.benchmarks.bigquery_cost` finds them in made-up logs.
ENTRY_BYTES, MEASURED_BYTES = 921, 938

#: Rows that are loaded at a time.
SLICE_ROWS = 100_000


def open_store(address: str, options: StoreOptions) -> "BigQueryStore":
    """Return the store in a dataset."""
    return BigQueryStore(address, options)


@dataclass
class _Pending:
    """A query that is to be classified, with the report of its source."""

    source: Source
    query: Query
    report: SourceReport


@dataclass
class _Staged:
    """Tables of rows that are loaded and not merged, and where their source stands with and without them."""

    tables: list[str] = field(default_factory=list)
    staged: Checkpoint | None = None
    merged: Checkpoint | None = None


class BigQueryStore:
    """The store at `bigquery://PROJECT.DATASET`. Its dataset must exist; its tables are made when they are missing.

    Raises UsageError for another kind of place, or where the key of the digests is not set; BigQueryError where
    BigQuery refuses; StoreError where a table is not what it should be.
    """

    def __init__(self, address: str, options: StoreOptions | None = None) -> None:
        self.address = address
        self.dataset: Address = parse(address)
        if self.dataset.table:
            raise UsageError(f"a store is a dataset, not a table: {address}")
        if not (key := os.environ.get(KEY_VARIABLE)):
            raise UsageError(f"a store in BigQuery needs {KEY_VARIABLE}, the same in every run, to make digests with")
        self._key = key.encode()
        self._options = options or StoreOptions()
        self.warehouse = Warehouse(
            self.dataset,
            budget=self._options.budget,
            billing_project=self._options.billing_project,
            endpoint=self._options.endpoint,
        )
        self._loads = Loads(self.warehouse, self.dataset)
        self._pending: list[_Pending] = []
        self._engine: BigQueryEngine | None = None
        self._window = Window()
        self._counted: tuple[Window, int] | None = None

    def exists(self) -> bool:
        """Return whether the store's tables are there."""
        with self.warehouse.errors():
            listed = self.warehouse.client.list_tables(f"{self.dataset.project}.{self.dataset.dataset}")
            names = {table.table_id for table in listed}
        return set(googlesql.TABLES) <= names

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Make the tables that are missing, look whether the others are right, and drop the run's own at the end."""
        for table in googlesql.TABLES:
            path = self.dataset.path(table)
            self.warehouse.run(googlesql.create(table, path, self._options.expiration_days), "create")
            with self.warehouse.errors():
                made = self.warehouse.client.get_table(f"{self.dataset.project}.{self.dataset.dataset}.{table}")
            if made.table_type != "TABLE":
                reason = f"{table} is a {made.table_type.lower()}, not a table; use another dataset as store"
                raise StoreError(self.address, reason)
            types = {field.name: _STANDARD.get(field.field_type, field.field_type) for field in made.schema}
            for column in googlesql.TABLES[table].columns:
                if types.get(column.name) != column.bigquery:
                    reason = (
                        f"{table}.{column.name} is {types.get(column.name, 'missing')}, not {column.bigquery}; the "
                        "table was made by something else or by another version: use another dataset as store"
                    )
                    raise StoreError(self.address, reason)
        try:
            yield
        finally:
            self._pending, self._counted = [], None
            if self._engine:
                self._engine.drop()
                self._engine = None

    def count(self, window: Window) -> int:
        """Return how many entries of a window it has; after `classify` also those that it read where they are."""
        if self._counted and self._counted[0] == window:
            return self._counted[1]
        rows = googlesql.branches(f"select timestamp_ns\nfrom {self.dataset.path('entries')}", *window.bounds)
        text = f"select count(*) as n from (\n{rows}\n)"  # noqa: S608
        return int(self.warehouse.frame(self.warehouse.run(text, "count"))["n"][0])

    def add(self, source: Source, request: Request, report: SourceReport, progress: Progress) -> None:
        """Add what a source has of a request's window, and count it in the report.

        A source in BigQuery is read by `classify`, which counts it then; with the option `copies` its entries are
        copied without leaving BigQuery. Of another, slices are loaded, and merged at the end. Raises SourceError where
        the source cannot be read, BigQueryError where the store cannot be written: then nothing can be judged.
        """
        request = replace(request, key=self._key)
        self._window, self._counted = request.window, None
        if not (query := source.query(request, report)):
            self._load(source, request, report, progress)
            return
        self._refuse_elsewhere(source, query)
        if self._options.copies:
            report.records = self._copy(source, query, request.read_window)
            report.read += report.records
        else:
            self._pending.append(_Pending(source, query, report))

    def prepare(self, catalogue: Catalogue) -> None:
        """Do nothing: BigQuery classifies when all is there."""

    def classify(self, catalogue: Catalogue, window: Window) -> None:
        """Make events of the entries of a window, stored ones and those of sources in BigQuery."""
        if self._engine:
            self._engine.drop()
        self._counted = None
        stored = self.count(window) > 0
        self._engine = BigQueryEngine(self.warehouse, self.dataset, uuid.uuid4().hex[:12])
        kept, read = self._engine.classify(
            catalogue,
            [pending.query.text for pending in self._pending],
            window.bounds,
            self._window.bounds,
            {"pseudonym_key": self._key.decode()},
            stored=stored,
        )
        for pending, n in zip(self._pending, read, strict=True):
            pending.report.records = pending.report.read = n
        self._pending = []
        self._counted = self._window, kept

    def aggregate(self, window: Window, requests_until_ns: int | None = None) -> Measures:
        """Return the measures of a window that is classified."""
        if self._engine is None:
            raise StoreError(self.address, "nothing is classified yet")
        start, end = window.bounds
        cut = self._window.bounds[0]
        before = [BEFORE] if cut is not None and (start is None or start < cut) else []
        after = [AFTER] if cut is None or end is None or end > cut else []
        self._engine.start(Scope(start, end, (*before, *after), requests_until_ns))
        return measure(self._engine)

    def estimate(self, window: Window, coming: Sequence[Estimate] = ()) -> list[Estimate]:
        """Return the bytes that classifying stored entries, and measuring these and what is coming, would read."""
        stored = 0
        if self.exists():
            rows = googlesql.branches(f"select *\nfrom {self.dataset.path('entries')}", *window.bounds)
            stored = self.warehouse.estimate(rows, "classify")
        entries = stored // ENTRY_BYTES + sum(source.entries or 0 for source in coming)
        measured = int(entries * MEASURED_BYTES)
        return [
            Estimate("classify stored entries", price_text(stored), stored),
            Estimate(f"measure about {entries:,} entries", f"about {price_text(measured)}", measured),
        ]

    def save(self, table: str, run: str, rows: pl.DataFrame) -> None:
        """Put the rows of a run into a table of history, in place of those it had of that run, in one step."""
        self._put(googlesql.replace_run, table, run, rows)

    def _put(self, statement: Callable[[str, str, str, str], str], table: str, run: str, rows: pl.DataFrame) -> None:
        """Load rows into a table of their own, and merge it by a statement."""
        columns = googlesql.TABLES[table].columns
        with self._loads.table(columns) as loaded:
            self._loads.append(loaded, columns, rows)
            self.warehouse.run(statement(table, self.dataset.path(table), self.dataset.path(loaded), run), "history")

    def create(self, table: str, run: str, rows: pl.DataFrame) -> bool:
        """Put the rows of a run into a table of history if it has none of that run, and return whether it did.

        The statement is atomic; of two that BigQuery runs at the very same time both can insert, and then the first by
        `window_end` and content has done it.
        """
        self._put(googlesql.create_run, table, run, rows)
        stored = self.load(table, [run]).sort(pl.all())
        return stored.sort("window_end", maintain_order=True).row(0) == rows.row(0)

    def load(self, table: str, runs: Sequence[str] | None = None, columns: Sequence[str] | None = None) -> pl.DataFrame:
        """Return some columns, or all, of the rows of some runs, or of all, from a table of history; maybe empty."""
        known = "true" if runs is None else f"run in unnest({list(runs)!r})" if runs else "false"
        schema = polars_schema(googlesql.TABLES[table].columns)
        schema = pl.Schema({name: schema[name] for name in columns or schema})
        text = f"select {', '.join(schema)} from {self.dataset.path(table)} where {known}"  # noqa: S608 - names of ours
        rows = self.warehouse.frame(self.warehouse.run(text, "history"))
        return rows.select(schema.names()).cast(dict(schema)).sort(schema.names())  # type: ignore[arg-type]

    def _refuse_elsewhere(self, source: Source, query: Query) -> None:
        if query.location != self.warehouse.location:  # no query spans two
            reason = f"is in {query.location}, and the store in {self.warehouse.location}"
            raise SourceError(source.address, reason, "copy one of them, or use a store in the source's location")

    def _load(self, source: Source, request: Request, report: SourceReport, progress: Progress) -> None:
        """Load what a source gives into a table of the run, slice by slice; then merge it once."""
        known = self._staged(source.address)
        with ExitStack() as stack:
            table = ""
            for batches in _slices(source.batches(request, report, known.staged or known.merged)):
                rows = pl.concat([extract.entries(batch, source.address, self._key) for batch in batches])
                extract.count(report, rows, request.window)
                checkpoint = batches[-1].checkpoint
                if checkpoint is None:
                    rows = rows.filter(extract.inside(request.read_window))
                if rows.height:
                    table = table or stack.enter_context(self._loads.table(googlesql.STORED))
                    self._loads.append(table, googlesql.STORED, rows)
                    known.tables = list(dict.fromkeys([*known.tables, table]))
                if checkpoint is not None:
                    known.staged = checkpoint
                    self._save_staged(source.address, known)
                progress.show(report)
            for loaded in known.tables:
                self._merge(loaded)
            if known.staged is not None:
                self._save_staged(source.address, _Staged(merged=known.staged))

    def _copy(self, source: Source, query: Query, window: Window) -> int:
        """Copy the entries that a query gives, all within a window, and return how many it gave.

        They come into a table of the run first, so that what is counted and what is merged is the same: a sink goes on
        writing meanwhile.
        """
        with self._loads.table(googlesql.STORED) as table:
            names = ", ".join(column.name for column in googlesql.STORED)
            text = f"insert into {self.dataset.path(table)} ({names})\n{query.text}"
            try:
                self.warehouse.run(text, "source", {"pseudonym_key": self._key.decode()})
            except BigQueryError as error:
                raise SourceError(source.address, error.reason, error.hint) from error
            return self._merge(table, window.bounds)

    def _merge(self, table: str, bounds: Bounds | None = None) -> int:
        """Add the rows of a table to the entries, each once, and return how many rows it has."""
        path, entries = self.dataset.path(table), self.dataset.path("entries")
        facts = self.warehouse.frame(self.warehouse.run(googlesql.extent(path), "count")).row(0, named=True)
        rows = f"select * from {path}"  # noqa: S608
        if facts["first_ns"] is not None:
            start, end = bounds or (facts["first_ns"], facts["last_ns"] + 1)
            text = googlesql.finer(entries, path, start, end)
            updates = bool(self.warehouse.frame(self.warehouse.run(text, "count"))["n"][0])
            dated = f"{rows} where timestamp is not null"
            self.warehouse.run(googlesql.merge(entries, dated, start, end, updates=updates), "merge")
        if facts["undated"]:
            undated = f"{rows} where timestamp is null"
            self.warehouse.run(googlesql.merge(entries, undated, None, None, updates=False, undated=True), "merge")
        return int(facts["n"])

    def _staged(self, source: str) -> _Staged:
        """Where a source stands; what a killed run loaded is merged by this one, if its table is still there."""
        rows = self.load("checkpoints", [_digest(source)])
        if not rows.height:
            return _Staged()
        known: dict[str, Any] = json.loads(rows["checkpoint"][0])
        tables = known.get("tables", [])
        if all(self._loads.has(table) for table in tables):
            return _Staged(tables, known.get("staged"), known.get("merged"))
        return _Staged(merged=known.get("merged"))

    def _save_staged(self, source: str, staged: _Staged) -> None:
        run, moment = _digest(source), datetime.now(UTC)
        text = json.dumps({"tables": staged.tables, "staged": staged.staged, "merged": staged.merged})
        rows = pl.DataFrame([(run, source, moment, text)], schema=polars_schema(CHECKPOINTS), orient="row")
        self.save("checkpoints", run, rows)


def _digest(source: str) -> str:
    return hashlib.sha256(source.encode()).hexdigest()[:16]


def _slices(batches: Iterator[EntryBatch]) -> Iterator[list[EntryBatch]]:
    """Batches in groups of at least `SLICE_ROWS` rows, the last one of what is left."""
    group: list[EntryBatch] = []
    for batch in batches:
        group.append(batch)
        if sum(batch.rows.height for batch in group) >= SLICE_ROWS:
            yield group
            group = []
    if group:
        yield group
