"""How requests end by endpoint, status, client and caller, at the borders of the rules."""

import math

import pytest

from pipeline.judge.counts import Clients
from pipeline.judge.revision_data import EventTotal, RequestCounts
from pipeline.judge.stats import DesignEffect
from tests.judge.conftest import judged


def counts(n):
    return RequestCounts(n=n, eligible=n)


def endings(**by_endpoint):
    """Statuses of users by endpoint: endings(orders={200: 90, 404: 10})."""
    return {f"GET /{name}": {"": dict(ends)} for name, ends in by_endpoint.items()}


def sides(pair, now, before, **more):
    n, m = (sum(sum(ends.values()) for by in one.values() for ends in by.values()) for one in (now, before))
    base = {"statuses": before, "requests": counts(m), **more.pop("base", {})}
    return pair(base=base, statuses=now, requests=counts(n), **more)


@pytest.mark.parametrize("status", [400, 404, 422, 429, 499, 302])
def test_an_endpoint_that_answers_otherwise_fails(pair, policy, status):
    """30 of 100 in place of none: by hand, C(100, 30) / C(200, 30) = 7.17e-11."""
    data = sides(
        pair, endings(orders={200: 70, status: 30}, cart={200: 50}), endings(orders={200: 100}, cart={200: 50})
    )
    check = judged(data, policy, "requests.status")
    assert check.status == "FAIL"
    assert "GET /orders" in check.reason
    assert check.effect.p == pytest.approx(math.comb(100, 30) / math.comb(200, 30))


@pytest.mark.parametrize(
    ("bad", "n", "wanted"), [(19, 100, "WARN"), (12, 100, "WARN"), (4, 20, "PASS"), (49, 1000, "PASS")]
)
def test_four_in_a_hundred_is_no_finding(pair, policy, bad, n, wanted):
    """Below 5 requests or 5 points nothing is said; below 20 and 20 points it is a WARN."""
    data = sides(pair, endings(orders={200: n - bad, 404: bad}), endings(orders={200: n}))
    assert judged(data, policy, "requests.status").status == wanted


@pytest.mark.parametrize("status", [304, 500, 503])
def test_answers_from_a_cache_and_5xx_belong_elsewhere(pair, policy, status):
    """For half of the requests: 304 is no redirect, and 5xx are judged by their rate."""
    data = sides(pair, endings(logo={200: 50, status: 50}), endings(logo={200: 100}))
    assert judged(data, policy, "requests.status").status == "PASS"


def test_a_new_endpoint_has_nothing_to_be_compared_with(pair, policy):
    """A crawler asks for what never was."""
    data = sides(pair, endings(orders={200: 100}, old={404: 80}), endings(orders={200: 100}))
    assert judged(data, policy, "requests.status").status == "PASS"


def test_another_mix_of_endpoints_is_no_change(pair, policy):
    """An endpoint of many 404 is asked three times as often: its own share is the same."""
    data = sides(
        pair, endings(orders={200: 500}, find={200: 150, 404: 150}), endings(orders={200: 700}, find={200: 50, 404: 50})
    )
    assert judged(data, policy, "requests.status").status == "PASS"


@pytest.mark.parametrize(
    ("clients", "most", "wanted"), [(1, 40, "PASS"), (12, 40, "FAIL"), (1, 60, "FAIL")], ids=["one", "twelve", "proxy"]
)
def test_one_client_is_one_client(pair, policy, clients, most, wanted):
    """60 of 200 requests are 401: of one client it is that client's password, behind a proxy everybody's."""
    known = {"GET /orders": {0: Clients(40, most), 401: Clients(clients, 60)}, "": {0: Clients(40, most)}}
    before = {"GET /orders": {0: Clients(40, most)}, "": {0: Clients(40, most)}}
    now, base = endings(orders={200: 140, 401: 60}), endings(orders={200: 200})
    data = sides(pair, now, base, clients=known, base={"clients": before})
    check = judged(data, policy, "requests.status")
    assert check.status == wanted
    assert wanted != "PASS" or "one or two clients" in check.reason


