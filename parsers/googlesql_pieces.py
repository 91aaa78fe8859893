"""Pieces of the classification as GoogleSQL: literals, line formats, levels, stack traces, signatures.

`parsers.formats` and `parsers.traces` have the rules; `parsers.to_googlesql` puts the pieces together.
"""
# ruff: noqa: S608 - all that is put into the text is quoted by `text`, or a number or a name of ours

import re
from collections.abc import Mapping

from parsers import json_levels, signature
from parsers.dialect import groups, only
from parsers.formats import Scale, formats
from parsers.quoted import LOW, NEGATED, QUOTATIONS
from parsers.to_polars import BARE, DURATION, FALLBACK_POSITION, MAX_DURATION_MS, MS
from parsers.traces import FIELDS, NUMBERS, PREFIX, traces

_REFERENCE = re.compile(r"\$\{([0-9])\}")


def text(value: str) -> str:
    """Return a string literal of GoogleSQL."""
    if "\\" in value and not set(value) & {"'", "\n", "\r"} and not value.endswith("\\"):
        return f"r'{value}'"
    escaped = value.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\r", "\\r")
    return f"'{escaped}'"


def case(value: str, branches: Mapping[int, str] | Mapping[str, str]) -> str:
    """Return a CASE of a value, null of type STRING where there are no branches."""
    if not branches:
        return "cast(null as string)"
    return f"case {value} " + " ".join(f"when {key} then {sql}" for key, sql in branches.items()) + " end"


def json_text(column: str, path: str) -> str:
    """Return the value at a path of JSON text as text; an object or a list as its JSON."""
    return f"coalesce(json_value({column}, '{path}'), json_query({column}, '{path}'))"


def replace(expression: str, pattern: str, replacement: str) -> str:
    """Return an expression with all matches replaced; `${1}` in the replacement is the first group."""
    written = _REFERENCE.sub(lambda match: "\\" + match[1], replacement)
    return f"regexp_replace({expression}, {text(pattern)}, {text(written)})"


def group(expression: str, pattern: str, name: str) -> str:
    """Return what one group of a pattern captures, null where it captures nothing."""
    if name not in groups(pattern):
        return "cast(null as string)"
    return f"nullif(regexp_extract({expression}, {text(only(pattern, name))}), '')"


def format_part(name: str) -> dict[int, str]:
    """Return the expression of one part of a line in each format that has it."""
    parts = {}
    for number, form in enumerate(formats().format):
        if name == "level" and form.level:
            parts[number] = text(form.level)
        elif name == "level" and form.json_object:
            parts[number] = object_level("text")
        elif name in groups(form.pattern):
            part = f"regexp_extract(text, {text(only(form.pattern, name))})"
            parts[number] = part if name == "message" else f"nullif({part}, '')"
            if name == "level" and form.levels:
                words = {text(word): text(severity) for word, severity in form.levels.items()}
                parts[number] = f"{case(part, words)[:-4]} else {part} end"
    return parts


def traced() -> str:
    """Return exception, message and innermost frame of the service's own code, of a text that is a stack trace."""
    columns: dict[str, dict[int, str]] = {f"trace_{name}": {} for name in FIELDS}
    for number, trace in enumerate(traces()):
        raised = [group("stack", pattern, "exception") for pattern in trace.exceptions]
        columns["trace_exception"][number] = f"coalesce({', '.join(raised)})"
        messages = " ".join(
            f"when {exception} is not null then {group('stack', pattern, 'message')}"
            for exception, pattern in zip(raised, trace.exceptions, strict=True)
        )
        columns["trace_message"][number] = f"case {messages} end"
        frames = []
        for pattern in trace.frames:
            function, file = group("own_frames", pattern, "function"), group("own_frames", pattern, "file")
            frames += [f"concat({function}, ' (', {file}, ')')", function, file]
        columns["trace_frame"][number] = f"coalesce({', '.join(frames)})"
    return ",\n".join(f"        {case('language', branches)} as {name}" for name, branches in columns.items())


def severity(word: str, levels: Mapping[str, str]) -> str:
    """Return the severity that a level word stands for, null for an unknown word."""
    words: dict[str, list[str]] = {}
    for name, severity in levels.items():
        words.setdefault(severity, []).append(text(name))
    branches = " ".join(f"when upper({word}) in ({', '.join(names)}) then '{s}'" for s, names in words.items())
    return f"case {branches} end"


def object_level(column: str) -> str:
    """Return the severity that a JSON object names itself, null where it names none."""
    payload = formats().payload
    flat = f"regexp_extract({column}, {text(json_levels.flat_level())})"
    own = f"regexp_extract({column}, {text(json_levels.own_level())})"
    nested = f"regexp_extract({column}, {text(json_levels.nested_level())})"
    inner = f"regexp_contains({column}, {text(json_levels.INNER_OBJECT)})"
    word = f"coalesce({own}, {nested})"
    if column == "payload":
        word = f"if({inner}, {word}, {flat})"
    return f"coalesce({_named(word, formats().levels)}, {', '.join(_scaled(column, scale) for scale in payload.scale)})"


