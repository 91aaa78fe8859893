"""Signatures: a message with its variable parts masked, so that lines of one wording count as one.

One regular expression, one token: the same REGEXP_REPLACE on every engine, independent of the order of lines.
Masked: what stands in quotes, UUIDs, hexadecimal of 6 digits or more, times, paths with a digit, numbers with their
units, and what redaction left.
"""

import polars as pl

#: A line beyond this length is told apart by its start.
LENGTH = 400

MASK = "<*>"

_VARIABLE = "|".join(
    (
        r"<(?:user|email|ip|token|key|secret)>",
        r"\"[^\"\n]{0,200}\"",
        r"'[^'\n]{0,200}'",
        r"[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}",
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9:.,]+(?:Z|[+-][0-9:]+)?)?",
        r"0x[0-9A-Fa-f]+",
        r"[A-Za-z_-]*[0-9][A-Za-z0-9_:.+-]*[A-Za-z0-9%]|[0-9]+%?",
    )
)
_REPEATED = r"<\*>(?:[ ,;:./-]{0,2}<\*>)+"
#: Colour tags that loguru writes as text, and the emoji or words in brackets that start a line.
_TAGS = r"</?(?:red|green|yellow|blue|magenta|cyan|white|black|bold|dim|level|light-[a-z]+)>"

#: The last line of a Python traceback names the exception.
_TRACEBACK = "Traceback (most recent call last)"
_EXCEPTION = (
    r"\n([A-Za-z_][A-Za-z0-9_.]*(?:Error|Exception|Exit|Interrupt|Warning|Timeout|[A-Z][A-Za-z]+)(?:: [^\n]*)?)\n*$"
)


def signatures(bodies: pl.Series, texts: pl.Series) -> pl.Series:
    """Return the signature of each line; null for null.

    bodies: messages without their format's prefix, first line only (`parsers.lines`). texts: the whole messages; a
    traceback is told by the exception in its last line.
    """
    rows = texts.str.contains(_TRACEBACK, literal=True).fill_null(False).arg_true()
    if len(rows):
        raised = texts.gather(rows).str.extract(_EXCEPTION, 1)
        named = pl.select(pl.concat_str(pl.lit("Traceback: "), raised)).to_series()
        bodies = bodies.clone().scatter(rows, pl.select(pl.coalesce(named, bodies.gather(rows))).to_series())
    return (
        bodies.str.head(LENGTH)
        .str.replace_all(_TAGS, "")
        .str.replace_all(_VARIABLE, MASK)
        .str.replace_all(_REPEATED, MASK)
        .str.strip_chars()
    )
