"""Where a series of runs changed for good: E-divisive, a change-point method that assumes no distribution.

Matteson and James, "A nonparametric approach for multiple change point analysis of multivariate data", JASA 109 (2014).
The split of a segment is where the energy distance between its two sides, weighted by their sizes, is largest; it
counts where few random orders of the segment have a split as large. Then each side is searched in turn. Two deviations:
each segment is tested by itself, and a difference of medians below `MIN_CHANGE` is left out, as no reader would act on
it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

import numpy as np

#: Runs on each side of a change: a change is seen four runs after it, and one run never makes it.
MIN_RUNS = 4

#: How often a segment without any change is split. Series of a page are tested one by one, and the page says so.
ALPHA = 0.01

#: Medians that differ by less than a tenth are alike.
MIN_CHANGE = 0.1

#: Random orders; with 999 the smallest p is 0.001. Their seed is fixed: the same series, the same answer.
_ORDERS = 999
_SEED = 20140


@dataclass(frozen=True)
class ChangePoint:
    """The first index of a new level. before, after: medians of the segments on its sides; p: of "no change here"."""

    index: int
    before: float
    after: float
    p: float


def change_points(values: Sequence[float]) -> list[ChangePoint]:
    """Return the changes of a series, in order of time; none for one of fewer than twice `MIN_RUNS` values.

    >>> [(change.index, change.before, change.after) for change in change_points([100.0, 101, 99, 100, 102, 98] * 2)]
    []
    >>> steps = [100.0, 101, 99, 103, 98, 97, 150, 152, 149, 155, 151, 148]
    >>> [(change.index, change.before, change.after) for change in change_points(steps)]
    [(6, 99.5, 150.5)]
    """
    series = np.asarray(values, dtype=float)
    splits = sorted(_splits(series, 0, len(series)))
    if not splits:
        return []
    edges = [0, *(index for index, _ in splits), len(series)]
    levels = [float(median(series[start:end])) for start, end in pairwise(edges)]
    return [
        ChangePoint(index, before, after, p)
        for (index, p), before, after in zip(splits, levels[:-1], levels[1:], strict=True)
        if abs(after - before) > MIN_CHANGE * abs(before)
    ]


def _splits(series: "np.ndarray[tuple[int], np.dtype[np.float64]]", start: int, end: int) -> list[tuple[int, float]]:
    """The index of every split between start and end, with its p."""
    n = end - start
    if n < 2 * MIN_RUNS:
        return []
    part = series[start:end]
    distances = np.abs(part[:, None] - part[None, :])
    energies = _energies(distances)
    best = int(np.argmax(energies))
    if energies[best] <= 0.0:
        return []
    orders = np.random.Generator(np.random.PCG64(_SEED))
    limit = float(energies[best]) * (1 - 1e-12)
    as_large = 0
    for _ in range(_ORDERS):
        order = orders.permutation(n)
        as_large += bool(_energies(distances[np.ix_(order, order)]).max() >= limit)
    p = (as_large + 1) / (_ORDERS + 1)
    if p > ALPHA:
        return []
    index = start + MIN_RUNS + best
    return [*_splits(series, start, index), (index, p), *_splits(series, index, end)]


def _energies(
    distances: "np.ndarray[tuple[int, int], np.dtype[np.float64]]",
) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    """The weighted energy distance of every split that leaves `MIN_RUNS` on each side."""
    n = len(distances)
    sums = distances.cumsum(axis=0).cumsum(axis=1)
    left = np.arange(MIN_RUNS, n - MIN_RUNS + 1)
    right = n - left
    within_left = sums[left - 1, left - 1]
    across = sums[left - 1, -1] - within_left
    within_right = sums[-1, -1] - within_left - 2 * across
    energy = 2 * across / (left * right) - within_left / (left * (left - 1)) - within_right / (right * (right - 1))
    weighted: np.ndarray[tuple[int], np.dtype[np.float64]] = left * right / n * energy
    return weighted
