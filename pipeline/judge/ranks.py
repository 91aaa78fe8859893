"""Rank statistics of samples that are histograms: Mann-Whitney, Hodges-Lehmann, percentile intervals."""

import math
from bisect import bisect_left
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from pipeline.judge import special
from pipeline.judge.stats import INDEPENDENT, Alternative, DesignEffect, Floats

_EXACT_UP_TO = 25  # values a side: what the normal approximation is judged against in the books' tables
_ENUMERATED = 1 << 16  # pairwise differences sorted at once


@dataclass(frozen=True, eq=False, slots=True)
class Weighted:
    """A sample as a histogram.

    values: shape (d,), strictly ascending, finite, in any unit; counts: shape (d,), above 0, not necessarily whole;
    n_effective: how many independent values tell as much (0 < n_effective <= n, 0 for no value); df: the degrees of
    freedom of the variance behind n_effective, infinite where it is known.
    """

    values: Floats
    counts: Floats
    n_effective: float
    df: float = math.inf

    def __post_init__(self) -> None:
        """Refuse what is no histogram: every function below trusts its arguments."""
        if self.values.shape != self.counts.shape or self.values.ndim != 1:
            raise ValueError(f"{self.values.shape} values and {self.counts.shape} counts are no histogram")
        if not (np.isfinite(self.values).all() and (np.diff(self.values) > 0).all()):
            raise ValueError("the values of a histogram are finite and ascend")
        if not (np.isfinite(self.counts).all() and (self.counts > 0).all()):
            raise ValueError("the counts of a histogram are above 0")
        if not (0 < self.n_effective <= self.n * (1 + 1e-9) or self.n_effective == self.n == 0):
            raise ValueError(f"{self.n_effective} of {self.n} values cannot be independent")

    @classmethod
    def of(
        cls, values: ArrayLike, counts: ArrayLike | None = None, *, design: DesignEffect = INDEPENDENT
    ) -> "Weighted":
        """Return the histogram of values in any order, repeated or with counts; those with count 0 are left out.

        >>> Weighted.of([3, 1, 3]).counts
        array([1., 2.])
        """
        every = np.asarray(values, dtype=np.float64)
        weights = np.ones_like(every) if counts is None else np.asarray(counts, dtype=np.float64)
        every, weights = every[weights != 0], weights[weights != 0]
        distinct, index = np.unique(every, return_inverse=True)
        summed = np.bincount(index, weights=weights, minlength=len(distinct)).astype(np.float64)
        return cls(distinct, summed, float(summed.sum()) / design.value, design.df)

    @property
    def n(self) -> float:
        """The number of values."""
        return float(self.counts.sum())


class MannWhitney(NamedTuple):
    """z: standard normal under no change; p: of the alternative; cles: P(experiment > control) + P(equal) / 2."""

    z: float
    p: float
    cles: float


class Shift(NamedTuple):
    """experiment - control with its interval, in the unit of the values; an end may be infinite."""

    estimate: float
    low: float
    high: float


class Percentile(NamedTuple):
    """A percentile with its interval, in the unit of the values; an end may be infinite."""

    estimate: float
    low: float
    high: float


def mann_whitney(*, control: Weighted, experiment: Weighted, alternative: Alternative) -> MannWhitney:
    """Return the Mann-Whitney test that the experiment's values are distributed as the control's.

    No value on a side gives z and cles NaN and p = 1, equal values throughout z = 0 and p = 1.
    Mann & Whitney (1947), Ann. Math. Stat. 18, 50-60: normal approximation with corrections for ties and continuity,
    as R's wilcox.test(exact = FALSE); up to 25 values a side, untied and independent, p is exact, as its exact = TRUE.

    Values that depend on each other: the variance of the mean rank difference, (1/m + 1/n) / 12 for m and n values,
    becomes (1/m_effective + 1/n_effective) / 12, that is, times the pooled design effect
    (deff_control / m + deff_experiment / n) / (1/m + 1/n), deff = n / n_effective (Kish 1965, Survey Sampling, 8.2).
    Where the design effects are estimates, Student's t with Satterthwaite's degrees of freedom (1946, Biometrics
    Bulletin 2, 110-114) takes the place of the normal. p is never below 1 / special.binom(m_effective + n_effective,
    m_effective), the least a rank test of so few can give.

    >>> test = mann_whitney(control=Weighted.of([1.15, 0.88, 0.90, 0.74, 1.21]), alternative="greater",
    ...     experiment=Weighted.of([0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46]))
    >>> round(test.p, 4), test.cles  # R: example(wilcox.test), from Hollander & Wolfe (1973), p. 69: W = 35
    (0.1272, 0.7)
    """
    m, n = control.n, experiment.n
    if m == 0 or n == 0:
        return MannWhitney(math.nan, 1.0, math.nan)
    pooled = np.union1d(control.values, experiment.values)
    ours, theirs = _spread(experiment, pooled), _spread(control, pooled)
    wins = float(ours @ (np.cumsum(theirs) - theirs / 2))
    cles = wins / (m * n)
    sigma = _sigma(control, experiment, ties=ours + theirs)
    if len(pooled) == 1 or sigma == 0:
        return MannWhitney(0.0, 1.0, cles)
    away = wins - m * n / 2
    towards = {"greater": 0.5, "less": -0.5, "two-sided": math.copysign(0.5, away) if away else 0.0}[alternative]
    z = (away - towards) / sigma
    if _is_exact(control, experiment):
        p = _exact_p(round(wins), len(control.values), len(experiment.values), alternative)
    else:
        tail = {"greater": -z, "less": z, "two-sided": -abs(z)}[alternative]
        p = float(_lower_tail(tail, _df(control, experiment))) * (2 if alternative == "two-sided" else 1)
        p = max(p, _least_tail(control, experiment) * (2 if alternative == "two-sided" else 1))
    return MannWhitney(z, min(1.0, p), cles)


