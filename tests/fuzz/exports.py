"""Exports in every form, broken in a seeded way, each with the ids of the entries that the damage did not touch."""

import csv
import gzip
import io
import json
import random
import re
from collections.abc import Callable
from dataclasses import dataclass

import zstandard

from tests.conftest import entry, healthy, line, request


@dataclass(frozen=True)
class Export:
    """A file's name and bytes, and the insertIds that must be in the store once it was read."""

    name: str
    data: bytes
    intact: frozenset[str]


TEXTS = (
    "Application startup complete.",
    "下载失败，请重试" * 9,
    "🏪 " * 40,
    "a\tb\\n\"quoted\" 'x' {brace} [list] ::error::x ##[error]y",
    "\x1b[31mred\x1b[0m \x00 \x07 \u202e\u2028",
    'Traceback (most recent call last):\n  File "x.py", line 1, in <module>\nValueError: no',
    "x" * 3000,
    "password=hunter2 alice@example.com 192.0.2.7",
    "",
)

#: What stands between entries: text, broken JSON, JSON that is no entry, bytes that are no text.
GARBAGE: tuple[Callable[[random.Random], bytes], ...] = (
    lambda rng: rng.randbytes(rng.randrange(1, 300)).replace(b"\n", b"").replace(b"\r", b"") or b"x",
    lambda rng: "".join(rng.choices('é漢🏪 a,;{}[]"\\', k=rng.randrange(1, 120))).encode(),
    lambda rng: b"progress 10%\rprogress 20%\rdone",
    lambda rng: b"a" * rng.randrange(40, 60) + "é and more text".encode(),
    lambda rng: b"1e999",
    lambda rng: b"-",
    lambda rng: b"null",
    lambda rng: b"[]",
    lambda rng: b"[" * rng.randrange(1, 400),
    lambda rng: b'"a string"',
    lambda rng: b"123456789012345678901234567890",
    lambda rng: b'{"severity": "ERROR"',
    lambda rng: b'{"timestamp": 5, "severity": [], "httpRequest": "no", "resource": 7, "insertId": {}}',
    lambda rng: b'{"insertId": "\\ud800", "textPayload": "\\udfff", "timestamp": "2026-13-45T99:99:99Z"}',
    lambda rng: b'{"jsonPayload": ' + b'{"a":' * 80 + b"1" + b"}" * 80 + b"}",
    lambda rng: b'{"jsonPayload": {"n": NaN, "i": Infinity, "big": 1' + b"0" * 400 + b"}}",
    lambda rng: b'{"httpRequest": {"status": "200", "latency": "-1e400s", "requestSize": "99999999999999999999"}}',
    lambda rng: b"timestamp,severity,textPayload",
    lambda rng: b'"never closed, ' + b"x" * rng.randrange(100),
    lambda rng: b"\x00" * rng.randrange(1, 50),
)


def entries(rng: random.Random, seed: int) -> list[dict[str, object]]:
    """Entries of a service, each with an id of its own; some lack what others have."""
    found = [*healthy()[: rng.randrange(1, 30)]]
    for n in range(rng.randrange(1, 25)):
        found.append(line(rng.randrange(100), rng.choice(TEXTS)))
        found.append(request(rng.randrange(100), rng.choice([200, 204, 301, 404, 500, 503]), f"/p/{n}"))
        found.append(entry(rng.randrange(100), jsonPayload={"message": rng.choice(TEXTS), "n": 2**63 + n, "": None}))
    rng.shuffle(found)
    for n, one in enumerate(found):
        one["insertId"] = f"f{seed}x{n}"
        for key in ("labels", "severity", "receiveTimestamp"):
            if rng.random() < 0.05:
                one[key] = None
    return found


def export(seed: int) -> Export:
    """Return the export of a seed: always the same one."""
    rng = random.Random(seed)
    name, form = rng.choice(list(FORMS.items()))
    data, intact = form(rng, entries(rng, seed))
    return Export(f"{seed}-{name}", data, frozenset(intact))


def _texts(found: list[dict[str, object]], rng: random.Random) -> list[tuple[str, bytes]]:
    ascii_only = rng.random() < 0.5
    return [(str(one["insertId"]), json.dumps(one, ensure_ascii=ascii_only).encode()) for one in found]


def _lines(rng: random.Random, found: list[dict[str, object]], end: bytes = b"\n") -> tuple[bytes, list[str]]:
    """Lines, some of them replaced by garbage or cut, garbage between others."""
    out: list[bytes] = []
    intact: list[str] = []
    rate = rng.choice([0.0, 0.05, 0.3])
    for name, text in _texts(found, rng):
        if out and rng.random() < rate:
            out.append(rng.choice(GARBAGE)(rng))
        if rng.random() < rate / 3:
            out.append(text[: rng.randrange(1, len(text))])
            continue
        out.append(text)
        intact.append(name)
    return end.join(out) + (end if rng.random() < 0.9 else b""), intact


def _cut(
    rng: random.Random, parts: list[tuple[str, bytes]], head: bytes, between: bytes, tail: bytes
) -> tuple[bytes, list[str]]:
    """Values in one text, whole or ending early; those before the cut are intact."""
    data = head
    ends: list[tuple[str, int]] = []
    for n, (name, text) in enumerate(parts):
        data += (between if n else b"") + text
        ends.append((name, len(data)))
    data += tail
    if rng.random() < 0.5:
        return data, [name for name, _ in ends]
    at = rng.randrange(1, len(data))
    return data[:at], [name for name, end in ends if end <= at]


