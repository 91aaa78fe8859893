"""Personal data and secrets become fixed tokens, before anything else sees the text.

`RULES` are data (`parsers.redact.rules`): the same list makes polars calls here and nested REGEXP_REPLACE calls in
GoogleSQL, so both engines store the same bytes. Digests (`subject`, `client`) are taken from the text before it is
redacted. What is shown is redacted in its final form, after escapes, tags and entities are gone; once is enough, for
what redaction leaves it leaves again.

What a service's own filter left (`Token=REDACTED`) is no secret and stays.
"""

import hashlib

import polars as pl

from parsers.redact.personal import SUBJECT, USERS
from parsers.redact.rule import Rule, either, groups, one_digit, steps
from parsers.redact.rules import FORMS, NAMED, RULES

__all__ = [
    "ENDS_IN_DIGEST",
    "IDENTIFIERS",
    "RULES",
    "STEPS",
    "SUBJECT",
    "Rule",
    "digest",
    "identifiers",
    "kinds",
    "redact",
    "redact_text",
    "subjects",
]

#: Columns that are keys and come from outside: where redaction changes one, its digest stands behind what is left.
IDENTIFIERS = (
    *("log_name", "insert_id", "trace", "span_id", "project", "location", "service", "revision", "instance_id"),
)
ENDS_IN_DIGEST = "#[0-9a-f]{12}$"

_NAMED, _FORMS = steps(NAMED), steps(FORMS)
#: What both engines run, in this order.
STEPS = (*_NAMED, *_FORMS)
#: The steps with what they are searched for by; forms all at once, since nearly every text has digits.
_GROUPS = (*groups(_NAMED), (either(step.sign for step in _FORMS), _FORMS))
#: All digits are one to what a text is searched for first: texts that differ in digits alone are searched once.
_ONE_DIGIT = bytes(ord("0") if chr(code) in "123456789" else code for code in range(256))
#: Which groups each literal is a sign of; and the pattern of what has no literal.
_BY_LITERAL: dict[str, set[int]] = {}
for _number, (_sign, _) in enumerate(_GROUPS):
    for _literal in _sign.literals:
        _BY_LITERAL.setdefault(_literal.encode().translate(_ONE_DIGIT).decode(), set()).add(_number)
#: Fewer texts are searched for every sign sooner than for those that they may hold.
_FEW = 500
_FORM = "|".join(dict.fromkeys(one_digit(sign.form) for sign, _ in _GROUPS if sign.form))


def redact(texts: pl.Series) -> pl.Series:
    """Return the texts with personal data and secrets replaced; null stays null.

    Same result as applying every step to every text in order: signs only spare work. A text that was changed may hold
    signs that it did not hold before, so from there on it is searched for every sign.
    """
    known = texts.drop_nulls()
    if not len(known):
        return texts
    redacted = _redacted(known)
    return redacted if len(known) == len(texts) else texts.clone().scatter(texts.is_not_null().arg_true(), redacted)


def _redacted(texts: pl.Series) -> pl.Series:
    near = _near(texts) if len(texts) > _FEW else _found(texts)
    texts = texts.clone()  # scatter writes in place
    changed = _all(len(texts), value=False)
    for number, (sign, group) in enumerate(_GROUPS):
        maybe = near[number] | changed
        if not maybe.any():
            continue
        rows = maybe.arg_true()
        before = texts.gather(rows)
        hit = before.str.contains(sign.pattern)
        rows, before = rows.filter(hit), before.filter(hit)
        if not len(rows):
            continue
        hits = before
        for step in group:
            hits = hits.str.replace_all(step.pattern, step.replacement)
        differs = hits != before
        rows = rows.filter(differs)
        texts = texts.scatter(rows, hits.filter(differs))
        changed = changed.scatter(rows, True)
    return texts


def _all(length: int, *, value: bool) -> pl.Series:
    return pl.repeat(value, length, dtype=pl.Boolean, eager=True)


