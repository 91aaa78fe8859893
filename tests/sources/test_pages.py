"""A page becomes one raw text per entry; an entry that is no JSON costs itself alone."""

import json

import pytest

from pipeline.sources.cloud_logging.pages import NotAPageError, Page, split
from pipeline.sources.records import SourceReport

GOOD = (
    b'{"insertId":"a","timestamp":"2026-01-15T09:00:00.123456789Z","jsonPayload":{"z":9007199254740993,"a":1e3,"x":12}}'
)
EVIL = b'{"insertId":"e","jsonPayload":{"nextPageToken":"evil"},"textPayload":"]},\\"nextPageToken\\":\\"evil\\"}"}'
BAD = {
    "a lost quote": b'{"insertId":"b","textPayload":"x}',
    "a lost brace": b'{"insertId":"b","textPayload":"x"',
    "NaN": b'{"insertId":"b","jsonPayload":{"x":NaN}}',
    "a control character": b'{"insertId":"b","textPayload":"a\x01b"}',
    "invalid UTF-8": b'{"insertId":"b","textPayload":"a\xffb"}',
    "a lone surrogate": b'{"insertId":"b","textPayload":"a\\ud83d"}',
    "very deep": b'{"insertId":"b","jsonPayload":' + b'{"a":' * 3000 + b"1" + b"}" * 3001,
    "an extra member": b'{"insertId":"b","errorGroups":[{"id":"x"}],"apphub":{"y":[1]}}',
    "duplicate keys": b'{"insertId":"b","insertId":"c"}',
}


def page(*entries, token=b"t0k/en=="):
    tail = b',"nextPageToken":"%b"' % token if token else b""
    return b'{"entries":[' + b",".join(entries) + b"]" + tail + b"}"


def test_bytes_stay_as_sent():
    """Integers beyond 2^53, the form of numbers, the order of keys, nanoseconds; and nobody's payload is the token."""
    found = split(page(GOOD, EVIL), SourceReport("x"))
    assert found.lines == [GOOD, EVIL]
    assert (found.token, found.intact) == ("t0k/en==", True)


@pytest.mark.parametrize(
    "body",
    [
        b'{\n  "nextPageToken": "t",\n  "entries": [\n    {"insertId": "a"} ,\n {"insertId":"b"}\n  ]\n}\n',
        b'{"entries":[{"insertId": "a"},{"insertId":"b"}],"nextPageToken":"t","more":{"entries":[1]}}',
    ],
)
def test_any_layout_of_a_page(body):
    """Pretty-printed, in another order, with members that are not known."""
    found = split(body, SourceReport("x"))
    assert [json.loads(line)["insertId"] for line in found.lines] == ["a", "b"]
    assert (found.token, found.intact) == ("t", True)


@pytest.mark.parametrize(("body", "token"), [(b"{}", None), (b'{"nextPageToken":"t"}', "t"), (b'{"entries":[]}', None)])
def test_an_empty_page(body, token):
    """Without entries, with a token or without."""
    assert split(body, SourceReport("x")) == Page([], token, intact=True)


def test_the_last_page():
    """Without a token it is whole, too."""
    assert split(page(GOOD, token=None), SourceReport("x")) == Page([GOOD], None, intact=True)


@pytest.mark.parametrize("kind", BAD)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_bad_entry_never_costs_its_page(kind, place):
    """Its neighbours stay whole, its own bytes stay as they were, and the token is found."""
    entries = [GOOD, GOOD]
    entries.insert(place, BAD[kind])
    report = SourceReport("x")
    found = split(page(*entries), report)
    assert found.token == "t0k/en=="
    assert len(found.lines) == 3
    assert found.lines[place] == BAD[kind].replace(b"\xff", b"\xef\xbf\xbd")
    assert report.repaired_utf8 == (kind == "invalid UTF-8")
    assert [line for at, line in enumerate(found.lines) if at != place] == [GOOD, GOOD]


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b"5", b'{"entries":[{"insertId":"a"', b'{"error":', b"{} {}", b"{}x"]
)
def test_what_is_no_page_is_told(body):
    """Cut, or not of the API."""
    with pytest.raises(NotAPageError):
        split(body, SourceReport("x"))


def test_a_cut_page_is_never_taken_for_a_whole_one():
    """Wherever it is cut, even where brackets close: it is no page, or not intact, and asked for again."""
    body = page(GOOD, EVIL, GOOD)
    for at in range(len(body)):
        try:
            assert not split(body[:at], SourceReport("x")).intact, at
        except NotAPageError:
            continue
