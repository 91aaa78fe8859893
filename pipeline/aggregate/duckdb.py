"""DuckDB as the engine of the measures: the GoogleSQL files of `sql/`, rewritten by sqlglot, over Parquet slices.

What sqlglot makes of each file is kept in `sql/duckdb/` (`make docs` writes it), for rewriting them anew takes longer
than all else in a small run. A file that has changed since is rewritten where it is needed.
"""

import hashlib
import os
import re
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import duckdb
import polars as pl

from pipeline.errors import UsageError
from pipeline.googlesql import STAGING, rewritten, within, written
from pipeline.schema import EVENTS, polars_schema
from pipeline.window import Bounds


@cache
def translated(name: str) -> str:
    """Return `sql/NAME.sql` in DuckDB's dialect."""
    heading, _, query = rewritten(name).partition("\n")
    return query if heading == _heading(name) else _rewrite(written(name))


def snapshot(name: str) -> str:
    """Return what `sql/duckdb/NAME.sql` is to hold: the digest of the file it is made from, and the rewritten query."""
    return f"{_heading(name)}\n{_rewrite(written(name), pretty=True)}\n"


def _heading(name: str) -> str:
    return f"-- made from {name}.sql, sha256 {hashlib.sha256(written(name).encode()).hexdigest()[:16]}"


def _rewrite(googlesql: str, *, pretty: bool = False) -> str:
    import sqlglot

    level = sqlglot.ErrorLevel.RAISE
    return sqlglot.transpile(googlesql, read="bigquery", write="duckdb", unsupported_level=level, pretty=pretty)[0]


def duckdb_path(path: Path) -> str:
    """Return a path in which nothing is a pattern to DuckDB, nor a home folder.

    >>> duckdb_path(Path("/a*b/[1]/x.parquet"))
    '/a[*]b/[[]1]/x.parquet'
    """
    return re.sub(r"([*?\[])", r"[\1]", str(path.absolute()))


#: A database that measured so many bytes is closed after it, for it keeps memory that the rest of a run needs.
_LARGE_BYTES = 1 << 20

#: Where DuckDB puts what its memory does not hold; the folder goes with the database.
_SPILL = Path(tempfile.gettempdir(), f"runverdict-spill-{os.getpid()}")


@cache
def _database() -> duckdb.DuckDBPyConnection:
    """What engines take their connections from, for it takes longer to start than few entries to measure."""
    database = duckdb.connect(config={"temp_directory": str(_SPILL)})
    database.execute("set memory_limit = '400MB'")
    return database


def _connection() -> duckdb.DuckDBPyConnection:
    """A connection; to a new database where the last one met an internal error, after which it takes no queries."""
    try:
        _database().execute("select 1").fetchall()
    except duckdb.Error:
        _database.cache_clear()
    return _database().cursor()


class DuckDBEngine:
    """Runs measures over slices of events. Use it as a context manager.

    slices: Parquet files of events. bounds: the window to measure; events without a timestamp belong to every window.
    requests_until_ns: request rows from then on are no requests yet, so that rates and latencies are over those that
    had the time to end; as events they count.
    """

    def __init__(
        self,
        slices: Sequence[Path],
        bounds: Bounds = (None, None),
        requests_until_ns: int | None = None,
    ) -> None:
        self._duckdb = _connection()
        self._is_large = sum(path.stat().st_size for path in slices) > _LARGE_BYTES
        if slices:
            files = ", ".join("'" + duckdb_path(path).replace("'", "''") + "'" for path in slices)
            rows = f"read_parquet([{files}], hive_partitioning = false)"
        else:
            self._duckdb.register("nothing", pl.DataFrame(schema=polars_schema(EVENTS)).to_arrow())
            rows = "nothing"
        where = within(*bounds)
        self._duckdb.execute(f"create temp view events as select * from {rows} where {where}")  # noqa: S608
        for name in STAGING:
            self._duckdb.execute(f"create temp table {name} as {translated(f'staging/{name}')}")
            if name == "requests" and requests_until_ns is not None:
                self._duckdb.execute("delete from requests where timestamp_ns >= ?", [requests_until_ns])

    def __enter__(self) -> "DuckDBEngine":
        return self

    def __exit__(self, *_: object) -> None:
        self._duckdb.close()
        if self._is_large or _SPILL.exists():
            _database.cache_clear()

    def measure(self, name: str) -> pl.DataFrame:
        """Return the rows of `sql/measures/NAME.sql`, counts as INT64."""
        # As a table first: reading a query's rows plans it twice, which is most of the time that few entries take.
        self._duckdb.execute(f"create or replace temp table measured as {translated(f'measures/{name}')}")
        rows = self._frame(self._duckdb.table("measured"))
        self._duckdb.execute("drop table measured")
        return rows

    def query(self, googlesql: str) -> pl.DataFrame:
        """Return the rows of one SELECT in GoogleSQL over `events` and the tables of `STAGING`.

        Raises UsageError where it cannot be rewritten, or DuckDB refuses it.
        """
        import sqlglot

        try:
            return self._frame(self._duckdb.sql(_rewrite(googlesql)))
        except (sqlglot.errors.SqlglotError, duckdb.Error) as error:
            raise UsageError(f"the query cannot be run: {str(error).splitlines()[0]}") from error

    def _frame(self, relation: duckdb.DuckDBPyRelation) -> pl.DataFrame:
        rows = pl.DataFrame(relation)
        # DuckDB sums to HUGEINT, and its COUNTIF over nulls alone is null; in GoogleSQL both are INT64.
        return rows.with_columns(pl.selectors.decimal().cast(pl.Int64).fill_null(0))
