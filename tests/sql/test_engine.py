"""The engine's database: one for all engines of a process, and nothing is left of it."""

import random

import polars as pl

from pipeline.aggregate import duckdb as engine
from pipeline.aggregate.duckdb import DuckDBEngine
from pipeline.schema import EVENTS, polars_schema


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
        engine._database().close()
    with DuckDBEngine([]) as again:
        assert again.query("select 1 as n").item() == 1


def test_a_database_that_measured_much_keeps_no_memory(tmp_path, monkeypatch):
    """It goes with the engine; of few entries it stays for the next one."""
    events = tmp_path / "events.parquet"
    pl.DataFrame(schema=polars_schema(EVENTS)).write_parquet(events)
    kept = []
    for limit in (1 << 20, 1):
        monkeypatch.setattr(engine, "_LARGE_BYTES", limit)
        with DuckDBEngine([events]):
            pass
        kept.append(engine._database.cache_info().currsize)
    assert kept == [1, 0]


def test_what_was_spilled_is_gone_with_the_engine():
    """And the next one can spill again."""
    numbers = "select a * b as n from unnest(generate_array(1, 3000)) as a, unnest(generate_array(1, 2000)) as b"
    for _ in range(2):
        with DuckDBEngine([]) as used:
            used._duckdb.execute("set memory_limit = '60MB'")
            used.query(f"select count(*) as n from (select distinct n from ({numbers}))")
            spilled = engine._SPILL.exists()
        assert (spilled, engine._SPILL.exists()) == (True, False)


def kept_after(path):
    """How many databases are kept after an engine on a file."""
    with DuckDBEngine([path]):
        pass
    return engine._database.cache_info().currsize


def test_much_is_more_than_the_limit(tmp_path, monkeypatch):
    """A file of exactly so many bytes is not."""
    events = tmp_path / "events.parquet"
    pl.DataFrame(schema=polars_schema(EVENTS)).write_parquet(events)
    size = events.stat().st_size
    kept = []
    for limit in (size, size - 1):
        monkeypatch.setattr(engine, "_LARGE_BYTES", limit)
        kept.append(kept_after(events))
    assert kept == [1, 0]


def test_a_mebibyte_of_slices_is_much(tmp_path):
    """One and a half are, a half is not; of random text, which does not compress."""
    dice, kept = random.Random(1), []
    for size in (500_000, 1_500_000):
        path = tmp_path / f"{size}.parquet"
        schema = polars_schema(EVENTS)
        rows = pl.DataFrame({**dict.fromkeys(schema), "message": dice.randbytes(size // 2).hex()}, schema)
        rows.write_parquet(path, compression="uncompressed")
        assert abs(path.stat().st_size - size) < 100_000
        kept.append(kept_after(path))
    assert kept == [1, 0]


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
