"""The store holds each entry once, in whole slices, whatever happens to the run that writes it."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parsers.model import Catalogue
from pipeline import extract
from pipeline.errors import StoreError
from pipeline.schema import CONTENT, ENTRIES, EVENTS, polars_schema
from pipeline.sources.log_entry import EntryReader
from pipeline.stores.base import KEY_VARIABLE
from pipeline.stores.local import LocalStore
from pipeline.window import Window
from tests.conftest import (
    RUNVERDICT,
    call,
    check,
    documents,
    entry,
    extracted,
    failing,
    healthy,
    line,
    ndjson,
    rules,
    stamp,
)

SCHEMA = polars_schema(ENTRIES)
KEY = b"key"


def filled(folder, *slices):
    """A store with these entries, one slice each."""
    store = LocalStore(folder)
    with EntryReader() as reader:
        for entries in slices:
            rows = reader.read([json.dumps(one).encode() for one in entries])
            whole = extract.to_entries(rows, "x", KEY).with_columns(extract.content(rows, KEY))
            store.write("entries", store.next_name(), whole)
    return store


def stored(folder, table="entries"):
    """All rows of a table, in an order that does not depend on slices."""
    paths = sorted((folder / table).glob("*.parquet"))
    rows = pl.concat([pl.read_parquet(path, hive_partitioning=False) for path in paths])
    return rows.drop("source", CONTENT, strict=False).sort(pl.all())


def messages(store):
    rows = pl.concat([store.read("entries", path.stem) for path in store.slices("entries")])
    return sorted(rows["message"])


_PEAK = """
import resource
import polars as pl
from pipeline.extract import content

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

