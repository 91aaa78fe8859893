"""Signatures: a message with its variable parts masked, so that lines of one wording count as one.

Two regular expressions, one token: the same REGEXP_REPLACE on every engine, independent of the order of lines.
Masked: what stands in quotes, URLs, paths of two segments or more, UUIDs, times, words with a digit (numbers with their
units, hexadecimal), and what redaction left.
"""

import polars as pl

#: A line beyond this length is told apart by its start.
LENGTH = 400

MASK = "<*>"

_SEGMENT = r"[A-Za-z0-9_.@%+~*<>{}-]+"

#: A quote or path begins behind no letter: `can't`, `read/write` and `the users' file` are words. That character is
#: captured, so these two come first and only where they can be.
_DELIMITED = (
    r"(^|[^A-Za-z0-9_/])(?:'[^'\n]{0,200}'|`[^`\n]{0,200}`"
    rf"|(?:[.~]|\.\.|[A-Za-z]:)?(?:/{_SEGMENT}){{2,}}/?|[A-Za-z]:(?:\\+{_SEGMENT})+)"
)

_VARIABLE = "|".join(
    (
        r"<(?:user|email|ip|token|key|secret)>",
        r"\"[^\"\n]{0,200}\"",
        r"[a-z][a-z0-9+.-]{1,20}://[^ \t\n\"']+",
        r"[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}",
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9:.,]+(?:Z|[+-][0-9:]+)?)?",
        r"0x[0-9A-Fa-f]+",
        r"[A-Za-z_-]*[0-9](?:[A-Za-z0-9_:.+µμ-]*[A-Za-z0-9%])?",
    )
)
_REPEATED = r"<\*>(?:[ ,;:./-]{0,2}<\*>)+"
#: Colour tags that loguru writes as text, and the emoji or words in brackets that start a line.
_TAGS = r"</?(?:red|green|yellow|blue|magenta|cyan|white|black|bold|dim|level|light-[a-z]+)>"

TRACEBACK = "Traceback (most recent call last)"
#: The last line of a Python traceback names the exception; a message of several lines stands between it and the end.
_EXCEPTION = (
    r"\n([A-Za-z_][A-Za-z0-9_.]*(?:Error|Exception|Exit|Interrupt|Warning|Timeout|[A-Z][A-Za-z]+)(?:: [^\n]*)?)\n*$"
)
_EXCEPTION_ABOVE = (
    r"^(?:.|\n)*\n([A-Za-z_][A-Za-z0-9_.]*(?:Error|Exception|Exit|Interrupt|Warning|Timeout)(?:: [^\n]*)?)\n"
)
EXCEPTIONS = (_EXCEPTION, _EXCEPTION_ABOVE)

#: What is replaced, in this order, and by what.
REPLACEMENTS = ((_TAGS, ""), (_DELIMITED, "${1}" + MASK), (_VARIABLE, MASK), (_REPEATED, MASK))

#: Outcomes whose lines get a signature, beside the lines that nothing explains.
NOTABLE = ("degraded", "failure", "critical")


def signatures(bodies: pl.Series, texts: pl.Series) -> pl.Series:
    """Return the signature of each line; null for null.

    bodies: messages without their format's prefix, first line only (`parsers.lines`). texts: the whole messages; a
    traceback is told by the exception in its last line.
    """
    rows = texts.str.contains(TRACEBACK, literal=True).fill_null(False).arg_true()
    if len(rows):
        traces = texts.gather(rows)
        # In JSON messages a newline is the two characters \\n.
        real = traces.str.contains("\n", literal=True)
        traces = traces.zip_with(real, traces.str.replace_all("\\n", "\n", literal=True))
        raised = pl.select(pl.coalesce(*(traces.str.extract(form, 1) for form in EXCEPTIONS))).to_series()
        named = pl.select(pl.concat_str(pl.lit("Traceback: "), raised)).to_series()
        bodies = bodies.clone().scatter(rows, pl.select(pl.coalesce(named, bodies.gather(rows))).to_series())
    masked = bodies.str.head(LENGTH).str.replace_all(_TAGS, "")
    rows = masked.str.contains(_DELIMITED).fill_null(False).arg_true()
    if len(rows):
        masked = masked.scatter(rows, masked.gather(rows).str.replace_all(_DELIMITED, "${1}" + MASK))
    return masked.str.replace_all(_VARIABLE, MASK).str.replace_all(_REPEATED, MASK).str.strip_chars()
