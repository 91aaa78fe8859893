"""How much the data can tell: what dependent requests are worth, and how many more would decide."""

import math
from bisect import bisect_left
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.judge import special
from pipeline.judge.ranks import Weighted, mann_whitney
from pipeline.judge.stats import INDEPENDENT, DesignEffect, Floats

_MINUTES = 8  # fewer cannot show a variance between minutes: its own 95 % interval spans a factor of 10 and more
_INDEPENDENT_MINUTES = 2.0  # one degree of freedom: Cauchy's tails, in which nothing is beyond chance
_LEAST_COSINES = 3
_MOST_AUTOCORRELATION = 0.95  # a factor of 39; an hour of minutes does not tell more than this from a drift
_MOST_REQUESTS = 10_000_000
MOST_WINDOWS = 10  # more data than so many windows of today's traffic is nobody's plan
_LIKELY = 0.85  # so often is a promise kept, of "about so many more decide it"


def design_effect(sums: ArrayLike, counts: ArrayLike, sum_of_squares: float) -> DesignEffect:
    """Return how many times wider the variance of the mean is than that of as many independent values, at least 1.

    sums, counts: shape (minutes,), sum and number of the values of each minute in order of time, minutes without a
    value included with count 0 (any equal bins do: a short window is better cut into shorter ones);
    sum_of_squares: of all values. For a rank test feed ranks or logarithms, whose mean the outliers do not rule.
    No value, or values all equal, give 1: nothing is seen to vary.

    deff = (variance with minutes as clusters) / (variance of independent values)   Kish (1965), Survey Sampling, 5.4
           * (1 + r) / (1 - r), r: autocorrelation of the minutes' residual sums from one minute to the next
             Bartlett (1946), J. R. Stat. Soc. Suppl. 8, 27-41; as a first-order autoregression, within 0 and 0.95
    df = independent minutes, that is, minutes * (1 - r) / (1 + r), less one for the mean that was
         fitted to them, at least 1.

    Fewer than 8 minutes with values cannot show their own variance; then all values of a minute count as one (an
    intra-class correlation of 1): deff = sum(counts ** 2) / n, the most clustering that there can be.

    >>> design_effect([10, 20], [2, 2], 251)  # 2 minutes of 2: no more than 2 values
    DesignEffect(value=2.0, df=inf)
    """
    total, number = np.asarray(sums, dtype=np.float64), np.asarray(counts, dtype=np.float64)
    n, busy = float(number.sum()), number > 0
    if n == 0:
        return INDEPENDENT
    mean = float(total.sum()) / n
    spread = sum_of_squares - n * mean * mean
    if spread <= 1e-12 * sum_of_squares:  # also of a single value
        return INDEPENDENT
    minutes = int(busy.sum())
    if minutes < _MINUTES:
        return DesignEffect(max(1.0, float((number**2).sum()) / n))
    residuals = total - mean * number
    variance = float((residuals**2).sum()) / minutes
    r = _autocorrelation(residuals, busy, variance) if variance > 0 else 0.0
    repeated = (1 + r) / (1 - r)
    independent = max(minutes / repeated, _INDEPENDENT_MINUTES)
    clustered = variance * minutes * independent / (independent - 1)
    naive = spread * n / (n - 1)
    return DesignEffect(min(max(1.0, clustered / naive * repeated), n), max(independent - 1, 1.0))


def cosine_design_effect(sums: ArrayLike, counts: ArrayLike, sum_of_squares: float) -> DesignEffect:
    """Return the design effect of a mean around a straight line over time, however long what disturbs it lasts.

    Arguments, and what fewer than 8 minutes with values give, as in design_effect. An autoregression of a slow wave has
    an autocorrelation near 1, so a longer window would tell less. Here the variance of the mean is that of its lowest
    frequencies, by B cosines (type 2) of the residual sums, and Student's t has B degrees of freedom: the
    equal-weighted cosine estimate of Lazarus, Lewis, Stock & Watson (2018), J. Bus. Econ. Stat. 36, 541-559, with their
    B = 0.4 T ** (2/3), at least 3. T: minutes, empty ones too, but no more than twice those with values. The first
    cosine is left out: it is nearly the line, which is fitted (as basis functions orthogonal to a trend, Phillips 2005,
    Econometric Theory 21, 116-142). Where minutes depend on each other as an autoregression of 0.8, a p of 0.2 % comes
    in 0.5 to 2 % of windows of 20 to 50 minutes; the least effect of a check lets less than that through.

    >>> wave = np.sin(np.arange(60) / 5)
    >>> [round(float(x), 2) for x in cosine_design_effect(wave, np.ones(60), (wave**2).sum())]
    [9.69, 6.0]
    """
    total, number = np.asarray(sums, dtype=np.float64), np.asarray(counts, dtype=np.float64)
    n, busy = float(number.sum()), int((number > 0).sum())
    if busy < _MINUTES:
        return design_effect(total, number, sum_of_squares)
    mean = float(total.sum()) / n
    at = np.arange(len(total), dtype=np.float64)
    at -= float((number * at).sum()) / n
    slope = float((at * total).sum()) / float((number * at**2).sum())
    spread = sum_of_squares - n * mean**2 - slope**2 * float((number * at**2).sum())
    if spread <= 1e-12 * sum_of_squares:  # also of a single value
        return INDEPENDENT
    residuals = total - number * (mean + slope * at)
    cosines = max(_LEAST_COSINES, round(0.4 * min(len(residuals), 2 * busy) ** (2 / 3)))
    from scipy import fft  # only where there are so many minutes

    variance = float((fft.dct(residuals)[2 : 2 + cosines] ** 2).mean()) / 2  # dct: twice the sum over cosines
    return DesignEffect(min(max(1.0, variance / (spread * n / (n - 1))), n), float(cosines))


