"""YAML of gcloud and OTLP of the OpenTelemetry collector give the entries that the JSON of the same log gives."""

import json
import os
import subprocess
import sys

import polars as pl
import pytest
import yaml
from polars.testing import assert_frame_equal

from pipeline.sources.files.reader import SourceReport, read
from pipeline.sources.files.yaml_documents import is_yaml
from pipeline.sources.log_entry import EntryReader
from tests.conftest import call, entry, failing, line, ndjson, stamp

ENTRIES = [
    *failing()[:12],
    line(200, "12:30:45"),
    line(201, "yes"),
    line(202, "a: b # c\n\n  deep\n---\n- item\n*x &y", insertId="2026-01-15"),
    line(203, "läden 🏪 \u2028 end"),
    entry(204, insertId="0123", jsonPayload={"n": 1, "x": 1.5, "on": True, "t": "1:30", "null": None, "at": stamp(3)}),
    entry(205, insertId="e5", jsonPayload={"message": "", "list": [1, [2, {"a": []}]], "empty": {}}),
]


def rows(path, **more):
    """The entries of a file, and what was met."""
    report = SourceReport(str(path))
    with EntryReader() as reader:
        return pl.concat([reader.read(batch.lines) for batch in read(str(path), report=report, **more)]), report


def documents(entries, **more):
    return "".join(f"---\n{yaml.safe_dump(one, allow_unicode=True, **more)}" for one in entries)


@pytest.mark.parametrize(
    "text",
    [
        documents(ENTRIES),
        documents(ENTRIES).removeprefix("---\n"),
        documents(ENTRIES, width=20, default_flow_style=False),
        documents(ENTRIES).replace("\n", "\r\n").encode(),
        documents(ENTRIES).encode("utf-16"),
        yaml.safe_dump(ENTRIES, allow_unicode=True),
    ],
    ids=["documents", "no first separator", "narrow", "crlf", "utf-16", "list"],
)
def test_yaml_gives_what_json_gives(tmp_path, text):
    """All columns, but for the order of keys in a payload; also read in small pieces."""
    wanted, _ = rows(ndjson(tmp_path / "x.ndjson", [json.loads(json.dumps(one, sort_keys=True)) for one in ENTRIES]))
    path = tmp_path / "x.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    for size in (1 << 24, 64):
        found, report = rows(path, batch_bytes=size)
        assert_frame_equal(found, wanted)
        assert (report.truncated, report.notes, report.records) == (False, [], len(ENTRIES))


def test_yaml_has_the_verdict_of_json(tmp_path):
    """The same bytes."""
    (tmp_path / "x.yaml").write_text(documents(failing()))
    (tmp_path / "x.json").write_text(json.dumps(failing()))
    found = [call("check", tmp_path / f"x.{kind}", "--format", "json") for kind in ("yaml", "json")]
    assert found[0].stdout == found[1].stdout
    assert [one.exit_code for one in found] == [1, 1]


BOMB = "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n"


@pytest.mark.parametrize(
    "bad",
    [
        BOMB,
        "textPayload: !!python/object/apply:os.system [id]\n",
        "textPayload: !!binary aGVsbG8=\n",
        "a: [1, 2\nb: }\n",
        "a: " + "[" * 5000 + "\n",
        "".join(f"{' ' * n}a:\n" for n in range(1500)),
        "just text\n",
        "jsonPayload: {x: .nan, y: !!float .inf}\n",
        "? [a, b]\n: c\n",
        "a: \x01\n",
    ],
)
def test_a_bad_document_costs_only_itself(tmp_path, bad):
    """It is kept as text and counted; the entries around it are read."""
    whole = entry(1, textPayload="whole")
    path = tmp_path / "x.yaml"
    path.write_text(documents([whole]) + f"---\n{bad}" + documents([whole | {"insertId": "b"}]))
    found, report = rows(path)
    assert found["message"].to_list() == ["whole", None, "whole"]
    assert found["raw"].is_not_null().to_list() == [False, True, False]
    assert len(report.notes) == 1
    assert "1 YAML document" in report.notes[0]


