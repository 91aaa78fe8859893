"""What may end a watch: a FAIL that holds whatever comes, and no other."""

import numpy as np
import pytest

from pipeline.judge.decide import judge
from pipeline.judge.early import certain_failures, evidence, settled_after_s
from pipeline.judge.revision_data import BUCKET_GROWTH, RequestCounts, Times
from tests.judge.conftest import minutes, occurrences, profile


def failed(data, policy, *, compared=True):
    return [check.id for check in certain_failures(data, policy, compared=compared)]


def ordinary(data, policy):
    return [check.id for check in judge(data, policy).checks if check.status == "FAIL"]


def served(*by_minute):
    """Requests and 5xx of each minute, as the sample and its counts have them."""
    n, k = (sum(column) for column in zip(*by_minute, strict=True))
    counts = RequestCounts(n=n, errors_5xx=k, eligible=n, eligible_5xx=k)
    return {"requests": counts, "minutes": minutes(*((i, *one) for i, one in enumerate(by_minute))), "latency": {}}


@pytest.mark.parametrize(
    ("by_minute", "fails", "certain"),
    [
        ([(40, 0)] * 5, False, False),
        ([(40, 2), (40, 1), (40, 1), (40, 1), (40, 1)], True, False),  # 6 of 200: E is 3.8
        ([(40, 3)] * 6, True, True),
        ([(40, 18), *[(40, 0)] * 5], True, False),  # as many, of one incident
        ([(2, 2)], False, False),  # no rate
    ],
    ids=["healthy", "above by the interval alone", "beyond doubt", "a burst", "two requests"],
)
def test_a_rate_needs_evidence_that_may_be_looked_at_at_any_time(healthy, policy, by_minute, fails, certain):
    """The interval of one look is not enough."""
    data = healthy(**served(*by_minute))
    assert ("requests.error_rate" in ordinary(data, policy)) == fails
    assert ("requests.error_rate" in failed(data, policy, compared=False)) == certain


@pytest.mark.parametrize(
    ("changes", "check"),
    [
        ({"fastest_three_exits_ns": 10**9, "occurrences": occurrences(("platform.exit", 1, 3))}, "platform.exits"),
        ({"occurrences": occurrences(("platform.memory_limit", 1, 1))}, "platform.memory"),
        ({"occurrences": occurrences(("audit.not_ready", 1, 1))}, "deployment.ready"),
        ({"occurrences": occurrences(("platform.could_not_start", 1, 3))}, "platform.could_not_start"),
    ],
)
def test_what_only_grows_ends_at_once(healthy, policy, changes, check):
    """A crash loop, exceeded memory, not ready, starts that fail."""
    assert failed(healthy(**changes), policy, compared=False) == [check]


def test_a_warning_ends_nothing(healthy, policy):
    """Nor does a FAIL that later lines can undo, such as health checks that all failed."""
    assert failed(healthy(occurrences=occurrences(("platform.exit", 1, 1))), policy) == []
    sick = healthy(requests=RequestCounts(n=1100, eligible=1000, health=5, health_5xx=5))
    assert "requests.health" in ordinary(sick, policy)
    assert failed(sick, policy) == []


def test_a_dependency_fails_by_its_own_minutes(healthy, policy):
    """Failures in every minute are an outage; as many in one minute are one incident."""
    successes = ("auth.success", 0, 100)
    spread = occurrences(successes, *(("auth.unreachable", minute, 4) for minute in range(6)))
    assert failed(healthy(occurrences=spread), policy, compared=False) == ["auth.unreachable"]
    burst = healthy(occurrences=occurrences(successes, ("auth.unreachable", 1, 24)))
    assert "auth.unreachable" in ordinary(burst, policy)
    assert failed(burst, policy, compared=False) == []


def test_comparisons_count_at_their_looks_alone(pair, policy):
    """0.5 to 6 %, at no absolute limit: with a share of the alpha, at one of the seven looks."""
    loose = policy.model_copy(deep=True)
    limit = loose["requests.error_rate"].limits["max_ratio"]
    loose["requests.error_rate"].limits["max_ratio"] = limit.model_copy(update={"value": 0.5})
    base = {"requests": RequestCounts(n=2400, errors_5xx=12, eligible=2400, eligible_5xx=12)}
    data = pair(base=base, **served(*[(40, 2), (40, 3)] * 5))
    assert failed(data, loose, compared=True) == ["requests.error_rate"]
    assert failed(data, loose, compared=False) == []


def test_the_evidence_in_numbers(healthy, policy):
    """By hand: 3 of 120 in one minute each is design effect 1; null where the number is beyond all others."""
    design_effect, e_value = evidence(healthy(**served(*[(40, 1)] * 3)), policy)
    assert design_effect == 1.0
    assert 1 < e_value < 100
    assert evidence(healthy(**served(*[(1000, 999)] * 30)), policy)[1] is None


def test_requests_settle_by_the_baselines_durations():
    """95 of 100 took 1 ms, the rest 20 s: p95 lies between them; without requests nothing is known."""
    millisecond, long = (round(np.log(ns) / np.log(BUCKET_GROWTH)) for ns in (1e6, 20e9))
    times = Times(np.array([millisecond, long]), np.array([0, 0]), np.array([90, 10]))
    base = profile(times={("endpoint", "GET /"): times})
    assert settled_after_s(base) == pytest.approx(30, rel=0.02)
    assert settled_after_s(None) is None
    assert settled_after_s(profile()) is None
