"""How requests end by endpoint, status, client and caller, at the borders of the rules."""

import math

import pytest
from scipy.stats import fisher_exact

from pipeline.judge.compare import compare
from pipeline.judge.counts import Clients
from pipeline.judge.endings import HANDSHAKE, REDIRECTS, ended, one_client_p
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


def test_handshakes_are_no_requests_of_their_endpoint(healthy):
    """Whoever asks: all callers, or one."""
    data = healthy(statuses={"GET /ws": {"": {200: 3, 404: 1}, "Scheduler": {200: 2}, HANDSHAKE: {404: 5}}})
    assert [ended(data, "GET /ws", caller=caller) for caller in (None, "", "Scheduler", HANDSHAKE)] == [6, 4, 2, 0]
    assert ended(data, "GET /ws", [404]) == 1


@pytest.mark.parametrize("status", [400, 404, 422, 429, 499, 302])
def test_an_endpoint_that_answers_otherwise_fails(pair, policy, status):
    """30 of 100 in place of none: by hand, C(100, 30) / C(200, 30) = 7.17e-11."""
    data = sides(
        pair, endings(orders={200: 70, status: 30}, cart={200: 50}), endings(orders={200: 100}, cart={200: 50})
    )
    check = judged(data, policy, "requests.status")
    assert check.status == "FAIL"
    assert "GET /orders" in check.reason
    assert ("redirects" if status == 302 else f"status {status}") in check.reason
    assert "status redirects" not in check.reason
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


@pytest.mark.parametrize("good", [0, 70])
def test_failed_calls_are_proved_by_their_rows(pair, policy, entry, good):
    """Of every status from 400 to 599, whether all failed or 30 of 100; a good one proves nothing."""
    name = "POST /jobs/nightly"
    rows = {status: [entry(second, f"{status}")] for second, status in enumerate((399, 400, 599, 600))}
    data = sides(
        pair,
        calls("Cloud Scheduler", {200: good, 400: 15, 599: 15}),
        calls("Cloud Scheduler", {200: 100}),
        evidence={f"ended/{status}/{name}": proof for status, proof in rows.items()},
    )
    check = judged(data, policy, "requests.endpoint_errors")
    assert check.status in ("WARN", "FAIL")
    assert [one.excerpt for one in check.evidence] == ["400", "599"]


def test_a_new_scheduled_call_that_fails_every_time_warns(pair, policy):
    """The baseline had none of it, so it did not fail there."""
    now = calls("Cloud Scheduler", {404: 4}) | endings(orders={200: 100})
    assert judged(sides(pair, now, endings(orders={200: 100})), policy, "requests.endpoint_errors").status == "WARN"


def test_endpoints_that_answer_alike_are_counted(pair, policy):
    """Two others like the one that is told."""
    names = ("a", "b", "c")
    data = sides(pair, endings(**{n: {200: 70, 404: 30} for n in names}), endings(**{n: {200: 100} for n in names}))
    assert "(and 3 more like it)" in judged(data, policy, "requests.status").reason  # they, and all together


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


