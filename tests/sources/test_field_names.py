"""Other spellings of one entry give the same row."""

import json

import pytest

from pipeline.sources.field_names import respelled
from pipeline.sources.log_entry import EntryReader

API = {
    "insertId": "aa01",
    "timestamp": "2026-01-15T09:00:00.123456Z",
    "receiveTimestamp": "2026-01-15T09:00:00.500000Z",
    "severity": "ERROR",
    "logName": "projects/example-project/logs/run.googleapis.com%2Frequests",
    "resource": {
        "type": "cloud_run_revision",
        "labels": {"service_name": "shop-api", "revision_name": "shop-api-00042-abc", "project_id": "example-project"},
    },
    "labels": {"instanceId": "00aa"},
    "httpRequest": {
        "requestMethod": "GET",
        "requestUrl": "https://shop.example.com/api/orders",
        "status": 503,
        "latency": "0.250s",
        "userAgent": "curl/8",
        "remoteIp": "203.0.113.7",
        "responseSize": "12",
    },
    "trace": "projects/example-project/traces/0af7651916cd43dd8448eb211c80319c",
    "spanId": "b7ad6b7169203331",
}
SNAKE = {
    "insert_id": "aa01",
    "timestamp": "2026-01-15 09:00:00.123456+00:00",
    "receive_timestamp": "2026-01-15 09:00:00.500000+00:00",
    "severity": "ERROR",
    "log_name": API["logName"],
    "resource": API["resource"],
    "labels": API["labels"],
    "http_request": {
        "method": "GET",
        "url": "https://shop.example.com/api/orders",
        "status": 503.0,
        "latency": "0.250s",
        "user_agent": "curl/8",
        "remote_ip": "203.0.113.7",
        "response_size": 12,
    },
    "text_payload": None,
    "json_payload": None,
    "trace": API["trace"],
    "span_id": API["spanId"],
}
SINK = {
    **API,
    "timestamp": "2026-01-15 09:00:00.123456 UTC",
    "receiveTimestamp": "2026-01-15 09:00:00.5 UTC",
    "labels": {"instanceid": "00aa"},
    "httpRequest": {**API["httpRequest"], "latency": 0.25, "responseSize": 12},
    "jsonPayload": None,
}
PAIRS = {**API, "labels": [{"key": "instanceId", "value": "00aa"}]}
PROTOBUF = {**API, "httpRequest": {**API["httpRequest"], "latency": {"seconds": 0, "nanos": 250000000}}}


def row(entry):
    with EntryReader() as reader:
        return reader.read([json.dumps(entry).encode()]).to_dicts()[0]


@pytest.mark.parametrize(
    "other", [SNAKE, SINK, PAIRS, PROTOBUF], ids=["client dump", "sink row", "label pairs", "protobuf"]
)
def test_other_spellings_give_the_same_row(other):
    """Whatever the names and forms of a download, the row is that of the API's JSON."""
    wanted, found = row(API), row(other)
    wanted.pop("labels"), found.pop("labels")
    assert found == wanted
    assert wanted["raw"] is None
    assert (wanted["http_status"], wanted["http_latency_ms"], wanted["instance_id"]) == (503, 250.0, "00aa")


def test_an_audit_entry_in_json_payload_is_one(tmp_path):
    """Client dumps put protoPayload into jsonPayload: its message is that of the audit log all the same."""
    status = {"message": "Ready condition status changed to True for Revision shop-api-00042-abc."}
    payload = {"@type": "type.googleapis.com/google.cloud.audit.AuditLog", "methodName": "/Services.ReplaceService"}
    audit = {"timestamp": API["timestamp"], "insertId": "x", "jsonPayload": {**payload, "status": status}}
    assert row(audit)["message"] == status["message"]
    assert row({**audit, "jsonPayload": payload})["message"] == "/Services.ReplaceService"


@pytest.mark.parametrize(
    ("member", "wanted"),
    [
        ({"httpRequest": {"status": 503.0}}, {"httpRequest": {"status": 503}}),
        ({"httpRequest": {"status": 503.5}}, {"httpRequest": {"status": 503.5}}),
        ({"httpRequest": {"status": "503"}}, {"httpRequest": {"status": "503"}}),
        ({"httpRequest": {"latency": {"seconds": 2}}}, {"httpRequest": {"latency": "2.000000000s"}}),
        ({"httpRequest": {"latency": {"nanos": 5}}}, {"httpRequest": {"latency": "0.000000005s"}}),
        ({"httpRequest": {"latency": 2}}, {"httpRequest": {"latency": "2.000000000s"}}),
        ({"labels": [{"key": "a", "value": "b"}, {"key": "c"}]}, {"labels": {"a": "b", "c": None}}),
        ({"labels": [{"key": "a"}, {"key": 1}]}, {"labels": [{"key": "a"}, {"key": 1}]}),
        ({"labels": [{"key": "a"}, "b"]}, {"labels": [{"key": "a"}, "b"]}),
        ({"labels": "instanceid"}, {"labels": "instanceid"}),
        ({"labels": {"a": "b"}}, {"labels": {"a": "b"}}),
        ({"labels": {}, "jsonPayload": {}, "resource": {"type": "x"}}, {"resource": {"type": "x"}}),
    ],
)
def test_the_forms_of_a_member(member, wanted):
    """What is not in a known form stays as it is."""
    assert respelled(member) == wanted
