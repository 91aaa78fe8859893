"""The readers of files at the borders of their limits, and where their guesses could go two ways."""

import json

import pytest

from pipeline.errors import SourceError
from pipeline.sources.files import yaml_documents
from pipeline.sources.files.explorer_csv import table_records
from pipeline.sources.files.framing import frame
from pipeline.sources.files.reader import read
from pipeline.sources.records import SourceReport

TIME = "2026-01-15T09:00:00Z"
REVISION = "shop-00001-abc"


def pieces(data, size):
    return [data[at : at + size] for at in range(0, len(data), size)]


def records(path):
    """The entries of a file, and how many of them were cut."""
    report = SourceReport(str(path))
    lines = [line for batch in read(str(path), report=report) for line in batch.lines]
    return [json.loads(line) for line in lines], report.cut


@pytest.mark.parametrize("size", [1, 7, 40, 1000])
@pytest.mark.parametrize("length", [59, 60])
def test_a_row_as_long_as_the_limit_is_whole(size, length):
    """Each of three, whose cells have line ends in them, in chunks of any size."""
    cell = "x\n" * (length - 6)
    rows = [f'a{n},"{cell[: length - 6]}"\n' for n in range(3)]  # with its line end as long as said
    table = "insertId,textPayload\n" + "".join(rows)
    report = SourceReport("x")
    found = [row for some in table_records(iter(pieces(table.encode(), size)), report, limit=60) for row in some]
    assert [json.loads(row)["textPayload"] for row in found] == [cell[: length - 6]] * 3
    assert report.cut == 0


@pytest.mark.parametrize(("more", "cuts"), [(0, 0), (1, 1)])
@pytest.mark.parametrize("first", [b"", b'{"insertId": "first", "text": 1},\n'])
def test_a_value_of_an_array_is_cut_above_the_limit(first, more, cuts):
    """The first, and one behind another."""
    value = b'{"insertId": "a", "text": "' + b"x" * (31 + more) + b'"}'
    report = SourceReport("x")
    found = [record for some in frame([b"[" + first + value + b"]"], report, limit=60) for record in some]
    assert (found[-1], report.cut) == (value[:60], cuts)


@pytest.mark.parametrize(("limit", "cuts"), [(45, 1), (46, 1), (47, 1), (67, 1), (68, 0)])
def test_a_yaml_document_is_cut_above_the_limit(limit, cuts):
    """Three lines of 22 characters and two line ends between them are 68."""
    text = f"insertId: {'a' * 12}\ntextPayload: {'b' * 9}\ntimestamp: {'c' * 11}"
    assert len(text) == 68
    report = SourceReport("x")
    found = list(yaml_documents._documents(iter([text.encode()]), limit, report))
    assert (found, report.cut) == ([text[:limit].encode()], cuts)


def test_a_yaml_list_in_flow_style_is_one_document(monkeypatch):
    """On one line, and longer than a document may be."""
    monkeypatch.setattr(yaml_documents, "MAX_FLOW_LIST", 100)
    text = b"[" + b", ".join(b"{insertId: a%d}" % n for n in range(6)) + b"]"
    assert 60 < len(text) <= 100
    assert list(yaml_documents._documents(iter(pieces(text, 7)), 60, SourceReport("x"))) == [text]


@pytest.mark.parametrize(("more", "cuts"), [(0, 0), (1, 1)])
def test_a_flattened_document_is_cut_above_a_mebibyte(tmp_path, more, cuts):
    """Its last line is missing then, and it counts."""
    start = f"insertId: a\nresource.labels.revision_name: {REVISION}\ntimestamp: {TIME}\n"
    end = "textPayload: last\n"
    label = "labels.long: " + "x" * ((1 << 20) - len(start) - len(end) - len("labels.long: \n") + more) + "\n"
    document = start + label + end
    path = tmp_path / "x.txt"
    path.write_text(f"---\n{document}---\n{document.replace(': a', ': b')}")
    found, cut = records(path)
    assert [one.get("textPayload") for one in found] == [None if cuts else "last"] * 2
    assert cut == 2 * cuts


def test_a_text_with_tabs_is_one_column(tmp_path):
    """The shortest row says how many columns there are; a severity before a tab is a part of the text."""
    path = tmp_path / "x.txt"
    path.write_text(f"{TIME}\t{REVISION}\tINFO\tstarted\n{TIME}\t{REVISION}\tERROR\n")
    found, _ = records(path)
    assert [(one.get("textPayload"), one.get("severity")) for one in found] == [
        ("INFO\tstarted", None),
        ("ERROR", None),
    ]


@pytest.mark.parametrize(("before", "entries", "strays"), [("\n \n", 2, 0), ("a\nb\n", 2, 2), ("a\nb\nc\n", 0, 0)])
def test_a_row_within_the_first_three_lines_makes_a_table(tmp_path, before, entries, strays):
    """Blank lines aside; what stands before it is text, and counted. Later, all of it is text."""
    path = tmp_path / "x.txt"
    path.write_text(before + f"{TIME}\t{REVISION}\thello\n" * 2)
    report = SourceReport(str(path))
    lines = [line for batch in read(str(path), report=report) for line in batch.lines]
    assert sum(line.startswith(b"{") for line in lines) == entries
    said = [note for note in report.notes if "outside of the rows" in note]
    assert said == [f"{strays} lines outside of the rows kept as text"] * bool(strays)


def test_equal_rows_of_a_table_are_numbered(tmp_path):
    """From 0 on, by their time: so they are two entries, and the same two in every run."""
    path = tmp_path / "x.txt"
    path.write_text(f"{TIME}\t{REVISION}\thello\n" * 2)
    found, _ = records(path)
    assert [one["insertId"].partition("-")[2] for one in found] == ["0", "1"]


@pytest.mark.parametrize(
    ("at", "magic", "name"),
    [
        (0, b"PK\x03\x04", "a zip archive"),
        (0, b"PK\x05\x06", "an empty zip archive"),
        (257, b"ustar", "a tar archive"),
        (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
        (0, b"BZh", "compressed by bzip2"),
        (0, b"\xfd7zXZ\x00", "compressed by xz"),
        (0, b"\x04\x22\x4d\x18", "compressed by lz4"),
        (0, b"PAR1", "a Parquet file"),
        (0, b"Obj\x01", "an Avro file"),
        (0, b"ORC", "an ORC file"),
        (0, b"%PDF-", "a PDF file"),
        (0, b"SQLite format 3\x00", "a SQLite database"),
    ],
)
def test_a_file_is_told_by_its_first_bytes(tmp_path, at, magic, name):
    """Which ones and where, as the formats' own documents say."""
    path = tmp_path / "x.log"
    path.write_bytes(b"\n" * at + magic + b" 1234567890\n")
    with pytest.raises(SourceError, match=name):
        records(path)
