"""Teams that share a store in BigQuery: runs at once lose nothing, and a conflict that never ends is said."""

import math
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from pipeline.run import Job, check
from pipeline.sources.base import Request, open_sources
from pipeline.stores import watches
from pipeline.stores.base import open_store
from pipeline.stores.watches import Watch
from pipeline.warehouse import parse
from pipeline.window import Window
from tests.bigquery.conflicts import SERIALIZE, refusing_merges
from tests.bigquery.test_store import CATALOGUE, documents
from tests.conftest import call, extracted, failing, healthy, ndjson, rules

NOW = datetime(2026, 1, 15, 9, tzinfo=UTC)
TABLES = {"entries", "verdicts", "signatures", "watches", "notices", "checkpoints"}


def written(place, service, path):
    """Entries of a service, and a row of history, as a run writes them."""
    store = open_store(place)
    extraction = extracted(store, path)
    watches.save(store, Watch(service, f"{service}-00042-abc", NOW, NOW, (), over=False))
    return extraction


def column(client, text):
    return [row[0] for row in client.query(text).result()]


@pytest.fixture
def waits(monkeypatch):
    """The pauses of all that waits, which pass at once."""
    pauses = []
    monkeypatch.setattr("time.sleep", pauses.append)
    return pauses


@pytest.fixture
def logs(tmp_path):
    """Logs of two services."""
    return {
        "shop-api": ndjson(tmp_path / "shop.ndjson", failing()),
        "cart": ndjson(tmp_path / "cart.ndjson", healthy(service="cart")),
    }


def test_two_runs_at_once_lose_nothing(dataset, logs):
    """Entries and history of both are there, each once, and no table of a run is left."""
    place, client = dataset
    name = parse(place).dataset
    with ThreadPoolExecutor(2) as pool:
        runs = list(pool.map(lambda service: written(place, service, logs[service]), logs))
    assert not [error for run in runs for error in run.failed]
    counted = client.query(f"select service, count(*) as n from {name}.entries group by service").result()
    assert {row["service"]: row["n"] for row in counted} == {"shop-api": len(failing()), "cart": len(healthy())}
    assert sorted(column(client, f"select service from {name}.watches")) == ["cart", "shop-api"]
    assert {table.table_id for table in client.list_tables(name)} == TABLES


def test_a_run_that_meets_conflicts_loses_nothing(dataset, logs, waits, monkeypatch, request):
    """What BigQuery refuses for another run's writing is sent again, and then is there once."""
    place, client = dataset
    if "demo" not in place:
        pytest.skip("a real project refuses nothing on demand")
    name = parse(place).dataset
    with refusing_merges(request.getfixturevalue("emulator"), 3) as (address, refused):
        monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", address)
        written(place, "shop-api", logs["shop-api"])
    assert len(refused) == 3
    assert len(waits) >= 3
    assert column(client, f"select count(*) from {name}.entries") == [len(failing())]
    assert column(client, f"select service from {name}.watches") == ["shop-api"]


def test_a_conflict_that_never_ends_says_what_helps(dataset, logs, waits, monkeypatch, request):
    """On the command line: exit code 4 and no verdict; the next run, without it, has all."""
    place, client = dataset
    if "demo" not in place:
        pytest.skip("a real project refuses nothing on demand")
    emulator = request.getfixturevalue("emulator")
    with refusing_merges(emulator, math.inf) as (address, refused):
        monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", address)
        shown = call("check", logs["shop-api"], "--store", place)
    assert shown.exit_code == 4, shown.output
    assert SERIALIZE in shown.stderr
    assert "a dataset of its own as store" in shown.stderr
    assert shown.stdout == ""
    assert len(refused) == 9
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", emulator)
    written(place, "shop-api", logs["shop-api"])
    assert column(client, f"select count(*) from {parse(place).dataset}.entries") == [len(failing())]


def judged(place, service, path):
    """The verdicts of one service, judged in a store, by their path."""
    opened = open_sources([str(path)])
    return check(Job(opened, CATALOGUE, rules()[1], Request(Window(), service=service)), open_store(str(place)))


def test_two_judged_runs_at_once(dataset, logs, tmp_path):
    """Each gives the verdict that it gives alone, and keeps the other's entries and verdicts."""
    place, client = dataset
    name = parse(place).dataset
    alone = {service: documents(judged(tmp_path / service, service, path)) for service, path in logs.items()}
    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda service: judged(place, service, logs[service]), logs))
    assert [documents(found) for found in both] == list(alone.values())
    assert [found.totals["duplicates"] for found in both] == [0, 0]
    counted = client.query(f"select service, count(*) as n from {name}.entries group by service").result()
    assert {row["service"]: row["n"] for row in counted} == {"shop-api": len(failing()), "cart": len(healthy())}
    assert sorted(column(client, f"select service from {name}.verdicts")) == ["cart", "shop-api"]
    assert sorted(set(column(client, f"select service from {name}.signatures"))) == ["cart", "shop-api"]
    assert {table.table_id for table in client.list_tables(name)} == TABLES
