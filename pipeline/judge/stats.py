"""Statistics of the judge: pure functions of numbers, each with its source. How much data they need: power.py."""

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.judge import special

Floats = NDArray[np.float64]
# Of the experiment against the control: "greater" asks whether the experiment has the higher rate or the larger values.
Alternative = Literal["greater", "less", "two-sided"]

_ROUNDING = 1e-7  # R: fisher.test and binom.test count outcomes as likely as the seen one up to this


class DesignEffect(NamedTuple):
    """How many values weigh as one, 1 or more; df: degrees of freedom of that estimate, infinite where it is known."""

    value: float
    df: float = math.inf


INDEPENDENT = DesignEffect(1.0)


def clopper_pearson(k: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the exact two-sided interval of a binomial proportion.

    k of n: 0 <= k <= n; n = 0 gives (0, 1), for nothing is known. confidence: 0 to 1.
    Clopper & Pearson (1934), Biometrika 26, 404-413, by the quantiles of the beta distribution.

    >>> [round(end, 6) for end in clopper_pearson(3, 20)]  # R: binom.test(3, 20)$conf.int
    [0.032071, 0.378927]
    >>> [round(end, 6) for end in clopper_pearson(0, 20)]  # R: binom.test(0, 20)$conf.int
    [0.0, 0.168433]
    """
    if not 0 <= k <= n:
        raise ValueError(f"{k} of {n} is no proportion")
    if n == 0:
        return 0.0, 1.0
    tail = (1 - confidence) / 2
    if k in (0, n):  # in closed form, which spares most runs the import of scipy.special
        logarithm = math.log(tail) / n
        return (0.0, -math.expm1(logarithm)) if k == 0 else (math.exp(logarithm), 1.0)
    return float(special.betaincinv(k, n - k + 1, tail)), float(special.betaincinv(k + 1, n - k, 1 - tail))


#: The normal quantile of 95 %.
_Z = 1.6448536269514722


def rise_bound(*, control_k: float, control_n: float, experiment_k: float, experiment_n: float, z: float = _Z) -> float:
    """Return the one-sided upper bound of experiment's rate less control's, of 95 % for the z by default.

    k of n, effective numbers where requests fail together; n above 0. Newcombe (1998), Statistics in Medicine 17,
    873-890, method 10: the square-and-add of Wilson's score limits, here one-sided.

    >>> round(rise_bound(control_k=5, control_n=100, experiment_k=5, experiment_n=100), 4)
    0.0554
    """
    p, q = control_k / control_n, experiment_k / experiment_n
    low, high = _wilson(control_k, control_n, z)[0], _wilson(experiment_k, experiment_n, z)[1]
    return q - p + math.sqrt((p - low) ** 2 + (high - q) ** 2)


def _wilson(k: float, n: float, z: float) -> tuple[float, float]:
    """Wilson's score limits."""
    middle = (k + z * z / 2) / (n + z * z)
    half = z / (n + z * z) * math.sqrt(k * (n - k) / n + z * z / 4)
    return middle - half, middle + half


def poisson_interval(k: int, exposure: float = 1.0, confidence: float = 0.95) -> tuple[float, float]:
    """Return the exact two-sided interval of a Poisson rate, in events per unit of exposure.

    k >= 0 events; exposure >= 0 in any unit (minutes, requests), 0 gives (0, inf), for nothing is known.
    Garwood (1936), Biometrika 28, 437-442, by the quantiles of the gamma distribution.

    >>> [round(end, 6) for end in poisson_interval(3)]  # R: poisson.test(3)$conf.int
    [0.618672, 8.767273]
    """
    if k < 0 or exposure < 0:
        raise ValueError(f"{k} events in {exposure} are no rate")
    if exposure == 0:
        return 0.0, math.inf
    tail = (1 - confidence) / 2
    low = 0.0 if k == 0 else float(special.gammaincinv(k, tail))
    return low / exposure, float(special.gammainccinv(k + 1, tail)) / exposure


def fisher_exact(
    *, control_k: int, control_n: int, experiment_k: int, experiment_n: int, alternative: Alternative
) -> float:
    """Return the p-value of Fisher's exact test that the experiment's proportion is the control's.

    k of n on each side, 0 <= k <= n; n = 0 on a side, no k or nothing but k give 1.
    Fisher (1935), J. R. Stat. Soc. 98, 39-82; two-sided: all tables no likelier than the one seen, as R.

    >>> p = fisher_exact(control_k=1, control_n=4, experiment_k=3, experiment_n=4, alternative="greater")
    >>> round(p, 6)  # R: fisher.test(matrix(c(3, 1, 1, 3), 2), alternative = "greater"), Fisher's cups of tea
    0.242857
    """
    for k, n in ((control_k, control_n), (experiment_k, experiment_n)):
        if not 0 <= k <= n:
            raise ValueError(f"{k} of {n} is no proportion")
    total = control_k + experiment_k
    least, most = max(0, total - control_n), min(total, experiment_n)
    # Steps of the hypergeometric distribution from x to x + 1 failures in the experiment; sums of logarithms stay
    # exact to the last digits where the binomial coefficients of a million requests would not.
    x = np.arange(least, most, dtype=np.float64)
    steps = np.log((total - x) * (experiment_n - x)) - np.log((x + 1) * (control_n - total + x + 1))
    return _tail(steps, experiment_k - least, alternative)


def poisson_exact(
    *, control_k: int, control_exposure: float, experiment_k: int, experiment_exposure: float, alternative: Alternative
) -> float:
    """Return the p-value of the conditional test that the experiment's Poisson rate is the control's.

    k >= 0 events in an exposure >= 0 on each side, in one unit; an exposure of 0 on a side gives 1: nothing to compare.
    Given their sum, the experiment's events are binomial: Przyborowski & Wilenski (1940), Biometrika 31, 313-323;
    two-sided: all counts no likelier than the one seen, as R.

    >>> p = poisson_exact(control_k=3, control_exposure=60, experiment_k=12, experiment_exposure=60,
    ...                   alternative="greater")
    >>> round(p, 6)  # R: poisson.test(c(12, 3), c(60, 60), alternative = "greater")
    0.017578
    """
    if min(control_k, experiment_k, control_exposure, experiment_exposure) < 0:
        raise ValueError("events and exposures are not below 0")
    if control_exposure == 0 or experiment_exposure == 0:
        return 1.0
    total = control_k + experiment_k
    x = np.arange(total, dtype=np.float64)
    steps = np.log((total - x) / (x + 1)) + math.log(experiment_exposure / control_exposure)
    return _tail(steps, experiment_k, alternative)


def _tail(steps: Floats, seen: int, alternative: Alternative) -> float:
    """Return the p-value of outcome number `seen` of 0..len(steps); steps: log P(x + 1) - log P(x)."""
    logarithms = np.concatenate(([0.0], np.cumsum(steps)))
    weights = np.exp(logarithms - logarithms.max())
    if alternative == "greater":
        chosen = weights[seen:]
    elif alternative == "less":
        chosen = weights[: seen + 1]
    else:
        chosen = weights[logarithms <= logarithms[seen] + _ROUNDING]
    return min(1.0, float(chosen.sum() / weights.sum()))


def benjamini_hochberg(p: Sequence[float] | Floats) -> Floats:
    """Return for each p-value the least false discovery rate at which it is a discovery (its q-value).

    p: shape (n,), each 0 to 1, NaN refused; empty gives empty; ties get the same. Benjamini & Hochberg (1995),
    J. R. Stat. Soc. B 57, 289-300, of tests that are independent or positively dependent.

    >>> benjamini_hochberg([0.04, 0.01, 0.03, 0.01])  # R: p.adjust(c(.04, .01, .03, .01), "BH")
    array([0.04, 0.02, 0.04, 0.02])
    """
    values = np.asarray(p, dtype=np.float64)
    if not ((values >= 0) & (values <= 1)).all():
        raise ValueError("a p-value is between 0 and 1")
    falling = np.argsort(-values, kind="stable")
    ranks = np.arange(len(values), 0, -1)
    adjusted = np.empty_like(values)
    adjusted[falling] = np.minimum.accumulate(values[falling] * (len(values) / ranks)).clip(max=1)
    return adjusted
