"""Logs of the OpenTelemetry collector: what each record becomes, and what is kept as text."""

import json

import pytest

from pipeline.sources.files.json_values import WRAPPED
from pipeline.sources.files.otlp import is_otlp, otlp_records
from pipeline.sources.records import SourceReport

#: What an empty log record becomes.
EMPTY = {"resource": {"type": "cloud_run_revision", "labels": {}}, "severity": "DEFAULT", "labels": {}}


def attributes(**values):
    """Attributes of texts; two underscores in a name stand for a dot."""
    return [{"key": name.replace("__", "."), "value": {"stringValue": value}} for name, value in values.items()]


def entry(log, **resource):
    """The entry of a log record with a resource of these attributes."""
    batch = {"resource": {"attributes": attributes(**resource)}, "scopeLogs": [{"logRecords": [log]}]}
    (texts,) = otlp_records([[json.dumps({"resourceLogs": [batch]}).encode()]], SourceReport("x"))
    (text,) = texts
    return json.loads(text)


@pytest.mark.parametrize(
    ("head", "wanted"),
    [
        ('{"resourceLogs": [{"scopeLogs": []}]}', True),
        (' [ {"resource": {}, "scopeLogs": []}]', True),
        ('{"scopeLogs": []}', True),
        ('{"resource": {"type": "x"}}', False),
        ('{"insertId": "a", "scopeLogs": []}', False),
        ('{"resourceLogs": 7, "scopeLogs": []}', False),
        ("", False),
    ],
)
def test_what_is_taken_for_opentelemetry(head, wanted):
    """By its first key, and that of its scopes."""
    assert is_otlp(head.encode()) is wanted


FIRST, SECOND = "1970-01-01T00:00:00.000000001Z", "1970-01-01T00:00:00.000000002Z"


@pytest.mark.parametrize(
    ("log", "more"),
    [
        ({}, {}),
        ({"timeUnixNano": "1"}, {"timestamp": FIRST}),
        ({"timeUnixNano": 1, "observedTimeUnixNano": 2}, {"timestamp": FIRST, "receiveTimestamp": SECOND}),
        ({"observedTimeUnixNano": "2"}, {"timestamp": SECOND, "receiveTimestamp": SECOND}),
        ({"timeUnixNano": "0", "observedTimeUnixNano": "2"}, {"timestamp": SECOND, "receiveTimestamp": SECOND}),
        ({"timeUnixNano": "0", "observedTimeUnixNano": "0"}, {}),
        ({"timeUnixNano": None, "observedTimeUnixNano": None}, {}),
        ({"traceId": "t", "spanId": "s"}, {"trace": "t", "spanId": "s"}),
        ({"traceId": "", "spanId": ""}, {}),
        ({"body": {"stringValue": "ä"}}, {"textPayload": "ä"}),
        ({"body": {"stringValue": ""}}, {"textPayload": ""}),
        ({"body": {"intValue": "7"}}, {"textPayload": "7"}),
        ({"body": {"boolValue": False}}, {"textPayload": "false"}),
        ({"body": {"arrayValue": {"values": [{"stringValue": "ä"}]}}}, {"textPayload": '["ä"]'}),
        ({"body": {"kvlistValue": {"values": attributes(a="b")}}}, {"jsonPayload": {"a": "b"}}),
        ({"body": {"kvlistValue": {}}}, {"jsonPayload": {}}),
        ({"body": {}}, {}),
        ({"body": None}, {}),
        ({"attributes": attributes(log__record__uid="a")}, {"insertId": "a"}),
        ({"attributes": attributes(log__record__uid="", insertId="b")}, {"insertId": "b"}),
        ({"attributes": attributes(a="b")}, {"labels": {"a": "b"}}),
        ({"attributes": attributes(http__method="GET")}, {"labels": {"http.method": "GET"}}),
        (
            {"attributes": attributes(http__method="GET", http__status_code="503")},
            {
                "labels": {"http.method": "GET", "http.status_code": "503"},
                "httpRequest": {"requestMethod": "GET", "status": "503"},
            },
        ),
        ({"attributes": attributes(gcp__log_name="a/b")}, {"logName": "projects//logs/a%2Fb"}),
        ({"attributes": attributes(logName="folders/1/logs/x")}, {"logName": "folders/1/logs/x"}),
        ({"attributes": None}, {}),
    ],
)
def test_a_log_record_is_an_entry(log, more):
    """What it does not have is left out, and nothing is made up."""
    assert entry(log) == EMPTY | more


EXECUTION = "run.googleapis.com/execution_name"


