"""A log sink's export in Cloud Storage, read from a server on this machine that fails as the real one may."""

import gzip
import json
import random
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from pipeline import objects
from pipeline.errors import ObjectsError, SourceError, UsageError
from pipeline.sources.base import Access, Request, open_sources
from pipeline.sources.records import SourceReport
from pipeline.stores.base import Silent
from pipeline.stores.local import LocalStore
from pipeline.window import Window
from tests.conftest import call, entry, healthy
from tests.servers import cloud_storage as server
from tests.servers.cloud_storage import CloudStorage

#: The library leaves the connection of an answer that is an error or cut to the garbage collector.
pytestmark = [
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.usefixtures("collected"),
]

STDOUT, REQUESTS, AUDIT = (
    f"exports/{log}"
    for log in ("run.googleapis.com/stdout", "run.googleapis.com/requests", "cloudaudit.googleapis.com/system_event")
)
START = datetime(2026, 1, 15, 9, tzinfo=UTC)


def hour(log, at, shard="S0"):
    return f"{log}/2026/01/15/{at:02d}:00:00_{at:02d}:59:59_{shard}.json"


def lines(at, count=40, *, service="shop-api", first=0):
    """Entries of one hour as an export has them: a line each."""
    made = [
        entry(at * 3600 - 9 * 3600 + n, insertId=f"{at}-{n}", textPayload=f"line {n}", service=service)
        for n in range(first, first + count)
    ]
    return b"".join(json.dumps(one).encode() + b"\n" for one in made)


def export(**more):
    return CloudStorage(
        {
            hour(STDOUT, 8): lines(8),
            hour(STDOUT, 9): lines(9),
            hour(STDOUT, 9, "S1"): lines(9, first=40),
            hour(STDOUT, 9, "A0:1768471200000000"): lines(9, 10, first=80),
            hour(REQUESTS, 10): gzip.compress(lines(10)),
            hour(STDOUT, 11): lines(11),
            "exports/other/readme.json": b"{}",
            "elsewhere/run.googleapis.com/stdout/2026/01/15/09:00:00_09:59:59_S0.json": lines(9, first=500),
            **more,
        }
    )


def read(folder, url, *, since=START, until=START + timedelta(hours=2), service=None, address="gs://logs/exports"):
    """Read an export into a store as `extract` does; the report."""
    (source,) = open_sources([address], Access(url))
    store, report = LocalStore(folder), SourceReport(address)
    with store.writing():
        store.add(source, Request(Window(since, until), None, service, now=datetime.now(UTC)), report, Silent())
        store.count(Window(since, until))
    return report


def ids(folder):
    """The insertIds of a store, sorted."""
    slices = LocalStore(folder).slices("entries")
    return sorted(pl.concat([pl.read_parquet(path) for path in slices])["insert_id"]) if slices else []


WANTED = sorted([f"9-{n}" for n in range(90)] + [f"10-{n}" for n in range(40)])


def test_the_hours_of_a_window_are_read_and_no_others(tmp_path):
    cloud = export()
    with cloud.running() as url:
        report = read(tmp_path, url)
    assert ids(tmp_path) == WANTED
    assert report.read == 130
    assert not report.incomplete
    assert not any("elsewhere" in path or "%2F11%3A" in path or "/08%3A" in path for _, path in cloud.calls)


@pytest.mark.parametrize("limit", [1, 2, 1000])
def test_lists_have_pages(tmp_path, limit):
    cloud = export()
    cloud.page_limit = limit
    with cloud.running() as url:
        read(tmp_path, url)
    assert ids(tmp_path) == WANTED


def test_a_log_can_be_the_prefix(tmp_path):
    with export().running() as url:
        read(tmp_path, url, address=f"gs://logs/{STDOUT}/")
    assert ids(tmp_path) == sorted(f"9-{n}" for n in range(90))


def test_names_with_signs(tmp_path):
    """A percent sign, a blank and a question mark are a name's own."""
    log = "exports/a%2Fb c?d"
    cloud = CloudStorage({f"{log}/2026/01/15/09:00:00_09:59:59_S0.json": lines(9)})
    with cloud.running() as url:
        read(tmp_path, url)
    assert len(ids(tmp_path)) == 40


def test_an_addendum_that_comes_later_is_read_then(tmp_path):
    cloud = export()
    with cloud.running() as url:
        read(tmp_path, url)
        before = cloud.ranges
        assert read(tmp_path, url).records == 0
        assert cloud.ranges == before  # nothing is read again
        cloud.put(hour(STDOUT, 10, "A1"), lines(10, 3, first=100))
        assert read(tmp_path, url).records == 3
        assert cloud.ranges == before + 1
    assert ids(tmp_path) == sorted([*WANTED, "10-100", "10-101", "10-102"])


