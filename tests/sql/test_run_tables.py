"""The narrow tables of a run in BigQuery give each measure what the events themselves give, here by DuckDB."""

import re

import duckdb
import polars as pl
import pytest
import sqlglot
from polars.testing import assert_frame_equal

from parsers.model import Catalogue, load
from parsers.to_polars import Classifier
from pipeline.aggregate.duckdb import DuckDBEngine
from pipeline.classify import classify
from pipeline.googlesql import measures
from pipeline.run_tables import AFTER, BEFORE, ORIGIN, STEPS, RunTables, Scope
from pipeline.simulate import simulate
from pipeline.stores.local import LocalStore
from tests.conftest import extracted, ndjson, rules
from tests.googlesql.rows import of_catalogue

TABLES = RunTables("run_{}".format)
START = 1_768_467_600 * 10**9
CUT = START + 150 * 10**9


@pytest.fixture(scope="module")
def events(tmp_path_factory):
    """Two made-up deployments, and the catalogue's lines, some of them of jobs, without a time, or unparsed."""
    folder = tmp_path_factory.mktemp("logs")
    store = LocalStore(folder / "store")
    for name in ("auth-outage", "crash-loop"):
        lines = simulate(name, seed=1, minutes=4, requests_per_minute=20)
        extracted(store, ndjson(folder / f"{name}.ndjson", lines))
    made = pl.concat([store.read("entries", path.stem) for path in store.slices("entries")]).drop("content")
    rows = of_catalogue().with_row_index("n").with_columns(pl.col("n").cast(pl.Int64))
    rows = rows.with_columns(
        timestamp_ns=pl.when(pl.col("n") % 31 > 0).then(START + pl.col("n") * 700_000_001),
        project=pl.lit("p"),
        location=pl.when(pl.col("n") % 7 > 0).then(pl.lit("europe-west1")),
        workload=pl.when(pl.col("n") % 4 > 0).then(pl.lit("service")).otherwise(pl.lit("job")),
        service=pl.when(pl.col("n") % 11 > 0).then(pl.lit("shop-é")),
        revision=pl.when(pl.col("n") % 13 > 0).then(pl.format("shop-{}", pl.col("n") % 3)),
        instance_id=pl.when(pl.col("n") % 5 > 0).then(pl.format("i{}", pl.col("n") % 2)),
        log_id=pl.when(pl.col("n") % 3 > 0).then(pl.lit("run.googleapis.com/stderr")),
        insert_id=pl.format("id{}", pl.col("n") % 900),
        message=pl.when(pl.col("n") % 23 > 0).then("message").otherwise(pl.lit("é" * 994 + " <user>...")),
        payload=pl.when(pl.col("n") % 29 == 0).then(pl.lit('{"message":"of <email>"}')),
        raw=pl.when(pl.col("n") % 37 == 0).then(pl.lit("{")),
        http_status=pl.when(pl.col("n") % 17 == 0).then(200 + pl.col("n") % 4 * 100),
        http_latency_ms=pl.when(pl.col("n") % 17 == 0).then(pl.col("n") * 1.37),
    )
    rows = rows.with_columns(timestamp=pl.from_epoch(pl.col("timestamp_ns") // 1000, "us").dt.replace_time_zone("UTC"))
    return classify(pl.concat([made, rows.select(made.columns)]), Classifier(rules()[0]))


def translated(text):
    """A statement in DuckDB's dialect, without what tells BigQuery how to keep a table."""
    text = re.sub(r"(?m)^(?:partition by|options) .*\n", "", text)
    return sqlglot.transpile(text, read="bigquery", write="duckdb")[0]


@pytest.fixture(scope="module")
def database(events):
    """The tables of a run, in DuckDB."""
    connection = duckdb.connect()
    connection.execute("create macro farm_fingerprint(text) as (hash(text) >> 1)::bigint")
    connection.register("stored", events.with_columns(copies_1=pl.lit(1, pl.Int64)).to_arrow())
    whole = TABLES.classify(rules()[0], "stored", ["select 1"], (None, None), CUT)
    before, _, after = whole.partition("events as (\n")
    narrow = before[: before.index("with\n")] + "with events as (select * from stored),\n\nweighed as ("
    connection.execute(translated(narrow + after.partition("weighed as (")[2]))
    connection.execute(translated(TABLES.origins((None, None), 1)))
    connection.execute(translated(TABLES.kinds()))
    return connection


def both(database, events, folder, scope):
    """Each measure by the run's tables and by the events themselves."""
    for name in STEPS:
        database.execute(translated(TABLES.step(name, scope)))
    store = LocalStore(folder)
    store.write("events", "00000000", events)
    with DuckDBEngine(store.slices("events"), (scope.start_ns, scope.end_ns), scope.requests_until_ns) as engine:
        for name in measures():
            rows = pl.DataFrame(database.sql(translated(TABLES.measure(name, scope))))
            rows = rows.with_columns(pl.selectors.decimal().cast(pl.Int64).fill_null(0))
            yield name, engine.measure(name), rows


@pytest.mark.parametrize(
    "scope",
    [
        Scope(),
        Scope(CUT, None, (AFTER,)),
        Scope(START, CUT, (BEFORE,)),
        Scope(CUT, CUT + 60 * 10**9, (AFTER,), CUT + 40 * 10**9),
    ],
    ids=["all", "window", "lookback", "unsettled"],
)
def test_every_measure_is_the_same(database, events, tmp_path, scope):
    """Of all entries, of the window, of the time before it, and while requests may still run."""
    for name, whole, narrow in both(database, events, tmp_path, scope):
        assert whole.height or scope != Scope(), name
        order = whole.columns
        try:
            assert_frame_equal(narrow.select(order).sort(order), whole.sort(order), check_dtypes=False)
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}") from error


@pytest.mark.full
def test_in_parts_is_the_same_as_in_one_statement():
    """For the day on which the planner refuses all of it at once."""
    catalogue = Catalogue(load(["cloud_run"]).events[:4], {}, {})
    rows = of_catalogue().with_row_index("n").with_columns(insert_id=pl.format("id{}", "n"), log_name=pl.lit("x"))
    database = duckdb.connect()
    database.execute("create macro farm_fingerprint(text) as (hash(text) >> 1)::bigint")
    rows = rows.drop("n").with_columns(content=pl.lit(None, pl.String))
    database.register("stored", rows.head(300).to_arrow())
    query = "select * from stored"
    database.execute(translated(TABLES.classify(catalogue, None, [query, query], (None, None))))
    whole = pl.DataFrame(database.sql("select * from run_events"))
    for text in (TABLES.gather(None, [query, query], (None, None)), TABLES.search(catalogue)):
        database.execute(translated(text))
    database.execute(translated(TABLES.classify_searched(catalogue, 2)))
    parts = pl.DataFrame(database.sql("select * from run_events"))
    assert whole.height == 300
    assert whole["event"].n_unique() > 1
    assert whole["copies_1"].sum() == whole["copies_2"].sum() == 300
    # which row of a minute has the texts of its origin is left open
    parts, whole = (rows.drop("is_first", *ORIGIN) for rows in (parts, whole))
    assert_frame_equal(parts.sort(pl.all()), whole.sort(pl.all()))
