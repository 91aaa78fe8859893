"""An eighth of the window that is slower than the baseline's eighths differ."""

import numpy as np
import pytest

from pipeline.judge.compare import compare
from pipeline.judge.revision_data import Times
from pipeline.judge.stats import DesignEffect

#: The bucket of 100 ms; buckets grow by 2 %.
AT = 931


def eighths(*above):
    """Fifty requests in each eighth of the time, all so many buckets above 100 ms."""
    return {("endpoint", "GET /"): Times(AT + np.array(above), np.arange(8), np.full(8, 50), DesignEffect(1.0))}


def episode(pair, policy, now, noise):
    data = pair(base={"times": eighths(*(noise, -noise) * 4)}, times=eighths(*now))
    (found,) = [one for one in compare(data, policy)["requests.latency"] if one.what == "episode"]
    return found


@pytest.mark.parametrize(
    ("slowest", "noise", "wanted"),
    [
        (49, 5, "WARN"),
        (49, 8, "INCONCLUSIVE"),  # its eighths differ too much
        (36, 1, "WARN"),  # twice as slow is 35.003 buckets
        (35, 1, "PASS"),
        (0, 1, "PASS"),
    ],
)
def test_an_eighth_must_be_slow_and_unusual(pair, policy, slowest, noise, wanted):
    """Twice the baseline's latency, and not by chance."""
    found = episode(pair, policy, [0, 0, 0, slowest, 0, 0, 0, 0], noise)
    assert found.decided == wanted
    assert found.effect.value == found.observed.value == pytest.approx(1.02**slowest)
    if slowest:
        assert found.reason.startswith("in part 4 of 8 of the window")


def test_its_p_is_of_students_t_for_one_new_value(pair, policy):
    """Means of +8 and -8 have s = 8 sqrt(8 / 7); t = 49 / (s sqrt(9 / 8)) = 5.402. Tables have 5.408 for 0.0005 and 7
    degrees of freedom; of eight eighths the slowest is looked at.
    """
    assert episode(pair, policy, [49, *[0] * 7], 8).effect.p == pytest.approx(8 * 0.0005, rel=0.01)
