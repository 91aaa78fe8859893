"""The catalogue's own tests: every example must win as its event, every near miss must not match it.

`load` (parsers.model) refuses what can be seen in one block; `check` runs the blocks against each other.
"""

import json
import re
from collections.abc import Iterable, Iterator

import polars as pl

from parsers import traces
from parsers.dialect import faults
from parsers.errors import Problem
from parsers.formats import FormatExample, LineFormat, formats
from parsers.lines import plain, read, strip_ansi
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
        Problem(*catalogue.origins[event.name], event.name, f"match {number + 1}: {text}")
        for event in catalogue.events
        for number, text in pattern_faults(event)
    ]
    if problems:
        return sorted(problems)
    classifier = Classifier(catalogue)
    owners = [(event, number, example) for event in catalogue.events for number, example in enumerate(event.example)]
    near_misses = [(event.name, text) for event in catalogue.events for text in event.near_misses]
    frame = as_entries([*(example for _, _, example in owners), *(Example(line=text) for _, text in near_misses)])
    results = classifier.classify(frame).to_dicts()
    several = [row for row, result in enumerate(results) if result["n_matches"] > 1]
    names = [{result["event"]} for result in results]
    strong: dict[int, set[str]] = {}
    for row, hits in zip(several, classifier.matches(frame[several]), strict=True):
        names[row] = {name for name, _ in hits}
        # A fallback gives way to any other event, so it need not be declared.
        strong[row] = {name for name, number in hits if not _is_fallback(catalogue[name], number)}
    shown: dict[str, set[int]] = {}
    for row, ((event, number, example), result) in enumerate(zip(owners, results, strict=False)):
        where = f"example {number + 1}"

        def problem(text: str, event: EventType = event, where: str = where) -> None:
            path, line = catalogue.origins[event.name]
            problems.append(Problem(path, line, event.name, f"{where}: {text}"))

        if result["event"] != event.name:
            problem(f"wins as {result['event']}, not as this event{_how_far(event.match, example.line)}")
            continue
        shown.setdefault(event.name, set()).add(result["wording"])
        if others := strong.get(row, set()) - {event.name} - set(example.also):
            problem(f"matches {', '.join(sorted(others))} too; declare also = {sorted(others)}, or tell them apart")
        for field, wanted in example.want.items():
            got = _got(event, field, result)
            if not _same(wanted, got):
                problem(f"{field} should be {wanted!r}, is {got!r}")
    for (event_name, text), matched in zip(near_misses, names[len(owners) :], strict=True):
        if event_name in matched:
            problems.append(Problem(*catalogue.origins[event_name], event_name, f"near miss is matched: {text!r}"))
    for event in catalogue.events:
        path, line = catalogue.origins[event.name]
        bare = sorted(set(range(len(event.match))) - shown.get(event.name, set()))
        problems += [
            Problem(path, line, event.name, f"match {number + 1} has no example of its own") for number in bare
        ]
        if not event.match and event.name not in shown:
            problems.append(Problem(path, line, event.name, "has no example"))
    return sorted(problems)


def check_formats() -> list[Problem]:
    """Return every line format whose pattern is not portable, or whose examples and near misses are read wrongly."""
    forms = formats().format
    owners = [(form, number, example) for form in forms for number, example in enumerate(form.example, 1)]
    texts = as_entries(Example(line=example.line) for _, _, example in owners)["text"]
    rows = read(strip_ansi(texts), pl.Series([None] * len(texts), dtype=pl.String)).to_dicts()
    problems = [
        (form.name, fault)
        for form in forms
        for fault in faults(form.pattern, "")
        if not fault.startswith("field 'message'")
    ]
    for (form, number, example), row in zip(owners, rows, strict=True):
        problems += [(form.name, f"example {number}: {text}") for text in _format_problems(form, example, row)]
    near_misses = [(form, line) for form in forms for line in form.near_misses]
    near = as_entries(Example(line=line) for _, line in near_misses)["text"]
    for (form, _), text in zip(near_misses, near, strict=True):
        if pl.Series([text]).str.contains(form.pattern).item():
            problems.append((form.name, f"near miss is matched: {text!r}"))
    return [Problem("parsers/formats.toml", 0, name, text) for name, text in problems]


def _format_problems(form: LineFormat, example: FormatExample, row: dict[str, object]) -> Iterator[str]:
    """What is wrong with how an example of a format was read."""
    if row["format"] != form.name:
        yield f"read as {row['format']}, not as this format"
        return
    got = {"level": row["level"], "logger": row["logger"], "message": row["body"]}
    wanted = {"message": row["body"], **example.want}
    for part in got:
        if wanted.get(part) != got[part]:
            yield f"{part} should be {wanted.get(part)!r}, is {got[part]!r}"


def check_traces() -> list[Problem]:
    """Return every language of stack traces whose patterns, examples or near misses are wrong."""
    return [
        Problem("parsers/traces.toml", 0, trace.language, text)
        for trace in traces.traces()
        for text in _trace_problems(trace)
    ]


def _trace_problems(trace: traces.Trace) -> Iterator[str]:
    for pattern in (trace.mark, trace.library, *trace.exceptions, *trace.frames):
        yield from faults(pattern, "")
    texts = as_entries(Example(line=example.line) for example in trace.example)["text"]
    for number, (example, row) in enumerate(zip(trace.example, traces.read(texts).to_dicts(), strict=True), 1):
        wanted = {**dict.fromkeys(traces.FIELDS), **example.want, "language": trace.language}
        yield from (
            f"example {number}: {key} should be {wanted[key]!r}, is {row[key]!r}"
            for key in row
            if row[key] != wanted[key]
        )
    near = as_entries(Example(line=line) for line in trace.near_misses)["text"]
    rows = traces.read(near)["language"].to_list()
    yield from (f"near miss is read: {text!r}" for text, got in zip(near, rows, strict=True) if got == trace.language)


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
    return frame.with_columns(redact(plain(frame["text"])).alias("text"))


def _is_fallback(event: EventType, number: int) -> bool:
    return bool(event.match) and event.match[number].fallback > 0


def _log_id(log: str | None) -> str | None:
    return log if log is None or ".com/" in log else f"run.googleapis.com/{log}"


def how_far(match: Match, line: str) -> str | None:
    """Return the part of a line that a wording's pattern matched before it failed, None where nothing did.

    The longest start of the pattern that is a pattern itself and is found in the line.
    """
    for end in range(len(match.pattern), 0, -1):
        try:
            matched = re.search(match.pattern[:end], line)
        except re.error:
            continue
        if matched and matched.group():
            return matched.group()
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
