"""Entries as gcloud prints them in columns: `--format=table`, drawn boxes too, `--format=value`, and `flattened`.

They are read where they hold enough for a verdict: a time, a revision, and a text or a request's status. What has no
line of its own belongs to the text of the row before it. No row has an insertId, so each gets one of its bytes and
its number among equal ones of the same time: reading a file twice gives the same entries, and equal rows stay apart.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from pipeline.errors import SourceError
from pipeline.sources.files.explorer_csv import COLUMNS, entry_of
from pipeline.sources.files.foreign import EXPORT
from pipeline.sources.files.yaml_documents import lines_of
from pipeline.sources.records import FIRST_KEYS, SourceReport, cut
from pipeline.text import counted

#: Longest row in bytes, with all lines of its text: Cloud Logging takes no entry above 256 KiB.
MAX_ROW = 1 << 20

_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?(?:Z|[+-][0-9]{2}:[0-9]{2})")
_REVISION = r"[a-z][a-z0-9-]*-[0-9]{5}-[a-z0-9]{3}"
_LEVEL = "DEFAULT|DEBUG|INFO|NOTICE|WARNING|ERROR|CRITICAL|ALERT|EMERGENCY"
_METHOD = "GET|HEAD|POST|PUT|DELETE|CONNECT|OPTIONS|TRACE|PATCH"

#: Fields that cells show by their form, where no heading names them: the first that all cells of a column fit.
_FORMS = (
    ("severity", re.compile(_LEVEL)),
    ("resource.labels.revision_name", re.compile(_REVISION)),
    ("logName", re.compile(r"(?:projects|organizations|folders|billingAccounts)/[^/\s]+/logs/\S+")),
    ("trace", re.compile(r"projects/[^/\s]+/traces/\S+")),
    ("resource.type", re.compile(r"cloud_run_(?:revision|job|worker_pool)")),
    ("httpRequest.requestMethod", re.compile(_METHOD)),
    ("httpRequest.requestUrl", re.compile(r"https?://\S+")),
    ("httpRequest.status", re.compile("[1-5][0-9]{2}")),
    ("httpRequest.latency", re.compile(r"[0-9]+(?:\.[0-9]+)?s")),
)

#: Labels of columns whose field is not known.
_UNNAMED = "labels.column_"

_TEXTS = ("textPayload", "jsonPayload", "jsonPayload.message", "jsonPayload.msg")
_NEEDED = ("timestamp", "resource.labels.revision_name")

_HEADING = re.compile(r"[A-Z][A-Z0-9_]*(?: {2,}[A-Z][A-Z0-9_]*)+ *")
_BOX = re.compile(r"[┌╔+][─═+┬╦╤-]+[┐╗+]")
_RULE = re.compile(r"[├╠└╚+│║|][─═+┼╬┴╩┬╪╧-]+[┤╣┘╝+│║|]")
_BAR = re.compile("[│║|]")
_KEY = re.compile(r"([A-Za-z_@][^\s:]*): *(.*)", re.DOTALL)


@dataclass
class Layout:
    """How the rows of a file stand: its form in words, and the field of each column.

    starts: where the columns of a table begin, in characters. boxed: bars stand between them.
    """

    form: str
    fields: list[str]
    starts: list[int] = field(default_factory=list)
    boxed: bool = False

    @property
    def lacks(self) -> str:
        """What a verdict needs and no column has; empty where there is enough."""
        missing = [name for name in _NEEDED if name not in self.fields]
        if not {*_TEXTS, "httpRequest.status"}.intersection(self.fields):
            missing.append("textPayload")
        return " and ".join(missing)

    def cells(self, line: str) -> list[str] | None:
        """Return the cells of a row; None for a line that is none, such as the next one of a text."""
        if self.boxed:
            inside = line.strip()[1:-1]
            cells = [cell.strip() for cell in _BAR.split(inside, len(self.fields) - 1)]
        elif self.starts:
            cells = self._padded(line)
        else:
            cells = line.split("\t", len(self.fields) - 1)
        if len(cells) != len(self.fields) or not _TIME.fullmatch(cells[self.fields.index("timestamp")]):
            return None
        return cells

    def _padded(self, line: str) -> list[str]:
        """The cells of a line of a table; wide characters move what stands behind them."""
        ends = [*self.starts[1:], len(line)]
        if all(line[end - 2 : end].isspace() for end in self.starts[1:] if end <= len(line)):
            return [line[start:end].strip() for start, end in zip(self.starts, ends, strict=True)]
        return re.split(" {2,}", line.strip(), maxsplit=len(self.fields) - 1)


def layout_of(head: bytes) -> Layout | None:
    """Return how the rows of a file stand that starts like this; None for what is no such form.

    >>> layout_of(b"TIMESTAMP  REVISION_NAME  MESSAGE\\n").fields[1:]
    ['resource.labels.revision_name', 'jsonPayload.message']
    """
    text = head.decode("utf-8", "replace").replace("\r\n", "\n").lstrip("\n")
    first, _, rest = text.partition("\n")
    if _BOX.fullmatch(first.strip()):
        headings = [cell.strip() for cell in _BAR.split(rest.partition("\n")[0])[1:-1]]
        return _table(headings, boxed=True) if sum(name in COLUMNS for name in headings) > 1 else None
    if _HEADING.fullmatch(first):
        starts = [match.start() for match in re.finditer(r"\S+", first)]
        headings = first.split()
        return _table(headings, starts) if sum(name in COLUMNS for name in headings[:2]) == 2 else None
    if _is_flattened(text):
        return Layout("gcloud flattened", [*_NEEDED, "textPayload"])
    return _values(text)


def rows_of(chunks: Iterator[bytes], layout: Layout, report: SourceReport) -> Iterator[list[bytes]]:
    """Yield the entries, each one record: the JSON of a LogEntry. A line that belongs to no row is its text.

    Raises SourceError where a column is missing that a verdict needs.
    """
    if layout.lacks:
        reason = (
            f"is a table as gcloud logging read --format=table prints it, without {layout.lacks}, so it is not read"
        )
        raise SourceError(report.source, reason, EXPORT)
    if layout.form == "gcloud flattened":
        yield from _flattened(chunks, report)
        return
    numbers = _Numbers()
    text_at = next((at for at, name in enumerate(layout.fields) if name in _TEXTS), None)
    held: _Row | None = None
    heading: str | None = None
    strays = 0
    for data in lines_of(chunks, MAX_ROW):
        line = data.decode("utf-8", "replace")
        if layout.starts or layout.boxed:
            if line.strip() and heading is None and not _BOX.fullmatch(line.strip()):
                heading = line.rstrip()
                continue
            if line.rstrip() == heading or (layout.boxed and (not line.strip() or _RULE.fullmatch(line.strip()))):
                continue
        if (cells := layout.cells(line)) is not None:
            if held:
                yield [held.record(layout, numbers, report)]
            held = _Row(cells, text_at, len(data))
        elif held and text_at is not None:
            held.add(line, len(data))
        elif line.strip():
            if held:
                yield [held.record(layout, numbers, report)]
                held = None
            strays += 1
            yield [data]
    if held:
        yield [held.record(layout, numbers, report)]
    if strays:
        report.note(f"{counted(strays, 'line')} outside of the rows kept as text")
    _note_missing(layout, report)


class _Row:
    """One row and the further lines of its text, up to `MAX_ROW`; a row without a text has one line."""

    def __init__(self, cells: list[str], text_at: int | None, size: int) -> None:
        self._cells = cells
        self._text_at = len(cells) - 1 if text_at is None else text_at
        self._lines = [cells[self._text_at]]
        self._size = size

    def add(self, line: str, size: int) -> None:
        if self._size <= MAX_ROW:
            self._lines.append(line)
        self._size += size + 1

    def record(self, layout: Layout, numbers: "_Numbers", report: SourceReport) -> bytes:
        text = "\n".join(self._lines).rstrip("\n")
        if self._size > MAX_ROW:
            data = text.encode()
            text = cut(data, min(MAX_ROW, len(data) - 1), report).decode("utf-8", "replace")
        cells = [*self._cells[: self._text_at], text, *self._cells[self._text_at + 1 :]]
        if any(cell and name.startswith(_UNNAMED) for name, cell in zip(layout.fields, cells, strict=True)):
            report.note("a column that is empty in the first rows has no name, so it is kept as a label")
        return _record([pair for pair in zip(layout.fields, cells, strict=True) if pair[1]], numbers)


class _Numbers:
    """Which of the equal rows of one time a row is; rows come in the order of their times."""

    def __init__(self) -> None:
        self._time = ""
        self._seen: dict[bytes, int] = {}

    def id_of(self, time: str, row: bytes) -> str:
        if time != self._time:
            self._time, self._seen = time, {}
        digest = hashlib.sha256(row).digest()[:8]
        number = self._seen[digest] = self._seen.get(digest, -1) + 1
        return f"{digest.hex()}-{number}"


def _record(pairs: list[tuple[str, str]], numbers: _Numbers) -> bytes:
    values = dict(pairs)
    values.setdefault("resource.type", "cloud_run_revision")
    if not values.get("jsonPayload", "{").startswith("{"):
        values.setdefault("textPayload", values.pop("jsonPayload"))
    entry = entry_of(values)
    row = json.dumps(entry, ensure_ascii=False).encode("utf-8", "replace")
    if "insertId" in entry:
        return row
    entry["insertId"] = numbers.id_of(str(entry.get("timestamp")), row)
    return json.dumps(entry, ensure_ascii=False).encode("utf-8", "replace")


def _table(headings: list[str], starts: list[int] | None = None, *, boxed: bool = False) -> Layout:
    fields = [COLUMNS.get(name, f"labels.{name.lower()}") for name in headings]
    return Layout("gcloud table", fields, starts or [], boxed)


def _values(text: str) -> Layout | None:
    """The columns of `--format=value`, by what stands in them: a time, a revision, and one text at the most a row."""
    lines = [line.split("\t") for line in text.split("\n") if line]
    rows = [cells for cells in lines if any(map(_TIME.fullmatch, cells[:-1]))]
    if not rows or not any(cells in rows for cells in lines[:3]):
        return None
    width = min(map(len, rows))
    rows = [[*cells[: width - 1], "\t".join(cells[width - 1 :])] for cells in rows]
    fields = [_field([cells[at] for cells in rows]) for at in range(width)]
    times = [at for at, name in enumerate(fields) if name == "timestamp"]
    for at in times[1:]:
        fields[at] = "receiveTimestamp"
    known = [name for name in fields if name]
    if "resource.labels.revision_name" not in known or len(set(known)) < len(known):
        return None
    services = [
        at
        for at, name in enumerate(fields)
        if not name and all(_is_service(cells, fields, at) for cells in rows) and any(cells[at] for cells in rows)
    ]
    if services:
        fields[services[0]] = "resource.labels.service_name"
    texts = [at for at, name in enumerate(fields) if not name and any(cells[at] for cells in rows)]
    if any(sum(bool(cells[at]) for at in texts) > 1 for cells in rows):
        return None
    for at, name in zip(texts, _TEXTS[:1] + _TEXTS[2:], strict=False):
        fields[at] = name
    return Layout("gcloud values", [name or f"{_UNNAMED}{at}" for at, name in enumerate(fields)])


def _field(cells: list[str]) -> str:
    """The field whose form all cells of a column have that are not empty; "" for none."""
    filled = [cell for cell in cells if cell]
    if filled and all(map(_TIME.fullmatch, filled)):
        return "timestamp"
    return next((name for name, form in _FORMS if filled and all(map(form.fullmatch, filled))), "")


def _is_service(cells: list[str], fields: list[str], at: int) -> bool:
    """Whether a cell is the service of its row's revision, or empty."""
    revision = cells[fields.index("resource.labels.revision_name")]
    return not cells[at] or revision[: -len("-00000-aaa")] == cells[at]


