"""Evidence that may be looked at at any time, against quadrature, by hand, and against what Ville's theorem asks."""

import math
from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import beta, binom

from pipeline.judge.sequential import is_above, log_e_value, running_design_effect
from tests.benchmarks.sequential import first_above, requests


def integrated(k, n, limit):
    """The same by the definition: the likelihood ratio against the limit, averaged over the cut prior."""
    whole = beta.sf(limit, 1, 30)

    def weighted(p):
        ratio = k * math.log(p / limit) + (n - k) * math.log((1 - p) / (1 - limit))
        return math.exp(beta.logpdf(p, 1, 30) + ratio) / whole

    steps = [0, 1e-4, 1e-3, 0.005, 0.01, 0.02, 0.03, 0.05, 0.08, 0.12, 0.2, 0.3, 0.5, 0.7, 0.9, 1 - 1e-12]
    ends = [limit + (1 - limit) * step for step in steps]
    return sum(quad(weighted, *pair, epsabs=0, epsrel=1e-10)[0] for pair in pairwise(ends))


@pytest.mark.parametrize(
    ("k", "n", "limit"),
    [
        (6, 40, 0.01),
        (3, 20, 0.01),
        (12, 400, 0.01),
        (24, 800, 0.01),
        (10, 200, 0.05),
        (2.5, 33.3, 0.01),
        (60, 2400, 0.02),
    ],
)
def test_it_is_the_integral(k, n, limit):
    """Whole numbers or not, above the limit or below it."""
    assert math.exp(log_e_value(k, n, limit)) == pytest.approx(integrated(k, n, limit), rel=1e-8)


def test_no_failure_by_hand():
    """(1-L)^130 / 130 against (1-L)^30 / 30 and (1-L)^100: 30 / 130, whatever the limit."""
    for limit in (0.001, 0.01, 0.2):
        assert math.exp(log_e_value(0, 100, limit)) == pytest.approx(30 / 130)


@pytest.mark.parametrize("n", [1, 7, 40, 300])
@pytest.mark.parametrize(("share", "most"), [(1.0, 1.0 + 1e-9), (0.5, 1.0), (0.1, 1.0)])
def test_its_mean_is_one_at_the_limit_and_less_below(n, share, most):
    """What Ville's theorem asks: over all outcomes of a rate at the limit the mean is 1, of a lower rate at most 1."""
    k = np.arange(n + 1)
    values = np.array([log_e_value(int(one), n, 0.01) for one in k])
    mean = float(np.exp(binom.logpmf(k, n, 0.01 * share) + values).sum())
    assert mean <= most
    if share == 1.0:
        assert mean == pytest.approx(1.0, rel=1e-9)


def test_the_ends():
    """No request is no evidence; nothing is above 1; any failure is above 0; a low rate of many is no error."""
    assert log_e_value(0, 0, 0.01) == 0.0
    assert log_e_value(5, 5, 1.0) == -math.inf
    assert (log_e_value(1, 9, 0.0), log_e_value(0, 9, 0.0)) == (math.inf, -math.inf)
    assert log_e_value(0, 10**7, 0.01) < -10
    with pytest.raises(ValueError, match="6 of 5 is no proportion"):
        log_e_value(6, 5, 0.01)


def test_the_design_effect_by_hand():
    """Below 8 minutes an incident is a minute; from then on the variance between minutes counts."""
    assert running_design_effect([], []) == running_design_effect([0, 0], [5, 5]) == 1.0
    assert running_design_effect([4, 0, 1], [50, 50, 50]) == pytest.approx(17 / 5)
    assert running_design_effect([1] * 9, [50] * 9) == 1.0
    # eight minutes, 16 failures: r = .04, each expects 2; (14^2 + 7 * 2^2) / 16 * 8 / 7
    assert running_design_effect([16, 8, *[0] * 6], [50] * 8) == pytest.approx((13**2 + 5**2 + 6 * 9) / 24 * 8 / 7)
    with pytest.raises(ValueError, match="more failures than requests"):
        running_design_effect([2], [1])


@pytest.mark.parametrize("burst", [1, 3, 10])
def test_an_hour_of_looks_at_the_limit(burst):
    """At a true rate of 1 %, looked at each minute: of 300 hours one in a hundred fails at most, bursts or not."""
    random = np.random.default_rng(5)
    found = [first_above(*requests(random, 0.01, burst)) for _ in range(300)]
    assert sum(minute is not None for minute in found) <= 3


def test_an_hour_of_looks_at_three_times_the_limit():
    """A true rate of 3 % is found in twelve minutes, in half of the hours."""
    random = np.random.default_rng(5)
    found = [first_above(*requests(random, 0.03, 1)) or 60 for _ in range(300)]
    assert np.median(found) <= 12


def test_it_finds_a_rise_and_no_burst():
    """Six minutes of 3 in 40 are above 1 %; 18 failures of one minute may be one incident."""
    assert is_above([3] * 6, [40] * 6, 0.01, 0.01)
    assert not is_above([18, *[0] * 5], [40] * 6, 0.01, 0.01)
    assert not is_above([0, 1, 0, 1, 0, 0], [40] * 6, 0.01, 0.01)
