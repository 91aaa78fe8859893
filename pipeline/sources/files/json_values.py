"""The values of arrays and of concatenated texts, framed by json's C scanner over a window of the stream.

Entries whose brackets are like those of one that was parsed need no parsing. What the scanner refuses is framed by
`damage.Ending`, so that it costs only itself.
"""

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from pipeline.sources.files.damage import BLANK, OVERLAP, Ending, behind
from pipeline.sources.records import FIRST_KEYS, MAX_WRAPPERS, OWN_KEYS, SourceReport, cut, holds_entries, is_entry

#: A value longer than this many bytes is framed by its brackets: parsing it would take a multiple of it in memory.
PARSED = 4 << 20

SCANNER = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str)

#: A line of text such as `[INFO] ready`, which opens no array.
BRACKETED_TEXT = re.compile(rb"\[[^\[\]{}\"\n]*+\][ \t]*+[^ \t\r\n,\[{\]]")

#: Bytes that may be scanned in vain, beyond as many as were read, before brackets alone decide.
_PATIENCE = 16 << 20

#: What goes wrong this few bytes before the end of the window may go wrong because of its end.
_NEAR_END = 16

#: Entries up to this many bytes are recognised by their shape, of which so many are learned.
_ALIKE = 16 << 10
_SHAPES = 4096

_NO_BRACKETS = bytes(set(range(256)) - set(b'"{}[]'))
_FIRST_KEY = re.compile(rb'\{[ \t\r\n]*+"([^"\\]*+)"')
_MEMBER = re.compile(rb'[ \t\r\n,]*+"([^"\\]*+(?:\\.[^"\\]*+)*+)"[ \t\r\n]*+:[ \t\r\n]*+', re.DOTALL)
_ARRAY = re.compile(rb'\[[ \t\r\n]*+[\[{"\]]')
_SCRAP = re.compile(rb"[^,\[{\]\n]*+")
_ENTRY_AHEAD = re.compile(rb'[},][ \t]*+(?=\{[ \t]*+"(?:' + b"|".join(sorted(FIRST_KEYS)) + rb')"[ \t]*+:)')
_BRACE, _END_BRACE, _BRACKET, _END_BRACKET, _QUOTE = b'{}[]"'


def _shape(record: bytes) -> bytes:
    """Return the brackets and quotes of a record: of two that are equal in them both are one object, or neither is."""
    if b"\\" in record:
        record = record.replace(b"\\\\", b"").replace(b'\\"', b"")
    return record.translate(None, _NO_BRACKETS)


#: What the report says of a file whose entries are members of another object.
WRAPPED = "its entries stood in lists inside a wrapper object, whose other members are left out"


class _Text(str):
    """Text that does not tell its lines: JSONDecodeError counts them from the start of the window at every error."""

    __slots__ = ()

    def count(self, *_: object) -> int:
        """Return 0."""
        return 0

    def rfind(self, *_: object) -> int:
        """Return -1."""
        return -1


class _Short(Exception):  # noqa: N818 - it says "go on", nothing is wrong
    """The window ends too early to tell."""


class _Broken(Exception):  # noqa: N818 - every part of a stream may be broken
    """The scanner refuses what stands here."""


