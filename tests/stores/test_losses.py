"""A slice of entries that is gone, damaged or shorter than it was is read again, or named with exit code 4."""

import json
import shutil

import polars as pl
import pytest

from pipeline.errors import SourceError, StoreError
from pipeline.sources.base import open_sources
from pipeline.stores import pending
from pipeline.stores.base import KEY_VARIABLE
from pipeline.stores.local import LocalStore
from tests.conftest import START, call, check, documents, entry, failing, healthy, ndjson
from tests.servers.cloud_logging import CloudLogging
from tests.sources.test_pull import ENTRIES, MINUTES, ids, run


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Slices of 200 rows; the same digests in every store."""
    monkeypatch.setattr(pending, "SLICE_ROWS", 200)
    monkeypatch.setenv(KEY_VARIABLE, "the same in all stores")


def gone(path):
    path.unlink()


def damaged(path):
    path.write_bytes(path.read_bytes()[:-20])


def shorter(path):
    pl.read_parquet(path, hive_partitioning=False)[:30].write_parquet(path)


DAMAGE = pytest.mark.parametrize("harm", [gone, damaged, shorter], ids=lambda harm: harm.__name__)


@DAMAGE
@pytest.mark.parametrize("name", ["00000000", "00000002", "00000004"])
def test_a_live_source_is_read_again(tmp_path, harm, name):
    """The first slice, one in the middle, the last: every entry is there again, once, and the run says so."""
    with CloudLogging(ENTRIES).running() as url:
        run(tmp_path, url)
        harm(tmp_path / f"entries/{name}.parquet")
        found = run(tmp_path, url)
        assert len(ids(tmp_path)) == len(set(ids(tmp_path))) == len(ENTRIES)
        assert found.stored + found.read - found.duplicates == len(ENTRIES)
        (note,) = found.reports[0].notes
        assert f"entries/{name}.parquet had " in note
        assert "it is read again" in note
        assert run(tmp_path, url).reports[0].notes == []


@DAMAGE
def test_what_is_not_read_again_is_named(tmp_path, harm):
    """A file that is not given again: exit 4, the slice, and the command; no verdict over what is left."""
    store = tmp_path / "store"
    first, second = (ndjson(tmp_path / f"{name}.ndjson", healthy(service=name)) for name in ("a", "b"))
    check(store, first)
    check(store, second)
    harm(store / "entries/00000000.parquet")
    for arguments in (["check", second, "--store", store], ["extract", second, "--store", store]):
        result = call(*arguments)
        assert result.exit_code == 4
        assert "entries are lost: entries/00000000.parquet had 41 entries and has " in result.stderr
        assert f"runverdict extract {first} --store {store} --since {START:%Y-%m-%dT%H:%M:%SZ} --until" in result.stderr
    command = result.stderr.partition("read them again: ")[2].partition(";")[0]
    assert call(*command.split()[1:]).exit_code == 0
    assert call("check", second, "--store", store).exit_code == 0
    assert LocalStore(store).manifest()["slices"].keys() == {
        path.stem for path in (store / "entries").glob("*.parquet")
    }


def test_the_same_file_again_repairs_its_slice(tmp_path):
    """And gives the same verdict."""
    path = ndjson(tmp_path / "x.ndjson", failing())
    want = check(tmp_path / "store", path)
    gone(tmp_path / "store/entries/00000000.parquet")
    assert documents(check(tmp_path / "store", path)) == documents(want)


def test_a_window_that_does_not_reach_the_loss_repairs_nothing(tmp_path):
    """What was before it would be lost in silence."""
    with CloudLogging(ENTRIES).running() as url:
        run(tmp_path, url)
        gone(tmp_path / "entries/00000000.parquet")
        with pytest.raises(StoreError, match="entries are lost"):
            run(tmp_path, url, since=START + MINUTES)
        run(tmp_path, url)
    assert sorted(ids(tmp_path)) == [one["insertId"] for one in ENTRIES]


def test_without_a_manifest_what_was_pulled_is_not_taken_for_there(tmp_path):
    """Somebody emptied the store but for the checkpoints."""
    with CloudLogging(ENTRIES).running() as url:
        run(tmp_path, url)
        shutil.rmtree(tmp_path / "entries")
        (tmp_path / "manifest.json").unlink()
        run(tmp_path, url)
    assert sorted(ids(tmp_path)) == [one["insertId"] for one in ENTRIES]


def test_a_store_that_was_emptied_keeps_its_history(tmp_path):
    """All entries and all events removed is no accident; verdicts stay, and what was pulled is read again."""
    store = tmp_path / "store"
    check(store, ndjson(tmp_path / "x.ndjson", healthy()))
    for table in ("entries", "events"):
        shutil.rmtree(store / table)
    assert check(store, ndjson(tmp_path / "y.ndjson", failing(service="b"))).totals["kept"] == 41
    assert len(LocalStore(store).slices("history/verdicts")) == 2


@DAMAGE
def test_a_store_as_a_source_is_counted(tmp_path, harm):
    """`check STORE` does not judge what is left of it."""
    store = tmp_path / "store"
    check(store, ndjson(tmp_path / "x.ndjson", healthy()))
    harm(store / "entries/00000000.parquet")
    result = call("check", store)
    assert result.exit_code == 4
    assert "entries are lost: entries/00000000.parquet had 41 entries and has " in result.stderr


@pytest.mark.parametrize("text", ["5", '{"slices": 5}', '{"slices": {"a": "b"}}', "{"])
def test_a_store_with_a_manifest_that_is_none_is_no_source(tmp_path, text):
    """It is named."""
    store = tmp_path / "store"
    check(store, ndjson(tmp_path / "x.ndjson", healthy()))
    (store / "manifest.json").write_text(text)
    with pytest.raises(SourceError, match=r"its manifest\.json cannot be used"):
        open_sources([str(store)])
    with pytest.raises(StoreError, match=r"manifest\.json"), LocalStore(store).writing():
        pass


def test_a_store_during_its_first_pull_is_a_store(tmp_path):
    """Its manifest is there from the beginning on, so that its own documents are not read as logs."""
    with LocalStore(tmp_path).writing():
        assert open_sources([str(tmp_path)]) == []
    assert json.loads((tmp_path / "manifest.json").read_text())["slices"] == {}


def test_removing_duplicates_looks_like_no_loss(tmp_path):
    """The manifest promises less before a slice gets shorter, so a run that is killed in between can go on."""
    store = LocalStore(tmp_path)
    path = ndjson(tmp_path / "x.ndjson", [entry(1, textPayload="a"), entry(2, textPayload="b")])
    check(tmp_path / "store", path)
    check(tmp_path / "store", path)
    store = LocalStore(tmp_path / "store")
    store.write("entries", "00000007", store.read("entries", "00000000"))
    store.write_manifest(store.manifest())
    assert store.manifest()["slices"] == {"00000000": 2, "00000007": 2}
    store.write = store.drop = lambda *_: (_ for _ in ()).throw(KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt):
        store.drop_duplicates()
    assert sum(store.manifest()["slices"].values()) == 2
    assert check(tmp_path / "store", path).totals["kept"] == 2
