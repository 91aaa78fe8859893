"""What an entry is depends on the entry alone: not on what stands beside it, nor on the order."""

import json

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from parsers.model import load
from parsers.to_polars import Classifier
from pipeline.classify import classify
from pipeline.extract import entries
from pipeline.sources.base import EntryBatch
from pipeline.sources.log_entry import EntryReader
from tests.conftest import entry, line

TEXTS = (
    "ERROR: database is down",
    "2026-01-15 09:00:00,000 - app.db - WARNING - slow query took 900 ms",
    "Container called exit(1).",
    'INFO:     10.0.0.1:1008 - "GET /orders/17 HTTP/1.1" 200 OK',
    "ünïcode \x1b[31mred\x1b[0m",
    "",
)


def mixed():
    """Lines that repeat in two logs and severities, payloads with a level or an error type, requests, no entry."""
    records = []
    for second in range(4):
        for number, text in enumerate(TEXTS):
            log = "run.googleapis.com%2Fstdout" if (second + number) % 3 else "run.googleapis.com%2Fstderr"
            severity = {"severity": ("ERROR", None, "DEFAULT")[(second * number) % 3]}
            records.append(line(second, text, log=log, **severity))
            payload = {"message": text, "level": "warn", "logger": "app", "error": {"type": f"Err{number % 2}"}}
            records.append(entry(second, jsonPayload=payload, log=log, **severity))
        request = {"requestMethod": "GET", "requestUrl": "https://a.example/x", "status": 200 + second * 100}
        records.append(entry(second, httpRequest={**request, "latency": "0.1s"}, textPayload=TEXTS[0]))
    with EntryReader() as reader:
        rows = reader.read([*(json.dumps(record).encode() for record in records), b"no JSON", b'{"textPayload": 5}'])
    return entries(EntryBatch(rows), "logs.json", b"key")


@pytest.fixture(scope="module")
def user_blocks(tmp_path_factory):
    """Blocks that look at more than the text."""
    folder = tmp_path_factory.mktemp("packs")
    (folder / "own.toml").write_text("""
["own.typed"]
meaning = "An error of a type."
outcome = "failure"
source = "tests"
near_misses = []
[["own.typed".match]]
literal = "Err1"
pattern = "Err1"
on = "$.error.type"
[["own.typed".example]]
line = '{"logName": "x", "jsonPayload": {"error": {"type": "Err1"}}}'
""")
    return folder


@pytest.mark.parametrize("own", [False, True])
def test_what_repeats_is_classified_as_if_it_stood_alone(own, user_blocks):
    rows = mixed()
    classifier = Classifier(load(None, [user_blocks] if own else []))
    whole = classify(rows, classifier)
    single = pl.concat([classify(rows[at : at + 1], classifier) for at in range(0, rows.height, 5)])
    assert_frame_equal(whole.gather_every(5), single)
    assert_frame_equal(whole.reverse(), classify(rows.reverse(), classifier))
    assert {"own.typed"} & set(whole["event"].drop_nulls()) == ({"own.typed"} if own else set())
    assert whole["level"].n_unique() >= 3
    assert whole["component"].n_unique() > 2


def test_unparsed_entries_with_and_without_a_message_differ():
    """All of them have an unknown text; one with a message has a signature. No severity is DEFAULT."""
    first = mixed().head(1)
    texts = pl.Series("message", [None, "pool exhausted", "pool exhausted"], dtype=pl.String)
    rows = pl.concat([first] * 3).with_columns(texts, raw=pl.lit("{broken"), severity=pl.lit(None, pl.String))
    events = classify(rows, Classifier(load()))
    assert events["signature"].is_null().to_list() == [True, False, False]
    assert set(events["level"]) == {"DEFAULT"}


def test_a_request_whose_answer_was_cut_is_a_kind_of_line():
    """Its status is 200; of other requests the status says it, and a signature would count them twice."""
    cut = "Truncated response body. Usually implies that the request timed out or the application exited"
    refused = "The request was aborted because there was no available instance."
    texts = pl.Series("message", [cut, refused, None, "anything"], dtype=pl.String)
    statuses = pl.Series("http_status", [200, 429, 200, 200], dtype=pl.Int64)
    rows = pl.concat([mixed().head(1)] * 4).with_columns(texts, statuses, log_id=pl.lit("run.googleapis.com/requests"))
    events = classify(rows, Classifier(load()))
    assert events["signature"].is_null().to_list() == [False, True, True, True]
    assert events["event"].to_list()[0] == "platform.response_truncated"


def test_the_payloads_level_decides_of_what_repeats():
    """A quoted failure does not count below WARNING, whichever of two equal messages comes first."""
    rows = pl.concat([mixed().head(1)] * 3).with_columns(
        message=pl.lit('said "MySQL server has gone away"'),
        payload=pl.Series(['{"level":30}', '{"level":50}', None], dtype=pl.String),
        severity=pl.lit("DEFAULT"),
        http_status=pl.lit(None, pl.Int64),
        raw=pl.lit(None, pl.String),
    )
    rows = rows.cast(dict(mixed().schema))
    expected = [None, "database.unavailable", "database.unavailable"]
    assert classify(rows, Classifier(load()))["event"].to_list() == expected
    assert classify(rows.reverse(), Classifier(load()))["event"].to_list() == expected[::-1]
