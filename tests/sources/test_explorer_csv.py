"""Logs Explorer's CSV gives the entries that its JSON gives."""

import csv
import io
import json
from itertools import chain, repeat

import pytest
import zstandard

from pipeline.sources.files.explorer_csv import entry_of, is_table, table_records
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
        (b"exporting timestamp,severity,insertId\n", False),
        (b'timestamp,severity,textPayload\n{"insertId": "a"}\n', False),
        (b"Downloading 10%\rDownloading, timestamp\n", False),
        (b"insertId,timestamp,insertId\n", False),
        (b'insertId,"\'labels.""a-b""",timestamp\n', True),
        (b"insertId,timestamp,logName,newField.of.later\n", True),
        (b"name,address,timestamp,textPayload,age\n", False),
        (b"insertId,a,b,timestamp,c\n", False),
        (b"insertId,a,b,timestamp,logName\n", True),
        (b"insertId,timestamp,logName,a,b,c,d\n", True),
        (b"insertId,timestamp,logName,a,b,c,d,e\n", False),
        (b"insertId,timestamp,logName,trace,a,b,c,d\n", True),
        (b"insertId\r,timestamp\n", False),
        (b'insertId,"timestamp" x,severity\n', False),
    ],
)
def test_a_table_is_told_by_its_header(head, wanted):
    """Two columns at least, all of them names of fields, one of them a field that only a LogEntry has."""
    assert is_table(head) == wanted


HEADER = b"insertId,logName,textPayload\n"


def records_of(tmp_path, text):
    path = tmp_path / "logs.csv"
    path.write_bytes(text)
    report = SourceReport(str(path))
    return [line for batch in read(str(path), report=report) for line in batch.lines], report


@pytest.mark.parametrize(
    ("rows", "texts"),
    [
        (b"a,l,1\nb,l,2,3\nc,l,4\n", ["1", b"b,l,2,3", "4"]),
        (b"a,,1\n\n\r\nb,l,2\n", ["1", "2"]),
        (b"a,l,1\nb,l\nc,l,4\n", ["1", b"b,l", "4"]),
        (b"a,l,1,,\r\nb,l,2\r\n", ["1", "2"]),
        (b"a,l,he\rllo\nb,l,x\r\n", ["he\rllo", "x"]),
        (b'a,l,"open\nb,l,x\nc,l,y\n', [b'a,l,"open', "x", "y"]),
        (b'a,l,"open\nb,l,"x"\nc,l,"y\nz"\n', [b'a,l,"open', "x", "y\nz"]),
        (b'a,l,"x" y\nb,l,z\n', [b'a,l,"x" y', "z"]),
        (b'a,l,5" disk\nb,l,"say ""hi"", all"\n', ['5" disk', 'say "hi", all']),
        (b'(2 rows)\n{"insertId": "b"}\n', [b"(2 rows)", b'{"insertId": "b"}']),
        (HEADER + b"b,l,x\n", ["x"]),
        (b"a,l,\xff\0x\n", ["\ufffd\0x"]),
    ],
)
def test_rows_that_do_not_fit_cost_only_themselves(tmp_path, rows, texts):
    """Surplus and missing cells, quotes that stay open, carriage returns: kept as they stood, counted and said."""
    found, report = records_of(tmp_path, HEADER + rows)
    raw = [text for text in texts if isinstance(text, bytes)]
    assert [json.loads(line)["textPayload"] if line not in raw else line for line in found] == texts
    assert any(f"{len(raw)} row" in note for note in report.notes) == bool(raw)
    assert not report.truncated


def test_a_table_that_is_cut_in_a_row_is_truncated(tmp_path):
    """The end of the last row is missing."""
    for end in (b"b,pro", b'b,l,"never closed'):
        found, report = records_of(tmp_path, HEADER + b"a,l,1\n" + end)
        assert (found[1], report.truncated) == (end, True)


def test_long_rows_are_cut_and_open_quotes_do_not_hold_the_file_in_memory():
    """Chunk by chunk; a cell above the limit is cut, a quote that is open so long is taken for one that stays open."""
    text = HEADER + b"a,l," + b"x" * 5000 + b'\nb,l,"' + b"y\n" * 2500 + b'"\nc,l,z\n'
    for size in (1, 7, 900):
        report = SourceReport("-")
        chunks = (text[at : at + size] for at in range(0, len(text), size))
        found = [line for lines in table_records(chunks, report, limit=1000) for line in lines]
        assert (len(found[0]), found[1], found[2]) == (1000, b'b,l,"y', b"y")
        assert (json.loads(found[-1])["insertId"], report.cut, len(found)) == ("c", 1, 2503)


LIMIT = 60


def table(*chunks):
    """The rows of a table whose first chunk is its header, as JSON or as they stood, and what was met."""
    report = SourceReport("-")
    rows = [row for rows in table_records(chain([HEADER], chunks), report, limit=LIMIT) for row in rows]
    return [json.loads(row) if row.startswith(b"{") else row for row in rows], report