def test_a_shard_that_is_replaced_later_is_read_again(tmp_path):
    cloud = export()
    with cloud.running() as url:
        read(tmp_path, url)
        cloud.put(hour(STDOUT, 9, "S1"), lines(9, 45, first=40))
        read(tmp_path, url)
    assert ids(tmp_path) == sorted([*WANTED])  # 9-80 to 9-84 were in the addendum before


def test_a_shard_that_is_replaced_while_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(objects, "RANGE_BYTES", 2000)
    cloud = CloudStorage({hour(STDOUT, 9): lines(9, 200), hour(STDOUT, 9, "S1"): lines(9, 30, first=300)})

    def replaced(server, handler):
        server.put(hour(STDOUT, 9), lines(9, 201))
        return False

    with cloud.running() as url:
        cloud.faults = {20: replaced}
        report = read(tmp_path, url)
    assert ids(tmp_path) == sorted(f"9-{n}" for n in [*range(201), *range(300, 330)])
    assert "was replaced while it was read" in report.notes[0]


@pytest.mark.parametrize("fault", [server.status(429), server.status(503), server.cut], ids=["429", "503", "cut"])
def test_faults_are_waited_out(tmp_path, monkeypatch, fault):
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    cloud = export()
    cloud.faults = dict.fromkeys(range(2, 40, 3), fault)
    with cloud.running() as url:
        read(tmp_path, url)
    assert ids(tmp_path) == WANTED


def test_bytes_that_are_not_those_of_the_object_are_refused(tmp_path):
    cloud = CloudStorage({hour(STDOUT, 9): lines(9)})
    with cloud.running() as url:
        cloud.faults = dict.fromkeys(range(1, 100), server.wrong)
        with pytest.raises(SourceError, match=r"09:00:00_09:59:59_S0\.json: its bytes do not have its CRC32C"):
            read(tmp_path, url)


class KilledError(Exception):
    """A run ends here."""


@pytest.mark.full
def test_killed_twenty_times_every_entry_is_there_once(tmp_path, monkeypatch):
    """Between any two writes of the store."""
    monkeypatch.setattr("pipeline.sources.cloud_storage.BATCH_RECORDS", 15)
    rng = random.Random(7)
    kills = 0
    cloud = CloudStorage({hour(STDOUT, 9, f"S{n}"): lines(9, 20, first=20 * n) for n in range(24)})
    with cloud.running() as url:
        while kills < 20:
            store, left = LocalStore(tmp_path), rng.randrange(1, 5)

            def dying(*given, inner=store.write, **named):
                nonlocal left
                left -= 1
                if left == 0:
                    raise KilledError
                return inner(*given, **named)

            monkeypatch.setattr(store, "write", dying)
            (source,) = open_sources(["gs://logs/exports"], Access(url))
            request = Request(Window(START, START + timedelta(hours=2)), now=datetime.now(UTC))
            try:
                with store.writing():
                    store.add(source, request, SourceReport("gs://logs/exports"), Silent())
                break
            except KilledError:
                kills += 1
        read(tmp_path, url)
    assert ids(tmp_path) == sorted(f"9-{n}" for n in range(480))
    assert cloud.ranges < 20 * 24 / 2  # what was safe is not read again, but for what was fetched ahead


def test_organization_sinks_mix_services(tmp_path):
    with CloudStorage({hour(STDOUT, 9): lines(9) + lines(9, 5, service="other", first=200)}).running() as url:
        read(tmp_path, url, service="other")
        assert ids(tmp_path) == sorted(f"9-{n}" for n in range(200, 205))
        read(tmp_path, url, service="shop-api")
    assert len(ids(tmp_path)) == 45


def test_eight_ranges_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr(objects, "RANGE_BYTES", 1000)
    cloud = CloudStorage({hour(STDOUT, 9, f"S{n}"): lines(9, 30, first=30 * n) for n in range(12)})
    cloud.meet = objects.AT_A_TIME
    with cloud.running() as url:
        read(tmp_path, url)
    assert len(ids(tmp_path)) == 360
    assert cloud.most_at_once == objects.AT_A_TIME


def test_an_hour_that_may_be_incomplete_is_inconclusive():
    now = datetime.now(UTC)
    made = [json.dumps(one).encode() for one in moved(healthy(), now - timedelta(minutes=20))]
    path = f"{STDOUT}/{now - timedelta(minutes=20):%Y/%m/%d/%H}:00:00_59:59_S0.json"
    later = f"{STDOUT}/{now:%Y/%m/%d/%H}:00:00_59:59_S0.json"
    with CloudStorage({path: b"\n".join(made), later: b"\n".join(made)}).running() as url:
        arguments = ("check", "gs://logs/exports", "--since", "30m", "--revision", "newest", "--api-endpoint", url)
        found = call(*arguments, "--format", "json")
    assert found.exit_code == 3, found.output
    reasons = {check["id"]: check["reason"] for check in json.loads(found.stdout)["checks"]}
    assert "a sink writes by the hour, 2 to 3 hours late: what is younger than" in reasons["evidence.window"]
    assert "no source for a gate; logging:// is" in found.stderr


