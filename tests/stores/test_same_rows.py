"""The same rows for the same entries: whatever form, batch, threads, order of files and kind of store they come by.

Both tables are compared in all their columns but `source`, which names the file that a row was read from. `raw`, the
text of what is no entry, keeps the line ends and blanks of its form, so that JSON in it is compared by its value, and
`content`, a digest of such text where an entry has no key, for entries alone.
"""

import codecs
import csv
import gzip
import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass

import duckdb
import polars as pl
import pytest
import zstandard
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from parsers.to_polars import Classifier
from pipeline import run
from pipeline.classify import classify
from pipeline.schema import CONTENT, ENTRIES, polars_schema
from pipeline.simulate import simulate
from pipeline.sources.base import Request, open_sources
from pipeline.stores.base import KEY_VARIABLE
from pipeline.stores.local import LocalStore
from pipeline.stores.temporary import TemporaryStore, measured
from pipeline.window import Window
from tests.conftest import RUNVERDICT, documents, entry, hard_to_tell_apart, line, request, rules, small_batches

#: What is secret or of a person in the entries below.
PERSONAL = (
    "anna.smith@example.com",
    "AKIAIOSFODNN7EXAMPLE",
    "192.0.2.77",
    "198.51.100.9",
    "192.0.2.1",
    "hunter2secret",
)
JOB = {"type": "cloud_run_job", "labels": {"project_id": "demo", "location": "europe-west1", "job_name": "nightly"}}
DEEP = {"user": {"email": PERSONAL[0], "ids": [1, 2.50, -0.0, 12345678901234567890], "none": None}, "empty": {}}

#: Of a deployment: JSON, texts, requests and its audit entries.
DEPLOYMENT = list(simulate("crash-loop", seed=3, minutes=0.3, requests_per_minute=30))
#: What is hard to keep as it is, or to tell from another.
HARD = [
    *(request(second, 500 if second % 4 == 0 else 200, f"/users/{PERSONAL[0]}/orders?key=1") for second in range(5)),
    request(10, client=PERSONAL[3], path="/läden/漢字"),
    line(11, f"mail for {PERSONAL[0]} from {PERSONAL[2]} with {PERSONAL[1]} waits", severity="WARNING"),
    line(12, f"\x1b[31mERROR\x1b[0m could not reach {PERSONAL[2]}:5432: password={PERSONAL[5]}"),
    line(13, "Traceback (most recent call last):\n  File \"x.py\", line 1\r\n\tKeyError: 'a|b'"),
    line(14, 'läden 🏪, "quoted": {not: yaml} [x] | bar \\ back \u2028 \ufffd e\u0301 é', severity="WARNING"),
    entry(15, insertId="json1", jsonPayload={"message": f"for {PERSONAL[0]}", "level": "error", **DEEP}),
    entry(16, insertId="json2", jsonPayload={"z": "order kept", "a": 'a "quoted": , { text', "msg": "läden 🏪\n\ttwo"}),
    entry(17, insertId="json3", jsonPayload={"logger": "shop.core", "severity": "WARNING", "message": ""}),
    entry(18, insertId="json4", jsonPayload={}, severity=None),
    entry(19, insertId="nothing", labels=None, trace="projects/demo/traces/0ab9", spanId="00f1"),
    entry(20, insertId="of a job", resource=JOB, textPayload="Execution nightly-abcde has completed successfully."),
    entry(21, insertId="of a balancer", resource={"type": "http_load_balancer", "labels": {}}, log="requests"),
    *hard_to_tell_apart(),
]
#: Objects with a value of another type than LogEntry has there; their keys can be read.
WRONG = [
    entry(22, insertId="type", textPayload={"not": "a LogEntry", "of": PERSONAL[0]}),
    entry(23, insertId="time", timestamp="yesterday", textPayload=f"at no time, for {PERSONAL[0]}"),
]
#: Lines that are no entries.
BROKEN = [
    f"no JSON, of {PERSONAL[0]}",
    '{"textPayload": "never closed, läden',
    '{"some": "other object"}',
    json.dumps(entry(40, insertId="broken"))[:-9],
]

