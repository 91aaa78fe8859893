"""4xx and redirects beside the baseline's: of endpoints that are alike, of new ones, and of what is no user traffic."""

from dataclasses import replace

import pytest
from scipy.stats import fisher_exact

from pipeline.judge.counts import Clients
from pipeline.judge.revision_data import RequestCounts
from tests.judge.conftest import judged
from tests.judge.test_endings import endings, sides


def many(prefix, n, status, each=2):
    """Endpoints that differ in their last segment, of some requests each."""
    return {f"GET /{prefix}/{number}x": {"": {status: each}} for number in range(n)}


def status(pair, policy, now, before, **more):
    return judged(sides(pair, now, before, **more), policy, "requests.status")


@pytest.mark.parametrize(
    ("n_bad", "n_good", "wanted"),
    [(60, 40, "FAIL"), (8, 92, "WARN"), (4, 96, "PASS"), (0, 100, "PASS")],
)
def test_endpoints_of_one_parent_are_compared_together(pair, policy, n_bad, n_good, wanted):
    """Ids that no pattern knows: 200 requests of 100 endpoints on each side, none of them on both."""
    now = {**many("orders", n_bad, 404), **{f"{name}y": ends for name, ends in many("orders", n_good, 200).items()}}
    before = {f"{name}z": ends for name, ends in many("orders", 100, 200).items()}
    check = status(pair, policy, {**now, **endings(cart={200: 50})}, {**before, **endings(cart={200: 50})})
    assert check.status == wanted
    if n_bad > 4:
        assert check.reason.startswith(f"status 404 on GET /orders/…: {2 * n_bad} of 200 requests")
        table = [[2 * n_bad, 200 - 2 * n_bad], [0, 200]]
        assert check.effect.p == pytest.approx(fisher_exact(table, alternative="greater").pvalue)


@pytest.mark.parametrize(("n_before", "wanted"), [(10, "FAIL"), (9, "PASS")])
def test_a_parent_needs_twenty_requests_of_the_baseline(pair, policy, n_before, wanted):
    """Two of each of its endpoints."""
    before = {f"{name}z": ends for name, ends in many("orders", n_before, 200).items()}
    found = status(
        pair, policy, {**many("orders", 100, 404), **endings(cart={200: 500})}, {**before, **endings(cart={200: 500})}
    )
    assert found.status == wanted


def test_one_client_that_guesses_ids_is_no_finding(pair, policy):
    """Clients count over all endpoints: a hundred before, and one more now that meets all 404."""
    now = {**many("orders", 100, 404), **endings(cart={200: 500})}
    before = {**{f"{name}z": ends for name, ends in many("orders", 100, 200).items()}, **endings(cart={200: 500})}
    clients = {"": {0: Clients(101, 200), 404: Clients(1, 200)}}
    known = {"base": {"clients": {"": {0: Clients(100, 10)}}}}
    assert status(pair, policy, now, before, clients=clients, **known).status == "PASS"
    clients[""][404] = Clients(50, 4)
    assert status(pair, policy, now, before, clients=clients, **known).status == "FAIL"


def test_one_path_that_one_client_asks_for_again_and_again_is_no_finding(pair, policy):
    """Below a parent that is compared: neither its clients nor those of the parent have a name on both sides."""
    now = {"GET /orders/gone": {"": {404: 60}}, **endings(cart={200: 140})}
    before = {**{f"{name}z": ends for name, ends in many("orders", 30, 200).items()}, **endings(cart={200: 140})}
    known = {"base": {"clients": {"": {0: Clients(100, 10)}}}}
    for clients, wanted in ((1, "PASS"), (50, "FAIL")):
        found = {"": {0: Clients(101, 60), 404: Clients(clients, 60)}}
        assert status(pair, policy, now, before, clients=found, **known).status == wanted


