"""Statistics of the judge: pure functions of numbers, each with its source."""

from scipy.special import betaincinv


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
    tail = (1 - confidence) / 2
    low = 0.0 if k == 0 else float(betaincinv(k, n - k + 1, tail))
    high = 1.0 if k == n else float(betaincinv(k + 1, n - k, 1 - tail))
    return low, high