LOGGED = [*DEPLOYMENT[::4], *(one for one in DEPLOYMENT if "protoPayload" in one), *HARD]
OBJECTS = [*LOGGED[:9], *WRONG, *LOGGED[9:]]
TEXTS = [json.dumps(one, ensure_ascii=False) for one in OBJECTS]
TEXTS[5:5] = BROKEN
#: Without the one that is told apart by its bytes, which each form has in another way.
AGAIN = [text for text in TEXTS if "yesterday" not in text]
#: Two of the keys stand for two entries each.
KEPT = len({json.dumps(one) for one in OBJECTS}) + len(BROKEN) - 2


@pytest.fixture(autouse=True, scope="module")
def _one_key():
    """Digests are comparable: they are made with one key in all stores."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv(KEY_VARIABLE, "the same in all stores")
        yield


def lines(texts, end="\n"):
    return "".join(text + end for text in texts).encode()


def indented(objects):
    return json.dumps(objects, indent=2, ensure_ascii=False)


def leaves(value, path=""):
    """The fields of an entry as Logs Explorer names them; a payload of JSON is the text of one."""
    if not isinstance(value, dict) or path in ("jsonPayload", "protoPayload"):
        return {path: json.dumps(value) if isinstance(value, dict) else str(value)}
    names = {key: f'"{key}"' if "." in key or "/" in key else key for key in value}
    below = [leaves(part, f"{path}.{names[key]}" if path else key) for key, part in value.items()]
    return {name: leaf for each in below for name, leaf in each.items()}


def table(objects):
    """The CSV of entries."""
    cells = [leaves(one) for one in objects]
    names = sorted({name for row in cells for name in row})
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows([names, *([row.get(name, "") for name in names] for row in cells)])
    return file.getvalue().encode()


#: Forms that hold any line.
OF_LINES = {
    "lines": lines,
    "CRLF": lambda texts: lines(texts, "\r\n"),
    "blank lines between": lambda texts: lines(texts, "\n \r\n\n"),
    "no end of the last line": lambda texts: lines(texts)[:-1],
    "byte order mark": lambda texts: codecs.BOM_UTF8 + lines(texts),
    "UTF-16": lambda texts: lines(texts).decode().encode("utf-16"),
    "gzip": lambda texts: gzip.compress(lines(texts)),
    "gzip of CRLF, a member each": lambda texts: b"".join(gzip.compress(lines([text], "\r\n")) for text in texts),
    "zstd": lambda texts: zstandard.compress(lines(texts)),
    "zstd, a frame each": lambda texts: b"".join(zstandard.compress(lines([text])) for text in texts),
}
#: Forms that hold objects.
OF_OBJECTS = {
    "lines without blanks": lambda objects: lines(json.dumps(one, separators=(",", ":")) for one in objects),
    "array": lambda objects: json.dumps(objects).encode(),
    "array, a line each": lambda objects: b"[" + b",\n".join(json.dumps(one).encode() for one in objects) + b"]\n",
    "array, indented": lambda objects: indented(objects).encode(),
    "array, indented with CRLF": lambda objects: indented(objects).replace("\n", "\r\n").encode(),
    "array, indented, in gzip": lambda objects: gzip.compress(indented(objects).encode()),
    "array in zstd": lambda objects: zstandard.compress(json.dumps(objects).encode()),
    "one after the other": lambda objects: "\n".join(map(indented, objects)).encode(),
    "answer of entries.list": lambda objects: json.dumps({"entries": objects, "nextPageToken": ""}).encode(),
}
#: Those of the forms that are parsed each in another way.
FEW = ("CRLF", "byte order mark", "gzip of CRLF, a member each", "zstd", "array", "array, indented with CRLF")


def forms(of, fast=FEW):
    return [pytest.param(form, marks=[] if form in fast else pytest.mark.full) for form in of]


def written(path, content):
    path.write_bytes(content)
    return path


def read(store, *paths):
    """Have a store read files and classify them; what was met."""
    job = run.Job(open_sources([str(path) for path in paths]), *rules(), Request(Window()))
    with store.writing():
        store.prepare(job.catalogue)
        met = run.extract(job.sources, store, job.request)
        run.classify(job, store, met)
    assert not met.failed
    return met


def judged(store, *paths):
    """The verdict documents of a check of files in a store."""
    return documents(run.check(run.Job(open_sources(list(map(str, paths))), *rules(), Request(Window())), store))


def by_value(text):
    """The text of an object that is no entry, without what its form puts between its parts."""
    try:
        return json.dumps(json.loads(text), ensure_ascii=False)
    except ValueError:
        return text


def in_order(rows):
    raw = pl.Series("raw", [None if text is None else by_value(text) for text in rows["raw"]], pl.String)
    if CONTENT in rows.columns:
        rows = rows.with_columns(pl.when(pl.col("raw").is_null()).then(CONTENT).alias(CONTENT))
    return rows.with_columns(raw).drop("source").sort(pl.all())


def tables(store):
    """The rows of entries and of events that a store has, in an order of their own."""
    slices = {"entries": store.slices("entries"), "events": store.event_slices()}
    return {
        name: in_order(pl.concat([pl.read_parquet(path, hive_partitioning=False) for path in paths]))
        for name, paths in slices.items()
        if paths
    }


def assert_same(given, wanted):
    assert given.keys() == wanted.keys()
    for name, rows in wanted.items():
        assert_frame_equal(given[name], rows)


def of_objects(rows):
    """The rows without those of lines that are no objects."""
    broken = pl.col("raw").is_not_null() & ~pl.col("insert_id").is_in(["type", "time"])
    return {name: table.filter(~broken.fill_null(value=True)) for name, table in rows.items()}


def of_entries(rows):
    """The rows of what is an entry."""
    return {name: table.filter(pl.col("raw").is_null()) for name, table in rows.items()}


def only_measured(events):
    """What a temporary store has of events."""
    return in_order(measured(events.with_columns(pl.lit("").alias("source"))))


@pytest.fixture(scope="module")
def wanted(tmp_path_factory):
    """The rows that lines in one file give, read as one batch."""
    folder = tmp_path_factory.mktemp("wanted")
    store = LocalStore(folder / "store")
    read(store, written(folder / "lines.log", lines(TEXTS)))
    assert len(store.slices("entries")) == 1
    return tables(store)


def test_the_rows_are_worth_comparing(wanted):
    """Each entry once, of every kind, redacted; and what classification made of the redacted text."""
    entries, events = wanted["entries"], wanted["events"]
    assert entries.height == events.height == KEPT
    assert entries["raw"].drop_nulls().len() == len(WRONG) + len(BROKEN)
    assert set(entries["workload"]) == {"service", "job", "http_load_balancer", None}
    assert entries["http_status"].drop_nulls().len() > 6
    assert entries["log_id"].str.contains("cloudaudit").any()
    assert events["event"].n_unique() > 6
    assert events["signature"].n_unique() > 6
    assert_frame_equal(events.select(entries.drop(CONTENT).columns), entries.drop(CONTENT), check_row_order=False)
    text = events.write_json() + entries.write_json()
    assert not [personal for personal in PERSONAL if personal in text]
    assert {"<email>", "<key>", "<ip>", "<secret>"} <= set(pl.Series([text]).str.extract_all("<[a-z]+>")[0])


def test_events_are_of_the_entries_as_they_are_stored(wanted):
    """Made anew from the stored rows they are the same: nothing was classified that is not kept."""
    entries = wanted["entries"].with_columns(pl.lit("").alias("source")).select(polars_schema(ENTRIES).names())
    assert_frame_equal(in_order(classify(entries, Classifier(rules()[0]))), wanted["events"])


@pytest.mark.parametrize("form", forms(OF_LINES))
def test_a_form_of_lines_gives_the_same_rows(tmp_path, wanted, form):
    """Those that are no entries included."""
    store = LocalStore(tmp_path / "store")
    read(store, written(tmp_path / "x.log", OF_LINES[form](TEXTS)))
    assert_same(tables(store), wanted)


@pytest.mark.parametrize("form", forms(OF_OBJECTS))
def test_a_form_of_objects_gives_the_same_rows(tmp_path, wanted, form):
    """Those included that are none of LogEntry's."""
    store = LocalStore(tmp_path / "store")
    read(store, written(tmp_path / "x.log", OF_OBJECTS[form](OBJECTS)))
    assert_same(tables(store), of_objects(wanted))


