"""Rows of a sink's table and of `_AllLogs` become the entries that the same logs give as files.

Some of them: the evaluator makes every pattern of redaction anew for every text.
"""

import json
import re

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from parsers.formats import formats, json_path
from pipeline import googlesql as sql
from pipeline.schema import ENTRIES, polars_schema
from pipeline.simulate import simulate
from pipeline.sources.cloud_logging.deployments import audit_rows, deployments
from pipeline.stores.local import LocalStore
from tests.bigquery.sink import line, log_analytics_row, sink_row
from tests.conftest import entry, extracted, ndjson
from tests.conftest import line as log_line
from tests.conftest import request as log_request
from tests.googlesql.rows import WINDOWS

COLUMNS = polars_schema(ENTRIES).names()
AUDIT = {"methodName": "Services.ReplaceService", "resourceName": "namespaces/demo/services/shop-api", "status": {}}
REPORTED = "type.googleapis.com/google.devtools.clouderrorreporting.v1beta1.ReportedErrorEvent"
OTHERS = [
    entry(1, jsonPayload={"message": "user 10146348 at 192.0.2.7", "Level": "warn", "a": {"b": None}}),
    entry(2, jsonPayload={"msg": 'quotes " and \\ and ,"x":null} in a text', "logger": "shop.é"}, severity="error"),
    entry(3, jsonPayload={"event": "jane@example.com", "n": 12, "f": 1.5}, labels=None),
    entry(4, protoPayload=AUDIT, revision=None, log="cloudaudit.googleapis.com%2Factivity"),
    entry(5, protoPayload={**AUDIT, "status": {"message": "Ready condition"}}, revision=None),
    entry(
        6, textPayload="\x1b[31mred\x1b[0m Bearer abcdefghijklmnopqrstuvwx1", trace="projects/p/traces/0af7", spanId="1"
    ),
    entry(7, textPayload="", revision="00001-abc"),
    log_line(8, "Container called exit(3).", log="run.googleapis.com%2Fvarlog%2Fsystem"),
    entry(11, jsonPayload={"@type": REPORTED, "message": "panic: nil map of jane@example.com"}, severity="ERROR"),
    *(log_request(second, status, path) for second in (9, 10) for status in (200, 503) for path in ("/a/1?q=s", "/é")),
]


#: Texts of loggers that write none of message, msg, event.
ELSEWHERE = [
    {"Message": "a", "LogLevel": "Error"},
    {"fields": {"message": "b", "n": 1}, "target": "shop"},
    {"@t": "2026-01-05", "@mt": "c {x}", "@m": "c 3"},
    {"@mt": "d {x}"},
    {"short_message": "e", "version": "1.1"},
    {"body": 'f "quoted"', "severityText": "ERROR"},
    {"body": {"stringValue": "g"}},
    {"body": {"other": "no"}, "text": "h"},
    {"record": {"message": "i"}, "text": "12:00 | ERROR | i"},
    {"log": "j é"},
    {"log": {"level": "error"}, "err": {"type": "Error", "message": "k", "stack": "Error: k"}},
    {"error": "l"},
    {"error": {"message": "m"}},
    {"body": 12, "text": "", "error": None, "log": True, "err": ["x"]},
]


def staged(reference, rows):
    frame = pl.DataFrame({"line": rows, "source": ["x"] * len(rows)}, schema={"line": pl.String, "source": pl.String})
    text = sql.source([sql.LogTable("`p.d.t`")], None, None)
    before, _, after = text.partition("sink_rows as (")
    whole = before + "sink_rows as (select * from given)" + after[after.index("\n)") + 2 :]
    return reference.query(whole, {"given": frame}, {"pseudonym_key": "k"})


def from_files(folder, monkeypatch, entries):
    monkeypatch.setenv("RUNVERDICT_PSEUDONYM_KEY", "k")
    store = LocalStore(folder / "store")
    extracted(store, ndjson(folder / "logs.ndjson", entries))
    return pl.concat([store.read("entries", path.stem) for path in store.slices("entries")])


