"""A window of a service's log is in the store exactly once, whatever happens to the service, the wire and the run."""

import json
import random
import signal
import subprocess
import sys
import threading
import time as real
from datetime import timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import SourceError, StoreError
from pipeline.run import extract
from pipeline.sources.base import Access, Request, open_sources
from pipeline.sources.cloud_logging.pulled import VISIBLE_NS, Listing, Pulled, Span, load
from pipeline.sources.cloud_logging.quota import Clock
from pipeline.stores import pending
from pipeline.stores.base import KEY_VARIABLE
from pipeline.stores.local import LocalStore
from pipeline.window import Window
from tests.conftest import RUNVERDICT, START, entry, line, process, stamp
from tests.servers import cloud_logging as server
from tests.servers.cloud_logging import CloudLogging, Time

SOURCE = "logging://demo"
MINUTES = timedelta(minutes=1)


def lines(count, *, seconds=120, seed=0, service="shop-api"):
    """Entries in which timestamps repeat, in runs up to a few hundred, and insert ids too."""
    rng = random.Random(seed)
    stamps = sorted(stamp(rng.randrange(seconds), f"{rng.randrange(3)}00000") for _ in range(count))
    texts = ("a line", "another with 9007199254740993", "läden 🏪")
    return [
        line(0, rng.choice(texts), timestamp=at, receiveTimestamp=at, insertId=f"{n:06d}", service=service)
        for n, at in enumerate(stamps)
    ]