def most_cautious(design_effects: Sequence[DesignEffect]) -> DesignEffect:
    """Return the design effect that leaves the least to tell: by the width of a one-sided interval of 99.9 %.

    >>> most_cautious([DesignEffect(10.0), DesignEffect(5.0, 3.0)])  # R: qnorm(.999)^2 * 10: 95; qt(.999, 3)^2 * 5: 522
    DesignEffect(value=5.0, df=3.0)
    """
    different = list(dict.fromkeys(design_effects))
    if len(different) == 1:  # as in nearly every small window, which spares it the import of scipy.special
        return different[0]
    return max(different, key=lambda effect: effect.value * float(special.stdtrit(min(effect.df, 1e6), 0.999)) ** 2)


def _autocorrelation(residuals: Floats, busy: NDArray[np.bool_], variance: float) -> float:
    """Return the autocorrelation from one minute to the next, of busy minutes, within 0 and 0.95.

    The greater of r(1) and, if r(1) exceeds its standard error without any dependence, the root of r(2): noise within
    the minutes dilutes both lags alike, and the root less. Each has (1 + 3 r) / minutes added for the fitted mean
    (Kendall 1954, Biometrika 41, 403-404).
    """
    minutes = int(busy.sum())
    estimates = []
    for lag in (1, 2):
        pairs = busy[lag:] & busy[:-lag]
        seen = float((residuals[lag:] * residuals[:-lag])[pairs].mean()) / variance if pairs.any() else 0.0
        estimates.append((seen, max(0.0, seen + (1 + 3 * seen) / minutes)))
    (seen, r), (_, second) = estimates
    if seen > 1 / math.sqrt(minutes):
        r = max(r, math.sqrt(second))
    return min(r, _MOST_AUTOCORRELATION)


def binomial_design_effect(k: ArrayLike, n: ArrayLike) -> float:
    """Return the design effect of a proportion, at least 1.

    k, n: shape (minutes,), failures and requests of each minute, as in design_effect. All or nothing failed gives 1.
    Fewer than 8 minutes with requests: the failures (or successes, if fewer) of a minute count as one incident,
    which makes their number a compound Poisson one: deff = sum(k ** 2) / sum(k).

    >>> binomial_design_effect([3, 0, 1], [50, 50, 50])  # 3 in a minute are one incident: (9 + 1) / (3 + 1)
    2.5
    """
    failed, requests = np.asarray(k, dtype=np.float64), np.asarray(n, dtype=np.float64)
    if ((failed < 0) | (failed > requests)).any():
        raise ValueError("more failures than requests")
    rarer = failed if 2 * failed.sum() <= requests.sum() else requests - failed
    if rarer.sum() == 0:
        return 1.0
    if (requests > 0).sum() < _MINUTES:
        return float((rarer**2).sum() / rarer.sum())
    effect = design_effect(failed, requests, float(failed.sum()))
    # An exact test knows no degrees of freedom: the variance of Student's t is allowed for, of 3 and more.
    df = max(effect.df, 3.0)
    return effect.value * df / (df - 2)


