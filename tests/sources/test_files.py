"""Files, folders, patterns and standard input become raw records: all of them, whatever frames or damages them."""

import gzip
import json
import os
import stat
import subprocess
import sys
import time
import tracemalloc
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import SourceError
from pipeline.sources.files.framing import frame
from pipeline.sources.files.reader import Batch, SourceReport, read, resolve, size

ROOT = Path(__file__).parents[2]


def read_all(path: Path | str, batch_bytes: int = 1 << 20) -> tuple[list[bytes], SourceReport]:
    report = SourceReport(str(path))
    batches = list(read(str(path), report=report, batch_bytes=batch_bytes))
    assert all(batch.lines and batch.source == str(path) for batch in batches)
    lines = [line for batch in batches for line in batch.lines]
    assert report.records == len(lines)
    return lines, report


def records_of(
    tmp_path: Path, content: bytes | str, batch_bytes: int = 1 << 20, name: str = "x.json"
) -> tuple[list[bytes], SourceReport]:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_all(path, batch_bytes)


def framed(text: bytes | str, *, limit: int = 64 << 20, chunk: int = 1 << 20) -> tuple[list[bytes], SourceReport]:
    data = text if isinstance(text, bytes) else text.encode()
    if chunk < len(data) and data.startswith((b"[", b"{")) and b"\n" not in data:
        data = b"[]\n" + data  # the first line is looked at as a whole, so chunks matter from the second on
    report = SourceReport("-")
    chunks = (data[at : at + chunk] for at in range(0, len(data), chunk))
    return [record for found in frame(chunks, report, limit=limit) for record in found], report


def entry(number: int, **more: Any) -> dict[str, Any]:
    return {
        "insertId": f"id{number}",
        "jsonPayload": {"message": 'said "hi" {x} [y] \\ ✓', "list": [{"id": 1}, {"id": 2}], "t": {"severity": "INFO"}},
        "labels": {},
        "logName": "projects/demo/logs/run.googleapis.com%2Fstdout",
        "timestamp": "2031-01-01T00:00:00Z",
        **more,
    }


ENTRIES = [entry(number) for number in range(5)]
FRAMINGS = {
    "lines": lambda items: "\n".join(map(json.dumps, items)),
    "lines with a last line end": lambda items: "".join(json.dumps(item) + "\n" for item in items),
    "lines with CR LF and blanks": lambda items: "\r\n \r\n\r\n".join(map(json.dumps, items)),
    "unescaped lines": lambda items: "\n".join(json.dumps(item, ensure_ascii=False) for item in items),
    "compact array": lambda items: json.dumps(items, separators=(",", ":")),
    "spaced array": json.dumps,
    "gcloud array": lambda items: json.dumps(items, indent=2) + "\n",
    "array with CR LF": lambda items: json.dumps(items, indent=2, ensure_ascii=False).replace("\n", "\r\n"),
    "array with tabs": lambda items: json.dumps(items, indent="\t"),
    "array without indentation": lambda items: json.dumps(items, indent=0),
    "array of an entry a line": lambda items: "[" + ",\n".join(map(json.dumps, items)) + "]",
    "array without commas": lambda items: "[" + " ".join(map(json.dumps, items)) + ",]",
    "an array for each": lambda items: "\n".join(json.dumps([item], indent=2) for item in items),
    "lines and then an array": lambda items: (
        "\n".join(map(json.dumps, items[:2])) + ("\n" + json.dumps(items[2:], indent=2)) * bool(items[2:])
    ),
    "concatenated": lambda items: "".join(map(json.dumps, items)),
    "concatenated, pretty": lambda items: "\n".join(json.dumps(item, indent=2) for item in items),
    "wrapper": lambda items: json.dumps(
        {"fetch_time": "x", "total": -1234.5e-3, "raw_logs": items, "done": True}, indent=2
    ),
    "wrapper of wrappers": lambda items: json.dumps({"n": {"ERROR": 50}, "by": {"INFO": [], "ERROR": items}}),
    "a wrapper a line": lambda items: "\n".join(json.dumps({"entries": [item], "next": "x"}) for item in items),
}

texts = st.text(alphabet=st.sampled_from('ab"\\{}[]:, \n\t\0\x1b✓😀'), max_size=12)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
entries = st.lists(
    st.builds(lambda i, p, s: entry(i, jsonPayload=p, severity=s), st.integers(0), values, texts), max_size=6
)


