"""YAML of gcloud: which entries it holds, where documents and lines end, and what is cut."""

import pytest

from pipeline.sources.files.yaml_documents import _documents, is_yaml, lines_of, yaml_records
from pipeline.sources.records import SourceReport


def read(text, size=1 << 20, **more):
    """The records of a text in chunks of a size, and what was met."""
    data, report = text.encode(), SourceReport("x")
    chunks = iter([data[at : at + size] for at in range(0, len(data), size)])
    return [record.decode() for some in yaml_records(chunks, report, **more) for record in some], report


@pytest.mark.parametrize(
    ("head", "wanted"),
    [
        ("{insertId: a, textPayload: b}", True),
        ("[{insertId: a}]", True),
        ("[\n{ insertId: a}]", True),
        ("- {insertId: a}\n", True),
        ("---\n{logName: a}\n", True),
        ("{message: x}\ninsertId: a\nlogName: b\nseverity: c\n", False),
        ("[x]\ninsertId: a\nlogName: b\nseverity: c\n", False),
        ('{"insertId": "a"}\n', False),
        ("- insertId: a\n- textPayload: b\n  logName: c\n", False),  # of the first item
        ("- textPayload: b\n  insertId: a\n  x: 1\n", True),
        ("insertId: a\nx: 1\ny: 2\n", False),
        ("insertId: a\ntextPayload: b\n", False),
        ("insertId: a\ntextPayload: b\nx: 1\n", True),
        ("insertId: a\nlogName: b\nseverity:\n", True),
        ("insertId: a\nlogName: b\nseverity:x\n", False),
        ("", False),
    ],
)
def test_which_text_is_yaml(head, wanted):
    """By its first entry, also in braces."""
    assert is_yaml(head.encode()) is wanted


@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("insertId: ä\n", ['{"insertId": "ä"}']),  # as it is written, which is shorter than its escape
        ("textPayload: 12\nseverity: 500\n", ['{"textPayload": "12", "severity": "500"}']),
        ("insertId: true\ntrace: 0.5\n", ['{"insertId": "true", "trace": "0.5"}']),
        ("textPayload: null\nlabels: {a: 1}\nn: 2\n", ['{"textPayload": null, "labels": {"a": 1}, "n": 2}']),
        ("textPayload: [1]\nspanId: 1.50\n", ['{"textPayload": [1], "spanId": "1.5"}']),
        ("insertId: a\n---\ninsertId: b\n", ['{"insertId": "a"}', '{"insertId": "b"}']),
        ("--- \ninsertId: a\n---  \n\n---\r\ninsertId: b\r\n", ['{"insertId": "a"}', '{"insertId": "b"}']),
        ("--- {insertId: a}\n---  {insertId: b}\n", ['{"insertId": "a"}', '{"insertId": "b"}']),
        ("--- - insertId: a\n- insertId: b\n", ['{"insertId": "a"}', '{"insertId": "b"}']),
        ("---x: 1\n", ['{"---x": 1}']),
        ("- insertId: a\n- insertId: b\n  l:\n  - c\n", ['{"insertId": "a"}', '{"insertId": "b", "l": ["c"]}']),
        ("insertId: a\nl:\n- c\n- d\n", ['{"insertId": "a", "l": ["c", "d"]}']),
        ("\n\n{insertId: a}\n{insertId: b}\n", ['{"insertId": "a"}', '{"insertId": "b"}']),
        ("[{insertId: a},\n{insertId: b}]\n", ['{"insertId": "a"}', '{"insertId": "b"}']),
        ("- insertId: a\n- null\n- \n- insertId: b", ['{"insertId": "a"}', '{"insertId": "b"}']),
        ("textPayload: a *b c\n", ['{"textPayload": "a *b c"}']),
        ("[]\n", []),
        ("null\n", []),
        ("\n \n", []),
        ("", []),
    ],
)  # fmt: skip
def test_entries_of_documents_and_lists(size, text, wanted):
    """Each once, and nothing is missing at the end."""
    found, report = read(text, size)
    assert (found, report.truncated, report.cut, report.notes) == (wanted, False, 0, [])