def hodges_lehmann(*, control: Weighted, experiment: Weighted, confidence: float = 0.95) -> Shift:
    """Return how far the experiment's values are shifted from the control's, in their unit.

    The estimate is the median of all pairwise differences experiment - control (Hodges & Lehmann 1963, Ann. Math.
    Stat. 34, 598-611), each as often as it occurs; the interval holds the shifts that the two-sided Mann-Whitney test
    does not reject: two of these differences by rank (Bauer 1972, J. Am. Stat. Assoc. 67, 687-690; Hollander & Wolfe
    1973, 4.3), exact and with effective numbers as in mann_whitney, without its correction for ties, so rather wide.
    An end is infinite where so few values cannot reach the confidence: 3 against 3 cannot reach 95 %, whatever they
    are. No value on a side gives (NaN, -inf, inf).

    >>> hodges_lehmann(control=Weighted.of([1, 2, 3, 4, 5]), experiment=Weighted.of([10, 11, 12, 13, 14]))
    Shift(estimate=9.0, low=6.0, high=12.0)
    >>> # R: wilcox.test(10:14, 1:5, conf.int = TRUE)
    """
    if control.n == 0 or experiment.n == 0:
        return Shift(math.nan, -math.inf, math.inf)
    pairs = control.n * experiment.n
    # The greatest of the lower half and the least of the upper one; mirrored, so that swapping the samples only
    # changes the sign.
    lower, upper = _difference(control, experiment, pairs / 2), -_difference(experiment, control, pairs / 2)
    tail = (1 - confidence) / 2
    if _least_tail(control, experiment) > tail * (1 + 1e-9):
        outside = 0.0
    elif _is_exact(control, experiment):
        null = _null_distribution(len(control.values), len(experiment.values))
        outside = float(np.searchsorted(np.cumsum(null), tail - 1e-14))
    else:
        outside = pairs / 2 + _quantile(tail, _df(control, experiment)) * _sigma(control, experiment) - 0.5
    if outside <= 0:
        return Shift((lower + upper) / 2, -math.inf, math.inf)
    low, high = _difference(control, experiment, outside), -_difference(experiment, control, outside)
    return Shift((lower + upper) / 2, low, high)


def _spread(data: Weighted, values: Floats) -> Floats:
    """Return the sample's counts at `values`, which hold all of its own."""
    counts = np.zeros(len(values))
    counts[np.searchsorted(values, data.values)] = data.counts
    return counts


def _sigma(control: Weighted, experiment: Weighted, ties: Floats | None = None) -> float:
    """Return the standard deviation of the Mann-Whitney count under no change; ties: counts of the pooled values."""
    m, n = control.n, experiment.n
    total = m + n
    # A count below 1 (of a standardised sample) ties with nothing.
    tied = 0.0 if ties is None or total <= 1 else float((ties**3 - ties).clip(0).sum()) / (total * (total - 1))
    inflation = (1 / control.n_effective + 1 / experiment.n_effective) / (1 / m + 1 / n)
    return math.sqrt(max(0.0, m * n / 12 * (total + 1 - tied) * inflation))


def _df(control: Weighted, experiment: Weighted) -> float:
    """Return Satterthwaite's degrees of freedom of the variance of a difference; infinite where both are known."""
    parts = (1 / control.n_effective, control.df), (1 / experiment.n_effective, experiment.df)
    spread = sum(variance**2 / df for variance, df in parts)
    return sum(variance for variance, _ in parts) ** 2 / spread if spread else math.inf


def _lower_tail(z: float, df: float) -> float:
    return float(special.ndtr(z)) if math.isinf(df) else float(special.stdtr(df, z))


def _quantile(p: float, df: float) -> float:
    return float(special.ndtri(p)) if math.isinf(df) else float(special.stdtrit(df, p))


def _least_tail(control: Weighted, experiment: Weighted) -> float:
    """Return the least one-sided p of any rank test: of all orders of the effective values one is the extreme."""
    m, n = control.n_effective, experiment.n_effective
    return 1 / float(special.binom(m + n, min(m, n)))


def _is_exact(control: Weighted, experiment: Weighted) -> bool:
    """Return whether the exact distribution holds: few values, none tied, all independent."""
    few = all(
        len(data.values) <= _EXACT_UP_TO and (data.counts == 1).all() and math.isclose(data.n_effective, data.n)
        for data in (control, experiment)
    )
    return few and set(control.values).isdisjoint(experiment.values)


