"""The event catalogue as data: what a TOML block may say, and how the packs are read.

A pack is one file of `parsers/catalogue`, or of a folder the user names. Its blocks are `EventType`s; `load` gives
a `Catalogue`, or one `CatalogueError` with every problem found.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Literal

import tomli
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from parsers.dialect import faults, groups
from parsers.errors import CatalogueError, Problem
from parsers.signature import NOTABLE
from parsers.traces import FIELDS

Outcome = Literal["ok", "info", "degraded", "failure", "critical"]
FieldType = Literal["int", "float", "text", "duration", "code", "subject", "request_id", "correlation_id"]
Group = Literal["general", "service"]

#: Columns of an entry that a block's `where` may name; "" is asked of a column that must be absent.
WHERE_COLUMNS = frozenset(
    {"http_method", "http_host", "http_path", "http_status", "http_user_agent", "severity", "text", "payload"}
)

#: Units that classification converts from; of other types the unit is only told.
_UNITS = {"duration": ("ms", "s"), "code": ("1", "signal")}

_NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FieldSpec(_Strict):
    """A captured field: what it is, in which unit."""

    type: FieldType
    unit: str = "1"
    meaning: str


class Match(_Strict):
    """One wording: a literal that stands in every line it matches, and the pattern.

    `on` names the place of the payload that is matched in place of the message, as a JSON path (`$.error.type`).
    `log` stands in place of the block's: the logs that this wording holds in, [] for all. A `fallback` is so general
    that it stands behind all literals, the higher the number the later: any other event of the line wins.
    """

    literal: str = Field(min_length=3)
    pattern: str
    log: list[str] | None = None
    fallback: int = Field(default=0, ge=0, le=9)
    on: str | None = Field(default=None, pattern=r"^\$(\.[A-Za-z_][A-Za-z0-9_]*)+$")


class Example(_Strict):
    """A line (or the columns of a request row) and the fields it must give; it must win as its own event."""

    line: str | None = None
    # Factories, for pydantic copies a default `{}` deeply, of each of thousands of blocks.
    columns: dict[str, int | str] = Field(default_factory=dict)
    log: str | None = None
    want: dict[str, int | float | str] = Field(default_factory=dict)
    also: list[str] = Field(default_factory=list)


class EventType(_Strict):
    """One block: an event with its wordings, fields, examples and near misses.

    `whole`: a match is a record of its own, such as a line of an access log or a logged query. It stands where the
    match begins, not where its literal does, so what the record quotes (a path, a value) comes behind it.
    """

    name: str
    pack: str
    meaning: str
    outcome: Outcome
    source: str
    fields: dict[str, FieldSpec] = Field(default_factory=dict)
    outcomes: dict[str, dict[str, Outcome]] = Field(default_factory=dict)
    match: list[Match] = Field(default_factory=list)
    example: list[Example] = Field(default_factory=list)
    near_misses: list[str] = Field(default_factory=list)
    echo_of: str | None = None
    log: list[str] = Field(default_factory=list)
    trace: bool = False
    whole: bool = False
    where: dict[str, int | str | list[int] | list[str]] = Field(default_factory=dict)

    @property
    def traced(self) -> tuple[str, ...]:
        """Its fields that are read from the line's stack trace, where the pattern has them not."""
        return tuple(name for name in FIELDS if self.trace and name in self.fields)

    @property
    def mentioned(self) -> bool:
        """Whether a text may only mention it (`parsers.quoted`): it is no good news, and is read from texts alone."""
        return self.outcome in NOTABLE and bool(self.match) and not any(match.on for match in self.match)

    @property
    def cause(self) -> str:
        """The event this one is counted as: itself, or the one it echoes."""
        return self.echo_of or self.name


@dataclass(frozen=True)
class Catalogue:
    """All events, sorted by name, and where each block stands (for messages)."""

    events: tuple[EventType, ...]
    origins: dict[str, tuple[str, int]]
    titles: dict[str, str]

    @cached_property
    def digest(self) -> str:
        """First 12 hex digits of the SHA-256 of all blocks: same rules, same digest."""
        text = "\n".join(event.model_dump_json(exclude={"pack"}) for event in self.events)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def __getitem__(self, name: str) -> EventType:
        """Return the event of that name; KeyError where there is none."""
        return self.by_name[name]

    @cached_property
    def by_name(self) -> dict[str, EventType]:
        """Events by name."""
        return {event.name: event for event in self.events}