@pytest.mark.parametrize("name", FRAMINGS)
@pytest.mark.parametrize("batch_bytes", [1, 7, 64, 1 << 20])
def test_every_framing_gives_the_same_entries(tmp_path, monkeypatch, name, batch_bytes):
    """The entries come back in their order, whatever frames them and wherever a chunk ends."""
    monkeypatch.setattr("pipeline.sources.files.reader._HEADER", 1)  # else the start of a file is one chunk
    lines, report = records_of(tmp_path, FRAMINGS[name](ENTRIES), batch_bytes)
    assert [json.loads(line) for line in lines] == ENTRIES
    assert lines == [line.strip() for line in lines]
    assert not report.truncated
    assert report.bytes_read == (tmp_path / "x.json").stat().st_size
    assert (report.cut, report.repaired_utf8) == (0, 0)
    assert bool(report.notes) == ("wrapper" in name)


@settings(max_examples=150, deadline=None)
@given(items=entries, name=st.sampled_from(sorted(FRAMINGS)), chunk=st.integers(1, 200))
def test_the_framing_does_not_matter(items, name, chunk):
    """The law of the module: as many records as entries, each with the entry's value."""
    if name.startswith("an array for each") and not items:
        return
    text = FRAMINGS[name](items)
    lines, report = framed(text, chunk=chunk)
    if items:
        assert [json.dumps(json.loads(line)) for line in lines] == [json.dumps(item) for item in items]
        assert not report.truncated
    elif "wrapper" not in name:
        assert not lines


@settings(max_examples=50, deadline=None)
@given(items=entries.filter(bool), name=st.sampled_from(sorted(FRAMINGS)), members=st.integers(1, 4))
def test_compression_does_not_matter(tmp_path_factory, items, name, members):
    """One gzip member or several, under any name, give the records of the text."""
    text = FRAMINGS[name](items).encode()
    step = len(text) // members + 1
    packed = b"".join(gzip.compress(text[at : at + step]) for at in range(0, len(text), step))
    path = tmp_path_factory.mktemp("gz") / "plain.json"
    path.write_bytes(packed)
    lines, report = read_all(path)
    assert lines == framed(text)[0]
    assert report.bytes_read == len(packed)


@pytest.mark.parametrize(
    "content", [b"", b" \n\t\r\n ", b"[]", b"[\n]\n", b"\xef\xbb\xbf", gzip.compress(b"", mtime=0)]
)
def test_nothing_gives_nothing(tmp_path, content):
    """An empty file, blanks and an empty array hold no record, and are whole."""
    whole = SourceReport(str(tmp_path / "x.json"), bytes_read=len(content), form="JSON")
    assert records_of(tmp_path, content) == ([], whole)


def test_one_object_is_one_record(tmp_path):
    """A file of one entry, printed in any way, is that entry as it stands."""
    for text in (json.dumps(ENTRIES[0]), json.dumps(ENTRIES[0], indent=4)):
        assert records_of(tmp_path, f"\n{text}\n")[0] == [text.encode()]


@pytest.mark.parametrize(
    "shape", ["{}\n", "[{}]", "[\n  {}\n]\n", "[1, {}, null]", '{{"entries": [{}, {{"insertId": "z"}}]}}']
)
@pytest.mark.parametrize(
    "odd",
    [
        '{"insertId": "\\ud83d", "textPayload": "half a pair"}',
        '{"insertId": "a", "insertId": "b"}',
        '{"insertId": "a", "jsonPayload": {"x": NaN, "y": [Infinity, -Infinity]}}',
        '{"insertId": "a", "jsonPayload": {"x": %s}}' % ("9" * 5000),
        '{"insertId": "a", "jsonPayload": {"x": 1e999, "y": 0.1000000000000000055}}',
        '{"insertId": "a", "textPayload": "raw \0 NUL and \x1b[31m escape"}',
        '{"insertId": "a", "jsonPayload": ' + '{"x": ' * 200 + "1" + "}" * 200 + "}",
        '{"insertId": "a", "jsonPayload": ' + "[" * 100_000 + "1" + "]" * 100_000 + "}",
    ],
    ids=["surrogate", "twice", "nan", "digits", "floats", "control", "deep", "deepest"],
)
def test_odd_values_pass_as_they_stand(tmp_path, shape, odd):
    """What a strict reader refuses is framed all the same, and keeps its bytes."""
    lines, report = records_of(tmp_path, shape.format(odd))
    assert odd.encode() in lines
    assert not report.truncated
    assert len(lines) == {"[1": 3, "{{": 2}.get(shape[:2], 1)


def damages(text: str) -> list[str]:
    marks = '"{}[],:\\\n\0'
    places = range(1, len(text))
    return [
        *(text[:at] for at in places),
        *(text[:at] + text[at + 1 :] for at in places),
        *(text[:at] + mark + text[at:] for at in places for mark in marks),
    ]


