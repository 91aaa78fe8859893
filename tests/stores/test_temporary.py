"""A temporary store writes events alone, and has of the same rows what measures read."""

import json
import re
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from parsers.model import load
from pipeline import run
from pipeline.judge.policy import load as load_policy
from pipeline.schema import EVENTS, UNMEASURED
from pipeline.sources.base import Request, open_sources
from pipeline.stores.local import LocalStore
from pipeline.stores.temporary import TemporaryStore, measured
from pipeline.window import Window, parse_time
from tests.conftest import START, healthy, line, ndjson, small_batches

SQL = [path for folder in ("measures", "staging") for path in sorted(Path("sql", folder).glob("*.sql"))]


def checked(store, *sources, window=None):
    """The verdicts and totals, and the rows of events, by key."""
    request = Request(window or Window(None, None))
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("RUNVERDICT_PSEUDONYM_KEY", "k")
        job = run.Job(open_sources([str(source) for source in sources]), load(), load_policy(), request)
        result = run.check(job, store)
    rows = pl.concat([pl.read_parquet(path).select(column.name for column in EVENTS) for path in store.event_slices()])
    texts = [verdict.model_dump_json() for _, verdict in result.verdicts]
    return (
        texts,
        result.totals,
        measured(rows).sort("timestamp_ns", "insert_id", "message", "raw", nulls_last=True),
    )


def test_no_measure_reads_what_is_left_out():
    """Neither the measures nor the tables that they share; `entries` is of BigQuery's sources."""
    names = {name for path in SQL if path.stem != "entries" for name in re.findall("[a-z_]+", path.read_text("utf-8"))}
    assert not names & set(UNMEASURED)
    readers = {path.stem for path in SQL if re.search(r"\b(payload|labels)\b", path.read_text("utf-8"))}
    assert readers == {"entries", "evidence", "executions", "leaks"}  # `measured` knows what these three ask for


@pytest.mark.parametrize("batch", [7, 50_000])
def test_its_rows_are_those_of_a_kept_store(tmp_path, monkeypatch, batch):
    """With repeated entries, some of one key that differ, broken ones, and two files in either order."""
    small_batches(monkeypatch, batch)
    again = [line(second, f"{word} of {second}", insertId=f"k{second}") for second in (3, 4, 5) for word in ("a", "b")]
    records = [*map(json.dumps, [*healthy(), *again]), "no JSON", '{"textPayload": 5}']
    first, second = ndjson(tmp_path / "a.json", records), ndjson(tmp_path / "b.json", [*healthy()[:9], *records[-9:]])
    kept = checked(LocalStore(tmp_path / "kept"), first, second)
    other = TemporaryStore(tmp_path / "other")
    given = checked(other, second, first)
    assert not other.slices("entries")
    assert len(other.event_slices()) > 2 or batch > 7
    assert given[:2] == kept[:2]
    assert given[1]["duplicates"] > 9
    assert_frame_equal(given[2], kept[2])


def test_what_is_outside_the_window_is_left_out(tmp_path):
    window = Window(parse_time("2026-01-15T09:01:00Z", now=START), None)
    path = ndjson(tmp_path / "a.json", healthy())
    kept = checked(LocalStore(tmp_path / "kept"), path, window=window)
    given = checked(TemporaryStore(tmp_path / "other"), path, window=window)
    assert given[:2] == kept[:2]
    assert_frame_equal(given[2], kept[2])
    assert 0 < given[2].height < len(healthy())
