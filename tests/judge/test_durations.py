"""The times that lines name, compared with the baseline's by their signature."""

import numpy as np
import pytest

from tests.judge.conftest import judged
from tests.judge.test_tails import times

LINE = ("line", "payment gateway answered in <*>")


def lines(n, median):
    """So many times from 60 to 140 % of a median."""
    return times(median * np.linspace(0.6, 1.4, n))


@pytest.mark.parametrize(
    ("key", "n", "before", "now", "wanted"),
    [
        (LINE, 60, 60.0, 900.0, "WARN"),
        (LINE, 60, 100.0, 160.0, "WARN"),
        (LINE, 60, 100.0, 140.0, "PASS"),  # less than half as long again
        (LINE, 60, 60.0, 100.0, "PASS"),  # less than 50 ms more
        (LINE, 60, 900.0, 60.0, "PASS"),
        (LINE, 49, 60.0, 900.0, "NOT_APPLICABLE"),
        (("event", "celery.succeeded"), 60, 60.0, 900.0, "WARN"),
        (("event", "auth.success"), 60, 60.0, 900.0, "NOT_APPLICABLE"),  # auth.latency compares it
    ],
)
def test_lines_that_name_longer_times(pair, policy, key, n, before, now, wanted):
    """50 % and 50 ms more warn, from 50 lines a side on, and never fail."""
    data = pair(base={"times": {key: lines(n, before)}}, times={key: lines(n, now)})
    check = judged(data, policy, "novelty.durations")
    assert check.status == wanted, check
    if wanted == "WARN":
        assert key[1] in check.reason


def test_a_time_that_never_varies_is_a_setting(pair, policy):
    """30 s in each line, then 60 s in each: somebody changed a timeout."""
    data = pair(base={"times": {LINE: times(np.full(60, 30_000.0))}}, times={LINE: times(np.full(60, 60_000.0))})
    assert judged(data, policy, "novelty.durations").status == "NOT_APPLICABLE"


def test_a_time_that_takes_two_values_is_measured(pair, policy):
    """On one side: the other may have been a cache."""
    now = times(np.repeat([800.0, 900.0], 30))
    data = pair(base={"times": {LINE: times(np.full(60, 60.0))}}, times={LINE: now})
    assert judged(data, policy, "novelty.durations").status == "WARN"


def test_without_a_baseline_nothing_is_compared(healthy, policy):
    """There is nothing to compare with."""
    data = healthy(times={LINE: lines(60, 900.0)})
    assert judged(data, policy, "novelty.durations").status == "NOT_APPLICABLE"