def _found(texts: pl.Series) -> list[pl.Series]:
    """For each group, which texts hold a sign of it."""
    found = (pl.lit(texts).str.contains(sign.pattern).alias(str(number)) for number, (sign, _) in enumerate(_GROUPS))
    return pl.select(found).get_columns()


def _near(texts: pl.Series) -> list[pl.Series]:
    """For each group, which texts may hold a sign of it, by its literals or its form."""
    kind, different = _one_digit(texts)
    near = [_all(len(different), value=False) for _ in _GROUPS]
    literals = different.str.extract_many(list(_BY_LITERAL), ascii_case_insensitive=True, overlapping=True)
    hits = pl.DataFrame({"literal": literals}).with_row_index("kind").explode("literal").drop_nulls()
    for (literal,), rows in hits.group_by(pl.col("literal").str.to_lowercase()):
        for number in _BY_LITERAL[str(literal)]:
            near[number] = near[number].scatter(rows["kind"], True)
    formed = different.str.contains(_FORM)
    return [(hit | formed if sign.form else hit).gather(kind) for hit, (sign, _) in zip(near, _GROUPS, strict=True)]


def _one_digit(texts: pl.Series) -> tuple[pl.Series, pl.Series]:
    """The texts with all digits one, each once; and where each text is among them."""
    import pyarrow as pa

    given = texts.rechunk().to_arrow()
    _, offsets, data = given.buffers()
    same = pa.py_buffer(data.to_pybytes().translate(_ONE_DIGIT) if data else b"")
    different = pa.Array.from_buffers(given.type, len(given), [None, offsets, same], offset=given.offset)
    encoded = different.dictionary_encode()
    return pl.Series(encoded.indices), pl.Series(encoded.dictionary, dtype=pl.String)


def redact_text(text: str) -> str:
    """Return one text redacted."""
    return str(redact(pl.Series([text], dtype=pl.String))[0])


def kinds(text: str) -> list[str]:
    """Return which rules still change a text, in their order; empty exactly where redaction leaves it as it is.

    The one scan of everything that is written or printed. A text with kinds is masked by `redact_text`.
    """
    names: list[str] = []
    rest = pl.Series([text], dtype=pl.String)
    for step in STEPS:
        replaced = rest.str.replace_all(step.pattern, step.replacement)
        if replaced[0] != rest[0]:
            names += [rule.name for rule in step.rules if rest.str.contains(rule.pattern)[0]]
        rest = replaced
    return names


def identifiers(ids: pl.Series, redacted: pl.Series, key: bytes) -> pl.Series:
    """Return ids from outside as a store keeps them: as they are, or redacted with their `digest`: `<email>#…`.

    redacted: the same by `redact`. So an id is a key without showing what it holds; null for null.
    """
    hidden = (ids != redacted) | ids.str.contains(ENDS_IN_DIGEST)
    if not hidden.any():
        return ids
    rows = hidden.fill_null(False).arg_true()
    return ids.clone().scatter(rows, redacted.gather(rows) + "#" + digest(ids.gather(rows), key))


def subjects(texts: pl.Series) -> pl.Series:
    """Return the first 8 characters of each text's first user identifier, or null.

    Logs show both `10146348...` and the whole id: by their first 8 characters they are one subject.
    """
    rows = texts.str.contains(USERS[0].sign.pattern).fill_null(False).arg_true()
    values = pl.Series([None], dtype=pl.String).new_from_index(0, len(texts))
    return values.scatter(rows, texts.gather(rows).str.extract(SUBJECT, 1).str.head(8)) if len(rows) else values


def digest(identifiers: pl.Series, key: bytes) -> pl.Series:
    """Return the first 12 hex digits of SHA256(key + identifier), null for null."""
    known = identifiers.drop_nulls().unique().to_list()
    table = {value: hashlib.sha256(key + value.encode()).hexdigest()[:12] for value in known}
    return identifiers.replace_strict(table, default=None, return_dtype=pl.String)
