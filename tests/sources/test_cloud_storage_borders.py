"""An export at its borders: hours, depths and sizes, what is kept of earlier reads, and objects that go meanwhile."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from pipeline import objects
from pipeline.errors import SourceError
from pipeline.sources import cloud_storage as module
from pipeline.sources.base import Access, Request
from pipeline.sources.cloud_storage import open_source
from pipeline.sources.records import SourceReport
from pipeline.window import Window, nanoseconds
from tests.conftest import entry
from tests.servers.cloud_storage import CloudStorage
from tests.sources.test_cloud_storage import AUDIT, REQUESTS, STDOUT, hour, lines
from tests.sources.test_deployments import NEW, ready

pytestmark = [
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.usefixtures("collected"),
]

NINE = datetime(2026, 1, 15, 9, tzinfo=UTC)
TEN = NINE + timedelta(hours=1)
ELEVEN = NINE + timedelta(hours=2)
MICROSECOND = timedelta(microseconds=1)


def source_at(url, *, now=TEN + timedelta(days=1), address="gs://logs/exports"):
    (source,) = open_source(address, Access(url, now=lambda: now))
    return source


def read(url, *, since=NINE, until=TEN, service=None, checkpoint=None, **more):
    """The report of a read, and its batches."""
    report = SourceReport("gs://logs/exports")
    request = Request(Window(since, until), service=service, now=TEN)
    return report, list(source_at(url, **more).batches(request, report, checkpoint))


@pytest.mark.parametrize(
    ("since", "until", "records"),
    [
        (NINE, TEN, 3),
        (NINE, TEN + MICROSECOND, 5),
        (TEN - MICROSECOND, TEN, 3),
        (TEN, ELEVEN, 2),
        (NINE + timedelta(minutes=59), TEN + timedelta(minutes=1), 5),
    ],
)
def test_the_hours_that_a_window_touches(since, until, records):
    """Three entries of nine o'clock, two of ten: an hour whose first moment is the end is none of them."""
    with CloudStorage({hour(STDOUT, 9): lines(9, 3), hour(STDOUT, 10): lines(10, 2)}).running() as url:
        assert read(url, since=since, until=until)[0].records == records


@pytest.mark.parametrize(
    ("until", "now", "incomplete"),
    [
        (NINE, NINE + timedelta(hours=3), False),
        (NINE, TEN + timedelta(hours=3) - MICROSECOND, False),
        (NINE + MICROSECOND, TEN + timedelta(hours=3) - MICROSECOND, True),
        (NINE, NINE + timedelta(hours=3) - MICROSECOND, True),
    ],
)
def test_what_may_be_missing(until, now, incomplete):
    """Whole hours that ended three hours ago are complete."""
    with CloudStorage({hour(STDOUT, 8): lines(8, 3)}).running() as url:
        report = read(url, since=NINE - timedelta(hours=1), until=until, now=now)[0]
    assert bool(report.incomplete) is bool(report.notes) is incomplete
    if incomplete:
        complete = "2026-01-15T08:00:00Z" if now < NINE + timedelta(hours=3) else "2026-01-15T09:00:00Z"
        assert f"what is younger than {complete} may be missing in gs://logs/exports" in report.incomplete


@pytest.mark.parametrize(
    "window", [Window(None, TEN), Window(NINE, None), Window()], ids=["no start", "no end", "neither"]
)
def test_a_window_has_both_ends(window):
    """Whatever is missing: the message says what to name."""
    with pytest.raises(SourceError, match="needs a window; name one: --since T --until T"):
        source_at("http://127.0.0.1:9").estimate(Request(window))


def test_it_is_remote():
    """Others write to it while it is read."""
    assert source_at("http://127.0.0.1:9").remote is True


@pytest.mark.parametrize(("folders", "is_read"), [(1, True), (4, True), (5, False)])
def test_how_deep_the_folders_of_a_log_may_stand(folders, is_read):
    """Four below the prefix; deeper ones are no log's."""
    with CloudStorage({hour("exports" + "/a" * folders, 9): lines(9, 3)}).running() as url:
        if is_read:
            assert read(url)[0].records == 3
        else:
            with pytest.raises(SourceError, match="has no export of a log sink below it"):
                read(url)


def test_each_batch_says_what_was_read_by_then(monkeypatch):
    """Batches of one object each: how far the read is, which objects are done; the last completes the whole."""
    monkeypatch.setattr(module, "BATCH_RECORDS", 3)
    log = {hour(STDOUT, 9): lines(9, 3), hour(STDOUT, 9, "S1"): lines(9, 3, first=3), hour(REQUESTS, 9): b""}
    cloud = CloudStorage(log)
    with cloud.running() as url:
        report = SourceReport("gs://logs/exports")
        request = Request(Window(NINE, TEN), now=TEN)
        steps = [
            (batch.rows.height, batch.complete, sorted(batch.checkpoint[""]), report.share)
            for batch in source_at(url).batches(request, report, {"other": {"x": 1}})
        ]
        _, (*_, last) = read(url, checkpoint={"other": {"x": 1}})
    names = sorted(log)  # the requests, then both shards
    assert [step[:3] for step in steps] == [(3, False, names[:1]), (3, False, names[:2]), (0, True, names)]
    assert [step[3] for step in steps] == pytest.approx([1 / 3, 2 / 3, 1])
    assert (last.checkpoint["other"], report.records) == ({"x": 1}, 6)


