"""Which limit, set otherwise, would change what a check says."""

import pytest

from pipeline.judge.decide import CHECKS
from pipeline.judge.expectations import Expectations
from pipeline.judge.revision_data import Latency, RequestCounts
from pipeline.judge.whatif import explain, turns


@pytest.fixture
def slow(healthy):
    """Ten requests of health endpoints with a p95 of 1.5 s: a WARN."""
    latency = {"health": Latency(10, 1.0, 1500.0, 1500.0, 1500.0)}
    return healthy(requests=RequestCounts(n=1010, eligible=1000, health=10), latency=latency)


def test_the_nearest_values_that_change_a_check(slow, policy):
    """1.5 s as the limit of a WARN is none, as that of a FAIL one; eleven rows asked for leave ten unjudged."""
    check = CHECKS["requests.health"](slow, policy)
    found = list(turns(slow, policy, Expectations(), check))
    assert [(name, other) for name, _, other in found] == [("warn_ms", "PASS"), ("fail_ms", "FAIL"), ("min_n", "PASS")]
    values = {name: value for name, value, _ in found}
    assert values == {name: pytest.approx(near, rel=1e-3) for name, near in zip(values, (1500, 1500, 10), strict=True)}
    assert values["warn_ms"] >= 1500 > values["fail_ms"]
    assert values["min_n"] > 10


def test_a_limit_whose_range_ends_at_zero_is_halved(healthy, policy):
    """Five unknown lines warn; in 1,000 requests the ratio turns it at 0.005, which its range from 0 on reaches."""
    data = healthy(unexplained_errors=4, requests=RequestCounts(n=1000, eligible=1000))
    check = CHECKS["evidence.explained"](data, policy)
    found = {name: (value, other) for name, value, other in turns(data, policy, Expectations(), check)}
    assert found["warn_lines"] == (pytest.approx(4, rel=1e-3), "WARN")
    assert found["warn_ratio"] == (pytest.approx(0.004, abs=1e-6), "WARN")


def test_what_decided_is_told_with_what_would_change_it(slow, policy):
    """One check warns; without it the verdict is a PASS."""
    lines = list(explain(slow, policy, Expectations()))
    assert lines[0].startswith("shop-api-00042-abc: WARN: ")
    assert "  WARN rests on 1 check" in lines
    assert "  requests.health: without it the verdict would be PASS" in lines
    assert "    warn_ms = 1500 ms in place of 1000 would make it PASS" in lines


def test_a_pass_has_no_limit_that_decided(healthy, policy):
    """Every check that applies passed."""
    assert list(explain(healthy(), policy, Expectations()))[-1] == (
        "  every check that applies passed: no single limit decided"
    )
