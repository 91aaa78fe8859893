"""What a service depends on, where it logs failures of it alone."""

import pytest

from pipeline.judge.revision_data import EventTotal, RequestCounts
from tests.judge.conftest import judged, occurrences


def rare(pair, *, n=8, before=6, events=(), more=(), eligible_5xx=0, eligible=1000, base_eligible=1000):
    """Failures of the database in as many minutes; in the baseline `before` of them and other events."""
    rows = [("database.unavailable", minute, 1) for minute in range(n)]
    totals = {"database.unavailable": EventTotal(before, "critical")} if before else {}
    base = {"events": {**totals, **{name: EventTotal(9, "ok") for name in events}}}
    base["requests"] = RequestCounts(n=base_eligible, eligible=base_eligible)
    requests = RequestCounts(n=eligible, eligible=eligible, eligible_5xx=eligible_5xx)
    return pair(base=base, occurrences=occurrences(*rows, *more), requests=requests)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({}, "WARN"),
        ({"n": 12}, "WARN"),
        ({"n": 13}, "FAIL"),  # more than twice as many
        ({"n": 60, "before": 31}, "FAIL"),  # fewer than twice, but more than chance: binomial, 60 of 91, p = 0.0016
        ({"before": 0}, "FAIL"),
        ({"events": ["database.user_found"]}, "FAIL"),
        ({"events": ["database.dependency"]}, "FAIL"),
        ({"more": [("database.user_found", 0, 1, "ok", -1)]}, "FAIL"),  # it is known that eight of nine failed
        ({"eligible_5xx": 10}, "WARN"),
        ({"eligible_5xx": 11}, "FAIL"),
        ({"eligible": 0}, "FAIL"),
        ({"base_eligible": 0}, "FAIL"),
        ({"base_eligible": 2000}, "FAIL"),
    ],
)
def test_failures_alone_that_the_baseline_had_too_are_no_outage(pair, policy, given, wanted):
    """Nobody knows the share of calls that fail; users are served, and it was so before."""
    check = judged(rare(pair, **given), policy, "database.failures")
    assert check.status == wanted
    if wanted == "WARN":
        assert "while requests are served; no success is logged" in check.reason
        assert f"{given.get('before', 6)} in the baseline" in check.reason


def test_without_a_baseline_it_is_an_outage(healthy, policy):
    """Nothing says that it was so before."""
    rows = [("database.unavailable", minute, 1) for minute in range(8)]
    assert judged(healthy(occurrences=occurrences(*rows)), policy, "database.failures").status == "FAIL"