def _null_distribution(m: int, n: int) -> Floats:
    """Return the probabilities of the Mann-Whitney counts 0..m * n under no change, of m and n values without ties.

    The number of orders is the coefficient of the Gaussian binomial, the product of (1 - q^(m+i)) / (1 - q^i).
    """
    orders = np.zeros(m * n + 1, dtype=np.int64)
    orders[0] = 1
    for i in range(1, n + 1):
        if m + i <= m * n:
            orders[m + i :] -= orders[: -(m + i)].copy()
        for start in range(i):
            orders[start::i] = np.cumsum(orders[start::i])
    probabilities: Floats = orders / orders.sum()
    return probabilities


def _exact_p(wins: int, m: int, n: int, alternative: Alternative) -> float:
    """Return the p-value of a Mann-Whitney count as R's wilcox.test does: twice the nearer tail if two-sided."""
    null = _null_distribution(m, n)
    at_least, at_most = float(null[wins:].sum()), float(null[: wins + 1].sum())
    return {"greater": at_least, "less": at_most, "two-sided": 2 * min(at_least, at_most)}[alternative]


def _difference(control: Weighted, experiment: Weighted, weight: float) -> float:
    """Return the least difference experiment - control that, with all smaller ones, weighs at least `weight`.

    Bisection over the differences, without building them, until few are left, which are sorted.
    """
    below = np.concatenate(([0.0], np.cumsum(experiment.counts)))
    weight *= 1 - 1e-12  # counts that are not whole do not add up exactly
    first = np.zeros(len(control.values), dtype=np.intp)
    last = np.full(len(control.values), len(experiment.values), dtype=np.intp)
    low = float(experiment.values[0] - control.values[-1])
    high = float(experiment.values[-1] - control.values[0])
    rounding = 4 * np.spacing(max(np.abs(control.values).max(), np.abs(experiment.values).max()))
    while (last - first).sum() > _ENUMERATED and high - low > rounding:
        middle = (low + high) / 2
        indices = np.searchsorted(experiment.values, control.values + middle, side="right").clip(first, last)
        if control.counts @ below[indices] >= weight:
            high, last = middle, indices
        else:
            low, first = middle, indices
    lengths = last - first
    rows = np.repeat(np.arange(len(lengths)), lengths)
    columns = np.arange(len(rows)) - np.repeat(np.cumsum(lengths) - lengths - first, lengths)
    differences = experiment.values[columns] - control.values[rows]
    order = np.argsort(differences)
    weights = (experiment.counts[columns] * control.counts[rows])[order]
    reached = np.searchsorted(np.cumsum(weights) + control.counts @ below[first], weight)
    return float(differences[order[min(int(reached), len(order) - 1)]])


def percentile_interval(data: Weighted, q: float, confidence: float = 0.95) -> Percentile:
    """Return the q-th percentile and its distribution-free interval, in the unit of the values.

    q: above 0, below 100. No value gives (NaN, -inf, inf); an end is infinite where so few values cannot bound it
    (the 99th percentile from above at 95 %: fewer than 368). Estimate: R type 7 (Hyndman & Fan 1996, definition 7) of
    the values repeated by their counts. Interval: two values by rank, each tail at most (1 - confidence) / 2 of
    Binomial(n, q): Conover (1999), Practical Nonparametric Statistics, 3.2; Hahn & Meeker (1991), Statistical
    Intervals, 5.2. With n_effective below n, the ranks of that many values, stretched over all, outwards.

    >>> percentile_interval(Weighted.of([12, 15, 15, 18, 20, 20, 20, 25, 31, 40]), 50)
    Percentile(estimate=20.0, low=15.0, high=31.0)
    >>> # R: sort(x)[qbinom(c(.025, .975), 10, .5) + 0:1]
    """
    if not 0 < q < 100:
        raise ValueError(f"no interval of percentile {q}")
    n = data.n
    if n == 0:
        return Percentile(math.nan, -math.inf, math.inf)
    rank_after = np.cumsum(data.counts)

    def value(rank: float) -> float:
        """Return the value of the rank, from 1."""
        index = int(np.searchsorted(rank_after, rank - 1e-9))
        return float(data.values[min(index, len(data.values) - 1)])

    whole, part = divmod(max(n - 1, 0.0) * q / 100, 1)
    under, over = value(whole + 1), value(min(whole + 2, n))
    estimate = under + part * (over - under)

    independent = math.floor(data.n_effective + 1e-9)
    tail = (1 - confidence) / 2
    ranks = range(independent + 1)
    low = bisect_left(ranks, tail, key=lambda rank: float(special.bdtr(rank, independent, q / 100)))
    high = bisect_left(ranks, 1 - tail, key=lambda rank: float(special.bdtr(rank, independent, q / 100))) + 1
    stretch = n / max(1, independent)
    return Percentile(
        estimate,
        value(math.floor((low - 1) * stretch + 1e-9) + 1) if low >= 1 else -math.inf,
        value(math.ceil(high * stretch - 1e-9)) if high <= independent else math.inf,
    )
