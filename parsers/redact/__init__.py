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
from parsers.redact.rule import Rule, groups, steps
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

#: What both engines run, in this order.
STEPS = (*steps(NAMED), *steps(FORMS))
_GROUPS = (*groups(steps(NAMED)), *groups(steps(FORMS)))


def redact(texts: pl.Series) -> pl.Series:
    """Return the texts with personal data and secrets replaced; null stays null.

    Same result as applying every step to every text in order: signs only spare work.
    """
    texts = texts.clone()  # scatter writes in place
    for sign, group in _GROUPS:
        rows = texts.str.contains(sign).fill_null(False).arg_true()
        if len(rows):
            hits = texts.gather(rows)
            for step in group:
                hits = hits.str.replace_all(step.pattern, step.replacement)
            texts = texts.scatter(rows, hits)
    return texts


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
    rows = hidden.fill_null(False).arg_true()
    if not len(rows):
        return ids
    return ids.clone().scatter(rows, redacted.gather(rows) + "#" + digest(ids.gather(rows), key))


def subjects(texts: pl.Series) -> pl.Series:
    """Return the first 8 characters of each text's first user identifier, or null.

    Logs show both `10146348...` and the whole id: by their first 8 characters they are one subject.
    """
    rows = texts.str.contains(USERS[0].sign).fill_null(False).arg_true()
    values = pl.Series([None], dtype=pl.String).new_from_index(0, len(texts))
    return values.scatter(rows, texts.gather(rows).str.extract(SUBJECT, 1).str.head(8)) if len(rows) else values


def digest(identifiers: pl.Series, key: bytes) -> pl.Series:
    """Return the first 12 hex digits of SHA256(key + identifier), null for null."""
    known = identifiers.drop_nulls().unique().to_list()
    table = {value: hashlib.sha256(key + value.encode()).hexdigest()[:12] for value in known}
    return identifiers.replace_strict(table, default=None, return_dtype=pl.String)
