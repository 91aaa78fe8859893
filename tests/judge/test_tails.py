"""The slow tail compared with the baseline's own, at the borders of the rule."""

from math import ceil, log

import numpy as np
import pytest

from pipeline.judge.compare import compare
from pipeline.judge.counts import LatencySteps
from pipeline.judge.revision_data import PARTS, Times
from tests.judge.conftest import judged


def times(ms):
    """A histogram of durations, spread over all parts of the time."""
    buckets = np.array([ceil(log(value * 1e6) / log(1.02)) for value in ms])
    part = np.arange(len(buckets)) % PARTS
    pairs, n = np.unique(np.stack([part, buckets]), axis=1, return_counts=True)
    return Times(pairs[1].astype(np.int64), pairs[0].astype(np.int64), n.astype(np.int64))


def service(n, slow=0.0, factor=1.0, median=100.0):
    """Latencies from 60 to 140 % of the median, a share of them `factor` times as long."""
    ms = median * np.linspace(0.6, 1.4, n)
    where = np.linspace(0, n - 1, round(slow * n)).astype(int)
    ms[where] *= factor
    return times(ms)


def pairs_of(pair, now, before):
    key = ("endpoint", "GET /")
    return pair(base={"times": {key: before}}, times={key: now})


@pytest.mark.parametrize(
    ("n", "slow", "factor", "wanted"),
    [
        (1000, 0.1, 10.0, "FAIL"),  # far beyond p99 too: 140 ms + 1 s
        (1000, 0.12, 5.0, "WARN"),
        (1000, 0.02, 300.0, "FAIL"),
        (2000, 0.01, 300.0, "WARN"),
        (1000, 0.0, 1.0, "PASS"),
        (499, 0.2, 10.0, "NOT_OBSERVABLE"),
    ],
)
def test_a_tail_that_the_middle_hides(pair, policy, n, slow, factor, wanted):
    """10 % ten times as slow, 2 % at 30 s; with fewer than 500 a side it cannot be told."""
    data = pairs_of(pair, service(n, slow, factor), service(n))
    assert judged(data, policy, "requests.tail_latency").status == wanted
    assert judged(data, policy, "requests.latency").status == "PASS"


def test_how_many_more_are_slow(pair, policy):
    """Of 1,000, twelve in a hundred: the relative effect is the difference by the baseline's share."""
    check = judged(pairs_of(pair, service(1000, 0.12, 5.0), service(1000)), policy, "requests.tail_latency")
    assert check.effect.relative == pytest.approx(check.effect.value / check.baseline.value)
    assert check.effect.value == pytest.approx(check.observed.value - check.baseline.value)
    assert check.effect.relative > 0.5


def test_a_tail_of_few_milliseconds(pair, policy):
    """Medians of 2 ms: a tenth four times as slow is below 100 ms, and three times and 3 ms."""
    data = pairs_of(pair, service(1000, 0.1, 4.0, median=2.0), service(1000, median=2.0))
    assert judged(data, policy, "requests.tail_latency").status == "WARN"


def test_a_fast_service_that_grows_fourfold(pair, policy):
    """2 ms to 8 ms, 300 requests a side: below 50 ms, but three times and 3 ms."""
    data = pairs_of(pair, service(300, median=8.0), service(300, median=2.0))
    assert judged(data, policy, "requests.latency").status == "WARN"
    few = pairs_of(pair, service(199, median=8.0), service(199, median=2.0))
    assert judged(few, policy, "requests.latency").status == "PASS"


def test_swapping_the_sides_makes_it_faster(pair, policy):
    """What is a slower tail one way is none the other way."""
    slow, usual = service(1000, 0.1, 10.0), service(1000)
    assert judged(pairs_of(pair, usual, slow), policy, "requests.tail_latency").status == "PASS"


@pytest.mark.parametrize("n", [1000, 2000, 4000, 16000])
def test_more_of_the_same_stays_a_finding(pair, policy, n):
    """Power grows with data."""
    data = pairs_of(pair, service(n, 0.1, 10.0), service(n))
    assert judged(data, policy, "requests.tail_latency").status == "FAIL"


def test_slow_requests_of_one_minute_are_one_finding(pair, policy):
    """100 of 1,000 are slow: in as many minutes, or half of them in each of two."""
    minute = np.arange(100)
    steps = LatencySteps(np.repeat(minute, 2), np.tile([900 // 20, 1200 // 20], 100), np.tile([9, 1], 100))
    slow = np.array([0, 1]), np.full(2, 1200 // 20), np.full(2, 50)
    fast = np.arange(2, 92), np.full(90, 900 // 20), np.full(90, 10)
    together = LatencySteps(*(np.concatenate(two) for two in zip(slow, fast, strict=True)))
    found = []
    for of in (steps, together):
        key = ("endpoint", "GET /")
        data = pair(base={"times": {key: service(1000)}}, times={key: service(1000, 0.1, 10.0)}, steps={"": of})
        (far,) = [one for one in compare(data, policy)["requests.tail_latency"] if one.what == "far"]
        found.append(far.effect.p)
    assert found[0] < 1e-9
    assert found[1] > 0.1


def test_slow_requests_of_one_minute_weigh_as_one():
    """9 of 10 slow ones in one of four minutes: (81 + 1) / 10 by hand, as failures in one incident."""
    steps = LatencySteps(
        minute=np.array([0, 0, 1, 1, 2, 3]), step=np.array([40, 60, 40, 60, 40, 40]), n=np.array([20, 9, 29, 1, 30, 30])
    )
    assert steps.design_effect(50 * 20) == pytest.approx(8.2)
    assert steps.design_effect(70 * 20) == 1.0