LAYOUTS = {
    "compact array": ("[", ", ", "]", json.dumps),
    "dense array": ("[", ",", "]\n", json.dumps),
    "gcloud array": ("[\n  ", ",\n  ", "\n]\n", lambda item: json.dumps(item, indent=2).replace("\n", "\n  ")),
    "lines": ("", "\n", "\n", json.dumps),
    "concatenated": ("", "\n", "\n", lambda item: json.dumps(item, indent=2)),
    "wrapper": ('{"total": 5, "raw_logs": [', ", ", "]}", json.dumps),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("broken_at", "chunk", "step"), [(2, 1 << 20, 2), (0, 1 << 20, 7), (2, 61, 37)])
def test_a_broken_element_costs_only_itself(layout, broken_at, chunk, step):
    """An element cut, or shortened or lengthened by a character anywhere, leaves all the others whole."""
    first, between, last, dress = LAYOUTS[layout]
    elements = [dress(item) for item in ENTRIES]
    others = [element.encode() for at, element in enumerate(elements) if at != broken_at]
    heads_lost = [elements[broken_at][at:] for at in range(1, len(elements[broken_at]))] if broken_at else []
    for broken in [*damages(elements[broken_at]), *heads_lost][::step]:
        lines, _ = framed(
            first + between.join([*elements[:broken_at], broken, *elements[broken_at + 1 :]]) + last, chunk=chunk
        )
        assert [line for line in lines if line in others] == others, broken


def test_a_broken_element_is_one_record():
    """Elements that are no entries are told apart too, and the broken ones stand as they stood."""
    assert framed('[{"n":1},{"n":2,,},{"n":3}]')[0] == [b'{"n":1}', b'{"n":2,,}', b'{"n":3}']
    assert framed('[{"n":1}, {"n":2, "x": "a}, {"n":3}]')[0] == [b'{"n":1}', b'{"n":2, "x": "a}', b'{"n":3}']
    assert framed('[1, tru, "a", [2,,], 1.5x, null]')[0] == [b"1", b"tru", b'"a"', b"[2,,]", b"1.5x", b"null"]
    assert framed("[1.25,-3e10]", chunk=1)[0] == [b"1.25", b"-3e10"]
    assert framed('[{"insertId":"a"}, "[x"y, {"insertId":"b"}]')[0][1] == b'"[x"y'
    assert framed('[{"n":1}]\n  indented\n{"n":2}')[0] == [b'{"n":1}', b"  indented", b'{"n":2}']
    assert framed("{'n': 1}\n{'n': 2} foo\n{'n': 3}")[0] == [b"{'n': 1}", b"{'n': 2} foo", b"{'n': 3}"]
    assert framed('WARNING: old\n  indented\n[\n  {"n": 1}\n]\n')[0] == [b"WARNING: old", b"  indented", b'{"n": 1}']
    assert framed("[INFO] up\n[2031-01-01 10:00] {x}\n")[0] == [b"[INFO] up", b"[2031-01-01 10:00] {x}"]


def test_a_string_that_looks_like_a_border_is_none():
    """Text that an application logs cannot move the borders of entries, however its quotes are counted."""
    items = [
        {"insertId": "1", "textPayload": text}
        for text in ("2", "3", '"}, {', '}, {"', '\\"}, {"x', '"}]}, {"insertId"')
    ]
    for separator in (", ", ","):
        text = json.dumps(items * 3, separators=(separator, ":")).replace("}, {", "}" + separator + "{")
        assert [json.loads(line) for line in framed(text)[0]] == json.loads(text)


def test_a_bracket_at_the_end_of_a_chunk_closes_nothing_yet():
    """What follows a closing bracket decides whether it closed the element, so it is waited for."""
    for padding in range(40):
        broken = f'{{"insertId": oops {"." * padding} }} more" }}'
        for chunk in range(1, 40):
            lines, _ = framed(f'[{broken}, {{"insertId": "b"}}]', chunk=chunk)
            assert lines == [broken.encode(), b'{"insertId": "b"}']


def test_line_ends_inside_of_values_stay():
    """Values of several lines keep their bytes, also behind records of a line."""
    assert framed('{"n": 0}\r\n{\r\n  "n": 1\r\n}\r\n')[0] == [b'{"n": 0}', b'{\r\n  "n": 1\r\n}']


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            ['{"insertId":"a"}', '{"insertId":', '{"n":1}', "\n", "\r\n", " ", "\n  ", "tru", "12.5", *'{}[],:"\\x']
        )
    ).map("".join),
    st.integers(1, 9),
)
def test_chunks_do_not_matter_to_what_is_broken(text, chunk):
    """The borders found in any text depend on the text alone, and nothing but punctuation is left out."""
    for form in (text + "\n", "[]\n" + text):
        whole, report = framed(form)
        assert framed(form, chunk=chunk) == (whole, report)
        left_out = form.encode()
        for record in whole:
            before, found, left_out = left_out.partition(record)
            assert found
            assert not before.strip(b" \r\n,[]") or report.notes
        assert not left_out.strip(b" \r\n,[]") or report.notes


