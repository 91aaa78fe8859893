"""What the catalogue makes of single lines, for `runverdict explain`."""

import json
import re
import signal
from collections.abc import Iterator, Sequence
from typing import Any

import polars as pl
from pydantic import BaseModel, Field

from parsers.check import how_far
from parsers.lines import plain, read, strip_ansi
from parsers.model import Catalogue
from parsers.redact import redact
from parsers.to_polars import Classifier, log_ids
from pipeline.classify import classify
from pipeline.schema import ENTRIES, WORKLOADS, polars_schema


class Near(BaseModel):
    """An event that nearly matched: its literal stands in the line, its pattern failed after this part."""

    event: str
    matched_up_to: str


class Explanation(BaseModel):
    """What one line is.

    fields: as captured; a signal has its code beside it, 128 + n. format: the line format that the line was read in.
    hints: what else to know, in sentences: from which log such a line must come, which signal ended the process. Both
    are for reading; the JSON form has them not.
    """

    event: str | None
    outcome: str | None
    level: str
    message: str | None
    fields: dict[str, str]
    signature: str | None
    near: list[Near]
    format: str | None = Field(exclude=True)
    hints: list[str] = Field(exclude=True)


def explain(lines: Sequence[str], catalogue: Catalogue, *, log: str) -> Iterator[Explanation]:
    """Yield what each line is, in order.

    A line that is a JSON object with logName is a LogEntry; any other is text of `log`, a log id without or with its
    `run.googleapis.com/`.
    """
    frames = [_entry(line) if _is_entry(line) else _line(line, log) for line in lines]
    if not frames:
        return
    rows = classify(pl.concat(frames), Classifier(catalogue))
    formats = read(strip_ansi(rows["message"]), rows["payload"])["format"].to_list()
    for row, form in zip(rows.iter_rows(named=True), formats, strict=True):
        message = row["message"] or ""
        elsewhere = {} if row["event"] else _in_other_logs(message, row["log_id"], catalogue)
        yield Explanation(
            event=row["event"],
            outcome=row["outcome"],
            level=row["level"],
            message=row["message"],
            fields=_fields(row),
            signature=row["signature"],
            near=[] if row["event"] else [near for near in _near(message, catalogue) if near.event not in elsewhere],
            format=form,
            hints=[*_log_hints(elsewhere), *_signal_hints(row), *_resource_hints(row)],
        )


def text(explained: Explanation, catalogue: Catalogue) -> str:
    """Return an explanation for reading."""
    if explained.event is None:
        parts = [f"unknown line  level {explained.level}", f"  signature: {explained.signature}"]
        parts += [f"  near: {near.event}, matched up to {near.matched_up_to!r}" for near in explained.near]
    else:
        event = catalogue[explained.event]
        parts = [f"{explained.event}  {explained.outcome}  level {explained.level}", f"  {event.meaning}"]
        parts += [f"  {name} = {value}" for name, value in explained.fields.items()]
    parts += [f"  line format: {explained.format}"] if explained.format else []
    return "\n".join([*parts, *(f"  {hint}" for hint in explained.hints)])


def _fields(row: dict[str, Any]) -> dict[str, str]:
    fields: dict[str, str] = json.loads(row["fields"] or "{}")
    return {**fields, "code": str(row["code"])} if "signal" in fields and row["code"] is not None else fields


def _in_other_logs(message: str, log_id: str | None, catalogue: Catalogue) -> dict[str, list[str]]:
    """Events that would explain the message if it stood in another log, with those logs."""
    return {
        event.name: [log.removeprefix("run.googleapis.com/") for log in logs]
        for event in catalogue.events
        for match in event.match
        if not match.on
        and match.literal in message
        and (logs := log_ids(event, match))
        and log_id not in logs
        and re.search(match.pattern, message)
    }


def _log_hints(elsewhere: dict[str, list[str]]) -> Iterator[str]:
    for event, logs in elsewhere.items():
        yield f"it would be {event} in the log {' or '.join(logs)}: try --log {logs[-1]}"


def _signal_hints(row: dict[str, Any]) -> Iterator[str]:
    code = row["code"]
    if row["event"] and row["http_status"] is None and code is not None and 128 < code <= 192:
        name = next((item.name for item in signal.Signals if item.value == code - 128), "")
        yield f"code {code} = 128 + signal {code - 128}{' (' + name + ')' if name else ''}"


def _resource_hints(row: dict[str, Any]) -> Iterator[str]:
    if row["workload"] and row["workload"] not in WORKLOADS:
        yield f"the entry is of resource type {row['workload']}, not of Cloud Run: it counts for no verdict"


def _is_entry(line: str) -> bool:
    if not line.lstrip().startswith("{"):
        return False
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and "logName" in value


def _entry(line: str) -> pl.DataFrame:
    from pipeline.extract import to_entries
    from pipeline.sources.log_entry import EntryReader

    with EntryReader() as reader:
        return to_entries(reader.read([line.encode("utf-8", "replace")]), "-", b"")


def _line(line: str, log: str) -> pl.DataFrame:
    schema = polars_schema(ENTRIES)
    message = redact(plain(pl.Series([line], dtype=pl.String)))[0]
    log_id = log if ".com/" in log else f"run.googleapis.com/{log}"
    row = {**dict.fromkeys(schema), "severity": "DEFAULT", "message": message, "log_id": log_id}
    return pl.DataFrame([row], schema=schema)


def _near(line: str, catalogue: Catalogue) -> list[Near]:
    near_events = [
        Near(event=event.name, matched_up_to=reached)
        for event in catalogue.events
        for match in event.match
        if not match.on and match.literal in line and (reached := how_far(match, line))
    ]
    return sorted(near_events, key=lambda near: (-len(near.matched_up_to), near.event))[:5]
