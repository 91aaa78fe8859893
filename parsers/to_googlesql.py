"""The catalogue, text formats, signatures and redaction as GoogleSQL, which gives what polars gives.

`parsers.to_polars`, `parsers.lines`, `parsers.signature` and `parsers.redact` have the rules; here they are only
spelled. The text is meant to be read: one step is one CTE, and `runverdict sql` prints it.
"""
# ruff: noqa: S608 - all that is put into the text is quoted by `text`, or a number or a name of ours

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from parsers import lines, redact, signature
from parsers.dialect import groups
from parsers.model import Catalogue, EventType, Match
from parsers.to_polars import BARE, CODE, COLUMNS_POSITION, DURATION, MAX_DURATION_MS, MS, log_ids

#: One number holds a hit: where the literal stands, rank of the wording, number of the event; the last two below this.
_BASE = 10_000

#: A group of a pattern that has a name, and what may look like one: an escape, a class.
_GROUP = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?P<([a-z][a-z0-9_]*)>", re.DOTALL)
_REFERENCE = re.compile(r"\$\{([0-9])\}")
_JSON_NULL = r'"[a-z0-9_]+":null,?'


@dataclass(frozen=True)
class _Wording:
    """One match of one event with its rank: of hits at one position the lower rank wins."""

    rank: int
    number: int
    event: EventType
    event_number: int
    match: Match | None

    @property
    def names(self) -> list[str]:
        """The fields that it captures."""
        return groups(self.match.pattern) if self.match else []

    @property
    def text(self) -> str:
        """The text that it is matched against."""
        return _json_text("payload", self.match.on) if self.match and self.match.on else "shown"

    def captured(self, name: str) -> str:
        """One captured field, null where it is absent."""
        assert self.match is not None  # only wordings with a match capture
        return f"nullif(regexp_extract({self.text}, {text(_only(self.match.pattern, name))}), '')"


def classification(
    catalogue: Catalogue, columns: Iterable[str], table: str = "entries", condition: str = "true"
) -> str:
    """Return a query that gives events for the entries of a table that meet a condition, row by row, in GoogleSQL.

    columns: those of events that are wanted, in their order. The same answers as `pipeline.classify.classify`.
    """
    wordings = _wordings(catalogue)
    hits = ",\n".join("            " + _hit(wording) for wording in wordings)
    known = ",\n".join(
        f"        struct({w.rank} as place, {text(w.event.name)} as event, {w.number} as wording, "
        f"{text(w.event.cause)} as cause, {text(w.event.outcome)} as usual_outcome)"
        for w in wordings
    )
    formats = "\n".join(
        f"            when regexp_contains(text, {text(form.pattern)}) then {number}"
        for number, form in enumerate(lines.FORMATS)
    )
    steps = {
        "given": f"""
    select
        *,
        regexp_replace(message, {text(lines.ANSI)}, '') as text

    from {table}
    where {condition}
""",
        "read": f"""
    select
        *,
        -- an unparsed entry is not an empty one: it has a text, which is just not known
        if(raw is null, text, '?') as shown,
        case
{formats}
        end as format

    from given
""",
        "searched": f"""
    -- position, rank and event of every wording that matches, in one number
    select
        *,
        array(select hit from unnest([
{hits}
        ]) as hit where hit is not null) as hits

    from read
""",
        "ranked": f"""
    select
        *,
        (select count(distinct mod(hit, {_BASE})) from unnest(hits) as hit) as n_matches,
        (select mod(div(min(hit), {_BASE}), {_BASE}) from unnest(hits) as hit) as winner

    from searched
""",
        "wordings": f"""
    select
        one.place,
        one.event,
        one.wording,
        one.cause,
        one.usual_outcome

    from unnest([
{known}
    ]) as one
""",
        "won": """
    select
        ranked.*,
        wordings.event,
        wordings.wording,
        wordings.cause,
        wordings.usual_outcome

    from ranked
    left join wordings on ranked.winner = wordings.place
""",
        "captured": f"""
    select
        *,
{_captured(wordings)}

    from won
""",
        "told": _told(wordings),
        "masked": _masked(),
    }
    wanted = ",\n".join(f"    {name}" for name in columns)
    body = ",\n\n".join(f"{name} as (\n{sql}\n)" for name, sql in steps.items())
    return f"with\n\n{body}\n\nselect\n{wanted}\n\nfrom masked\n"


def redacted(expression: str) -> str:
    """Return an expression for the text with personal data and secrets replaced, as `parsers.redact.redact` does."""
    for rule in redact.RULES:
        expression = _replace(expression, rule.pattern, rule.replacement)
    return expression


def without_escapes(expression: str) -> str:
    """Return an expression for the text without terminal escapes, as `parsers.lines.strip_ansi` does."""
    return _replace(expression, lines.ANSI, "")


def subject(expression: str) -> str:
    """Return an expression for the first 8 characters of the text's first user identifier, or null."""
    return f"substr(regexp_extract({expression}, {text(redact.SUBJECT)}), 1, 8)"


def digest(expression: str) -> str:
    """Return an expression for the digest of an identifier by the query's parameter @pseudonym_key."""
    return f"substr(to_hex(sha256(concat(@pseudonym_key, {expression}))), 1, 12)"


