"""Each statement of a report is proven, refuted or without evidence, and names the facts behind it."""

import pytest

from pipeline.judge.model import CodeCount, Verdict
from pipeline.judge.policy import load
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


#: Claims that a passed check does not prove where nothing was logged that could have refuted them.
UNSEEN = ("starts", "available", "connections", "memory")


def claims(verdict):
    """Every claim by its id; no id stands twice."""
    every = [claim for section in sections(verdict) for claim in section.claims]
    by_id = {claim.id: claim for claim in every}
    assert len(by_id) == len(every)
    return by_id


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
            assert section.claims, section.id
            for one in section.claims:
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
            for one in section.claims
            if len(one.refs) == 1 and one.refs[0].startswith("checks/") and one.id not in UNSEEN
        ]
        assert len(found) > 15
        assert {one.standing for one in found} == {wanted.get(status, "NO EVIDENCE")}
        unseen = claims(verdict)
        assert {unseen[name].standing for name in UNSEEN} == {
            wanted[status] if status in ("WARN", "FAIL") else "NO EVIDENCE"
        }


def test_nothing_is_proven_by_nothing():
    """A verdict on no entry proves its risk and nothing else."""
    proven = [claim for claim, one in claims(empty()).items() if one.standing != "NO EVIDENCE"]
    assert proven == ["risk"]


def test_1008_is_absent_only_where_it_could_have_been_seen():
    """No close code in any line is no evidence; other codes beside it are proof."""
    claim = "close 1008"
    unseen = claims(empty())[claim]
    assert (unseen.standing, unseen.text, unseen.refs) == ("NO EVIDENCE", "No close code was logged.", ("codes",))
    other = empty(codes=[CodeCount(event="websocket.close", code=1000, n=21)], checks=checks())
    assert (claims(other)[claim].standing, claims(other)[claim].text[:10]) == ("PROVEN", "0 of 21 cl")
    seen = claims(full())[claim]
    assert (seen.standing, seen.text, seen.refs) == ("REFUTED", "1 of 5 closes.", ("codes/websocket.close/1008",))


def test_a_recoding_is_neither_better_nor_worse():
    """It stands where the new code is used and the old one is not."""
    claim = "recoding 0"
    assert claims(full())[claim].standing == "REFUTED"
    assert "the baseline had 4 with 1008" in claims(full())[claim].text
    for n_old, n_new, standing in ((0, 3, "PROVEN"), (0, 0, "NO EVIDENCE"), (2, 3, "REFUTED")):
        found = [one.model_copy(update={"n_old": n_old, "n_new": n_new}) for one in full().recodings]
        assert claims(full(recodings=found))[claim].standing == standing


def test_contracts_incidents_and_tests_have_their_claims():
    """Within is proven, exceeded and expired are refuted, unused is no evidence; suspicious tests are refuted."""
    by_title = {section.title: section.claims for section in sections(full())}
    contracts = [one for one in by_title["Service log: expected warnings"] if one.refs[0].startswith("contracts/")]
    assert [one.standing for one in contracts] == ["PROVEN", "REFUTED", "REFUTED", "NO EVIDENCE"]
    incident = next(one for one in by_title["Service log: critical issues"] if one.refs == ("incidents/0",))
    assert (incident.standing, "platform.exit × 15" in incident.text) == ("REFUTED", True)
    assert [one.standing for one in by_title["Test results"][:2]] == ["REFUTED", "REFUTED"]
    assert "test_flow passed in 0.001 s" in by_title["Test results"][1].text.lower()


def test_the_checklist_needs_every_proof():
    """One claim without evidence leaves an item without; one that is refuted refutes it."""

    def item(verdict, claim):
        return next(one for one in sections(verdict)[-2].claims if one.claim == claim).standing

    assert item(full(), "Golden path works") == "REFUTED"
    good = full(checks=checks())
    assert item(good, "Golden path works") == "PROVEN"
    assert item(full(checks=checks(), events=[event("agent.started")]), "Golden path works") == "NO EVIDENCE"
    assert item(full(checks=[]), "Stable") == "NO EVIDENCE"


def test_no_critical_issue_needs_every_critical_check():
    """A critical check that could not be judged leaves the claim open."""
    claim = "critical"
    found = checks()
    assert claims(empty(checks=found))[claim].standing == "PROVEN"
    open_ = claims(empty(checks=with_status(found, websocket__closes="NOT_OBSERVABLE")))[claim]
    assert (open_.standing, "websocket.closes" in open_.text) == ("NO EVIDENCE", True)
    assert claims(full())[claim].standing == "REFUTED"


def test_next_steps_are_what_the_policy_says():
    """Failures first, then what is missing, then warnings; a step that two checks ask for stands once."""
    found = with_status(full().checks, evidence__traffic="INCONCLUSIVE")
    policy = load()
    found = [check.model_copy(update={"next": policy[check.id].next}) for check in found]
    steps = next_steps(full(checks=found))
    failed = [check.id for check in found if check.status == "FAIL"]
    assert [step.text for step in steps[: len(failed)]] == [f"{policy[name].next} ({name})" for name in failed]
    assert steps[len(failed)].text == f"{policy['evidence.traffic'].next} (evidence.traffic)"
    twice = [check.model_copy(update={"next": "Look."}) for check in found]
    assert [step.text.split(" (")[0] for step in next_steps(full(checks=twice))] == ["Look."]
    assert [step.text for step in next_steps(empty(checks=checks()))] == ["Nothing to do: no check found a problem."]
