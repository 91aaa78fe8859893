"""The deployment's own checks, and test results."""

import pytest

from pipeline.judge import model
from pipeline.judge.revision_data import Instances
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
    assert status("deployment.traffic", data, policy) == wanted


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
