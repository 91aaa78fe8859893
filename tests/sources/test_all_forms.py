"""The same entries in every form that people have: one verdict, byte by byte, or what the form lacks is said."""

import csv
import gzip
import io
import json
import re
from functools import partial

import polars as pl
import pytest
import yaml
import zstandard
from polars.testing import assert_frame_equal

from pipeline.sources.files.reader import SourceReport, read
from pipeline.sources.log_entry import EntryReader
from tests.conftest import call, failing, line, stamp

#: Two revisions, a text of several lines, one with signs of every form, and JSON with levels.
ENTRIES = [
    *failing(),
    line(122, "Traceback (most recent call last):\n  File \"x.py\", line 1\nKeyError: 'a|b'"),
    line(123, 'läden 🏪, "quoted": {not: yaml} [x] | bar \\ back', severity="WARNING"),
    line(124, "started", revision="00041-aaa", severity="INFO"),
]
BY_NAME = [json.loads(json.dumps(each, sort_keys=True)) for each in ENTRIES]


def lines(entries, end="\n"):
    return "".join(json.dumps(each, ensure_ascii=False) + end for each in entries)


def snake(value):
    """The spelling of the client libraries, but for names of labels."""
    if not isinstance(value, dict):
        return value
    return {
        re.sub("[A-Z]", lambda capital: f"_{capital[0].lower()}", name): below if name == "labels" else snake(below)
        for name, below in value.items()
    }


def leaves(value, prefix=""):
    if not isinstance(value, dict):
        return {prefix: str(value)}
    return {
        name: leaf
        for key, below in value.items()
        for name, leaf in leaves(below, f"{prefix}.{key}" if prefix else key).items()
    }


def explorer(mark=""):
    rows = [leaves(each) for each in ENTRIES]
    names = sorted({name for row in rows for name in row})
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([[mark * ("-" in row.get(name, "")) + row.get(name, "") for name in names] for row in rows])
    return file.getvalue()


def flow(**more):
    return yaml.safe_dump(BY_NAME, allow_unicode=True, default_flow_style=True, **more)


def flow_each(start):
    texts = [yaml.safe_dump(each, allow_unicode=True, default_flow_style=True) for each in BY_NAME]
    return "".join(start + text.replace("\n", "\n  ").rstrip(" ") for text in texts)


def flattened():
    return "".join(
        "---\n" + "".join(f"{name + ':':40} {text}\n" for name, text in leaves(each).items()) for each in ENTRIES
    )


def members():
    half = len(ENTRIES) // 2
    return gzip.compress(lines(ENTRIES[:half]).encode()) + gzip.compress(lines(ENTRIES[half:]).encode())


WHOLE = {
    "lines": lambda: lines(ENTRIES),
    "lines with CRLF": lambda: lines(ENTRIES, "\r\n"),
    "lines with commas": lambda: lines(ENTRIES, ",\n"),
    "lines with blank ones": lambda: lines(ENTRIES, "\n\n"),
    "lines in UTF-16": lambda: lines(ENTRIES).encode("utf-16"),
    "lines behind a byte order mark": lambda: lines(ENTRIES).encode("utf-8-sig"),
    "lines in gzip": lambda: gzip.compress(lines(ENTRIES).encode()),
    "lines in two members of gzip": members,
    "lines in zstd": lambda: zstandard.compress(lines(ENTRIES).encode()),
    "array": lambda: json.dumps(ENTRIES),
    "array in ASCII": lambda: json.dumps(ENTRIES, ensure_ascii=True),
    "array, indented": lambda: json.dumps(ENTRIES, indent=2),
    "array, a line each": lambda: "[" + lines(ENTRIES, ",\n").rstrip(",\n") + "\n]\n",
    "values one after the other": lambda: "".join(json.dumps(each, indent=2) for each in ENTRIES),
    "answer of entries.list": lambda: json.dumps({"entries": ENTRIES, "nextPageToken": ""}),
    "wrapped twice": lambda: json.dumps({"result": {"rows": ENTRIES}}),
    "snake case": lambda: lines(map(snake, ENTRIES)),
    "keys by name": lambda: lines(BY_NAME),
    "the newest first": lambda: lines(ENTRIES[::-1]),
    "twice": lambda: lines(ENTRIES) * 2,
    "YAML documents": lambda: yaml.safe_dump_all(BY_NAME, allow_unicode=True),
    "YAML list": lambda: yaml.safe_dump(BY_NAME, allow_unicode=True),
    "YAML with its ends": lambda: yaml.safe_dump_all(BY_NAME, allow_unicode=True, explicit_end=True),
    "flow style, documents": partial(flow_each, "---\n"),
    "flow style, items": partial(flow_each, "- "),
    "flow style, one after the other": partial(flow_each, ""),
    "flow style, list": flow,
    "flow style, list in one line": partial(flow, width=1 << 30),
    "CSV of Logs Explorer": explorer,
    "CSV of Logs Explorer with apostrophes": partial(explorer, "'"),
    "flattened": flattened,
}


