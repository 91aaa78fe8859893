"""What the catalogue makes of single lines, for `runverdict explain`."""

import json
from collections.abc import Iterator, Sequence

import polars as pl
from pydantic import BaseModel

from parsers.check import how_far
from parsers.model import Catalogue
from parsers.redact import redact
from parsers.to_polars import Classifier
from pipeline.classify import classify
from pipeline.schema import ENTRIES, polars_schema


class Near(BaseModel):
    """An event that nearly matched: its literal stands in the line, its pattern failed after this part."""

    event: str
    matched_up_to: str


class Explanation(BaseModel):
    """What one line is."""

    event: str | None
    outcome: str | None
    level: str
    message: str | None
    fields: dict[str, str]
    signature: str | None
    near: list[Near]


def explain(lines: Sequence[str], catalogue: Catalogue, *, log: str) -> Iterator[Explanation]:
    """Yield what each line is, in order.

    A line that is a JSON object with logName is a LogEntry; any other is text of `log`, a log id without or with its
    `run.googleapis.com/`.
    """
    frames = [_entry(line) if _is_entry(line) else _line(line, log) for line in lines]
    if not frames:
        return
    for row in classify(pl.concat(frames), Classifier(catalogue)).iter_rows(named=True):
        yield Explanation(
            event=row["event"],
            outcome=row["outcome"],
            level=row["level"],
            message=row["message"],
            fields=json.loads(row["fields"] or "{}"),
            signature=row["signature"],
            near=[] if row["event"] else _near(row["message"] or "", catalogue),
        )


def text(found: Explanation, catalogue: Catalogue) -> str:
    """Return an explanation for reading."""
    if found.event is None:
        parts = [f"unexplained  level {found.level}", f"  signature: {found.signature}"]
        parts += [f"  near: {near.event}, matched up to {near.matched_up_to!r}" for near in found.near]
        return "\n".join(parts)
    event = catalogue[found.event]
    parts = [f"{found.event}  {found.outcome}  level {found.level}", f"  {event.meaning}"]
    parts += [f"  {name} = {value}" for name, value in found.fields.items()]
    return "\n".join(parts)


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
    message = redact(pl.Series([line], dtype=pl.String))[0]
    log_id = log if ".com/" in log else f"run.googleapis.com/{log}"
    row = {**dict.fromkeys(schema), "severity": "DEFAULT", "message": message, "log_id": log_id}
    return pl.DataFrame([row], schema=schema)


def _near(line: str, catalogue: Catalogue) -> list[Near]:
    found = [
        Near(event=event.name, matched_up_to=reached)
        for event in catalogue.events
        for match in event.match
        if not match.on and match.literal in line and (reached := how_far(match, line))
    ]
    return sorted(found, key=lambda near: (-len(near.matched_up_to), near.event))[:5]
