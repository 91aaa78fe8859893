"""Each statement of a report is proven, refuted or without evidence, and names the facts behind it."""

import pytest

from pipeline.judge.model import CodeCount, Verdict
from pipeline.report.sections import next_steps, sections
from tests.conftest import check, failing, healthy, ndjson
from tests.report.made_up import checks, empty, event, full, with_status

SUBJECTS = (
    *("Summary", "Health endpoints", "Authentication", "Database", "Context and correlation"),
    *("Service log: expected warnings", "Service log: critical issues", "Test results", "Golden path", "Error codes"),
    *("Performance and stability", "Security", "Post-deploy checklist", "Conclusion"),
)


def referent(verdict, ref):
    """What a reference names in the document; KeyError where it names nothing."""
    kind, _, name = ref.partition("/")
    if not name:
        if kind not in Verdict.model_fields:
            raise KeyError(ref)
        return getattr(verdict, kind)
    if kind in ("incidents", "contracts", "recodings"):
        return dict(enumerate(getattr(verdict, kind)))[int(name)]
    named = {
        "checks": {one.id: one for one in verdict.checks},
        "events": {one.event: one for one in verdict.events},
        "codes": {f"{one.event}/{one.code}": one for one in verdict.codes},
        "endpoints": {one.endpoint: one for one in verdict.requests.by_endpoint},
    }
    return named[kind][name]


def statements(verdict):
    """Every statement by its claim."""
    return {one.claim: one for section in sections(verdict) for one in section.statements}


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """Verdicts that the program gave."""
    folder = tmp_path_factory.mktemp("judged")
    found = []
    for name, entries in (("healthy", healthy()), ("failing", failing()), ("thin", healthy()[:3])):
        run = check(folder / name, ndjson(folder / f"{name}.ndjson", entries))
        found += [one for _, one in run.verdicts]
    return found


def test_every_statement_is_traceable(judged):
    """Each reference names something that is in the document; what is proven or refuted names no empty field."""
    for verdict in (*judged, empty(), full(), empty(checks=[])):
        for section in sections(verdict):
            assert section.statements, section.id
            for one in section.statements:
                assert one.refs, one
                assert one.claim, one
                assert one.text, one
                for ref in one.refs:
                    found = referent(verdict, ref)
                    assert one.standing == "NO EVIDENCE" or found not in (None, []), (one, ref)
        for step in next_steps(verdict):
            assert all(referent(verdict, ref) for ref in step.refs)
    with pytest.raises(KeyError):
        referent(full(), "checks/nothing")


def test_sections_in_the_order_readers_expect():
    """The report people write today has these sections."""
    for verdict in (empty(), full()):
        assert tuple(section.title for section in sections(verdict)) == SUBJECTS


def test_a_statement_says_what_its_check_says():
    """Passed is proven, warned and failed are refuted, the rest is no evidence."""
    wanted = {"PASS": "PROVEN", "WARN": "REFUTED", "FAIL": "REFUTED"}
    for status in ("PASS", "WARN", "FAIL", "INCONCLUSIVE", "NOT_APPLICABLE", "NOT_OBSERVABLE"):
        verdict = empty(checks=checks(status, "for a reason"))
        found = [
            one
            for section in sections(verdict)[1:-2]
            for one in section.statements
            if len(one.refs) == 1 and one.refs[0].startswith("checks/") and "1008" not in one.claim
        ]
        assert len(found) > 15
        assert {one.standing for one in found if "closed with" not in one.claim} == {wanted.get(status, "NO EVIDENCE")}


def test_nothing_is_proven_by_nothing():
    """A verdict on no entry proves its risk and nothing else."""
    proven = [claim for claim, one in statements(empty()).items() if one.standing != "NO EVIDENCE"]
    assert proven == ["The risk is MEDIUM"]


