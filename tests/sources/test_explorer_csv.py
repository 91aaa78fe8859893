"""Logs Explorer's CSV gives the entries that its JSON gives."""

import csv
import io
import json

import pytest
import zstandard

from pipeline.sources.files.explorer_csv import is_table
from pipeline.sources.files.reader import SourceReport, read
from pipeline.sources.log_entry import EntryReader

ENTRIES = [
    {
        "insertId": "aa01",
        "timestamp": "2026-01-15T09:00:00.123456789Z",
        "severity": "ERROR",
        "logName": "projects/example-project/logs/run.googleapis.com%2Frequests",
        "resource": {"labels": {"service_name": "shop-api", "revision_name": "shop-api-00042-abc"}},
        "labels": {"instanceId": "00aa", "run.googleapis.com/base": "x"},
        "httpRequest": {
            "requestMethod": "GET",
            "requestUrl": "https://shop.example.com/a,b",
            "status": "503",
            "latency": "0.25s",
        },
    },
    {
        "insertId": "aa02",
        "timestamp": "2026-01-15T09:00:01Z",
        "severity": "INFO",
        "logName": "projects/example-project/logs/run.googleapis.com%2Fstderr",
        "resource": {"labels": {"service_name": "shop-api", "revision_name": "shop-api-00042-abc"}},
        "textPayload": 'two\nlines, a comma, "quotes" and é',
    },
    {
        "insertId": "aa03",
        "timestamp": "2026-01-15T09:00:02Z",
        "severity": "INFO",
        "logName": "projects/example-project/logs/run.googleapis.com%2Fstdout",
        "resource": {"labels": {"service_name": "shop-api", "revision_name": "shop-api-00042-abc"}},
        "jsonPayload": {"message": "nested", "context": {"name": "api"}},
    },
]


def flat(value, prefix=""):
    """The leaves of an entry with dots between the levels, as the download has them."""
    if not isinstance(value, dict):
        return {prefix: value}
    found = {}
    for name, below in value.items():
        found |= flat(below, f"{prefix}.{name}" if prefix else name)
    return found


def as_csv(entries):
    rows = [flat(entry) for entry in entries]
    names = sorted({name for row in rows for name in row})
    text = io.StringIO()
    writer = csv.DictWriter(text, names)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def rows_of(path):
    report = SourceReport(str(path))
    lines = [line for batch in read(str(path), report=report) for line in batch.lines]
    with EntryReader() as reader:
        return reader.read(lines), report


def test_csv_gives_the_rows_of_json(tmp_path):
    """Column by column, commas, quotes, line ends and label names with dots included."""
    table, lines = tmp_path / "logs.csv", tmp_path / "logs.ndjson"
    table.write_bytes(as_csv(ENTRIES))
    lines.write_text("".join(json.dumps(entry) + "\n" for entry in ENTRIES))
    found, report = rows_of(table)
    wanted, _ = rows_of(lines)
    assert not report.truncated
    ignored = ("payload", "labels")  # key order is the table's
    assert found.drop(ignored).equals(wanted.drop(ignored))
    assert [json.loads(text or "{}") for text in found["payload"]] == [
        json.loads(text or "{}") for text in wanted["payload"]
    ]
    assert [json.loads(text or "{}") for text in found["labels"]] == [
        json.loads(text or "{}") for text in wanted["labels"]
    ]


@pytest.mark.parametrize(
    ("head", "wanted"),
    [
        (b'"insertId","timestamp","textPayload"\r\n', True),
        (b"severity,httpRequest.status\n", True),
        (b"a,b,c\n1,2,3\n", False),
        (b"textPayload\nonly one column\n", False),
        (b'[{"insertId": "a"},\n', False),
        (b"", False),
    ],
)
def test_a_table_is_told_by_its_header(head, wanted):
    """Two columns at least, one of them a field that only a LogEntry has."""
    assert is_table(head) == wanted


@pytest.mark.parametrize("cut", [0, 40])
def test_zstd_is_read_and_a_cut_file_gives_what_is_there(tmp_path, cut):
    """Two frames in one file; cut, the rest is lost and said to be."""
    lines = [json.dumps({**ENTRIES[1], "insertId": f"b{n:05d}"}).encode() + b"\n" for n in range(4000)]
    compressor = zstandard.ZstdCompressor()
    stored = compressor.compress(b"".join(lines[:2000])) + compressor.compress(b"".join(lines[2000:]))
    path = tmp_path / "logs.json.zst"
    path.write_bytes(stored[: len(stored) - cut])
    found, report = rows_of(path)
    assert report.truncated == bool(cut)
    assert found.height == 4000 if not cut else 2000 <= found.height < 4000
