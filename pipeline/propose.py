"""Blocks for the unknown lines of classified slices, for `runverdict catalogue propose`."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from parsers.lines import strip_ansi
from parsers.propose import Proposal
from parsers.propose import propose as blocks
from pipeline.schema import EVENTS, polars_schema

_READ = ("message", "level", "event", "signature", "http_status")


def propose(slices: Sequence[Path], good: Sequence[Path], most: int) -> tuple[list[Proposal], int]:
    """Return the proposals, and how many lines are unknown.

    slices: Parquet files of events whose unknown lines are wanted. good: those of windows that were well.
    """
    lines = _lines(slices)
    unknown = pl.col("event").is_null()
    proposed = blocks(lines.filter(unknown), lines.filter(~unknown)["text"], _lines(good)["text"], most)
    return proposed, lines.filter(unknown).height


def _lines(slices: Sequence[Path]) -> pl.DataFrame:
    """Text, level, event and signature of every line that is no request row."""
    empty = pl.DataFrame(schema=polars_schema(EVENTS)).select(_READ)
    rows = pl.concat([empty, *(pl.read_parquet(path, columns=list(_READ), hive_partitioning=False) for path in slices)])
    rows = rows.filter(pl.col("message").is_not_null() & pl.col("http_status").is_null())
    return rows.select(strip_ansi(rows["message"]).alias("text"), "level", "event", "signature")
