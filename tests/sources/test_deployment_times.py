"""Which calls and conditions of the audit log are one deployment, at the borders of their times."""

import json

import pytest

from pipeline.sources.cloud_logging.deployments import audit_rows, deployments, refused_ns
from pipeline.sources.log_entry import EntryReader
from tests.sources.test_deployments import BEFORE, FIRST, NEW, NEWER, OLD, T0, call, of, ready


@pytest.mark.parametrize(
    ("second", "want"),
    [
        (600, [(NEW, 0, 600, False, False)]),
        (601, [(None, 0, None, False, False), (NEW, 601, 601, False, False)]),
        (-10, [(NEW, -10, -10, False, False)]),  # the call is logged when it ended
        (-11, [(NEW, -11, -11, False, False), (None, 0, None, False, False)]),
    ],
)
def test_a_ready_belongs_to_the_call_before_it(second, want):
    """Within ten minutes; a call may be logged ten seconds after it."""
    assert of(call(0), ready(second, NEW)) == want


@pytest.mark.parametrize(("second", "count"), [(19, 1), (20, 2)])
def test_a_call_soon_after_ready_is_the_end_of_the_same(second, count):
    """Ready at 9 s; from more than ten seconds later on it is another deployment."""
    assert len(of(call(0), ready(9, NEW), call(second))) == count


@pytest.mark.parametrize(
    ("second", "want"),
    [(0, [FIRST]), (-3590, [FIRST]), (-3589, [FIRST])],
)
def test_a_call_that_names_what_was_ready_is_none(second, want):
    """It changes something else; right after that Ready it is its own call."""
    assert of(BEFORE, call(second, template=OLD)) == want


@pytest.mark.parametrize(("status", "failed"), [("False", True), ("True", False)])
def test_a_revision_that_failed_and_came_again(status, failed):
    """A later condition of the same revision counts; a Ready after a failure is Ready."""
    found = of(call(0, template=NEW), ready(9, NEW, "False"), ready(30, NEW, status))
    assert found == [(NEW, 0, None if failed else 30, failed, False)]


@pytest.mark.parametrize("status", ["True", "False"])
def test_what_comes_after_a_ready_changes_no_deployment(status):
    """A revision that is Ready once more, or no longer: its deployment was long over."""
    assert of(call(0, template=NEW), ready(9, NEW), ready(200, NEW, status)) == [(NEW, 0, 9, False, False)]


def test_two_revisions_that_are_deployed_at_once():
    """Each has its own call and its own end; in order of these."""
    entries = [call(0, template=NEW), call(1, template=NEWER), ready(20, NEWER), ready(30, NEW)]
    assert of(*entries) == [(NEWER, 1, 20, False, False), (NEW, 0, 30, False, False)]


def details(*entries):
    with EntryReader() as reader:
        return deployments([audit_rows(reader.read([json.dumps(one).encode() for one in entries]))])


def test_what_a_failure_says_and_when():
    """The first line of the platform's words; none is said so."""
    (failed,) = details(call(0), ready(9, NEW, "False", message="It did not listen.\nSee the log."))
    assert (failed.failed, (failed.failed_ns - T0) // 10**9) == ("It did not listen.", 9)
    (again,) = details(call(0), ready(9, NEW, "False"), ready(60, NEW))
    assert (again.failed, again.failed_ns) == (None, None)


@pytest.mark.parametrize(
    ("timeout", "wanted"), [(300, 300.0), (1, 1.0), (0, None), (-5, None), ("300", None), (None, None)]
)
def test_the_request_time_out_of_a_ready_revision(timeout, wanted):
    """A whole number of seconds above 0."""
    entry = ready(9, NEW)
    entry["protoPayload"]["response"] = {"spec": {"timeoutSeconds": timeout}}
    assert [one.timeout_s for one in details(call(0), entry)] == [wanted]


@pytest.mark.parametrize(
    ("share", "mask", "rollback"),
    [
        (100, "traffic", True),
        (99, "traffic", False),
        (100, "traffic,traffic.percent", True),
        (100, "traffic,labels", False),
    ],
)
def test_all_traffic_to_an_older_revision_is_a_rollback(share, mask, rollback):
    """The whole of it, and nothing else is changed."""
    back = call(700, target=OLD, mask=mask)
    back["protoPayload"]["request"]["service"]["spec"]["traffic"][0]["percent"] = share
    assert any(one[-1] for one in of(BEFORE, call(0), ready(9, NEW), back)) == rollback


def test_refused_calls_by_service_and_time():
    """Of other services none, nor calls that were taken; in order of time."""
    rows = [call(30, code=7), call(10, code=7), call(20), ready(40, NEW)]
    with EntryReader() as reader:
        frame = audit_rows(reader.read([json.dumps(one).encode() for one in rows]))
    assert refused_ns([frame]) == refused_ns([frame], "shop-api") == [T0 + 10 * 10**9, T0 + 30 * 10**9]
    assert refused_ns([frame], "other") == []
