"""DuckDB as the engine of the measures: the GoogleSQL files of `sql/`, rewritten by sqlglot, over Parquet slices.

What sqlglot makes of each file is kept in `sql/duckdb/` (`make docs` writes it), for rewriting them anew takes longer
than all else in a small run. A file that has changed since is rewritten where it is needed. A measure's says also what
it reads and returns, so that one over tables without rows needs no query.
"""

import hashlib
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import duckdb
import polars as pl

from pipeline import database
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
    query = _rewrite(written(name), pretty=True)
    return f"{_heading(name)}\n{_shape(query) if name.startswith('measures/') else ''}{query}\n"


def _shape(query: str) -> str:
    """Return the line with the tables that a query reads, and the names and types of its columns."""
    import sqlglot
    from sqlglot.optimizer.scope import traverse_scope

    scopes = traverse_scope(sqlglot.parse_one(query, read="duckdb"))
    sources = [source for scope in scopes for source in scope.sources.values()]
    read = {source.name for source in sources if isinstance(source, sqlglot.exp.Table)}
    with DuckDBEngine([]) as engine:
        columns = map(" ".join, engine.types(query).items())
    return f"-- reads {', '.join(sorted(read))}; returns {', '.join(columns)}\n"


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


#: Slices of so many bytes are few entries, which the kept database measures. More have a database of their own, whose
#: memory goes with it.
_FEW_BYTES = 1 << 20


@cache
def _parsed(text: str) -> duckdb.Statement:
    """A statement of ours. To read its text is a fifth of the work on few entries, and the same each time."""
    (statement,) = database.kept().extract_statements(text)
    return statement


#: What a snapshot says of its tables and columns.
_SHAPE = re.compile(r"-- reads (?P<tables>.*); returns (?P<columns>.*)\n")

#: The types that columns of measures have in DuckDB.
_TYPES = {"VARCHAR": pl.String, "BIGINT": pl.Int64, "HUGEINT": pl.Int64, "DOUBLE": pl.Float64}


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
        self._are_few = sum(path.stat().st_size for path in slices) <= _FEW_BYTES
        self._duckdb = database.connection() if self._are_few else database.opened()
        if slices:
            files = ", ".join("'" + duckdb_path(path).replace("'", "''") + "'" for path in slices)
            rows = f"read_parquet([{files}], hive_partitioning = false)"
        else:
            self._duckdb.register("nothing", pl.DataFrame(schema=polars_schema(EVENTS)).to_arrow())
            rows = "nothing"
        # A view: texts that are alike are few bytes in Parquet, and can be gigabytes in a table.
        self._duckdb.execute(f"create temp view events as select * from {rows} where {within(*bounds)}")  # noqa: S608
        self._empty = set()
        for name in STAGING:
            text = f"create temp table {name} as {translated(f'staging/{name}')}"
            n_rows = self._duckdb.execute(_parsed(text) if self._are_few else text).fetchall()
            if n_rows == [(0,)]:
                self._empty.add(name)
            if name == "requests" and requests_until_ns is not None:
                self._duckdb.execute("delete from requests where timestamp_ns >= ?", [requests_until_ns])

    def __enter__(self) -> "DuckDBEngine":
        return self

    def __exit__(self, *_: object) -> None:
        self._duckdb.close()
        if database.SPILL.exists():
            database.kept.cache_clear()

    def measure(self, name: str) -> pl.DataFrame:
        """Return the rows of `sql/measures/NAME.sql`, counts as INT64."""
        query = translated(f"measures/{name}")
        if self._are_few:
            return self._few(query)
        # As a table first, for reading a query's rows plans it twice, and a table can be spilled.
        self._duckdb.execute(f"create or replace temp table measured as {query}")
        rows = _counted(pl.DataFrame(self._duckdb.table("measured")))
        self._duckdb.execute("drop table measured")
        return rows

    def _few(self, query: str) -> pl.DataFrame:
        """The rows of a query, one by one: for few it is half of what a table takes."""
        if (shape := _SHAPE.match(query)) and self._empty.issuperset(shape["tables"].split(", ")):
            types = dict(column.split() for column in shape["columns"].split(", "))
            return pl.DataFrame(schema={name: _TYPES[dtype] for name, dtype in types.items()})
        result = self._duckdb.execute(_parsed(query))
        types = {name: str(dtype) for name, dtype, *_ in result.description}
        schema = {name: _TYPES[dtype] for name, dtype in types.items()}
        rows = pl.DataFrame(result.fetchall(), schema=schema, orient="row")
        sums = [name for name, dtype in types.items() if dtype == "HUGEINT"]
        return rows.with_columns(pl.col(sums).fill_null(0)) if sums else rows

    def types(self, query: str) -> dict[str, str]:
        """Return the types that the columns of a query in DuckDB's dialect have there, by their names."""
        return {name: str(dtype) for name, dtype, *_ in self._duckdb.execute(query).description}

    def query(self, googlesql: str) -> pl.DataFrame:
        """Return the rows of one SELECT in GoogleSQL over `events` and the tables of `STAGING`.

        Raises UsageError where it cannot be rewritten, or DuckDB refuses it.
        """
        import sqlglot

        try:
            return _counted(pl.DataFrame(self._duckdb.sql(_rewrite(googlesql))))
        except (sqlglot.errors.SqlglotError, duckdb.Error) as error:
            raise UsageError(f"the query cannot be run: {str(error).splitlines()[0]}") from error


def _counted(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows as GoogleSQL counts them, in INT64: DuckDB sums to HUGEINT, and its COUNTIF over nulls alone is null."""
    return rows.with_columns(pl.selectors.decimal().cast(pl.Int64).fill_null(0))
