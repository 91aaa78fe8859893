"""Parquet that runverdict wrote: entries of a store, redacted already, read again as a source."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import SourceError
from pipeline.schema import CONTENT, ENTRIES, polars_schema
from pipeline.sources.records import SourceReport

_ROWS = 50_000


def is_stored(source: str) -> bool:
    """Whether a source is such a file, by its name."""
    return source.lower().endswith(".parquet")


def read(source: str, *, report: SourceReport) -> Iterator[pl.DataFrame]:
    """Yield the entries of one slice of a store, in batches.

    Raises SourceError where it is no Parquet, or not of our making.
    """
    schema = pl.Schema({**polars_schema(ENTRIES), CONTENT: pl.String()})
    try:
        file = pq.ParquetFile(source)
        names = set(file.schema_arrow.names)
        if missing := [name for name in schema if name not in names]:
            reason = f"its columns are not those of entries; {missing[0]} is missing"
            raise SourceError(source, reason, "name a log export, or a Parquet file of a runverdict store")
        for batch in file.iter_batches(_ROWS, columns=[*schema]):
            rows = pl.DataFrame(pl.from_arrow(pa.Table.from_batches([batch])))
            report.records += rows.height
            report.bytes_read = Path(source).stat().st_size * report.records // max(file.metadata.num_rows, 1)
            yield rows.cast(schema)
    except FileNotFoundError as error:
        raise SourceError(source, "no such file or folder", "check the path") from error
    except (pa.ArrowException, pl.exceptions.PolarsError, OSError) as error:
        raise SourceError(source, f"cannot be read as Parquet: {error}") from error
