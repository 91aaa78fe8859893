"""Entries as `gcloud logging read` prints them without `--format=json`: YAML, a document or a list item for each entry.

Flow style (`{insertId: a, …}`, without quotes around the keys) is read too: a document, an item or a line for each
entry, or a list of them in brackets that is not too long to be parsed as a whole.

Documents are cut by their first lines and parsed one by one, so that a broken one costs only itself, and none is held
with another. Scalars are texts but for JSON's own numbers, truth values and null: YAML's times, sexagesimal numbers and
`yes` would change what was logged. Aliases, which expand without bound, and tags of other types are not resolved.
"""

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

from pipeline.sources.records import OWN_KEYS, SourceReport, cut
from pipeline.text import counted

if TYPE_CHECKING:
    import yaml

#: Longest document in bytes: Cloud Logging takes no entry above 256 KiB, and indentation can double it.
MAX_DOCUMENT = 1 << 20

#: Longest list of entries in brackets, in bytes.
MAX_FLOW_LIST = 16 << 20

_FLOW = re.compile(
    r"(?:- |\[\s*)?\{\s*(?:insertId|logName|textPayload|timestamp|severity|resource|labels|httpRequest)\s*:"
)
_FIELD = re.compile(r"([A-Za-z]+):(?: |$)")
_ENTRY = re.compile(r"^(?:insertId|logName): ?\S", re.MULTILINE)

#: Fields that are texts, whatever they look like.
_TEXTS = ("logName", "insertId", "timestamp", "receiveTimestamp", "textPayload", "trace", "spanId", "severity")

#: What a plain scalar is, by its form; a text where none fits.
_SCALARS = (
    ("tag:yaml.org,2002:null", r"(?:null|~|)\Z", ["n", "~", ""]),
    ("tag:yaml.org,2002:bool", r"(?:true|false)\Z", ["t", "f"]),
    ("tag:yaml.org,2002:int", r"-?(?:0|[1-9][0-9]{0,17})\Z", list("-0123456789")),
    ("tag:yaml.org,2002:float", r"-?(?:0|[1-9][0-9]{0,17})\.[0-9]{1,17}(?:[eE][-+][0-9]{1,2})?\Z", list("-0123456789")),
)


def is_yaml(head: bytes) -> bool:
    """Whether a file that starts like this is entries as YAML.

    >>> is_yaml(b"insertId: a\\nlogName: projects/p/logs/x\\nseverity: INFO\\n"), is_yaml(b"---\\nmessage: hello\\n")
    (True, False)
    """
    text = head.decode("utf-8", "replace").replace("\r\n", "\n").lstrip().removeprefix("---\n")
    if text[:1] in ("{", "[") or _FLOW.match(text):
        return _FLOW.match(text) is not None
    first = text.partition("\n---")[0]
    if first.startswith("- "):
        first = first[2:].partition("\n- ")[0].replace("\n  ", "\n")
    names = {match[1] for line in first.split("\n") if (match := _FIELD.match(line))}
    return _ENTRY.search(first) is not None and len(names) > 2 and len(names & OWN_KEYS) > 1


def yaml_records(chunks: Iterator[bytes], report: SourceReport, *, limit: int = MAX_DOCUMENT) -> Iterator[list[bytes]]:
    """Yield the entries, each one record: the JSON of a LogEntry.

    A document that cannot be read is its text, and counted in a note; a longer one than `limit` is cut. The report is
    truncated where the last document cannot be read, or lacks the time that others have.
    """
    broken, timed, is_whole = 0, False, True
    for text in _documents(chunks, limit, report):
        values = _values(text)
        is_whole = values is not None
        if values is None:
            broken += 1
            yield [text]
            continue
        entries = [value for value in values if value is not None]
        if entries:
            has_time = isinstance(entries[-1], dict) and "timestamp" in entries[-1]
            timed, is_whole = timed or has_time, has_time or not timed
            yield [json.dumps(value, ensure_ascii=False).encode("utf-8", "replace") for value in entries]
    report.truncated = report.truncated or not is_whole
    if broken:
        report.note(f"{counted(broken, 'YAML document')} that cannot be read kept as text")


def _documents(chunks: Iterator[bytes], limit: int, report: SourceReport) -> Iterator[bytes]:
    """Yield the documents that are not blank, each without its separator; items of a list at the top one by one."""
    held: list[bytes] = []
    size, end = 0, 0  # of its lines, and up to where the last one ends that is not blank
    item: bytes | None = None  # what every entry begins with, where no separator stands between them
    for given in lines_of(chunks, max(limit, MAX_FLOW_LIST)):
        line = given
        separator = line.startswith(b"--- ") or line.rstrip() == b"---"
        if item is None and line.strip() and not separator:
            item = next((start for start in (b"- ", b"{") if line.startswith(start)), b"")
            limit = max(limit, MAX_FLOW_LIST) if line.startswith(b"[") else limit
        if separator or (item and line.startswith(item)):
            yield from _document(held, end, limit, report)
            held, size, end = [], 0, 0
            line = line[3:].lstrip() if separator else line
            if not line:
                continue
        if size <= limit + 1:  # with its last line end
            held.append(line)
        if line.strip():
            end = size + len(line.rstrip())
        size += len(line) + 1
    yield from _document(held, end, limit, report)


def _document(lines: list[bytes], end: int, limit: int, report: SourceReport) -> Iterator[bytes]:
    """The text of the lines, unless it is blank; end: that of the whole document's last line that is not."""
    text = b"\n".join(lines)
    text = cut(text, limit, report) if end > limit else text.rstrip()
    if text.strip():
        yield text


def lines_of(chunks: Iterator[bytes], limit: int) -> Iterator[bytes]:
    """Yield lines without their ends; of one longer than `limit` parts."""
    held: list[bytes] = []  # the line that has not ended yet
    size = 0
    for chunk in chunks:
        *lines, rest = chunk.split(b"\n")
        if lines:
            lines[0] = b"".join([*held, lines[0]])
            held, size = [], 0
        for line in lines:
            yield line.removesuffix(b"\r")
        held.append(rest)
        size += len(rest)
        if size > limit:
            yield b"".join(held)
            held, size = [], 0
    yield b"".join(held)


def _values(text: bytes) -> list[Any] | None:
    """The value of a document, or the items of its list; None where it cannot be read."""
    import yaml

    try:
        written = text.decode()
        if "*" in written and any(
            isinstance(event, yaml.AliasEvent) for event in yaml.parse(written, yaml.CSafeLoader)
        ):
            return None
        value = yaml.load(written, _loader())  # noqa: S506 - a subclass of CSafeLoader
        values = value if isinstance(value, list) else [value]
        if any(value is not None and not isinstance(value, dict) for value in values):
            return None
        json.dumps(values, allow_nan=False)
    except (yaml.YAMLError, ValueError, TypeError, RecursionError):
        return None
    return [value and {name: _text(name, item) for name, item in value.items()} for value in values]


def _text(name: str, value: object) -> object:
    if name not in _TEXTS or value is None or isinstance(value, dict | list | str):
        return value
    return json.dumps(value)


@cache
def _loader() -> "type[yaml.CSafeLoader]":
    import yaml

    class Loader(yaml.CSafeLoader):
        """Scalars as JSON has them."""

    Loader.yaml_implicit_resolvers = {}
    for tag, pattern, first in _SCALARS:
        Loader.add_implicit_resolver(tag, re.compile(pattern), first)
    return Loader
