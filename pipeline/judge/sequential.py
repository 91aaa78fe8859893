"""Evidence that may be looked at early and often: how far failures are above a limit, whatever moment ends the looking.

A test at each look fails by luck sooner or later: the Clopper-Pearson interval of each of 60 minutes is above a limit
that holds in 11 % of hours. An e-value may be looked at as often as one likes: it exceeds 1 / alpha in at most alpha of
all runs, at any time (Ville 1939, Etude critique de la notion de collectif; Howard, Ramdas, McAuliffe & Sekhon 2021,
Ann. Stat. 49, 1055-1080).
"""

import math

import numpy as np
from numpy.typing import ArrayLike

from pipeline.judge import special

#: The mixture over rates above the limit, set before any data: mean 1/31, for an incident fails some percent.
PRIOR = (1.0, 30.0)

#: Fewer minutes do not show a variance between them.
_MINUTES = 8


def log_e_value(k: float, n: float, limit: float) -> float:
    """Return the logarithm of the evidence that the rate behind k failures of n is above a limit.

    k, n: 0 <= k <= n, divided by a design effect where requests depend on each other, so not necessarily whole.
    limit: 0 to 1. A rate at or below the limit exceeds log(1 / alpha) at any time with probability alpha at most.

    E = B(a+k, b+n-k) S(L; a+k, b+n-k) / [B(a, b) S(L; a, b) L^k (1-L)^(n-k)], S the upper tail of the beta
    distribution: the likelihood under Beta(1, 30) cut to rates above L, against that of the rate L. Each rate at or
    below L makes it a supermartingale, for no rate of the mixture is below L (Robbins 1970, Ann. Math. Stat. 41).

    >>> round(math.exp(log_e_value(6, 40, 0.01)), 1)  # scipy.integrate.quad over the prior: 6801.899
    6801.9
    >>> log_e_value(0, 0, 0.01)
    0.0
    """
    if not 0 <= k <= n:
        raise ValueError(f"{k} of {n} is no proportion")
    if limit >= 1 or n == 0:
        return 0.0 if n == 0 else -math.inf
    if limit <= 0:
        return math.inf if k > 0 else -math.inf
    a, b = PRIOR

    def log_tail(a: float, b: float) -> float:
        tail = float(special.betainc(b, a, 1 - limit))  # the upper tail of Beta(a, b), without 1 - small
        return math.log(tail) if tail > 0 else -math.inf

    under_mixture = float(special.betaln(a + k, b + n - k)) + log_tail(a + k, b + n - k)
    prior = float(special.betaln(a, b)) + log_tail(a, b)
    return under_mixture - prior - k * math.log(limit) - (n - k) * math.log1p(-limit)


def running_design_effect(k: ArrayLike, n: ArrayLike) -> float:
    """Return how many failures weigh as one, as far as the minutes until now show it; at least 1.

    k, n: shape (minutes,), failures and requests of each minute with requests. d = sum (k_t - r n_t)^2 / sum k_t *
    t / (t - 1), r the rate so far: the variance between minutes against a Poisson one. Below 8 minutes, sum k_t^2 /
    sum k_t: the failures of a minute are one incident. It is estimated, so no theorem holds of it;
    `tests/benchmarks/sequential.py` measures what it does.

    >>> running_design_effect([4, 0, 1], [50, 50, 50])  # (16 + 1) / 5
    3.4
    """
    failed, requests = np.asarray(k, dtype=np.float64), np.asarray(n, dtype=np.float64)
    if ((failed < 0) | (failed > requests)).any():
        raise ValueError("more failures than requests")
    total, minutes = float(failed.sum()), int((requests > 0).sum())
    if total == 0:
        return 1.0
    if minutes < _MINUTES:
        return max(1.0, float((failed**2).sum()) / total)
    residuals = failed - total / float(requests.sum()) * requests
    return max(1.0, float((residuals**2).sum()) / total * minutes / (minutes - 1))


def is_above(k: ArrayLike, n: ArrayLike, limit: float, alpha: float) -> bool:
    """Return whether the rate of failures by minute is above a limit, at whatever minute one looks.

    k, n: shape (minutes,), failures and requests of each minute; limit: 0 to 1; alpha: the chance to say so of a rate
    at the limit, over all looks.
    """
    design_effect = running_design_effect(k, n)
    failed, requests = float(np.sum(k)), float(np.sum(n))
    return log_e_value(failed / design_effect, requests / design_effect, limit) >= -math.log(alpha)
