"""What keeps a verdict small whatever is in the logs: the endpoints of a service beyond a thousand count as one.

Of signatures beyond ten thousand the measure itself makes one, before they take memory; here it is told.
"""

from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from pipeline.aggregate.measures import Measures
from pipeline.judge.revision_data import OTHERS
from pipeline.schema import IDENTITY, SERVICE

#: A service's endpoints that have a row of their own: those with most 5xx, then those with most requests.
MAX_ENDPOINTS = 1_000

#: Frames with endpoints: the column of their names, a column that says which rows have one, and other columns of a key.
_FRAMES: dict[str, tuple[str, str | None, Sequence[str]]] = {
    "latency": ("endpoint", "scope", ()),
    "minutes": ("endpoint", None, ("minute",)),
    "statuses": ("endpoint", None, ("caller", "status", "slot")),
    "clients": ("endpoint", None, ("status",)),
    "bodies": ("endpoint", None, ("size",)),
    "histograms": ("name", "kind", ("phase", "part", "bucket")),
    "slots": ("name", "kind", ("slot",)),
    "tails": ("name", None, ("minute", "step")),
}
_LARGEST = ("most", "max_ms")


def bounded(measures: Measures) -> tuple[Measures, list[str]]:
    """Return measures with at most `MAX_ENDPOINTS` endpoints of a service, and what was put together, in words.

    The rest count as `(others)`: their counts add up, the largest of their times stays, their percentiles are unknown.
    Clients of several endpoints count in each.
    """
    endpoints = measures.latency.filter(pl.col("scope") == "endpoint")
    totals = endpoints.group_by(*SERVICE, "endpoint").agg(pl.col("errors_5xx", "n").sum())
    order = totals.sort(*SERVICE, "errors_5xx", "n", "endpoint", descending=[False] * 4 + [True, True, False])
    rest = order.filter(pl.int_range(pl.len()).over(*SERVICE) >= MAX_ENDPOINTS)
    notes = _other_signatures(measures.signatures)
    if rest.is_empty():
        return measures, notes
    folded = {name: _folded(getattr(measures, name), rest, *columns) for name, columns in _FRAMES.items()}
    counts = rest.group_by("service").len("count").sort("service").iter_rows()
    notes += [
        f"{count:,} endpoints of {service} with the fewest failures and requests count together as {OTHERS}."
        for service, count in counts
    ]
    return replace(measures, **folded), notes


def _other_signatures(signatures: pl.DataFrame) -> list[str]:
    """How many signatures of each service `sql/measures/signatures.sql` counts as one, in words."""
    others = signatures.filter((pl.col("signature") == OTHERS) & (pl.col("signatures") > 1))
    counts = others.group_by("service").agg(pl.col("signatures").sum()).sort("service").iter_rows()
    return [
        f"{count:,} signatures of {service} with the least severe and rarest lines count together as {OTHERS}."
        for service, count in counts
    ]


def _folded(
    frame: pl.DataFrame, rest: pl.DataFrame, column: str, kind: str | None, more: Sequence[str]
) -> pl.DataFrame:
    """A frame in which the endpoints of `rest` are one."""
    keys = [*IDENTITY, *([kind] if kind else []), column, *more]
    names = rest.select(*SERVICE, pl.col("endpoint").alias(column), pl.lit(value=True).alias("is_other"))
    marked = frame.join(names, on=[*SERVICE, column], how="left", nulls_equal=True, maintain_order="left")
    is_other = pl.col("is_other").fill_null(value=False)
    if kind:
        is_other &= pl.col(kind) == "endpoint"
    others = marked.filter(is_other).with_columns(pl.lit(OTHERS).alias(column))
    sums = [name for name, dtype in frame.schema.items() if name not in (*keys, *_LARGEST) and dtype.is_integer()]
    largest = [name for name in _LARGEST if name in frame.columns]
    together = others.group_by(keys, maintain_order=True).agg(pl.col(sums).sum(), pl.col(largest).max())
    return pl.concat([marked.filter(~is_other).select(frame.columns), together], how="diagonal").select(frame.columns)
