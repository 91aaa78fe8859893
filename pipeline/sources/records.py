"""What a file gives: records, batches of them, and a report; and which JSON objects are log entries."""

import re
from dataclasses import dataclass, field
from typing import Any

#: Longest record in bytes; the rest of a longer one is dropped and counted.
MAX_RECORD = 64 << 20

#: How many objects may stand around a list of entries inside a wrapper object.
MAX_WRAPPERS = 3

_OWN = frozenset({"logName", "insertId", "textPayload", "jsonPayload", "protoPayload", "httpRequest", "resource"})
_OTHERS = frozenset(
    {"timestamp", "receiveTimestamp", "severity", "labels", "trace", "traceSampled", "spanId"}
    | {"operation", "sourceLocation", "errorGroups"}
)


def _both_spellings(keys: frozenset[str]) -> frozenset[str]:
    return keys | {re.sub("[A-Z]", lambda capital: "_" + capital[0].lower(), key) for key in keys}


#: Keys that only a LogEntry has, in the spelling of the API and of client dumps.
OWN_KEYS = _both_spellings(_OWN)

#: Keys that a LogEntry can begin with.
FIRST_KEYS = frozenset(key.encode() for key in _both_spellings(_OWN | _OTHERS))


@dataclass(frozen=True)
class Batch:
    """Some records of one file, in their order.

    lines: each the UTF-8 bytes of one JSON value without a line end behind it; a pretty-printed one has line ends
    inside. What is no JSON value is kept as it stood.
    """

    source: str
    lines: list[bytes]


@dataclass
class SourceReport:
    """What was met in one file; filled while it is read.

    bytes_read: as stored, so compressed where the file is. records: all given, broken ones included. truncated: the
    end is missing or could not be read. incomplete: what else may be missing, as a sentence. repaired_utf8: records in
    which invalid UTF-8 became U+FFFD. cut: records above 64 MiB of which the rest was dropped. notes: sentences for the
    reader. read, outside: entries that reached the store, within the window and not. latest_us: the largest
    receiveTimestamp of these (timestamp where an entry has none), in µs since 1970. Of a pull: share of the window from
    0 to 1, position_ns since 1970, reads made and left.

    form: of the file, in words; empty for what is no single file. other_types, unparsed: of all entries, those of other
    resource types than Cloud Run's, and those that are no LogEntry. first_other, first_unparsed: the number of the
    first such record in a single file, from 1.
    """

    source: str
    bytes_read: int = 0
    records: int = 0
    read: int = 0
    outside: int = 0
    latest_us: int | None = None
    share: float = 0.0
    position_ns: int = 0
    reads: int = 0
    reads_left: int = 0
    truncated: bool = False
    incomplete: str = ""
    repaired_utf8: int = 0
    cut: int = 0
    form: str = ""
    other_types: int = 0
    first_other: int | None = None
    unparsed: int = 0
    first_unparsed: int | None = None
    notes: list[str] = field(default_factory=list)

    def note(self, sentence: str) -> None:
        """Add a sentence, once."""
        if sentence not in self.notes:
            self.notes.append(sentence)

    def absorb(self, file: "SourceReport") -> None:
        """Add what was met in one file of several."""
        self.bytes_read += file.bytes_read
        self.records += file.records
        self.repaired_utf8 += file.repaired_utf8
        self.cut += file.cut
        self.truncated |= file.truncated
        for sentence in file.notes:
            self.note(f"{file.source}: {sentence}")


def cut(record: bytes, limit: int, report: SourceReport) -> bytes:
    """Return a record that is longer than `limit` bytes, cut to it at the border of a character, and count it."""
    report.cut += 1
    border = next((end for end in range(limit, max(limit - 4, 0), -1) if record[end] & 0xC0 != 0x80), limit)
    return record[:border]


def is_entry(value: dict[str, Any]) -> bool:
    """Whether an object is a LogEntry, going by its keys."""
    return not OWN_KEYS.isdisjoint(value) or ("timestamp" in value and "severity" in value)


def holds_entries(value: object, depth: int = 0) -> bool:
    """Whether a value is an object that is no LogEntry itself, but wraps lists of them."""
    if not isinstance(value, dict) or is_entry(value) or depth > MAX_WRAPPERS:
        return False
    firsts = (member[0] for member in value.values() if isinstance(member, list) and member)
    if any(isinstance(first, dict) and (is_entry(first) or holds_entries(first, depth + 1)) for first in firsts):
        return True
    return any(holds_entries(member, depth + 1) for member in value.values())