def test_a_table_gives_the_same_rows(tmp_path, wanted):
    """A CSV holds texts alone, so no value of another type."""
    store = LocalStore(tmp_path / "store")
    read(store, written(tmp_path / "x.csv", table(LOGGED)))
    assert_same(tables(store), of_entries(wanted))


def test_a_file_for_each_record_gives_the_same_rows(tmp_path, wanted):
    """So many small ones are read as one source."""
    (tmp_path / "logs").mkdir()
    for number, text in enumerate(TEXTS):
        written(tmp_path / f"logs/{number:03d}.json", text.encode())
    store = LocalStore(tmp_path / "store")
    assert len(read(store, tmp_path / "logs").reports) == 1
    assert_same(tables(store), wanted)


@contextmanager
def running(records, workers, threads):
    """Batches of so many records, so many slices made side by side, and so many threads to find what stands twice."""
    connect = duckdb.connect

    def connected(**options):
        connection = connect(**options)
        connection.execute(f"set threads = {threads}")
        return connection

    with pytest.MonkeyPatch.context() as patch:
        small_batches(patch, records)
        patch.setattr("pipeline.stores.workers._WORKERS", workers)
        patch.setattr(duckdb, "connect", connected)
        yield


@dataclass(frozen=True)
class Arrangement:
    """How the same records come: in files of these forms, in an order of their own or not, some of them twice."""

    seed: int
    shuffled: bool
    again: int
    forms: list[str]

    def files(self):
        """The contents of the files. Lines that are no objects have a file of lines where the form holds none.

        All begin with the same entry, for a file's form is told by its start: behind a first line that is cut inside of
        an object, more of the object is looked for.
        """
        rng = random.Random(self.seed)
        texts = TEXTS + rng.sample(AGAIN, self.again)
        if self.shuffled:
            rng.shuffle(texts)
        parts = [TEXTS[:1] for _ in self.forms]
        for text in texts:
            rng.choice(parts).append(text)
        left = []
        for form, part in zip(self.forms, parts, strict=True):
            if form in OF_LINES:
                yield OF_LINES[form](part)
            else:
                yield OF_OBJECTS[form]([json.loads(text) for text in part if text not in BROKEN])
                left += [text for text in part if text in BROKEN]
        yield lines([TEXTS[0], *left])


