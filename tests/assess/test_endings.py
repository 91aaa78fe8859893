"""Statuses, callers and instances to what the judge knows of them, on rows counted by hand."""

import numpy as np
import polars as pl
import pytest

from pipeline.assess.endings import ended_effects, latency_steps, peers, sizes, statuses_and_clients, tail_effects
from pipeline.judge.counts import Clients, Peer
from pipeline.judge.revision_data import OTHERS, Times
from pipeline.judge.stats import INDEPENDENT, DesignEffect

STATUSES = {
    **dict.fromkeys(("endpoint", "caller"), pl.String),
    **dict.fromkeys(("status", "slot", "n"), pl.Int64),
}


def statuses(*rows):
    return pl.DataFrame(rows, STATUSES, orient="row")


@pytest.mark.parametrize(
    ("status", "caller", "named"),
    [
        (500, "", "ended 5xx "),
        (499, "", "ended 499 "),
        (400, "", "ended 400 "),
        (302, "", "ended redirects "),
        (304, "", None),
        (399, "", None),
        (400, "Cloud Tasks", "ended Cloud Tasks GET /"),
    ],
)
@pytest.mark.parametrize("failed", [3, 4])
def test_failures_of_ten_seconds_are_one_incident(status, caller, named, failed):
    """Four at once: sum(k^2) / sum(k) = 16 / 4; three decide nothing, whatever their effect."""
    found = ended_effects(statuses(("GET /", caller, 200, 0, 90), ("GET /", caller, status, 3, failed)))
    effect = DesignEffect(4.0) if named and failed == 4 else None
    assert found.get(named) == effect
    assert named or found == {}


def test_failures_apart_have_no_effect():
    """Four times one: sum(k^2) / sum(k) = 4 / 4, which is not above 1."""
    rows = [("GET /", "", status, slot, 1) for slot in range(4) for status in (200, 500)]
    assert ended_effects(statuses(*rows)) == {}


def test_failures_of_a_minute_are_one_incident_where_slots_do_not_show_it():
    """Six of a minute, one in each of its slots, in nine minutes of traffic: slots show no effect, minutes do."""
    rows = [("GET /", "", 200, slot, 10) for slot in range(54)]
    found = ended_effects(statuses(*rows, *(("GET /", "", 500, slot, 1) for slot in range(6))))
    assert found["ended 5xx GET /"].value > 4


def test_two_failures_at_once_among_four_have_an_effect():
    """(2^2 + 1 + 1) / 4."""
    rows = [("GET /", "", 500, slot, n) for slot, n in enumerate((2, 1, 1))]
    assert ended_effects(statuses(("GET /", "", 200, 0, 90), *rows))["ended 5xx GET /"] == DesignEffect(1.5)


def test_each_group_of_an_endpoint_has_its_own_effect():
    """Four errors at once, and four refusals apart."""
    refused = [("GET /", "", 404, slot, 1) for slot in range(4)]
    found = ended_effects(statuses(("GET /", "", 200, 0, 90), ("GET /", "", 500, 3, 4), *refused))
    assert found == {"ended 5xx ": DesignEffect(4.0), "ended 5xx GET /": DesignEffect(4.0)}


def test_rejected_handshakes_stand_apart():
    """Four of ten at once, and none of them among the endings of users."""
    found = ended_effects(statuses(("GET /ws", "websocket", 101, 0, 6), ("GET /ws", "websocket", 400, 3, 4)))
    assert found == {"handshakes": DesignEffect(4.0)}


def test_statuses_add_up_and_clients_keep_their_most():
    """Two slots of 200; two clients of the endpoint, one with three requests."""
    clients = pl.DataFrame({"endpoint": ["GET /"], "status": [200], "clients": [2], "most": [3]})
    rows = statuses(("GET /", "", 200, 0, 1), ("GET /", "", 200, 1, 3), ("GET /", "Cloud Tasks", 500, 1, 2))
    assert statuses_and_clients(rows, clients) == {
        "statuses": {"GET /": {"": {200: 4}, "Cloud Tasks": {500: 2}}},
        "clients": {"GET /": {200: Clients(2, 3)}},
    }