@pytest.mark.parametrize(
    ("resource", "kind", "labels", "own"),
    [
        ({"faas__name": "a", "faas__version": "b"}, "revision", {"service_name": "a", "revision_name": "b"}, {}),
        ({"service__name": "a", "faas__name": "b"}, "revision", {"service_name": "b"}, {}),
        ({"job_name": "j", "faas__name": "a", "faas__version": "b"}, "job", {"job_name": "j"}, {}),
        ({"worker_pool_name": "w"}, "worker_pool", {"worker_pool_name": "w"}, {}),
        ({"worker_pool_name": "w", "job_name": "j"}, "job", {"worker_pool_name": "w", "job_name": "j"}, {}),
        ({"faas__name": "a", EXECUTION: "a-1"}, "job", {"job_name": "a"}, {EXECUTION: "a-1"}),
        ({"faas__name": "a", "job_name": "j", EXECUTION: "a-1"}, "job", {"job_name": "j"}, {EXECUTION: "a-1"}),
        ({EXECUTION: "a-1"}, "revision", {}, {EXECUTION: "a-1"}),
        ({"faas__instance": "00aa"}, "revision", {}, {"instanceId": "00aa"}),
        ({"host__name": "x"}, "revision", {}, {}),
    ],
)
def test_a_resource_is_a_workload(resource, kind, labels, own):
    """A job by its name or by an execution of it; a worker pool by its name; else a service."""
    found = entry({}, **resource)
    assert found["resource"] == {"type": f"cloud_run_{kind}", "labels": labels}
    assert found["labels"] == own


def test_attributes_of_a_record_are_before_those_of_its_resource():
    """For the resource and its type too; the project is that of its log."""
    own = attributes(faas__name="b", gcp__resource_type="gce_instance", gcp__log_name="x")
    found = entry({"attributes": own}, faas__name="a", cloud__account__id="demo", cloud__region="r")
    labels = {"project_id": "demo", "location": "r", "service_name": "b"}
    assert found["resource"] == {"type": "gce_instance", "labels": labels}
    assert found["logName"] == "projects/demo/logs/x"


@pytest.mark.parametrize(
    ("value", "entries"),
    [
        ({"resourceLogs": []}, 0),
        ({"resourceLogs": [{"scopeLogs": [{"logRecords": [{}, {}]}, {"logRecords": [{}]}]}] * 2}, 6),
        ({"resource": None, "scopeLogs": [{"logRecords": [{}]}]}, 1),
        ({"scopeLogs": [{"logRecords": [{}]}]}, 1),
        ({"resourceLogs": [{"scopeLogs": None}, {"scopeLogs": [{"logRecords": None}]}]}, 0),
    ],
)
def test_all_records_of_a_batch(value, entries):
    """Of several resources and scopes, or of what stands in a batch for one of them."""
    assert list(otlp_records([[json.dumps(value).encode()]], SourceReport("x"))) == [
        [json.dumps(EMPTY).encode()] * entries
    ]


@pytest.mark.parametrize(
    "record", [b"[]", b"text", b'{"insertId": "a"}', b'{"resourceLogs": 7}', b'{"scopeLogs": [{"logRecords": [7]}]}']
)
def test_what_is_no_batch_is_kept_as_it_stands(record):
    """Between batches that are read."""
    batch, report = b'{"scopeLogs": [{"logRecords": [{}]}]}', SourceReport("x")
    read = json.dumps(EMPTY).encode()
    assert list(otlp_records([[batch, record], [batch]], report)) == [[read, record], [read]]
    assert report.notes == []


def test_characters_stay_as_they_are():
    """Their escapes would be several times as long."""
    batch = '{"scopeLogs": [{"logRecords": [{"body": {"stringValue": "ä"}}]}]}'
    ((text,),) = otlp_records([[batch.encode()]], SourceReport("x"))
    assert '"textPayload": "ä"' in text.decode()


def test_the_longest_batch_that_is_parsed():
    """16 MiB; longer ones are kept, and counted in a note. Nothing was left out of those that were read."""
    whole, report = b'{"resourceLogs": []}', SourceReport("x", notes=["other", WRAPPED])
    assert list(otlp_records([[whole.ljust(16 << 20)], []], report)) == [[], []]
    assert report.notes == ["other"]
    long = whole.ljust((16 << 20) + 1)
    assert list(otlp_records([[long]], report)) == [[long]]
    assert report.notes == ["other", "1 OTLP batch above 16 MiB kept as text"]
    assert list(otlp_records([[long, long]], report := SourceReport("x"))) == [[long, long]]
    assert report.notes == ["2 OTLP batches above 16 MiB kept as text"]
