"""Stack traces that are one entry: the exception, its message and the innermost frame of the service's own code.

`traces.toml` has each language's form as data; here it is read in polars, in `parsers.to_googlesql` spelled for
BigQuery.
"""

from functools import cache
from importlib import resources

import polars as pl
import tomli
from pydantic import BaseModel, ConfigDict

from parsers.dialect import groups

#: What a trace gives. `frame`: function (file), or the one of the two that is written.
FIELDS = ("exception", "message", "frame")

#: How a trace's signature begins.
PREFIX = "Traceback: "

#: In a trace's identity these are masked: they number lambdas, chunks and builds.
NUMBERS = "[0-9A-Fa-f]*[0-9][0-9A-Fa-f]*"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TraceExample(_Strict):
    """A trace, and what it gives."""

    line: str
    want: dict[str, str]


class Trace(_Strict):
    """The stack traces of one language."""

    language: str
    source: str
    literal: str
    mark: str
    library: str
    exceptions: list[str]
    frames: list[str]
    near_misses: list[str]
    example: list[TraceExample]


@cache
def traces() -> tuple[Trace, ...]:
    """Return the languages, in the order in which they are tried."""
    document = tomli.loads((resources.files("parsers") / "traces.toml").read_text(encoding="utf-8"))
    return tuple(Trace(**block) for block in document["trace"])


def read(texts: pl.Series) -> pl.DataFrame:
    """Return exception, message, frame (`FIELDS`) and language of each text, in order; null where it is no trace."""
    frame = pl.DataFrame({"text": _unescaped(texts)}).with_row_index("row")
    schema = {"row": pl.UInt32, **dict.fromkeys((*FIELDS, "language"), pl.String)}
    parts = [pl.DataFrame(schema=schema)]
    rest = frame.filter(pl.col("text").str.contains("\n", literal=True))
    for trace in traces():
        if rest.is_empty():
            break
        near = rest["text"].str.contains(trace.literal, literal=True)
        hit = near & rest["text"].str.contains(trace.mark) if near.any() else near
        if hit.any():
            parts.append(_parts(rest.filter(hit), trace))
            rest = rest.filter(~hit)
    return frame.select("row").join(pl.concat(parts), on="row", how="left", maintain_order="left").drop("row")


def identity(rows: pl.DataFrame) -> pl.Series:
    """Return what tells traces apart (rows of `read`): the exception and its frame; null where either is unknown."""
    text = pl.concat_str(pl.lit(PREFIX), "exception", pl.lit(" at "), "frame").str.replace_all(NUMBERS, "<*>")
    return rows.select(text).to_series()


def _unescaped(texts: pl.Series) -> pl.Series:
    """In JSON messages a newline may be the two characters \\n."""
    rows = (~texts.str.contains("\n", literal=True) & texts.str.contains("\\n", literal=True)).fill_null(False)
    where = rows.arg_true()
    if not len(where):
        return texts
    return texts.clone().scatter(where, texts.gather(where).str.replace_all("\\n", "\n", literal=True))


def _parts(rows: pl.DataFrame, trace: Trace) -> pl.DataFrame:
    own = rows["text"].str.replace_all(trace.library, "")
    raised = [_groups(rows["text"], pattern, ("exception", "message")) for pattern in trace.exceptions]
    frames = [_groups(own, pattern, ("function", "file")) for pattern in trace.frames]
    # The message belongs to the pattern that found the exception.
    columns: list[pl.Expr] = []
    exception, message, frame = pl.lit(None, pl.String), pl.lit(None, pl.String), pl.lit(None, pl.String)
    for number in reversed(range(len(raised))):
        kind = pl.lit(raised[number]["exception"])
        message = pl.when(kind.is_not_null()).then(pl.lit(raised[number]["message"])).otherwise(message)
        exception = pl.coalesce(kind, exception)
    for named in reversed(frames):
        function, file = pl.lit(named["function"]), pl.lit(named["file"])
        both = pl.concat_str(function, pl.lit(" ("), file, pl.lit(")"))
        frame = pl.coalesce(both, function, file, frame)
    columns = [exception.alias("exception"), message.alias("message"), frame.alias("frame")]
    return rows.select("row", *columns, pl.lit(trace.language).alias("language"))


def _groups(texts: pl.Series, pattern: str, names: tuple[str, str]) -> pl.DataFrame:
    captured = texts.str.extract_groups(pattern).struct.unnest()
    return captured.select(pl.col(n) if n in groups(pattern) else pl.lit(None, pl.String).alias(n) for n in names)
