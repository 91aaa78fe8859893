"""A LogEntry becomes one row with all that it says; what is no LogEntry is kept as it stood."""

import json
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.schema import ENTRIES, polars_schema
from pipeline.sources.log_entry import COLUMNS, EntryReader

TIME = "2026-01-15T09:00:00.123456789Z"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TIME_NS = 1_768_467_600_123_456_789
LABELS = {"project_id": "demo", "location": "europe-west1", "service_name": "shop", "revision_name": "shop-00042-abc"}
WHOLE = {
    "insertId": "id1",
    "jsonPayload": {"message": "hello", "z": 1, "a": [1.50, None]},
    "labels": {"instanceId": "00aa", "more": "x"},
    "logName": "projects/demo/logs/run.googleapis.com%2Fstderr",
    "receiveTimestamp": "2026-01-15T09:00:01Z",
    "resource": {"type": "cloud_run_revision", "labels": LABELS},
    "severity": "WARNING",
    "spanId": "00f067aa0ba902b7",
    "timestamp": TIME,
    "trace": "projects/demo/traces/4bf92f3577b34da6a3ce929d0e0e4736",
}
ROOT_KEYS = ("log_name", "timestamp_ns", "insert_id", "service", "revision", "project", "location")


@pytest.fixture(scope="module")
def reader():
    with EntryReader() as one:
        yield one


def rows(reader, *records):
    """The rows of records, given as objects, text or bytes."""
    texts = [one if isinstance(one, str | bytes) else json.dumps(one) for one in records]
    frame = reader.read([text.encode() if isinstance(text, str) else text for text in texts])
    assert frame.height == len(records)
    return frame.to_dicts()


def row(reader, record):
    return rows(reader, record)[0]


def changed(**more):
    """The whole entry with other values; None leaves a key out."""
    return {key: value for key, value in {**WHOLE, **more}.items() if value is not None}


def request(**more):
    values = {
        "requestMethod": "GET",
        "requestUrl": "https://shop.example.com:8443/api/orders/7?token=abc#top",
        "status": 200,
        "latency": "0.012345678s",
        "requestSize": "512",
        "responseSize": "2048",
        "userAgent": "curl/8",
        "remoteIp": "192.0.2.1",
        **more,
    }
    return changed(jsonPayload=None, httpRequest={key: value for key, value in values.items() if value is not None})


def test_every_column_is_read(reader):
    """A whole entry fills its row, in the types of the schema."""
    frame = reader.read([json.dumps(WHOLE).encode()])
    schema = polars_schema(ENTRIES)
    assert frame.columns == [*COLUMNS, "remote_ip"]
    assert all(frame.schema[name] == schema[name] for name in COLUMNS)
    want = {
        "log_name": WHOLE["logName"],
        "timestamp_ns": TIME_NS,
        "insert_id": "id1",
        "timestamp": datetime(2026, 1, 15, 9, 0, 0, 123456, UTC),
        "receive_timestamp": datetime(2026, 1, 15, 9, 0, 1, tzinfo=UTC),
        "log_id": "run.googleapis.com/stderr",
        "project": "demo",
        "location": "europe-west1",
        "service": "shop",
        "revision": "shop-00042-abc",
        "workload": "service",
        "instance_id": "00aa",
        "severity": "WARNING",
        "message": "hello",
        "payload": '{"message":"hello","z":1,"a":[1.5,null]}',
        "labels": '{"instanceId":"00aa","more":"x"}',
        "trace": "4bf92f3577b34da6a3ce929d0e0e4736",
        "span_id": "00f067aa0ba902b7",
    }
    assert frame.to_dicts()[0] == {**dict.fromkeys(frame.columns), **want}


def test_a_request_row(reader):
    """Method, host, path without query, status, latency, sizes and the client's address."""
    found = row(reader, request())
    assert {key: value for key, value in found.items() if key.startswith(("http", "remote")) or key == "message"} == {
        "message": None,
        "http_method": "GET",
        "http_host": "shop.example.com:8443",
        "http_path": "/api/orders/7",
        "http_status": 200,
        "http_latency_ms": 12.345678,
        "http_request_bytes": 512,
        "http_response_bytes": 2048,
        "http_user_agent": "curl/8",
        "remote_ip": "192.0.2.1",
    }
    assert "token" not in str(found)


