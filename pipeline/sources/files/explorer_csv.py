"""Entries that were downloaded as a table: the CSV of Logs Explorer, one column per field, dots between levels.

The rows are cut here and not by `csv`, which drops the cells beyond its header, takes a carriage return for the end of
a row, reads on to the end of the file after a quote that is never closed, and refuses long cells. A row that does not
fit its header is kept as it stood: a line each, so that a lost quote costs only its own line.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.sources.records import FIRST_KEYS, MAX_RECORD, OWN_KEYS, SourceReport, cut
from pipeline.text import counted

#: Fields with levels below them; a dot in the name of any other column is part of a label's name.
_NESTED = ("jsonPayload", "protoPayload", "httpRequest", "resource", "operation", "sourceLocation")

#: The field of each column, by the heading that gcloud gives it: the last part of its name, in capitals.
COLUMNS = {
    "INSERT_ID": "insertId",
    "LOG_NAME": "logName",
    "TIMESTAMP": "timestamp",
    "RECEIVE_TIMESTAMP": "receiveTimestamp",
    "SEVERITY": "severity",
    "TEXT_PAYLOAD": "textPayload",
    "JSON_PAYLOAD": "jsonPayload",
    "MESSAGE": "jsonPayload.message",
    "MSG": "jsonPayload.msg",
    "TRACE": "trace",
    "SPAN_ID": "spanId",
    "TYPE": "resource.type",
    "PROJECT_ID": "resource.labels.project_id",
    "LOCATION": "resource.labels.location",
    "SERVICE_NAME": "resource.labels.service_name",
    "REVISION_NAME": "resource.labels.revision_name",
    "CONFIGURATION_NAME": "resource.labels.configuration_name",
    "INSTANCE_ID": "labels.instanceId",
    "STATUS": "httpRequest.status",
    "LATENCY": "httpRequest.latency",
    "REQUEST_METHOD": "httpRequest.requestMethod",
    "REQUEST_URL": "httpRequest.requestUrl",
    "REQUEST_SIZE": "httpRequest.requestSize",
    "RESPONSE_SIZE": "httpRequest.responseSize",
    "USER_AGENT": "httpRequest.userAgent",
    "REMOTE_IP": "httpRequest.remoteIp",
}

_CELL = rb'(?:"[^"]*+(?:""[^"]*+)*+"|[^",\n][^,\n]*+|)'
_ROW = re.compile(rb"%b(?:,%b)*+\r?(?:\n|\Z)" % (_CELL, _CELL))
_CELLS = re.compile(rb"(?:\A|,)(%b)" % _CELL)
#: A row in a cell whose quote is still open.
_OPEN = re.compile(rb'(?:%b,)*+"[^"]*+(?:""[^"]*+)*+\Z' % _CELL)

#: A column's name: a field, and below it names that stand in quotes where they hold more than letters and digits.
_NAME = re.compile(r'[A-Za-z_@][A-Za-z0-9_@]*(?:\.(?:"(?:[^"\\]|\\.)*"|[^."\s]+))*')
_LEVEL = re.compile(r'"((?:[^"\\]|\\.)*)"|([^."]+)')

#: What no text begins with an apostrophe in, but for the one that Logs Explorer puts there.
_NEVER_QUOTED = ("timestamp", "receiveTimestamp", "logName", "insertId")

_KEYS = {key.decode() for key in FIRST_KEYS}


def is_table(head: bytes) -> bool:
    """Whether a file that starts like this is a table of entries: its whole first line is names of fields.

    >>> is_table(b"insertId,jsonPayload.message,timestamp\\n"), is_table(b"reading timestamp,severity,insertId\\n")
    (True, False)
    """
    first, _, rest = head.lstrip().partition(b"\n")
    if b"\r" in first.rstrip(b"\r") or not _ROW.fullmatch(first) or rest.lstrip().startswith(b'{"'):
        return False
    names = _names(first)
    fields = {name.partition(".")[0] for name in names}
    known = len(fields & _KEYS)
    return (
        len(names) > 1
        and len(set(names)) == len(names)
        and all(map(_NAME.fullmatch, names))
        and not fields.isdisjoint(OWN_KEYS)
        and (known == len(fields) or known >= max(3, len(fields) // 2))
    )


def table_records(chunks: Iterator[bytes], report: SourceReport, *, limit: int = MAX_RECORD) -> Iterator[list[bytes]]:
    """Yield the rows, each one record: the JSON of a LogEntry. Empty cells are absent.

    A row that does not fit is its text; it is counted in a note. A longer one than `limit` is cut.
    """
    rows = _rows(_Window(chunks), report, limit)
    header = next(rows).text
    names = _names(header)
    misfits = 0
    for row in rows:
        cells = _cells(row.text) if row.whole else []
        while len(cells) > len(names) and not cells[-1]:
            cells.pop()
        if row.text == header:
            report.note("its header stands in it more than once, as in files put together")
        elif len(cells) == len(names):
            yield [json.dumps(_entry(names, cells, report), ensure_ascii=False).encode()]
        else:
            misfits += 1
            report.truncated = report.truncated or not row.ended
            yield [row.text]
    if misfits:
        report.note(
            f"{counted(misfits, 'row')} of the table that {'does' if misfits == 1 else 'do'} not fit the header (more "
            "or fewer cells, or a quote that is not closed) kept as text"
        )


@dataclass(frozen=True)
class _Row:
    """A row without its line end. whole: all its quotes are closed; else it is one line. ended: by a line end."""

    text: bytes
    whole: bool
    ended: bool


class _Window:
    """A part of a stream of bytes, from `at` on."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self.data = b""
        self.at = 0
        self.ended = False

    def grow(self) -> None:
        """Drop what was taken, and read as much again as is left, so that looking at it anew stays linear."""
        parts = [self.data[self.at :]]
        wanted = max(len(parts[0]), 1)
        while wanted > 0 and not self.ended:
            chunk = next(self._chunks, None)
            self.ended = chunk is None
            parts.append(chunk or b"")
            wanted -= len(parts[-1])
        self.data, self.at = b"".join(parts), 0

    def drop_line(self) -> bool:
        """Go on behind the next line end, and return whether there is one."""
        while (end := self.data.find(b"\n", self.at)) < 0 and not self.ended:
            self.at = len(self.data)
            self.grow()
        self.at = end + 1 if end >= 0 else len(self.data)
        return end >= 0