def text(value: str) -> str:
    """Return a string literal of GoogleSQL."""
    if "\\" in value and not set(value) & {"'", "\n", "\r"} and not value.endswith("\\"):
        return f"r'{value}'"
    escaped = value.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\r", "\\r")
    return f"'{escaped}'"


def _wordings(catalogue: Catalogue) -> list[_Wording]:
    """All wordings in the order in which they win at one position: longest literal, then name, then number."""
    found = [
        (-len(match.literal) if match else 0, event.name, number, event, event_number, match)
        for event_number, event in enumerate(catalogue.events)
        for number, match in enumerate(event.match or [None])
    ]
    found.sort(key=lambda row: row[:3])
    assert len(found) < _BASE
    return [_Wording(rank, row[2], row[3], row[4], row[5]) for rank, row in enumerate(found)]


def _hit(wording: _Wording) -> str:
    """The number of a hit, null where the wording does not match."""
    tail = wording.rank * _BASE + wording.event_number
    conditions = _conditions(wording.event)
    if wording.match is None:
        position = COLUMNS_POSITION - len(wording.event.where)
        return f"if({' and '.join(conditions)}, {position * _BASE**2 + tail}, null)"
    literal = text(wording.match.literal)
    if wording.match.on:
        key = wording.match.on.rsplit(".", 1)[-1]
        conditions.append("strpos(payload, " + text(f'"{key}"') + ") > 0")
    where = f"strpos({wording.text}, {literal})"
    conditions += [f"{where} > 0", f"regexp_contains({wording.text}, {text(wording.match.pattern)})"]
    # In bytes, for positions in different texts are compared too.
    before = f"byte_length(substr({wording.text}, 1, {where} - 1))"
    return f"if({' and '.join(conditions)}, {before} * {_BASE**2} + {tail}, null)"


def _conditions(event: EventType) -> list[str]:
    """What `log` and `where` of a block ask of an entry's columns."""
    found = []
    if event.log:
        found.append(f"(log_id is null or log_id in ({', '.join(map(text, log_ids(event)))}))")
    for column, wanted in event.where.items():
        name = "shown" if column == "text" else column
        if isinstance(wanted, list) and len(wanted) == 2 and isinstance(wanted[0], int):
            found.append(f"{name} between {wanted[0]} and {wanted[1]}")
        elif isinstance(wanted, list):
            found.append(f"{name} in ({', '.join(map(_constant, wanted))})")
        elif wanted == "":
            found.append(f"{name} is null")
        else:
            found.append(f"{name} = {_constant(wanted)}")
    return found


def _constant(value: int | str) -> str:
    return text(value) if isinstance(value, str) else str(value)


def _captures(wordings: list[_Wording], kind: str) -> list[list[tuple[_Wording, str]]]:
    """Which wordings capture a field of a kind, and under which name; a wording's second one is in a second list."""
    found: list[list[tuple[_Wording, str]]] = [[]]
    for wording in wordings:
        names = [name for name in wording.names if wording.event.fields[name].type == kind]
        for place, name in enumerate(names):
            found += [[]] * (place >= len(found))
            found[place].append((wording, name))
    return found


def _captured(wordings: list[_Wording]) -> str:
    """What the winning wording captures, by kind; and level, logger and body as the line's format has them."""
    columns: dict[str, str] = {}
    for kind in ("duration", "code", "request_id", "correlation_id"):
        for number, captures in enumerate(_captures(wordings, kind)):
            columns[f"{kind}_{number}"] = _case("winner", {w.rank: w.captured(name) for w, name in captures})
    columns["outcome_by_field"] = _case("winner", {w.rank: sql for w in wordings if (sql := _outcome(w))})
    columns["members"] = _case("winner", {w.rank: _members(w) for w in wordings if w.names})
    columns["level_word"] = _case("format", _format_part("level"))
    columns["logger"] = _case("format", _format_part("logger"))
    columns["body"] = _case("format", _format_part("message"))
    return ",\n".join(f"        {sql} as {name}" for name, sql in columns.items())


def _outcome(wording: _Wording) -> str:
    """The outcome that captured values decide, the last field's first; empty where none does."""
    names = [name for name in wording.event.outcomes if name in wording.names]
    cases = []
    for name in reversed(names):
        branches = {text(value): text(outcome) for value, outcome in wording.event.outcomes[name].items()}
        cases.append(_case(wording.captured(name), branches))
    return f"coalesce({', '.join(cases)})" if cases else ""


def _members(wording: _Wording) -> str:
    """The captured fields as a JSON object of strings, absent ones as nulls."""
    fields = ", ".join(f"{wording.captured(name)} as `{name}`" for name in sorted(wording.names))
    return f"to_json_string(struct({fields}))"


def _format_part(name: str) -> dict[int, str]:
    """The expression of one part of a line in each format that has it."""
    found = {}
    for number, form in enumerate(lines.FORMATS):
        if name in groups(form.pattern):
            part = f"regexp_extract(text, {text(_only(form.pattern, name))})"
            found[number] = part if name == "message" else f"nullif({part}, '')"
        elif name == "level" and form.level:
            found[number] = text(form.level)
    return found