def test_instances_have_the_mean_and_variance_of_their_buckets():
    """R: x <- c(800, 810, 820, 850); c(mean(x), var(x)) is 820 and 466.6667. One value has no variance."""
    columns = ("instance_id", "n", "errors_5xx", "n_steady", "bucket_sum", "bucket_squares")
    whole = ("a", 5, 1, 4, 3280, 800**2 + 810**2 + 820**2 + 850**2)
    two = ("d", 2, 0, 2, 1620, 800**2 + 820**2)
    rows = pl.DataFrame([("b", 1, 0, 1, 800, 800**2), whole, ("c", 2, 0, 0, 0, 0), two], columns, orient="row")
    assert peers(rows.with_columns(endpoint=pl.lit("GET /"))) == (
        Peer("a", 5, 1, 4, pytest.approx(820.0), pytest.approx(466.6667, abs=1e-4), 0.0),
        Peer("b", 1, 0, 1, pytest.approx(800.0), 0.0, pytest.approx(1 / 9)),
        Peer("c", 2, 0, 0, 0.0, 0.0, pytest.approx(1 / 8)),
        Peer("d", 2, 0, 2, pytest.approx(810.0), pytest.approx(200.0), pytest.approx(1 / 8)),
    )


def test_slow_requests_of_one_minute_are_one_incident():
    """90 requests of bucket 816, and a minute later 10 of bucket 1200, which is 1.02^384 or 2,000 times as slow.

    The 95th and 99th percentile are those 10: sum(k^2) / sum(k) = 100 / 10. Nothing is far beyond them. Endpoints too
    rare to have times of their own are not looked at.
    """
    tails = pl.DataFrame(
        [("GET /", 0, 41, 90), ("GET /", 1, 60, 10), (OTHERS, 1, 60, 50), ("GET /rare", 1, 60, 7)],
        ["name", "minute", "step", "n"],
        orient="row",
    )
    times = Times(np.array([816, 1200]), np.array([0, 0]), np.array([90, 10]), INDEPENDENT)
    slow = Times(np.array([2000]), np.array([0]), np.array([900]), INDEPENDENT)
    named = {("endpoint", "GET /"): times, ("endpoint", OTHERS): slow, ("event", "x"): slow}
    steps = latency_steps(tails, named)
    assert {name: one.n.tolist() for name, one in steps.items()} == {"": [90, 10], "GET /": [90, 10]}
    ten = DesignEffect(10.0)
    names = ("above p95 ", "above p99 ", "above p95 GET /", "above p99 GET /")
    assert tail_effects(steps, named) == dict.fromkeys(names, ten)


def test_slow_requests_of_several_minutes_hardly_depend_on_each_other():
    """90 fast ones, and 10 slow ones of which two share a minute, four times: (4 * 2^2 + 2) / 10."""
    slow = [("GET /", minute, 60, n) for minute, n in enumerate((2, 2, 2, 2, 1, 1))]
    tails = pl.DataFrame([("GET /", 0, 41, 90), *slow], ["name", "minute", "step", "n"], orient="row")
    named = {("endpoint", "GET /"): Times(np.array([816, 1200]), np.array([0, 0]), np.array([90, 10]), INDEPENDENT)}
    assert tail_effects(latency_steps(tails, named), named)["above p95 GET /"] == DesignEffect(1.8)


def test_answers_by_endpoint_and_size():
    """As the measure gives them."""
    rows = [("GET /b", 5, 1), ("GET /a", 7, 2), ("GET /a", 0, 3)]
    assert sizes(pl.DataFrame(rows, ["endpoint", "size", "n"], orient="row")) == {
        "GET /a": {0: 3, 7: 2},
        "GET /b": {5: 1},
    }
