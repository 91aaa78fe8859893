"""A Cloud Logging source at its borders: which window it needs, what it says of very many entries, what it asks for."""

import json
from datetime import timedelta

import pytest

from pipeline.errors import SourceError, UsageError
from pipeline.sources.base import Access, Request
from pipeline.sources.cloud_logging import source as module
from pipeline.sources.cloud_logging.quota import Clock
from pipeline.sources.cloud_logging.source import CloudLoggingSource, _rest
from pipeline.sources.records import SourceReport
from pipeline.window import Window, nanoseconds
from tests.conftest import START, line, request, stamp
from tests.servers.cloud_logging import CloudLogging, Time
from tests.sources.test_deployments import NEW, call, ready

MINUTE = timedelta(minutes=1)
WINDOW = Window(START, START + 10 * MINUTE)
NOW = START + 60 * MINUTE
NEW_ROW = {"revision": NEW.removeprefix("shop-api-")}


def source_at(url, **more):
    time = Time()
    return CloudLoggingSource("logging://demo", Access(url, clock=Clock(time.now, time.sleep), **more))


def pulled(url, *, window=WINDOW, now=NOW):
    """The report of a pull, and its batches."""
    report = SourceReport("logging://demo")
    return report, list(source_at(url).batches(Request(window, now=now), report))


@pytest.mark.parametrize(
    ("window", "now"),
    [(Window(None, NOW), NOW), (Window(START, None), NOW), (Window(), NOW), (WINDOW, None)],
    ids=["no start", "no end", "neither", "no time of day"],
)
def test_a_window_has_both_ends(window, now):
    """Whatever is missing: nothing is asked for, and the message says what to name."""
    with pytest.raises(SourceError, match="needs a window; name one: --since 1h"):
        pulled("http://127.0.0.1:9", window=window, now=now)


@pytest.mark.parametrize("window", [Window(None, NOW), Window(START, None), Window()])
def test_no_estimate_without_a_window(window):
    """With one end only, there is nothing to reckon."""
    with pytest.raises(UsageError, match="the window is empty"):
        source_at("http://127.0.0.1:9").estimate(Request(window))


def test_it_is_remote():
    """Others write to it while it is read."""
    assert source_at("http://127.0.0.1:9").remote is True


@pytest.mark.parametrize(("many", "notes"), [(5, []), (4, [module.OTHER_WAYS]), (1, [module.OTHER_WAYS])])
def test_very_many_entries_have_a_better_way(monkeypatch, many, notes):
    """Said once, of more than so many; in an estimate too."""
    monkeypatch.setattr(module, "_MANY", many)
    cloud = CloudLogging([line(second, "x") for second in range(5)], page_limit=1)
    with cloud.running() as url:
        assert pulled(url)[0].notes == notes
        cloud.page_limit = 1000
        assert source_at(url).estimate(Request(WINDOW)).advice == "".join(notes)


def test_a_million_entries_are_very_many():
    """As the message has it."""
    assert module._MANY == 1_000_000


@pytest.mark.parametrize(
    ("per_minute", "time"), [(1, "1 minute"), (2, "less than a minute"), (50, "less than a minute")]
)
def test_how_long_a_pull_takes(per_minute, time):
    """Of 1,001 entries, which are two pages: what goes beyond the reads of the first minute."""
    cloud = CloudLogging([line(0, "x", timestamp=stamp(n % 600), insertId=f"{n}") for n in range(1001)])
    with cloud.running() as url:
        words = source_at(url, reads_per_minute=per_minute).estimate(Request(WINDOW)).text
    assert words == f"1,001 entries, 2 reads, {time} at {per_minute} reads a minute (8 reads used for this)"


def test_what_comes_behind_entries_of_one_moment():
    """They count as one ns long; nothing comes behind them where that is the end."""
    page = [json.dumps(line(5, "x", insertId=name)).encode() for name in "abc"]
    at_ns = nanoseconds(START) + 5 * 10**9
    assert [_rest(page, at_ns + after) for after in (0, 1, 10)] == [0, 3, 30]


def test_the_first_request_is_asked_for_alone():
    """One entry is enough, and the first one counts."""
    cloud = CloudLogging([request(second, **NEW_ROW) for second in (7, 8, 9)])
    with cloud.running() as url:
        assert source_at(url).first_request(NEW, WINDOW) == START + timedelta(seconds=7)
        assert source_at(url).first_request("shop-api-00099-xyz", WINDOW) is None
    assert [asked["pageSize"] for asked in cloud.calls] == [1, 1]


def test_the_first_trouble_is_a_failed_request():
    """One that ended in 5xx, not one in 4xx."""
    cloud = CloudLogging([request(1, 200, **NEW_ROW), request(2, 404, **NEW_ROW), request(3, 500, **NEW_ROW)])
    with cloud.running() as url:
        assert source_at(url).first_trouble(NEW, WINDOW) == START + timedelta(seconds=3)


def test_the_audit_log_is_read_anew_at_each_look():
    """What is new is there at the next look; the same entries give the same rows; none give none."""
    cloud = CloudLogging([call(0)])
    with cloud.running() as url:
        source = source_at(url)
        looks = [source.audit_entries(None, WINDOW) for _ in range(2)]
        assert [[frame.height for frame in frames] for frames in looks] == [[1], [1]]
        cloud.add([ready(15, NEW)])
        assert [frame.height for frame in source.audit_entries(None, WINDOW)] == [2]
        assert source.audit_entries("other", WINDOW) == []
