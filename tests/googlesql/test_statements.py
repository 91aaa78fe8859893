"""GoogleSQL takes every statement that BigQuery is sent; a wrong one would be seen here."""

import polars as pl
import pytest

from pipeline import googlesql as sql
from pipeline import statements
from pipeline.run_tables import KIND, ORIGIN, REQUEST, ROW, TIMED
from pipeline.schema import EVENTS, HISTORY, IDENTITY, polars_schema
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
        **of_a_run(),
    }
    return {f"demo.logs.{name}": pl.DataFrame(schema=schema) for name, schema in schemas.items()}


def of_a_run():
    """The tables that the statements of a run make for those after them."""
    events, numbers = polars_schema(EVENTS), ("part", "origin", "kind", "identity", "copies_1", "entries")
    known = {
        **events,
        **dict.fromkeys((*numbers, "latency_ns", "minute", "slot", "bucket", "at_us"), pl.Int64),
        **dict.fromkeys(
            ("start_ns", "scaled_ns", "ready_ns", "bad_exits", "first_ns", "last_ns", "first_us", "span_us"), pl.Int64
        ),
        **dict.fromkeys((*(name for name in REQUEST if name.startswith(("is_", "has_"))), "is_first"), pl.Boolean),
        **dict.fromkeys(("path", "endpoint", "line", "caller", "reason", "name"), pl.String),
    }
    instance = ("start_ns", "scaled_ns", "ready_ns", "reason", "bad_exits", "first_ns", "last_ns")
    columns = {
        "run_events": (*ORIGIN, *KIND, *ROW, "part", "origin", "kind", "identity", "copies_1", "is_first"),
        "run_origins": ("origin", "identity", *ORIGIN, "entries", "copies_1"),
        "run_kinds": ("kind", *KIND),
        "run_instances": (*IDENTITY, "instance_id", *instance),
        "run_requests": ("origin", "kind", *REQUEST, *ROW),
        "run_timed": ("identity", *TIMED),
        "run_spans": (*IDENTITY, "first_us", "span_us"),
    }
    tables = {table: {name: known[name] for name in names} for table, names in columns.items()}
    tables["run_timed"]["kind"] = pl.String
    return tables


@pytest.mark.parametrize("name", [name for name, _ in statements.questions()])
def test_every_statement(reference, tables, name):
    """As `runverdict sql NAME` prints it; a step does not read the table that it makes."""
    statement = statements.named(name, PLACE.path, *NS, rules()[0], 90)
    made = f"demo.logs.run_{name.removeprefix('steps/')}"
    others = {table: columns for table, columns in tables.items() if table != made}
    reference.analyze(statement, others, {"pseudonym_key": "k"})


def test_a_source_is_inserted(reference, tables):
    """As a store does."""
    names = ", ".join(column.name for column in sql.STORED)
    statement = statements.named("source", PLACE.path, *NS, None, None)
    reference.analyze(f"insert into `demo.logs.slice` ({names})\n{statement}", tables, {"pseudonym_key": "k"})


@pytest.mark.parametrize("name", HISTORY)
def test_keeping_history(reference, tables, name):
    """Those that have no name."""
    for statement in (sql.replace_run, sql.create_run):
        reference.analyze(statement(name, PLACE.path(name), PLACE.path(f"new_{name}"), "0123abcd"), tables)


@pytest.mark.parametrize("name", ["merge", "classify", "create/entries", "steps/requests"])
def test_a_wrong_statement_is_refused(reference, tables, name):
    """One with a column, or a type, that is not there."""
    statement = statements.named(name, PLACE.path, *NS, rules()[0], 90)
    wrong = statement.replace("insert_id STRING", "insert_id TEXT").replace("timestamp_ns", "timestamp_nanos")
    from zetasql.core.exceptions import ServerError

    with pytest.raises(ServerError):
        reference.analyze(wrong.replace("latency_ns", "latency_nanos", 1), tables, {"pseudonym_key": "k"})