rows = pl.DataFrame({"insert_id": [None, None], "timestamp_ns": [None, None], "raw": ["\\0" * (32 << 20), "a"]})
rows = rows.cast({"insert_id": pl.String, "timestamp_ns": pl.Int64})
before = peak()
print(content(rows, b"k").n_unique(), peak() - before)
"""


def test_a_long_record_is_compared_by_little_memory():
    """32 MiB of control characters, each six bytes in JSON: less than three times the record is taken for its hash."""
    run = subprocess.run([sys.executable, "-c", _PEAK], capture_output=True, text=True, check=True)
    different, mib = map(int, run.stdout.split())
    assert different == 2
    assert mib < 96


def test_long_records_without_a_key_are_told_apart_by_their_end(tmp_path):
    """Two of 2 MiB that differ in the last letter, and one of them again: two stay."""
    rows = [entry(1, textPayload="a" * (2 << 20) + end, insertId=None) for end in "xyx"]
    store = filled(tmp_path, rows)
    assert store.drop_duplicates() == 1


@pytest.mark.parametrize("nulls", [[], ["logName"]], ids=["whole key", "null is null"])
def test_one_key_is_one_entry(tmp_path, nulls):
    """Equal logName, timestamp and insertId, null equal to null: one row stays, over slices too."""
    one = {**entry(1, textPayload="a"), **dict.fromkeys(nulls)}
    store = filled(tmp_path, [one, one], [one], [entry(2, textPayload="b")])
    assert store.drop_duplicates() == 2
    assert messages(store) == ["a", "b"]
    assert store.drop_duplicates() == 0


@pytest.mark.parametrize("change", [{"insertId": "2"}, {"timestamp": stamp(1, "000001")}, {"logName": "other"}])
def test_any_part_of_the_key_tells_entries_apart(tmp_path, change):
    """Equal content does not make two keys one."""
    assert filled(tmp_path, [entry(1, textPayload="a"), entry(1, textPayload="a", **change)]).drop_duplicates() == 0


@pytest.mark.parametrize("first", ["µs", "ns"])
@pytest.mark.parametrize("together", [True, False])
def test_the_nanosecond_row_stays(tmp_path, first, together):
    """BigQuery and client dumps cut to microseconds: the same entry from the API has its nanoseconds."""
    short, long = entry(1, textPayload="µs"), entry(1, textPayload="ns", timestamp=stamp(1, "000000789"))
    rows = [short, long] if first == "µs" else [long, short]
    store = filled(tmp_path, *([rows] if together else [[row] for row in rows]))
    assert store.drop_duplicates() == 1
    assert messages(store) == ["ns"]


def test_two_entries_within_a_microsecond_stay_two(tmp_path):
    """Different nanoseconds are different keys, and one microsecond row gives way to both."""
    stamps = (stamp(1, "000000001"), stamp(1, "000000002"), stamp(1))
    store = filled(tmp_path, [entry(1, textPayload=text, timestamp=text) for text in stamps])
    assert store.drop_duplicates() == 1
    assert messages(store) == sorted(stamps[:2])


@pytest.mark.parametrize("missing", [["insertId"], ["timestamp"], ["insertId", "timestamp", "logName"]])
def test_without_a_key_only_the_same_content_is_a_duplicate(tmp_path, missing):
    """Lines that look alike only once they are redacted are different entries."""
    gone = dict.fromkeys(missing)
    texts = ["from 192.0.2.1", "from 192.0.2.2", "from 192.0.2.2"]
    store = filled(tmp_path, [entry(1, **{"textPayload": text, **gone}) for text in texts])
    assert store.drop_duplicates() == 1
    assert messages(store) == ["from <ip>", "from <ip>"]


_SEEN = {}


@settings(max_examples=4, deadline=None)
@given(order=st.permutations(range(4)), cuts=st.sets(st.integers(1, 3)))
def test_which_row_of_a_key_stays_does_not_depend_on_the_order(tmp_path_factory, order, cuts):
    """One key with several contents: the same one stays, wherever it was read."""
    rows = [
        entry(1, textPayload="b"),
        entry(1, textPayload="a", severity="ERROR"),
        entry(1, jsonPayload={"message": "a"}),
        entry(1, textPayload="b", resource={"labels": {"service_name": "other"}}),
    ]
    mixed = [rows[place] for place in order]
    edges = [0, *sorted(cuts), 4]
    slices = [mixed[start:end] for start, end in pairwise(edges)]
    store = filled(tmp_path_factory.mktemp("s"), *slices)
    assert store.drop_duplicates() == 3
    kept = pl.concat([store.read("entries", path.stem) for path in store.slices("entries")])
    seen = (kept["message"][0], kept["service"][0], kept["severity"][0], kept["payload"][0])
    assert seen == _SEEN.setdefault("whatever the order", seen)


def test_the_same_file_twice_adds_nothing(tmp_path):
    """A second run into one store counts all as duplicates and gives the same bytes."""
    path = ndjson(tmp_path / "x.ndjson", [*failing(), "a line of text", entry(3, insertId=None, textPayload="x")])
    first = check(tmp_path / "store", path)
    rows = stored(tmp_path / "store", "events")
    second = check(tmp_path / "store", path)
    assert (first.totals["read"], first.totals["duplicates"]) == (43, 0)
    assert (second.totals["read"], second.totals["kept"], second.totals["duplicates"]) == (86, 43, 43)
    assert documents(first) == documents(second)
    assert stored(tmp_path / "store", "events").equals(rows)


def test_a_store_grows_by_what_is_new(tmp_path):
    """Two files in two runs are what they are in one."""
    a = ndjson(tmp_path / "a.ndjson", healthy()[:30])
    b = ndjson(tmp_path / "b.ndjson", healthy()[20:])
    check(tmp_path / "store", a)
    grown = check(tmp_path / "store", b)
    assert (grown.totals["read"], grown.totals["kept"], grown.totals["duplicates"]) == (51, 41, 10)
    assert documents(grown) == documents(check(tmp_path / "one", a, b))


def test_other_rules_make_other_events(tmp_path):
    """Events of another catalogue are made anew; a run that was killed in between mixes none."""
    path = ndjson(tmp_path / "x.ndjson", healthy())
    store = LocalStore(tmp_path / "store")
    catalogue, _ = rules()
    other = Catalogue((), {}, {})
    check(store.path, path)
    assert stored(store.path, "events")["event"].null_count() == 0
    store.classify(other, Window())
    assert stored(store.path, "events")["event"].null_count() == 41
    half = store.read("events", "00000000")
    store.classify(catalogue, Window())
    store.write_manifest({"catalogue": other.digest, "tool": "0"})  # of another version of the tool
    store.write("events", "00000000", half)
    store.classify(catalogue, Window())
    assert stored(store.path, "events")["event"].null_count() == 0


def test_events_without_entries_go(tmp_path):
    """A slice of events whose entries are gone counts nothing."""
    path = ndjson(tmp_path / "x.ndjson", healthy())
    check(tmp_path / "store", path)
    shutil.copy(tmp_path / "store/events/00000000.parquet", tmp_path / "store/events/00000007.parquet")
    assert check(tmp_path / "store", path).totals["kept"] == 41


def test_a_slice_appears_whole_or_not_at_all(tmp_path):
    """What a killed run left unfinished is removed; a slice that fails leaves nothing."""
    store = LocalStore(tmp_path)
    left = [tmp_path / "entries" / ".00000000.tmp", tmp_path / ".manifest.tmp"]
    with store.writing():
        pass
    for path in left:
        path.write_text("half")
    with LocalStore(tmp_path).writing():
        assert LocalStore(tmp_path).slices("entries") == []
    assert not any(path.exists() for path in left)
    (tmp_path / "events" / "00000000.parquet").mkdir()
    with pytest.raises(StoreError, match=r"00000000\.parquet: "):
        store.write("events", "00000000", pl.DataFrame({"a": [1]}))
    assert [path.name for path in (tmp_path / "events").iterdir()] == ["00000000.parquet"]


def test_the_manifest_tells_what_is_there(tmp_path):
    """Slices with their rows, and the rules of the events."""
    check(tmp_path / "store", ndjson(tmp_path / "x.ndjson", healthy()))
    manifest = json.loads((tmp_path / "store/manifest.json").read_text())
    assert manifest["slices"] == {"00000000": 41}
    assert manifest["catalogue"] == rules()[0].digest
    events = pl.read_parquet(tmp_path / "store/events/00000000.parquet")
    assert events.schema == polars_schema(EVENTS)
    assert dict(SCHEMA).items() <= dict(pl.read_parquet_schema(tmp_path / "store/entries/00000000.parquet")).items()


@pytest.mark.parametrize("text", ["", "{", "[]", "5", "null", "\udcff"])
def test_a_corrupt_manifest_is_named(tmp_path, text):
    """Exit 4 with the file and what to do; it holds nothing that cannot be made anew."""
    store = filled(tmp_path, [entry(1, textPayload="a")])
    (tmp_path / "manifest.json").write_text(text, errors="surrogateescape")
    with pytest.raises(StoreError, match=r"manifest\.json: cannot be used .*; remove it to rebuild it"):
        store.classify(rules()[0], Window())
    (tmp_path / "manifest.json").unlink()
    store.classify(rules()[0], Window())
    assert stored(tmp_path, "events").height == 1


def test_a_damaged_slice_of_entries_is_named(tmp_path):
    """Exit 4 and one line, no traceback and no verdict."""
    path = ndjson(tmp_path / "x.ndjson", healthy())
    store = tmp_path / "store"
    check(store, path)
    slice_ = store / "entries" / "00000000.parquet"
    data = slice_.read_bytes()
    half = len(data) // 2
    slice_.write_bytes(data[:4] + bytes(half) + data[4 + half :])
    result = call("check", path, "--store", store)
    assert result.exit_code == 4
    assert str(store) in result.stderr
    assert "cannot be used: " in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("damage", ["overwritten", "cut", "shorter", "empty"])
def test_damaged_events_are_made_anew(tmp_path, damage):
    """From their entries, and the verdict is the same."""
    path = ndjson(tmp_path / "x.ndjson", healthy())
    want = check(tmp_path / "store", path)
    slice_ = tmp_path / "store/events/00000000.parquet"
    data, rows = slice_.read_bytes(), pl.read_parquet(slice_, hive_partitioning=False)
    half = len(data) // 2
    wrong = {"overwritten": data[:4] + bytes(half) + data[4 + half :], "cut": data[:-20], "empty": b""}
    slice_.write_bytes(wrong.get(damage, b""))
    if damage == "shorter":
        rows[:30].write_parquet(slice_)
    assert documents(check(tmp_path / "store", path)) == documents(want)
    assert pl.read_parquet(slice_, hive_partitioning=False).equals(rows)


def test_the_key_is_the_owners_alone(tmp_path, monkeypatch):
    """0600, made once, never empty; the environment's wins."""
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    store = LocalStore(tmp_path)
    key = store.pseudonym_key()
    assert len(key) == 64
    assert (tmp_path / "pseudonym.key").stat().st_mode & 0o777 == 0o600
    assert LocalStore(tmp_path).pseudonym_key() == key
    monkeypatch.setenv(KEY_VARIABLE, "mine")
    assert LocalStore(tmp_path).pseudonym_key() == b"mine"
    monkeypatch.setenv(KEY_VARIABLE, "")
    assert LocalStore(tmp_path).pseudonym_key() == key
    (tmp_path / "pseudonym.key").write_bytes(b"")
    with pytest.raises(StoreError, match=f"holds no key; remove it, or set {KEY_VARIABLE}"):
        store.pseudonym_key()


