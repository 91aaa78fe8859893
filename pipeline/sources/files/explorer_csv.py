"""Entries that were downloaded as a table: the CSV of Logs Explorer, one column per field, dots between levels."""

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

from pipeline.sources.records import OWN_KEYS

#: One cell may hold a whole payload.
_MAX_CELL = 64 << 20

#: Fields with levels below them; a dot in the name of any other column is part of a label's name.
_NESTED = ("jsonPayload", "protoPayload", "httpRequest", "resource", "operation", "sourceLocation")


def is_table(head: bytes) -> bool:
    """Whether a file that starts like this is a table of entries: its first line names fields, with commas between.

    >>> is_table(b"insertId,jsonPayload.message,timestamp\\n"), is_table(b'{"insertId":"a"}\\n')
    (True, False)
    """
    first = head.split(b"\n", 1)[0].decode("utf-8", "replace")
    if first.lstrip()[:1] in ("{", "["):
        return False
    names = {name.split(".", 1)[0] for name in next(csv.reader([first]), [])}
    return len(names) > 1 and bool(names & OWN_KEYS)


def table_records(chunks: Iterator[bytes]) -> Iterator[list[bytes]]:
    """Yield each row as one record: the JSON of a LogEntry. Empty cells are absent."""
    csv.field_size_limit(_MAX_CELL)
    text = io.TextIOWrapper(io.BufferedReader(_Chunks(chunks)), encoding="utf-8", errors="replace", newline="")
    rows = csv.reader(line.replace("\0", "") for line in text)
    header = next(rows, [])
    for row in rows:
        if row:
            yield [json.dumps(_entry(header, row), ensure_ascii=False).encode()]


def _entry(header: list[str], row: list[str]) -> dict[str, Any]:
    entry: dict[str, Any] = {}
    for name, cell in zip(header, row, strict=False):
        if cell == "":
            continue
        top, _, rest = name.partition(".")
        if not rest:
            entry[name] = _value(cell) if name in (*_NESTED, "labels") else cell
        elif top == "labels":
            _put(entry, ["labels", rest], cell)
        elif rest.startswith("labels."):
            _put(entry, [top, "labels", rest.removeprefix("labels.")], cell)
        else:
            _put(entry, [top, *rest.split(".")] if top in _NESTED else [name], cell)
    return entry


def _put(entry: dict[str, Any], path: list[str], cell: str) -> None:
    place = entry
    for name in path[:-1]:
        below = place.setdefault(name, {})
        if not isinstance(below, dict):  # a column and one below it: the upper one is kept
            return
        place = below
    place.setdefault(path[-1], cell)


def _value(cell: str) -> Any:
    """A cell that holds a whole object as JSON, else its text."""
    try:
        value = json.loads(cell)
    except ValueError:
        return cell
    return value if isinstance(value, dict) else cell


class _Chunks(io.RawIOBase):
    """An iterator of bytes as a file."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._left:
            found = next(self._chunks, None)
            if found is None:
                return 0
            self._left = found
        count = min(len(buffer), len(self._left))
        buffer[:count], self._left = self._left[:count], self._left[count:]
        return count
