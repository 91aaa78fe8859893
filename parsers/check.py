"""The catalogue's own tests: every example must win as its event, every near miss must not match it.

`load` (parsers.model) refuses what can be seen in one block; `check` runs the blocks against each other.
"""

import json
import re
from collections.abc import Iterable

import polars as pl

from parsers.errors import Problem
from parsers.lines import strip_ansi
from parsers.model import Catalogue, EventType, Example, Match, pattern_faults
from parsers.redact import redact
from parsers.to_polars import INPUT, Classifier, duration_ms

_COLUMN_TYPES = {"http_status": pl.Int64, "http_latency_ms": pl.Float64}


def check(catalogue: Catalogue) -> list[Problem]:
    """Return every example that does not win as its own event with its fields, every near miss that matches.

    Before these every pattern that is not portable; also each wording without an example, and each overlap with
    another event that the example does not declare in `also`. Empty where the catalogue is right.
    """
    problems = [
        Problem(*catalogue.places[event.name], event.name, f"match {number + 1}: {text}")
        for event in catalogue.events
        for number, text in pattern_faults(event)
    ]
    if problems:
        return sorted(problems)
    classifier = Classifier(catalogue)
    owners = [(event, number, example) for event in catalogue.events for number, example in enumerate(event.example)]
    frame = as_entries([example for _, _, example in owners])
    results = classifier.classify(frame).to_dicts()
    matched = classifier.matches(frame)
    shown: dict[str, set[int]] = {}
    for (event, number, example), result, hits in zip(owners, results, matched, strict=True):
        where = f"example {number + 1}"

        def problem(text: str, event: EventType = event, where: str = where) -> None:
            path, line = catalogue.places[event.name]
            problems.append(Problem(path, line, event.name, f"{where}: {text}"))

        if result["event"] != event.name:
            problem(f"wins as {result['event']}, not as this event{_how_far(event.match, example.line)}")
            continue
        shown.setdefault(event.name, set()).add(result["wording"])
        others = {name for name, _ in hits} - {event.name} - set(example.also)
        if others:
            problem(f"matches {', '.join(sorted(others))} too; declare also = {sorted(others)}, or tell them apart")
        for field, wanted in example.want.items():
            got = _got(event, field, result)
            if not _same(wanted, got):
                problem(f"{field} should be {wanted!r}, is {got!r}")
    for event in catalogue.events:
        path, line = catalogue.places[event.name]
        bare = sorted(set(range(len(event.match))) - shown.get(event.name, set()))
        problems += [
            Problem(path, line, event.name, f"match {number + 1} has no example of its own") for number in bare
        ]
        if not event.match and event.name not in shown:
            problems.append(Problem(path, line, event.name, "has no example"))
        near = classifier.matches(as_entries([Example(line=text) for text in event.near_misses]))
        for text, hits in zip(event.near_misses, near, strict=True):
            if any(name == event.name for name, _ in hits):
                problems.append(Problem(path, line, event.name, f"near miss is matched: {text!r}"))
    return sorted(problems)


def as_entries(examples: Iterable[Example]) -> pl.DataFrame:
    """Return examples as the columns that classification reads, redacted like any entry."""
    rows = [
        {
            "text": example.line,
            "log_id": _log_id(example.log),
            **example.columns,
        }
        for example in examples
    ]
    schema = {name: _COLUMN_TYPES.get(name, pl.String()) for name in INPUT}
    frame = pl.DataFrame([{**dict.fromkeys(schema), **row} for row in rows], schema=schema)
    return frame.with_columns(redact(strip_ansi(frame["text"])).alias("text"))


def _log_id(log: str | None) -> str | None:
    return log if log is None or ".com/" in log else f"run.googleapis.com/{log}"


def how_far(match: Match, line: str) -> str | None:
    """Return the part of a line that a wording's pattern matched before it failed, None where nothing did.

    The longest start of the pattern that is a pattern itself and is found in the line.
    """
    for end in range(len(match.pattern), 0, -1):
        try:
            found = re.search(match.pattern[:end], line)
        except re.error:
            continue
        if found and found.group():
            return found.group()
    return None


def _how_far(matches: list[Match], line: str | None) -> str:
    reached = [part for match in matches if line and (part := how_far(match, line))]
    return f"; the pattern got as far as {max(reached, key=len)!r}" if reached else ""


def _got(event: EventType, field: str, result: dict[str, object]) -> object:
    if field in result and field != "fields":
        return result[field]
    text = json.loads(str(result["fields"] or "{}")).get(field)
    spec = event.fields.get(field)
    if text is None or spec is None or spec.type == "text":
        return text
    if spec.type == "duration":
        return pl.select(duration_ms(pl.lit(text), spec.unit)).item()
    return float(text) if spec.type in ("int", "float", "code") else text


def _same(wanted: object, got: object) -> bool:
    if isinstance(wanted, int | float) and isinstance(got, int | float):
        return abs(wanted - got) <= 1e-9 * max(1.0, abs(wanted))
    return wanted == got
