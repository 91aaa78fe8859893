"""DuckDB as the engine of the measures: the GoogleSQL files of `sql/`, rewritten by sqlglot, over Parquet slices."""

import os
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import duckdb
import polars as pl
import sqlglot

from pipeline.schema import EVENTS, polars_schema
from pipeline.sql import written


@cache
def translated(name: str) -> str:
    """Return `sql/NAME.sql` in DuckDB's dialect."""
    return sqlglot.transpile(
        written(name), read="bigquery", write="duckdb", unsupported_level=sqlglot.ErrorLevel.RAISE
    )[0]


class Embedded:
    """Runs measures over slices of events. Use it as a context manager.

    slices: Parquet files of events. start_ns, end_ns: the half-open window to measure, None for an open side; events
    without a timestamp belong to every window.
    """

    def __init__(self, slices: Sequence[Path], *, start_ns: int | None = None, end_ns: int | None = None) -> None:
        spill = Path(tempfile.gettempdir(), f"runverdict-spill-{os.getpid()}")
        self._duckdb = duckdb.connect(config={"temp_directory": str(spill)})
        self._duckdb.execute("set memory_limit = '700MB'")
        if slices:
            files = ", ".join("'" + str(path).replace("'", "''") + "'" for path in slices)
            rows = f"read_parquet([{files}])"
        else:
            self._duckdb.register("nothing", pl.DataFrame(schema=polars_schema(EVENTS)).to_arrow())
            rows = "nothing"
        conditions = [
            f"(timestamp_ns is null or timestamp_ns {operator} {bound})"
            for operator, bound in ((">=", start_ns), ("<", end_ns))
            if bound is not None
        ]
        where = " and ".join(conditions) or "true"
        self._duckdb.execute(f"create view events as select * from {rows} where {where}")  # noqa: S608
        self._duckdb.execute(f"create temp table requests as {translated('staging/requests')}")

    def __enter__(self) -> "Embedded":
        return self

    def __exit__(self, *_: object) -> None:
        self._duckdb.close()

    def measure(self, name: str) -> pl.DataFrame:
        """Return the rows of `sql/measures/NAME.sql`, counts as INT64."""
        rows = pl.DataFrame(self._duckdb.sql(translated(f"measures/{name}")))
        # DuckDB sums to HUGEINT, and its COUNTIF over nulls alone is null; in GoogleSQL both are INT64.
        return rows.with_columns(pl.selectors.decimal().cast(pl.Int64).fill_null(0))