def test_a_settled_window_gives_the_verdict_of_its_file(tmp_path):
    """The same entries as a file and as an export: the same checks."""
    made = [json.dumps(one).encode() for one in healthy()]
    (tmp_path / "logs.json").write_bytes(b"\n".join(made))
    window = ("--since", "2026-01-15T09:00:00Z", "--until", "2026-01-15T10:00:00Z", "--baseline", "none")
    with CloudStorage({hour(STDOUT, 9): b"\n".join(made)}).running() as url:
        export_ = call("check", "gs://logs/exports", *window, "--api-endpoint", url, "--format", "json")
    file = call("check", str(tmp_path / "logs.json"), *window, "--format", "json")
    one, other = (json.loads(found.stdout) for found in (export_, file))
    assert one["verdict"] == other["verdict"]
    assert one["requests"] == other["requests"]
    assert one["events"] == other["events"]


def test_dry_run_counts_objects_and_bytes():
    with export().running() as url:
        window = ("--since", "2026-01-15T09:00:00Z", "--until", "2026-01-15T11:00:00Z", "--baseline", "none")
        found = call("check", "gs://logs/exports", *window, "--dry-run", "--api-endpoint", url)
    assert found.exit_code == 0, found.output
    assert found.stdout.startswith(
        "gs://logs/exports from 2026-01-15T09:00:00Z to 2026-01-15T11:00:00Z: 4 objects, 0.0 MB\n"
    )


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("gs://logs/nothing", "has no export of a log sink below it"),
        ("gs://refused/exports", "permission denied: "),
    ],
)
def test_what_cannot_be_read_is_4_with_a_sentence(address, says):
    cloud = export()
    cloud.denied = {"refused"}
    with cloud.running() as url:
        found = call("check", address, "--since", "1h", "--revision", "newest", "--api-endpoint", url)
    assert found.exit_code == 4
    assert says in found.stderr
    assert "Traceback" not in found.stderr


def test_a_server_that_is_not_there_is_said_within_the_patience(monkeypatch):
    """Not after that of a call to one that has answered before."""
    monkeypatch.setattr(objects, "_FIRST_PATIENCE_S", 0.2)
    found = call("check", "gs://logs/exports", "--since", "1h", "--api-endpoint", "http://127.0.0.1:9")
    assert found.exit_code == 4
    assert "cannot be reached: Timeout of 0.2s exceeded" in found.stderr
    assert "check the network and --api-endpoint" in found.stderr


@pytest.mark.parametrize("project", [None, "payer"])
def test_a_bucket_that_bills_who_reads_it(tmp_path, project):
    """It needs the project that pays, which every read and list names then."""
    cloud = export()
    cloud.requester_pays = True
    more = ("--billing-project", project) if project else ()
    since = ("--since", "2026-01-15T09:00:00Z", "--until", "2026-01-15T11:00:00Z")
    with cloud.running() as url:
        found = call("check", "gs://logs/exports", *since, "--api-endpoint", url, *more)
    if project:
        assert found.exit_code in (0, 3), found.stderr
        calls = [path for _, path in cloud.calls if "/b/" in path]
        assert [path for path in calls if "/b/logs/o" not in path] == []  # no right to see the bucket itself is needed
        assert [path for path in calls if "userProject=payer" not in path] == []
    else:
        assert (found.exit_code, "--billing-project P" in found.stderr) == (4, True)


def test_an_address_without_a_bucket_is_wrong_usage():
    found = call("check", "gs:///exports", "--since", "1h")
    assert found.exit_code == 2
    assert "names no bucket" in found.stderr
    with pytest.raises(UsageError):
        objects.Bucket("gs://UPPER/x")


def test_no_release_waits_for_an_export():
    with export().running() as url:
        found = call("check", "gs://logs/exports", "--since", "deploy", "--for", "5m", "--api-endpoint", url)
    assert found.exit_code == 2
    assert "lags 2 to 3 hours, so no release can wait for it" in found.stderr


def test_an_object_is_created_once():
    cloud = CloudStorage()
    with cloud.running() as url:
        bucket = objects.Bucket("gs://logs/reports", url)
        assert bucket.create("reports/a b%.json", b"one", "application/json")
        assert not bucket.create("reports/a b%.json", b"two", "application/json")
        assert bucket.load("reports/a b%.json") == b"one"
        cloud.denied = {"logs"}
        with pytest.raises(ObjectsError, match=r"permission denied.*roles/storage.objectCreator"):
            bucket.create("reports/b", b"", "text/plain")


def moved(entries, start):
    """The same entries, starting at another moment."""
    shift = start - START

    def later(text):
        return (datetime.fromisoformat(text) + shift).isoformat().replace("+00:00", "Z")

    return [{**one, **{key: later(one[key]) for key in ("timestamp", "receiveTimestamp")}} for one in entries]