NEXT = {"insertId": "c", "logName": "l", "textPayload": "z"}


@pytest.mark.parametrize(
    "row",
    [b"a,l," + b"x" * 70, b'a,l,"' + b"x" * 70, b'a,l,"x" ' + b"y" * 70, b'a,l,"x", ' + b"y" * 70],
    ids=["plain", "open", "broken", "cells"],
)
def test_a_row_above_the_limit_is_cut_once_wherever_a_chunk_ends(row):
    """The next row is whole."""
    text = row + b"\nc,l,z\n"
    for border in range(1, len(text)):
        rows, report = table(text[:border], text[border:])
        assert (rows, report.cut, report.truncated) == ([row[:LIMIT], NEXT], 1, False)
        assert table(text[:border], *(text[at : at + 1] for at in range(border, len(text))))[0] == rows


@pytest.mark.parametrize("row", [b'a,l,"x" ' + b"y" * 52, b'a,l,"' + b"x" * 55, b"a,l,x," + b"y" * 54])
def test_a_row_that_does_not_fit_is_whole_up_to_the_limit(row):
    """As it stood."""
    assert len(row) == LIMIT
    text = row + b"\nc,l,z\n"
    for border in range(1, len(text)):
        rows, report = table(text[:border], text[border:])
        assert (rows, report.cut, report.truncated) == ([row, NEXT], 0, False)


def test_a_last_row_without_an_end_is_whole_up_to_the_limit():
    """Also where its cell has several lines and the last chunk ends with it."""
    row = b'a,l,"x\n' + b"y" * 52 + b'"'
    assert len(row) == LIMIT
    for border in range(1, len(row) + 1):
        assert table(row[:border], row[border:])[0] == [
            {"insertId": "a", "logName": "l", "textPayload": "x\n" + "y" * 52}
        ]


@pytest.mark.parametrize("row", [b"a,l,x\n", b'a,l,"x\ny"\n', b'a,l,"x" y\n', b"a\n", b"\n"])
def test_rows_are_given_while_the_stream_goes_on(row):
    """However long it is: of a hundred chunks that were read, at least half have been given."""
    read = []
    chunks = (read.append(chunk) or chunk for chunk in chain([HEADER], repeat(row + b"c,l,z\n")))
    given = 0
    for rows in table_records(chunks, SourceReport("-"), limit=LIMIT):
        given += len(rows)
        assert len(read) < 2000
        if len(read) >= 100:
            break
    assert given >= len(read) // 2


def test_an_empty_last_cell_and_text_that_is_repaired():
    """The row fits; its text is written as it stood, and counted where it is repaired."""
    rows, report = table("a,l,\nb,é,läden\n".encode(), b"c,\xff,\xff\nd,l,x\n")
    assert rows[:2] == [{"insertId": "a", "logName": "l"}, {"insertId": "b", "logName": "é", "textPayload": "läden"}]
    assert (rows[2]["textPayload"], len(rows), report.repaired_utf8) == ("\ufffd", 4, 1)
    written = [row for rows in table_records(iter([HEADER, "a,l,läden\n".encode()]), report) for row in rows]
    assert "läden".encode() in written[0]


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("labels.a", {"labels": {"a": "x"}}),
        ("labels.a.b/c", {"labels": {"a.b/c": "x"}}),
        ('labels."a.b"', {"labels": {"a.b": "x"}}),
        ('labels."a', {"labels": {'"a': "x"}}),
        ('labels.a"', {"labels": {'a"': "x"}}),
        ('labels."', {"labels": {'"': "x"}}),
        ('labels.""', {"labels": {"": "x"}}),
        ("resource.labels.a", {"resource": {"labels": {"a": "x"}}}),
        ('resource.labels."a.b"', {"resource": {"labels": {"a.b": "x"}}}),
        ("resource.type", {"resource": {"type": "x"}}),
        ('jsonPayload."a.b".c.d', {"jsonPayload": {"a.b": {"c": {"d": "x"}}}}),
        ("trace.a", {"trace.a": "x"}),
        ("jsonPayload", {"jsonPayload": "x"}),
    ],
)
def test_the_field_that_a_name_says(name, wanted):
    """Levels are parted by dots, but within quotes and in names of labels."""
    assert entry_of({name: "x"}) == wanted


def test_the_apostrophes_of_logs_explorer(tmp_path):
    """Before texts with signs that a spreadsheet may take for a formula stands one; labels are named in quotes."""
    plain = as_csv(ENTRIES)
    rows = list(csv.reader(io.StringIO(plain.decode(), newline="")))
    quoted = [["'" + cell if any(sign in cell for sign in '-@",:') else cell for cell in row] for row in rows]
    quoted[0] = ['\'labels."run.googleapis.com/base"' if "googleapis" in cell else cell for cell in quoted[0]]
    text = io.StringIO()
    csv.writer(text).writerows(quoted)
    assert all(start in text.getvalue() for start in ("'labels", "'2026"))
    assert records_of(tmp_path, text.getvalue().encode())[0] == records_of(tmp_path, plain)[0]


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
