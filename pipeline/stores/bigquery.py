"""The store in BigQuery: tables of entries, events and history, each entry once, whatever is run again.

A slice of entries is one Parquet load job into a table of its own, then one MERGE by the entry's key, then the table
goes. The job's id is made from the slice, so a load is never done twice; the MERGE adds nothing twice. After it the
source's checkpoint is written, so that a pull that was stopped goes on from there.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from parsers.model import Catalogue
from pipeline import extract, googlesql
from pipeline.aggregate.bigquery import BigQueryEngine
from pipeline.aggregate.measures import Measures, measure
from pipeline.errors import BigQueryError, SourceError, StoreError, UsageError
from pipeline.schema import CHECKPOINTS, Column, polars_schema
from pipeline.sources.base import Checkpoint, EntryBatch, Estimate, Query, Request, Source
from pipeline.sources.records import SourceReport
from pipeline.stores.base import KEY_VARIABLE, Progress, StoreOptions
from pipeline.warehouse import Address, Warehouse, parse, price_text
from pipeline.window import Bounds, Window

if TYPE_CHECKING:
    from google.cloud import bigquery

#: What the API calls the types of GoogleSQL.
_STANDARD = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL"}

#: A slice's own table goes by itself after this time, should a run be killed before its MERGE.
_SLICE_LIFETIME = timedelta(days=1)

#: Rows that are loaded and merged at a time.
SLICE_ROWS = 100_000


def open_store(address: str, options: StoreOptions) -> "BigQueryStore":
    """Return the store in a dataset."""
    return BigQueryStore(address, options)


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
        self.warehouse = Warehouse(self.dataset, max_bytes=self._options.max_bytes)

    def exists(self) -> bool:
        """Return whether the store's tables are there."""
        with self.warehouse.errors():
            listed = self.warehouse.client.list_tables(f"{self.dataset.project}.{self.dataset.dataset}")
            names = {table.table_id for table in listed}
        return set(googlesql.TABLES) <= names

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Make the tables that are missing, and look whether the others are what they should be."""
        for table in googlesql.TABLES:
            path = self.dataset.path(table)
            self.warehouse.run(googlesql.create(table, path, self._options.expiration_days), "create")
            with self.warehouse.errors():
                made = self.warehouse.client.get_table(self._id(table))
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
        yield

    def count(self, window: Window) -> int:
        """Return how many entries of a window the store has."""
        condition = googlesql.within(*window.bounds)
        text = f"select count(*) as n from {self.dataset.path('entries')} where {condition}"  # noqa: S608
        return int(self.warehouse.frame(self.warehouse.run(text, "count"))["n"][0])

    def add(self, source: Source, request: Request, report: SourceReport, progress: Progress) -> None:
        """Add what a source has of a request's window, and count it in the report.

        A source in BigQuery goes into the store without leaving BigQuery; of another, slices are loaded.
        """
        request = replace(request, key=self._key)
        try:
            if query := source.query(request.window, report):
                report.records = self._add_query(source, query, request.window)
                report.read += report.records
            else:
                for batches in _slices(source.batches(request, report, self._checkpoint(source.address))):
                    self._add_batches(source, batches, request, report)
                    progress.show(report)
        except BigQueryError as error:
            raise SourceError(source.address, error.reason, error.hint) from error

    def prepare(self, catalogue: Catalogue) -> None:
        """Do nothing: BigQuery classifies when all is there."""

    def classify(self, catalogue: Catalogue, window: Window) -> None:
        """Replace the window's events by what the catalogue makes of its entries now."""
        self._engine(window).classify(catalogue)

    def aggregate(self, window: Window, requests_until_ns: int | None = None) -> Measures:
        """Return the measures of a window."""
        engine = self._engine(window, requests_until_ns)
        engine.start()
        return measure(engine)

    def estimate(self, catalogue: Catalogue, window: Window) -> list[Estimate]:
        """Return the bytes that classifying and measuring would read; of a store without tables nothing is known."""
        if not self.exists():
            return []
        engine, estimate = self._engine(window), self.warehouse.estimate
        classified = estimate(engine.classification(catalogue), "classify")
        measured = sum(estimate(engine.query(name), name) for name in googlesql.measures())
        return [
            Estimate("classify the entries", price_text(classified), classified),
            Estimate("measure the events", price_text(measured), measured),
        ]

    def _engine(self, window: Window, requests_until_ns: int | None = None) -> BigQueryEngine:
        return BigQueryEngine(self.warehouse, self.dataset, window.bounds, requests_until_ns)

    def _add_batches(
        self, source: Source, batches: Sequence[EntryBatch], request: Request, report: SourceReport
    ) -> None:
        """Load and merge some batches, then write the checkpoint of the last."""
        rows = pl.concat([extract.entries(batch, source.address, self._key) for batch in batches])
        extract.count(report, rows, request.window)
        checkpoint = batches[-1].checkpoint
        if checkpoint is None:
            rows = rows.filter(extract.inside(request.window))
        if rows.height:
            low, high = rows["timestamp_ns"].min(), rows["timestamp_ns"].max()
            bounds = (low, high + 1) if isinstance(low, int) and isinstance(high, int) else (None, None)
            with tempfile.TemporaryDirectory(prefix="runverdict-") as folder:
                path = Path(folder, "slice.parquet")
                rows.write_parquet(path)
                with self._loaded(path, googlesql.STORED) as table:
                    self._merge(table, bounds)
        if checkpoint is not None:
            self._save_checkpoint(source.address, checkpoint)

    def _add_query(self, source: Source, query: Query, window: Window) -> int:
        """Add the entries that a query gives, all within a window, and return how many it gave.

        They come into a table of their own first, so that what is counted and what is merged is the same: a sink goes
        on writing meanwhile.
        """
        if query.location != self.warehouse.location:  # no query spans two
            reason = f"is in {query.location}, and the store in {self.warehouse.location}"
            raise SourceError(source.address, reason, "copy one of them, or use a store in the source's location")
        digest = hashlib.sha256(f"{query.text}{datetime.now(UTC)}".encode()).hexdigest()[:24]
        with self._own_table(f"slice_{digest}", googlesql.STORED) as table:
            names = ", ".join(column.name for column in googlesql.STORED)
            text = f"insert into {self.dataset.path(table)} ({names})\n{query.text}"
            self.warehouse.run(text, "source", {"pseudonym_key": self._key.decode()})
            self._merge(table, window.bounds)
            return self._rows(table)

    def _checkpoint(self, source: str) -> Checkpoint | None:
        rows = self.load("checkpoints", [_digest(source)])
        return json.loads(rows["checkpoint"][0]) if rows.height else None

    def _save_checkpoint(self, source: str, checkpoint: Checkpoint) -> None:
        run, moment, text = _digest(source), datetime.now(UTC), json.dumps(checkpoint)
        rows = pl.DataFrame([(run, source, moment, text)], schema=polars_schema(CHECKPOINTS), orient="row")
        self.save("checkpoints", run, rows)

    def save(self, table: str, run: str, rows: pl.DataFrame) -> None:
        """Put the rows of a run into a table of history, in place of those it had of that run."""
        self._put(googlesql.replace_run, table, run, rows)

    def _put(self, statement: Callable[[str, str, str, str], str], table: str, run: str, rows: pl.DataFrame) -> None:
        """Load rows into a table of their own, and merge it by a statement."""
        with tempfile.TemporaryDirectory(prefix="runverdict-") as folder:
            path = Path(folder, f"{table}.parquet")
            rows.write_parquet(path)
            with self._loaded(path, googlesql.TABLES[table].columns) as loaded:
                self.warehouse.run(
                    statement(table, self.dataset.path(table), self.dataset.path(loaded), run), "history"
                )

    def create(self, table: str, run: str, rows: pl.DataFrame) -> bool:
        """Put the rows of a run into a table of history if it has none of that run, and return whether it did.

        The statement is atomic; of two that BigQuery runs at the very same time both can insert, and then the first by
        `window_end` and content has done it.
        """
        self._put(googlesql.create_run, table, run, rows)
        stored = self.load(table, [run]).sort(pl.all())
        return stored.sort("window_end", maintain_order=True).row(0) == rows.row(0)

    def load(self, table: str, runs: Sequence[str] | None = None) -> pl.DataFrame:
        """Return the rows of some runs, of all for None, from a table of history; empty where there is none."""
        known = "true" if runs is None else f"run in unnest({list(runs)!r})" if runs else "false"
        text = f"select * from {self.dataset.path(table)} where {known}"  # noqa: S608 - digests of ours
        schema = polars_schema(googlesql.TABLES[table].columns)
        rows = self.warehouse.frame(self.warehouse.run(text, "history"))
        return rows.select(schema.names()).cast(dict(schema)).sort(schema.names())  # type: ignore[arg-type]

    def _merge(self, table: str, bounds: Bounds) -> None:
        rows = f"select * from {self.dataset.path(table)}"  # noqa: S608
        self.warehouse.run(googlesql.merge(self.dataset.path("entries"), rows, *bounds), "merge")

    def _id(self, table: str) -> str:
        return f"{self.dataset.project}.{self.dataset.dataset}.{table}"

    def _rows(self, table: str) -> int:
        text = f"select count(*) as n from {self.dataset.path(table)}"  # noqa: S608
        return int(self.warehouse.frame(self.warehouse.run(text, "count"))["n"][0])

    @contextmanager
    def _own_table(self, name: str, columns: tuple[Column, ...]) -> Iterator[str]:
        """A table for a while; should the run be killed, BigQuery drops it."""
        from google.cloud import bigquery

        with self.warehouse.errors():
            made = bigquery.Table(self._id(name), schema=_fields(columns))
            made.expires = datetime.now(UTC) + _SLICE_LIFETIME
            self.warehouse.client.create_table(made, exists_ok=True)
        yield name
        with self.warehouse.errors():
            self.warehouse.client.delete_table(self._id(name), not_found_ok=True)

    @contextmanager
    def _loaded(self, path: Path, columns: tuple[Column, ...]) -> Iterator[str]:
        """The rows of a Parquet file as a table of their own.

        The job's id is made from the file, so of a load that is under way, or done and not merged, no second is made.
        """
        from google.cloud import bigquery

        digest = hashlib.sha256(path.read_bytes()).hexdigest()[:24]
        config = bigquery.LoadJobConfig(
            source_format=bigquery.SourceFormat.PARQUET,
            write_disposition=bigquery.WriteDisposition.WRITE_TRUNCATE,
            schema=_fields(columns),
            labels={"tool": "runverdict", "step": "load"},
        )
        with self._own_table(f"slice_{digest}", columns) as table:
            for attempt in count():
                job_id = f"runverdict-{self.dataset.dataset}-{digest}-{attempt}"
                if self._load_once(path, table, job_id, config) or self._rows(table):
                    break
            yield table

    def _load_once(self, path: Path, table: str, job_id: str, config: "bigquery.LoadJobConfig") -> bool:
        """Load a file; whether it was this call's job that did it, and not one of that id of an earlier run."""
        from google.api_core.exceptions import Conflict, GoogleAPICallError

        client, location = self.warehouse.client, self.warehouse.location
        with self.warehouse.errors():
            try:
                with path.open("rb") as file:
                    job = client.load_table_from_file(
                        file, self._id(table), job_id=job_id, job_config=config, location=location
                    )
                job.result()
            except Conflict:
                with suppress(GoogleAPICallError):  # it failed then
                    client.get_job(job_id, location=location).result()
                return False
        return True


def _fields(columns: tuple[Column, ...]) -> list["bigquery.SchemaField"]:
    from google.cloud import bigquery

    return [bigquery.SchemaField(column.name, column.bigquery) for column in columns]


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