def load(packs: Sequence[str] | None = None, folders: Iterable[Path] = ()) -> Catalogue:
    """Return the catalogue of our packs and the user's folders.

    packs: names of packs (`cloud_run`), or `general` for all general ones; None for all. folders: each `*.toml`
    in them is a pack too. Raises CatalogueError with all problems at once: unreadable TOML, unknown keys or packs,
    double names; in a user's packs also patterns outside the portable dialect, literals that a match need not
    contain, and undeclared fields.
    """
    names = None if packs is None else tuple(packs)
    users = tuple(folders)
    return _read(names, users) if users else _shipped(names)


@cache
def _shipped(packs: tuple[str, ...] | None) -> Catalogue:
    """Our own packs: they do not change while we run, and are read once."""
    return _read(packs, ())


def _read(packs: tuple[str, ...] | None, folders: tuple[Path, ...]) -> Catalogue:
    problems: list[Problem] = []
    events: dict[str, EventType] = {}
    origins: dict[str, tuple[str, int]] = {}
    titles: dict[str, str] = {}
    wanted = None if packs is None else set(packs)
    ours = [item for item in (resources.files("parsers") / "catalogue").iterdir() if item.name.endswith(".toml")]
    files: list[tuple[Traversable | Path, bool]] = [(item, False) for item in ours]
    for folder in folders:
        if not folder.is_dir():
            problems.append(Problem(str(folder), 0, "", "no such folder of catalogue packs ([catalogue] paths)"))
        files += [(item, True) for item in folder.glob("*.toml")]
    known = {"general"}
    for file, users in sorted(files, key=lambda pair: (pair[1], pair[0].name)):
        pack = file.name.removesuffix(".toml")
        known.add(pack)
        path = str(file) if users else f"parsers/catalogue/{file.name}"
        try:
            source = _Source(path, file.read_text(encoding="utf-8"), ours=not users)
        except UnicodeDecodeError as error:
            problems.append(Problem(path, 0, "", f"not UTF-8, which TOML is written in: {error.reason}"))
            continue
        document = source.parse(problems)
        head = document.pop("pack", {})
        if not isinstance(head, dict):
            problems.append(Problem(path, 0, "", "pack is a table: [pack] with title and group"))
            head = {}
        if not (users or wanted is None or pack in wanted or ("general" in wanted and head.get("group") == "general")):
            continue
        titles[pack] = str(head.get("title", pack))
        for name, block in document.items():
            event = source.event(name, block, pack, problems)
            if name in origins:
                first = "{}:{}".format(*origins[name])
                problems.append(Problem(path, source.line(name), name, f"the name stands already at {first}"))
                continue
            origins[name] = (path, source.line(name))
            if event is not None:
                events[name] = event
    if wanted is not None:
        problems += [
            Problem("[catalogue] packs", 0, "", f"no pack {name!r}; there are: {', '.join(sorted(known))}")
            for name in sorted(wanted - known)
        ]
    for event in events.values():
        if event.echo_of and event.echo_of not in origins and wanted is None:
            problems.append(Problem(*origins[event.name], event.name, f"echo_of names no event: {event.echo_of!r}"))
    if problems:
        raise CatalogueError(problems)
    return Catalogue(tuple(events[name] for name in sorted(events)), origins, titles)


def pattern_faults(event: EventType) -> Iterator[tuple[int, str]]:
    """Yield what is wrong with the patterns of a block, with the number of the match, counted from 0.

    Our own packs are asked by `parsers.check` when they are made, a user's whenever they are read: it takes a while.
    """
    for number, match in enumerate(event.match):
        broken = faults(match.pattern, match.literal)
        yield from ((number, text) for text in broken)
        if not broken:
            for field in sorted(set(groups(match.pattern)) - event.fields.keys()):
                yield number, f"field {field!r} is captured, not declared: fields.{field} = {{…}}"


