"""Columns as gcloud prints them: which texts are such a table, what each column is, and where rows and texts end."""

import json
import tracemalloc
from itertools import chain

import pytest

from pipeline.errors import SourceError
from pipeline.sources.files.reader import records_of
from pipeline.sources.records import SourceReport

TIME, LATER = "2026-01-15T09:00:00Z", "2026-01-15T09:00:01.5Z"
REVISION = "shop-00001-abc"
RESOURCE = {"type": "cloud_run_revision", "labels": {"revision_name": REVISION}}
MEBIBYTE = 1 << 20


def read(text):
    """The entries of a text, what was kept as text, and what was met."""
    report = SourceReport("x")
    records = [record.decode() for some in records_of(iter([text.encode()]), report) for record in some]
    entries = [json.loads(record) for record in records if record.startswith("{")]
    return entries, [record for record in records if not record.startswith("{")], report


def without_ids(text):
    """The entries of a text that is all entries, and no insertId of theirs."""
    entries, kept, _ = read(text)
    assert kept == []
    return [{key: value for key, value in each.items() if key != "insertId"} for each in entries]


def entry(time=TIME, **more):
    return {"timestamp": time, "resource": RESOURCE, **more}


@pytest.mark.parametrize(
    ("rows", "wanted"),
    [
        ([(TIME, REVISION, "up")], [entry(textPayload="up")]),
        ([(REVISION, TIME, "up")], [entry(textPayload="up")]),
        (
            [(TIME, "up", REVISION), (LATER, "down", REVISION)],
            [entry(textPayload="up"), entry(LATER, textPayload="down")],
        ),
        ([(TIME, LATER, REVISION, "up")], [entry(receiveTimestamp=LATER, textPayload="up")]),
        ([(TIME, REVISION, "", "up")], [entry(textPayload="up")]),
        ([(TIME, REVISION, "503", "0.25s", "")], [entry(httpRequest={"status": "503", "latency": "0.25s"})]),
        (
            [(TIME, REVISION, "up", ""), (LATER, REVISION, "", '{"n": 1}')],
            [entry(textPayload="up"), entry(LATER, jsonPayload={"message": '{"n": 1}'})],
        ),
        (
            [(TIME, REVISION, "shop", "up"), (LATER, REVISION, "", "down")],
            [
                {
                    "timestamp": TIME,
                    "resource": {**RESOURCE, "labels": {"revision_name": REVISION, "service_name": "shop"}},
                }
                | {"textPayload": "up"},
                entry(LATER, textPayload="down"),
            ],
        ),
    ],
)
def test_what_the_columns_of_values_are(rows, wanted):
    """By what stands in them, in any order; the one that is the revision's start is the service."""
    assert without_ids("".join("\t".join(row) + "\n" for row in rows)) == wanted


@pytest.mark.parametrize("row", [(TIME, "up"), (TIME, REVISION, "up", "and down"), (TIME, TIME, TIME, REVISION, "up")])
def test_values_whose_columns_are_not_clear_are_refused(row):
    """No revision, two texts in a row, or three times."""
    with pytest.raises(SourceError, match="is text as gcloud logging read --format=value prints it, which is not read"):
        read("\t".join(row) + "\n")


def boxes(*rows, blank=" "):
    return "".join("|" + "|".join(blank + cell + blank for cell in row) + "|\n" for row in rows)


RULE = "+------+------+\n"


@pytest.mark.parametrize("blank", ["", " ", "  "])
def test_boxes_with_and_without_blanks(blank):
    """A bar in the last column belongs to its text; rules, empty lines and headings again are no rows."""
    head = ("TIMESTAMP", "REVISION_NAME", "MESSAGE")
    rows = [(TIME, REVISION, "up | and | down"), (LATER, REVISION, "again")]
    text = RULE + boxes(head, blank=blank) + RULE + boxes(rows[0], blank=blank) + "\n" + RULE
    text += boxes(head, blank=blank) + RULE + boxes(rows[1], blank=blank) + RULE
    assert without_ids(text) == [
        entry(jsonPayload={"message": "up | and | down"}),
        entry(LATER, jsonPayload={"message": "again"}),
    ]


@pytest.mark.parametrize(
    ("head", "lacks"),
    [
        ("TIMESTAMP  REVISION_NAME  PAYMENT\n", "textPayload"),
        ("TIMESTAMP  SEVERITY  STATUS\n", "resource.labels.revision_name"),
        (RULE + boxes(("TIMESTAMP", "MESSAGE")), "resource.labels.revision_name"),
        (RULE + boxes(("PAYMENT", "SEVERITY", "STATUS")), "timestamp and resource.labels.revision_name"),
    ],
)
def test_a_table_without_a_column_that_is_needed_is_refused(head, lacks):
    """It is known by two columns of entries: the first two, in boxes any two."""
    with pytest.raises(SourceError, match=f"without {lacks}, so"):
        read(head)


