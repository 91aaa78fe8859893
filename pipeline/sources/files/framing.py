"""Bytes to records: one LogEntry JSON text each, out of lines, arrays, concatenated values and wrapper objects.

Here are the lines, which are split and never parsed; `values.py` has all the rest.
"""

import codecs
import json
import re
from collections.abc import Iterable, Iterator
from itertools import chain

from pipeline.sources.files.damage import OVERLAP, Ending
from pipeline.sources.files.json_values import BRACKETED_TEXT, PARSED, SCANNER, Values
from pipeline.sources.records import MAX_RECORD, SourceReport, cut, holds_entries

_BRACKET = ord("[")

#: Bytes that stay in the processor's cache.
_PIECE = 64 << 10

#: A whole file that is so short and has no sign of an entry is a note beside logs: brackets, quotes, a date or a clock.
_NOTE = 4 << 10
_OF_AN_ENTRY = re.compile(rb"[{}\[\]\"\x00-\x08\x0e-\x1f]|[0-9]{4}-[0-9]{2}|[0-9]:[0-9]{2}")


def frame(chunks: Iterable[bytes], report: SourceReport, *, limit: int = MAX_RECORD) -> Iterator[list[bytes]]:
    """Yield the records of a stream of UTF-8 without a byte order mark, some at a time, in their order.

    A record has at most `limit` bytes (of the stream: the repair of invalid UTF-8 can add some), which is more than a
    chunk has. Fills the report, but for its bytes_read and records.
    """
    checked = _Checked(chunks)
    rest = iter(checked)
    head = _head(rest)
    stream = chain((head[at : at + _PIECE] for at in range(0, len(head), _PIECE)), rest)
    framed = _lines(stream, report, limit) if is_lines(head) else Values(stream, report, limit).frame()
    for records in framed:
        if records:
            yield records if checked.valid else [_utf8(record, report) for record in records]


class _Checked:
    """A stream of bytes that knows whether all that it has given is UTF-8."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = chunks
        self.valid = True

    def __iter__(self) -> Iterator[bytes]:
        decoder = codecs.getincrementaldecoder("utf-8")()
        for chunk in self._chunks:
            if self.valid:
                try:
                    for at in range(0, len(chunk), _PIECE):
                        decoder.decode(chunk[at : at + _PIECE])
                except UnicodeDecodeError:
                    self.valid = False
            yield chunk
        if self.valid and decoder.getstate()[0]:
            self.valid = False


def _head(chunks: Iterator[bytes]) -> bytes:
    """Return the start of the stream: its first line that is not blank, or as much of it as is worth parsing.

    Of blanks before it only the last line end and the indentation behind it.
    """
    head = b""
    for chunk in chunks:
        head = head[max(0, head.rfind(b"\n")) :][-OVERLAP:] + chunk if head.isspace() else head + chunk
        text = head.lstrip()
        if b"\n" in text or len(text) > (_PIECE if text.startswith(b"[") else PARSED):
            break
    return head


def is_lines(head: bytes) -> bool:
    """Whether the stream is one record a line, since its first line is a whole object, or text."""
    line = head.lstrip().split(b"\n", 1)[0].rstrip()
    if line.startswith(b"["):
        return BRACKETED_TEXT.match(line) is not None
    if not line.startswith(b"{"):
        return True
    try:
        value, end = SCANNER.raw_decode(line.decode("latin-1"))
    except (json.JSONDecodeError, RecursionError):
        return False
    return end == len(line) and not holds_entries(value)


def _is_value(line: bytes) -> bool:
    """Whether a line is one JSON value; one nested too deeply for the scanner is if its brackets close at its end."""
    try:
        return SCANNER.raw_decode(line.decode("latin-1"))[1] == len(line)
    except json.JSONDecodeError:
        return False
    except RecursionError:
        return Ending(frozenset(), None).find(line, 0, final=True) == len(line)


def _utf8(record: bytes, report: SourceReport) -> bytes:
    try:
        record.decode()
    except UnicodeDecodeError:
        report.repaired_utf8 += 1
        return record.decode(errors="replace").encode()
    return record


def _lines(chunks: Iterator[bytes], report: SourceReport, limit: int) -> Iterator[list[bytes]]:
    """Yield the lines that are not blank; from a line on that opens an array or a pretty-printed object, its values."""
    held: list[bytes] = []  # the line that has not ended yet, of which no more than a byte above the limit is kept
    size = 0
    start = b""
    for chunk in chunks:
        if len(start) <= _NOTE:
            start += chunk[: _NOTE + 1]
        if not size and chunk.isspace():
            held = [chunk[chunk.rfind(b"\n") + 1 :]]
            size = len(held[0])
            continue
        lines = chunk.split(b"\n")
        grown = size + len(lines[0])
        if size <= limit < grown and b"".join([*held, chunk[:2]]).startswith(b"[{"):
            yield from Values(chain(held, [chunk], chunks), report, limit).frame()
            return
        held.append(lines[0][: max(0, limit + 1 - size)])
        size = grown
        if len(lines) == 1:
            continue
        lines[0] = b"".join(held)
        if size > limit:
            lines[0] = cut(lines[0], limit, report)
        held = [lines.pop()]
        size = len(held[0])
        lines, values = _until_opener(lines)
        yield lines
        if values:
            yield from Values(chain([values, b"\n", *held], chunks), report, limit).frame()
            return
    is_note = len(start) <= _NOTE and not _OF_AN_ENTRY.search(start)
    yield from _last_line(b"".join(held), report, limit, is_note=is_note)


def _last_line(line: bytes, report: SourceReport, limit: int, *, is_note: bool) -> Iterator[list[bytes]]:
    if len(line) > limit:
        yield [cut(line, limit, report)]
        return
    lines, values = _until_opener([line])
    if values:
        yield from Values(iter([values]), report, limit).frame()
    elif lines:
        report.truncated = report.truncated or not (is_note or _is_value(line.strip()))
        yield lines


def _until_opener(lines: list[bytes]) -> tuple[list[bytes], bytes]:
    """Return the lines that are not blank up to one that opens values of several lines, and the text from it on."""
    whole = [line for raw in lines if (line := raw.rstrip(b"\r")) and not line.isspace()]
    for suspect in [line for line in whole if len(line) == 1 or line[0] == _BRACKET]:
        if suspect in (b"[", b"{") or suspect.startswith(b"[{"):
            opener = next(at for at, raw in enumerate(lines) if raw.rstrip(b"\r") == suspect)
            return whole[: whole.index(suspect)], b"\n".join(lines[opener:])
    return whole, b""
