"""DuckDB databases: one that the process keeps, and those that are opened for one piece of work."""

import os
import tempfile
from functools import cache
from pathlib import Path

import duckdb

#: Where DuckDB puts what its memory does not hold; the folder goes with the database.
SPILL = Path(tempfile.gettempdir(), f"runverdict-spill-{os.getpid()}")


def opened(spill: Path = SPILL, memory: str = "400MB") -> duckdb.DuckDBPyConnection:
    """Open a database in memory. spill: a folder for what `memory` does not hold."""
    return duckdb.connect(config={"temp_directory": str(spill), "memory_limit": memory})


@cache
def kept() -> duckdb.DuckDBPyConnection:
    """Return the database that the process keeps, for reading and for measuring few entries: starting one takes longer.

    It has one thread, for others redact and classify meanwhile, and does not look for the best order of joins, for
    planning is most of the work on few entries.
    """
    database = opened()
    database.execute("set threads = 1")
    database.execute("set preserve_insertion_order = false")
    database.execute("set disabled_optimizers = 'join_order,statistics_propagation'")
    return database


def connection() -> duckdb.DuckDBPyConnection:
    """Connect to the kept database; to a new one where it met an internal error, after which it takes no queries."""
    try:
        cursor = kept().cursor()
        cursor.execute("select 1").fetchall()
    except duckdb.Error:
        kept.cache_clear()
        cursor = kept().cursor()
    return cursor