@pytest.mark.parametrize(
    ("ends", "wanted"),
    [({200: 2, 404: 18}, "FAIL"), ({200: 3, 404: 17}, "PASS"), ({404: 19}, "PASS"), ({200: 95, 429: 5}, "WARN")],
)
def test_without_a_baseline_nearly_all_must_be_rejected(healthy, policy, ends, wanted):
    """90 % of 20 user requests; of 429 one in twenty, for that is not about the request."""
    data = healthy(statuses=endings(orders=ends), requests=counts(sum(ends.values())))
    assert judged(data, policy, "requests.status").status == wanted


@pytest.mark.parametrize(("bad", "effect", "wanted"), [(8, 1.0, "WARN"), (25, 1.0, "FAIL"), (8, 8.0, "INCONCLUSIVE")])
def test_a_dead_path_is_found_among_many(pair, policy, bad, effect, wanted):
    """One path of 2,000 requests fails every time; where its failures are one incident, chance can explain it."""
    data = sides(
        pair,
        endings(orders={200: 2000 - bad}, export={500: bad}),
        endings(orders={200: 2000 - bad}, export={200: bad}),
        base={"design_effects": {"ended 5xx GET /export": DesignEffect(effect)}},
        design_effects={"ended 5xx GET /export": DesignEffect(effect)},
    )
    check = judged(data, policy, "requests.endpoint_errors")
    assert check.status == wanted
    assert "GET /export" in check.reason


def calls(caller, ends):
    return {"POST /jobs/nightly": {caller: ends}}


def test_a_scheduled_call_that_fails_every_time_warns(pair, policy):
    """4 of 4, where they succeeded before; 2 of 2 are too few."""
    before = calls("Cloud Scheduler", {200: 4})
    failed = judged(sides(pair, calls("Cloud Scheduler", {404: 4}), before), policy, "requests.endpoint_errors")
    assert (failed.status, "every call of Cloud Scheduler" in failed.reason) == ("WARN", True)
    few = sides(pair, calls("Cloud Scheduler", {404: 2}), before)
    assert judged(few, policy, "requests.endpoint_errors").status == "PASS"


def test_a_caller_that_always_failed_is_no_news(pair, policy):
    """The same before."""
    same = calls("Cloud Tasks", {500: 30})
    assert judged(sides(pair, same, same), policy, "requests.endpoint_errors").status == "PASS"


@pytest.mark.parametrize(("n", "wanted"), [(20, "WARN"), (19, "PASS")])
def test_a_caller_that_stopped_coming_warns(pair, policy, n, wanted):
    """Twenty calls expected in as many minutes, none seen."""
    before = {**endings(orders={200: 500}), **calls("Cloud Tasks", {200: n})}
    data = sides(pair, endings(orders={200: 500}), before, first_ns=0, last_ns=36 * 10**11, traffic_ratio=1.0)
    assert judged(data, policy, "requests.endpoint_errors").status == wanted


@pytest.mark.parametrize(("clients", "wanted"), [(16, "PASS"), (22, "INCONCLUSIVE"), (50, "FAIL")])
def test_rejected_users_are_many(pair, policy, clients, wanted):
    """60 of 1,000 requests beside 10, 15 of 60 clients before: one more is that client's, seven more can be chance."""
    before = {"": {0: Clients(60, 20), 401: Clients(15, 2)}}
    data = pair(
        base={"requests": RequestCounts(n=1000, eligible=1000, eligible_denied=10), "clients": before},
        requests=RequestCounts(n=1000, eligible=1000, eligible_denied=60),
        clients={"": {0: Clients(60, 60), 401: Clients(clients, 50)}},
    )
    # R: fisher.test(matrix(c(22, 38, 15, 45), 2), alternative = "greater")$p.value is 0.1177
    assert judged(data, policy, "auth.failure_rate").status == wanted


def test_rejections_that_only_lines_report_have_no_clients(pair, policy):
    """60 auth.failure lines beside 2: their rows have status 200, so clients say nothing."""
    known = {"": {0: Clients(60, 20), 200: Clients(60, 20)}}
    data = pair(
        base={"events": {"auth.failure": EventTotal(2, "failure")}, "clients": known},
        events={"auth.failure": EventTotal(60, "failure")},
        clients=known,
    )
    assert judged(data, policy, "auth.failure_rate").status == "FAIL"