@pytest.mark.parametrize(
    "text", ["TIMESTAMP  PAYMENT  SEVERITY\n", "PAYMENT  TIMESTAMP\n", boxes(("PAYMENT", "STATUS")), "STATUS\n"]
)
def test_other_tables_stay_text(text):
    """Fewer of their columns are those of entries."""
    assert read(RULE + text if "|" in text else text)[0] == []


def padded(widths, *rows):
    return "".join(
        "".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() + "\n" for row in rows
    )


HEAD = ("TIMESTAMP", "REVISION_NAME", "STATUS", "TEXT_PAYLOAD")


@pytest.mark.parametrize("spare", [0, 1, 5])
def test_a_table_with_two_blanks_and_more_between_columns(spare):
    """Empty cells, blanks within texts, lines of a text with empty ones between, and headings again."""
    widths = (24 + spare, 16 + spare, 8 + spare, 0)
    rows = [(TIME, REVISION, "", "one  two"), (LATER, REVISION, "503", "")]
    text = padded(widths, HEAD, rows[0]) + "\n  three\n\n" + padded(widths, HEAD, rows[1], HEAD)
    assert without_ids(text) == [
        entry(textPayload="one  two\n\n  three"),
        entry(LATER, httpRequest={"status": "503"}),
    ]


@pytest.mark.parametrize(
    ("widths", "head", "row", "wanted"),
    [
        (
            (22, 16, 32, 0),
            ("TIMESTAMP", "REVISION_NAME", "USER_AGENT", "TEXT_PAYLOAD"),
            (TIME, REVISION, "漢字" + " " * 26, "one  two"),
            entry(httpRequest={"userAgent": "漢字"}, textPayload="one  two"),
        ),
        (
            (22, 40, 0),
            ("TIMESTAMP", "TEXT_PAYLOAD", "REVISION_NAME"),
            (TIME, "漢" * 14 + " " * 12, REVISION),
            entry(textPayload="漢" * 14),
        ),
    ],
)
def test_wide_characters_move_the_columns_behind_them(widths, head, row, wanted):
    """A terminal shows each in two places; also where the line then ends at the start of a column."""
    *before, moved = zip(widths, row, strict=True)
    line = "".join(cell.ljust(width if cell.isascii() else len(cell)) for width, cell in [*before, moved])
    assert without_ids(padded(widths, head) + line + "\n") == [wanted]


@pytest.mark.parametrize("line", [f"{LATER}: worker said:  up", f"{LATER} worker said: up", f"{REVISION}  {LATER}  up"])
def test_a_line_of_a_text_may_begin_with_a_time(line):
    """Though it has blanks where columns begin, it is no row."""
    widths = (22, 16, 0)
    text = padded(widths, ("TIMESTAMP", "REVISION_NAME", "MESSAGE"), (TIME, REVISION, "one")) + line + "\n"
    assert without_ids(text) == [entry(jsonPayload={"message": f"one\n{line}"})]


def test_a_line_behind_a_row_without_a_text_is_none_of_its_cells():
    """As the footer of a table of requests: it is kept as text."""
    widths = (24, 16, 0)
    lines = padded(
        widths, ("TIMESTAMP", "REVISION_NAME", "STATUS"), *[(TIME, REVISION, status) for status in ("503", "200")]
    )
    entries, kept, report = read(f"{lines}\nListed 2 items.\n")
    assert [one["httpRequest"] for one in entries] == [{"status": "503"}, {"status": "200"}]
    assert (kept, report.notes[0]) == (["Listed 2 items."], "1 line outside of the rows kept as text")


def test_a_line_between_the_heading_and_the_first_row_is_kept():
    """It belongs to no text."""
    head = padded((24, 16, 0), ("TIMESTAMP", "REVISION_NAME", "MESSAGE"))
    entries, kept, _ = read(f"{head}a word before\n" + padded((24, 16, 0), (TIME, REVISION, "up")))
    assert ([one["jsonPayload"]["message"] for one in entries], kept) == (["up"], ["a word before"])


def test_what_the_columns_lack_is_said():
    """And what stands before the first row."""
    assert read(f"a\n\nb\n{TIME}\t{REVISION}\tup\n")[1:] == (["a", "b"], read(f"a\n\nb\n{TIME}\t{REVISION}\tup\n")[2])
    assert read(f"a\n\nb\n{TIME}\t{REVISION}\tup\n")[2].notes == [
        "2 lines outside of the rows kept as text",
        "its columns have no severities, names of logs, instances, requests; --format=json has all",
    ]


