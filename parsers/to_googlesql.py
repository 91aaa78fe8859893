"""The catalogue, text formats and signatures as GoogleSQL, which gives what polars gives.

`parsers.to_polars`, `parsers.lines` and `parsers.signature` have the rules; here they are only spelled. The text
is meant to be read: one step is one CTE, and `runverdict sql` prints it.
"""
# ruff: noqa: S608 - all that is put into the text is quoted by `text`, or a number or a name of ours

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from parsers import json_levels, lines
from parsers.dialect import groups, only
from parsers.googlesql_pieces import (
    case,
    counted,
    duration_ms,
    format_part,
    group,
    json_text,
    language,
    levelled,
    line_format,
    masked,
    own_frames,
    text,
    traced,
)
from parsers.model import Catalogue, EventType, Match
from parsers.to_polars import CODE, COLUMNS_POSITION, FALLBACK_POSITION, log_ids

#: One number holds a hit: where the literal stands, rank of the wording, number of the event; the last two below this.
_BASE = 10_000

#: The step up to which one statement goes where the planner refuses all steps in one.
_LAST_OF_FIRST = "ranked"

_JSON_NULL = r'"[a-z0-9_]+":null,?'

#: What stands for a column that no wording captures.
NO_TEXT = "cast(null as string)"


@dataclass(frozen=True)
class _Wording:
    """One match of one event with its rank: of hits at one position the lower rank wins."""

    rank: int
    number: int
    event: EventType
    event_number: int
    match: Match | None

    @cached_property
    def names(self) -> list[str]:
        """The fields that it captures, then those that are read from a stack trace."""
        captured = groups(self.match.pattern) if self.match else []
        return captured + [name for name in self.event.traced if self.match and name not in captured]

    @property
    def text(self) -> str:
        """The text that it is matched against."""
        return json_text("payload", self.match.on) if self.match and self.match.on else "shown"

    def captured(self, name: str) -> str:
        """One field, null where it is absent."""
        assert self.match is not None  # only wordings with a match capture
        value = group(self.text, self.match.pattern, name)
        return f"coalesce(trace_{name}, {value})" if name in self.event.traced else value


def classification(catalogue: Catalogue, columns: Iterable[str], table: str = "entries") -> str:
    """Return a query that gives events for the entries of a table, row by row, in GoogleSQL.

    columns: those of events that are wanted, in their order. The same answers as `pipeline.classify.classify`.
    """
    wanted = ",\n".join(f"    {name}" for name in columns)
    return f"{_ctes(_steps(catalogue, table))}\n\nselect\n{wanted}\n\nfrom masked\n"


def searched(catalogue: Catalogue, table: str) -> str:
    """Return a query that gives the entries of a table with what the wordings find in them: the first half."""
    return f"{_ctes(_halves(catalogue, table)[0])}\n\nselect * from {_LAST_OF_FIRST}\n"


def classification_of_searched(catalogue: Catalogue, columns: Iterable[str], table: str) -> str:
    """Return a query that gives events for the rows of a table that `searched` gave: the second half."""
    wanted = ",\n".join(f"    {name}" for name in columns)
    steps = {_LAST_OF_FIRST: f"\n    select * from {table}\n", **_halves(catalogue, table)[1]}
    return f"{_ctes(steps)}\n\nselect\n{wanted}\n\nfrom masked\n"


def _halves(catalogue: Catalogue, table: str) -> tuple[dict[str, str], dict[str, str]]:
    steps = _steps(catalogue, table)
    middle = list(steps).index(_LAST_OF_FIRST) + 1
    return dict(list(steps.items())[:middle]), dict(list(steps.items())[middle:])


def _ctes(steps: dict[str, str]) -> str:
    return "with\n\n" + ",\n\n".join(f"{name} as (\n{sql}\n)" for name, sql in steps.items())