def _rows(window: _Window, report: SourceReport, limit: int) -> Iterator[_Row]:
    """Yield the rows that are not empty; of one whose quotes do not close its lines."""
    while not window.ended or window.at < len(window.data):
        left = len(window.data) - window.at
        match = _ROW.match(window.data, window.at)
        complete = match is not None and (window.ended or match[0].endswith(b"\n"))
        if match and complete and len(match[0]) <= limit:
            window.at = match.end()
            text = match[0].removesuffix(b"\n").removesuffix(b"\r")
            if text:
                yield _Row(text, whole=True, ended=match[0].endswith(b"\n"))
        elif not window.ended and left <= limit and (match or _OPEN.match(window.data, window.at)):
            window.grow()
        else:
            end = window.data.find(b"\n", window.at)
            if end < 0 and not window.ended and left <= limit:
                window.grow()
                continue
            line = window.data[window.at : end if end >= 0 else len(window.data)]
            ended = window.drop_line()
            text = cut(line, limit, report) if len(line) > limit else line.removesuffix(b"\r")
            yield _Row(text, whole=False, ended=ended)


def _cells(row: bytes) -> list[bytes]:
    """The cells of a row, without their quotes."""
    cells = (match[1] for match in _CELLS.finditer(row))
    return [cell[1:-1].replace(b'""', b'"') if cell.startswith(b'"') else cell for cell in cells]


def _names(row: bytes) -> list[str]:
    """The fields of the columns; gcloud names one by the last part of its field, with an underscore before capitals."""
    names = [cell.decode("utf-8", "replace").strip().removeprefix("'") for cell in _cells(row.removesuffix(b"\r"))]
    if "revision_name" not in names:
        return names
    return [COLUMNS.get(name.upper(), f"labels.{name}") for name in names]


def _entry(names: list[str], cells: list[bytes], report: SourceReport) -> dict[str, Any]:
    texts = _texts(cells, report)
    values = {name: text for name, text in zip(names, texts, strict=True) if text}
    # Logs Explorer puts an apostrophe before texts with some signs, so that no spreadsheet takes them for formulas.
    if any(values.get(name, "").startswith("'") for name in _NEVER_QUOTED):
        values = {name: text.removeprefix("'") for name, text in values.items()}
    return entry_of(values)


def entry_of(values: Mapping[str, str]) -> dict[str, Any]:
    """Return the LogEntry whose fields have these texts, by their whole names, with dots between the levels."""
    entry: dict[str, Any] = {}
    for name, text in values.items():
        top, _, rest = name.partition(".")
        if not rest:
            entry[name] = _value(text) if name in (*_NESTED, "labels") else text
        elif top == "labels":
            _put(entry, ["labels", _unquoted(rest)], text)
        elif rest.startswith("labels."):
            _put(entry, [top, "labels", _unquoted(rest.removeprefix("labels."))], text)
        else:
            _put(entry, [top, *_levels(rest)] if top in _NESTED else [name], text)
    return entry


def _texts(cells: list[bytes], report: SourceReport) -> list[str]:
    try:
        return [cell.decode() for cell in cells]
    except UnicodeDecodeError:
        report.repaired_utf8 += 1
        return [cell.decode(errors="replace") for cell in cells]


def _unquoted(name: str) -> str:
    return name[1:-1] if len(name) > 1 and name[0] == name[-1] == '"' else name


def _levels(path: str) -> list[str]:
    return [match[1] if match[2] is None else match[2] for match in _LEVEL.finditer(path)]


def _put(entry: dict[str, Any], path: list[str], cell: str) -> None:
    holder = entry
    for name in path[:-1]:
        below = holder.setdefault(name, {})
        if not isinstance(below, dict):  # a column and one below it: the upper one is kept
            return
        holder = below
    holder.setdefault(path[-1], cell)


def _value(cell: str) -> Any:
    """A cell that holds a whole object as JSON, else its text."""
    try:
        value = json.loads(cell)
    except (ValueError, RecursionError):
        return cell
    return value if isinstance(value, dict) else cell
