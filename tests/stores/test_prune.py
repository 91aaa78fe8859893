"""What is deleted from a store is gone from all of its files, and the store stays whole."""

from datetime import timedelta

import polars as pl
import pytest

from pipeline.errors import UsageError
from pipeline.sources.cloud_logging.pulled import Pulled
from pipeline.stores.base import KEY_VARIABLE
from pipeline.stores.local import LocalStore
from pipeline.stores.pending import Pending
from pipeline.stores.prune import digest_of, prune
from pipeline.window import rfc3339
from tests.conftest import START, call, check, documents, entry, healthy, line, ndjson, request, stamp


@pytest.fixture(autouse=True)
def key(monkeypatch):
    """The same digests in every store."""
    monkeypatch.setenv(KEY_VARIABLE, "the same in all stores")


@pytest.fixture
def store(tmp_path):
    """Two slices with a verdict each, of two clients; the second is judged an hour later."""
    later = [
        {**one, "timestamp": stamp(3600 + n), "receiveTimestamp": stamp(3600 + n)}
        for n, one in enumerate([line(0, "start"), *(request(n, client="198.51.100.4") for n in range(1, 90, 2))])
    ]
    check(tmp_path / "store", ndjson(tmp_path / "early.ndjson", healthy()))
    check(
        tmp_path / "store",
        ndjson(tmp_path / "late.ndjson", [{**one, "insertId": f"l{n}"} for n, one in enumerate(later)]),
    )
    return LocalStore(tmp_path / "store")


def rows(store, table="entries"):
    return pl.concat([store.read(table, path.stem) for path in store.slices(table)])


def test_what_is_older_than_a_time_goes(store, tmp_path):
    """Entries, events, verdicts; what is left is judged as if the rest had never been there."""
    total = rows(store).height
    moment = rfc3339(START + timedelta(minutes=30))
    dry = call("store", "prune", store.path, "--before", moment, "--history", "--dry-run")
    assert dry.stdout == "41 entries of 1 slice and 1 verdict would go; 46 entries would be left\n"
    assert rows(store).height == total == 87
    found = call("store", "prune", store.path, "--before", moment, "--history")
    assert found.stdout == "41 entries of 1 slice and 1 verdict deleted; 46 entries are left\n"
    assert rows(store)["timestamp"].min() >= START + timedelta(minutes=30)
    assert rows(store, "events").height == 46
    assert store.manifest()["slices"] == {"00000001": 46}
    assert len(store.slices("history/verdicts")) == 1
    again = check(store.path, tmp_path / "late.ndjson")
    assert again.totals["kept"] == 46
    alone = check(tmp_path / "alone", tmp_path / "late.ndjson")
    assert documents(again) == documents(alone)
    assert call("store", "prune", store.path, "--before", moment).stdout.startswith("0 entries of 0 slices and 0 verd")


def test_verdicts_stay_to_be_compared_with(store):
    """Without --history."""
    found = call("store", "prune", store.path, "--before", rfc3339(START + timedelta(minutes=30)))
    assert found.stdout == "41 entries of 1 slice and 0 verdicts deleted; 46 entries are left\n"
    assert len(store.slices("history/verdicts")) == 2


def test_one_person_goes(store):
    """By the digest of the client; nobody else's entries do, and no verdict."""
    digests = rows(store)["client"].drop_nulls().unique().to_list()
    assert len(digests) == 2
    (gone,) = rows(store).filter(pl.col("timestamp") > START + timedelta(minutes=30))["client"].drop_nulls().unique()
    found = call("store", "prune", store.path, "--person", gone)
    assert found.stdout == "45 entries of 1 slice and 0 verdicts deleted; 42 entries are left\n"
    assert gone not in rows(store).write_json()
    assert sum(store.manifest()["slices"].values()) == 42
    assert len(store.slices("history/verdicts")) == 2
    assert call("check", store.path, "--format", "json").exit_code in (0, 3)


def test_a_person_is_found_behind_a_redacted_id_and_as_a_user(tmp_path):
    """As redaction writes it, `<email>#` and the digest."""
    path = ndjson(
        tmp_path / "x.ndjson",
        [
            entry(1, textPayload="a", insertId="alice@example.com"),
            line(2, "user 101463481234567890123 signed in"),
            line(3, "nobody"),
        ],
    )
    check(tmp_path / "store", path)
    store = LocalStore(tmp_path / "store")
    (written,) = rows(store).filter(pl.col("insert_id").str.starts_with("<email>"))["insert_id"]
    assert prune(store, person=digest_of(written)).entries == 1
    (subject,) = rows(store)["subject"].drop_nulls()
    assert prune(store, person=subject).entries == 1
    assert rows(store)["message"].to_list() == ["nobody"]


def test_both_options_are_both_conditions(store):
    """A person's entries before a time."""
    early = rows(store).sort("timestamp")["client"].drop_nulls()[0]
    assert prune(store, person=early, before=START + timedelta(minutes=1)).entries == 20
    assert rows(store).filter(pl.col("client") == early).height == 20


def test_entries_of_a_pull_under_way_and_damaged_slices_go_too(store):
    """Parts, and what was put aside as NAME.damaged."""
    with store.writing():
        some = rows(store).head(5)
        Pending(store).add("logging://x", some, some["timestamp_ns"], Pulled().checkpoint())
    (store.path / "entries/00000009.damaged").write_bytes(b"alice@example.com")
    assert prune(store, before=START + timedelta(days=1)).left == 0
    left = [path for table in ("entries", "events") for path in (store.path / table).iterdir()]
    assert left == []
    assert rows(store, "parts").height == 0


def test_killed_in_between_it_can_be_done_again(store):
    """The manifest promised less before the rows went."""
    write, store.drop = store.drop, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt):
        prune(store, before=START + timedelta(minutes=30))
    store.drop = write
    assert prune(LocalStore(store.path), before=START + timedelta(minutes=30)).left == 46


def test_a_lost_slice_of_that_time_is_missed_no_more(store, tmp_path):
    """A way out where its source is gone."""
    (store.path / "entries/00000000.parquet").unlink()
    assert call("check", tmp_path / "late.ndjson", "--store", store.path).exit_code == 4
    assert call("store", "prune", store.path, "--before", rfc3339(START + timedelta(minutes=30))).exit_code == 0
    assert call("check", tmp_path / "late.ndjson", "--store", store.path).exit_code != 4


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "name what is to go"),
        (["--person", "alice@example.com"], "is not a digest"),
        (["--before", "yesterday"], "not a valid time"),
        (["--history", "--person", "0123456789ab"], "verdicts belong to no person"),
    ],
)
def test_wrong_usage_deletes_nothing(store, arguments, said):
    """Exit code 2."""
    found = call("store", "prune", store.path, *arguments)
    assert found.exit_code == 2
    assert said in found.stderr
    assert rows(store).height == 87


def test_only_a_store_is_pruned(tmp_path):
    """No folder is made, and no other one touched."""
    found = call("store", "prune", tmp_path / "nothing", "--before", "1d")
    assert (found.exit_code, (tmp_path / "nothing").exists()) == (2, False)
    assert call("store", "prune", "bigquery://demo.logs", "--before", "1d").exit_code == 2
    with pytest.raises(UsageError):
        digest_of("<email>")
