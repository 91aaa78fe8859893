"""DuckDB as the engine of the measures: the GoogleSQL files of `sql/`, rewritten by sqlglot, over Parquet slices."""

import os
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import duckdb
import polars as pl
import sqlglot

from pipeline.errors import UsageError
from pipeline.googlesql import STAGING, written
from pipeline.schema import EVENTS, polars_schema


@cache
def translated(name: str) -> str:
    """Return `sql/NAME.sql` in DuckDB's dialect."""
    return sqlglot.transpile(
        written(name), read="bigquery", write="duckdb", unsupported_level=sqlglot.ErrorLevel.RAISE
    )[0]


class DuckDBEngine:
    """Runs measures over slices of events. Use it as a context manager.

    slices: Parquet files of events. start_ns, end_ns: the half-open window to measure, None for an open side; events
    without a timestamp belong to every window. requests_until_ns: request rows from then on are no requests yet, so
    that rates and latencies are over those that had the time to end; as events they count.
    """

    def __init__(
        self,
        slices: Sequence[Path],
        *,
        start_ns: int | None = None,
        end_ns: int | None = None,
        requests_until_ns: int | None = None,
    ) -> None:
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
        for name in STAGING:
            self._duckdb.execute(f"create temp table {name} as {translated(f'staging/{name}')}")
            if name == "requests" and requests_until_ns is not None:
                self._duckdb.execute("delete from requests where timestamp_ns >= ?", [requests_until_ns])

    def __enter__(self) -> "DuckDBEngine":
        return self

    def __exit__(self, *_: object) -> None:
        self._duckdb.close()

    def measure(self, name: str) -> pl.DataFrame:
        """Return the rows of `sql/measures/NAME.sql`, counts as INT64."""
        return self._rows(translated(f"measures/{name}"))

    def query(self, googlesql: str) -> pl.DataFrame:
        """Return the rows of one SELECT in GoogleSQL over `events` and the tables of `STAGING`.

        Raises UsageError where it cannot be rewritten, or DuckDB refuses it.
        """
        level = sqlglot.ErrorLevel.RAISE
        try:
            return self._rows(sqlglot.transpile(googlesql, read="bigquery", write="duckdb", unsupported_level=level)[0])
        except (sqlglot.errors.SqlglotError, duckdb.Error) as error:
            raise UsageError(f"the query cannot be run: {str(error).splitlines()[0]}") from error

    def _rows(self, query: str) -> pl.DataFrame:
        rows = pl.DataFrame(self._duckdb.sql(query))
        # DuckDB sums to HUGEINT, and its COUNTIF over nulls alone is null; in GoogleSQL both are INT64.
        return rows.with_columns(pl.selectors.decimal().cast(pl.Int64).fill_null(0))
