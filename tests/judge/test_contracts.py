"""Expected warnings, required events, renamed codes."""

from datetime import date

import numpy as np
import pytest
from pydantic import ValidationError

from pipeline.judge.contracts import honour, recodings
from pipeline.judge.counts import Ages
from pipeline.judge.decide import judge
from pipeline.judge.expectations import Contract, Expectations, Rename, Required
from pipeline.judge.revision_data import EndpointCounts, EventTotal, RequestCounts, SignatureRow, Signatures
from tests.judge.conftest import MINUTE_NS, START_NS, minutes, occurrences, profile

SAYS = {"owner": "shop team", "reason": "known"}


def ages(*pairs):
    """Lines by their age in s, from (age, lines) each; None for an unknown start."""
    known = [np.nan if age is None else age for age, _ in pairs]
    return Ages(np.array(known, dtype=float), np.array([n for _, n in pairs], dtype=np.int64))


def judged(data, policy, *contracts, **more):
    found = judge(data, policy, Expectations(contracts=contracts, **more))
    return found, {check.id: check for check in found.checks}


@pytest.mark.parametrize(
    ("limits", "status", "covered"),
    [
        ({}, "within", True),
        ({"max_count": 6}, "within", True),
        ({"max_count": 5}, "exceeded", False),
        ({"max_per_request": 0.006}, "within", True),
        ({"max_per_request": 0.005}, "exceeded", False),
        ({"startup_s": 30}, "within", True),
        ({"startup_s": 20}, "exceeded", False),
        ({"expires": date(2026, 1, 15)}, "within", True),
        ({"expires": date(2026, 1, 14)}, "expired", False),
        ({"revision": "another"}, None, False),
    ],
)
def test_a_contract_covers_what_keeps_to_it(healthy, policy, limits, status, covered):
    """Six failures at up to 30 s after a start, in 1,000 requests on 15 January 2026."""
    data = healthy(
        occurrences=occurrences(("cache.cold", 1, 6, "critical", -1)), ages={"cache.cold": ages((10, 4), (30, 2))}
    )
    found, checks = judged(data, policy, Contract(event="cache.cold", **SAYS, **limits))
    assert [use.status for use in found.contracts] == ([status] if status else [])
    assert checks["application.failures"].status == ("PASS" if covered else "FAIL")
    wanted = "WARN" if status == "exceeded" else "PASS" if status else "NOT_APPLICABLE"
    assert checks["expected.contracts"].status == wanted
    assert checks["expected.contracts"].reason.startswith("6 expected lines within 1 contract") == (status == "within")
    if status == "exceeded":
        (limit, value), says = next(iter(limits.items())), checks["expected.contracts"].reason
        assert says.startswith("exceeded: ")
        allowed = {"max_count": f"at most {value} allowed", "max_per_request": f"{value} per request allowed"}
        assert allowed.get(limit, f"2 of them not within {value} s of a start") in says


def test_a_start_that_was_not_seen_is_outside_of_a_start_up(healthy, policy):
    """Nothing says that the lines came with a start."""
    data = healthy(ages={"cache.cold": ages((None, 2))})
    found, _ = judged(data, policy, Contract(event="cache.cold", startup_s=60, **SAYS))
    assert [(use.status, use.n, use.n_outside) for use in found.contracts] == [("exceeded", 0, 2)]


def test_failing_requests_of_an_endpoint_can_be_expected(healthy, policy):
    """Thirty 5xx of a development endpoint in a bad minute: with the contract the rate is that of all others."""
    bad = START_NS // MINUTE_NS + 3
    data = healthy(
        requests=RequestCounts(n=1000, eligible=1000, eligible_5xx=30, errors_5xx=30),
        endpoints={"GET /api/stats": EndpointCounts(40, 30, 0)},
        minutes=minutes((bad, 100, 30)),
        endpoint_minutes={"GET /api/stats": minutes((bad, 40, 30))},
    )
    contract = Contract(event="http.request", endpoint="GET /api/stats", max_count=50, **SAYS)
    left, _ = honour(data, Expectations(contracts=(contract,)))
    assert (left.minutes.n.tolist(), left.minutes.errors_5xx.tolist()) == ([70], [0])
    _, without = judged(data, policy)
    found, checks = judged(data, policy, contract)
    assert without["requests.error_rate"].status == "FAIL"
    assert (checks["requests.error_rate"].status, checks["requests.error_rate"].observed.n) == ("PASS", 970)
    assert found.contracts[0].n == 30