@pytest.mark.parametrize("layout", ["compact array", "gcloud array", "wrapper"])
@pytest.mark.parametrize("chunk", [1 << 20, 53])
def test_a_cut_array_gives_its_whole_elements_and_the_tail(layout, chunk):
    """Wherever the text ends, what was whole is whole, the rest is one last record, and truncated says so."""
    first, between, last, dress = LAYOUTS[layout]
    elements = [dress(item).encode() for item in ENTRIES[:3]]
    text = first.encode() + between.encode().join(elements) + last.encode()
    for end in range(text.index(elements[0]) + 12, text.rindex(b"]")):
        lines, report = framed(text[:end], chunk=chunk)
        whole = [element for element in elements if text.index(element) + len(element) <= end]
        assert lines[: len(whole)] == whole
        tail = text[text.index(whole[-1]) + len(whole[-1]) if whole else len(first) : end].lstrip(b" \n,").rstrip()
        assert lines[len(whole) :] == ([tail] if tail else [])
        assert report.truncated


@pytest.mark.parametrize(
    ("text", "truncated"),
    [
        ('{"a": 1}\n{"a": 2}', False),
        ('{"a": 1}\n{"a": 2', True),
        ('{"a": 1}\n{"a": 2\n', False),
        ('{"a": 1}\n{"a": 2}  ', False),
        ('{"a": 1}\n' + "[" * 5000 + "]" * 5000, False),
        ('{"a": 1}\n' + "[" * 5000 + "]" * 4999, True),
        ('{"a": 1', True),
        ('{"a": 1}\nhi', True),
        ("hi", False),
        ("The logs of March.\nAsk the team for more", False),
        ("x" * 4096, False),
        ("x" * 4097, True),
        ("shop started at 9:30 and th", True),
        ("2026-01-15 shop sta", True),
        ('"message": "hel', True),
        ("hi\x00", True),
    ],
)
def test_lines_are_truncated_where_the_last_one_is_cut(text, truncated):
    """A last line without a line end that is no JSON value was cut; it is given as it stands. A short note is none."""
    lines, report = framed(text)
    assert lines == [line.encode() for line in text.split("\n") if line]
    assert report.truncated is truncated


def test_a_line_is_not_parsed_but_kept():
    """Lines that are no objects, or no JSON, are records of their own between the entries."""
    lines = [
        b'{"a": 1}',
        b"5",
        b"[]",
        b"[1, 2]",
        b"null",
        b'"x"',
        b"{'a'}",
        b"  at f(x)",
        b"\0\0",
        b'{"a"',
        b'{"b": 2}',
    ]
    assert framed(b"\n".join(lines) + b"\n")[0] == lines


def test_wrapper_objects_give_what_their_lists_hold():
    """Counts and other members are no entries; snake_case dumps and broken entries inside are read as well."""
    text = json.dumps(
        {
            "fetch_time": "2031-01-01",
            "timezone": {"status": "found", "steps": [{"name": "a"}]},
            "logs_by_severity": {"ERROR": 50, "WARNING": 50},
            "grouped": {"ERROR": [{"insert_id": "a", "text_payload": "x"}], "NONE": [], "INFO": [{"log_name": "b"}]},
            "raw_logs": [{"timestamp": "2031", "severity": "INFO"}],
        },
        indent=2,
    )
    for chunk in (1, 1 << 20):
        lines, report = framed(text, chunk=chunk)
        assert [list(json.loads(line)) for line in lines] == [
            ["insert_id", "text_payload"],
            ["log_name"],
            ["timestamp", "severity"],
        ]
        assert len(report.notes) == 1
    broken = text.replace('"text_payload"', '"text_payload')
    assert [b"log_name" in line for line in framed(broken)[0]] == [False, True, False]


def test_objects_that_only_resemble_a_wrapper_are_records():
    """A LogEntry may hold lists of objects, and an object without entries in its lists is no wrapper."""
    for item in (
        {"insertId": "a", "jsonPayload": {"entries": [{"insertId": "b"}]}, "errorGroups": [{"insertId": "c"}]},
        {"logs_by_severity": {"ERROR": 50}, "entries": []},
        {"rows": [{"name": "a"}, {"name": "b"}]},
        {"a": {"b": {"c": {"d": {"e": [{"insertId": "x"}]}}}}},
    ):
        lines, report = framed(json.dumps(item))
        assert ([json.loads(line) for line in lines], report.notes) == ([item], [])


