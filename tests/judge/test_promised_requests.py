"""How many more requests or values decide, beside the exact chance by scipy, and how many are the most."""

import numpy as np
import pytest
from scipy.stats import beta, betabinom, norm

from pipeline.judge.power import more_requests_to_decide, more_to_detect_shift
from pipeline.judge.ranks import Weighted, mann_whitney
from pipeline.judge.revision_data import RequestCounts
from pipeline.judge.stats import DesignEffect
from tests.judge.conftest import judged


def chance(k, n, more, limit, min_k=3):
    """That so many more requests put the Clopper-Pearson interval of 95 % on one side of a limit."""
    total = n + more
    failures = np.arange(k, k + more + 1)
    above = (failures >= min_k) & (beta.ppf(0.025, np.maximum(failures, 1), total - failures + 1) > limit)
    below = (failures < total) & (beta.ppf(0.975, failures + 1, np.maximum(total - failures, 1)) < limit)
    posterior = betabinom(more, k + 0.5, n - k + 0.5)  # Jeffreys
    return posterior.pmf(np.arange(more + 1))[above | below].sum()


def wanted(k, n, limit, **more):
    """The first number with a chance of 85 %, each a twentieth more than the one before; None above ten windows."""
    number = 1
    while number <= 10 * n:
        if chance(k, n, number, limit, **more) >= 0.85:
            return number
        number = max(number + 1, number * 21 // 20)
    return None


CASES = [
    *((5, 20, 0.1), (2, 5, 0.1), (12, 20, 0.4), (0, 40, 0.05), (0, 16, 0.1), (6, 16, 0.2)),
    *((3, 20, 0.3), (3, 20, 0.1), (0, 10, 0.1), (1, 16, 0.2), (7, 20, 0.2), (3, 12, 0.1)),
]


@pytest.mark.parametrize(("k", "n", "limit"), CASES)
def test_the_chance_is_that_of_the_beta_binomial(k, n, limit):
    """3 of 20 beside 30 % need exactly ten windows, 1 of 16 beside 20 % nearly eleven, which is no promise."""
    assert more_requests_to_decide(k, n, limit) == wanted(k, n, limit)


def test_one_request_promises_no_more_than_ten():
    """11 would do."""
    assert chance(1, 1, 11, 0.2, min_k=1) >= 0.85 > chance(1, 1, 10, 0.2, min_k=1)
    assert more_requests_to_decide(1, 1, 0.2, min_k=1) is None


@pytest.mark.parametrize("min_k", [1, 2, 5])
def test_failures_without_which_nothing_is_above(min_k):
    """1 of 4 beside 5 %."""
    assert more_requests_to_decide(1, 4, 0.05, min_k=min_k) == wanted(1, 4, 0.05, min_k=min_k)


@pytest.mark.parametrize("design", [2.0, 2.5, 4.0])
def test_requests_that_weigh_as_one_take_as_many_more(design):
    """5 of 20 in units of the design effect, to the next whole request."""
    plain = wanted(5, 20, 0.1)
    assert more_requests_to_decide(round(5 * design), round(20 * design), 0.1, design=design) == np.ceil(plain * design)


@pytest.mark.parametrize(("k", "n", "limit"), [(0, 50, 0.0), (2, 50, 0.0), (50, 50, 0.0), (48, 50, 1.0), (50, 50, 1.0)])
def test_a_limit_of_none_or_all_is_never_decided(k, n, limit):
    """No rate is below 0, and none above 1; at the very limit no interval leaves it out."""
    assert more_requests_to_decide(k, n, limit) is None


@pytest.mark.parametrize(("beyond", "wanted"), [(-0.5, 10_000_000), (0.5, None)])
def test_ten_million_values_are_the_most_that_are_promised(beyond, wanted):
    """By Noether's formula, of ten values that are worth so little that about ten million are missing."""
    control = Weighted.of(np.arange(1000))
    shifted = Weighted(control.values + 150, control.counts, control.n)
    excess = mann_whitney(control=control, experiment=shifted, alternative="greater").cles - 0.5
    needed = 12 * (excess / (norm.ppf(0.9) - norm.ppf(0.01))) ** 2 - 1 / control.n
    worth = 10 / (needed * (10_000_000 + 10 + beyond))
    experiment = Weighted(np.array([500.0]), np.array([10.0]), worth)
    assert more_to_detect_shift(control=control, experiment=experiment, shift=150) == wanted


def test_what_is_decided_asks_for_no_more_requests(healthy, policy):
    """12 of 400 are above 1 %, whatever their clusters leave open."""
    assert more_requests_to_decide(12, 400, 0.01, 0.95, 3, 3.0)
    requests = RequestCounts(n=400, eligible=400, eligible_5xx=12)
    data = healthy(requests=requests, design_effects={"errors": DesignEffect(3.0)})
    check = judged(data, policy, "requests.error_rate")
    assert check.status == "FAIL"
    assert "more requests" not in check.reason
