"""Where does an element end that cannot be parsed? Found without parsing, in time linear in its length."""

import re
import sys

#: How many bytes the head of a JSON object may take up to the colon after its first key.
OVERLAP = 256

BLANK = re.compile(rb"[ \t\r\n,]*+")

_BRACKET = re.compile(rb'["{}\[\]]')
_IN_STRING = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
_OBJECT = re.compile(rb'\{(?:[ \t\r\n]*+"([A-Za-z_@][A-Za-z0-9_]*+)"[ \t\r\n]*+:)?')
_QUOTE, _BACKSLASH = b'"\\'


def behind(pattern: re.Pattern[bytes], data: bytes, at: int, upto: int = sys.maxsize) -> int:
    """Return the index behind what matches at `at`, which is `at` where nothing does."""
    match = pattern.match(data, at, upto)
    return match.end() if match else at


class Ending:
    """The end of one broken, very deep or very long element: where its brackets close, or where the next one starts.

    Both are searched side by side, since each can mislead: after a lost quote brackets and text change roles, and an
    element without its closing bracket has no end of its own. What looks like the start of an element is an object
    whose first key is in `keys` and which is not the value of a member, or one that starts a line behind `lead`, the
    newline and indentation that stood before the broken one.

    Offsets are kept relative to the element's first byte, so the caller may move it between two calls.
    """

    def __init__(self, keys: frozenset[bytes], lead: bytes | None) -> None:
        self._keys = keys
        self._lead = lead
        self._read = 0
        self._block = 128
        self._bracket_at = 0
        self._depth = 0
        self._in_string = False
        self._trust_brackets = True
        self._closed: int | None = None

    def find(self, data: bytes, start: int, *, final: bool) -> int | None:
        """Return the index in data behind the element that starts at `start`; None where data does not show it.

        Call again with more data, which begins with the same bytes from `start` on. final: no more data will come.
        """
        while True:
            if self._closed is not None:
                following = behind(BLANK, data, start + self._closed)
                if following == len(data) and not final:
                    return None
                if _element_may_follow(data, start + self._closed, following):
                    return start + self._closed
                self._closed, self._trust_brackets = None, False
            if start + self._read >= len(data):
                return None
            upto = min(len(data), start + self._read + self._block)
            self._block *= 2
            if self._trust_brackets:
                self._closed = self._close(data, start, upto)
            if self._closed is not None:
                upto = start + self._closed
            next_start = self._next_start(data, max(start + 1, start + self._read - OVERLAP), upto)
            self._read = upto - start
            if next_start is not None:
                return next_start

    def forget(self, count: int) -> None:
        """Go on as if the element started `count` bytes later; all of them have been searched."""
        self._read -= count
        self._bracket_at -= count
        if self._closed is not None:
            self._closed = max(0, self._closed - count)

    def _close(self, data: bytes, start: int, upto: int) -> int | None:
        """Return the offset behind the bracket (or quote) that closes the element, if it stands before `upto`."""
        at = start + self._bracket_at
        try:
            while at < upto:
                if self._in_string:
                    at = behind(_IN_STRING, data, at, upto)
                    if at == upto or data[at] == _BACKSLASH:
                        return None
                    at += 1
                    self._in_string = False
                elif match := _BRACKET.search(data, at, upto):
                    at = match.end()
                    mark = data[at - 1]
                    self._in_string = mark == _QUOTE
                    self._depth += (mark in b"{[") - (mark in b"}]")
                else:
                    at = upto
                    return None
                if self._depth <= 0 and not self._in_string:
                    return at - start
            return None
        finally:
            self._bracket_at = at - start

    def _next_start(self, data: bytes, low: int, high: int) -> int | None:
        for match in _OBJECT.finditer(data, low, high):
            at = match.start()
            if self._lead is not None and data.endswith(self._lead, 0, at):
                return at
            if match[1] in self._keys and not data[max(0, at - OVERLAP) : at].rstrip(b" \t\r\n[").endswith(b":"):
                return at
        return None


def _element_may_follow(data: bytes, closed: int, following: int) -> bool:
    """Whether what stands at `following`, behind the closing bracket and blanks, is no inside of an element."""
    if following == len(data) or data[following] in b"[{]":
        return True
    separated = b"," in data[closed:following] or b"\n" in data[closed:following]
    return separated and data[following] not in b'"}:'
