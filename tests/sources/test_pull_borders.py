"""A pull, batch by batch: how far it is, what its checkpoint says, and when a listing under way goes on."""

from datetime import timedelta

import pytest

from pipeline.errors import SourceError
from pipeline.sources.base import Access, Request
from pipeline.sources.cloud_logging.api import Api
from pipeline.sources.cloud_logging.pull import pull
from pipeline.sources.cloud_logging.pulled import Listing, Pulled
from pipeline.sources.cloud_logging.quota import Clock
from pipeline.sources.records import SourceReport
from pipeline.window import Window, nanoseconds
from tests.conftest import START, line, stamp
from tests.servers import cloud_logging as server
from tests.servers.cloud_logging import CloudLogging, Time

SECOND = 10**9
T0 = nanoseconds(START)
NOW = START + timedelta(hours=1)


def at(second, name="", received=None):
    """An entry, received as it was logged or at another second."""
    received = second if received is None else received
    return line(0, "x", timestamp=stamp(second), receiveTimestamp=stamp(received), insertId=f"{second}{name}")


def pulling(url, *, since=0, until=600, checkpoint=None, report=None, now=NOW):
    """The batches of a pull of some seconds."""
    time = Time()
    api = Api("logging://demo", Access(url, clock=Clock(time.now, time.sleep)))
    window = Window(START + timedelta(seconds=since), START + timedelta(seconds=until))
    return pull(api, Request(window, now=now), report or SourceReport("logging://demo"), checkpoint)


def test_how_far_a_pull_is():
    """By the time that was read: of ten minutes at 60, 150 and 300 s, and at the end of what has entries."""
    report = SourceReport("logging://demo")
    with CloudLogging([at(60), at(150), at(300)], page_limit=1).running() as url:
        shares = [report.share for _ in pulling(url, report=report)]
    assert shares == pytest.approx([0.1, 0.25, 0.5, 0.5])


def test_how_far_a_pull_of_several_gaps_is():
    """Minutes 3 to 6 are there: what is before, what is behind, and what came late in them is read."""
    with CloudLogging([at(60), at(480)]).running() as url:
        *_, last = pulling(url, since=180, until=360)
        report = SourceReport("logging://demo")
        shares = [report.share for _ in pulling(url, checkpoint=last.checkpoint, report=report)]
    # Each with its page and its end: at 60 of 180 s, at 480 s with 180 s behind it, and at the start of the last.
    assert shares == pytest.approx([0.1, 0.1, 0.5, 0.5, 0.7, 0.7])


def test_what_a_checkpoint_says_of_a_listing():
    """The largest time, the entries at it, the largest time of receipt; the end is a span, and complete."""
    entries = [at(1, received=9), at(2, "a", 5), at(2, "b", 7), at(2, "c", 6), at(3, received=4)]
    with CloudLogging(entries, page_limit=2).running() as url:
        batches = list(pulling(url))
    going = [batch.checkpoint["open"] for batch in batches[:-1]]
    assert [(one["position"] - T0) // SECOND for one in going] == [2, 2, 3]
    assert [len(one["seen"]) for one in going] == [1, 3, 1]
    assert [(one["newest"] - T0) // SECOND for one in going] == [9, 9, 9]
    assert [one["done"] for one in going] == [False, False, True]
    assert [batch.complete for batch in batches] == [False, False, False, True]
    (span,) = batches[-1].checkpoint["spans"]
    assert (span["start"], span["end"], batches[-1].checkpoint["open"]) == (T0, T0 + 600 * SECOND, None)


def test_a_listing_under_way_goes_on_where_it_was():
    """Also where all that was read stands at its very start, and its end is that of the window."""
    cloud = CloudLogging([at(0, name) for name in "abcd"], page_limit=2)
    cloud.faults = {2: server.refusal(403, "X")}
    with cloud.running() as url:
        batches = pulling(url)
        first = next(batches)
        with pytest.raises(SourceError):
            next(batches)
        rest = list(pulling(url, checkpoint=first.checkpoint))
    assert [name for batch in (first, *rest) for name in batch.rows["insert_id"]] == ["0a", "0b", "0c", "0d"]
    assert ["pageToken" in asked for asked in cloud.calls] == [False, True, True]
    assert cloud.calls[1] == cloud.calls[2]


@pytest.mark.parametrize(
    ("since", "until", "goes_on"),
    [(0, 600, True), (-60, 600, True), (0, 700, True), (5, 600, True), (6, 600, False), (0, 599, False)],
)
def test_in_which_windows_a_listing_under_way_goes_on(since, until, goes_on):
    """In those that its rest is a part of: read until 5 s, it lists ten minutes; else it is closed first."""
    cloud = CloudLogging([at(5, name) for name in "abcd"], page_limit=2)
    cloud.faults = {2: server.refusal(403, "X")}
    with cloud.running() as url:
        batches = pulling(url)
        checkpoint = next(batches).checkpoint
        with pytest.raises(SourceError):
            list(batches)
        first = next(pulling(url, since=since, until=until, checkpoint=checkpoint))
    assert first.rows.height == (2 if goes_on else 0)
    assert first.complete is not goes_on
    assert (first.checkpoint["open"] is not None) is goes_on


@pytest.mark.parametrize(
    ("received", "position", "spans"),
    [(None, 50, [(0, 50)]), (None, 0, []), (7, 50, [])],
    ids=["read in part", "nothing read", "late entries"],
)
def test_what_a_closed_listing_counts_for(received, position, spans):
    """Up to where all entries were read; one that looks for late entries only counts for nothing."""
    listing = Listing("another", 0, 100, 10**13, received=received, position=position)
    closed = next(pulling("http://127.0.0.1:9", checkpoint=Pulled(open=listing).checkpoint()))
    assert [(span["start"], span["end"]) for span in closed.checkpoint["spans"]] == spans
    assert (closed.complete, closed.rows.height, closed.checkpoint["open"]) == (True, 0, None)


@pytest.mark.parametrize(("ahead_s", "notes"), [(0, 0), (60, 0), (61, 1)])
def test_a_clock_that_is_ahead_of_the_servers_is_noted(ahead_s, notes):
    """By more than a minute."""
    cloud = CloudLogging([at(1)])
    cloud.date = NOW - timedelta(seconds=ahead_s)
    report = SourceReport("logging://demo")
    with cloud.running() as url:
        list(pulling(url, report=report))
    assert len(report.notes) == notes


@pytest.mark.parametrize("is_resumed", [False, True])
def test_a_listing_starts_anew_three_times_without_an_entry_more(is_resumed):
    """Each time with its first page, which has nothing new; then it ends. Also one that an earlier pull began."""
    cloud = CloudLogging([at(1, f"{n}") for n in range(4)], page_limit=2)
    rejected = server.refusal(400, "INVALID_ARGUMENT", "page_token is not valid")
    cloud.fault = lambda *call: "pageToken" in call[2] and rejected(*call)
    with cloud.running() as url:
        checkpoint = next(pulling(url)).checkpoint if is_resumed else None
        with pytest.raises(SourceError, match="its pages cannot be followed: page_token is not"):
            list(pulling(url, checkpoint=checkpoint))
    assert ["pageToken" in asked for asked in cloud.calls] == [False, True] * 4
