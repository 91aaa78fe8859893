"""Level, logger and message of log lines, where the entry itself names no severity.

`parsers.formats` has the formats as data, tried in their order; the first that matches wins.
"""

from functools import cache

import polars as pl

from parsers.dialect import groups
from parsers.formats import LineFormat, formats
from parsers.json_levels import json_logger, level, payload_level, text_level

#: Escape sequences of a terminal (ECMA-48 CSI and OSC), which some loggers write into their lines.
ANSI = r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?)"

#: Colour tags that loguru writes as text.
TAGS = r"</?(?:red|green|yellow|blue|magenta|cyan|white|black|bold|dim|level|light-[a-z]+)>"

#: What leaves a message first, in this order, and what stays: a second pass finds the escapes that the first one made,
#: and then none is left. A tag inside of a word would hide an address from redaction, not from a reader.
HIDING = ((ANSI, ""), (ANSI, ""), (r"\x1b", ""), (rf"([A-Za-z0-9@._%+-]){TAGS}([A-Za-z0-9@._%+-])", "${1}${2}"))

#: A message without a format: its first line.
FIRST_LINE = r"^[ \t]*([^\r\n]*)"

_PARTS = ("level", "logger", "message")
_SCHEMA = pl.Schema({"row": pl.UInt32, "format": pl.Int64, **dict.fromkeys(_PARTS, pl.String)})


def strip_ansi(texts: pl.Series) -> pl.Series:
    """Return the texts without terminal escape sequences."""
    rows = texts.str.contains("\x1b", literal=True).fill_null(False).arg_true()
    return texts.clone().scatter(rows, texts.gather(rows).str.replace_all(ANSI, "")) if len(rows) else texts


def plain(texts: pl.Series) -> pl.Series:
    """Return the texts as a reader sees them, which is what redaction must see: without what could hide a part."""
    for sign, forms in (("\x1b", HIDING[:3]), (">", HIDING[3:])):
        rows = texts.str.contains(sign, literal=True).fill_null(False).arg_true()
        if len(rows):
            seen = texts.gather(rows)
            for pattern, left in forms:
                seen = seen.str.replace_all(pattern, left)
            texts = texts.clone().scatter(rows, seen)
    return texts


def read(texts: pl.Series, payloads: pl.Series) -> pl.DataFrame:
    """Return level, logger, body and format for each text, in order; null where no format matches.

    texts: without ANSI escapes. payloads: JSON text, or null; its own level and logger count before the text's.
    body: the message without its prefix, first line only; the whole first line where no format matches.
    format: the name of the line's format.
    """
    return read_texts(texts).with_columns(
        pl.coalesce(pl.lit(payload_level(payloads)), "level").alias("level"),
        pl.coalesce(pl.lit(payload_logger(payloads)), "logger").alias("logger"),
    )


def read_texts(texts: pl.Series) -> pl.DataFrame:
    """Return the same of the texts alone."""
    frame = pl.DataFrame({"text": texts}).with_row_index("row")
    table = pl.concat([pl.DataFrame(schema=_SCHEMA), *_parts(frame.drop_nulls())])
    names = dict(enumerate(form.name for form in formats().format))
    return frame.join(table, on="row", how="left", maintain_order="left").select(
        level(pl.col("level")).alias("level"),
        "logger",
        pl.coalesce("message", pl.col("text").str.extract(FIRST_LINE, 1)).alias("body"),
        pl.col("format").replace_strict(names, default=None, return_dtype=pl.String),
    )


def _parts(rest: pl.DataFrame) -> list[pl.DataFrame]:
    """What the lines of each format give. A group of formats is searched for at once, then one by one in its lines."""
    parts = []
    for pattern, group in _groups():
        near = rest["text"].str.contains(pattern)
        if not near.any():
            continue
        candidates, rest = rest.filter(near), rest.filter(~near)
        for number, form in group:
            if not candidates.height:
                break
            hit = candidates["text"].str.contains(form.pattern)
            if hit.any():
                parts.append(_captured(candidates.filter(hit), number, form))
                candidates = candidates.filter(~hit)
    return parts


@cache
def _groups() -> list[tuple[str, list[tuple[int, LineFormat]]]]:
    return formats().groups()


def _captured(rows: pl.DataFrame, number: int, form: LineFormat) -> pl.DataFrame:
    names = groups(form.pattern)
    if names:
        rows = rows.hstack(rows["text"].str.extract_groups(form.pattern).struct.unnest())
    parts = {name: pl.col(name) if name in names else pl.lit(None, pl.String) for name in _PARTS}
    if form.level:
        parts["level"] = pl.lit(form.level)
    elif form.json_object:
        parts["level"] = pl.lit(text_level(rows["text"]))
    elif form.levels:
        parts["level"] = parts["level"].replace(form.levels)
    return rows.select("row", pl.lit(number, pl.Int64).alias("format"), *(part.alias(n) for n, part in parts.items()))


def payload_logger(payloads: pl.Series) -> pl.Series:
    """Return the logger that each payload names, else null."""
    return payloads.str.extract(json_logger(), 1)
