"""Histograms and slots to the judge's times: how long things took, and how far the entries of one time are alike."""

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipeline.judge.power import binomial_design_effect, cosine_design_effect, most_cautious
from pipeline.judge.revision_data import OTHERS, Times
from pipeline.judge.stats import INDEPENDENT, DesignEffect

#: So many minutes are enough by themselves, and fewer than so many tell nothing of what lasts for minutes.
_MANY_MINUTES = 60
_FEW_MINUTES = 8
_PER_MINUTE = 6

_MOST_SLOTS = 1_000_000

#: A name seen fewer times, or beyond so many others, is one of the others.
_LEAST_OF_A_NAME = 20
_MOST_NAMES = 300


def times_and_design_effects(histograms: pl.DataFrame, slots: pl.DataFrame) -> dict[str, Any]:
    """Return `times` and `design_effects` of a profile from one revision's rows of the two measures."""
    if slots.is_empty():
        return {"times": {}, "design_effects": {"errors": INDEPENDENT, "denied": INDEPENDENT}}
    named = _named(histograms)
    slots = _lumped(slots, named)
    steady = _lumped(histograms.filter(pl.col("phase") == "steady"), named)
    steady = steady.group_by("kind", "name", "part", "bucket").agg(pl.col("n").sum())
    steady = steady.sort("kind", "name", "part", "bucket")
    clusters = dict(slots.filter(pl.col("n_steady") > 0).group_by("kind", "name"))
    times: dict[tuple[str, str], Times] = {}
    residuals: dict[str, list[tuple[pl.DataFrame, float]]] = {}
    for (kind, name), part_rows in steady.group_by("kind", "name", maintain_order=True):
        bucket, part, n = (part_rows[column].to_numpy().astype(np.int64) for column in ("bucket", "part", "n"))
        cluster, total = clusters[kind, name], int(n.sum())
        squares, mean = float((n * bucket**2).sum()), float((n * bucket).sum()) / total
        apart = cluster.with_columns(pl.col("bucket_sum") - pl.col("n_steady") * mean)
        squares = max(squares - total * mean**2, 0.0)
        times[str(kind), str(name)] = Times(bucket, part, n, _design(apart, squares))
        residuals.setdefault(str(kind), []).append((apart, squares))
    requests = slots.filter((pl.col("kind") == "endpoint") & (pl.col("n") > 0))
    design_effects = {"errors": _binomial(requests, "errors_5xx"), "denied": _binomial(requests, "denied")}
    for kind, parts in residuals.items():
        # What is left when each name's own mean is taken out: a slow minute slows all names.
        left = pl.concat([rows for rows, _ in parts])
        design_effects[f"{kind} without trend"] = _design(left, sum(of_name for _, of_name in parts))
    return {"times": times, "design_effects": design_effects}


def _design(rows: pl.DataFrame, squares: float) -> DesignEffect:
    """The design effect of a revision's times without their trend: of slots or of minutes, whichever leaves less.

    Slots show what depends within seconds, minutes what lasts for several; of these a short window has few. A drift is
    what its own test looks for, not noise around it.
    """
    bins = slots_or_minutes(rows)
    return most_cautious([cosine_design_effect(*dense(of, "bucket_sum", "n_steady"), squares) for of in bins])


def slots_or_minutes(slots: pl.DataFrame) -> list[pl.DataFrame]:
    """Return slots of ten seconds, minutes, or both: minutes alone where there are many, slots alone where few."""
    minutes = slots.with_columns(pl.col("slot") // _PER_MINUTE)
    long = minutes["slot"].n_unique()
    if long >= _MANY_MINUTES:
        return [minutes]
    return [slots, minutes] if long >= _FEW_MINUTES else [slots]


def _binomial(requests: pl.DataFrame, column: str) -> DesignEffect:
    if requests.is_empty():
        return INDEPENDENT
    return DesignEffect(max(binomial_design_effect(*dense(rows, column, "n")) for rows in slots_or_minutes(requests)))


def _named(histograms: pl.DataFrame) -> pl.DataFrame:
    """The names that are seen often enough to be looked at by themselves, the most frequent of each kind."""
    totals = histograms.group_by("kind", "name").agg(pl.col("n").sum()).filter(pl.col("n") >= _LEAST_OF_A_NAME)
    return totals.sort("n", "name", descending=[True, False]).group_by("kind", maintain_order=True).head(_MOST_NAMES)


def _lumped(rows: pl.DataFrame, named: pl.DataFrame) -> pl.DataFrame:
    """Rows with all other names as one."""
    known = named.select("kind", "name", pl.lit(value=True).alias("known"))
    joined = rows.join(known, on=["kind", "name"], how="left")
    return joined.with_columns(pl.when("known").then("name").otherwise(pl.lit(OTHERS)).alias("name")).drop("known")


def dense(rows: pl.DataFrame, value: str, number: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return sums of two columns by slot, slots without a row among them as zeros."""
    sums = rows.group_by("slot").agg(pl.col(value, number).sum()).sort("slot")
    at = (sums["slot"] - sums["slot"][0]).to_numpy()
    if at[-1] > _MOST_SLOTS:  # stray times, years apart: only the order is left
        at = np.arange(sums.height)
    table = np.zeros((2, int(at[-1]) + 1))
    table[:, at] = sums.select(value, number).to_numpy().T
    return table[0], table[1]
