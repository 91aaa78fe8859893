"""Parquet that runverdict wrote: entries of a store, redacted already, read again as a source."""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import polars as pl

from pipeline.errors import SourceError
from pipeline.schema import CONTENT, ENTRIES, polars_schema
from pipeline.sources.base import Checkpoint, EntryBatch, Estimate, Query, Request
from pipeline.sources.cloud_logging.deployments import audit_rows
from pipeline.sources.records import SourceReport
from pipeline.window import Window

_ROWS = 50_000

#: A column that stores of version 0.1 do not have: they held services alone.
_NEW = "workload"


def is_stored(address: str) -> bool:
    """Whether a file is one of these, by its name."""
    return address.lower().endswith(".parquet")


def rows_of(path: Path) -> int | None:
    """Return how many rows a Parquet file has by its own words; None where it is gone or cannot be read."""
    import pyarrow as pa  # late, as reading a log needs none of it
    import pyarrow.parquet as pq

    try:
        return int(pq.read_metadata(path).num_rows)
    except (OSError, pa.ArrowException):
        return None


def is_store(folder: Path) -> bool:
    """Return whether a folder is a store of our own."""
    return (folder / "manifest.json").exists() and (folder / "entries").is_dir()


def slices(folder: Path) -> list[str]:
    """Return the slices of a store's entries. Raises SourceError where one holds fewer rows than the manifest says."""
    try:
        known = json.loads((folder / "manifest.json").read_bytes()).get("slices", {})
        for name, rows in known.items():
            n_rows = rows_of(folder / "entries" / f"{name}.parquet") or 0
            if n_rows < rows:
                reason = f"entries are lost: entries/{name}.parquet had {rows:,} entries and has {n_rows:,}"
                raise SourceError(str(folder), reason, "read its sources again with --store; that finds what is lost")
    except (ValueError, TypeError, AttributeError) as error:
        reason = f"its manifest.json cannot be used ({error})"
        raise SourceError(str(folder), reason, "remove it to rebuild it") from error
    return sorted(map(str, (folder / "entries").glob("*.parquet")))


class StoredSource:
    """One slice of a store's entries."""

    remote = False

    def __init__(self, address: str) -> None:
        self.address = address
        path = Path(address)
        self.size = path.stat().st_size if path.is_file() else None

    def now(self) -> datetime | None:
        """Return None: the newest entry is a file's now."""
        return None

    def batches(
        self,
        request: Request,  # noqa: ARG002
        report: SourceReport,
        checkpoint: Checkpoint | None = None,  # noqa: ARG002
    ) -> Iterator[EntryBatch]:
        """Yield the entries of the slice. Raises SourceError where it is no Parquet, or not of our making."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        schema = pl.Schema({**polars_schema(ENTRIES), CONTENT: pl.String()})
        try:
            file = pq.ParquetFile(self.address)
            names = set(file.schema_arrow.names)
            if missing := [name for name in schema if name not in names and name != _NEW]:
                reason = f"its columns are not those of entries; {missing[0]} is missing"
                raise SourceError(self.address, reason, "name a log export, or a Parquet file of a runverdict store")
            for batch in file.iter_batches(_ROWS, columns=[name for name in schema if name in names]):
                rows = pl.DataFrame(pl.from_arrow(pa.Table.from_batches([batch])))
                if _NEW not in names:
                    rows = rows.with_columns(
                        pl.when(pl.col("service").is_not_null()).then(pl.lit("service")).alias(_NEW)
                    )
                report.records += rows.height
                report.bytes_read = (self.size or 0) * report.records // max(file.metadata.num_rows, 1)
                yield EntryBatch(rows.select(schema.names()).cast(schema), redacted=True)
        except FileNotFoundError as error:
            raise SourceError(self.address, "no such file or folder", "check the path") from error
        except (pa.ArrowException, pl.exceptions.PolarsError, OSError) as error:
            raise SourceError(self.address, f"cannot be read as Parquet: {error}") from error

    def query(self, request: Request, report: SourceReport) -> Query | None:  # noqa: ARG002
        """Return None: it is read as a file."""
        return None

    def estimate(self, request: Request) -> Estimate | None:  # noqa: ARG002
        """Return None: files are read at no cost."""
        return None

    def audit_entries(self, service: str | None, window: Window) -> list[pl.DataFrame]:  # noqa: ARG002
        """Return the entries that report deployments."""
        return [audit_rows(batch.rows) for batch in self.batches(Request(), SourceReport(self.address))]

    def first_request(self, revision: str, window: Window) -> datetime | None:  # noqa: ARG002
        """Return None: nothing waits for traffic of what others write later."""
        return None

    def first_trouble(self, revision: str, window: Window) -> datetime | None:  # noqa: ARG002
        """Return None: nothing is looked for between two looks."""
        return None
