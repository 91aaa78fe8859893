"""Which calls and conditions of the audit log are one deployment, at the borders of their times."""

import json

import pytest

from pipeline.sources.cloud_logging.deployments import Deployment, audit_rows, deployments, refused_ns
from pipeline.sources.log_entry import EntryReader
from tests.sources.test_deployments import BEFORE, FIRST, NEW, NEWER, OLD, T0, call, of, ready

SECOND = 10**9


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
@pytest.mark.parametrize("second", [200, 700])
def test_what_comes_after_a_ready_changes_no_deployment(status, second):
    """A revision that is Ready once more, or no longer: its deployment was long over."""
    assert of(call(0, template=NEW), ready(9, NEW), ready(second, NEW, status)) == [(NEW, 0, 9, False, False)]


def test_a_ready_after_a_failure_of_no_named_revision():
    """It is a deployment of its own: nothing says that the failed one was of this revision."""
    found = of(call(0), ready(9, NEW, "False", kind="Service", message="The quota is exceeded."), ready(30, NEW))
    assert found == [(None, 0, None, True, False), (NEW, 30, 30, False, False)]


@pytest.mark.parametrize("template", [None, NEW])
def test_a_call_after_a_failure_is_another_try(template):
    """It begins with its own call, and the one that failed is told as failed."""
    failure = ready(9, NEW, "False", kind="Service", message="The quota is exceeded.")
    again = call(20, template=template) if template else call(20)
    found = of(call(0), failure, again, ready(30, NEW))
    assert found == [(None, 0, None, True, False), (NEW, 20, 30, False, False)]


@pytest.mark.parametrize("revisions", [(NEW, NEWER), (NEWER, NEW)])
def test_deployments_of_one_moment_are_in_order_of_their_revisions(revisions):
    """Whichever stands first in the log."""
    found = of(*(call(0, template=revision) for revision in revisions))
    assert [row[0] for row in found] == [NEW, NEWER]


@pytest.mark.parametrize(
    ("ready_ns", "now_ns", "overdue"),
    [(None, 700 * SECOND, False), (None, 700 * SECOND + 1, True), (700 * SECOND, 9000 * SECOND, False)],
)
def test_a_deployment_is_overdue_after_ten_minutes(ready_ns, now_ns, overdue):
    """Begun at 100 s, without a Ready at 700 s; one that became ready never is."""
    assert Deployment("shop-api", 100 * SECOND, NEW, ready_ns).overdue(now_ns) is overdue


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
    assert [one.timeout_s for one in details(entry)] == [wanted]


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


def test_all_traffic_as_v2_writes_it():
    """`revision` in place of `revisionName`, by its full name or not; shares without traffic are none."""
    for revision in (OLD, f"projects/demo/locations/europe-west1/services/shop-api/revisions/{OLD}"):
        back = call(700, target=OLD, mask="traffic")
        whole = {"revision": revision, "percent": 100}
        back["protoPayload"]["request"]["service"] = {"traffic": [{"revision": NEW, "percent": 0}, whole]}
        assert of(BEFORE, back) == [FIRST, (OLD, 700, 700, False, True)]


def test_a_condition_within_other_words_names_its_revision():
    """As it does at their beginning."""
    entry = ready(9, NEW)
    status = entry["protoPayload"]["status"]
    status["message"] = f"Done. {status['message']}"
    assert of(call(0), entry) == [(NEW, 0, 9, False, False)]


def test_a_request_that_is_the_service_itself():
    """Without a field `service` around it."""
    made = call(0, template=NEW)
    made["protoPayload"]["request"] = made["protoPayload"]["request"]["service"]
    assert of(made) == [(NEW, 0, None, False, False)]


def test_refused_calls_by_service_and_time():
    """Of other services none, nor calls that were taken; in order of time."""
    rows = [call(30, code=7), call(10, code=7), call(20), ready(40, NEW)]
    with EntryReader() as reader:
        frame = audit_rows(reader.read([json.dumps(one).encode() for one in rows]))
    assert refused_ns([frame]) == refused_ns([frame], "shop-api") == [T0 + 10 * 10**9, T0 + 30 * 10**9]
    assert refused_ns([frame], "other") == []
