"""How sources are reached and opened: the time of day there, the pace of reads, and each source once."""

from datetime import timedelta
from email.utils import format_datetime

import polars as pl
import pytest

from pipeline.errors import SourceError
from pipeline.sources.base import Access, EntryBatch, Opened, Request, open_sources
from pipeline.window import Window
from tests.conftest import START, line, ndjson


@pytest.mark.parametrize(("off_s", "used_s"), [(0, 0), (10, 0), (11, 11), (-10, 0), (-11, -11), (3600, 3600)])
def test_a_clock_that_is_off_by_more_than_ten_seconds_is_not_used(off_s, used_s):
    """The answer's Date counts; one that is near, none, or no time changes nothing."""
    access = Access(now=lambda: START)
    access.answered_at(format_datetime(START + timedelta(seconds=off_s), usegmt=True))
    assert access.moment() == START + timedelta(seconds=used_s)
    for date in (None, "", "yesterday"):
        access.answered_at(date)
        assert access.moment() == START + timedelta(seconds=used_s)
    access.answered_at(format_datetime(START, usegmt=True))
    assert access.moment() == START


def test_what_holds_where_nothing_is_said():
    """50 of a project's 60 reads a minute, this machine's time, sources that are read; a batch is a part, as logged."""
    access = Access(now=lambda: START)
    assert (access.moment(), access.pace.left(), access.is_store_in_bigquery) == (START, 50, False)
    batch = EntryBatch(pl.DataFrame())
    assert (batch.redacted, batch.complete) == (False, False)


def test_the_lookback_is_read_too():
    """From its start on; without one the window alone."""
    window = Window(START, START + timedelta(hours=1))
    assert Request(window).read_window == window
    earlier = START - timedelta(hours=1)
    assert Request(window, earlier).read_window == Window(earlier, window.end)


def test_a_source_that_is_named_twice_is_opened_once(tmp_path, monkeypatch):
    """By whatever path; what comes through a pipe and remote ones by their addresses, behind those of files."""
    monkeypatch.chdir(tmp_path)
    ndjson(tmp_path / "a.ndjson", [line(1, "x")])
    (tmp_path / "b.ndjson").symlink_to(tmp_path / "a.ndjson")
    names = ["logging://demo", "logging://demo/", "a.ndjson", str(tmp_path / "a.ndjson"), "b.ndjson", "-", "-"]
    assert [source.address for source in open_sources(names)] == ["a.ndjson", "-", "logging://demo"]
    (tmp_path / "-").symlink_to(tmp_path / "a.ndjson")
    (tmp_path / "logging:").mkdir()
    (tmp_path / "logging:" / "demo").symlink_to(tmp_path / "a.ndjson")
    assert [source.address for source in open_sources(names)] == ["a.ndjson", "-", "logging://demo"]


def test_sources_are_reached_as_it_is_said():
    """By the given access, not by another one."""
    (source,) = open_sources(["logging://demo"], Access(now=lambda: START))
    assert source.now() == START


def test_the_first_source_that_cannot_be_opened_is_said(tmp_path):
    """One is enough; the others are opened where that is wanted."""
    path = ndjson(tmp_path / "a.ndjson", [line(1, "x")])
    missing = str(tmp_path / "missing.ndjson")
    with pytest.raises(SourceError, match=r"missing\.ndjson"):
        open_sources([missing, str(path)])
    opened = Opened(Access())
    for address in (missing, str(path)):
        opened.add(address)
    assert ([source.address for source in opened.sources], len(opened.failed)) == ([str(path)], 1)