def agree(reference, folder, monkeypatch, entries, as_row):
    """Equal but for nanoseconds, which BigQuery has none of, and the spelling of payloads and labels."""
    ours = from_files(folder, monkeypatch, entries).select(COLUMNS)
    theirs = staged(reference, [line(as_row(one)) for one in entries]).select(COLUMNS)
    order = ["timestamp", "log_name", "insert_id"]
    left = [frame.drop("timestamp_ns", "payload", "labels", "source").sort(order) for frame in (ours, theirs)]
    assert_frame_equal(*left, rel_tol=1e-12, abs_tol=0)
    micros = ours.with_columns(pl.col("timestamp_ns") // 1000 * 1000).sort(order)["timestamp_ns"]
    assert theirs.sort(order)["timestamp_ns"].equals(micros)
    return theirs


@pytest.mark.parametrize("as_row", [sink_row, log_analytics_row])
def test_every_kind_of_entry(reference, tmp_path, monkeypatch, as_row):
    """Payloads of all kinds, audit entries, requests, other languages, what is redacted."""
    theirs = agree(reference, tmp_path, monkeypatch, OTHERS, as_row)
    assert theirs["raw"].null_count() == theirs.height
    payloads = [json.loads(text) for text in theirs["payload"].drop_nulls()]
    assert len(payloads) == 6
    assert not any("unused" in payload for payload in payloads)
    assert 'quotes " and \\ and ,"x":null} in a text' in [payload.get("msg") for payload in payloads]


@pytest.mark.parametrize("as_row", [sink_row, log_analytics_row])
def test_a_made_up_deployment(reference, tmp_path, monkeypatch, as_row):
    """Some minutes of all logs of a service."""
    made = simulate("auth-outage", seed=1, minutes=2, requests_per_minute=20)
    agree(reference, tmp_path, monkeypatch, list(made)[::8], as_row)


@pytest.mark.parametrize("as_row", [sink_row, log_analytics_row])
def test_the_message_of_other_loggers(reference, tmp_path, monkeypatch, as_row):
    """Where none of message, msg and event stands; a number or an object is no text."""
    entries = [entry(n, jsonPayload=payload) for n, payload in enumerate(ELSEWHERE)]
    theirs = agree(reference, tmp_path, monkeypatch, entries, as_row).sort("timestamp")["message"].to_list()
    assert theirs == ["a", "b", "c 3", "d {x}", "e", 'f "quoted"', *"ghi", "j é", *"klm", None]


def test_messages_are_where_the_formats_say():
    """The paths of `[payload]` stand in the query, in their order."""
    query = sql.written("staging/entries").partition("where else a text can be")[2].partition(") as message")[0]
    wanted = [json_path(path) for path in formats().payload.message]
    assert re.findall(r"json_value\(payload, '([^']+)'", query) == wanted


def test_what_is_no_entry_is_kept(reference):
    """Whatever a column of another type holds, the row is there, redacted."""
    whole = sink_row(log_request(1))
    rows = [
        {**whole, "timestamp": "soon"},
        {**whole, "httpRequest": {**whole["httpRequest"], "status": "jane@example.com"}},
        {**whole, "httpRequest": {**whole["httpRequest"], "latency": "long"}},
        {**whole, "jsonPayload": "text"},
        {**whole, "jsonPayload": ["a"]},
        {"logName": "x"},
        {},
    ]
    found = staged(reference, [line(row) for row in rows])
    assert [text is not None for text in found["raw"]] == [True] * 7
    assert "<email>" in found["raw"][1]
    assert found["http_status"].to_list() == [None] * 7
    assert found["service"].to_list() == ["shop-api"] * 5 + [None] * 2
    assert found["content"].is_not_null().to_list() == [True, False, False, False, False, True, True]


def test_payload_in_a_column_of_its_type(reference):
    """Whatever the type: the message is found, text that looks like a column is none, and no object is unparsed."""
    whole = {**sink_row(log_line(1, "")), "textPayload": None, "jsonPayload": None}
    text = 'said "jsonpayload_v1_x":{"message":"no"}'
    rows = [
        {**whole, "jsonpayload_v1beta1_insight": None, "jsonpayload_type_myevent": {"message": "a", "unused": None}},
        {**whole, "jsonPayload_v2_Other": {"msg": "b"}},
        {**whole, "protopayload_requestlog": {"status": {"message": "c"}}},
        {**whole, "jsonPayload": {"message": text, "jsonpayload_v1_x": {"message": "no"}}},
        {**whole, "textPayload": text},
        {**whole, "jsonpayload_v1_number": 5},
        whole,
    ]
    found = staged(reference, [line(row) for row in rows])
    assert found["message"].to_list() == ["a", "b", "c", text, text, None, None]
    assert found["payload"][0] == '{"message":"a"}'
    assert [raw is not None for raw in found["raw"]] == [False] * 5 + [True, True]


def test_a_deployment_whose_bodies_are_texts(reference):
    """A sink writes the bodies of audit entries as JSON texts; redacted they say the same."""
    log = "cloudaudit.googleapis.com%2Factivity"
    call = sink_row(entry(1, protoPayload={**AUDIT, "methodName": "v1.Services.ReplaceService"}, revision="", log=log))
    bodies = {"requestJson": {"service": {"spec": {}}}, "responseJson": {"status": {"latestCreatedRevisionName": "r"}}}
    call["protopayload_auditlog"] |= {name: json.dumps(body) for name, body in bodies.items()}
    (made,) = deployments([audit_rows(staged(reference, [line(call)]))])
    assert (made.service, made.revision) == ("shop-api", "r")


def test_rows_of_recorded_windows(reference, tmp_path, monkeypatch):
    """Real entries, as a sink would have written them."""
    if not WINDOWS.exists():
        pytest.skip("the recorded windows are not here")
    texts = [text for path in WINDOWS.iterdir() for text in path.read_text(encoding="utf-8").splitlines()]
    entries = [one for one in map(json.loads, texts) if "timestamp" in one and "insertId" in one]
    unique = {(one.get("logName"), one["timestamp"], one["insertId"]): one for one in entries}
    agree(reference, tmp_path, monkeypatch, list(unique.values())[::40], sink_row)