ARRANGEMENTS = st.builds(
    Arrangement,
    seed=st.integers(0, 1 << 30),
    shuffled=st.booleans(),
    again=st.integers(0, 20),
    forms=st.lists(st.sampled_from([*OF_LINES, *OF_OBJECTS]), min_size=2, max_size=3),
)


def brought(folder, store, arranged, records, workers=2, threads=2):
    """Read files of such contents into a store, in more batches than there are files."""
    paths = [written(folder / f"{number}.log", content) for number, content in enumerate(arranged.files())]
    with running(records, workers, threads):
        read(store, *paths)
    assert len(store.event_slices()) > len(paths)


def case(records, examples, *marks):
    return pytest.param(records, examples, marks=marks, id=f"batches of {records}")


BATCHES = [case(12, 3), case(1, 3, pytest.mark.full), case(5, 8, pytest.mark.full)]
#: An example takes a second, so that a smaller one takes too long to find.
NOT_SHRUNK = (Phase.explicit, Phase.generate)


@pytest.mark.parametrize(("records", "examples"), BATCHES)
def test_the_same_rows_in_any_order_files_batches_and_threads(tmp_path_factory, wanted, records, examples):
    """Of each key the same row stays, and what is read, redacted and classified beside it changes nothing in it."""

    @settings(max_examples=examples, phases=NOT_SHRUNK)
    @given(arranged=ARRANGEMENTS, workers=st.sampled_from([1, 4]), threads=st.sampled_from([1, 8]))
    def law(arranged, workers, threads):
        folder = tmp_path_factory.mktemp("law")
        store = LocalStore(folder / "store")
        brought(folder, store, arranged, records, workers, threads)
        assert_same(tables(store), wanted)

    law()