def test_1008_is_absent_only_where_it_could_have_been_seen():
    """No close code in any line is no evidence; other codes beside it are proof."""
    claim = "No WebSocket was closed with 1008 (policy violation)"
    unseen = statements(empty())[claim]
    assert (unseen.standing, unseen.refs) == ("NO EVIDENCE", ("checks/websocket.closes",))
    other = empty(codes=[CodeCount(event="websocket.close", code=1000, n=21)], checks=checks())
    assert (statements(other)[claim].standing, statements(other)[claim].text[:10]) == ("PROVEN", "0 of 21 cl")
    seen = statements(full())[claim]
    assert (seen.standing, seen.text, seen.refs) == ("REFUTED", "1 of 5 closes.", ("codes/websocket.close/1008",))


def test_a_recoding_is_neither_better_nor_worse():
    """It stands where the new code is used and the old one is not."""
    claim = "websocket.close: 1011 replaces 1008 since shop-api-00040-aaa"
    assert statements(full())[claim].standing == "REFUTED"
    assert "the baseline had 4 with 1008" in statements(full())[claim].text
    for n_old, n_new, standing in ((0, 3, "PROVEN"), (0, 0, "NO EVIDENCE"), (2, 3, "REFUTED")):
        found = [one.model_copy(update={"n_old": n_old, "n_new": n_new}) for one in full().recodings]
        assert statements(full(recodings=found))[claim].standing == standing


def test_contracts_incidents_and_tests_have_their_statements():
    """Within is proven, exceeded and expired are refuted, unused is no evidence; suspicious tests are refuted."""
    by_title = {section.title: section.statements for section in sections(full())}
    contracts = [one for one in by_title["Service log: expected warnings"] if one.refs[0].startswith("contracts/")]
    assert [one.standing for one in contracts] == ["PROVEN", "REFUTED", "REFUTED", "NO EVIDENCE"]
    incident = next(one for one in by_title["Service log: critical issues"] if one.refs == ("incidents/0",))
    assert (incident.standing, "platform.exit × 15" in incident.text) == ("REFUTED", True)
    assert [one.standing for one in by_title["Test results"][:2]] == ["REFUTED", "REFUTED"]
    assert "test_flow passed in 0.001 s" in by_title["Test results"][1].text.lower()


def test_the_checklist_needs_every_proof():
    """One claim without evidence leaves an item without; one that is refuted refutes it."""

    def item(verdict, claim):
        return next(one for one in sections(verdict)[-2].statements if one.claim == claim).standing

    assert item(full(), "Golden path works") == "REFUTED"
    good = full(checks=checks())
    assert item(good, "Golden path works") == "PROVEN"
    assert item(full(checks=checks(), events=[event("agent.started")]), "Golden path works") == "NO EVIDENCE"
    assert item(full(checks=[]), "Stable") == "NO EVIDENCE"


def test_no_critical_issue_needs_every_critical_check():
    """A critical check that could not be judged leaves the claim open."""
    claim = "There is no critical issue"
    found = checks()
    assert statements(empty(checks=found))[claim].standing == "PROVEN"
    open_ = statements(empty(checks=with_status(found, websocket__closes="NOT_OBSERVABLE")))[claim]
    assert (open_.standing, "websocket.closes" in open_.text) == ("NO EVIDENCE", True)
    assert statements(full())[claim].standing == "REFUTED"


def test_next_steps_say_what_decides():
    """Failures first, then what is missing, then warnings, each by its reason."""
    found = with_status(full().checks, evidence__traffic="INCONCLUSIVE")
    steps = next_steps(full(checks=found))
    assert [step.text.split(" (")[0] for step in steps] == [
        *["Stop, and find the cause"] * 2,
        "Get the missing evidence",
        "Look at it",
    ]
    assert steps[2].text == "Get the missing evidence (evidence.traffic): as it should be."
    assert [step.text for step in next_steps(empty(checks=checks()))] == [
        "Nothing in these logs stands against the release."
    ]
