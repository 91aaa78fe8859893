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
from tests.sources.test_deployments import NEW, NEWER, OLD, call, ready

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
    ("since", "until", "lookback"),
    [
        ("2026-01-15T09:00:00Z", None, DAY),
        ("2026-01-15T09:00:00Z", "2026-01-15T09:10:00Z", HOUR),
        ("2026-01-15T04:00:00Z", "2026-01-15T09:10:00Z", timedelta(hours=5, minutes=10)),
    ],
)
def test_files_are_read_before_a_window_too(since, until, lookback):
    """For the baseline; their end is not known before they are read."""
    shelf = Shelf()
    shelf.remote = False
    request = asked([shelf], now=NOW, since=since, until=until).request
    assert (request.window.end is None) == (until is None)
    assert request.lookback_start == request.window.start - lookback
    assert asked([shelf], now=NOW, since=since, until=until, baseline=False).request.lookback_start is None
    assert asked([shelf], now=NOW, until=until).request.lookback_start is None


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


@pytest.mark.parametrize("second", [0, 1])
def test_a_call_at_the_start_of_the_day_is_of_it(second):
    """Also where the time before that day is read, since the call has no Ready."""
    source = Shelf(call(second - 23 * 3600, template=NEW))
    assert [one.revision for one in DeploymentLog([source], None).until(NOW)] == [NEW]
    assert len(source.asked) == 2


def test_what_is_older_than_the_day_is_found_only_where_it_is_asked_for():
    """Without that one look is enough; the day stays that of the first look."""
    source = Shelf(call(-2 * 86_400), ready(15 - 2 * 86_400, OLD))
    log = DeploymentLog([source], None)
    assert log.until(NOW) == []
    assert log.until(NOW + HOUR) == []
    assert source.asked == [(NOW - DAY, NOW), (NOW - DAY, NOW + HOUR)]
    assert [one.revision for one in log.until(NOW, far=True)] == [OLD]


@pytest.mark.parametrize("failed", [False, True])
def test_what_is_known_of_the_day_is_enough(failed):
    """A deployment that failed or became ready needs no earlier entries, also where the search may go far."""
    source = Shelf(call(0, template=NEW), ready(9, NEW, "False" if failed else "True"))
    assert [one.revision for one in DeploymentLog([source], None).until(NOW, far=True)] == [NEW]
    assert len(source.asked) == 1


def test_how_long_the_audit_log_is_kept():
    """400 days."""
    source = Shelf()
    with pytest.raises(SourceError, match="no revision became ready in the last 400 days"):
        asked([source], now=NOW, since="deploy")
    assert source.asked == [(NOW - DAY, NOW), (NOW - DAY - 400 * DAY, NOW - DAY)]


def superseded_by(*later):
    """What is said to come after a deployment that was ready at 15 s, in a log that has later ones."""
    source = Shelf(call(0), ready(15, OLD), *later)
    meant = DeploymentLog([source], None).until(NOW)[0]
    return asked([source], now=NOW, since="3h", deployment=meant).deployments["shop-api"].newer


OTHER = {"project_id": "demo", "location": "europe-west1", "service_name": "other", "revision_name": ""}


def test_what_came_after_a_deployment():
    """The newest of its service that did not fail: by its revision, or by its time where it names none."""
    elsewhere = call(1800, template=NEWER)
    elsewhere["resource"] = {**elsewhere["resource"], "labels": OTHER}
    assert superseded_by() is None
    assert superseded_by(call(1800), ready(1815, NEW)) == NEW
    assert superseded_by(call(1800), ready(1815, NEW), call(2700), ready(2715, NEWER)) == NEWER
    assert superseded_by(call(1800)) == "a deployment that began at 2026-01-15T09:30:00Z"
    assert superseded_by(call(1800, template=NEW), ready(1815, NEW, "False")) is None
    assert superseded_by(elsewhere) is None


class Broken(Shelf):
    """A source that cannot be read."""

    def __init__(self, address, *, remote=False):
        super().__init__()
        self.address, self.remote = address, remote

    def audit_entries(self, service, window):
        raise SourceError(self.address, "cannot be read")


class File(Shelf):
    """An audit log in a file."""

    address, remote = "logs.ndjson", False

    def audit_entries(self, service, window):
        return [] if self.rows is None else [self.rows]


def test_the_newest_deployment_in_files():
    """A file that is broken is left to the extraction; what comes through a pipe is read but once, so it is said."""
    log = File(call(0), ready(15, OLD), call(1800), ready(1815, NEW))
    found = asked([Broken("broken.ndjson"), log], now=NOW, since="deploy")
    assert found.request.window.start == START + timedelta(seconds=1815)
    assert found.settle_s == SETTLE_S
    assert asked([log], now=NOW, since="deploy", settle_s=7.0).settle_s == 7.0
    assert asked([log], now=NOW, since="1h").request.window.start == NOW - HOUR
    assert asked([Broken("-")], now=NOW).request.window.start is None
    with pytest.raises(SourceError, match="cannot be read"):
        asked([Broken("-"), log], now=NOW, since="deploy")


@pytest.mark.parametrize(
    ("timeouts", "wanted"), [((None, None), SETTLE_S), ((30, None), 30), ((30, 40), 40), ((None, 40), 40)]
)
def test_a_window_settles_by_the_time_out_of_the_newest_deployment_that_has_one(timeouts, wanted):
    """Else as long as any request may take."""
    entries = [ready(15, OLD), ready(1815, NEW)]
    for entry, timeout in zip(entries, timeouts, strict=True):
        entry["protoPayload"]["response"] = {"spec": {"timeoutSeconds": timeout}}
    assert asked([Shelf(*entries)], now=NOW).settle_s == wanted