def _steps(catalogue: Catalogue, table: str) -> dict[str, str]:
    """The steps of the classification, each a query over the one before."""
    wordings = _wordings(catalogue)
    hits = ",\n".join(_hit(wording) for wording in wordings)
    return {
        "given": f"""
    select
        *,
        regexp_replace(message, {text(lines.ANSI)}, '') as text

    from {table}
""",
        "read": f"""
    select
        *,
        -- an unparsed entry is not an empty one: it has a text, which is just not known
        if(raw is null, text, '?') as shown,
        {line_format()} as format

    from given
""",
        "levelled": levelled(),
        "traces": """
    select
        *,
        -- in JSON messages a newline may be the two characters \\n
        if(strpos(text, '\\n') > 0, text, replace(text, '\\\\n', '\\n')) as stack

    from levelled
""",
        "marked": f"""
    select
        *,
        {language()} as language

    from traces
""",
        "own": f"""
    select
        *,
        {own_frames()} as own_frames

    from marked
""",
        "traced": f"""
    select
        *,
{traced()}

    from own
""",
        "searched": f"""
    -- position, rank and event of every wording that matches, in one number
    select
        *,
        array(select hit from unnest([
{hits}
        ]) as hit where hit is not null) as found

    from traced
""",
        "counted": counted([number for number, event in enumerate(catalogue.events) if event.mentioned], _BASE),
        "ranked": f"""
    select
        *,
        (select count(distinct mod(hit, {_BASE})) from unnest(hits) as hit) as n_matches,
        (select mod(div(min(hit), {_BASE}), {_BASE}) from unnest(hits) as hit) as winner,
        (select mod(min(hit), {_BASE}) from unnest(hits) as hit) as winning_event

    from counted
""",
        "won": f"""
    select
        *,
{_won(catalogue)}

    from ranked
""",
        "captured": f"""
    select
        *,
{_captured(wordings)}

    from won
""",
        "typed": f"""
    select
        *,
{_typed(wordings)}

    from captured
""",
        "told": _told(wordings),
        "masked": masked(),
    }


def _wordings(catalogue: Catalogue) -> list[_Wording]:
    """All wordings in the order in which they win at one position: longest literal, then name, then number."""
    wordings = [
        (-len(match.literal) if match else 0, event.name, number, event, event_number, match)
        for event_number, event in enumerate(catalogue.events)
        for number, match in enumerate(event.match or [None])
    ]
    wordings.sort(key=lambda row: row[:3])
    assert len(wordings) < _BASE
    return [_Wording(rank, row[2], row[3], row[4], row[5]) for rank, row in enumerate(wordings)]


def _hit(wording: _Wording) -> str:
    """The number of a hit, null where the wording does not match."""
    tail = wording.rank * _BASE + wording.event_number
    conditions = _conditions(wording.event, wording.match)
    if wording.match is None:
        position = COLUMNS_POSITION - len(wording.event.where)
        return f"if({' and '.join(conditions)}, {position * _BASE**2 + tail}, null)"
    literal = text(wording.match.literal)
    if wording.match.on:
        key = wording.match.on.rsplit(".", 1)[-1]
        conditions.append("strpos(payload, " + text(f'"{key}"') + ") > 0")
    pattern = text(only(wording.match.pattern, ""))
    where = f"strpos({wording.text}, {literal})"
    conditions += [f"{where} > 0", f"regexp_contains({wording.text}, {pattern})"]
    if wording.match.fallback:
        where = str(FALLBACK_POSITION + wording.match.fallback)
    elif wording.event.whole:
        where = f"strpos({wording.text}, regexp_extract({wording.text}, {pattern}))"
    return f"if({' and '.join(conditions)}, {where} * {_BASE**2} + {tail}, null)"


def _conditions(event: EventType, match: Match | None) -> list[str]:
    """What `log` and `where` of a block ask of an entry's columns."""
    conditions = []
    if logs := log_ids(event, match):
        conditions.append(f"(log_id is null or log_id in ({', '.join(map(text, logs))}))")
    for column, wanted in event.where.items():
        name = "shown" if column == "text" else column
        if isinstance(wanted, list) and len(wanted) == 2 and isinstance(wanted[0], int):
            conditions.append(f"{name} between {wanted[0]} and {wanted[1]}")
        elif isinstance(wanted, list):
            conditions.append(f"{name} in ({', '.join(map(_constant, wanted))})")
        elif wanted == "":
            conditions.append(f"{name} is null")
        else:
            conditions.append(f"{name} = {_constant(wanted)}")
    return conditions


def _constant(value: int | str) -> str:
    return text(value) if isinstance(value, str) else str(value)


def _won(catalogue: Catalogue) -> str:
    """Name, cause and usual outcome of the winning event."""
    numbered = list(enumerate(catalogue.events))
    names = case("winning_event", {number: text(event.name) for number, event in numbered})
    causes = case("winning_event", {number: text(event.cause) for number, event in numbered if event.echo_of})
    outcomes: dict[str, list[str]] = {}
    for number, event in numbered:
        outcomes.setdefault(event.outcome, []).append(str(number))
    usual = " ".join(
        f"when winning_event in ({', '.join(numbers)}) then {text(outcome)}" for outcome, numbers in outcomes.items()
    )
    columns = {"event": names, "cause_of_echo": causes, "usual_outcome": f"case {usual} end"}
    return ",\n".join(f"        {sql} as {name}" for name, sql in columns.items())