@pytest.mark.parametrize(
    ("url", "host", "path"),
    [
        ("/only/a/path?q=1", None, "/only/a/path"),
        ("https://a.example", "a.example", None),
        ("https://a.example?x=/y", "a.example", None),
        ("http://user@a.example/ö/%2e%2e#f?g", "user@a.example", "/ö/%2e%2e"),
        ("wss://a.example//x", "a.example", "//x"),
        ("", None, None),
        ("*", None, "*"),
    ],
)
def test_host_and_path_of_a_url(reader, url, host, path):
    """No query, no fragment, whatever the URL looks like."""
    found = row(reader, request(requestUrl=url))
    assert (found["http_host"], found["http_path"], found["raw"]) == (host, path, None)


@pytest.mark.parametrize(
    ("latency", "ms"),
    [("0.012s", 12.0), ("1.5s", 1500.0), ("300s", 300_000.0), ("0s", 0.0), ("0.000000001s", 1e-6), (None, None)],
)
def test_latency_in_ms(reader, latency, ms):
    """Seconds with up to nine digits; a row without one is still a request."""
    found = row(reader, request(latency=latency))
    assert (found["http_latency_ms"], found["http_status"]) == (ms, 200)


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        ({"textPayload": "text"}, "text"),
        ({"jsonPayload": {"message": "m", "msg": "n", "event": "e"}}, "m"),
        ({"jsonPayload": {"msg": "n", "event": "e"}}, "n"),
        ({"jsonPayload": {"event": "e", "textPayload": "t"}}, "e"),
        ({"jsonPayload": {"textPayload": "t"}}, "t"),
        ({"jsonPayload": {"message": "", "msg": "n"}}, "n"),
        ({"jsonPayload": {"message": None, "event": "e"}}, "e"),
        ({"jsonPayload": {"message": {"code": 7, "why": ["x"]}}}, '{"code":7,"why":["x"]}'),
        ({"jsonPayload": {"message": 12.5}}, "12.5"),
        ({"jsonPayload": {"message": False}}, "false"),
        ({"jsonPayload": {"other": "x"}}, None),
        ({"jsonPayload": {}}, None),
        ({"jsonPayload": {"Message": "M", "message": "m"}}, "m"),
        ({"jsonPayload": {"Message": "M", "State": {"Message": "S"}}}, "M"),
        ({"jsonPayload": {"@mt": "no {x}", "@m": "no price"}}, "no price"),
        ({"jsonPayload": {"@mt": "no {x}"}}, "no {x}"),
        ({"jsonPayload": {"fields": {"message": "f"}, "target": "shop"}}, "f"),
        ({"jsonPayload": {"fields": "none", "body": {"n": 1}, "text": 7, "log": "l"}}, "l"),
        ({"jsonPayload": {"short_message": "s", "full_message": "s\nt"}}, "s"),
        ({"jsonPayload": {"body": "b", "text": "t"}}, "b"),
        ({"jsonPayload": {"body": {"stringValue": "b"}}}, "b"),
        ({"jsonPayload": {"text": "12:00 | t", "record": {"message": "t"}}}, "t"),
        ({"jsonPayload": {"err": {"message": "e", "stack": "Error: e"}, "msg": "m"}}, "m"),
        ({"jsonPayload": {"err": {"message": "e", "stack": "Error: e"}}}, "e"),
        ({"jsonPayload": {"error": "e", "msg": ""}}, "e"),
        ({"jsonPayload": {"body": "", "text": [], "log": {}, "err": None, "error": 5}}, None),
        ({"protoPayload": {"status": {"message": "Ready"}, "methodName": "Create"}}, "Ready"),
        ({"protoPayload": {"status": {}, "methodName": "Create"}}, "Create"),
        ({"protoPayload": {"status": {"code": 5}, "methodName": "Create"}}, "Create"),
        ({"protoPayload": {"methodName": "Create"}}, "Create"),
        ({"textPayload": ""}, None),
        ({"textPayload": "two\nlines\t✓"}, "two\nlines\t✓"),
        ({"textPayload": "[INFO] {not json}"}, "[INFO] {not json}"),
        ({"textPayload": '{"text": 1}'}, '{"text": 1}'),
        ({}, None),
    ],
)
def test_the_message_wherever_it_is(reader, payload, message):
    """textPayload, else jsonPayload.message, msg, event, textPayload, status.message, methodName, else another text."""
    found = row(reader, changed(**{"jsonPayload": None, **payload}))
    assert (found["message"], found["raw"]) == (message, None)


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("2026-01-15T09:00:00Z", 1_768_467_600_000_000_000),
        ("2026-01-15T09:00:00.1Z", 1_768_467_600_100_000_000),
        ("2026-01-15T09:00:00.123456789Z", TIME_NS),
        ("2026-01-15T09:00:00.1234567899Z", TIME_NS),
        ("2026-01-15t09:00:00.123456789z", TIME_NS),
        ("2026-01-15 09:00:00.123456789Z", TIME_NS),
        ("2026-01-15T11:00:00.123456789+02:00", TIME_NS),
        ("2026-01-15T05:30:00.123456789-0330", TIME_NS),
        ("2026-01-14T09:01:00.123456789-23:59", TIME_NS),
        ("2024-02-29T23:59:59.999999999Z", 1_709_251_199_999_999_999),
        ("1969-12-31T23:59:59.999999999Z", -1),
        ("1969-12-31T23:59:59.999999Z", -1000),
        ("1678-01-01T00:00:00Z", -9_214_560_000_000_000_000),
        ("2261-12-31T23:59:59.999999999Z", 9_214_646_399_999_999_999),
    ],
)
def test_times_are_exact_to_the_nanosecond(reader, text, ns):
    """Offsets, lower case, 1 to 12 digits, years 1678 to 2261."""
    found = row(reader, changed(timestamp=text))
    assert (found["timestamp_ns"], found["raw"]) == (ns, None)
    assert found["timestamp"] == EPOCH + timedelta(microseconds=ns // 1000)


@pytest.mark.parametrize(
    "text",
    [
        *("1677-12-31T23:59:59Z", "2262-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "10000-01-01T00:00:00Z"),
        *("2026-02-30T00:00:00Z", "2025-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-00-10T00:00:00Z"),
        *("2026-01-15T09:00:60Z", "2026-01-15T24:00:00Z", "2026-01-15T09:60:00Z"),
        *("2026-01-15T09:00:00+24:00", "2026-01-15T09:00:00+02:60", "2026-01-15T09:00:00.Z", "2026-01-15", ""),
        *("٢٠٢٦-01-15T09:00:00Z", "2026-01-15T09:00:00Z ", "yesterday", "0001-01-01T00:00:00Z"),
        *(1_768_467_600, {"seconds": 1_768_467_600}, [], True),
    ],
)
def test_what_is_no_time_leaves_the_entry_raw(reader, text):
    """Nothing is guessed: the entry is unparsed, with its log, insert id, service and revision."""
    record = changed(timestamp=text)
    found = row(reader, record)
    assert found["raw"] == json.dumps(record)
    assert [found[name] for name in ROOT_KEYS] == [WHOLE["logName"], None, "id1", *_identity()]
    assert (found["message"], found["severity"]) == (None, "DEFAULT")
    assert row(reader, changed(receiveTimestamp=text))["timestamp_ns"] == TIME_NS


def _identity():
    return [LABELS[name] for name in ("service_name", "revision_name", "project_id", "location")]


@settings(max_examples=30, deadline=None)
@given(
    moments=st.lists(
        st.tuples(
            st.integers(-9_214_473_600, 9_214_473_600),
            st.integers(0, 999_999_999),
            st.integers(0, 9),
            st.sampled_from("TtZ "),
            st.one_of(st.none(), st.integers(-23 * 60 - 59, 23 * 60 + 59)),
            st.booleans(),
        ),
        min_size=1,
        max_size=20,
    )
)
def test_an_independent_reader_agrees_on_every_time(reader, moments):
    """datetime and integers of Python give the same nanoseconds."""
    texts, want = [], []
    for moment, nanos, digits, separator, offset, colon in moments:
        fraction = f"{nanos:09d}"[:digits]
        local = EPOCH + timedelta(seconds=moment, minutes=offset or 0)
        zone = "Z"
        if offset is not None:
            hours, minutes = divmod(abs(offset), 60)
            zone = f"{'-' if offset < 0 else '+'}{hours:02d}{':' if colon else ''}{minutes:02d}"
        between = separator if separator in "Tt " else "T"
        text = local.strftime(f"%Y-%m-%d{between}%H:%M:%S") + (f".{fraction}" if fraction else "") + zone
        texts.append(text if separator != "Z" else text.lower())
        want.append(moment * 10**9 + int(fraction.ljust(9, "0")) if 1678 <= local.year <= 2261 else None)
    found = rows(reader, *({"logName": "x", "timestamp": text} for text in texts))
    assert [one["timestamp_ns"] for one in found] == want


@pytest.mark.parametrize(
    ("given_", "severity"),
    [
        *((number, name) for number, name in enumerate(["DEFAULT", "DEBUG", "INFO", "NOTICE", "WARNING"])),
        (500, "ERROR"), ("600", "CRITICAL"), (700, "ALERT"), (800, "EMERGENCY"),
        ("error", "ERROR"), ("", "DEFAULT"), (None, "DEFAULT"), ("Trace", "TRACE"), (450, "450"),
    ],
)  # fmt: skip
def test_severities(reader, given_, severity):
    """As given, in capitals; the API's numbers are names; absent is DEFAULT."""
    given_ = given_ * 100 if isinstance(given_, int) and given_ < 10 else given_
    assert row(reader, changed(severity=given_))["severity"] == severity


@pytest.mark.parametrize("missing", ["severity", "logName", "resource", "insertId", "timestamp", "receiveTimestamp"])
@pytest.mark.parametrize("null", [False, True])
def test_missing_keys_and_explicit_nulls(reader, missing, null):
    """Either leaves its columns empty and the rest as it is."""
    record = {key: value for key, value in WHOLE.items() if key != missing} | ({missing: None} if null else {})
    found = row(reader, record)
    assert (found["message"], found["raw"], found["instance_id"]) == ("hello", None, "00aa")
    gone = {
        "severity": {"severity": "DEFAULT"},
        "logName": {"log_name": None, "log_id": None},
        "resource": {"service": None, "revision": None, "location": None},
        "insertId": {"insert_id": None},
        "timestamp": {"timestamp_ns": None, "timestamp": None},
        "receiveTimestamp": {"receive_timestamp": None},
    }[missing]
    assert {name: found[name] for name in gone} == gone
    assert found["project"] == "demo"


@pytest.mark.parametrize("place", ["jsonPayload", "protoPayload", "httpRequest", "labels", "resource", "textPayload"])
@pytest.mark.parametrize("value", ["oops", 5, True, [1], {"x": 1}], ids=json.dumps)
def test_a_container_of_another_type_is_kept_raw(reader, place, value):
    """Counted as unparsed, with its key, and attributed as far as the rest tells."""
    record = changed(jsonPayload=None, textPayload="t") if place != "textPayload" else changed(jsonPayload=None)
    record = {**record, place: value}
    found = row(reader, record)
    fits = isinstance(value, str) if place == "textPayload" else isinstance(value, dict)
    if place == "textPayload" and not isinstance(value, str | list | dict):
        return  # a number or a truth value as a line of text: read or kept, both lose nothing
    assert found["raw"] == (None if fits else json.dumps(record))
    assert [found[name] for name in ROOT_KEYS[:3]] == [WHOLE["logName"], TIME_NS, "id1"]
    if place != "resource":
        assert [found[name] for name in ROOT_KEYS[3:]] == _identity()


@pytest.mark.parametrize(
    "record",
    [
        {**WHOLE, "resource": {"type": "x", "labels": ["service_name"]}},
        {**WHOLE, "resource": {"type": "x", "labels": "shop"}},
        request(status="teapot"),
        request(status={"code": 200}),
        request(latency="12ms"),
        request(latency="-0.5s"),
        {"message": "of another tool", "level": "info"},
        {},
        [],
        [WHOLE],
        "text",
        5,
        None,
    ],
    ids=lambda record: json.dumps(record)[:40],
)
def test_what_is_no_log_entry_is_kept_raw(reader, record):
    """Whatever cannot be read as a LogEntry keeps its text."""
    assert row(reader, json.dumps(record))["raw"] == json.dumps(record)


def test_a_cut_record_is_still_attributed(reader):
    """Log, insert id, service and revision are read from what is left of a record."""
    text = json.dumps(dict(sorted(WHOLE.items(), key=lambda item: item[0] == "jsonPayload")))[:-20]
    found = row(reader, text)
    assert found["raw"] == text
    assert [found[name] for name in ROOT_KEYS] == [WHOLE["logName"], None, "id1", *_identity()]


@pytest.mark.parametrize(
    ("payload", "kept"),
    [
        ('{"z":1,"a":{"y":2,"b":3}}', '{"z":1,"a":{"y":2,"b":3}}'),
        ('{"n": 9007199254740993, "m": 12.0}', '{"n":9007199254740993,"m":12.0}'),
        ('{"x": "\\u00fc\\u2713 \\" \\\\"}', '{"x":"ü✓ \\" \\\\"}'),
        ('{"message": "a", "message": "b"}', None),
        ('{"x": NaN, "y": [Infinity, -Infinity], "message": "m"}', None),
        ('{"message": "nul \\u0000 byte"}', None),
    ],
)
def test_the_payload_as_it_was(reader, payload, kept):
    """Key order and large numbers survive; values that JSON does not have cost nothing."""
    record = json.dumps(changed(jsonPayload=None))[:-1] + f', "jsonPayload": {payload}}}'
    found = row(reader, record)
    assert found["raw"] is None
    assert found["service"] == "shop"
    if kept is not None:
        assert found["payload"] == kept
    else:
        assert found["message"] in ("a", "b", "m", "nul \0 byte")


@pytest.mark.parametrize(
    ("labels", "proto", "service", "revision"),
    [
        ({"service_name": "a", "revision_name": "b-00001-xyz"}, {}, "a", "b-00001-xyz"),
        ({"revision_name": "shop-api-00001-xyz"}, {}, "shop-api", "shop-api-00001-xyz"),
        ({"revision_name": "blue"}, {}, None, "blue"),
        ({"service_name": "", "revision_name": ""}, {}, None, None),
        ({}, {"resourceName": "namespaces/demo/services/shop-api"}, "shop-api", None),
        ({}, {"resourceName": "projects/p/locations/l/services/shop"}, "shop", None),
        ({}, {"resourceName": "namespaces/demo/revisions/shop-api-00001-xyz"}, "shop-api", None),
        ({}, {"resourceName": "namespaces/demo/jobs/x"}, "x", None),
        ({}, {}, None, None),
    ],
)
def test_service_and_revision(reader, labels, proto, service, revision):
    """The label, else the revision's name without its number, else the audited resource."""
    record = changed(jsonPayload=None, protoPayload=proto, resource={"type": "cloud_run_revision", "labels": labels})
    found = row(reader, record)
    assert (found["service"], found["revision"], found["raw"]) == (service, revision, None)


@pytest.mark.parametrize(
    ("kind", "labels", "identity"),
    [
        ("cloud_run_revision", {"service_name": "a", "revision_name": "r"}, ("service", "a", "r")),
        ("cloud_run_job", {"job_name": "nightly"}, ("job", "nightly", "nightly-x7k2p")),
        ("cloud_run_worker_pool", {"worker_pool_name": "pool", "revision_name": "r"}, ("worker_pool", "pool", "r")),
        ("http_load_balancer", {"service_name": "a", "revision_name": "r"}, ("http_load_balancer", None, None)),
        ("cloudsql_database", {}, ("cloudsql_database", None, None)),
        (None, {"service_name": "a", "revision_name": "r"}, ("service", "a", "r")),
        (None, {}, (None, None, "nightly-x7k2p")),
    ],
)
def test_workload(reader, kind, labels, identity):
    """As the resource's type says; another type names itself and has no service. An execution is a revision."""
    resource = {"labels": labels} if kind is None else {"type": kind, "labels": labels}
    found = row(reader, changed(resource=resource, labels={"run.googleapis.com/execution_name": "nightly-x7k2p"}))
    assert (found["workload"], found["service"], found["revision"]) == identity


@pytest.mark.parametrize(
    ("kind", "proto", "service", "revision"),
    [
        ("cloud_run_job", {"resourceName": "namespaces/demo/executions/etl-x7k2p"}, "etl", "etl-x7k2p"),
        (
            "cloud_run_job",
            {"status": {"message": "Execution etl-x7k2p has completed successfully."}},
            "etl",
            "etl-x7k2p",
        ),
        ("cloud_run_revision", {"resourceName": "namespaces/demo/executions/etl-x7k2p"}, None, None),
    ],
)
def test_only_jobs_have_executions(reader, kind, proto, service, revision):
    """Named by the audited resource, or by the text of its status."""
    found = row(reader, changed(jsonPayload=None, protoPayload=proto, resource={"type": kind, "labels": {}}))
    assert (found["service"], found["revision"]) == (service, revision)


@pytest.mark.parametrize(
    ("log_name", "log_id", "project"),
    [
        ("projects/p/logs/run.googleapis.com%2Fvarlog%2Fsystem", "run.googleapis.com/varlog/system", "p"),
        ("projects/p/logs/run.googleapis.com%2fstdout", "run.googleapis.com/stdout", "p"),
        ("folders/1/logs/x", "x", None),
        ("projects/p/logs/", None, "p"),
        ("projects/p/logs/%FF%", "%FF%", "p"),
        ("nonsense", None, None),
        ("", None, None),
    ],
)
def test_log_id_and_project_of_a_log_name(reader, log_name, log_id, project):
    """The decoded id; the project of the name where no label has one."""
    found = row(reader, changed(logName=log_name, resource=None))
    assert (found["log_id"], found["project"], found["raw"]) == (log_id, project, None)


@pytest.mark.parametrize("trace", ["projects/demo/traces/abc", "abc", "projects//traces/abc"])
def test_a_trace_is_its_id(reader, trace):
    """The prefix with the project goes."""
    assert row(reader, changed(trace=trace))["trace"] == "abc"


def test_an_entry_of_a_mebibyte(reader):
    """Long lines are read whole."""
    text = "x" * (1 << 20)
    found = rows(reader, changed(jsonPayload=None, textPayload=text), changed(jsonPayload={"message": text}))
    assert [len(one["message"]) for one in found] == [1 << 20] * 2


@pytest.mark.parametrize(("more", "parsed"), [(0, True), (1, False)])
def test_the_longest_entry_that_is_parsed(reader, more, parsed):
    """1 MiB of text and 64 KiB around it; a longer one is kept as it stood."""
    whole = {"jsonPayload": None, "textPayload": "x" * (1 << 20)}
    around = (1 << 20) + (64 << 10) - len(json.dumps(changed(**whole, labels={"around": ""})))
    assert (row(reader, changed(**whole, labels={"around": "x" * (around + more)}))["raw"] is None) == parsed


@pytest.mark.parametrize("letter", ["é", "错", "🔥"])
def test_text_of_any_script_is_kept(reader, letter):
    """A message of DuckDB that is cut inside of a character is no reason to stop: each line is kept as it stood."""
    texts = ["a" * count + letter * 30 for count in range(40, 60)]
    assert [one["raw"] for one in rows(reader, *texts)] == texts
    found = rows(reader, *[one for text in texts for one in (WHOLE, text)])
    assert [one["message"] for one in found[::2]] == ["hello"] * len(texts)


def test_a_batch_that_memory_cannot_hold_is_read_in_halves(reader):
    """DuckDB has 400 MB; a batch that needs more gives the same rows."""
    records = [changed(insertId=f"id{n}", jsonPayload={"message": "x" * (1 << 20), "n": n}) for n in range(60)]
    found = rows(reader, *records)
    assert [one["insert_id"] for one in found] == [f"id{n}" for n in range(60)]
    assert not any(one["raw"] for one in found)


def test_a_very_long_entry_is_kept_raw_with_its_key(reader):
    """Above 1 MiB nothing is parsed; what its key and resource say is read, of times only one that has no rival."""
    huge = changed(jsonPayload={"message": "x" * (3 << 20)})
    rival = changed(jsonPayload={"message": "x" * (3 << 20), "timestamp": "2001-01-01T00:00:00Z"})
    found = rows(reader, huge, WHOLE, rival)
    whole = {name: found[1][name] for name in ROOT_KEYS}
    assert {name: found[0][name] for name in ROOT_KEYS} == whole
    assert (found[0]["raw"], found[0]["message"]) == (json.dumps(huge), None)
    assert {name: found[2][name] for name in ROOT_KEYS} == {**whole, "timestamp_ns": None}


@pytest.mark.parametrize("depth", [200, 1500, 5000, 100_000])
def test_deep_nesting(reader, depth):
    """Read where the engine can, kept where it cannot; never a crash."""
    text = json.dumps(WHOLE).replace('"hello"', "[" * depth + "]" * depth)
    found = rows(reader, WHOLE, text, WHOLE)
    assert [one["message"] for one in (found[0], found[2])] == ["hello", "hello"]
    assert found[1]["service"] == "shop"


def test_odd_records_do_not_touch_their_neighbours(reader):
    """A batch of good and odd records gives the good rows as if they stood alone, in order."""
    good = [changed(insertId=f"id{number}", textPayload=None) for number in range(20)]
    odd = ["", "{", "null", b"\x00", '{"textPayload": "\\ud83d"}', "[" * 3000, '{"timestamp": []}', request(status="x")]
    mixed = [one for pair in zip(good, [*odd, *odd, *odd[:4]], strict=True) for one in pair]
    alone = rows(reader, *good)
    assert rows(reader, *mixed)[::2] == alone


def test_a_lone_surrogate_becomes_the_replacement_character(reader):
    """Half a pair is no character; the rest of the entry stands."""
    found = row(reader, rb'{"logName": "x", "textPayload": "a \ud83d b \ud83d\ude00", "severity": "INFO"}')
    assert (found["message"], found["severity"]) == ("a \N{REPLACEMENT CHARACTER} b \U0001f600", "INFO")


keys = st.sampled_from([*WHOLE, "textPayload", "protoPayload", "httpRequest", "other", "type", "message", "status"])
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from([TIME, "2026-01-15T25:00:00Z", "1.5s", "200", "\x00", "\ud800", "", "{", "projects/p/logs/%ff"])
)
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=5), max_leaves=12
)
records = st.one_of(
    st.binary(max_size=40).map(lambda data: data.decode("utf-8", "replace").encode()),
    anything.map(lambda value: json.dumps(value).encode()),
    st.dictionaries(keys, anything, max_size=8).map(lambda value: json.dumps({**WHOLE, **value}).encode()),
    st.integers(1, 400).map(lambda cut: json.dumps(WHOLE).encode()[:-cut]),
)


