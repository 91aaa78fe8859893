"""The level that a JSON object names itself, not one of an object inside it, read by patterns from `formats.toml`.

No engine has to parse the object, so a line that is nearly JSON is read alike by all.
"""

import re
from functools import cache

import polars as pl

from parsers.formats import Scale, formats

#: A payload that holds this may name a level inside of an object in it.
INNER_OBJECT = r"[:,\[] ?\{"

#: Objects are passed over that hold so many others in each other.
_DEPTH = 6

_STRING = r'"(?:[^"\\]|\\[^\n])*"'
#: A level as a word, or a number of pino or Monolog; Go's slog writes ERROR+2.
_WORD = r"([A-Za-z]+|[1-6]0|[1-6][05]0)(?:[+-][0-9]+)?"
_VALUE = r"([A-Za-z0-9]+)"


def payload_level(payloads: pl.Series) -> pl.Series:
    """Return the severity that each payload names, else null. payloads: JSON objects, or null."""
    words = payloads.str.extract(flat_level(), 1)
    inner = payloads.str.contains(INNER_OBJECT).fill_null(False)
    rows = (inner & (words.is_not_null() | payloads.str.contains(level_object()).fill_null(False))).arg_true()
    if len(rows):
        words = words.clone().scatter(rows, _words(payloads.gather(rows)))
    return _with_scales(words, payloads)


def text_level(texts: pl.Series) -> pl.Series:
    """Return the same of texts that begin as JSON objects do."""
    return _with_scales(_words(texts), texts)


def _words(objects: pl.Series) -> pl.Series:
    own = objects.str.extract(own_level(), 1)
    rows = own.is_null().arg_true()
    return own.scatter(rows, objects.gather(rows).str.extract(nested_level(), 1)) if len(rows) else own


def _with_scales(words: pl.Series, objects: pl.Series) -> pl.Series:
    """The severities of words; where there is none, what other values say."""
    severities = pl.select(level(pl.lit(words))).to_series()
    for scale in formats().payload.scale:
        wanted = severities.is_null() & objects.is_not_null()
        for sign in scale.signs:
            if wanted.any():
                wanted &= objects.str.contains(sign, literal=True).fill_null(False)
        rows = wanted.arg_true()
        if len(rows):
            severities = severities.scatter(rows, _scaled(objects.gather(rows), scale))
    return severities


def _scaled(objects: pl.Series, scale: Scale) -> pl.Series:
    values = objects.str.extract(scale_value(scale.keys), 1).str.to_uppercase()
    severities = values.replace_strict(scale.levels, default=None, return_dtype=pl.String)
    if scale.absent is None:
        return severities
    absent = ~objects.str.contains(key_sign(scale.keys))
    return pl.select(pl.coalesce(pl.lit(severities), pl.when(pl.lit(absent)).then(pl.lit(scale.absent)))).to_series()


def level(words: pl.Expr) -> pl.Expr:
    """Return the severity that a level word stands for, null for an unknown word."""
    return words.str.to_uppercase().replace_strict(formats().levels, default=None, return_dtype=pl.String)


def _key(keys: tuple[str, ...]) -> str:
    return '"(?:{})": ?'.format("|".join(re.escape(key) for key in keys))


@cache
def _members() -> str:
    """What may stand in an object before a key: values, and whole objects."""
    members = rf'(?:[^{{}}"]|{_STRING})'
    for _ in range(_DEPTH):
        members = rf'(?:[^{{}}"]|{_STRING}|\{{{members}*\}})'
    return members


@cache
def flat_level() -> str:
    """Return the pattern of a level wherever it stands."""
    return _key(formats().payload.level) + rf'"?{_WORD}"?[ \r\n]*[,}}]'


@cache
def level_object() -> str:
    """Return the pattern of an object that stands where a level could."""
    paths = [path.split(".") for path in formats().payload.nested]
    return _key(tuple(sorted({path[-2] for path in paths if path[-1] not in formats().payload.level}))) + r"\{"


@cache
def own_level() -> str:
    """Return the pattern of the level of the object itself."""
    return rf"^\{{{_members()}*?{flat_level()}"


@cache
def nested_level() -> str:
    """Return the pattern of a level inside of the objects where loggers write it."""
    between = rf"\{{{_members()}*?"
    paths = "|".join(between.join(_key((name,)) for name in path.split(".")) for path in formats().payload.nested)
    return rf'^{between}(?:{paths})"?{_WORD}"?[ \r\n]*[,}}]'


@cache
def scale_value(keys: tuple[str, ...]) -> str:
    """Return the pattern of the value of one of a scale's keys."""
    return rf'^\{{{_members()}*?{_key(keys)}"?{_VALUE}"?[ \r\n]*[,}}]'


def key_sign(keys: tuple[str, ...]) -> str:
    """Return the pattern of one of a scale's keys, wherever it stands."""
    return _key(keys)


@cache
def json_logger() -> str:
    """Return the pattern of a logger's name in JSON."""
    return _key(formats().payload.logger) + r'"([^"\\]{1,200})"'