@pytest.mark.parametrize(
    ("text", "truncated", "broken"),
    [
        ("insertId: a\n---\ninsertId: b\n", False, 0),  # none has a time
        ("timestamp: a\n---\ninsertId: b\n", True, 0),
        ("insertId: a\n---\ntimestamp: b\n", False, 0),
        ("timestamp: a\n---\ntimestamp: b\n---\ntimestamp: c\n", False, 0),
        ("timestamp: a\n---\ninsertId: b\n---\ntimestamp: c\n", False, 0),
        ("timestamp: a\n---\na: [\n", True, 1),
        ("a: !!float .inf\n", True, 1),
        ("a: &x b\nc: *x\n", True, 1),
        ("a: [\n---\na: ]\n---\ntimestamp: a\n", False, 2),
        ("[{timestamp: a}, {insertId: b}]", False, 0),
        ("timestamp: a\n---\n[{timestamp: a}, {insertId: b}]", True, 0),
        ("timestamp: a\n---\n[{insertId: b}, {timestamp: a}]", False, 0),
    ],
)
def test_the_last_entry_says_whether_the_end_is_missing(text, truncated, broken):
    """Where it cannot be read, or lacks the time that one before has."""
    _, report = read(text)
    assert (report.truncated, len(report.notes)) == (truncated, bool(broken))
    assert all(f"{broken} YAML document" in note for note in report.notes)


@pytest.mark.parametrize(
    ("start", "length", "cuts"),
    [
        ("insertId: ", 1 << 20, 0),
        ("insertId: ", (1 << 20) + 1, 1),
        ("[{insertId: a}, x", 16 << 20, 0),
        ("[{insertId: a}, x", (16 << 20) + 1, 1),
    ],
)
def test_the_longest_document(start, length, cuts):
    """1 MiB, and 16 MiB in brackets; what follows it is whole."""
    data, report = f"{start}{'y' * (length - len(start))}\n---\ninsertId: b\n".encode(), SourceReport("x")
    chunks = iter([data[at : at + (8 << 20)] for at in range(0, len(data), 8 << 20)])
    found = list(_documents(chunks, 1 << 20, report))
    assert ([len(text) for text in found], report.cut) == ([length - cuts, 11], cuts)


@pytest.mark.parametrize(("blank", "cuts"), [(1 << 19, 0), (1 << 20, 1), (2 << 20, 1)])
def test_a_document_whose_text_stands_behind_blank_lines(blank, cuts):
    """It counts as cut where some of its text is lost."""
    found, report = read("insertId: a\nlogName: b\nseverity: x\n" + "\n" * blank + "textPayload: c\n---\ninsertId: b\n")
    assert (len(found), report.cut) == (2, cuts)
    assert ("textPayload" in found[0]) == (not cuts)


def test_a_document_behind_a_separator_may_be_as_long():
    """The separator is no part of it."""
    document, report = b"insertId: abcd\nseverity: abc", SourceReport("x")
    found = list(_documents(iter([document + b"\n---\n" + document]), len(document), report))
    assert (found, report.cut) == ([document] * 2, 0)


@pytest.mark.parametrize(("limit", "cuts"), [(15, 2), (16, 2), (17, 2), (31, 2), (32, 0)])
def test_each_item_is_cut_above_the_limit(limit, cuts):
    """Counted also where what is left ends with a line. Two lines of 16 and 15 characters, twice."""
    item, report = b"- insertId: abcd\n  severity: abc", SourceReport("x")
    found = list(_documents(iter([item + b"\n" + item]), limit, report))
    assert ([text.rstrip() for text in found], report.cut) == ([item[:limit].rstrip()] * 2, cuts)


def test_a_long_document_is_cut_by_default():
    """Above 1 MiB, without being named a limit."""
    for length, cuts in ((1 << 20, 0), ((1 << 20) + 1, 1)):
        assert read("insertId: " + "y" * (length - 10))[1].cut == cuts


@pytest.mark.parametrize(
    ("chunks", "lines"),
    [
        ([b"abcd", b"ef\ngh"], [b"abcdef", b"gh"]),
        ([b"abcde", b"f\ngh"], [b"abcde", b"f", b"gh"]),
        ([b"abcdefgh\nij\n"], [b"abcdefgh", b"ij", b""]),
        ([b"a\r", b"\nb\r\r\n"], [b"a", b"b\r", b""]),
        ([], [b""]),
    ],
)
def test_lines_longer_than_the_limit_come_in_parts(chunks, lines):
    """Only above it, and where they do not end with their chunk."""
    assert list(lines_of(iter(chunks), 4)) == lines
