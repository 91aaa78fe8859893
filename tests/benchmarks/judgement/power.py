"""How many requests an exact test of independent data needs to see a harm nearly always: below it none can be sure."""

from functools import cache

from scipy.stats import binom, hypergeom

#: Kinds of harm that are a share of requests: its share before and now, and the share of requests that can show it (an
#: endpoint's, or one instance's of twenty).
SHARES = {
    "all requests 404": (0.0, 1.0, 1.0),
    "all requests 403": (0.005, 1.0, 1.0),
    "400 on 30 % of checkout": (0.0, 0.3, 0.1),
    "404 on 30 % of checkout": (0.0, 0.3, 0.1),
    "422 on 30 % of checkout": (0.0, 0.3, 0.1),
    "429 on 30 % of checkout": (0.0, 0.3, 0.1),
    "499 on 30 % of checkout": (0.0, 0.3, 0.1),
    "302 on 30 % of checkout": (0.0, 0.3, 0.1),
    "404 on all of checkout": (0.0, 1.0, 0.1),
    "checkout is dead": (0.001, 1.0, 0.1),
    "10 % ten times as slow": (0.05, 0.145, 1.0),  # above the baseline's p95
    "15 % twenty times as slow": (0.05, 0.1925, 1.0),
    "2 % take 30 s": (0.0, 0.02, 1.0),  # above four times its p99
    "20 % take 3 s": (0.0, 0.2, 1.0),
    "one instance of twenty fails": (0.001, 0.15, 0.05),
    "all bodies empty": (0.0, 1.0, 0.1),
    "5xx: 0.13 % to 0.53 %": (0.0013, 0.0053, 1.0),
    "5xx: 0.8 % to 4.8 %": (0.008, 0.048, 1.0),
    "401 and 403: 0.13 % to 0.53 %": (0.0013, 0.0053, 1.0),
    "401 and 403: 0.8 % to 4.8 %": (0.008, 0.048, 1.0),
}

#: What the checks ask of chance, and how often the harm is to be seen.
ALPHA, POWER = 0.002, 0.99


@cache
def needed(before: float, now: float) -> int:
    """Return the requests a side with which Fisher's exact test, one-sided, sees a rise in 99 % of windows."""
    low, high = 1, 2
    while _power(high, before, now) < POWER:
        low, high = high, 2 * high
    while high - low > max(1, high // 200):
        middle = (low + high) // 2
        low, high = (low, middle) if _power(middle, before, now) >= POWER else (middle, high)
    return high


def _power(n: int, before: float, now: float) -> float:
    """The chance that n requests a side show a rise: over every pair of counts that is likely at all."""
    total = 0.0
    for k in range(int(binom.ppf(1e-6, n, before)), int(binom.ppf(1 - 1e-6, n, before)) + 1):
        low, high = k, n + 1  # the least count of now that is more than chance beside k
        while low < high:
            middle = (low + high) // 2
            if hypergeom.sf(middle - 1, 2 * n, k + middle, n) <= ALPHA:
                high = middle
            else:
                low = middle + 1
        total += float(binom.pmf(k, n, before) * binom.sf(low - 1, n, now))
    return total
