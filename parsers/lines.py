"""Level, logger and message of log lines, where the entry itself names no severity.

`parsers.formats` has the formats as data, tried in their order; the first that matches wins.
"""

from functools import cache

import polars as pl

from parsers.dialect import groups
from parsers.formats import LineFormat, formats

#: Escape sequences of a terminal (ECMA-48 CSI and OSC), which some loggers write into their lines.
ANSI = r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?)"

#: Colour tags that loguru writes as text.
TAGS = r"</?(?:red|green|yellow|blue|magenta|cyan|white|black|bold|dim|level|light-[a-z]+)>"

#: What leaves a message first, in this order, and what stays: a second pass finds the escapes that the first one made,
#: and then none is left. A tag inside of a word would hide an address from redaction, not from a reader.
HIDING = ((ANSI, ""), (ANSI, ""), (r"\x1b", ""), (rf"([A-Za-z0-9@._%+-]){TAGS}([A-Za-z0-9@._%+-])", "${1}${2}"))

#: A payload that holds this may name a level inside of an object in it.
INNER_OBJECT = r"[:,\[] ?\{"

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
    elif form.levels:
        parts["level"] = parts["level"].replace(form.levels)
    return rows.select("row", pl.lit(number, pl.Int64).alias("format"), *(part.alias(n) for n, part in parts.items()))


def payload_level(payloads: pl.Series) -> pl.Series:
    """Return the severity that each payload names: of the object itself, not of an object inside it; else null."""
    words = payloads.str.extract(json_level(), 1)
    rows = (words.is_not_null() & payloads.str.contains(INNER_OBJECT)).fill_null(False).arg_true()
    if len(rows):
        inner = payloads.gather(rows)
        own = [_at(inner, key, path) for key, path in level_paths()]
        words = words.clone().scatter(rows, pl.select(pl.coalesce(*own)).to_series())
    severity = pl.select(level(pl.lit(words))).to_series()
    python = payloads.str.extract(json_python_level(), 1)
    if not python.is_not_null().any():
        return severity
    return pl.select(
        pl.coalesce(severity, python.replace_strict(formats().python, default=None, return_dtype=pl.String))
    ).to_series()


def payload_logger(payloads: pl.Series) -> pl.Series:
    """Return the logger that each payload names, else null."""
    return payloads.str.extract(json_logger(), 1)


def _at(payloads: pl.Series, key: str, path: str) -> pl.Series:
    """The value at a path, searched for only in payloads that hold its key."""
    rows = payloads.str.contains(f'"{key}"', literal=True).arg_true()
    values = pl.Series([None], dtype=pl.String).new_from_index(0, len(payloads))
    return values.scatter(rows, payloads.gather(rows).str.json_path_match(path)) if len(rows) else values


@cache
def level_paths() -> list[tuple[str, str]]:
    """Return where a payload may have its level, as (last key, JSON path of polars)."""
    payload = formats().payload
    own = [(key, f'$["{key}"]') for key in payload.level]
    return own + [(path.rsplit(".", 1)[-1], f"$.{path}") for path in payload.nested]


def _key(keys: tuple[str, ...]) -> str:
    return '"(?:{})": ?'.format("|".join(key.replace(".", r"\.") for key in keys))


@cache
def json_level() -> str:
    """Return the pattern of a level in JSON: a word, or a number of pino or Monolog."""
    return _key(formats().payload.level) + '"?([A-Za-z]+|[1-6]0|[1-6][05]0)"?[,}]'


@cache
def json_python_level() -> str:
    """Return the pattern of a level that is a number of Python's logging."""
    return _key(formats().payload.python) + "([1-5]0)[,}]"


@cache
def json_logger() -> str:
    """Return the pattern of a logger's name in JSON."""
    return _key(formats().payload.logger) + r'"([^"\\]{1,200})"'


def level(words: pl.Expr) -> pl.Expr:
    """Return the severity that a level word stands for, null for an unknown word."""
    return words.str.to_uppercase().replace_strict(formats().levels, default=None, return_dtype=pl.String)
