"""Every number here comes from R or a published table, never from our own output."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.judge.stats import clopper_pearson

# > binom.test(k, n)$conf.int   (R 4.3; the first row is the textbook case of Clopper & Pearson 1934, their chart)
FROM_R = [
    (0, 1, 0.0, 0.975),
    (1, 1, 0.025, 1.0),
    (0, 10, 0.0, 0.3084971),
    (5, 10, 0.187086, 0.812914),
    (1, 20, 0.001265089, 0.2487328),
]


@pytest.mark.parametrize(("k", "n", "low", "high"), FROM_R)
def test_clopper_pearson_ties_out_with_r(k, n, low, high):
    """The interval is R's binom.test to seven digits."""
    assert clopper_pearson(k, n) == pytest.approx((low, high), rel=1e-6)


@pytest.mark.parametrize(("k", "n"), [(3, 1000), (7, 50), (49, 50), (12, 12)])
def test_each_tail_holds_half_of_alpha(k, n):
    """At the lower end k or more, at the upper end k or fewer successes have probability 0.025, summed term by term."""
    low, high = clopper_pearson(k, n)

    def probability(p, counts):
        return math.fsum(math.comb(n, i) * p**i * (1 - p) ** (n - i) for i in counts)

    assert probability(low, range(k, n + 1)) == pytest.approx(0.025, rel=1e-6)
    if k < n:
        assert probability(high, range(k + 1)) == pytest.approx(0.025, rel=1e-6)


@pytest.mark.parametrize("n", [1, 5, 20, 1000])
def test_no_failure_bounds_the_rate_in_closed_form(n):
    """With k = 0 the upper end is 1 - (alpha / 2) ** (1 / n), which needs no beta distribution."""
    assert clopper_pearson(0, n)[1] == pytest.approx(1 - 0.025 ** (1 / n), rel=1e-9)


def test_nothing_is_known_of_no_request():
    """No trial, no information: the interval is everything."""
    assert clopper_pearson(0, 0) == (0.0, 1.0)


@given(st.integers(0, 300), st.integers(0, 300))
def test_the_interval_holds_the_estimate_and_mirrors(k, rest):
    """The interval holds k / n, and failures counted as successes mirror it."""
    n = k + rest
    if not n:
        return
    low, high = clopper_pearson(k, n)
    assert low <= k / n <= high
    mirrored = clopper_pearson(rest, n)
    assert math.isclose(mirrored[0], 1 - high, abs_tol=1e-9)
    assert math.isclose(mirrored[1], 1 - low, abs_tol=1e-9)


def test_more_failures_than_trials_are_refused():
    """5 of 3 is a mistake of the caller."""
    with pytest.raises(ValueError, match="5 of 3"):
        clopper_pearson(5, 3)