class Values:
    """The values of arrays and of concatenated texts, read through a window that grows and moves along the stream.

    `_open` holds the brackets that are open around the records: of the array they stand in, of wrapper objects. A step
    takes one thing from the window; where the window is too short it raises _Short having taken nothing.
    """

    def __init__(self, chunks: Iterator[bytes], report: SourceReport, limit: int) -> None:
        self._chunks = chunks
        self._report = report
        self._limit = limit
        self._parsed = min(PARSED, limit)
        self._data = b"\n"  # so that the first value starts a line too
        self._text = _Text()  # the same, a character for each byte: the scanner wants text, and its indices are ours
        self._pos = 0
        self._ended = False
        self._open: list[int] = []
        self._found: list[bytes] = []
        self._ending: Ending | None = None
        self._kept: bytes | None = None
        self._rest_of_line = False
        self._shapes: set[bytes] = set()
        self._taken = 0
        self._in_vain = 0
        self._last = b""

    def frame(self) -> Iterator[list[bytes]]:
        """Yield the records, as many at a time as the window gave."""
        while not self._ended:
            self._grow()
            with suppress(_Short):
                while self._pos < len(self._data):
                    self._step()
            yield self._found
            self._found = []
        if self._open:
            self._report.truncated = True

    def _grow(self) -> None:
        """Drop what was taken, and read as much again as is left, so that looking at it anew stays linear."""
        parts = [self._data[self._pos :]]
        wanted = min(max(len(parts[0]), 1), PARSED)
        while wanted > 0 and not self._ended:
            chunk = next(self._chunks, None)
            if chunk is None:
                self._ended = True
            else:
                parts.append(chunk)
                wanted -= len(chunk)
                self._taken += len(chunk)
        self._data = b"".join(parts)
        self._text = _Text(self._data, "latin-1")
        self._pos = 0

    def _step(self) -> None:
        if self._ending is not None:
            self._damaged(self._pos)
            return
        if self._rest_of_line:
            self._drop_line()
            return
        start = behind(BLANK, self._data, self._pos)
        if start == len(self._data):
            self._pos = start if self._ended else max(self._pos, start - OVERLAP)
            raise _Short
        mark = self._data[start]
        inside = self._open[-1] if self._open else None
        if (inside, mark) in ((_BRACKET, _END_BRACKET), (_BRACE, _END_BRACE)):
            self._open.pop()
            self._pos = start + 1
        elif inside == _BRACE and mark == _QUOTE:
            self._member(start)
        elif inside is not None or mark == _BRACE:
            self._element(start)
        elif mark == _BRACKET and self._opens_array(start):
            self._enter(start)
        else:
            self._line(start)

    def _enter(self, start: int) -> None:
        self._open.append(self._data[start])
        self._pos = start + 1

    def _enter_wrapper(self, start: int) -> None:
        self._report.note(WRAPPED)
        self._enter(start)

    def _opens_array(self, start: int) -> bool:
        """Whether a bracket at the top opens an array, and does not start a line of text such as `[INFO] ready`."""
        if _ARRAY.match(self._data, start):
            return True
        if not self._ended and len(self._data) - start < 4096:
            raise _Short
        return BRACKETED_TEXT.match(self._data, start) is None

    def _element(self, start: int) -> None:
        """Take the element that starts here, and the objects that follow it."""
        while True:
            try:
                value, end = self._decode(start)
            except _Broken:
                self._broken(start)
                return
            entry = isinstance(value, dict) and is_entry(value)
            if not entry and holds_entries(value):
                self._enter_wrapper(start)
                return
            if not isinstance(value, dict | list) and not self._delimited(end):
                self._broken(start)
                return
            self._emit(start, end)
            start = behind(BLANK, self._data, end)
            if start == len(self._data) or self._data[start] != _BRACE:
                return
            if entry:
                self._learn(self._last)
                start = self._take_alike(start)

    def _decode(self, start: int) -> tuple[Any, int]:
        """Return the value at `start` and the index behind it; raises _Short or _Broken."""
        if self._in_vain > self._taken + _PATIENCE:
            raise _Broken
        try:
            value, end = SCANNER.raw_decode(self._text, start)
            if end <= len(self._text) - _NEAR_END or self._ended or isinstance(value, dict | list):
                return value, end
            raise _Short  # such as 12 of 12.5
        except json.JSONDecodeError as error:
            at = error.pos
            short = at > len(self._text) - _NEAR_END or error.msg.startswith("Unterminated string")
        except RecursionError:
            at, short = len(self._text), False
        if short and not self._ended and len(self._data) - start < self._parsed:
            raise _Short
        self._in_vain += at - start
        raise _Broken

    def _delimited(self, end: int) -> bool:
        """Whether a scalar that ends here is the whole element."""
        following = behind(BLANK, self._data, end)
        if following == len(self._data) and not self._ended:
            raise _Short
        return following > end or following == len(self._data) or self._data[following] == _END_BRACKET

    def _lead(self, start: int) -> bytes | None:
        """Return the line end and indentation before the element at `start`; None where it does not start a line."""
        gap = self._data[self._pos : start]
        newline = gap.rfind(b"\n")
        return gap[newline:] if newline >= 0 else None

    def _take_alike(self, start: int) -> int:
        """Take the objects from `start` on whose shape is known, and return where the next one starts.

        They must be separated like the object at `start` and the one before it. The same separator can stand inside an
        element, and in a string of one; but then the piece before it has not the shape of a whole entry.
        """
        data = self._data
        gap = data[self._pos : start]
        border = b"}" + gap + b"{"
        longest = min(_ALIKE, self._limit)
        while end := data.find(border, start, start + longest) + 1:
            record = data[start:end]
            if _shape(record) not in self._shapes:
                break
            self._found.append(record)
            self._pos = end
            start = end + len(gap)
        return start

    def _learn(self, entry: bytes) -> None:
        if len(entry) <= _ALIKE and len(self._shapes) < _SHAPES:
            self._shapes.add(_shape(entry))

    def _emit(self, start: int, end: int) -> None:
        record = self._data[start:end]
        self._last = record if len(record) <= self._limit else cut(record, self._limit, self._report)
        self._found.append(self._last)
        self._pos = end

    def _broken(self, start: int) -> None:
        """Take what the scanner refuses: a wrapper with something broken inside, a scrap of text, or an element."""
        mark = self._data[start]
        if mark == _BRACE and self._is_wrapper(start):
            self._enter_wrapper(start)
        elif mark in (_BRACE, _BRACKET, _QUOTE):
            self._damaged(start)
        else:
            end = behind(_SCRAP, self._data, start + 1)
            if end == len(self._data) and not self._ended and end - start <= self._limit:
                raise _Short
            self._emit(start, start + len(self._data[start:end].rstrip()))

    def _damaged(self, start: int) -> None:
        """Take the element at `start` by its brackets, or up to where the next one starts."""
        if self._ending is None:
            first = _FIRST_KEY.match(self._last)
            self._ending = Ending(FIRST_KEYS | {first[1]} if first else FIRST_KEYS, self._lead(start))
            self._pos = start
        end = self._ending.find(self._data, start, final=self._ended)
        if end is None and not self._ended:
            self._skip(self._ending)
            raise _Short
        if end is None:
            self._report.truncated = True
            end = len(self._data)
        if self._kept is not None:
            self._found.append(self._kept)
            self._pos = end
        else:
            record = self._data[start:end].rstrip()
            if end < len(self._data):
                record = record.removesuffix(b",").rstrip()
            self._emit(start, start + len(record))
        self._ending = self._kept = None

    def _skip(self, ending: Ending) -> None:
        """Keep the start of an element above the limit, and forget what has been searched of it."""
        if self._kept is None:
            if len(self._data) - self._pos <= self._limit:
                return
            self._kept = cut(self._data[self._pos : self._pos + self._limit + 1], self._limit, self._report)
        skipped = max(0, len(self._data) - self._pos - OVERLAP)
        ending.forget(skipped)
        self._pos += skipped

    def _line(self, start: int) -> None:
        """Take a line of text that stands between values, with its indentation, up to an entry that follows in it."""
        start = max(self._pos, self._data.rfind(b"\n", self._pos, start) + 1)
        end = self._data.find(b"\n", start)
        if ahead := _ENTRY_AHEAD.search(self._data, start, end if end >= 0 else len(self._data)):
            end = ahead.end()
        if end < 0 and not self._ended:
            if len(self._data) - start > self._limit:
                self._emit(start, len(self._data))
                self._rest_of_line = True
            raise _Short
        end = end if end >= 0 else len(self._data)
        self._emit(start, start + len(self._data[start:end].rstrip()))

    def _drop_line(self) -> None:
        end = self._data.find(b"\n", self._pos)
        self._rest_of_line = end < 0
        self._pos = end if end >= 0 else len(self._data)

    def _member(self, start: int) -> None:
        """Go into a member of a wrapper object that leads to entries; pass over any other."""
        member = _MEMBER.match(self._data, start)
        if member is None or member.end() == len(self._data):
            if not self._ended and len(self._data) - start < PARSED:
                raise _Short
            self._damaged(start)
            return
        try:
            if self._leads_to_entries(member.end(), 0):
                self._enter(member.end())
            else:
                self._pos = self._decode(member.end())[1]
        except _Broken:
            self._damaged(start)

    def _is_wrapper(self, start: int, depth: int = 0) -> bool:
        """Whether the object at `start`, which is broken or too long to parse, wraps lists of entries.

        None of LogEntry's own keys may stand before the first such list.
        """
        at = start + 1
        while member := _MEMBER.match(self._data, at):
            if member[1].decode("latin-1") in OWN_KEYS:
                return False
            at = member.end()
            try:
                if self._leads_to_entries(at, depth):
                    return True
                at = self._decode(at)[1]
            except _Broken:
                return False
        return False

    def _leads_to_entries(self, at: int, depth: int) -> bool:
        """Whether the value at `at` is a list of entries, or an object that wraps such lists."""
        if self._data[at : at + 1] == b"{":
            return depth < MAX_WRAPPERS and self._is_wrapper(at, depth + 1)
        if self._data[at : at + 1] != b"[":
            return False
        first = behind(BLANK, self._data, at + 1)
        if first == len(self._data) and not self._ended:
            raise _Short
        if self._data[first : first + 1] != b"{":
            return False
        try:
            value = self._decode(first)[0]
        except _Broken:
            key = _FIRST_KEY.match(self._data, first)
            return (key is not None and key[1] in FIRST_KEYS) or (
                depth < MAX_WRAPPERS and self._is_wrapper(first, depth + 1)
            )
        return is_entry(value) or holds_entries(value, depth + 1)
