"""The engine's database: one for all engines of a process, and nothing is left of it."""

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
