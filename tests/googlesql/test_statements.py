"""GoogleSQL takes every statement that BigQuery is sent; a wrong one would be seen here."""

import polars as pl
import pytest

from pipeline import googlesql as sql
from pipeline.schema import EVENTS, HISTORY, polars_schema
from pipeline.warehouse import Address
from tests.conftest import rules

PLACE = Address("demo", "logs")
NS = (1_768_467_600 * 10**9, 1_768_471_200 * 10**9)


@pytest.fixture(scope="module")
def tables():
    """The store's tables and one of a sink, empty."""
    sink = {"timestamp": pl.Datetime("us", "UTC"), "logName": pl.String, "textPayload": pl.String}
    schemas = {
        "entries": polars_schema(sql.STORED),
        "slice": polars_schema(sql.STORED),
        "events": polars_schema(EVENTS),
        **{name: polars_schema(columns) for name, columns in HISTORY.items()},
        **{f"new_{name}": polars_schema(columns) for name, columns in HISTORY.items()},
        "run_googleapis_com_stderr": sink,
    }
    return {f"demo.logs.{name}": pl.DataFrame(schema=schema) for name, schema in schemas.items()}


@pytest.mark.parametrize("name", [name for name, _ in sql.questions()])
def test_every_statement(reference, tables, name):
    """As `runverdict sql NAME` prints it."""
    statement = sql.named(name, PLACE.path, *NS, rules()[0], 90)
    reference.analyze(statement, tables, {"pseudonym_key": "k"})


def test_a_source_is_inserted(reference, tables):
    """As a store does."""
    names = ", ".join(column.name for column in sql.STORED)
    statement = sql.named("source", PLACE.path, *NS, None, None)
    reference.analyze(f"insert into `demo.logs.slice` ({names})\n{statement}", tables, {"pseudonym_key": "k"})


@pytest.mark.parametrize("name", HISTORY)
def test_keeping_history(reference, tables, name):
    """Those that have no name."""
    for statement in (sql.replace_run, sql.create_run):
        reference.analyze(statement(name, PLACE.path(name), PLACE.path(f"new_{name}"), "0123abcd"), tables)


@pytest.mark.parametrize("name", ["merge", "classify", "create/entries", "measures/latency"])
def test_a_wrong_statement_is_refused(reference, tables, name):
    """One with a column, or a type, that is not there."""
    statement = sql.named(name, PLACE.path, *NS, rules()[0], 90)
    wrong = statement.replace("insert_id STRING", "insert_id TEXT").replace("timestamp_ns", "timestamp_nanos")
    from zetasql.core.exceptions import ServerError

    with pytest.raises(ServerError):
        reference.analyze(wrong.replace("latency_ns", "latency_nanos", 1), tables, {"pseudonym_key": "k"})