@dataclass(frozen=True)
class _Source:
    """One pack's text, for parsing and for finding the line of a block."""

    path: str
    text: str
    ours: bool

    @cached_property
    def _headers(self) -> dict[str, int]:
        """The line of each plain header `["name"]`."""
        headers: dict[str, int] = {}
        for number, text in enumerate(self.text.split("\n"), 1):
            if text.startswith('["') and text.endswith('"]'):
                headers.setdefault(text[2:-2], number)
        return headers

    def parse(self, problems: list[Problem]) -> dict[str, Any]:
        try:
            return tomli.loads(self.text)
        except tomli.TOMLDecodeError as error:
            line = re.search(r"at line ([0-9]+)", str(error))
            number = int(line[1]) if line else len(self.text.splitlines())  # else at the end of the document
            problems.append(Problem(self.path, number, "", f"not TOML: {error}"))
            return {}

    def line(self, name: str, table: str = "", number: int = 0) -> int:
        """The line of a block's header, or of the nth `[[name.table]]` in it; 0 where it is not found."""
        if not table and name in self._headers:
            return self._headers[name]
        bare = name.replace(" ", "")
        header = f'["{bare}"]' if not table else f'[["{bare}".{table}]]'
        seen = -1
        first = 0
        for count, text in enumerate(self.text.split("\n"), 1):
            written = text.split("#")[0].replace("'", '"').replace(" ", "").strip()
            first = first or (count if re.match(rf'\[*"?{re.escape(bare)}["\].=]', written) else 0)
            if written == header:
                seen += 1
                if seen == number:
                    return count
        return self.line(name) if table else first

    def event(self, name: str, block: object, pack: str, problems: list[Problem]) -> EventType | None:
        """The block as an EventType, or None with its problems added."""

        def problem(text: str, table: str = "", number: int = 0) -> None:
            problems.append(Problem(self.path, self.line(name, table, number), name, text))

        if not _NAME.fullmatch(name) or not isinstance(block, dict):
            problem('an event is a table with a quoted name such as ["family.what_happened"]')
            return None
        if unknown := {"name", "pack"} & block.keys():
            problem(f"unknown key {min(unknown)!r}")
        try:
            event = EventType(**{**block, "name": name, "pack": pack})
        except ValidationError as error:
            for fault in error.errors():
                where = [str(part) for part in fault["loc"]]
                table, number = (where[0], int(where[1])) if len(where) > 1 and where[1].isdigit() else ("", 0)
                text = "unknown key" if fault["type"] == "extra_forbidden" else fault["msg"]
                problem(f"{'.'.join(where)}: {text}", table if table in ("match", "example") else "", number)
            for number, raw in enumerate(_tables(block.get("match"))):
                if isinstance(pattern := raw.get("pattern"), str) and isinstance(literal := raw.get("literal"), str):
                    for fault_text in faults(pattern, literal):
                        problem(fault_text, "match", number)
            return None
        before = len(problems)
        if not event.match and not event.where:
            problem("needs a [[match]] or a `where`")
        for column in sorted(event.where.keys() - WHERE_COLUMNS):
            problem(f"where: no column {column!r}; there are: {', '.join(sorted(WHERE_COLUMNS))}")
        for column in sorted(event.where.keys() & WHERE_COLUMNS):
            wanted = event.where[column]
            kind = int if column == "http_status" else str
            if not all(isinstance(value, kind) for value in (wanted if isinstance(wanted, list) else [wanted])):
                problem(f"where: {column} is compared with {'numbers' if kind is int else 'text'}, not with {wanted!r}")
        for field, spec in event.fields.items():
            units = _UNITS.get(spec.type, (spec.unit,))
            if spec.unit not in units:
                problem(f"fields.{field}: the unit of a {spec.type} is {' or '.join(units)}, not {spec.unit!r}")
        if event.trace and not event.traced:
            problem(f"trace: declare at least one of the fields {', '.join(FIELDS)}")
        for field in sorted(event.outcomes.keys() - event.fields.keys()):
            problem(f"outcomes: {field!r} is no field")
        if not self.ours:
            for number, text in pattern_faults(event):
                problem(text, "match", number)
        return event if len(problems) == before else None


def _tables(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