def test_a_cut_file_is_known_by_its_last_document(tmp_path):
    """One that lacks the time that others have, or cannot be read."""
    text = documents([entry(1), entry(2)])
    for end, truncated in (
        (len(text), False),
        (text.rindex("timestamp:"), True),
        (text.rindex("service_name") + 9, True),
    ):
        path = tmp_path / "x.yaml"
        path.write_text(text[:end])
        assert rows(path)[1].truncated is truncated


def test_yaml_without_an_end_is_read_in_bounded_memory(tmp_path):
    """A document of 128 MiB, which is cut to 1 MiB."""
    path = tmp_path / "x.yaml"
    path.write_text(f"{documents([entry(1)])}---\ntextPayload: ")
    os.truncate(path, 128 << 20)
    code = (
        "import sys\nfrom pathlib import Path\nfrom pipeline.sources.files.reader import read, SourceReport\n"
        "report = SourceReport(sys.argv[1])\nn = sum(len(b.lines) for b in read(sys.argv[1], report=report))\n"
        "peak_kib = Path('/proc/self/status').read_text().partition('VmHWM:')[2].split()[0]\n"
        "print(n, report.cut, int(peak_kib) // 1024)"
    )
    found = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, timeout=60)
    n, cut, peak_mib = map(int, found.stdout.split())
    assert (n, cut) == (2, 1)
    assert peak_mib < 200


def attribute(key, value, kind="stringValue"):
    return {"key": key, "value": {kind: value}}


def otlp(*logs, resource=()):
    """A batch as the collector's file exporter writes it."""
    return {"resourceLogs": [{"resource": {"attributes": list(resource)}, "scopeLogs": [{"logRecords": list(logs)}]}]}


RESOURCE = [
    attribute("cloud.platform", "gcp_cloud_run"),
    attribute("cloud.account.id", "demo"),
    attribute("cloud.region", "europe-west1"),
    attribute("faas.name", "shop-api"),
    attribute("faas.version", "shop-api-00042-abc"),
    attribute("faas.instance", "00aa"),
]
LOGS = [
    {
        "timeUnixNano": "1768467600123456789",
        "observedTimeUnixNano": "1768467601000000000",
        "severityNumber": 17,
        "body": {"stringValue": "boom"},
        "attributes": [attribute("log.record.uid", "id1"), attribute("retry", "3", "intValue")],
        "traceId": "5b8efff798038103d269b633813fc60c",
        "spanId": "eee19b7ec3c1b174",
    },
    {
        "timeUnixNano": "1768467602000000000",
        "severityText": "Notice",
        "severityNumber": "SEVERITY_NUMBER_INFO2",
        "body": {"kvlistValue": {"values": [attribute("message", "hello"), attribute("n", "7", "intValue")]}},
    },
    {
        "observedTimeUnixNano": "1768467603000000000",
        "body": {"stringValue": ""},
        "attributes": [
            attribute("gcp.log_name", "run.googleapis.com/requests"),
            attribute("http.request.method", "GET"),
            attribute("url.full", "https://shop.run.app/api?x=1"),
            attribute("http.response.status_code", "503", "intValue"),
        ],
    },
]