def _captured(wordings: list[_Wording]) -> str:
    """What the winning wording captures, in the order of its names; and what the line's format gives."""
    most = max((len(wording.names) for wording in wordings), default=0)
    columns = {
        f"field_{group}": case("winner", {w.rank: w.captured(w.names[group]) for w in wordings if group < len(w.names)})
        for group in range(most)
    }
    columns["logger"] = case("format", format_part("logger"))
    columns["body"] = case("format", format_part("message"))
    return ",\n".join(f"        {sql} as {name}" for name, sql in columns.items())


def _typed(wordings: list[_Wording]) -> str:
    """The captured fields by kind: the winning wording's first duration, its second and so on."""
    columns = {
        f"{kind}_{number}": _by_winner([(w, f"field_{w.names.index(name)}") for w, name in captures])
        for kind in ("duration", "code", "request_id", "correlation_id")
        for number, captures in enumerate(_captures(wordings, kind))
    }
    columns["wording"] = _by_winner([(wording, str(wording.number)) for wording in wordings])
    columns["outcome_by_field"] = _by_winner([(wording, sql) for wording in wordings if (sql := _outcome(wording))])
    columns["members"] = _by_winner([(wording, _members(wording)) for wording in wordings if wording.names])
    return ",\n".join(f"        {sql} as {name}" for name, sql in columns.items())


def _captures(wordings: list[_Wording], kind: str) -> list[list[tuple[_Wording, str]]]:
    """Which wordings capture a field of a kind, and under which name; a wording's second one is in a second list."""
    having: list[list[tuple[_Wording, str]]] = []
    for wording in wordings:
        names = [name for name in wording.names if wording.event.fields[name].type == kind]
        for number, name in enumerate(names):
            having += [[]] * (number >= len(having))
            having[number].append((wording, name))
    return having


def _by_winner(values: Iterable[tuple[_Wording, str]]) -> str:
    """The expression that belongs to the winning wording; wordings with the same one stand together."""
    ranks: dict[str, list[str]] = {}
    for wording, sql in values:
        ranks.setdefault(sql, []).append(str(wording.rank))
    branches = " ".join(f"when winner in ({', '.join(numbers)}) then {sql}" for sql, numbers in ranks.items())
    return f"case {branches} end" if branches else "cast(null as string)"


def _outcome(wording: _Wording) -> str:
    """The outcome that captured values decide, the last field's first; empty where none does."""
    names = [name for name in wording.event.outcomes if name in wording.names]
    cases = []
    for name in reversed(names):
        branches = {text(value): text(outcome) for value, outcome in wording.event.outcomes[name].items()}
        cases.append(case(f"field_{wording.names.index(name)}", branches))
    return f"coalesce({', '.join(cases)})" if cases else ""


def _members(wording: _Wording) -> str:
    """The captured fields as a JSON object of strings, absent ones as nulls."""
    fields = ", ".join(f"field_{wording.names.index(name)} as `{name}`" for name in sorted(wording.names))
    return f"to_json_string(struct({fields}))"


def _told(wordings: list[_Wording]) -> str:
    """Captures as numbers, and what the format and the payload say of level and logger."""
    durations = [
        duration_ms(f"duration_{number}", _ranks(captures, "s"))
        for number, captures in enumerate(_captures(wordings, "duration"))
    ]
    codes = [
        f"safe_cast(regexp_extract(code_{number}, {text(CODE)}) as int64)"
        + (f" + if(winner in ({signals}), 128, 0)" if (signals := _ranks(captures, "signal")) else "")
        for number, captures in enumerate(_captures(wordings, "code"))
    ]
    ids = {
        kind: ", ".join(f"{kind}_{number}" for number in range(len(_captures(wordings, kind))))
        for kind in ("request_id", "correlation_id")
    }
    return f"""
    select
        *,
        coalesce(cause_of_echo, event) as cause,
        coalesce(outcome_by_field, usual_outcome) as outcome,
        if(event is null, null, coalesce({", ".join([*durations, "http_latency_ms"])})) as duration_ms,
        if(event is null, null, coalesce({", ".join([*codes, "http_status"])})) as code,
        coalesce({ids["request_id"] or NO_TEXT}) as request_id,
        coalesce({ids["correlation_id"] or NO_TEXT}) as correlation_id,
        nullif(
            regexp_replace(regexp_replace(members, {text(_JSON_NULL)}, ''), ',}}$', '}}'), '{{}}'
        ) as fields,
        coalesce(regexp_extract(payload, {text(json_levels.json_logger())}), logger) as component,
        coalesce(body, regexp_extract(text, {text(lines.FIRST_LINE)})) as line

    from typed
"""


def _ranks(captures: list[tuple[_Wording, str]], unit: str) -> str:
    """The wordings whose captured field is in a unit."""
    return ", ".join(str(w.rank) for w, name in captures if w.event.fields[name].unit == unit)