def test_no_clear_text_of_a_person_is_stored(tmp_path):
    """Addresses, user ids and secrets are in no file of the store, terminal escapes within them or not."""
    secrets = ["alice@example.com", "AKIAIOSFODNN7EXAMPLE", "192.0.2.77"]
    torn = [f"{text[:9]}\x1b[1m{text[9:]}" for text in secrets[:2]]
    entries = [line(second, f"x {text} y", insertId=None) for second, text in enumerate([*secrets, *torn])]
    found = check(tmp_path / "store", ndjson(tmp_path / "x.ndjson", [*healthy(), *entries]))
    assert found.totals["kept"] == 46
    rows = stored(tmp_path / "store", "events")
    text = rows.write_json() + "".join(documents(found).values())
    assert not [secret for secret in secrets if secret in text.replace("\\u001b[1m", "").replace("\x1b[1m", "")]
    assert rows["message"].str.contains("<email>").sum() == 2


def test_a_full_disk_is_4_and_leaves_no_half_slice(tmp_path):
    """No space, or a limit on the size of files: one line on stderr, whole slices only."""
    path = ndjson(tmp_path / "x.ndjson", [line(n, random.Random(n).randbytes(300).hex()) for n in range(3000)])
    store = tmp_path / "store"
    script = (
        "import resource, signal, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000));"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); from pipeline.cli import main; main()"
    )
    # -B: else a module that nobody has compiled yet is cut at the limit, and stays for all processes after this one.
    command = [sys.executable, "-B", "-c", script, "check", path, "--store", store]
    found = subprocess.run(command, capture_output=True, timeout=60)
    assert found.returncode == 4
    assert found.stdout == b""
    assert found.stderr.count(b"\n") == 1
    assert b"00000000.parquet: " in found.stderr
    assert sorted(name for _, _, names in os.walk(store) for name in names) == ["manifest.json", "pseudonym.key"]


