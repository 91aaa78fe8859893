"""Logs of any size for benchmarks: a generated deployment, and the lines of many services repeated with new values."""

import random
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from pipeline.simulate import SCENARIOS, simulate, write

#: What changes from copy to copy: UUIDs, hexadecimal with a digit, long numbers, digits behind a point.
_VALUES = re.compile(
    r"(?<![A-Za-z0-9])(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?=[a-f]*[0-9])[0-9a-f]{8,}|[0-9]{5,})"
    r"(?![A-Za-z0-9])|(?<=[0-9]\.)[0-9]{2,}(?=ms|s\b)"
)
_TIME = re.compile(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}([T ])[0-9]{2}:[0-9]{2}:[0-9]{2}")
#: Values that stay, so that revisions and instances do not multiply.
_KEPT = re.compile(
    r'"(?:project_id|revision_name|service_name|configuration_name|location|instanceId|logName)":"[^"]*"'
)
_STEP = timedelta(seconds=97)


def generated(path: Path, megabytes: float) -> int:
    """Write one deployment with as much traffic as that takes, and return how many entries it has."""
    return write(simulate("healthy", requests_per_minute=13.64 * megabytes), path)


def repeated(path: Path, megabytes: float, seed: int = 7) -> int:
    """Write the lines of all scenarios again and again, with times, ids, hex and durations redrawn; return how many."""
    scratch = path.with_suffix(".once")
    lines: list[str] = []
    for scenario in SCENARIOS:
        write(simulate(scenario, minutes=8, requests_per_minute=20), scratch)
        lines += scratch.read_text().splitlines()
    scratch.unlink()
    parts = [list(_parts(line)) for line in lines]
    rng = random.Random(seed)
    n_lines = size = copies = 0
    with path.open("w") as file:
        while size < megabytes * 1e6:
            values: dict[str, str] = {}
            text = "\n".join("".join(_redrawn(p, values, rng, copies) for p in line) for line in parts) + "\n"
            size += file.write(text)
            n_lines += len(parts)
            copies += 1
    return n_lines


def _parts(line: str) -> Iterator[tuple[str, str]]:
    """The pieces of a line: text that stays, times, values."""
    kept = [match.span() for match in _KEPT.finditer(line)]
    spans = [(*match.span(), "time") for match in _TIME.finditer(line)]
    spans += [
        (*match.span(), "value")
        for match in _VALUES.finditer(line)
        if not any(start <= match.start() < end for start, end, *_ in [*kept, *spans])
    ]
    position = 0
    for start, end, kind in sorted(spans):
        if start < position:
            continue
        yield "text", line[position:start]
        yield kind, line[start:end]
        position = end
    yield "text", line[position:]


def _redrawn(part: tuple[str, str], values: dict[str, str], rng: random.Random, copies: int) -> str:
    kind, text = part
    if kind == "text":
        return text
    if text not in values:
        if kind == "time":
            moved = datetime.fromisoformat(text) + copies * _STEP
            values[text] = moved.strftime(f"%Y-%m-%d{text[10]}%H:%M:%S")
        else:
            values[text] = "".join(
                rng.choice("123456789") if c.isdigit() else rng.choice("abcdef") if c in "abcdef" else c for c in text
            )
    return values[text]