@pytest.mark.parametrize(
    ("bad", "good", "clients", "wanted"),
    [
        (80, 0, 30, "WARN"),
        (40, 40, 30, "WARN"),
        (39, 41, 30, "PASS"),
        (80, 0, 5, "WARN"),
        (80, 0, 4, "PASS"),
        (19, 0, 19, "PASS"),
    ],
)
def test_a_new_endpoint_that_refuses_many_clients_warns(pair, policy, bad, good, clients, wanted):
    """In most of its requests, and in a twentieth of all: a page asks for what is not there."""
    now = endings(orders={200: 200}, stock={404: bad, 200: good})
    known = {"GET /stock": {404: Clients(clients, 3)}}
    found = status(pair, policy, now, endings(orders={200: 200}), clients=known)
    assert found.status == wanted
    if wanted == "WARN":
        assert "GET /stock, which the baseline does not have, in " in found.reason


def test_what_the_baseline_served_is_no_scan(pair, policy):
    """A shop in PHP: its paths are those that scanners ask for, and its users meet the 404."""
    before = endings(**{"cart.php": {200: 200}, "orders": {200: 100}})
    now = {"GET /cart.php": {"scan": {404: 180}, "": {200: 10}}, **endings(orders={200: 100})}
    found = status(pair, policy, now, before)
    assert (found.status, found.observed.value) == ("FAIL", pytest.approx(180 / 190))
    served = {"GET /cart.php": {"scan": {404: 180}, "": {200: 200}}, **endings(orders={200: 100})}
    assert status(pair, policy, served, before).status == "PASS"
    unknown = {"GET /wp-login.php": {"scan": {404: 180}}, **endings(orders={200: 100})}
    assert status(pair, policy, unknown, before).status == "PASS"


def test_less_traffic_is_expected_to_be_answered_less(pair, policy):
    """A tenth of the requests, and 21 of 220 before of this path: 11 now are no fewer than half."""
    before = endings(**{"cart.php": {200: 220}, "orders": {200: 880}})
    now = {"GET /cart.php": {"scan": {404: 20}, "": {200: 11}}, **endings(orders={200: 79})}
    assert status(pair, policy, now, before).status == "PASS"
    now["GET /cart.php"][""] = {200: 10}
    assert status(pair, policy, now, before).status == "FAIL"


@pytest.mark.parametrize(("caller", "worst"), [("preflight", "FAIL"), ("health", "WARN")])
@pytest.mark.parametrize(("bad", "wanted"), [(80, None), (12, "WARN"), (4, "PASS")])
def test_preflights_and_health_checks_are_compared(pair, policy, caller, worst, bad, wanted):
    """Without its preflight a browser sends nothing; a health check that is refused warns."""
    now, before = (
        {"OPTIONS /cart": {caller: ends}, **endings(orders={200: 500})}
        for ends in ({204: 100 - bad, 403: bad}, {204: 100})
    )
    found = status(pair, policy, now, before)
    assert found.status == (wanted or worst)
    if bad > 4:
        noun = "preflights" if caller == "preflight" else "health checks"
        assert found.reason.startswith(f"4xx on {noun}, OPTIONS /cart: {bad} of 100 requests")


def test_what_is_no_user_traffic_is_in_no_other_number(pair, policy):
    """Nor are scans and preflights endpoints of users."""
    aside = {"GET /x.php": {"scan": {404: 900}}, "OPTIONS /cart": {"preflight": {403: 900}}}
    now, before = endings(orders={200: 100}), endings(orders={200: 100})
    data = sides(pair, now, before)
    found = judged(replace(data, statuses={**now, **aside}), policy, "requests.status")
    assert (found.status, found.observed.n) == ("PASS", 100)


@pytest.mark.parametrize(("name", "wanted"), [("orders", "FAIL"), ("backup", "PASS")])
def test_refusals_of_what_was_never_asked_for_are_no_refused_users(pair, policy, name, wanted):
    """A service that refuses whatever it does not know, and is scanned; or its own endpoint that refuses."""
    refused = {200: 400, 403: 200} if name == "orders" else {403: 200}
    now = endings(**{"orders": {200: 400}, name: refused})
    data = sides(pair, now, endings(orders={200: 600}))
    data = replace(data, requests=RequestCounts(n=600, eligible=600, eligible_denied=200))
    assert judged(data, policy, "auth.failure_rate").status == wanted