def rows(tmp_path, content):
    """The entries of a file, each once, by their key; and what was met."""
    path = tmp_path / "x.log"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    report = SourceReport(str(path))
    with EntryReader() as reader:
        frames = [reader.read(batch.lines) for batch in read(str(path), report=report)]
    return pl.concat(frames).unique(maintain_order=True).sort("timestamp_ns", "insert_id"), report


@pytest.mark.parametrize("form", WHOLE)
def test_the_same_entries_in_all_forms(tmp_path, form):
    """Every column, and no complaint."""
    wanted, _ = rows(tmp_path, lines(ENTRIES))
    given, report = rows(tmp_path, WHOLE[form]())
    assert_frame_equal(given, wanted)
    assert (report.truncated, report.cut) == (False, 0)
    assert all("wrapper object" in note for note in report.notes)


def judged(tmp_path, content):
    path = tmp_path / "x.log"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return call("check", path, "--format", "json")


FEW = ("flow style, list", "flattened", "CSV of Logs Explorer with apostrophes", "the newest first")


@pytest.mark.parametrize("form", [pytest.param(form, marks=[] if form in FEW else pytest.mark.full) for form in WHOLE])
def test_one_verdict_in_all_forms(tmp_path, form):
    """The same bytes; what the JSON gives is written once."""
    wanted = judged(tmp_path, lines(ENTRIES))
    given = judged(tmp_path, WHOLE[form]())
    assert given.exit_code == wanted.exit_code == 1
    assert given.stdout == wanted.stdout


#: Columns as --format=table and value have them; a row without an insertId is known by its bytes.
HEADINGS = {
    "TIMESTAMP": "timestamp",
    "SEVERITY": "severity",
    "REVISION_NAME": "resource.labels.revision_name",
    "STATUS": "httpRequest.status",
    "REQUEST_METHOD": "httpRequest.requestMethod",
    "REQUEST_URL": "httpRequest.requestUrl",
    "LATENCY": "httpRequest.latency",
    "TEXT_PAYLOAD": "textPayload",
}


def cells(entries):
    return [[leaves(each).get(path, "") for path in HEADINGS.values()] for each in entries]