ENTRIES = lines(900)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Slices of 200 rows, so that few entries make several; the same digests in every store."""
    monkeypatch.setattr(pending, "SLICE_ROWS", 200)
    monkeypatch.setenv(KEY_VARIABLE, "the same in all stores")


def run(store, url, *, since=START, until=START + 5 * MINUTES, now=None, time=None, service=None, window=None):
    """Pull a window into a store, by default of five minutes and long after it."""
    time = time or Time()
    access = Access(url, clock=Clock(time.now, time.sleep))
    window = window or Window(since, until)
    request = Request(window, since, service, now or until + 60 * MINUTES)
    store = store if isinstance(store, LocalStore) else LocalStore(store)
    with store.writing():
        found = extract(open_sources([SOURCE], access), store, request)
    if found.failed:
        raise found.failed[0]
    return found


def ids(folder):
    """The insert ids in a store, in the order of its slices."""
    return [name for path in LocalStore(folder).slices("entries") for name in pl.read_parquet(path)["insert_id"]]


def files(folder):
    """The bytes of the slices, and that nothing else is left of a pull."""
    assert not list(folder.rglob(".*.tmp"))
    assert not list(folder.glob("parts/*"))
    return {path.name: path.read_bytes() for path in sorted(folder.glob("entries/*.parquet"))}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The slices of a pull that nothing happened to."""
    folder = tmp_path_factory.mktemp("undisturbed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pending, "SLICE_ROWS", 200)
        patch.setenv(KEY_VARIABLE, "the same in all stores")
        with CloudLogging(ENTRIES).running() as url:
            run(folder, url)
    assert ids(folder) == [one["insertId"] for one in ENTRIES]
    return files(folder)


def test_slices_depend_on_the_entries_alone(tmp_path, undisturbed):
    """Not on the size of pages; none of them splits a timestamp."""
    assert len(undisturbed) == 5
    for limit in (70, 333):
        with CloudLogging(ENTRIES, page_limit=limit).running() as url:
            found = run(tmp_path / str(limit), url)
        assert files(tmp_path / str(limit)) == undisturbed
        assert (found.read, found.duplicates, found.outside) == (900, 0, 0)


def test_entries_that_a_server_gives_twice_change_no_slice(tmp_path, undisturbed):
    """Neither where slices end nor what is in them; they count as read twice."""
    twice = [one for n in range(900) for one in (ENTRIES[n], *([] if n % 7 or n < 11 else [ENTRIES[n - 11]]))]
    cloud = CloudLogging([])
    listed = [(json.dumps(one, ensure_ascii=False).encode(), one) for one in twice]
    cloud._entries = [(n, "", one, raw) for n, (raw, one) in enumerate(listed)]
    with cloud.running() as url:
        found = run(tmp_path, url)
    assert files(tmp_path) == undisturbed
    assert (found.read, found.duplicates) == (len(twice), len(twice) - 900)


class Killed(BaseException):
    """What ends a run in the middle."""


class Dying(LocalStore):
    """A store whose process is killed at its nth write: before it, or right after it."""

    def __init__(self, path, steps, *, after):
        super().__init__(path)
        self.steps, self.after = steps, after

    def step(self, write, *arguments):
        self.steps -= 1
        if self.steps < 0 and not self.after:
            raise Killed
        write(*arguments)
        if self.steps < 0:
            raise Killed

    def write(self, *arguments):
        self.step(super().write, *arguments)

    def write_document(self, *arguments):
        self.step(super().write_document, *arguments)

    def drop(self, *arguments):
        self.step(super().drop, *arguments)


@pytest.mark.parametrize("after", [False, True])
def test_killed_at_every_step_it_ends_with_the_same_bytes(tmp_path, undisturbed, after):
    """Each run does a few writes more than the one before it; no page but the one in flight is asked for twice."""
    cloud = CloudLogging(ENTRIES, page_limit=100)
    kills = 0
    with cloud.running() as url:
        for steps in [3, 5, 8, 2, 13, 1, 7, 4] * 30:
            try:
                run(Dying(tmp_path, steps, after=after), url)
                break
            except Killed:
                kills += 1
    assert kills > 5
    assert files(tmp_path) == undisturbed
    assert len({page for page in cloud.pages if "receiveTimestamp" not in page[0]}) == 9
    assert len(cloud.pages) <= 9 + kills


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("steps", range(0, 44, 4))
def test_killed_once_anywhere_it_ends_with_the_same_bytes(tmp_path, undisturbed, steps, after):
    """At every fourth write, before and after; counts of the run that goes on reconcile with the store."""
    cloud = CloudLogging(ENTRIES, page_limit=150)
    with cloud.running() as url:
        try:
            run(Dying(tmp_path, steps, after=after), url)
            killed = False
        except Killed:
            killed = True
        found = run(tmp_path, url)
    assert killed or steps > 30
    assert files(tmp_path) == undisturbed
    assert found.stored + found.read - found.duplicates == 900


FAULTS = st.lists(st.one_of(st.none(), st.sampled_from(sorted(server.PASSING))), max_size=40)


MIXTURE = {
    "faults": FAULTS,
    "kills": st.lists(st.tuples(st.integers(0, 40), st.booleans()), max_size=6),
    "limit": st.integers(20, 200),
    "shuffle": st.booleans(),
    "expire": st.booleans(),
}


@settings(max_examples=3)
@given(**{**MIXTURE, "shuffle": st.just(True)})
def test_faults_and_kills_in_any_order_of_entries(undisturbed, tmp_path_factory, **mixture):
    """Every entry exactly once, and the same bytes; whatever order entries of one timestamp come in."""
    disturbed(undisturbed, tmp_path_factory, **mixture)


@settings(max_examples=3)
@given(**{**MIXTURE, "shuffle": st.just(False)})
def test_faults_and_kills_in_one_order(undisturbed, tmp_path_factory, **mixture):
    """The same of a service that keeps its order."""
    disturbed(undisturbed, tmp_path_factory, **mixture)


@pytest.mark.full
@settings(max_examples=100)
@given(**MIXTURE)
def test_faults_and_kills_in_many_mixtures(undisturbed, tmp_path_factory, **mixture):
    """The same, oftener."""
    disturbed(undisturbed, tmp_path_factory, **mixture)


def disturbed(undisturbed, tmp_path_factory, faults, kills, limit, shuffle, expire):
    """Pull through faults and kills, and compare."""
    folder = tmp_path_factory.mktemp("mixed")
    cloud = CloudLogging(ENTRIES, page_limit=limit)
    cloud.shuffle = shuffle
    cloud.faults = {n: server.PASSING[name] for n, name in enumerate(faults, 1) if name}
    with cloud.running() as url:
        for steps, after in kills:
            try:
                run(Dying(folder, steps, after=after), url)
            except Killed:
                if expire:
                    cloud.forget_tokens()
        run(folder, url)
    assert files(folder) == undisturbed


def test_tokens_that_are_never_taken_end(tmp_path):
    """The listing starts anew from where it was, and gives up when that leads nowhere; what was read stays."""
    cloud = CloudLogging(ENTRIES, page_limit=100)
    rejected = server.refusal(400, "INVALID_ARGUMENT", "page_token is not valid")
    cloud.fault = lambda *call: "pageToken" in call[2] and len(cloud.calls) > 3 and rejected(*call)
    with cloud.running() as url:
        run(tmp_path, url)  # each new start is a page further
        assert sorted(ids(tmp_path)) == [one["insertId"] for one in ENTRIES]
        one = line(0, "x", timestamp=stamp(3), receiveTimestamp=stamp(3))
        stuck = CloudLogging([{**one, "insertId": f"{n:04d}"} for n in range(300)], page_limit=100)
        stuck.fault = lambda *call: "pageToken" in call[2] and rejected(*call)
    with stuck.running() as url, pytest.raises(SourceError, match="its pages cannot be followed: page_token is not"):
        run(tmp_path / "stuck", url)
    assert len(stuck.calls) == 8


@pytest.mark.parametrize(("code", "said"), [(403, "permission denied"), (404, "not found")])
def test_rights_that_are_revoked_end_the_pull_and_given_back_it_goes_on(tmp_path, undisturbed, code, said):
    """What was read stays, and no page is asked for twice."""
    cloud = CloudLogging(ENTRIES, page_limit=100)
    cloud.faults = {5: server.refusal(code, "X")}
    with cloud.running() as url:
        with pytest.raises(SourceError, match=said):
            run(tmp_path, url)
        assert len(cloud.calls) == 5
        run(tmp_path, url)
    assert files(tmp_path) == undisturbed
    assert (len(cloud.pages), len(cloud.calls)) == (9, 10)


# What is there already


def test_what_is_there_is_not_read_again(tmp_path):
    """The same window again is one read, for what came late; a longer one reads the rest of it beside that."""
    cloud = CloudLogging(ENTRIES, page_limit=100)
    with cloud.running() as url:
        run(tmp_path, url, since=START + MINUTES, until=START + 2 * MINUTES)
        first = len(cloud.calls)
        again = run(tmp_path, url, since=START + MINUTES, until=START + 2 * MINUTES, now=START + 9 * 60 * MINUTES)
        assert len(cloud.calls) == first + 1
        assert (again.stored, again.read) == (len(ids(tmp_path)), 0)
        run(tmp_path, url, now=START + 9 * 60 * MINUTES)
    assert sorted(ids(tmp_path)) == [one["insertId"] for one in ENTRIES]
    filters = {call["filter"].partition("timestamp>=")[2] for call in cloud.calls[first + 1 :]}
    assert len(filters) == 3
    rows = sum(len(one["filter"]) > 0 for one in cloud.calls[first + 1 :])
    assert rows <= 1 + 450 // 100 + 2


def test_all_that_is_read_again_was_there(tmp_path):
    """A second job of a doubled event: nothing is new, and nothing is said of it."""
    few = lines(150)
    with CloudLogging(few).running() as url:
        run(tmp_path, url)
        pending.Pending(LocalStore(tmp_path)).forget()
        again = run(tmp_path, url)
    assert (again.read, again.duplicates, len(ids(tmp_path))) == (150, 150, 150)


def test_late_entries_are_added(tmp_path):
    """By receiveTimestamp, however old they are; what was received before is not read again."""
    cloud = CloudLogging(ENTRIES)
    now = START + 60 * MINUTES
    with cloud.running() as url:
        run(tmp_path, url, now=now)
        calls = len(cloud.calls)
        late = stamp(7200)
        cloud.add(
            line(0, "late", timestamp=stamp(n), receiveTimestamp=late, insertId=f"late{n}") for n in range(0, 90, 9)
        )
        found = run(tmp_path, url, now=now + 120 * MINUTES)
        assert (found.stored, found.read, found.duplicates, len(cloud.calls)) == (900, 10, 0, calls + 1)
        assert "receiveTimestamp>=" in cloud.calls[-1]["filter"]
        found = run(tmp_path, url, now=now + 121 * MINUTES)
        assert (found.stored, found.read - found.duplicates) == (910, 0)  # found a second time, and dropped
    assert len(ids(tmp_path)) == len(set(ids(tmp_path))) == 910


def test_the_tail_of_a_live_window_is_completed(tmp_path):
    """A window that is read while its requests still run: what ends later has an older timestamp, and is added."""
    early = [one for one in ENTRIES if one["timestamp"] < stamp(60)]
    cloud = CloudLogging(early)
    with cloud.running() as url:
        run(tmp_path, url, until=START + MINUTES, now=START + MINUTES)
        slow = line(0, "slow", timestamp=stamp(5), receiveTimestamp=stamp(200), insertId="slow")
        cloud.add([slow, *(one for one in ENTRIES if one["timestamp"] >= stamp(60))])
        run(tmp_path, url, until=START + 4 * MINUTES, now=START + 4 * MINUTES)
    assert sorted(ids(tmp_path)) == sorted(["slow", *(one["insertId"] for one in ENTRIES)])


def test_killed_while_it_looks_for_late_entries(tmp_path):
    """That goes on too, and the store ends as it would have."""
    late = [line(0, "late", timestamp=stamp(n), receiveTimestamp=stamp(7200), insertId=f"l{n}") for n in range(100)]
    now = START + 240 * MINUTES
    stores = {}
    for name in ("whole", "killed"):
        cloud = CloudLogging(ENTRIES, page_limit=300)
        with cloud.running() as url:
            run(tmp_path / name, url)
            cloud.add(late)
            cloud.page_limit = 30
            for steps in (3, 4, 6) if name == "killed" else ():
                with pytest.raises(Killed):
                    run(Dying(tmp_path / name, steps, after=False), url, now=now)
            run(tmp_path / name, url, now=now)
        assert len(cloud.pages) <= 3 + 4 + 3
        stores[name] = files(tmp_path / name)
    assert stores["killed"] == stores["whole"]
    assert len(ids(tmp_path / "killed")) == 1000


def test_another_window_closes_a_listing_that_is_under_way(tmp_path):
    """What it read stays and counts as listed; the rest is read when it is asked for."""
    cloud = CloudLogging(ENTRIES, page_limit=100)
    cloud.faults = {4: server.refusal(403, "X")}
    with cloud.running() as url:
        with pytest.raises(SourceError):
            run(tmp_path, url)
        run(tmp_path, url, since=START + 100 * MINUTES / 60, until=START + 2 * MINUTES)
        found = run(tmp_path, url)
        calls = len(cloud.calls)
    assert sorted(ids(tmp_path)) == [one["insertId"] for one in ENTRIES]
    assert found.stored + found.read - found.duplicates == 900
    assert calls < 4 + 3 + 10


def test_services_are_kept_apart(tmp_path):
    """What was listed of one service says nothing of another; the store holds both once."""
    other = [{**one, "insertId": "o" + one["insertId"]} for one in lines(300, seed=1, service="other")]
    cloud = CloudLogging([*ENTRIES, *other])
    with cloud.running() as url:
        run(tmp_path, url, service="shop-api")
        assert len(ids(tmp_path)) == 900
        run(tmp_path, url, service="other")
        assert len(ids(tmp_path)) == 1200
        run(tmp_path, url)
    assert len(ids(tmp_path)) == len(set(ids(tmp_path))) == 1200


def test_what_is_pulled_before_the_window_is_kept_but_not_counted(tmp_path):
    """The baseline's stretch is in the store; totals are those of the window."""
    within = sum(one["timestamp"] >= stamp(60) for one in ENTRIES)
    window, soon = Window(START + MINUTES, START + 5 * MINUTES), START + 5 * MINUTES
    with CloudLogging(ENTRIES).running() as url:
        found = run(tmp_path, url, window=window, now=soon)
        assert (found.read, found.outside, found.duplicates) == (within, 900 - within, 0)
        found = run(tmp_path, url, window=window, now=soon)  # all of it was received so lately that it is read again
        assert (found.stored, found.read, found.duplicates) == (within, within, within)
    assert len(ids(tmp_path)) == 900


def test_a_dense_minute_and_an_empty_day(tmp_path, monkeypatch):
    """As many reads as there are pages: slices follow the entries, not the clock."""
    monkeypatch.setattr(pending, "SLICE_ROWS", 3000)
    dense = [line(0, "x", timestamp=stamp(0, f"{n:09d}"), insertId=f"{n}") for n in range(10_000)]
    sparse = [line(n * 8000, "x", insertId=f"sparse{n}") for n in range(1, 11)]
    for entries, calls, slices in ((dense, 10, 4), (sparse, 1, 1)):
        cloud = CloudLogging(entries)
        with cloud.running() as url:
            run(tmp_path / str(calls), url, until=START + timedelta(days=1))
        assert len(cloud.calls) == calls
        assert len(files(tmp_path / str(calls))) == slices


def test_a_timestamp_with_very_many_entries_is_one_slice(tmp_path):
    """More entries of one timestamp than a slice has rows, over many pages, in another order each time."""
    same = [line(0, "x", timestamp=stamp(9), receiveTimestamp=stamp(9), insertId=f"{n:04d}") for n in range(500)]
    stores = []
    for limit, kills in ((1000, ()), (90, (5, 9, 3))):
        folder = tmp_path / str(limit)
        cloud = CloudLogging([*ENTRIES[:300], *same], page_limit=limit)
        cloud.shuffle = True
        with cloud.running() as url:
            for steps in kills:
                with pytest.raises(Killed):
                    run(Dying(folder, steps, after=True), url)
                cloud.forget_tokens()
            if kills:
                # As many as a pull follows without a new entry, which a shuffled answer may lack before each.
                cloud.faults = dict.fromkeys(range(len(cloud.calls) + 4, len(cloud.calls) + 16, 4), server.expire)
            assert run(folder, url).duplicates == 0
        stores.append(files(folder))
    assert stores[0] == stores[1]
    assert len(ids(folder)) == len(set(ids(folder))) == 800


def test_an_entry_that_does_not_parse_is_kept_once(tmp_path):
    """Even where many have no timestamp to stand by, and the token expires between them."""
    texts = [f'{{"insertId":"bad","jsonPayload":{{"n":{n},"x":}}}}' for n in range(40)]
    stands = {"timestamp": ENTRIES[450]["timestamp"], "insertId": "000450a"}
    nowhere = [(text.encode(), line(0, "", **stands)) for text in texts]
    deep = entry(10, insertId="deep", jsonPayload={"x": json.loads("[" * 60 + "]" * 60)})
    cloud = CloudLogging([*ENTRIES, *nowhere, deep], page_limit=15)
    cloud.faults = dict.fromkeys(range(2, 100, 11), server.expire)
    with cloud.running() as url:
        run(tmp_path, url)
    rows = pl.concat([pl.read_parquet(path) for path in LocalStore(tmp_path).slices("entries")])
    assert sorted(rows["raw"].drop_nulls()) == sorted(texts)
    assert rows.height == 941


def test_nanoseconds_numbers_and_unknown_members_survive(tmp_path):
    """What gRPC or a client's objects would change is there as sent."""
    text = '{"z":9007199254740993,"b":1.0,"a":12,"message":"x"}'
    raw = json.dumps(
        {**entry(insertId="n", timestamp=stamp(1, "000000789")), "jsonPayload": 0, "errorGroups": [{"id": "g"}]}
    )
    raw = raw.replace('"jsonPayload": 0', f'"jsonPayload": {text}').encode()
    with CloudLogging([(raw, json.loads(raw))]).running() as url:
        run(tmp_path, url)
    (row,) = pl.read_parquet(LocalStore(tmp_path).slices("entries")).to_dicts()
    assert row["payload"] == text
    assert row["timestamp_ns"] % 1000 == 789
    assert row["raw"] is None


# Two runs


def test_a_store_has_one_writer(tmp_path):
    """The second is told so and changes nothing; the lock goes with its process."""
    with LocalStore(tmp_path).writing():
        half = tmp_path / "entries" / ".00000000.tmp"
        half.write_text("the first run is writing this")
        second = LocalStore(tmp_path).writing()
        with pytest.raises(StoreError, match="another run is writing to it; wait until that ends"), second:
            raise AssertionError
        assert half.exists()
    with LocalStore(tmp_path).writing():
        assert not half.exists()


def test_two_processes_into_one_store(tmp_path):
    """One of them pulls, the other ends with 4 and a line; the store has every entry once."""
    cloud, second_ended = CloudLogging(ENTRIES, page_limit=100), threading.Event()
    cloud.fault = lambda *_: len(cloud.calls) > 3 and second_ended.wait(30) and None
    window = ["--since", stamp(0), "--until", stamp(300), "--settle", "1m"]
    with cloud.running() as url:
        command = [RUNVERDICT, "extract", SOURCE, "--store", tmp_path, "--api-endpoint", url, *window]
        first = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        deadline = real.monotonic() + 30
        while not list(tmp_path.glob("parts/*.parquet")) and real.monotonic() < deadline:
            real.sleep(0.01)
        second = process(*command[1:])
        second_ended.set()
        output, errors = first.communicate(timeout=60)
    assert (first.returncode, errors) == (0, b"")
    assert output.startswith(b"900 entries of the window in ")
    assert second.returncode == 4
    assert b"another run is writing to it" in second.stderr
    assert second.stderr.count(b"\n") == 1
    assert sorted(ids(tmp_path)) == [one["insertId"] for one in ENTRIES]


KILLED = lines(4_000, seed=3)
WINDOW = ("--since", stamp(0), "--until", stamp(300), "--settle", "1m")


@pytest.fixture(scope="module")
def unkilled(tmp_path_factory):
    """The slices of a process that nobody kills."""
    folder = tmp_path_factory.mktemp("unkilled")
    with CloudLogging(KILLED, page_limit=250).running() as url, pytest.MonkeyPatch.context() as patch:
        patch.setenv(KEY_VARIABLE, "the same in all stores")
        assert process("extract", SOURCE, "--api-endpoint", url, *WINDOW, "--store", folder).returncode == 0
    return files(folder)


@pytest.mark.full
def test_kill_9_at_random_moments(unkilled, tmp_path):
    """A process that is killed again and again, and one that is not, leave the same bytes."""
    cloud = CloudLogging(KILLED, page_limit=250)
    cloud.fault = lambda *_: real.sleep(0.02)
    rng = random.Random()
    killed = 0
    with cloud.running() as url:
        command = [RUNVERDICT, "extract", SOURCE, "--api-endpoint", url, *WINDOW, "--store", tmp_path]
        for _ in range(3):
            running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            before, deadline = len(cloud.calls), real.monotonic() + 30
            while len(cloud.calls) == before and running.poll() is None and real.monotonic() < deadline:
                real.sleep(0.005)
            real.sleep(rng.random() * 0.4)
            running.send_signal(signal.SIGKILL)
            killed += running.wait() == -signal.SIGKILL
        pages = len(set(cloud.pages))
        assert process(*command[1:]).returncode == 0
        assert len(cloud.pages) <= 16 + killed
    assert killed >= 2, pages
    assert files(tmp_path) == unkilled
    assert sorted(ids(tmp_path)) == [one["insertId"] for one in KILLED]


def test_a_full_disk_is_4_and_the_pull_goes_on_later(tmp_path, undisturbed):
    """A limit on the size of files stands for it: what was read stays, and no page is asked for twice."""
    cloud = CloudLogging(ENTRIES, page_limit=100)
    window = ["--since", stamp(0), "--until", stamp(300), "--settle", "1m"]
    script = (
        "import resource, signal; from pipeline.stores import pending; pending.SLICE_ROWS = 200;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, ({0}, {0})); signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "from pipeline.cli import main; main()"
    )
    with cloud.running() as url:
        command = ["extract", SOURCE, "--store", tmp_path, "--api-endpoint", url, *window]
        for size, code in ((len(undisturbed["00000000.parquet"]) - 1, 4), (1 << 30, 0)):
            # -B: else compiled modules are cut at the limit too, and stay.
            whole = [sys.executable, "-B", "-c", script.format(size), *command]
            found = subprocess.run(whole, capture_output=True, timeout=60)
            assert found.returncode == code, found.stderr
            assert found.stderr.count(b"\n") == (code == 4)
    assert 1 < len(cloud.pages) <= 10
    assert files(tmp_path) == undisturbed


# Coverage


def spans(*bounds):
    return Pulled([Span("s", *one) for one in bounds])


@pytest.mark.parametrize(
    ("known", "new", "want"),
    [
        ([], (2, 5, 9), [(2, 5, 9)]),
        ([(0, 2, 9)], (2, 5, 9), [(0, 5, 9)]),
        ([(0, 2, 8)], (2, 5, 9), [(0, 2, 8), (2, 5, 9)]),
        ([(0, 9, 8)], (2, 5, 9), [(0, 2, 8), (2, 5, 9), (5, 9, 8)]),
        ([(0, 3, 8), (4, 9, 7)], (2, 5, 9), [(0, 2, 8), (2, 5, 9), (5, 9, 7)]),
        ([(3, 4, 8)], (2, 5, 9), [(2, 5, 9)]),
    ],
)
def test_a_new_span_replaces_what_older_ones_say_of_its_time(known, new, want):
    """And joins with its neighbours where they are as fresh."""
    found = spans(*known)
    found.cover(Span("s", *new))
    assert [(one.start, one.end, one.listed) for one in found.spans] == want
    found.cover(Span("other", 0, 9, 1))
    assert [(one.start, one.end, one.listed) for one in found.spans if one.scope == "s"] == want


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(1, 8), st.integers(0, 5)), max_size=6), st.integers(0, 19))
def test_a_plan_covers_the_window_and_reads_no_gap_twice(known, start):
    """Gaps are disjoint, and together with what was listed they are the window."""
    cover = Pulled()
    for low, length, listed in known:
        cover.cover(Span("s", low, low + length, listed * VISIBLE_NS))
    plan = cover.plan("s", start, start + 9, 99 * VISIBLE_NS)
    gaps = [moment for one in plan if one.received is None for moment in range(one.start, one.end)]
    have = {moment for one in cover.spans for moment in range(one.start, one.end)}
    assert sorted(gaps) == sorted(set(range(start, start + 9)) - have)
    late = [one for one in plan if one.received is not None]
    assert len(late) == bool(have & set(range(start, start + 9)))
    for one in late:
        within = [span for span in cover.spans if span.start < start + 9 and span.end > start]
        assert one.received <= min(span.listed for span in within)
        assert have & set(range(start, start + 9)) <= set(range(one.start, one.end))


def test_a_broken_list_of_parts_is_named(tmp_path):
    """What cannot be read is no reason to pull a window twice in silence."""
    LocalStore(tmp_path).write_document("pulls.json", {"spans": [{"scope": "s"}]})
    with pytest.raises(StoreError, match=r"pulls\.json: cannot be used .*; remove it to rebuild it"):
        pending.Pending(LocalStore(tmp_path))
    (tmp_path / "pulls.json").unlink()
    assert pending.Pending(LocalStore(tmp_path)).checkpoint(SOURCE) is None


def test_a_broken_checkpoint_is_named():
    """It is the source's own document, and says so."""
    with pytest.raises(SourceError, match=r"its checkpoint cannot be used"):
        load(SOURCE, {"spans": [{"scope": "s"}], "open": None})
    assert load(SOURCE, None).spans == []


def test_a_checkpoint_is_read_as_it_was_written():
    """Every field of it, also through JSON."""
    one = Listing("s", 1, 9, 5, received=3, since=2, token="t", position=4, seen=("a",), rows=8)
    written = json.loads(json.dumps(Pulled([Span("s", 1, 2, 3)], one).checkpoint()))
    assert load(SOURCE, written) == Pulled([Span("s", 1, 2, 3)], one)