def _scaled(column: str, scale: Scale) -> str:
    """The severity that a value of a scale stands for."""
    signs = " and ".join(f"strpos({column}, {text(sign)}) > 0" for sign in scale.signs)
    if scale.levels:
        value = _named(f"regexp_extract({column}, {text(json_levels.scale_value(scale.keys))})", scale.levels)
        return f"if({signs}, {value}, null)"
    key = f"regexp_contains({column}, {text(json_levels.key_sign(scale.keys))})"
    return f"if({signs} and not {key}, '{scale.absent}', null)"


def _named(word: str, levels: Mapping[str, str]) -> str:
    """The severity of a word that is written once."""
    return f"(select {severity('word', levels)} from unnest([{word}]) as word)"


def line_format() -> str:
    """Return an expression for the number of the text's format, null for none."""
    return (
        "case "
        + " ".join(
            f"when regexp_contains(text, {text(only(form.pattern, ''))}) then {number}"
            for number, form in enumerate(formats().format)
        )
        + " end"
    )


def language() -> str:
    """Return an expression for the number of the language whose stack trace the column `stack` is, null for none."""
    return (
        "case "
        + " ".join(
            f"when strpos(stack, {text(trace.literal)}) > 0 and strpos(stack, '\\n') > 0 "
            f"and regexp_contains(stack, {text(trace.mark)}) then {number}"
            for number, trace in enumerate(traces())
        )
        + " end"
    )


def own_frames() -> str:
    """Return an expression for the stack trace without frames of libraries."""
    return case(
        "language",
        {number: f"regexp_replace(stack, {text(trace.library)}, '')" for number, trace in enumerate(traces())},
    )


def duration_ms(column: str, in_seconds: str) -> str:
    """Return a written duration in milliseconds; a bare number is in seconds for the wordings named, else in ms."""
    parts = [f"cast(regexp_extract({column}, {text(only(DURATION, name))}) as float64)" for name in MS]
    total = " + ".join(f"coalesce({part} * {factor!r}, 0)" for part, factor in zip(parts, MS.values(), strict=True))
    bare = f"cast(regexp_extract({column}, {text(BARE)}) as float64)"
    bare += f" * if(winner in ({in_seconds}), 1000.0, 1.0)" if in_seconds else ""
    value = f"if(coalesce({', '.join(parts)}) is null, {bare}, {total})"
    return f"(select if(ms <= {MAX_DURATION_MS!r}, ms, null) from unnest([{value}]) as ms)"


def levelled() -> str:
    """Return a step: the effective level, from severity, payload and the text's format."""
    of_text = severity("level_word", formats().levels)
    return f"""
    select
        * except (level_word),
        if(severity != 'DEFAULT', severity, coalesce({object_level("payload")}, {of_text}, 'DEFAULT')) as level

    from (
        select
            *,
            {case("format", format_part("level"))} as level_word
        from read
    )
"""


def counted(mentioned: list[int], base: int) -> str:
    """Return a step: the hits without those that a line only mentions (`parsers.quoted`), of the events numbered.

    base: a hit is its position times base squared, and its event's number modulo base.
    """
    numbers = ", ".join(map(str, mentioned or [-1]))
    quoted = " or ".join(
        f"(regexp_contains(head, {text(opened)})" + (f" and not regexp_contains(head, {text(own)}))" if own else ")")
        for opened, own in QUOTATIONS
    )
    return f"""
    select
        *,
        array(
            select hit
            from (
                select
                    hit,
                    substr(shown, 1, div(hit, {base**2}) - 1) as head,
                    substr(shown, div(hit, {base**2})) as tail
                from unnest(found) as hit
            )
            where not (
                mod(hit, {base}) in ({numbers})
                and hit < {FALLBACK_POSITION * base**2}
                and (
                    regexp_contains(tail, {text(NEGATED)})
                    or (level in ({", ".join(map(text, LOW))}) and ({quoted}))
                )
            )
        ) as hits

    from searched
"""


def masked() -> str:
    """Return a step: the signatures of the lines that get one."""
    shown = f"concat('{PREFIX}', trace_exception, coalesce(concat(': ', trace_message), ''))"
    named = f"coalesce({shown}, line)"
    known = replace(f"concat('{PREFIX}', trace_exception, ' at ', trace_frame)", NUMBERS, signature.MASK)
    mask = f"substr({named}, 1, {signature.LENGTH})"
    for pattern, replacement in signature.REPLACEMENTS:
        mask = replace(mask, pattern, replacement)
    outcomes = ", ".join(map(text, signature.NOTABLE))
    return f"""
    select
        *,
        if(
            message is not null
            and if(
                http_status is null,
                event is null or outcome in ({outcomes}),
                coalesce(outcome = 'degraded', false)
            ),
            coalesce({known}, trim({mask})),
            null
        ) as signature

    from told
"""
