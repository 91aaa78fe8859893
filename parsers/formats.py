"""The text formats of log lines as data: `formats.toml`, read and checked.

A block names a format with its pattern, its level words, examples and near misses; the first that matches wins.
`parsers.lines` reads with them in polars, `parsers.to_googlesql` spells them for BigQuery.
"""

import re
from functools import cache
from importlib import resources

import tomli
from pydantic import BaseModel, ConfigDict

from parsers.dialect import only

_PLAIN = re.compile("[A-Za-z_]+")
_PART = re.compile(r"%\{([a-z]+)\}")

#: So many formats are looked for at once: a line of none costs one search for each such group.
_GROUP = 8


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FormatExample(_Strict):
    """A line, and what its format gives; what is not named must be absent, but for the message."""

    line: str
    want: dict[str, str] = {}


class LineFormat(_Strict):
    """One text format. `pattern` names the groups it has of level, logger and message."""

    name: str
    source: str
    pattern: str
    level: str | None = None
    levels: dict[str, str] = {}
    json_object: bool = False
    example: list[FormatExample]
    near_misses: list[str]


def json_path(path: str) -> str:
    """Return a path of names with dots between them as a JSON path, which all engines read."""
    return "$" + "".join(f".{name}" if _PLAIN.fullmatch(name) else f'."{name}"' for name in path.split("."))


class Scale(_Strict):
    """Values that mean a level in an object with all `signs`; `absent`: its level where it has none of `keys`."""

    source: str
    signs: tuple[str, ...]
    keys: tuple[str, ...]
    levels: dict[str, str] = {}
    absent: str | None = None


class Payload(_Strict):
    """Where a payload has its message, level and logger: keys, or paths into an object, and other values of levels."""

    message: tuple[str, ...]
    level: tuple[str, ...]
    nested: tuple[str, ...]
    logger: tuple[str, ...]
    scale: tuple[Scale, ...]


class Formats(_Strict):
    """All of `formats.toml`; the patterns are whole. `levels`: the severity of each word."""

    levels: dict[str, str]
    payload: Payload
    format: tuple[LineFormat, ...]

    def groups(self) -> list[tuple[str, list[tuple[int, LineFormat]]]]:
        """Return the formats in their order, a few at a time, each few with a pattern that any of them matches."""
        numbered = list(enumerate(self.format))
        parts = [numbered[start : start + _GROUP] for start in range(0, len(numbered), _GROUP)]
        return [("|".join(f"(?:{only(form.pattern, '')})" for _, form in part), part) for part in parts]


@cache
def formats() -> Formats:
    """Return the formats, in their order."""
    document = tomli.loads((resources.files("parsers") / "formats.toml").read_text(encoding="utf-8"))
    parts = document.pop("parts")
    for name in parts:
        parts[name] = _PART.sub(lambda match: parts[match[1]], parts[name])
    for block in document["format"]:
        block["pattern"] = _PART.sub(lambda match: parts[match[1]], block["pattern"])
    document["levels"] = {word: severity for severity, words in document["levels"].items() for word in words}
    return Formats(**document)
