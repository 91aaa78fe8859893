"""Parquet files of a store: written whole, and once where two runs write the same."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
import polars as pl

from pipeline.errors import StoreError
from pipeline.schema import HISTORY, polars_schema
from pipeline.whole_file import write_whole


@contextmanager
def reported(path: Path) -> Iterator[None]:
    """Turn what the operating system, Parquet and DuckDB refuse into a StoreError."""
    try:
        yield
    except OSError as error:
        raise StoreError(str(path), error.strerror or str(error)) from error
    except (pl.exceptions.PolarsError, duckdb.Error) as error:
        raise StoreError(str(path), f"cannot be used: {str(error).splitlines()[0]}") from error


def read(path: Path, columns: Sequence[str] | None = None) -> pl.DataFrame:
    """Return some columns, or all, of the rows of a Parquet file. Raises StoreError."""
    with reported(path):
        return pl.read_parquet(path, columns=list(columns) if columns else None, hive_partitioning=False, glob=False)


def nothing(table: str, columns: Sequence[str] | None) -> pl.DataFrame:
    """Return no rows of a table of history, with some of its columns or all."""
    return pl.DataFrame(schema=polars_schema(HISTORY[table])).select(columns or pl.all())


def create(target: Path, rows: pl.DataFrame, *, below: Path) -> bool:
    """Write a Parquet file if there is none of that name, and return whether this call did. Raises StoreError."""
    with reported(target):
        try:
            write_whole(target, lambda file: rows.write_parquet(file, compression="zstd"), below=below, new=True)
        except FileExistsError:
            if not target.exists():  # a file in place of a folder
                raise
            return False
        return True