@pytest.mark.full
def test_killed_at_any_moment_a_run_resumes_to_the_same(tmp_path, monkeypatch):
    """kill -9 leaves whole slices only; the next run into the same store ends with the same events and verdict."""
    monkeypatch.setenv(KEY_VARIABLE, "the same in both stores")
    entries = [*failing(), *(line(n % 120, f"a line {n} " + "x" * 400, insertId=f"n{n}") for n in range(6000))]
    paths = [ndjson(tmp_path / f"{n}.ndjson", entries[max(0, n * 1500 - 100) : (n + 1) * 1500 + 41]) for n in range(4)]
    want = check(tmp_path / "want", *paths)
    rows = {table: stored(tmp_path / "want", table) for table in ("entries", "events")}
    assert rows["entries"].height == len(entries)
    store = tmp_path / "store"
    rng = random.Random()
    killed = 0
    for wait_s in (0.0, 0.2, 0.5):
        command = [RUNVERDICT, "check", *paths, "--store", store]
        running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        before = len(list(store.glob("entries/*.parquet")))
        while running.poll() is None and time.monotonic() < deadline:
            time.sleep(0.002)
            if len(list(store.glob("entries/*.parquet"))) != before:  # it has begun to write
                break
        time.sleep(wait_s * rng.random())
        running.send_signal(signal.SIGKILL)
        killed += running.wait() == -signal.SIGKILL
        for path in [*store.glob("entries/*.parquet"), *store.glob("events/*.parquet")]:
            assert pl.scan_parquet(path).select(pl.len()).collect().item() > 0
    assert killed >= 2
    found = check(store, *paths)
    assert documents(found) == documents(want)
    assert all(stored(store, table).equals(rows[table]) for table in rows)
    assert found.totals["kept"] == want.totals["kept"]
    assert not list(store.rglob(".*.tmp"))


