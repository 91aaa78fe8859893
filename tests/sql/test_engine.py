"""The engine's database: one for all engines of few entries, one each for more, and nothing is left of them."""

import random

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from pipeline import database
from pipeline.aggregate import duckdb as engine
from pipeline.aggregate.duckdb import DuckDBEngine
from pipeline.googlesql import measures
from pipeline.schema import EVENTS, polars_schema
from pipeline.simulate import simulate
from pipeline.stores.local import LocalStore
from pipeline.window import Window
from tests.conftest import extracted, ndjson, rules
from tests.sql.test_measures import BASE, SCHEMA


@pytest.fixture(scope="module")
def slices(tmp_path_factory):
    """A made-up deployment in which instances crash."""
    folder = tmp_path_factory.mktemp("logs")
    store = LocalStore(folder / "store")
    extracted(store, ndjson(folder / "x.ndjson", simulate("crash-loop", seed=1, minutes=4, requests_per_minute=20)))
    store.classify(rules()[0], Window())
    return store.slices("events")


def test_engines_do_not_see_each_other():
    """Each has tables of its own, also two at a time."""
    with DuckDBEngine([]) as one, DuckDBEngine([]) as other:
        one._duckdb.execute("insert into requests (service) values ('shop-api')")
        counts = [each.query("select count(*) as n from requests").item() for each in (one, other)]
    with DuckDBEngine([]) as later:
        assert [*counts, later.query("select count(*) as n from requests").item()] == [1, 0, 0]


def test_a_database_that_takes_no_more_queries_is_replaced():
    """As after an internal error."""
    with DuckDBEngine([]):
        database.kept().close()
    with DuckDBEngine([]) as again:
        assert again.query("select 1 as n").item() == 1


@pytest.fixture(scope="module")
def lines(tmp_path_factory):
    """A line of a service: not a request, nor an instance that is known."""
    path = tmp_path_factory.mktemp("lines") / "events.parquet"
    pl.DataFrame([{**BASE, "timestamp_ns": 10**18, "instance_id": None}], SCHEMA).write_parquet(path)
    return [path]


@pytest.fixture(scope="module")
def by_limit(slices, lines):
    """All measures of many entries, of one and of none, by the engine for few entries and by that for many."""
    found = []
    for limit in (1 << 30, 0):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(engine, "_FEW_BYTES", limit)
            for events in (slices, lines, []):
                with DuckDBEngine(events) as used:
                    found.append({name: used.measure(name) for name in measures()})
    return found


@pytest.mark.parametrize("name", sorted(measures()))
def test_few_and_many_entries_have_the_same_columns(by_limit, name):
    """Names, types and rows, whichever way they come out of DuckDB, or do not where tables are empty."""
    for few, many in zip(by_limit[:3], by_limit[3:], strict=True):
        assert_frame_equal(few[name], many[name], check_row_order=False)


def test_what_reads_only_empty_tables_is_not_run(lines, monkeypatch):
    """The rest is: a line has no request, but is an entry of its revision."""
    run = []
    monkeypatch.setattr(engine, "_parsed", lambda text: run.append(text) or text)
    with DuckDBEngine(lines) as used:
        run.clear()
        assert used.measure("statuses").is_empty()
        assert used.measure("slots").is_empty()
        assert run == []
        assert used.measure("revisions").height == 1
        assert len(run) == 1


def test_what_was_spilled_is_gone_with_the_engine():
    """And the next one can spill again."""
    numbers = "select a * b as n from unnest(generate_array(1, 3000)) as a, unnest(generate_array(1, 2000)) as b"
    for _ in range(2):
        with DuckDBEngine([]) as used:
            used._duckdb.execute("set memory_limit = '60MB'")
            used.query(f"select count(*) as n from (select distinct n from ({numbers}))")
            spilled = database.SPILL.exists()
        assert (spilled, database.SPILL.exists()) == (True, False)


def is_shared(path):
    """Whether a file is measured in the database that stays for the next engine, or in one that goes with its own."""
    with DuckDBEngine([path]) as used:
        used._duckdb.execute("create table main.made as select 1 as n")
        names = database.kept().execute("select table_name from duckdb_tables()").fetchall()
        used._duckdb.execute("drop table main.made")
    return ("made",) in names


def test_few_are_up_to_the_limit(tmp_path, monkeypatch):
    """A file of exactly so many bytes, too."""
    events = tmp_path / "events.parquet"
    pl.DataFrame(schema=polars_schema(EVENTS)).write_parquet(events)
    size = events.stat().st_size
    shared = []
    for limit in (size, size - 1):
        monkeypatch.setattr(engine, "_FEW_BYTES", limit)
        shared.append(is_shared(events))
    assert shared == [True, False]


def test_more_than_a_mebibyte_is_much(tmp_path):
    """One and a half are, a half is not; of random text, which does not compress."""
    dice, shared = random.Random(1), []
    for size in (500_000, 1_500_000):
        path = tmp_path / f"{size}.parquet"
        schema = polars_schema(EVENTS)
        rows = pl.DataFrame({**dict.fromkeys(schema), "message": dice.randbytes(size // 2).hex()}, schema)
        rows.write_parquet(path, compression="uncompressed")
        assert abs(path.stat().st_size - size) < 100_000
        shared.append(is_shared(path))
    assert shared == [True, False]


def test_only_requests_are_left_out_from_a_time_on(tmp_path):
    """The engine's other tables hold what came later too."""
    path = tmp_path / "events.parquet"
    schema = polars_schema(EVENTS)
    rows = [{"timestamp_ns": at, "instance_id": f"i{at}", "http_status": 200} for at in (1, 2, 3)]
    pl.DataFrame([{**dict.fromkeys(schema), **row} for row in rows], schema).write_parquet(path)
    for until, requests in ((None, 3), (3, 2), (2, 1)):
        with DuckDBEngine([path], requests_until_ns=until) as found:
            counts = [found.query(f"select count(*) as n from {name}").item() for name in ("requests", "instances")]
        assert counts == [requests, 3]


def test_long_texts_that_are_alike_are_cut_before_they_are_sorted(tmp_path, monkeypatch):
    """A thousand errors of 100 KB are some KB in Parquet: what proves them takes 400 characters of each."""
    monkeypatch.setattr(engine, "_FEW_BYTES", 0)
    rows = [{**BASE, "insert_id": f"id{n}", "timestamp_ns": n * 10**9, "level": "ERROR"} for n in range(1000)]
    text = pl.lit("pay failed " + "x y " * 25_000)
    frame = pl.DataFrame(rows, SCHEMA).with_columns(message=text, signature=pl.lit("pay failed"))
    store = LocalStore(tmp_path)
    store.write("events", "00000000", frame)
    with DuckDBEngine(store.slices("events")) as made:
        made._duckdb.execute("set memory_limit = '40MB'")
        assert made.measure("evidence")["excerpt"].str.len_chars().to_list() == [400] * 5
        assert made.measure("signatures")["n"].to_list() == [1000]
