"""Lines of text in chunks of any size, at the border of the longest record; levels and values of OTLP."""

import pytest

from pipeline.sources.files.framing import frame
from pipeline.sources.files.otlp import _severity, _value
from pipeline.sources.records import SourceReport

LIMIT = 10


def framed(data, size, limit=LIMIT):
    """The records of bytes that come in chunks of a size, and how many were cut."""
    report = SourceReport("x")
    chunks = [data[at : at + size] for at in range(0, len(data), size)]
    return [record for records in frame(chunks, report, limit=limit) for record in records], report.cut


@pytest.mark.parametrize("size", [1, 2, 3, 7, 9])
@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
@pytest.mark.parametrize("length", [1, LIMIT - 1, LIMIT, LIMIT + 1, 2 * LIMIT, 37])
def test_a_line_is_cut_at_the_limit_wherever_it_stands(size, end, length):
    """First, in the middle, and last, with or without its end; those beside it stay whole."""
    if end == b"\r\n" and length >= LIMIT:
        return  # the carriage return is a part of what is cut
    text = bytes(97 + n % 26 for n in range(length))
    wanted, cut = text[:LIMIT], int(length > LIMIT)
    assert framed(text + end, size) == ([wanted], cut)
    assert framed(b"one\n" + text + end, size) == ([b"one", wanted], cut)
    line_end = end or b"\n"
    assert framed(text + line_end + b"two", size) == ([wanted, b"two"], cut)
    assert framed(b"one\n" + text + line_end + text + line_end + b"two\n", size) == (
        [b"one", wanted, wanted, b"two"],
        2 * cut,
    )


@pytest.mark.parametrize("size", [1, 3, 9])
def test_blank_lines_are_no_records(size):
    """Before, between and behind."""
    assert framed(b"\n  \n\r\none\n\n \ntwo\n \n", size) == ([b"one", b"two"], 0)


@pytest.mark.parametrize(
    ("tail", "truncated"), [(b'{"a": 1}', False), (b'{"a": 1', True), (b"text", True), (b'{"a": 1}\n', False)]
)
def test_a_last_line_without_an_end_may_be_cut(tail, truncated):
    """Where it is no JSON value."""
    report = SourceReport("x")
    records = [record for some in frame([b'{"insertId": "a"}\n', tail], report) for record in some]
    assert (records[1], report.truncated) == (tail.rstrip(), truncated)


@pytest.mark.parametrize(
    ("log", "wanted"),
    [
        *(({"severityNumber": number}, "DEBUG") for number in (1, 4, 5, 8)),
        *(({"severityNumber": number}, "INFO") for number in (9, 12)),
        *(({"severityNumber": number}, "WARNING") for number in (13, 16)),
        *(({"severityNumber": number}, "ERROR") for number in (17, 20)),
        *(({"severityNumber": number}, "CRITICAL") for number in (21, 24)),
        *(({"severityNumber": number}, "DEFAULT") for number in (0, 25, None, 9.0)),
        ({"severityNumber": "SEVERITY_NUMBER_WARN4"}, "WARNING"),
        ({"severityNumber": "SEVERITY_NUMBER_TRACE"}, "DEBUG"),
        ({"severityNumber": "SEVERITY_NUMBER_WARN5"}, "DEFAULT"),
        ({"severityText": "notice", "severityNumber": 21}, "NOTICE"),
        ({"severityText": "warn", "severityNumber": 13}, "WARNING"),
    ],
)
def test_severities_of_opentelemetry(log, wanted):
    """Four numbers a level (OpenTelemetry's data model of logs); Cloud Logging's own names hold."""
    assert _severity(log) == wanted


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ({"arrayValue": {"values": [{"intValue": "1"}, {"stringValue": "a"}]}}, [1, "a"]),
        ({"arrayValue": {}}, []),
        (
            {"kvlistValue": {"values": [{"key": "a", "value": {"boolValue": True}}, {"key": "b"}]}},
            {"a": True, "b": None},
        ),
        ({"kvlistValue": {}}, {}),
        ({"doubleValue": 1.5}, 1.5),
        ({"intValue": 7}, 7),
        ({}, None),
        ("text", None),
    ],
)
def test_values_of_opentelemetry(value, wanted):
    """As JSON has them."""
    assert _value(value) == wanted


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 9, 40])
@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (b"\xff one\ntwo\n", ["\ufffd one", "two"]),
        (b"one\n\xfe\xff two\n", ["one", "\ufffd\ufffd two"]),
        (b"one \xc3", ["one \ufffd"]),
        (b'[{"insertId": "\xff"}, {"insertId": "\xc3\xa4"}]', ['{"insertId": "\ufffd"}', '{"insertId": "ä"}']),
    ],
)
def test_invalid_characters_are_replaced_wherever_a_chunk_begins(size, text, wanted):
    """Also by the very first byte, and by the last."""
    found, _ = framed(text, size, limit=60)
    assert [record.decode() for record in found] == wanted


@pytest.mark.parametrize("size", [1, 2, 3, 5, 40])
@pytest.mark.parametrize("before", ["", "\n", "\n\n \n"])
def test_indented_lines_after_a_broken_first_one_are_whole(size, before):
    """Their indentation says where they begin, whatever their keys are."""
    text = before + '  {"a": "x\n  {"a": 2}\n  {"a": 3}\n'
    assert framed(text.encode(), size, limit=60)[0] == [b'{"a": "x', b'{"a": 2}', b'{"a": 3}']


@pytest.mark.parametrize("size", [1, 3, 5, 6, 7])
@pytest.mark.parametrize("limit", [8, 9, 10, 12, 15])
def test_an_array_on_a_long_line_gives_its_values(size, limit):
    """However much of it has come when the line is as long as a record may be."""
    assert framed(b'one.\n[{"a":1},{"a":2}]\n', size, limit) == ([b"one.", b'{"a":1}', b'{"a":2}'], 0)


@pytest.mark.parametrize("size", [1, 3, 7, 9])
def test_an_object_within_a_long_line_of_text_is_a_part_of_it(size):
    """The line is cut as a whole, and the lines behind it are lines."""
    text = b'one\nxxxxxxxx {"insertId": "a"}\n{"a":1} x\n'
    assert framed(text, size) == ([b"one", b"xxxxxxxx {", b'{"a":1} x'], 1)


@pytest.mark.parametrize("size", [1, 2, 7, 50])
@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (b'one\n\n{\n"a": 1\n}\n{\n"a": 2\n}\n', [b"one", b'{\n"a": 1\n}', b'{\n"a": 2\n}']),
        (b'one\r\n\r\n{\r\n"a": 1\r\n}\r\n', [b"one", b'{\r\n"a": 1\r\n}']),
        (b'one\n[\n{"a": 1},\n{"a": 2}\n]\n', [b"one", b'{"a": 1}', b'{"a": 2}']),
        (b'one\n[{"a": 1},\n{"a": 2}]\n', [b"one", b'{"a": 1}', b'{"a": 2}']),
        (b'x\n[a]\n{\n"a": 1\n}', [b"x", b"[a]", b'{\n"a": 1\n}']),
    ],
)
def test_values_of_several_lines_behind_text(size, text, wanted):
    """A bracket on a line of its own opens them, or that of an array before its first object."""
    assert framed(text, size, limit=60) == (wanted, 0)