def more_requests_to_decide(
    k: int, n: int, limit_ratio: float, confidence: float = 0.95, min_k: int = 3, design: float = 1.0
) -> int | None:
    """Return how many more requests put the Clopper-Pearson interval on one side of a limit, with a chance of 85 %.

    k of n failed; limit_ratio: 0 to 1; min_k: failures without which nothing is above the limit; design: how many
    requests weigh as one. 0: it is decided. None: more than ten times the window's would be needed.
    The chance is predictive: the rate has Jeffreys' posterior Beta(k + 1/2, n - k + 1/2), by 256 of its quantiles,
    and the future failures are binomial. The rate as it was seen, taken for true, promises too little: of its promises
    half are kept with 100 requests (Spiegelhalter, Freedman & Blackburn 1986, Controlled Clinical Trials 7, 8-17).

    >>> more_requests_to_decide(0, 400, 0.01), more_requests_to_decide(0, 368, 0.01)  # R: binom.test(0, 368)
    (0, 0)
    """
    if not 0 <= k <= n:
        raise ValueError(f"{k} of {n} is no proportion")
    tail = (1 - confidence) / 2
    seen, size = round(k / design), round(n / design)
    rates = special.betaincinv(seen + 0.5, size - seen + 0.5, (np.arange(256) + 0.5) / 256)

    def decides(more: int) -> bool:
        total = size + more
        counts = range(total + 1)  # of failures: the least that is above the limit, the most that is below
        least = bisect_left(counts, True, key=lambda x: bool(special.bdtrc(x - 1, total, limit_ratio) < tail))
        above = max(least, min_k, 1)
        below = bisect_left(counts, True, key=lambda x: bool(special.bdtr(x, total, limit_ratio) >= tail)) - 1
        if not more:
            return seen >= above or seen <= below
        high = special.bdtrc(above - seen - 1, more, rates) if above > seen else np.ones_like(rates)
        low = special.bdtr(below - seen, more, rates) if below >= seen else np.zeros_like(rates)
        return bool(np.mean(np.where(above - seen > more, 0.0, high) + low) >= _LIKELY)

    if not 0 < limit_ratio < 1:
        return None
    # The chance is a saw tooth of the number, so no bisection: each tried is a twentieth more than the one before.
    more, most = 0, MOST_WINDOWS * max(size, 1)
    while more <= most:
        if decides(more):
            return math.ceil(more * design)
        more = max(more + 1, more * 21 // 20)
    return None


def more_requests_to_compare_rates(
    *, control_k: int, control_n: int, experiment_k: int, experiment_n: int, alpha: float = 0.01, power: float = 0.9
) -> int | None:
    """Return how many more requests of the experiment would show that its rate is not the control's.

    k of n failed; both rates are taken as the true ones and the control stays as large as it is; alpha: one-sided;
    power: the chance to show it. 0: there are enough. None: no request on a side, equal rates, more than 10 million,
    or too few in the control, whatever the experiment has. Normal approximation of two proportions (Fleiss, Levin &
    Paik 2003, Statistical Methods for Rates and Proportions, 4.2; R's power.prop.test with unequal numbers); Fisher's
    exact test needs somewhat more.

    >>> more_requests_to_compare_rates(control_k=36, control_n=720, experiment_k=10, experiment_n=100)
    621
    >>> # R: power.prop.test(p1 = .05, p2 = .1, sig.level = .01, power = .9, alternative = "one.sided") is 720.1
    """
    for k, n in ((control_k, control_n), (experiment_k, experiment_n)):
        if not 0 <= k <= n:
            raise ValueError(f"{k} of {n} is no proportion")
    if control_n == 0 or experiment_n == 0:
        return None
    p, q = control_k / control_n, experiment_k / experiment_n
    if p == q:
        return None

    def shown(more: int) -> bool:
        n = experiment_n + more
        both = (control_k + q * n) / (control_n + n)
        alike = both * (1 - both) * (1 / control_n + 1 / n)
        apart = p * (1 - p) / control_n + q * (1 - q) / n
        return bool(abs(q - p) >= -special.ndtri(alpha) * math.sqrt(alike) + special.ndtri(power) * math.sqrt(apart))

    return _fewest(shown)


def more_to_detect_shift(
    *, control: Weighted, experiment: Weighted, shift: float, alpha: float = 0.01, power: float = 0.9
) -> int | None:
    """Return how many more values of the experiment would show a shift by the Mann-Whitney test.

    shift: in the unit of the values, either sign; the shifted values are taken to be distributed as the control's and
    to depend on each other as the experiment's do now (n_effective), the control stays as large as it is; alpha:
    one-sided; power: the chance to show it. 0: there are enough. None: no value in the control, no shift, more than 10
    million, or too few in the control, whatever the experiment has.
    Noether (1987), J. Am. Stat. Assoc. 82, 645-647: ((z_alpha + z_power) / (P(experiment > control) - 1/2))^2 / 12 is
    the harmonic m n / (m + n), here of effective numbers.

    >>> from pipeline.judge import special
    >>> normal = Weighted.of(special.ndtri((np.arange(114) + 0.5) / 114))
    >>> more_to_detect_shift(control=normal, experiment=Weighted.of([]), shift=0.5)
    113
    >>> # R: (qnorm(.99) + qnorm(.9))^2 / (6 * (pnorm(.5 / sqrt(2)) - .5)^2) is 113.6 for both; the t test needs 105.5
    """
    if control.n == 0 or shift == 0:
        return None
    shifted = Weighted(control.values + shift, control.counts, control.n_effective)
    excess = abs(mann_whitney(control=control, experiment=shifted, alternative="greater").cles - 0.5)
    needed = 12 * (excess / (float(special.ndtri(power)) - float(special.ndtri(alpha)))) ** 2 - 1 / control.n_effective
    if needed <= 0:
        return None
    like = experiment if experiment.n else control
    more = math.ceil(like.n / like.n_effective / needed - experiment.n - 1e-9)
    return max(0, more) if more <= _MOST_REQUESTS else None


def _fewest(enough: Callable[[int], bool]) -> int | None:
    """Return the least number that is enough, of those that are few enough to wait for."""
    more = bisect_left(range(_MOST_REQUESTS + 1), True, key=lambda number: bool(enough(number)))
    return more if more <= _MOST_REQUESTS else None