@settings(max_examples=20, deadline=None)
@given(batch=st.lists(records, min_size=1, max_size=3))
@example(batch=[b""])
@example(batch=[b'{"httpRequest": {"status": NaN, "latency": {"seconds": [], "nanos": "x"}}}', b'{"labels": [1]}'])
@example(batch=[b'{"logName": "x", "httpRequest": {"status": 1e999, "latency": -Infinity, "requestUrl": 5}}', b"{}"])
@example(batch=[b'{"http_request": {"url": [], "latency": {"nanos": 1e99}}, "labels": [{"key": [], "value": 1}]}'])
@example(
    batch=[b'{"resource": {"labels": [{"key": "service_name"}, 5]}, "timestamp": {"seconds": "x"}, "log_name": 1}']
)
@example(
    batch=[b'{"httpRequest": {"status": 99999999999999999999}}', b'{"resource": {"labels": {"service_name": []}}}']
)
def test_any_bytes_give_exactly_one_row_each(reader, batch):
    """No record crashes, is lost or doubled; each is read or kept as it stood; its neighbours do not matter."""
    frame = reader.read(batch)
    assert frame.height == len(batch)
    for text, raw in zip(batch, frame["raw"], strict=True):
        assert raw is None or raw.encode() == text
    assert frame.equals(pl.concat([reader.read([one]) for one in batch]))