def _array(rng: random.Random, found: list[dict[str, object]]) -> tuple[bytes, list[str]]:
    parts = _texts(found, rng)
    for _ in range(rng.randrange(3)):
        parts.insert(
            rng.randrange(1, len(parts) + 1), ("", rng.choice([b"null", b"5", b'"x"', b"[]", b"{}", b"[[1]]"]))
        )
    data, intact = _cut(rng, parts, b"[", rng.choice([b",", b",\n", b" ,\r\n"]), b"]\n")
    return data, [name for name in intact if name]


def _pretty(rng: random.Random, found: list[dict[str, object]]) -> tuple[bytes, list[str]]:
    parts = [(str(one["insertId"]), json.dumps(one, indent=2).encode()) for one in found]
    return _cut(rng, parts, b"[\n", b",\n", b"\n]")


def _wrapper(rng: random.Random, found: list[dict[str, object]]) -> tuple[bytes, list[str]]:
    return _cut(rng, _texts(found, rng), b'{"nextPageToken":"x","entries":[', b",", b"]}")


def _together(rng: random.Random, found: list[dict[str, object]]) -> tuple[bytes, list[str]]:
    return _cut(rng, _texts(found, rng), b"", b"", b"")


def _snake(rng: random.Random, found: list[dict[str, object]]) -> tuple[bytes, list[str]]:
    """As client libraries dump entries."""
    names = [{re.sub("[A-Z]", lambda c: "_" + c[0].lower(), key): value for key, value in one.items()} for one in found]
    return b"\n".join(json.dumps(one).encode() for one in names), [str(one["insertId"]) for one in found]


def _compressed(rng: random.Random, data: bytes, intact: list[str], packed: bytes) -> tuple[bytes, list[str]]:
    """Whole, or damaged: then nothing is known of what is left."""
    damage = rng.random()
    if damage < 0.5:
        return packed, intact
    at = rng.randrange(4, len(packed))
    if damage < 0.75:
        return packed[:at], []
    return packed[:at] + rng.randbytes(3) + packed[at + 3 :], []


def _gzip(rng: random.Random, found: list[dict[str, object]]) -> tuple[bytes, list[str]]:
    data, intact = _lines(rng, found)
    return _compressed(rng, data, intact, gzip.compress(data, mtime=0))


def _zstd(rng: random.Random, found: list[dict[str, object]]) -> tuple[bytes, list[str]]:
    data, intact = _lines(rng, found)
    return _compressed(rng, data, intact, zstandard.compress(data))


def _utf16(rng: random.Random, found: list[dict[str, object]]) -> tuple[bytes, list[str]]:
    text = "\n".join(json.dumps(one) for one in found)
    data = text.encode("utf-16")
    return (
        (data, [str(one["insertId"]) for one in found])
        if rng.random() < 0.7
        else (data[: rng.randrange(2, len(data))], [])
    )


def _mark(rng: random.Random, found: list[dict[str, object]]) -> tuple[bytes, list[str]]:
    data, intact = _lines(rng, found)
    return b"\xef\xbb\xbf" + data, intact


def _table(rng: random.Random, found: list[dict[str, object]]) -> tuple[bytes, list[str]]:
    """Logs Explorer's CSV; some rows have a cell too many or too few."""
    header = ["insertId", "logName", "timestamp", "severity", "textPayload", "resource.labels.service_name"]
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(header)
    intact = []
    for one in found:
        row = [
            one["insertId"],
            one["logName"],
            one["timestamp"],
            one.get("severity") or "",
            one.get("textPayload") or "x",
            "shop-api",
        ]
        change = rng.random()
        if change < 0.05:
            row.append("surplus")
        elif change < 0.1:
            row.pop()
        else:
            intact.append(str(one["insertId"]))
        writer.writerow(row)
    return text.getvalue().encode(), intact


def _flipped(rng: random.Random, found: list[dict[str, object]]) -> tuple[bytes, list[str]]:
    """Lines in which some bytes are others; lines without one are intact."""
    out, intact = [], []
    for name, text in _texts(found, rng):
        changed = bytearray(text)
        for _ in range(rng.choice([0, 0, 1, 3])):
            changed[rng.randrange(len(changed))] = rng.choice([0, 13, 34, 92, 123, 125, 91, 93, 0x80, 0xC3, 0xFF, 32])
        out.append(bytes(changed))
        if bytes(changed) == text:
            intact.append(name)
    return b"\n".join(out), intact


FORMS: dict[str, Callable[[random.Random, list[dict[str, object]]], tuple[bytes, list[str]]]] = {
    "lines.ndjson": _lines,
    "lines.log": _lines,
    "crlf.json": lambda rng, found: _lines(rng, found, b"\r\n"),
    "array.json": _array,
    "pretty.json": _pretty,
    "wrapper.json": _wrapper,
    "together.json": _together,
    "snake.json": _snake,
    "gzip.json.gz": _gzip,
    "zstd.json.zst": _zstd,
    "utf16.json": _utf16,
    "mark.json": _mark,
    "table.csv": _table,
    "flipped.ndjson": _flipped,
}
