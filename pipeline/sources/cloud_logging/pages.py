"""A page of entries.list, as the bytes that were sent, to one raw LogEntry JSON text per entry.

The bytes are split, never rebuilt: numbers, the order of keys and whatever a parser would refuse stay as sent.
"""

import json
import re
from dataclasses import dataclass

from pipeline.sources.files.framing import frame
from pipeline.sources.files.json_values import SCANNER
from pipeline.sources.records import SourceReport

_BLANK = re.compile(r"[ \t\r\n]*+")
_TOKEN = rb'"nextPageToken"\s*+:\s*+"([^"\\]*+)"'
_HEAD = re.compile(rb'\s*+\{\s*+(?:%b\s*+,\s*+)?"entries"\s*+:\s*+\[' % _TOKEN)
_TAIL = re.compile(rb"\]\s*+(?:,\s*+%b\s*+)?\}\s*+\Z" % _TOKEN)
#: Page tokens are a few hundred bytes; so much of the end of a page is searched for one.
_TAIL_BYTES = 64 << 10


class NotAPageError(ValueError):
    """A body that is no page: cut, or somebody else's answer."""


@dataclass(frozen=True)
class Page:
    """The entries of one page in their order, each as UTF-8 bytes, and the token of the next page, None at the end.

    intact: the page parsed as a whole. One that did not may be a cut answer, or hold an entry that is no JSON.
    """

    lines: list[bytes]
    token: str | None
    intact: bool = True


def split(body: bytes, report: SourceReport) -> Page:
    """Return the page that a body holds; counts repaired UTF-8 in the report. Raises NotAPageError."""
    text = body.decode("latin-1")  # the scanner needs text, and these letters are the bytes
    try:
        spans, token = _members(text)
        page = Page([body[start:end] for start, end in spans], token)
    except (ValueError, RecursionError):
        page = _damaged(body)
    return Page([_utf8(line, report) for line in page.lines], page.token, page.intact)


def _members(text: str) -> tuple[list[tuple[int, int]], str | None]:
    """Where the entries of a page stand in it, and its token. Raises ValueError where it is no page, or no JSON."""
    spans: list[tuple[int, int]] = []
    token: str | None = None
    at = _after(text, 0, "{")
    while text[at : at + 1] != "}":
        name, at = SCANNER.raw_decode(text, at)
        at = _after(text, at, ":")
        if name == "entries":
            spans, at = _elements(text, at)
        else:
            value, at = SCANNER.raw_decode(text, at)
            if name == "nextPageToken":
                token = str(value) or None
        at = _blank(text, at)
        if text[at : at + 1] == ",":
            at = _blank(text, at + 1)
    if text[_blank(text, at + 1) :]:
        raise json.JSONDecodeError("more than a page", text[:100], 0)
    return spans, token


def _elements(text: str, at: int) -> tuple[list[tuple[int, int]], int]:
    spans = []
    at = _after(text, at, "[")
    while text[at : at + 1] != "]":
        _, end = SCANNER.raw_decode(text, at)
        spans.append((at, end))
        at = _blank(text, end)
        if text[at : at + 1] == ",":
            at = _blank(text, at + 1)
    return spans, at + 1


def _after(text: str, at: int, mark: str) -> int:
    at = _blank(text, at)
    if text[at : at + 1] != mark:
        raise json.JSONDecodeError(f"no {mark}", text[:100], 0)
    return _blank(text, at + 1)


def _blank(text: str, at: int) -> int:
    match = _BLANK.match(text, at)
    return match.end() if match else at


def _damaged(body: bytes) -> Page:
    """A page in which something is no JSON: what stands between its head and its tail, framed entry by entry."""
    head = _HEAD.match(body)
    tail = _TAIL.search(body, max(len(body) - _TAIL_BYTES, head.end() if head else 0))
    if head is None or tail is None:
        raise NotAPageError("no page of entries")
    inside = b"[" + body[head.end() : tail.start()]
    lines = [line for framed in frame([inside], SourceReport("")) for line in framed]
    token = head[1] or tail[1]
    return Page(lines, token.decode("latin-1") if token else None, intact=False)


def _utf8(line: bytes, report: SourceReport) -> bytes:
    try:
        line.decode()
    except UnicodeDecodeError:
        report.repaired_utf8 += 1
        return line.decode(errors="replace").encode()
    return line