def test_each_batch_keeps_what_other_reads_have_done(monkeypatch):
    """Of another service; the next read of the same one reads nothing."""
    monkeypatch.setattr(module, "BATCH_RECORDS", 2)
    cloud = CloudStorage({hour(STDOUT, 9): lines(9, 3), hour(STDOUT, 9, "S1"): lines(9, 3, first=3)})
    with cloud.running() as url:
        _, batches = read(url, service="shop-api", checkpoint={"other": {"x": 1}})
        assert all(batch.checkpoint["other"] == {"x": 1} for batch in batches)
        ranges, done = cloud.ranges, batches[-1].checkpoint
        again, batches = read(url, service="shop-api", checkpoint=done)
        assert (again.records, cloud.ranges, batches[-1].checkpoint) == (0, ranges, done)
        assert read(url, checkpoint=done)[0].records == 6  # all services are another read


def test_a_batch_ends_after_so_many_bytes_too(monkeypatch):
    """Of two objects, each is a batch."""
    monkeypatch.setattr(module, "BATCH_BYTES", 100)
    with CloudStorage({hour(STDOUT, 9): lines(9, 3), hour(STDOUT, 9, "S1"): lines(9, 3, first=3)}).running() as url:
        assert [batch.rows.height for batch in read(url)[1]] == [3, 3, 0]


def test_an_entry_without_a_time_stands_at_the_hour_of_its_object():
    """Of the last object where it is in that; no entry is lost."""
    timeless = json.dumps(entry(0, timestamp=None, insertId="timeless", textPayload="x")).encode() + b"\n"
    with CloudStorage({hour(STDOUT, 8): lines(8, 1), hour(STDOUT, 9): timeless}).running() as url:
        _, batches = read(url, since=NINE - timedelta(hours=1))
    at = [moment for batch in batches for moment in batch.at]
    assert sorted(at) == [nanoseconds(NINE - timedelta(hours=1)), nanoseconds(NINE)]


def test_entries_of_no_service_come_with_those_of_one():
    """They may be about it; those of another one do not."""
    nobody = json.dumps({"timestamp": "2026-01-15T09:00:00Z", "textPayload": "x", "insertId": "n"}).encode() + b"\n"
    content = lines(9, 2) + lines(9, 1, service="other", first=5) + nobody
    with CloudStorage({hour(STDOUT, 9): content}).running() as url:
        (batch,) = read(url, service="shop-api")[1]
    assert sorted(batch.rows["insert_id"]) == ["9-0", "9-1", "n"]


class Large(CloudStorage):
    """Says of each object that it has so many bytes."""

    said = 0

    def resource(self, bucket, name):
        return {**super().resource(bucket, name), "size": str(self.said)}


@pytest.mark.parametrize(("size", "advised"), [(1 << 30, False), ((1 << 30) + 1, True)])
def test_what_a_large_export_costs(size, advised):
    """Above a GiB its egress is mentioned."""
    cloud = Large({hour(STDOUT, 9): b"{}"})
    cloud.said = size
    with cloud.running() as url:
        estimate = source_at(url).estimate(Request(Window(NINE, TEN)))
    assert estimate.text == "1 objects, 1,073.7 MB"
    assert ("bills them as egress" in estimate.advice) is advised


def replacing(cloud, times, *, gone=False):
    """Let an object be replaced, or deleted, at so many reads of its second range; each time it has one entry more."""
    name, count = hour(STDOUT, 9), 200
    cloud.put(name, lines(9, count))
    reads = 0

    def fault(server, handler):
        nonlocal reads
        if "alt=media" in handler.path and handler.headers.get("Range", "").startswith("bytes=2000-") and reads < times:
            reads += 1
            if gone:
                del server.objects[server.bucket, name]
            else:
                server.put(name, lines(9, count + reads))
        return False

    cloud.faults = dict.fromkeys(range(1, 1000), fault)


@pytest.mark.parametrize("times", [1, 2])
def test_an_object_that_is_replaced_again_and_again_is_read_as_it_is_at_last(monkeypatch, times):
    """Up to twice; each time is said, and no entry is missing."""
    monkeypatch.setattr(objects, "RANGE_BYTES", 2000)
    cloud = CloudStorage()
    replacing(cloud, times)
    with cloud.running() as url:
        report, batches = read(url)
    names = {name for batch in batches for name in batch.rows["insert_id"]}
    assert names == {f"9-{n}" for n in range(200 + times)}
    assert all("was replaced while it was read" in note for note in report.notes)
    assert report.notes


@pytest.mark.parametrize(("times", "gone"), [(3, False), (1, True)], ids=["replaced three times", "deleted"])
def test_an_object_that_cannot_be_read_ends_the_read(monkeypatch, times, gone):
    """The message names it; nothing is taken for whole."""
    monkeypatch.setattr(objects, "RANGE_BYTES", 2000)
    cloud = CloudStorage()
    replacing(cloud, times, gone=gone)
    with cloud.running() as url, pytest.raises(SourceError, match=r"09:00:00_09:59:59_S0\.json"):
        read(url)


def test_the_exported_audit_log_reports_deployments():
    """Of its own objects alone."""
    audit = json.dumps(ready(15, NEW)).encode() + b"\n"
    cloud = CloudStorage({hour(STDOUT, 9): lines(9, 3), hour(AUDIT, 9): audit})
    with cloud.running() as url:
        frames = source_at(url).audit_entries(None, Window(NINE, TEN))
    assert sum(frame.height for frame in frames) == 1
    assert cloud.ranges == 1


def test_a_message_names_the_address_once():
    """Where it is about the whole of it."""
    cloud = CloudStorage({hour(STDOUT, 9): lines(9, 3)})
    cloud.denied = {"logs"}
    with cloud.running() as url, pytest.raises(SourceError) as found:
        read(url)
    assert found.value.reason.startswith("permission denied")
