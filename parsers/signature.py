"""Signatures: a message with its variable parts masked, so that lines of one wording count as one.

Two regular expressions, one token: the same REGEXP_REPLACE on every engine, independent of the order of lines.
Masked: what stands in quotes, URLs, paths of two segments or more, UUIDs, times, words with a digit (numbers with their
units, hexadecimal), and what redaction left.
"""

import polars as pl

from parsers import traces
from parsers.lines import TAGS

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
        r"<(?:user|email|ip|token|key|secret|personal|base64)>",
        r"\"[^\"\n]{0,200}\"",
        r"[a-z][a-z0-9+.-]{1,20}://[^ \t\n\"']+",
        r"[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}",
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9:.,]+(?:Z|[+-][0-9:]+)?)?",
        r"0x[0-9A-Fa-f]+",
        r"[A-Za-z_-]*[0-9](?:[A-Za-z0-9_:.+µμ-]*[A-Za-z0-9%])?",
    )
)
_REPEATED = r"<\*>(?:[ ,;:./-]{0,2}<\*>)+"

#: What is replaced, in this order, and by what.
REPLACEMENTS = ((TAGS, ""), (_DELIMITED, "${1}" + MASK), (_VARIABLE, MASK), (_REPEATED, MASK))

#: Outcomes whose lines get a signature, beside the unknown lines.
NOTABLE = ("degraded", "failure", "critical")


def signatures(bodies: pl.Series, texts: pl.Series) -> pl.Series:
    """Return the signature of each line; null for null.

    bodies: messages without their format's prefix, first line only (`parsers.lines`). texts: the whole messages; a
    stack trace is told apart by its exception and the innermost frame of the service's own code, or, where no frame is
    the service's, by its exception and message.
    """
    trace = traces.read(texts)
    rows = trace["exception"].is_not_null().arg_true()
    known = pl.Series([], dtype=pl.String)
    if len(rows):
        trace = trace[rows]
        known = traces.identity(trace)
        message = pl.coalesce(pl.concat_str(pl.lit(": "), "message"), pl.lit(""))
        named = pl.concat_str(pl.lit(traces.PREFIX), "exception", message)
        bodies = bodies.clone().scatter(rows, trace.select(named).to_series())
    masked = bodies.str.head(LENGTH).str.replace_all(TAGS, "")
    delimited = masked.str.contains(_DELIMITED).fill_null(False).arg_true()
    if len(delimited):
        masked = masked.scatter(delimited, masked.gather(delimited).str.replace_all(_DELIMITED, "${1}" + MASK))
    masked = masked.str.replace_all(_VARIABLE, MASK).str.replace_all(_REPEATED, MASK).str.strip_chars()
    return masked.scatter(rows, known.fill_null(masked.gather(rows))) if len(rows) else masked
