"""What a command's words mean for sources that others write to: the window, its lookback, and which deployment."""

import json
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from pipeline.errors import SourceError
from pipeline.sources.cloud_logging.deployments import audit_rows
from pipeline.sources.log_entry import EntryReader
from pipeline.sources.request import KEPT_DAYS, DeploymentLog, asked, time_at
from pipeline.window import SETTLE_S
from tests.conftest import START
from tests.sources.test_deployments import NEW, OLD, call, ready

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOW = START + HOUR


class Shelf:
    """A remote source that has only an audit log, and notes for which times it was asked."""

    address, remote, size = "shelf://", True, None

    def __init__(self, *entries, now=None):
        with EntryReader() as reader:
            self.rows = audit_rows(reader.read([json.dumps(one).encode() for one in entries])) if entries else None
        self.asked, self.time = [], now

    def now(self):
        return self.time

    def audit_entries(self, service, window):
        self.asked.append((window.start, window.end))
        if self.rows is None:
            return []
        first, end = window.bounds
        return [self.rows.filter(pl.col("timestamp_ns").is_between(first, end, closed="left"))]


@pytest.mark.parametrize(
    ("since", "until", "start", "end", "lookback"),
    [
        ("30m", None, NOW - HOUR / 2, NOW, HOUR),
        ("2h", None, NOW - 2 * HOUR, NOW, 2 * HOUR),
        ("30h", None, NOW - 30 * HOUR, NOW, DAY),
        (None, None, NOW - HOUR, NOW, HOUR),
        (None, "2026-01-15T09:30:00Z", NOW - 1.5 * HOUR, NOW - HOUR / 2, HOUR),
    ],
)
def test_the_window_and_what_is_read_before_it(since, until, start, end, lookback):
    """As long a time before the window, of 1 to 24 h; without words the last hour."""
    request = asked([Shelf()], now=NOW, since=since, until=until).request
    assert (request.window.start, request.window.end) == (start, end)
    assert request.read_window.start == start - lookback
    assert asked([Shelf()], now=NOW, since=since, until=until, baseline=False).request.read_window.start == start


@pytest.mark.parametrize(
    ("since", "settle_s", "named", "wanted"),
    [("1h", 5.0, True, 0), (None, 5.0, True, 1), ("1h", None, True, 1), ("1h", 5.0, False, 1)],
)
def test_the_audit_log_is_read_where_it_is_needed(since, settle_s, named, wanted):
    """For the start, the time-out, or the revision: the day before the window's end, once."""
    source = Shelf()
    found = asked([source], now=NOW, since=since, settle_s=settle_s, named=named)
    assert source.asked == [(NOW - DAY, NOW)] * wanted
    assert found.settle_s == (SETTLE_S if settle_s is None else settle_s)


def test_without_words_the_window_starts_at_the_newest_deployment():
    """Its Ready at 15 s; a revision that is named needs no deployment, but the window does."""
    source = Shelf(call(0), ready(15, NEW))
    for named in (False, True):
        found = asked([source], now=NOW, named=named)
        assert found.request.window.start == START + timedelta(seconds=15)
        assert {name: one.revision for name, one in found.deployments.items()} == ({} if named else {"shop-api": NEW})


def test_the_newest_deployment_of_several_is_that_of_its_service():
    """And a later one supersedes the one that is meant."""
    source = Shelf(call(0), ready(15, OLD), call(1800), ready(1815, NEW))
    found = asked([source], now=NOW, since="3h")
    assert found.deployments["shop-api"].revision == NEW
    (first, _) = DeploymentLog([source], None).until(NOW)
    meant = asked([source], now=NOW, since="3h", deployment=first)
    assert meant.request.window.start == START + timedelta(seconds=15)
    assert (meant.deployments["shop-api"].revision, meant.deployments["shop-api"].newer) == (OLD, NEW)


@pytest.mark.parametrize(("entries", "reads"), [([call(0), ready(15, NEW)], 1), ([], 2)])
def test_a_deployment_that_is_asked_for_is_searched_as_long_as_it_is_kept(entries, reads):
    """400 days, where the day before the window has none; once in several looks."""
    source = Shelf(*entries)
    log = DeploymentLog([source], None)
    for _ in range(2):
        assert [one.revision for one in log.until(NOW, far=True)] == ([NEW] if entries else [])
    day = (NOW - DAY, NOW)
    assert source.asked == (
        [day, day] if reads == 1 else [day, (NOW - DAY - timedelta(days=KEPT_DAYS), NOW - DAY), day]
    )


def test_an_old_deployment_is_found_by_its_name_alone():
    """Two days old: `--since deploy` finds it, the rest of the commands do not look for it."""
    source = Shelf(call(-2 * 86_400), ready(15 - 2 * 86_400, OLD))
    assert asked([source], now=NOW, since="deploy").request.window.start == START - 2 * DAY + timedelta(seconds=15)
    assert asked([source], now=NOW).request.window.start == NOW - HOUR
    with pytest.raises(SourceError, match="no revision became ready"):
        asked([Shelf()], now=NOW, since="deploy")


def test_what_was_ready_long_ago_is_no_deployment():
    """A call of today that sends traffic to a revision of two days ago names it."""
    source = Shelf(call(-2 * 86_400), ready(15 - 2 * 86_400, OLD), call(0, template=OLD, target=OLD))
    found = DeploymentLog([source], None).until(NOW)
    assert [(one.revision, one.rollback) for one in found] == [(OLD, True)]
    assert len(source.asked) == 2


def test_the_time_at_the_sources_is_the_latest():
    """Of several clocks; without one that of this machine."""
    later = datetime(2026, 1, 16, tzinfo=UTC)
    clocks = [Shelf(now=later - HOUR), Shelf(now=later), Shelf()]
    assert time_at(clocks, lambda: NOW) == later
    assert time_at([Shelf()], lambda: NOW) == NOW


def test_a_refused_deployment_is_found_between_two_moments():
    """The last one."""
    log = DeploymentLog([Shelf(call(10, code=7), call(20, code=7))], None)
    assert log.refused(START, NOW) == START + timedelta(seconds=20)
    assert log.refused(START, START + timedelta(seconds=20)) == START + timedelta(seconds=10)
    assert log.refused(START + timedelta(seconds=21), NOW) is None
