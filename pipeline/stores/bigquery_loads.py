"""Rows into tables of BigQuery: Parquet files by load jobs, which are billed nothing, each once."""

import hashlib
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from pipeline.schema import Column
from pipeline.warehouse import Address, Warehouse

if TYPE_CHECKING:
    from google.cloud import bigquery

#: A table of a run goes by itself after this time, should the run be killed.
_LIFETIME = timedelta(days=1)


class Loads:
    """Tables of one run for rows that come from here, dropped when it has taken them over."""

    def __init__(self, warehouse: Warehouse, dataset: Address) -> None:
        self._warehouse = warehouse
        self._dataset = dataset

    @contextmanager
    def table(self, columns: tuple[Column, ...]) -> Iterator[str]:
        """Make a table that only this run has, and yield its name; should the run be killed, BigQuery drops it."""
        from google.cloud import bigquery

        name = f"slice_{uuid.uuid4().hex}"
        with self._warehouse.errors():
            made = bigquery.Table(self._id(name), schema=_fields(columns))
            made.expires = datetime.now(UTC) + _LIFETIME
            self._warehouse.client.create_table(made)
        yield name
        self.drop(name)

    def has(self, table: str) -> bool:
        """Return whether a table is there that an earlier run left."""
        from google.api_core.exceptions import NotFound

        with self._warehouse.errors():
            try:
                self._warehouse.client.get_table(self._id(table))
            except NotFound:
                return False
        return True

    def drop(self, table: str) -> None:
        """Remove a table."""
        with self._warehouse.errors():
            self._warehouse.client.delete_table(self._id(table), not_found_ok=True)

    def append(self, table: str, columns: tuple[Column, ...], rows: pl.DataFrame) -> None:
        """Add rows to a table by one load job; its id is made from them, so that no answer lost adds them twice."""
        from google.api_core.exceptions import Conflict
        from google.cloud import bigquery

        client, location = self._warehouse.client, self._warehouse.location
        config = bigquery.LoadJobConfig(
            source_format=bigquery.SourceFormat.PARQUET,
            write_disposition=bigquery.WriteDisposition.WRITE_APPEND,
            schema=_fields(columns),
            labels={"tool": "runverdict", "step": "load"},
        )
        with tempfile.TemporaryDirectory(prefix="runverdict-") as folder:
            path = Path(folder, "slice.parquet")
            rows.write_parquet(path)
            digest = hashlib.sha256(path.read_bytes()).hexdigest()[:24]
            job_id = f"runverdict-{self._dataset.dataset}-{table}-{digest}"
            with self._warehouse.errors():
                try:
                    with path.open("rb") as file:
                        client.load_table_from_file(
                            file, self._id(table), job_id=job_id, job_config=config, location=location
                        ).result()
                except Conflict:  # it was started, and the answer lost
                    client.get_job(job_id, location=location).result()

    def _id(self, table: str) -> str:
        return f"{self._dataset.project}.{self._dataset.dataset}.{table}"


def _fields(columns: tuple[Column, ...]) -> list["bigquery.SchemaField"]:
    from google.cloud import bigquery

    return [bigquery.SchemaField(column.name, column.bigquery) for column in columns]