def table(entries, *, boxed=False, wide=0):
    """As gcloud pads it; wide: so many characters further, as where a cell is as long elsewhere."""
    given = [list(HEADINGS), *cells(entries)]
    widths = [max(len(row[at].split("\n")[0]) for row in given) + wide for at in range(len(HEADINGS))]
    padded = [[cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in given]
    if not boxed:
        return "".join("  ".join(row).rstrip() + "\n" for row in padded)
    rule = "+" + "+".join("-" * (width + 2) for width in widths) + "+\n"
    rows = ["| " + " | ".join(row) + " |\n" for row in padded]
    return rule + rows[0] + rule + "".join(rows[1:]) + rule


def gcloud_csv(entries):
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows([[name.lower() for name in HEADINGS], *cells(entries)])
    return file.getvalue()


def values(entries, order=None):
    return "".join("\t".join(row[at] for at in order or range(len(HEADINGS))) + "\n" for row in cells(entries))


#: Without the text of several lines, which boxes cannot hold.
SHORT = [each for each in ENTRIES if "\n" not in each.get("textPayload", "")]
PARTS = {
    "table": lambda: (ENTRIES, table(ENTRIES)),
    "table, wide": lambda: (ENTRIES, table(ENTRIES, wide=7)),
    "table, headings again": lambda: (ENTRIES, table(ENTRIES) + table(ENTRIES).split("\n")[0] + "\n"),
    "table in boxes": lambda: (SHORT, table(SHORT, boxed=True).replace("|  |", "|  |")),
    "values": lambda: (ENTRIES, values(ENTRIES)),
    "values, the text first but one": lambda: (SHORT, values(SHORT, (0, 2, 1, 7, 3, 4, 5, 6))),
    "values with CRLF": lambda: (ENTRIES, values(ENTRIES).replace("\n", "\r\n")),
    "values in gzip": lambda: (ENTRIES, gzip.compress(values(ENTRIES).encode())),
    "gcloud's CSV": lambda: (ENTRIES, gcloud_csv(ENTRIES)),
}

#: What these columns hold of an entry.
HELD = ("timestamp_ns", "severity", "service", "revision", "message", "http_status", "http_latency_ms", "http_path")


@pytest.mark.parametrize("form", PARTS)
def test_columns_give_what_they_hold(tmp_path, form):
    """Times, severities, revisions, texts and requests; the rest is said to be missing."""
    entries, content = PARTS[form]()
    wanted, _ = rows(tmp_path, lines(entries))
    given, report = rows(tmp_path, content)
    order = ("timestamp_ns", "revision", "message")
    assert_frame_equal(given.select(HELD).sort(order), wanted.select(HELD).sort(order))
    if "CSV" not in form:
        assert report.notes == ["its columns have no names of logs, instances; --format=json has all"]
    if form not in ("table", "values"):
        return
    shown = json.loads(judged(tmp_path, content).stdout)
    original = json.loads(judged(tmp_path, lines(entries)).stdout)
    for key in ("verdict", "risk", "revision", "baseline", "headline"):
        assert shown[key] == original[key]


def test_equal_rows_stay_apart_and_a_file_read_twice_is_one(tmp_path):
    """Five equal lines of one second are five entries."""
    text = table([*ENTRIES, *([line(130, "again")] * 5)])
    (tmp_path / "a.txt").write_text(text)
    (tmp_path / "b.txt").write_text(text)
    call("check", tmp_path / "a.txt", tmp_path / "b.txt", "--out", tmp_path / "out")
    totals = json.loads((tmp_path / "out/summary.json").read_text())["totals"]
    assert (totals["kept"], totals["duplicates"]) == (len(ENTRIES) + 5, len(ENTRIES) + 5)


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        (f"noise\n{values(ENTRIES[-1:])}", ["started"]),
        (f"{values(ENTRIES[-1:])}\n  more\n\n", ["started\n\n  more"]),
        (table(SHORT[-2:]).replace("läden", "漢字"), ['漢字 🏪, "quoted": {not: yaml} [x] | bar \\ back', "started"]),
        ("TIMESTAMP  REVISION_NAME  PAYMENT_ID  MESSAGE\n" + f"{stamp(0)}  shop-api-00001-abc  7  paid\n", ["paid"]),
    ],
    ids=["a line before", "lines behind", "wide characters", "a column of another name"],
)
def test_rows_and_what_stands_between(tmp_path, text, messages):
    """Nothing is lost."""
    given, _ = rows(tmp_path, text)
    assert given.filter(pl.col("raw").is_null())["message"].to_list() == messages


def test_a_column_that_fills_late_is_kept(tmp_path):
    """Its field cannot be told from rows in which it is empty."""
    given, report = rows(tmp_path, values(ENTRIES[-1:] * 3000) + values(ENTRIES[1:2]))
    assert any("200" in labels for labels in given["labels"].drop_nulls())
    assert any("kept as a label" in note for note in report.notes)


def test_a_text_without_an_end_is_cut(tmp_path):
    """At 1 MiB, and counted; the next row is read."""
    given, report = rows(tmp_path, values(ENTRIES[-1:]) + "x\n" * (1 << 20) + values(ENTRIES[-1:]))
    assert (given.height, report.cut, report.records) == (2, 1, 2)


def test_forms_of_one_folder_are_one_log(tmp_path):
    """Parts of a window in seven forms, and what was met in each."""
    third = len(ENTRIES) // 3
    for name, content in {
        "a.json": json.dumps(ENTRIES[:third]),
        "b.yaml": yaml.safe_dump_all(BY_NAME[third : 2 * third], allow_unicode=True),
        "c.log": lines(ENTRIES[2 * third :]),
        "d.txt": table(ENTRIES[:0]),
    }.items():
        (tmp_path / name).write_text(content)
    call("check", tmp_path, "--out", tmp_path / "out")
    summary = json.loads((tmp_path / "out/summary.json").read_text())
    assert [each["form"] for each in summary["inputs"]] == ["JSON", "YAML", "JSON", "gcloud table"]
    assert summary["totals"]["kept"] == len(ENTRIES)