@pytest.mark.parametrize(
    ("times", "long_s", "ratio", "wanted"),
    [
        ((0, 300, 600, 900, 1200), 900 + 30, 1.0, "WARN"),  # three times five minutes, and a tenth
        ((0, 300, 600, 900, 1200), 900 + 29, 1.0, "PASS"),
        ((0, 300, 600, 900, 1200), 3600, 0.89, "PASS"),  # another revision may have had them
        ((0, 300, 600, 900), 3600, 1.0, "PASS"),  # three equal times are none
        ((0, 300, 600, 1000, 1300), 3600, 1.0, "WARN"),  # three of four are on time
        ((0, 300, 600, 1000, 1400), 3600, 1.0, "PASS"),
        ((0, 50, 100, 150, 200), 3600, 1.0, "PASS"),  # more often than any schedule
    ],
)
def test_a_schedule_that_was_missed_three_times(pair, policy, times, long_s, ratio, wanted):
    """Calls of the baseline at these seconds, the last as the revision began: fewer than 20 are expected of it."""
    before = {**endings(orders={200: 500}), **calls("Cloud Scheduler", {200: len(times)})}
    (named,) = calls("Cloud Scheduler", {200: 1})
    data = sides(
        pair,
        endings(orders={200: 500}),
        before,
        first_ns=times[-1] * 10**9,
        last_ns=(times[-1] + long_s) * 10**9,
        traffic_ratio=ratio,
        baseline_calls={(named, "Cloud Scheduler"): times},
    )
    check = judged(data, policy, "requests.endpoint_errors")
    assert check.status == wanted, check


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize(("clients", "wanted"), [(16, "PASS"), (22, "INCONCLUSIVE"), (50, "FAIL")])
def test_rejected_users_are_many(pair, policy, status, clients, wanted):
    """60 of 1,000 requests beside 10, 15 of 60 clients before: one more is that client's, seven more can be chance."""
    before = {"": {0: Clients(60, 20), status: Clients(15, 2)}}
    data = pair(
        base={"requests": RequestCounts(n=1000, eligible=1000, eligible_denied=10), "clients": before},
        requests=RequestCounts(n=1000, eligible=1000, eligible_denied=60),
        clients={"": {0: Clients(60, 60), status: Clients(clients, 50)}},
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


def test_all_endpoints_together_are_compared_at_the_revisions_mix(pair, policy):
    """404: 20 of 200 orders and 30 of 100 carts before; 50 and 150 now make 5 + 45 due of 200: 25 %, beside 64."""
    data = sides(
        pair,
        endings(orders={200: 42, 404: 8}, cart={200: 94, 404: 56}, new={404: 70}),
        endings(orders={200: 180, 404: 20}, cart={200: 70, 404: 30}),
    )
    (found,) = [one for one in compare(data, policy)["requests.status"] if one.what == "404"]
    assert (found.observed.value, found.observed.n) == (0.32, 200)
    assert (found.baseline.value, found.baseline.n) == (0.25, 300)
    assert found.effect.value == pytest.approx(0.07)
    assert found.effect.relative == pytest.approx(0.28)


def test_one_endpoint_is_not_compared_twice(pair, policy):
    """Alone it is all that there is; a group that nobody met is none."""
    one = sides(pair, endings(orders={200: 70, 404: 30}), endings(orders={200: 70, 404: 30}))
    assert [found.what for found in compare(one, policy)["requests.status"]] == ["404 GET /orders"]
    two = sides(pair, endings(a={200: 9, 302: 1}, b={200: 10}), endings(a={200: 9, 404: 1}, b={200: 10}))
    assert [found.what for found in compare(two, policy)["requests.status"]] == ["redirects GET /a", "redirects"]


@pytest.mark.parametrize(
    ("ratio", "long", "wanted"),
    [(0.5, 120, "WARN"), (0.49, 120, "PASS"), (1.0, 60, "WARN"), (1.0, 59, "PASS"), (None, 600, "PASS")],
)
def test_calls_are_expected_by_time_and_share_of_the_traffic(pair, policy, ratio, long, wanted):
    """20 calls in the hour before: 20 are expected in an hour, or in two hours of half the traffic."""
    before = {**endings(orders={200: 500}), **calls("Cloud Tasks", {200: 20})}
    data = sides(pair, endings(orders={200: 500}), before, first_ns=0, last_ns=long * 6 * 10**10, traffic_ratio=ratio)
    assert judged(data, policy, "requests.endpoint_errors").status == wanted


@pytest.mark.parametrize(
    ("now", "before", "wanted"),
    [
        ({404: 3}, {200: 3}, True),  # three of three
        ({404: 2}, {200: 2}, False),
        ({404: 3, 200: 1}, {200: 4}, False),
        ({399: 1, 404: 3}, {200: 4}, False),  # below 400 nothing failed
        ({404: 3}, {400: 3}, False),  # as before
        ({404: 3}, {400: 3, 200: 1}, True),
        ({599: 3}, {200: 3}, True),
    ],
)
def test_every_call_failed_from_three_on(pair, policy, now, before, wanted):
    """And not every one before."""
    data = sides(pair, calls("Cloud Scheduler", now), calls("Cloud Scheduler", before))
    reason = judged(data, policy, "requests.endpoint_errors").reason
    assert ("every call of Cloud Scheduler" in reason) == wanted


@pytest.mark.parametrize(
    ("ends", "wanted"),
    [
        ({404: 18, 200: 2}, "FAIL"),
        ({404: 17, 200: 2}, "PASS"),  # 19 requests
        ({404: 89, 200: 11}, "PASS"),
        ({404: 90, 200: 10}, "FAIL"),
        ({429: 5, 200: 95}, "WARN"),
        ({429: 4, 200: 76}, "PASS"),  # 5 % but 4 requests
        ({429: 5, 200: 96}, "PASS"),  # 5 but 4.95 %
        ({429: 6, 200: 114}, "WARN"),
        ({400: 50, 499: 50}, "FAIL"),
        ({399: 50, 500: 50}, "PASS"),
    ],
)
def test_the_limits_without_a_baseline(healthy, policy, ends, wanted):
    """90 % of 20 and more in 4xx; 5 and 5 % in 429."""
    data = healthy(statuses=endings(orders=ends), requests=counts(sum(ends.values())))
    assert judged(data, policy, "requests.status").status == wanted


def test_the_three_most_frequent_statuses_are_told(healthy, policy):
    """Of four."""
    ends = {200: 90, 400: 1, 404: 4, 409: 2, 422: 3}
    data = healthy(statuses=endings(orders=ends), requests=counts(100))
    reason = judged(data, policy, "requests.status").reason
    assert reason == "10 of 100 user requests ended in 4xx (404 × 4, 422 × 3, 409 × 2)"


@pytest.mark.parametrize(("most", "wanted"), [(40, True), (41, False)])
def test_a_proxy_has_more_than_a_fifth_of_all(pair, most, wanted):
    """Of 200 requests before; then clients say nothing, and the chance is 0."""
    known = {"": {0: Clients(50, most)}, "GET /": {0: Clients(50, 9), 401: Clients(2, 3)}}
    data = pair(base={"requests": counts(200), "clients": known}, clients=known)
    assert one_client_p(data, data.baseline, "GET /", (401,)) == (1.0 if wanted else 0.0)


@pytest.mark.parametrize(
    ("clients", "known", "base_clients", "base_known", "wanted"),
    [
        (5, 100, 2, 100, None),
        (4, 100, 2, 100, 1.0),
        (7, 200, 2, 100, None),  # 4 were due: 3 more
        (6, 200, 2, 100, 1.0),
        (3, 0, 0, 100, 0.0),
        (3, 100, 0, 0, 0.0),
    ],
)
def test_chance_by_clients_from_three_more_on(pair, clients, known, base_clients, base_known, wanted):
    """Clients that met 401, of those that are known; fewer than three more than due are one client's doing."""
    here = {"GET /": {0: Clients(known, 9), 401: Clients(clients, 3)}}
    there = {"GET /": {0: Clients(base_known, 9), 401: Clients(base_clients, 3)}}
    data = pair(base={"requests": counts(200), "clients": there}, clients=here)
    found = one_client_p(data, data.baseline, "GET /", (401,))
    if wanted is None:
        table = [[clients, known - clients], [base_clients, base_known - base_clients]]
        wanted = fisher_exact(table, "greater").pvalue
    assert found == pytest.approx(wanted, rel=1e-9)


def test_redirects_are_all_that_send_a_browser_elsewhere(pair, policy):
    """One of each from 300 to 309: 304 is an answer from a cache, 306 and 309 are no redirects (RFC 9110, 15.4)."""
    now = endings(orders={200: 90, **dict.fromkeys(range(300, 310), 1)})
    (found,) = compare(sides(pair, now, endings(orders={200: 100})), policy)["requests.status"]
    assert (found.what, found.observed.value) == ("redirects GET /orders", 0.07)
    assert REDIRECTS == (300, 301, 302, 303, 305, 307, 308)