def test_a_wrapper_of_any_size_is_opened():
    """A wrapper longer than what is parsed at once gives its entries too, whole or cut."""
    items = [entry(number, textPayload="x" * 5000) for number in range(1200)]
    text = json.dumps({"fetch_time": "now", "total": len(items), "raw_logs": items}, indent=2)
    assert len(text) > 6 << 20
    lines, report = framed(text)
    assert [json.loads(line) for line in lines] == items
    assert not report.truncated
    lines, report = framed(text[:-3000])
    assert [json.loads(line) for line in lines[:-1]] == items[:-1]
    assert report.truncated


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("chunk", [17, 1000, 1999])
@pytest.mark.parametrize("limit", [2000, 2001])
def test_a_record_above_the_limit_is_cut(layout, limit, chunk):
    """Of a record that is too long its start is kept, the rest dropped, and the next one found."""
    first, between, last, dress = LAYOUTS[layout]
    items = [*ENTRIES[:2], entry(9, textPayload=('}, {"a": [' + "é" * 1000) * 5), *ENTRIES[3:]]
    elements = [dress(item).replace("\\u00e9", "é") for item in items]
    lines, report = framed(first + between.join(elements) + last, limit=limit, chunk=chunk)
    assert lines[:2] + lines[3:] == [element.encode() for at, element in enumerate(elements) if at != 2]
    assert limit - 2 < len(lines[2]) <= limit
    assert elements[2].startswith(lines[2].decode())
    assert (report.cut, report.repaired_utf8, report.truncated) == (1, 0, False)


def test_a_wrapper_longer_than_the_window():
    """Members beside the entries are passed over wherever a chunk ends, also inside a number."""
    numbers = {"n" * length: -1234.5e-3 for length in range(1, 30)}
    text = json.dumps({"x": {"m": 1e300}, "raw_logs": ENTRIES, **numbers, "ok": False})
    for chunk in (1, 2, 3):
        assert [json.loads(line) for line in framed(text, limit=600, chunk=chunk)[0]] == ENTRIES


@pytest.mark.full
def test_what_is_cut_is_not_held():
    """Behind the limit a record takes no more memory, be it a line, an element, a string or text between values."""
    for start in (
        '{"insertId": "a", "x": "',
        '[{"insertId": "a", "x": [',
        '[{"insertId": "a", "x": "',
        "[1]\ntext ",
        '{"a": 1}\n{"b": "',
    ):
        chunks = (b"9, " * 5000 for _ in range(5000))
        report = SourceReport("-")
        tracemalloc.start()
        records = [record for found in frame(chain([start.encode()], chunks), report, limit=50_000) for record in found]
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert (len(records[-1]), report.cut) == (50_000, 1)
        assert peak < 20_000_000


def test_a_long_line_that_is_an_array_is_one():
    """An array behind lines gives its elements, even where its line is longer than a record may be."""
    text = f'{{"insertId": "a"}}\n{json.dumps(ENTRIES)}\n{{"insertId": "b"}}'
    lines, report = framed(text, limit=500, chunk=100)
    assert [json.loads(line) for line in lines] == [{"insertId": "a"}, *ENTRIES, {"insertId": "b"}]
    assert report.cut == 0


def test_blanks_behind_a_record_above_the_limit():
    """However many blanks follow, and wherever a chunk ends in them, the end is found."""
    for blanks in (0, 1, 300, 3000):
        text = '[{"insertId": "a", "x": "' + "x" * 3000 + '"}' + " " * blanks + ', {"n": 1}, {"insertId": "b"}]'
        for chunk in (17, 290, 1000):
            lines, report = framed(text, limit=1000, chunk=chunk)
            assert (lines[1:], report.cut) == ([b'{"n": 1}', b'{"insertId": "b"}'], 1)


def test_text_above_the_limit_is_cut_to_its_line():
    """The same for text between values, before and after them."""
    for before, after in (("", ""), ('[{"insertId": "a"}]\n', '\n{"insertId": "b"}')):
        lines, report = framed(f"{before}{'w' * 5000}\nnext{after}", limit=100, chunk=33)
        assert [line for line in lines if b"insertId" not in line] == [b"w" * 100, b"next"]
        assert report.cut == 1


@pytest.mark.full
def test_the_limit_is_64_mib(tmp_path):
    """Entries of 65 MiB, as a line and as an element, are cut to 64 MiB."""
    huge = '{"insertId": "a", "textPayload": "' + "x" * (65 << 20) + '"}'
    for text in (
        f'{{"insertId": "b"}}\n{huge}\n{{"insertId": "c"}}\n',
        f'[{{"insertId": "b"}},{huge},{{"insertId": "c"}}]',
    ):
        lines, report = records_of(tmp_path, text)
        assert lines[0] == b'{"insertId": "b"}'
        assert lines[2] == b'{"insertId": "c"}'
        assert (len(lines), len(lines[1]), report.cut) == (3, 64 << 20, 1)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("chunk", [5, 1 << 20])