def _told(wordings: list[_Wording]) -> str:
    """Captures as numbers, and what the format and the payload say of level and logger."""
    durations = [
        _duration_ms(f"duration_{number}", _ranks(captures, "s"))
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
    own_level = ", ".join(_json_text("payload", f"$.{key}") for key in lines.LEVEL_KEYS)
    json_level = f"regexp_extract(payload, {text(lines.JSON_LEVEL)})"
    return f"""
    select
        * except (wording),
        if(event is null, null, wording) as wording,
        coalesce(outcome_by_field, usual_outcome) as outcome,
        if(event is null, null, coalesce({", ".join(durations)}, http_latency_ms)) as duration_ms,
        if(event is null, null, coalesce({", ".join(codes)}, http_status)) as code,
        coalesce({ids["request_id"]}) as request_id,
        coalesce({ids["correlation_id"]}) as correlation_id,
        nullif(
            regexp_replace(regexp_replace(members, {text(_JSON_NULL)}, ''), ',}}$', '}}'), '{{}}'
        ) as fields,
        coalesce(regexp_extract(payload, {text(lines.JSON_LOGGER)}), logger) as component,
        -- the level of the payload itself, not of an object inside it
        if(
            {json_level} is not null and regexp_contains(payload, {text(lines.INNER_OBJECT)}),
            coalesce({own_level}),
            {json_level}
        ) as payload_level,
        coalesce(body, regexp_extract(text, {text(lines.FIRST_LINE)})) as line

    from captured
"""


def _ranks(captures: list[tuple[_Wording, str]], unit: str) -> str:
    """The wordings whose captured field is in a unit."""
    return ", ".join(str(w.rank) for w, name in captures if w.event.fields[name].unit == unit)


def _duration_ms(column: str, in_seconds: str) -> str:
    """A written duration in milliseconds; a bare number is in seconds for the wordings named, else in ms."""
    parts = [f"cast(regexp_extract({column}, {text(_only(DURATION, name))}) as float64)" for name in MS]
    total = " + ".join(f"coalesce({part} * {factor!r}, 0)" for part, factor in zip(parts, MS.values(), strict=True))
    bare = f"cast(regexp_extract({column}, {text(BARE)}) as float64)"
    bare += f" * if(winner in ({in_seconds}), 1000.0, 1.0)" if in_seconds else ""
    found = f"if(coalesce({', '.join(parts)}) is null, {bare}, {total})"
    return f"(select if(ms <= {MAX_DURATION_MS!r}, ms, null) from unnest([{found}]) as ms)"


def _masked() -> str:
    """Effective level, and signatures of the lines that get one."""
    traceback = f"strpos(text, {text(signature.TRACEBACK)}) > 0"
    # In JSON messages a newline is the two characters \n.
    trace = r"if(strpos(text, '\n') > 0, text, replace(text, '\\n', '\n'))"
    raised = ", ".join(f"regexp_extract({trace}, {text(pattern)})" for pattern in signature.EXCEPTIONS)
    named = f"coalesce(if({traceback}, concat('Traceback: ', coalesce({raised})), null), line)"
    masked = f"substr({named}, 1, {signature.LENGTH})"
    for pattern, replacement in signature.REPLACEMENTS:
        masked = _replace(masked, pattern, replacement)
    outcomes = ", ".join(map(text, signature.NOTABLE))
    return f"""
    select
        *,
        if(
            severity != 'DEFAULT',
            severity,
            coalesce({_level("payload_level")}, {_level("level_word")}, 'DEFAULT')
        ) as level,
        if(
            http_status is null and message is not null
            and (event is null or outcome in ({outcomes})),
            trim({masked}),
            null
        ) as signature

    from told
"""


def _level(word: str) -> str:
    """The severity that a level word stands for, null for an unknown word."""
    words: dict[str, list[str]] = {}
    for name, severity in lines.LEVELS.items():
        words.setdefault(severity, []).append(text(name))
    branches = " ".join(f"when upper({word}) in ({', '.join(names)}) then '{s}'" for s, names in words.items())
    return f"case {branches} end"


def _case(value: str, branches: Mapping[int, str] | Mapping[str, str]) -> str:
    if not branches:
        return "cast(null as string)"
    return f"case {value} " + " ".join(f"when {key} then {sql}" for key, sql in branches.items()) + " end"


def _json_text(column: str, path: str) -> str:
    """The value at a path of JSON text as text; an object or a list as its JSON."""
    return f"coalesce(json_value({column}, '{path}'), json_query({column}, '{path}'))"


def _replace(expression: str, pattern: str, replacement: str) -> str:
    written = _REFERENCE.sub(lambda found: "\\" + found[1], replacement)
    return f"regexp_replace({expression}, {text(pattern)}, {text(written)})"


def _only(pattern: str, name: str) -> str:
    """The pattern with one capturing group: GoogleSQL's REGEXP_EXTRACT takes no second."""
    return _GROUP.sub(lambda m: m[0] if not m[1] else "(" if m[1] == name else "(?:", pattern)
