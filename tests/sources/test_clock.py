"""A machine whose clock is wrong loses no entry: what a pull covers is what the server can have had."""

import json
from datetime import timedelta

import pytest

from pipeline.errors import SourceError
from pipeline.sources.cloud_logging.pulled import VISIBLE_NS, Listing
from tests.conftest import START, line, stamp
from tests.servers import cloud_logging as server
from tests.servers.cloud_logging import CloudLogging
from tests.sources.test_pull import ids, run

HOUR = timedelta(hours=1)


def entries(hours):
    """An entry every minute, received as it was logged."""
    return [
        line(0, "x", timestamp=stamp(second), receiveTimestamp=stamp(second), insertId=f"{second:06d}")
        for second in range(int(hours[0] * 3600), int(hours[1] * 3600), 60)
    ]


def pulled(store, cloud, *, clock, date=None):
    """Pull an hour and all since then, at a time by this machine's clock, and what the server's says; both in hours."""
    cloud.date = START + date * HOUR if date is not None else None
    with cloud.running() as url:
        now = START + clock * HOUR
        return run(store, url, since=START, until=now, now=now)


@pytest.mark.parametrize("date", [True, False], ids=["the server says its time", "it does not"])
@pytest.mark.parametrize("later", [2, 5, 8, 20], ids="{}h later".format)
def test_a_clock_that_was_ahead_once_loses_nothing(tmp_path, date, later):
    """Six hours ahead in the first pull, right in the next: before the time it wrote down, and after it."""
    cloud = CloudLogging(entries((0, 1)))
    first = pulled(tmp_path, cloud, clock=7, date=1 if date else None)
    cloud.add(entries((1, later)))
    second = pulled(tmp_path, cloud, clock=later, date=later if date else None)
    assert len(set(ids(tmp_path))) == later * 60
    assert bool(first.reports[0].notes) == date
    if date:
        assert "clock is 6 h 0 min ahead of the server's" in first.reports[0].notes[0]
        assert not second.reports[0].notes


def test_a_checkpoint_from_the_future_is_said_and_its_span_read_again(tmp_path):
    """One that an older version wrote, which trusted the clock."""
    cloud = CloudLogging(entries((0, 1)))
    pulled(tmp_path, cloud, clock=1)
    cloud.add([line(0, "x", timestamp=stamp(9), receiveTimestamp=stamp(9), insertId="new")])
    document = json.loads((tmp_path / "pulls.json").read_text())
    (span,) = document["checkpoints"]["logging://demo"]["spans"]
    span["listed"] += 6 * 3600 * 10**9
    (tmp_path / "pulls.json").write_text(json.dumps(document))
    found = pulled(tmp_path, cloud, clock=2)
    (note,) = found.reports[0].notes
    assert note == "the clock was 4 h 59 min ahead in an earlier pull; what that one covered is read again"
    assert len(ids(tmp_path)) == 61
    assert pulled(tmp_path, cloud, clock=2).reports[0].notes == []


def test_a_listing_that_began_in_the_future_is_begun_again(tmp_path):
    """It was stopped after its first page; what it read stays once."""
    cloud = CloudLogging(entries((0, 1)), page_limit=20)
    cloud.faults = {2: server.refusal(403, "X")}
    with pytest.raises(SourceError):
        pulled(tmp_path, cloud, clock=7)
    cloud.add(entries((1, 2)))
    found = pulled(tmp_path, cloud, clock=2)
    assert "the clock was 5 h 0 min ahead in an earlier pull" in found.reports[0].notes[0]
    assert sorted(ids(tmp_path)) == [one["insertId"] for one in entries((0, 2))]


def test_an_answer_of_the_server_sets_when_a_listing_began():
    """If that is earlier than this machine says."""
    listing = Listing("s", 0, 100, listed=100)
    assert listing.answered(40).listed == 40
    assert listing.answered(None).listed == listing.answered(400).listed == 100


@pytest.mark.parametrize(
    ("end", "newest", "span"),
    [
        (50, 7, (50, 100)),  # long past: the clock counts
        (95, 7, (95, 7)),  # up to now: the newest entry does
        (95, 0, (95, 0)),  # without one, the beginning
        (150, 99, (100, 99)),  # never beyond the beginning of the listing
        (95, 999, (95, 100)),
    ],
)
def test_what_a_listing_covers(end, newest, span):
    """In units of a tenth of the time until an entry is visible for certain."""
    unit = VISIBLE_NS // 10
    found = Listing("s", 0, end * unit, listed=100 * unit, newest=newest * unit).span()
    assert found is not None
    assert (found.end, found.listed) == (span[0] * unit, span[1] * unit)
    assert Listing("s", 5, 9, listed=5).span() is None


def test_a_search_for_late_entries_covers_what_was_covered_before():
    """Where nothing came late, the next one asks from where this one did."""
    unit = VISIBLE_NS
    found = Listing("s", 0, 100 * unit, listed=100 * unit, received=89 * unit).span()
    assert found is not None
    assert found.listed == 90 * unit