@pytest.mark.parametrize(("records", "examples"), BATCHES)
def test_a_temporary_store_has_the_same_rows(tmp_path_factory, wanted, records, examples):
    """Of events, in what measures read; it keeps no entries."""

    @settings(max_examples=examples, phases=NOT_SHRUNK)
    @given(arranged=ARRANGEMENTS)
    def law(arranged):
        folder = tmp_path_factory.mktemp("law")
        store = TemporaryStore(folder / "store")
        brought(folder, store, arranged, records)
        assert not store.slices("entries")
        assert_frame_equal(only_measured(tables(store)["events"].drop(CONTENT)), only_measured(wanted["events"]))

    law()


def test_both_stores_give_the_same_verdicts_in_small_batches(tmp_path):
    """Of two files in either order, byte by byte."""
    half = len(TEXTS) // 2
    paths = [written(tmp_path / "a.log", lines(TEXTS[:half])), written(tmp_path / "b.log", lines(TEXTS[half - 9 :]))]
    kept = judged(LocalStore(tmp_path / "kept"), *paths)
    assert kept
    with running(records=20, workers=2, threads=1):
        assert judged(TemporaryStore(tmp_path / "other"), *reversed(paths)) == kept


def test_a_store_has_the_same_rows_after_it_was_given_them_again(tmp_path, wanted):
    """The same file is not read, and no slice is written; of the same entries in another form none is added."""
    store = LocalStore(tmp_path / "store")
    path = written(tmp_path / "lines.log", lines(TEXTS))
    first = read(store, path)
    slices = {path: path.stat().st_ino for path in [*store.slices("entries"), *store.slices("events")]}
    again = read(LocalStore(tmp_path / "store"), path)
    assert (first.read, again.read) == (len(TEXTS), len(TEXTS))
    assert (first.stored, again.stored, again.duplicates) == (0, KEPT, len(TEXTS))
    assert again.reports[0].bytes_read == first.reports[0].bytes_read
    assert {path: path.stat().st_ino for path in slices} == slices
    assert_same(tables(store), wanted)
    with running(records=20, workers=2, threads=2):
        other = read(store, written(tmp_path / "other.log", OF_LINES["gzip of CRLF, a member each"](TEXTS[::-1])))
    assert (other.stored, other.read, other.duplicates) == (KEPT, len(TEXTS), len(TEXTS))
    assert_same(tables(store), wanted)


#: The last record of a file, of a text that cannot be compressed: a file that is cut a little ends inside of it.
LAST = entry(59, insertId="the last", textPayload=random.Random(5).randbytes(400).hex())
#: So many of the last bytes are lost. In zstd that costs a whole block, so that each record has one of its own.
LOST = 100
CUT = {
    "lines": ("lines", lambda: lines([*TEXTS, json.dumps(LAST)])),
    "gzip": ("lines", lambda: gzip.compress(lines([*TEXTS, json.dumps(LAST)]))),
    "zstd, a frame each": ("lines", lambda: OF_LINES["zstd, a frame each"]([*TEXTS, json.dumps(LAST)])),
    "array": ("objects", lambda: OF_OBJECTS["array"]([*OBJECTS, LAST])),
    "array, indented with CRLF": ("objects", lambda: OF_OBJECTS["array, indented with CRLF"]([*OBJECTS, LAST])),
    "one after the other": ("objects", lambda: OF_OBJECTS["one after the other"]([*OBJECTS, LAST])),
    "table": ("entries", lambda: table([*LOGGED, LAST])),
}


@pytest.mark.parametrize("form", forms(CUT, fast=("gzip", "array, indented with CRLF")))
def test_a_file_that_is_cut_loses_its_last_record_alone(tmp_path, wanted, form):
    """What can be read of that is kept as it stands, that the file was cut is said, and all other rows are the same."""
    holds, content = CUT[form]
    store = LocalStore(tmp_path / "store")
    with running(records=20, workers=2, threads=2):
        met = read(store, written(tmp_path / "x.log", content()[:-LOST]))
    assert met.reports[0].truncated
    rows = tables(store)
    is_last = pl.col("raw").str.contains("the last").fill_null(value=False)
    assert {table.filter(is_last).height for table in rows.values()} == {int("zstd" not in form)}
    others = {name: table.filter(~is_last) for name, table in rows.items()}
    assert_same(others, {"lines": wanted, "objects": of_objects(wanted), "entries": of_entries(wanted)}[holds])