def test_invalid_utf8_is_replaced_and_counted(layout, chunk):
    """Only the records that hold it change; each is counted once."""
    first, between, last, _ = LAYOUTS[layout]
    elements = [
        b'{"insertId": "a", "textPayload": "\xe2\x9c\x93"}',
        b'{"insertId": "b\xff\xfe", "x": "\xed\xa0\xbd"}',
        b'{"insertId": "c"}',
    ]
    lines, report = framed(first.encode() + between.encode().join(elements) + last.encode(), chunk=chunk)
    assert lines == [element.decode(errors="replace").encode() for element in elements]
    assert report.repaired_utf8 == 1


def test_utf8_cut_at_the_end_of_the_file():
    """Half a character at the very end is replaced too."""
    lines, report = framed('{"a": 1}\n{"a": "✓'.encode()[:-1])
    assert lines[1] == '{"a": "\ufffd'.encode()
    assert (report.repaired_utf8, report.truncated) == (1, True)


@pytest.mark.parametrize("name", FRAMINGS)
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("batch_bytes", [1, 1 << 20])
def test_byte_order_marks(tmp_path, name, encoding, batch_bytes):
    """A UTF-8 mark is dropped, and UTF-16 with a mark (a PowerShell redirect) is read as text."""
    text = FRAMINGS[name](ENTRIES)
    content = (text if encoding == "utf-8-sig" else "\ufeff" + text).encode(encoding)
    lines, report = records_of(tmp_path, content, batch_bytes)
    assert lines == framed(text)[0]
    assert report.bytes_read == len(content)


def test_damaged_utf16(tmp_path):
    """Half a pair of surrogates is replaced and counted; half a character at the end means that the end is missing."""
    content = '\ufeff{"a": "\ud83d"}\n{"a": 2}\n'.encode("utf-16-le", "surrogatepass")
    lines, report = records_of(tmp_path, content + b"x")
    assert lines == ['{"a": "\ufffd\ufffd\ufffd"}'.encode(), b'{"a": 2}']
    assert (report.repaired_utf8, report.truncated) == (1, True)


