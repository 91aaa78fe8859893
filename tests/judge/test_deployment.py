"""The deployment's own checks, and test results."""

import pytest

from pipeline.judge import model
from pipeline.judge.decide import judge
from pipeline.judge.deployed import Deployed
from pipeline.judge.revision_data import Instances, RequestCounts
from tests.judge.conftest import MINUTE_NS, START_NS, occurrences, profile
from tests.judge.test_checks import status


def results(**more):
    whole = {"files": 1, "n": 3, "passed": 3, "failed": 0, "errors": 0, "skipped": 0, "duration_s": 4.2}
    return model.TestResults(**{**whole, "started": None, "failures": [], "suspicious": [], **more})


def test_ready_and_not_ready(healthy, policy):
    """Ready is told; a later refusal fails; without the audit log nothing is known."""
    assert status("deployment.ready", healthy(), policy) == "NOT_OBSERVABLE"
    assert status("deployment.ready", healthy(ready_ns=START_NS), policy) == "PASS"
    refused = occurrences(("audit.not_ready", 5, 1))
    assert status("deployment.ready", healthy(occurrences=refused), policy) == "FAIL"
    assert status("deployment.ready", healthy(occurrences=refused, ready_ns=START_NS + 9 * MINUTE_NS), policy) == "PASS"


NAME = "shop-api-00042-abc"


@pytest.mark.parametrize(
    ("deployed", "more", "ready", "evidence"),
    [
        ({"overdue": True}, {"requests": RequestCounts()}, "FAIL", "PASS"),
        ({"overdue": True}, {"requests": RequestCounts(n=9, errors_5xx=9)}, "FAIL", "PASS"),
        ({"overdue": True}, {}, "NOT_OBSERVABLE", "PASS"),
        ({"overdue": True}, {"requests": RequestCounts(), "answered_before": 1}, "NOT_OBSERVABLE", "INCONCLUSIVE"),
        ({}, {"requests": RequestCounts()}, "NOT_OBSERVABLE", "INCONCLUSIVE"),
        ({"failed": "It did not listen."}, {"requests": RequestCounts()}, "FAIL", "PASS"),
        ({"overdue": True, "revision": None}, {}, "NOT_OBSERVABLE", "INCONCLUSIVE"),
    ],
    ids=[
        *("never ready", "never ready, all refused", "it serves", "it served before the window", "still pending"),
        *("failed", "no revision is named"),
    ],
)
def test_a_revision_that_serves_is_ready(healthy, policy, deployed, more, ready, evidence):
    """Overdue is one that nobody saw answer; pending is neither."""
    newest = Deployed(**{"started_ns": START_NS, "revision": NAME, **deployed})
    data = healthy(deployed=newest, **more)
    assert (status("deployment.ready", data, policy), status("evidence.deployed", data, policy)) == (ready, evidence)


@pytest.mark.parametrize(
    ("failed", "started", "answered", "wanted"),
    [
        (2, 0, 0, "FAIL"),
        (1, 0, 0, "NOT_OBSERVABLE"),
        (2, 1, 0, "NOT_OBSERVABLE"),
        (2, 0, 1, "NOT_OBSERVABLE"),
    ],
    ids=["twice", "once", "and one good start", "and one good answer"],
)
@pytest.mark.parametrize("event", ["platform.probe_failed", "platform.could_not_start"])
def test_two_failed_starts_and_no_good_one_fail(healthy, policy, event, failed, started, answered, wanted):
    """No instance ever ran, so all nine requests were refused, or all but those that were answered."""
    rows = [(event, minute, 1) for minute in range(failed)] + [("platform.probe_succeeded", 5, 1, "ok", -1)] * started
    data = healthy(occurrences=occurrences(*rows), requests=RequestCounts(n=9, errors_5xx=9 - answered))
    assert status("deployment.ready", data, policy) == wanted


@pytest.mark.parametrize(
    ("now_ms", "before_ms", "wanted"),
    [((), (), "NOT_OBSERVABLE"), ((9000,), (), "PASS"), ((30000,), (12000,), "WARN"), ((8000,), (2000,), "PASS")],
)
def test_start_up_is_compared(healthy, policy, now_ms, before_ms, wanted):
    """Twice as long and ten seconds more."""
    base = profile(instances=Instances(n=1, start_up_ms=before_ms))
    data = healthy(instances=Instances(n=1, start_up_ms=now_ms), baseline=base)
    assert status("deployment.start_up", data, policy) == wanted


@pytest.mark.parametrize(("outlived_s", "wanted"), [(None, "PASS"), (0, "PASS"), (599, "PASS"), (600, "WARN")])
def test_a_rollback_is_seen(healthy, policy, outlived_s, wanted):
    """An older revision has requests, this one has none any more."""
    outlived = None if outlived_s is None else outlived_s * 10**9
    data = healthy(traffic_ratio=0.6, outlived_ns=outlived)
    check = next(check for check in judge(data, policy).checks if check.id == "deployment.traffic")
    assert check.status == wanted
    assert check.reason.startswith("an older revision still served 10 min after") == (wanted == "WARN")
    assert check.reason.endswith("60 % of the service's requests since its first")


@pytest.mark.parametrize(
    ("more", "wanted"),
    [
        ({}, "PASS"),
        ({"passed": 2, "failed": 1, "failures": ["a.b"]}, "FAIL"),
        ({"passed": 2, "errors": 1}, "FAIL"),
        ({"n": 0, "passed": 0}, "INCONCLUSIVE"),
        ({"passed": 0, "skipped": 3}, "WARN"),
        ({"suspicious": ["test_end_to_end"]}, "WARN"),
        ({"started": "2026-01-15T08:59:00Z"}, "WARN"),  # before the revision was ready
        ({"started": "2026-01-15T09:01:00Z"}, "PASS"),
    ],
)
def test_tests_must_pass_and_have_met_the_revision(healthy, policy, more, wanted):
    """The revision was ready at 9:00."""
    assert status("tests.results", healthy(ready_ns=START_NS, tests=results(**more)), policy) == wanted


def test_without_results_nothing_is_said(healthy, policy):
    """Tests that were not handed in neither passed nor failed."""
    assert status("tests.results", healthy(), policy) == "NOT_APPLICABLE"