def test_a_signature_can_be_expected(pair, policy):
    """New unknown lines: no news, and no unexplained error."""
    row = SignatureRow("legacy sync off", "ERROR", "", "", startup=False, n=9, baseline_n=0, minutes=9, slots=9)
    data = pair(signatures=Signatures(new=(row,)), unexplained_errors=9)
    _, without = judged(data, policy)
    assert (without["novelty.errors"].status, without["evidence.explained"].status) == ("FAIL", "WARN")
    _, checks = judged(data, policy, Contract(signature="legacy sync off", max_count=20, **SAYS))
    assert (checks["novelty.errors"].status, checks["evidence.explained"].status) == ("PASS", "PASS")


def test_a_warning_that_is_expected_explains_no_error(pair, policy):
    """Nine errors that nothing explains are of another signature."""
    row = SignatureRow("legacy sync off", "WARNING", "", "", startup=False, n=9, baseline_n=0, minutes=9, slots=9)
    data = pair(signatures=Signatures(new=(row,)), unexplained_errors=9)
    _, checks = judged(data, policy, Contract(signature="legacy sync off", max_count=20, **SAYS))
    assert checks["evidence.explained"].status == "WARN"


def test_unused_contracts_are_listed(healthy, policy):
    """A warning that is expected and does not come."""
    found, checks = judged(healthy(), policy, Contract(event="cache.cold", **SAYS))
    assert [(use.status, use.n, use.n_outside) for use in found.contracts] == [("unused", 0, 0)]
    assert "unused: cache.cold" in checks["expected.contracts"].reason


def test_what_the_catalogue_expects_needs_no_contract(pair, policy):
    """Events of the pack of expected warnings are no news."""
    row = SignatureRow(
        "no session", "WARNING", "expected.x", "degraded", startup=False, n=50, baseline_n=0, minutes=30, slots=30
    )
    data = pair(signatures=Signatures(new=(row,)), ages={"expected.x": ages((500, 50))})
    found, checks = judged(data, policy, known={"expected.x": "No session is there."})
    assert checks["novelty.errors"].status == "PASS"
    assert [(use.expects, use.owner, use.n) for use in found.contracts] == [("expected.x", "catalogue", 50)]


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"event": "a.b", "signature": "c"},
        {"event": "a.b", "endpoint": "GET /"},
        {"event": "http.request"},
        {"signature": "c", "startup_s": 5},
        {"event": "a.b", "max_count": -1},
        {"event": "a.b", "colour": "red"},
    ],
)
def test_a_contract_that_makes_no_sense_is_refused(wrong):
    """One thing, with a scope that it can have."""
    with pytest.raises(ValidationError):
        Contract(**SAYS, **wrong)


@pytest.mark.parametrize(
    ("seen", "eligible", "wanted"), [(10, 1000, "PASS"), (9, 1000, "FAIL"), (9, 999, "PASS"), (0, 99, "INCONCLUSIVE")]
)
def test_required_events_must_come(healthy, policy, seen, eligible, wanted):
    """Auth success at least once per 100 requests."""
    data = healthy(
        events={"auth.success": EventTotal(seen, "ok")} if seen else {},
        requests=RequestCounts(n=eligible, eligible=eligible),
    )
    _, checks = judged(data, policy, required=[Required(event="auth.success", per_requests=100)])
    assert checks["expected.required"].status == wanted


def test_a_recoding_is_shown_with_both_codes_on_both_sides(healthy):
    """1008 fell from 12 to none while 1011 came eleven times: neither better nor worse."""
    data = healthy(codes={("websocket.close", 1011): 11}, baseline=profile(codes={("websocket.close", 1008): 12}))
    rename = Rename(event="websocket.close", old=1008, new=1011, since="shop-api-00042-abc", reason="auth failures")
    (found,) = recodings(data, [rename])
    assert (found.baseline_old, found.baseline_new, found.n_old, found.n_new) == (12, 0, 0, 11)