def test_gzip_that_ends_early(tmp_path):
    """All that can be unpacked before the cut is given."""
    text = b"".join(b'{"insertId": "%d"}\n' % (number * 7919 % 10007) for number in range(20_000))
    packed = gzip.compress(text)
    for end in (len(packed) // 2, len(packed) - 1, len(packed) - 8, 20):
        lines, report = records_of(tmp_path, packed[:end], name="x.gz")
        assert text.startswith(b"\n".join(lines))
        assert report.truncated
        assert report.notes == ["the gzip data ends early"]
        assert len(lines) >= 19_000 * (end > len(packed) // 2) + 1_000 * (end > 20)


def test_gzip_that_is_damaged(tmp_path):
    """All before the damage is given, also where only the checksum is wrong or something else stands behind."""
    text = b"".join(b'{"insertId": "%d"}\n' % (number * 7919 % 10007) for number in range(20_000))
    packed = gzip.compress(text)
    middle = len(packed) // 2
    lines, report = records_of(tmp_path, packed[:middle] + b"\xff" * 40 + packed[middle + 40 :])
    same = sum(1 for got, want in zip(lines, text.split(b"\n"), strict=False) if got == want)
    assert same > 5_000
    assert report.truncated
    for content in (packed[:-8] + b"\0" * 8, packed + b"garbage"):
        lines, report = records_of(tmp_path, content)
        assert lines == text.splitlines()
        assert report.truncated
        assert report.notes == ["the gzip data is damaged; what stands behind the damage is lost"]
    lines, report = records_of(tmp_path, packed + b"\0" * 512 + packed + b"\0\0")
    assert (len(lines), report.truncated) == (40_000, False)


def test_a_growing_file_is_read_to_the_size_it_had(tmp_path):
    """What is appended while the file is read belongs to the next run."""
    path = tmp_path / "x.log"
    path.write_bytes(b'{"a": 1}\n' * 1000)
    report = SourceReport(str(path))
    batches = read(str(path), report=report, batch_bytes=100)
    first = next(batches)
    with path.open("ab") as file:
        file.write(b'{"a": 2}\n' * 1000)
    assert sum(len(batch.lines) for batch in [first, *batches]) == 1000
    assert report.bytes_read == 9000


def test_a_file_that_shrinks_is_truncated(tmp_path):
    """A file cut by its writer while it is read gives what was there."""
    path = tmp_path / "x.log"
    path.write_bytes(b'{"a": 1}\n' * 50_000)
    report = SourceReport(str(path))
    batches = read(str(path), report=report, batch_bytes=100)
    next(batches)
    os.truncate(path, 300_000)
    list(batches)
    assert report.truncated
    assert report.notes == ["the file became shorter while it was read"]


def test_batches_are_bounded_and_in_order(tmp_path):
    """A batch ends once it is large enough, and all together are the file."""
    path = tmp_path / "x.ndjson"
    path.write_bytes(b"".join(b'{"n": "%06d"}\n' % number for number in range(100_000)))
    batches = list(read(str(path), report=SourceReport(str(path)), batch_bytes=100_000))
    assert all(100_000 <= sum(map(len, batch.lines)) < 250_000 for batch in batches[:-1])
    assert [line for batch in batches for line in batch.lines] == path.read_bytes().splitlines()
    assert isinstance(batches[0], Batch)


@pytest.mark.full
@pytest.mark.parametrize("framing", ["lines", "gcloud array", "wrapper"])
def test_memory_does_not_grow_with_the_file(tmp_path, framing):
    """The peak for a file is that of a third of it."""
    peaks = []
    for count in (16_000, 48_000):
        path = tmp_path / f"{count}.json"
        path.write_text(FRAMINGS[framing]([entry(number) for number in range(count)]))
        tracemalloc.start()
        for _ in read(str(path), report=SourceReport(str(path)), batch_bytes=1 << 18):
            pass
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]


@pytest.mark.parametrize(
    "unit",
    [
        '{"insertId":[{},',
        '{"insertId":[{},{"a":' + "1" * 3000 + "},",
        '{"insertId":"a},',
        '{"insertId": tru},',
        '{"a":"b" x},',
        '[{"a":',
        "[[[[",
        '"x":{',
        "}{",
        '\\"',
        "],",
    ],
)
def test_hostile_text_takes_linear_time(unit):
    """Four times the text takes about four times as long, whatever it is made of."""

    def seconds(length: int) -> float:
        text = '[{"insertId":"a"},' + unit * (length // len(unit))
        start = time.process_time()
        framed(text, chunk=1 << 18)
        return time.process_time() - start

    seconds(10_000)
    assert seconds(1_000_000) < 10 * seconds(250_000) + 1


def test_nested_damage_is_not_scanned_over_and_over():
    """Starts of elements that each lie in the one before are found without reading all the rest for each."""

    def seconds(count: int) -> float:
        text = '[{"insertId":"a"},' + ('{"insertId":[1,' + "1" * 3000 + ",") * count
        start = time.process_time()
        records, _ = framed(text, chunk=1 << 18)
        assert len(records) == count + 1
        return time.process_time() - start

    seconds(10)
    assert seconds(1300) < 10 * seconds(325) + 1


def test_a_value_without_a_name_in_a_wrapper_costs_only_itself():
    """Behind it the next element is whole, and the wrapper ends where it ends."""
    records, report = framed('{"entries":[{"insertId":"a"}], 5, {"insertId":"b"}}')
    assert records == [b'{"insertId":"a"}', b"5", b'{"insertId":"b"}']
    assert not report.truncated


def test_folders_give_files_named_like_logs(tmp_path):
    """Recursive, sorted, without hidden files and folders."""
    kept = ["a.json", "b/c.NDJSON", "b/d.jsonl.gz", "b/e/f.log", "g.txt", "h.json.GZ"]
    for name in [*kept, "x.py", "y.json.bak", ".z.json", ".git/a.json", "b/noext"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert resolve([str(tmp_path)]) == [str(tmp_path / name) for name in kept]
    (tmp_path / "empty").mkdir()
    assert resolve([str(tmp_path / "empty")]) == []


def test_arguments_give_each_file_once(tmp_path, monkeypatch):
    """Order of the arguments, sorted within each, and one file under two names counts once."""
    for name in ("b.json", "a.json", "c.py", "sub/d.json", "[x].json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "link.json").symlink_to(tmp_path / "a.json")
    monkeypatch.chdir(tmp_path)
    assert resolve(["c.py", "-", "b.json", "-", "./b.json"]) == ["c.py", "-", "b.json"]
    assert resolve(["[ab].json", "link.json"]) == ["a.json", "b.json"]
    assert resolve(["[x].json"]) == ["[x].json"]
    assert resolve(["**/[cd].*"]) == ["c.py", "sub/d.json"]
    assert resolve(["s*"]) == ["sub/d.json"]
    assert resolve([str(tmp_path / "?.json")]) == [str(tmp_path / "a.json"), str(tmp_path / "b.json")]


@pytest.mark.parametrize("argument", ["missing.json", "missing/", "no*.json", "a.json/b"])
def test_what_matches_nothing_is_an_error(tmp_path, monkeypatch, argument):
    """A missing path and a pattern without a match say so, with a hint."""
    monkeypatch.chdir(tmp_path)
    Path("a.json").touch()
    with pytest.raises(SourceError) as caught:
        resolve([argument])
    assert caught.value.source == argument
    assert caught.value.reason in ("no such file or folder", "the pattern matches no file")
    assert caught.value.hint


def test_what_cannot_be_read_is_an_error(tmp_path):
    """A missing file, a folder and what is no file at all, in plain words."""
    os.mknod(tmp_path / "socket", stat.S_IFSOCK | 0o600)
    for source, reason in (
        (str(tmp_path / "x"), "no such file or folder"),
        (str(tmp_path), "is a folder, not a file"),
        (str(tmp_path / "socket"), "cannot be read: No such device or address"),
    ):
        with pytest.raises(SourceError) as caught:
            list(read(source, report=SourceReport(source)))
        assert (caught.value.source, caught.value.reason) == (source, reason)


@pytest.mark.skipif(os.name != "posix", reason="POSIX permissions")
def test_a_file_without_read_rights_is_an_error(tmp_path):
    """Denied, for a file and for a folder; as another user where the tests run as root."""
    (tmp_path / "logs").mkdir()
    for path, mode in ((tmp_path / "x.json", 0o600), (tmp_path / "logs", 0o700)):
        path.touch()
        path.chmod(0 if os.geteuid() else mode)
    program = f"""
import os, sys
sys.path.insert(0, {str(ROOT)!r})
from pipeline.errors import SourceError
from pipeline.sources.files.reader import SourceReport, read, resolve
os.chdir({str(tmp_path)!r})
if os.geteuid() == 0:
    os.seteuid(65534)
for attempt in (lambda: list(read("x.json", report=SourceReport("x.json"))), lambda: resolve(["logs"])):
    try:
        attempt()
    except SourceError as error:
        print(error.source, error.reason)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "x.json may not be read\nlogs may not be read\n"


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_standard_input(pack):
    """A pipe is read to its end, in every form."""
    program = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from pipeline.sources.files.reader import SourceReport, read, resolve, size
report = SourceReport("-")
lines = [line for source in resolve(["-"]) for batch in read(source, report=report) for line in batch.lines]
print(len(lines), report.records, report.bytes_read, size("-"))
"""
    content = pack(FRAMINGS["gcloud array"](ENTRIES).encode())
    done = subprocess.run([sys.executable, "-c", program], input=content, capture_output=True, check=True)
    assert done.stdout.split() == [b"5", b"5", str(len(content)).encode(), b"None"]


def test_a_named_pipe(tmp_path):
    """What a shell's <(…) gives is read to its end, though it has no size."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["sh", "-c", f"echo '{{\"a\": 1}}' > {pipe}"]):
        assert resolve([str(pipe)]) == [str(pipe)]
        assert size(str(pipe)) is None
        assert read_all(pipe)[0] == [b'{"a": 1}']


def test_size_is_that_on_disk(tmp_path):
    """Bytes as stored, so compressed where the file is; None where there is none."""
    path = tmp_path / "x.gz"
    path.write_bytes(gzip.compress(b"x" * 1000))
    assert size(str(path)) == path.stat().st_size < 1000
    assert size(str(tmp_path / "missing")) is None
    assert size("/dev/null") is None


@pytest.mark.full
@pytest.mark.parametrize("letter", [b" ", b"\n", b"x"])
def test_a_zstd_bomb_is_expanded_step_by_step(tmp_path, letter):
    """Some kilobytes that stand for 256 MiB: no chunk holds more than a step, and blanks are never collected."""
    path = tmp_path / "bomb.json.zst"
    with path.open("wb") as file, zstandard.ZstdCompressor(level=19).stream_writer(file) as writer:
        for _ in range(256):
            writer.write(letter * (1 << 20))
    assert path.stat().st_size < 10_000
    tracemalloc.start()
    lines, report = read_all(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert ([len(line) for line in lines], report.cut) == (([64 << 20], 1) if letter == b"x" else ([], 0))
    assert peak < (240 << 20 if letter == b"x" else 40 << 20)


def test_tiny_records_end_a_batch_by_their_number(tmp_path):
    """A row takes a kilobyte, be there ever so little in it."""
    path = tmp_path / "ones.json.gz"
    path.write_bytes(gzip.compress(b"1\n" * 200_000))
    sizes = [len(batch.lines) for batch in read(str(path), report=SourceReport(""))]
    assert sum(sizes) == 200_000
    assert max(sizes) < 200_000
