"""What a baseline adds to checks that stand alone: what fell, what is excluded, and how long connections live."""

import numpy as np
import pytest

from pipeline.judge.compare import compare
from pipeline.judge.comparison import proportion
from pipeline.judge.model import Effect, Observed
from pipeline.judge.policy import load
from pipeline.judge.relative import excluding
from pipeline.judge.result import result
from pipeline.judge.revision_data import RequestCounts
from tests.judge.conftest import judged
from tests.judge.test_compare import lognormal, times


@pytest.mark.parametrize(("now", "before", "wanted"), [(1, 1, "INCONCLUSIVE"), (0, 1, "PASS"), (0, 0, "INCONCLUSIVE")])
def test_the_explained_share_is_compared_where_both_did_the_same_work(pair, policy, now, before, wanted):
    """All entries of the baseline are explained, half of these: a revision nobody asked does not do what was done."""
    data = pair(
        base={"requests": RequestCounts(n=before, eligible=before)},
        entries=4000,
        parsed=4000,
        explained=2000,
        requests=RequestCounts(n=now, eligible=now),
    )
    assert judged(data, policy, "evidence.explained").status == wanted


def test_what_is_excluded_is_the_larger_of_both_limits(pair, policy):
    """Around 1 s: the interval leaves more than 100 ms, and less than twice the latency, which a FAIL asks for too."""
    one = {("endpoint", "GET /x"): times(lognormal(1000, 60, sigma=0.5))}
    check = judged(pair(base={"times": one}, times=one), policy, "requests.latency")
    assert check.status == "PASS"
    assert 100 < check.effect.high < 1000
    assert check.excludes is None


@pytest.mark.parametrize(("kind", "median"), [("ratio", 100.0), ("shift", None)])
def test_what_has_no_interval_of_a_latency_excludes_nothing(policy, kind, median):
    """A ratio of something else, and a shift beside a baseline without a median."""
    rule = policy["requests.latency"]
    beside = {"effect": Effect(kind=kind, value=0.9, unit="1"), "baseline": Observed(value=median, unit="ms", n=9)}
    found = result(rule, "PASS", "as before").model_copy(update=beside)
    assert excluding(found, rule) == found


@pytest.mark.parametrize(("high", "excluded"), [(499.0, True), (500.0, False)])
def test_a_rise_that_would_fail_is_excluded_below_its_limits_alone(high, excluded):
    """100 ms and half of a second more: the larger is the limit."""
    rule = load({"requests.latency": {"fail_ms": 100, "fail_ratio": 0.5}})["requests.latency"]
    effect = Effect(kind="shift", value=9.0, unit="ms", high=high)
    beside = {"effect": effect, "baseline": Observed(value=1000.0, unit="ms", n=9)}
    assert (excluding(result(rule, "PASS", "").model_copy(update=beside), rule).excludes is None) == excluded


def test_nothing_has_no_share():
    """Of none there is no value, and no number."""
    assert proportion(0, 0).model_dump(exclude_none=True) == {"unit": "ratio", "n": 0}


def test_connections_that_live_much_shorter(pair, policy):
    """400 a side, 60 s and 3 s: 95 % less."""
    key = ("socket", "websocket")
    counts = RequestCounts(n=1000, eligible=1000, handshakes=400, handshake_clients=50)
    there, here = (times(np.full(400, 1000.0) * seconds) for seconds in (60, 3))
    data = pair(base={"times": {key: there}, "requests": counts}, times={key: here}, requests=counts)
    lives = {one.what: one for one in compare(data, policy)["websocket.handshakes"]}["lives"]
    assert (lives.large, lives.decided) == ("WARN", "WARN")
    assert (lives.effect.value, lives.effect.relative) == pytest.approx((-57_000, -0.95), rel=0.02)
