"""One request's entries, joined by whatever ids they share."""

import json

import polars as pl
import pytest
from click.testing import CliRunner

from pipeline.cli import cli
from pipeline.schema import EVENTS, polars_schema
from pipeline.trace import context, timeline

SCHEMA = polars_schema(EVENTS)


@pytest.fixture
def slices(tmp_path):
    """Four entries of one request, linked in a chain, and one of another."""
    rows = [
        {"timestamp_ns": 4_000_000, "correlation_id": "c1", "message": "last"},
        {"timestamp_ns": 1_000_000, "trace": "t1", "http_method": "GET", "http_path": "/a", "http_status": 200},
        {"timestamp_ns": 2_000_000, "trace": "t1", "request_id": "r1", "message": "links trace and request"},
        {
            "timestamp_ns": 3_000_000,
            "request_id": "r1",
            "correlation_id": "c1",
            "message": "links request and correlation",
        },
        {"timestamp_ns": 2_500_000, "trace": "t2", "message": "another request"},
    ]
    frame = pl.DataFrame([{**dict.fromkeys(SCHEMA), "level": "INFO", **row} for row in rows], schema=SCHEMA)
    path = tmp_path / "events.parquet"
    frame.write_parquet(path)
    return [path]


@pytest.mark.parametrize("identifier", ["t1", "r1", "c1"])
def test_ids_join_step_by_step(slices, identifier):
    """From any of its ids the whole chain is found, in order of time, and nothing of another request."""
    steps = list(timeline(slices, identifier))
    assert [step.text for step in steps] == [
        "GET /a 200",
        "links trace and request",
        "links request and correlation",
        "last",
    ]
    assert [step.offset_ms for step in steps] == [0.0, 1.0, 2.0, 3.0]


def test_a_trace_is_found_by_its_name_in_the_log(slices):
    """`projects/PROJECT/traces/ID` is the same trace as the bare id, and no other thing of that shape is."""
    assert list(timeline(slices, "projects/shop/traces/t1")) == list(timeline(slices, "t1"))
    for other in ("projects/shop/traces/", "projects/shop/traces/t9", "x/projects/shop/traces/t1", "projects/shop/t1"):
        assert list(timeline(slices, other)) == []


def test_an_unknown_id_has_no_step(slices):
    """Nothing is invented."""
    assert list(timeline(slices, "t9")) == []


@pytest.mark.parametrize(
    ("dump", "wanted"),
    [
        (
            "FULL_CONTEXT: {'ids': {'user_id': None}, 'n': [1, 2.5, True]}",
            {"ids": {"user_id": None}, "n": [1, 2.5, True]},
        ),
        ("FULL_CONTEXT: {'a': __import__('os').system('false')}", None),
        ("FULL_CONTEXT: {'a': 1", None),
        ("FULL_CONTEXT: " + "{'a':" * 5000, None),
        ("no context", None),
    ],
)
def test_python_literals_are_read_and_never_evaluated(dump, wanted):
    """Only literals are: a call, a cut dump and a deep one give nothing."""
    assert context(dump) == wanted


def test_trace_prints_the_timeline_and_says_when_there_is_none(tmp_path):
    """`runverdict trace ID FILE`: one line a step on stdout, exit 3 and a sentence where no entry has the id."""
    entry = {
        "insertId": "a",
        "timestamp": "2026-01-15T09:00:00Z",
        "trace": "projects/p/traces/abc",
        "textPayload": "hi\x1b[31m",
    }
    logs = tmp_path / "logs.ndjson"
    logs.write_text(json.dumps(entry) + "\n")
    found = CliRunner().invoke(cli, ["trace", "abc", str(logs), "--format", "json"])
    assert found.exit_code == 0
    assert json.loads(found.stdout)["timestamp"] == "2026-01-15T09:00:00Z"
    assert CliRunner().invoke(cli, ["trace", entry["trace"], str(logs), "--format", "json"]).stdout == found.stdout
    assert "\x1b" not in CliRunner().invoke(cli, ["trace", "abc", str(logs)]).stdout
    missing = CliRunner().invoke(cli, ["trace", "nope", str(logs)])
    assert missing.exit_code == 3
    assert "no entry carries the id 'nope'" in missing.stderr
