"""The store in BigQuery: tables of entries, events and history, each entry once, whatever is run again.

A slice of entries is one Parquet load job into a table of its own, then one MERGE by the entry's key, then the table
goes. The job's id is made from the slice, so a load is never done twice; the MERGE adds nothing twice.
"""

import hashlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from pipeline import googlesql as sql
from pipeline.errors import StoreError, UsageError
from pipeline.schema import HISTORY, Column, polars_schema
from pipeline.stores.local import KEY_VARIABLE
from pipeline.warehouse import Place, Warehouse, parse

if TYPE_CHECKING:
    from google.cloud import bigquery

#: What the API calls the types of GoogleSQL.
_STANDARD = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL"}

#: A slice's own table goes by itself after this time, should a run be killed before its MERGE.
_SLICE_LIFETIME = timedelta(days=1)

Bounds = tuple[int | None, int | None]


class BigQueryStore:
    """The store at `bigquery://PROJECT.DATASET`. Its dataset must exist; its tables are made when they are missing.

    Raises UsageError for another kind of place, or where the key of the digests is not set; BigQueryError where
    BigQuery refuses; StoreError where a table is not what it should be.
    """

    def __init__(self, name: str, *, max_bytes: int | None = None) -> None:
        self.place: Place = parse(name)
        if self.place.table:
            raise UsageError(f"a store is a dataset, not a table: {name}")
        if not (key := os.environ.get(KEY_VARIABLE)):
            raise UsageError(f"a store in BigQuery needs {KEY_VARIABLE}, the same in every run, to make digests with")
        self.key = key.encode()
        self.warehouse = Warehouse(self.place, max_bytes=max_bytes)

    def prepare(self, expiration_days: int | None) -> None:
        """Make the tables that are missing, and look whether the others are what they should be."""
        for table in sql.TABLES:
            self.warehouse.run(sql.create(table, self.place.path(table), expiration_days), "create")
            with self.warehouse.errors():
                found = self.warehouse.client.get_table(self._id(table))
            if found.table_type != "TABLE":
                reason = f"{table} is a {found.table_type.lower()}, not a table; use another dataset as store"
                raise StoreError(str(self.place), reason)
            types = {field.name: _STANDARD.get(field.field_type, field.field_type) for field in found.schema}
            for column in sql.TABLES[table][0]:
                if types.get(column.name) != column.bigquery:
                    reason = (
                        f"{table}.{column.name} is {types.get(column.name, 'missing')}, not {column.bigquery}; the "
                        "table was made by something else or by another version: use another dataset as store"
                    )
                    raise StoreError(str(self.place), reason)

    def exists(self) -> bool:
        """Return whether the store's tables are there."""
        with self.warehouse.errors():
            names = {
                table.table_id
                for table in self.warehouse.client.list_tables(f"{self.place.project}.{self.place.dataset}")
            }
        return set(sql.TABLES) <= names

    def count(self, bounds: Bounds) -> int:
        """Return how many entries of a window the store has."""
        text = f"select count(*) as n from {self.place.path('entries')} where {sql.within(*bounds)}"  # noqa: S608
        return int(self.warehouse.frame(self.warehouse.run(text, "count"))["n"][0])

    def add_slice(self, path: Path) -> None:
        """Load one Parquet slice of entries, and merge it."""
        times = pl.scan_parquet(path, hive_partitioning=False).select("timestamp_ns")
        low, high = times.select(low=pl.col("timestamp_ns").min(), high=pl.col("timestamp_ns").max()).collect().row(0)
        with self._loaded(path, sql.STORED) as table:
            self._merge(table, (low, None if high is None else high + 1))

    def add_rows(self, query: str, bounds: Bounds) -> int:
        """Add the entries that a query gives, all within bounds, and return how many it gave.

        They come into a table of their own first, so that what is counted and what is merged is the same: a sink goes
        on writing meanwhile.
        """
        digest = hashlib.sha256(f"{query}{datetime.now(UTC)}".encode()).hexdigest()[:24]
        with self._own_table(f"slice_{digest}", sql.STORED) as table:
            names = ", ".join(column.name for column in sql.STORED)
            text = f"insert into {self.place.path(table)} ({names})\n{query}"
            self.warehouse.run(text, "source", {"pseudonym_key": self.key.decode()})
            self._merge(table, bounds)
            return self._rows(table)

    def keep(self, table: str, run: str, rows: pl.DataFrame) -> None:
        """Put the rows of a run into a table of history, in place of those it had of that run."""
        with tempfile.TemporaryDirectory(prefix="runverdict-") as folder:
            path = Path(folder, f"{table}.parquet")
            rows.write_parquet(path)
            with self._loaded(path, HISTORY[table]) as loaded:
                text = sql.replace_run(table, self.place.path(table), self.place.path(loaded), run)
                self.warehouse.run(text, "history")

    def recall(self, table: str, runs: Sequence[str] | None = None) -> pl.DataFrame:
        """Return the rows of some runs, of all for None, from a table of history; empty where there is none."""
        known = "true" if runs is None else f"run in unnest({list(runs)!r})" if runs else "false"
        text = f"select * from {self.place.path(table)} where {known}"  # noqa: S608 - digests of ours
        schema = polars_schema(HISTORY[table])
        rows = self.warehouse.frame(self.warehouse.run(text, "history"))
        return rows.select(schema.names()).cast(dict(schema)).sort(schema.names())  # type: ignore[arg-type]

    def _merge(self, table: str, bounds: Bounds) -> None:
        rows = f"select * from {self.place.path(table)}"  # noqa: S608
        self.warehouse.run(sql.merge(self.place.path("entries"), rows, *bounds), "merge")

    def _id(self, table: str) -> str:
        return f"{self.place.project}.{self.place.dataset}.{table}"

    def _rows(self, table: str) -> int:
        text = f"select count(*) as n from {self.place.path(table)}"  # noqa: S608
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
                job_id = f"runverdict-{self.place.dataset}-{digest}-{attempt}"
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