BYTES = {"none of UTF-8": b"\xff\xfe", "half a sign": b"\xe6\xbc", "half a pair": b"\xed\xa0\x80"}


#: Entries of which one has a line with a word for each of `BYTES`, in three forms.
SIGNS = [*LOGGED[:9], line(50, f"läden {' '.join(BYTES)} behind", severity="ERROR"), *LOGGED[9:]]
DAMAGED = {
    "CRLF": lambda: lines(map(json.dumps, SIGNS), "\r\n"),
    "array, indented": lambda: indented(SIGNS).encode(),
    "table": lambda: table(SIGNS),
}


@pytest.mark.parametrize("form", forms(DAMAGED))
def test_broken_utf8_costs_its_own_signs_alone(tmp_path, form):
    """The rows are those of a file that has the replacement character in their place."""
    broken = DAMAGED[form]()
    for word, sign in BYTES.items():
        assert word.encode() in broken
        broken = broken.replace(word.encode(), sign)
    found = {}
    for name, content in {"broken": broken, "clear": broken.decode(errors="replace").encode()}.items():
        store = LocalStore(tmp_path / name)
        with running(records=20, workers=2, threads=2):
            met = read(store, written(tmp_path / f"{name}.log", content))
        assert met.reports[0].repaired_utf8 == (name == "broken")
        found[name] = tables(store)
    assert_same(found["broken"], found["clear"])
    assert found["clear"]["entries"].filter(pl.col("message").str.contains("läden \ufffd\ufffd \ufffd ")).height == 1


@pytest.mark.parametrize("threads", [1, pytest.param(7, marks=pytest.mark.full)])
def test_a_process_of_other_threads_has_the_same_rows(tmp_path, wanted, threads):
    """All of polars' work in so many threads; of one, all of it on one processor."""

    def on_one():
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

    path = written(tmp_path / "lines.log", lines(TEXTS))
    command = [RUNVERDICT, "check", path, "--store", tmp_path / "store", "--format", "json"]
    found = subprocess.run(
        command,
        capture_output=True,
        check=False,
        env={**os.environ, "POLARS_MAX_THREADS": str(threads)},
        preexec_fn=on_one if threads == 1 else None,
        timeout=60,
    )
    assert found.returncode in (0, 1, 3), found.stderr.decode()
    assert_same(tables(LocalStore(tmp_path / "store")), wanted)


#: Kills the process before its n-th change of a name in the store, which is when a slice or a document appears or goes.
_KILLED = """
import os, signal, sys
left = int(sys.argv.pop(1))

def count(event, arguments):
    global left
    if event in ("os.rename", "os.remove", "os.link") and str(arguments[0]).startswith(sys.argv[-1]):
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(count)
from pipeline.cli import main
main()
"""


@pytest.mark.full
def test_killed_before_each_change_of_a_store_it_ends_with_the_same_rows(tmp_path, wanted):
    """kill -9 before each file that appears, is replaced or goes: whole slices are left, and the next run has all.

    What is left can be judged by itself too: the store misses nothing.
    """
    half = len(TEXTS) // 2
    paths = [written(tmp_path / "a.log", lines(TEXTS[:half])), written(tmp_path / "b.log", lines(TEXTS[half - 9 :]))]
    for moment in range(100):
        store = LocalStore(tmp_path / str(moment))
        command = [sys.executable, "-c", _KILLED, str(moment), "check", *paths, "--store", store.path]
        ended = subprocess.run(command, capture_output=True, timeout=60, check=False)
        for path in [*store.slices("entries"), *store.slices("events")]:
            assert pl.read_parquet(path, hive_partitioning=False).height > 0
        read(LocalStore(shutil.copytree(store.path, tmp_path / "left", dirs_exist_ok=True)))
        shutil.rmtree(tmp_path / "left")
        read(store, *paths)
        assert_same(tables(store), wanted)
        assert not list(store.path.rglob(".*.tmp"))
        if ended.returncode != -signal.SIGKILL:
            break
    assert ended.returncode in (0, 1, 3), ended.stderr.decode()
    assert moment > 9