def _is_flattened(text: str) -> bool:
    first = text.removeprefix("---\n").partition("\n---")[0]
    return all(
        re.search(rf"^{name}: +\S", first, re.MULTILINE)
        for name in (r"resource\.labels\.[a-z_]+", "timestamp", "(?:insertId|logName)")
    )


def _flattened(chunks: Iterator[bytes], report: SourceReport) -> Iterator[list[bytes]]:
    """The documents of `--format=flattened`: a line for each leaf, with its whole name before a colon."""
    numbers = _Numbers()
    pairs: list[tuple[str, str]] = []
    size, is_cut = 0, False
    for data in lines_of(chunks, MAX_ROW):
        line = data.decode("utf-8", "replace")
        if line.rstrip() == "---":
            if pairs:
                yield [_record(pairs, numbers)]
            report.cut += is_cut
            pairs, size, is_cut = [], 0, False
            continue
        size += len(data) + 1
        if size > MAX_ROW:
            is_cut = is_cut or line.strip() != ""
        elif (match := _KEY.fullmatch(line)) and match[1].partition(".")[0].encode() in FIRST_KEYS:
            pairs.append((match[1], match[2]))
        elif pairs:
            pairs[-1] = (pairs[-1][0], f"{pairs[-1][1]}\n{line}")
    if pairs:
        yield [_record([*pairs[:-1], (pairs[-1][0], pairs[-1][1].rstrip("\n"))], numbers)]
    report.cut += is_cut


def _note_missing(layout: Layout, report: SourceReport) -> None:
    """Say what the columns lack that JSON has."""
    wanted = {
        "severity": "severities",
        "logName": "names of logs",
        "labels.instanceId": "instances",
        "httpRequest.status": "requests",
    }
    if missing := [words for name, words in wanted.items() if name not in layout.fields]:
        report.note(f"its columns have no {', '.join(missing)}; --format=json has all")