class Killed(BaseException):
    """What ends a run in the middle."""


class Dying(LocalStore):
    """A store whose process is killed when it writes."""

    def write(self, table, name, rows):
        """Write nothing."""
        raise Killed


def test_events_go_before_their_rows_do(tmp_path):
    """Killed between the two, a run leaves no events of rows that are gone."""
    one = entry(1, textPayload="a")
    store = filled(tmp_path, [one], [one, entry(2, textPayload="b")])
    catalogue, _ = rules()
    store.classify(catalogue, Window())
    with pytest.raises(Killed):
        Dying(tmp_path).drop_duplicates()
    assert [path.stem for path in store.slices("events")] == ["00000000"]
    assert store.drop_duplicates() == 1
    store.classify(catalogue, Window())
    assert sorted(stored(tmp_path, "events")["message"]) == ["a", "b"]


def test_nothing_outside_of_the_store_is_written(tmp_path, monkeypatch):
    """DuckDB spills into the store, not into the working folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")
    store = filled(tmp_path / "store", [entry(n, textPayload="x") for n in range(10)])
    store.drop_duplicates()
    assert not list((tmp_path / "cwd").iterdir())
    assert extracted(store).stored == 10


def of_version_01(folder):
    """A store as version 0.1 left it: no workload, and the tool's version in its manifest."""
    store = filled(folder, healthy())
    (path,) = store.slices("entries")
    pl.read_parquet(path, hive_partitioning=False).drop("workload").write_parquet(path)
    store.write_document("manifest.json", {"version": "0.1.0", "slices": {"00000000": 41}})
    return path


def test_a_store_of_version_01_is_refused_with_the_command_that_rebuilds_it(tmp_path):
    """And that command makes a store that says the same."""
    of_version_01(tmp_path / "old")
    refused = call("check", "--store", tmp_path / "old", ndjson(tmp_path / "x.ndjson", healthy()))
    assert refused.exit_code == 4
    command = f"runverdict extract {tmp_path}/old --store {tmp_path}/old.new"
    assert command in refused.stderr
    assert call(*command.split()[1:]).exit_code == 0
    rebuilt = call("check", tmp_path / "old.new", "--format", "json")
    assert rebuilt.stdout == call("check", tmp_path / "x.ndjson", "--format", "json").stdout


def test_a_store_of_version_01_that_lost_its_manifest_is_refused_too(tmp_path):
    """Its slices tell."""
    of_version_01(tmp_path)
    (tmp_path / "manifest.json").unlink()
    with pytest.raises(StoreError, match=r"runverdict 0\.1 wrote it"), LocalStore(tmp_path).writing():
        pass


@pytest.mark.parametrize("entries", [[healthy()], []], ids=["with entries", "empty"])
def test_a_store_of_a_newer_version_is_refused(tmp_path, entries):
    """Nothing of it is touched."""
    store = filled(tmp_path, *entries)
    store.write_document("manifest.json", {"version": 99})
    with pytest.raises(StoreError, match=r"a newer runverdict wrote it \(layout 99\)"), store.writing():
        pass
    assert store.manifest() == {"version": 99}