@pytest.mark.parametrize("form", ["lines", "one line", "pretty", "array"])
def test_otlp_logs_are_entries(tmp_path, form):
    """Times with all digits, severity by number, bodies of both kinds, the resource's service and revision."""
    batches = [otlp(log, resource=RESOURCE) for log in LOGS]
    text = {
        "lines": "\n".join(map(json.dumps, batches)),
        "one line": json.dumps(otlp(*LOGS, resource=RESOURCE)),
        "pretty": json.dumps(otlp(*LOGS, resource=RESOURCE), indent=2),
        "array": json.dumps(batches),
    }[form]
    path = tmp_path / "x.json"
    path.write_text(text + "\n")
    found, report = rows(path)
    assert (found["raw"].null_count(), report.truncated, report.notes) == (3, False, [])
    assert found["timestamp_ns"].to_list() == [1768467600123456789, 1768467602000000000, 1768467603000000000]
    assert found["severity"].to_list() == ["ERROR", "NOTICE", "DEFAULT"]
    assert found["message"].to_list() == ["boom", "hello", None]
    assert found["insert_id"].to_list() == ["id1", None, None]
    assert set(found.select("project", "location", "workload", "service", "revision", "instance_id").iter_rows()) == {
        ("demo", "europe-west1", "service", "shop-api", "shop-api-00042-abc", "00aa")
    }
    assert json.loads(found["labels"][0]) == {"retry": "3", "instanceId": "00aa"}
    assert found.select("log_id", "http_status", "http_path").row(2) == ("run.googleapis.com/requests", 503, "/api")
    assert (found["trace"][0], found["span_id"][0]) == (LOGS[0]["traceId"], LOGS[0]["spanId"])


def test_an_otlp_job_and_what_is_no_log(tmp_path):
    """A task of a job by its attributes; traces, and attributes of other types, are kept as text."""
    job = [attribute("faas.name", "etl"), attribute("gcp.cloud_run.job.execution", "etl-x7k2p")]
    good = otlp({"timeUnixNano": "1768467600000000000", "body": {"stringValue": "loaded"}}, resource=job)
    bad = [{"resourceSpans": []}, otlp({"timeUnixNano": "never"}), {"resourceLogs": 7}, otlp(7)]
    path = tmp_path / "x.ndjson"
    path.write_text("\n".join(map(json.dumps, [good, *bad, good])) + "\n")
    found, _ = rows(path)
    jobs = found.filter(pl.col("raw").is_null()).select("workload", "service", "revision").unique().row(0)
    assert jobs == ("job", "etl", "etl-x7k2p")
    assert found["raw"].is_not_null().sum() >= 3


def test_otlp_is_judged(tmp_path):
    """Three exits within minutes, as the collector wrote them."""
    system = attribute("gcp.log_name", "run.googleapis.com/varlog/system")
    logs = [
        {
            "timeUnixNano": str(1768467600000000000 + second * 10**9),
            "severityNumber": 13,
            "body": {"stringValue": "Container called exit(1)."},
            "attributes": [system],
        }
        for second in (0, 30, 90)
    ]
    path = tmp_path / "x.json"
    path.write_text(json.dumps(otlp(*logs, resource=RESOURCE)))
    found = call("check", path)
    assert (found.exit_code, "crash loop" in found.stdout) == (1, True)


@pytest.mark.parametrize(
    ("head", "wanted"),
    [
        ("insertId: a\ntextPayload: b\nx: 1\n", True),  # two names of an entry, three in all
        ("insertId: a\nx: 1\ny: 2\n", False),
        ("insertId: a\ntextPayload: b\n", False),
        ("severity: INFO\ntextPayload: a\nlabels: {}\n", False),  # neither an id nor a log
        ("- insertId: a\n  textPayload: b\n  x: 1\n- insertId: b\n", True),
        ("---\ninsertId: a\nseverity: INFO\n---\nx: 1\n", False),  # of the first document
        ("\n\n---\ninsertId: a\r\nseverity: INFO\r\nlogName: b\r\n", True),
    ],
)
def test_what_is_taken_for_yaml(head, wanted):
    """By the names of the first entry."""
    assert is_yaml(head.encode()) is wanted


def test_lists_within_an_entry_part_nothing(tmp_path):
    """PyYAML and gcloud write them from the first column on."""
    entries = [entry(n, insertId=f"i{n}", textPayload="x", errorGroups=[{"id": "a"}, {"id": "b"}]) for n in range(3)]
    (tmp_path / "x.yaml").write_text(documents(entries))
    assert "\n- id: a\n- id: b\n" in (tmp_path / "x.yaml").read_text()
    found, report = rows(tmp_path / "x.yaml")
    assert (found["insert_id"].to_list(), report.notes) == (["i0", "i1", "i2"], [])