def test_equal_rows_are_numbered_and_others_are_not():
    """From 0 on for each time, so a file that is read twice gives the same entries."""
    text = f"{TIME}\t{REVISION}\tup\n" * 3 + f"{LATER}\t{REVISION}\tup\n" * 2
    ids = [each["insertId"] for each in read(text)[0]]
    assert [name.partition("-")[2] for name in ids] == ["0", "1", "2", "0", "1"]
    assert len(set(ids)) == 5
    assert [each["insertId"] for each in read(text)[0]] == ids


def test_rows_that_were_given_are_not_held():
    """A thousand, each of its own time; the reading goes on."""
    head = f"TIMESTAMP                 REVISION_NAME   MESSAGE\n{TIME:26}{REVISION}  up\n"
    rows = (f"2026-01-15T09:{n // 60 + 1:02}:{n % 60:02}Z      {REVISION}  up\n" for n in range(1100))
    records = records_of(map(str.encode, chain([head], rows)), SourceReport("x"))
    next(records)
    tracemalloc.start()
    given = sum(len(next(records)) for _ in range(1000))
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert given == 1000
    assert held < 50_000


def test_text_keeps_its_characters():
    """A record is written as it was shown, not in escapes."""
    for text in (f"{TIME}\t{REVISION}\tläden\n", flattened(insertId="a", textPayload="läden")):
        assert any(
            "läden".encode() in record
            for some in records_of(iter([text.encode()]), SourceReport("x"))
            for record in some
        )


@pytest.mark.parametrize(("more", "cut"), [(-1, 0), (0, 0), (1, 1)])
@pytest.mark.parametrize("lines", [1, 2, 3])
def test_a_row_is_whole_up_to_a_mebibyte(more, cut, lines):
    """With all lines of its text; the next one is whole in any case."""
    start = f"{TIME}\t{REVISION}\t"
    text = "\n".join(["x" * 1000] * (lines - 1) + [""])
    text += "y" * (MEBIBYTE - len(start) - len(text) + more)
    entries, _, report = read(f"{start}{text}\n{LATER}\t{REVISION}\tnext\n")
    assert [each["textPayload"] for each in entries] == [text[: MEBIBYTE - len(start)], "next"]
    assert report.cut == cut


def test_a_text_above_a_mebibyte_is_cut():
    """Of a line behind it that is as long a mebibyte of the text is kept, of later ones nothing."""
    start = f"{TIME}\t{REVISION}\t"
    entries, _, report = read(f"{start}up\n{'x' * MEBIBYTE}\nmore\n{LATER}\t{REVISION}\tnext\n")
    assert [each["textPayload"] for each in entries] == [f"up\n{'x' * (MEBIBYTE - 3)}", "next"]
    assert report.cut == 1
    text = "x" * (MEBIBYTE - len(start))
    entries, _, report = read(f"{start}{text}\nmore\n{LATER}\t{REVISION}\tnext\n")
    assert [each["textPayload"] for each in entries] == [f"{text}\nmor", "next"]
    assert report.cut == 1


def flattened(**fields):
    start = f"---\nresource.labels.revision_name: {REVISION}\ntimestamp:   {TIME}\n"
    return start + "".join(f"{name}: {value}\n" for name, value in fields.items())


@pytest.mark.parametrize("end", ["", "---\n", "\n\n"])
def test_flattened_documents(end):
    """A line that names no field of an entry belongs to the text before it, whatever colons it has."""
    text = "one\nnote: two\n\n  at: three"
    wanted = entry(insertId="a", textPayload=text), entry(insertId="b", severity="INFO")
    document = flattened(insertId="a", textPayload=text) + flattened(insertId="b", severity="INFO")
    assert read(document + end)[0] == [*wanted]
    assert read(flattened(insertId="b", severity="INFO") + flattened(insertId="a", textPayload=text) + end)[0] == [
        *wanted[::-1]
    ]


@pytest.mark.parametrize("before", ["", "---\n"])
@pytest.mark.parametrize(("more", "cut"), [(0, 0), (1, 1)])
def test_a_flattened_document_is_whole_up_to_a_mebibyte(before, more, cut):
    """The first, the next, and the last."""
    start = flattened(insertId="a", logName="projects/p/logs/l").removeprefix("---\n")
    last = "textPayload: last\n"
    size = MEBIBYTE - len(start) - len("labels.long: \n") - len(last) + more
    document = f"{start}labels.long: {'x' * size}\n{last}"
    entries, _, report = read(f"{before}{document}---\n{document}---\n{document}\n\n")
    assert [each.get("textPayload") for each in entries] == [None if cut else "last"] * 3
    assert report.cut == 3 * cut
