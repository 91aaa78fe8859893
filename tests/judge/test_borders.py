"""Limits of comparisons at the very border: what is exactly at a limit is above it, and one request less is not."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.judge.compare import compare
from pipeline.judge.comparison import rounded
from pipeline.judge.counts import Clients
from pipeline.judge.latencies import quantile
from pipeline.judge.policy import load
from pipeline.judge.ranks import Weighted, hodges_lehmann, percentile_interval
from pipeline.judge.revision_data import OTHERS, RequestCounts, Times, weighted


def size(data, check, what="", **limits):
    """What the size of a comparison alone says, with other limits for its check."""
    policy = load({check: limits} if limits else None)
    return {one.what: one.large for one in compare(data, policy)[check]}[what]


def counts(field, k, n):
    return RequestCounts(n=n, eligible=n, **{field: k})


@pytest.mark.parametrize(
    ("check", "field"), [("requests.error_rate", "eligible_5xx"), ("auth.failure_rate", "eligible_denied")]
)
@pytest.mark.parametrize(
    ("before", "now", "wanted"),
    [
        ((20, 10_000), (40, 10_000), "WARN"),  # 0.2 points, twice
        ((20, 10_000), (39, 10_000), "PASS"),
        ((0, 1000), (2, 1000), "WARN"),
        ((0, 1000), (1, 1000), "PASS"),
        ((100, 10_000), (199, 10_000), "PASS"),  # 0.99 points, but not twice
        ((100, 10_000), (200, 10_000), "WARN"),
        ((8, 1000), (28, 1000), "FAIL"),  # 2 points, 3.5 times
        ((8, 1000), (27, 1000), "WARN"),
        ((20, 1000), (60, 1000), "FAIL"),  # 4 points, 3 times
        ((20, 1000), (59, 1000), "WARN"),
        ((4, 2000), (4, 1000), "WARN"),  # sides of unequal size: 0.2 points, twice
        ((4, 2000), (3, 1000), "PASS"),
    ],
)
def test_a_rate_at_its_limits(pair, check, field, before, now, wanted):
    """0.2 points and twice as many WARN, 2 points and three times as many FAIL."""
    data = pair(base={"requests": counts(field, *before)}, requests=counts(field, *now))
    assert size(data, check, "rate") == wanted


def ends(name, bad, n, status):
    return {name: {"": {200: n - bad, status: bad}}}


@pytest.mark.parametrize(
    ("check", "status", "what"), [("requests.status", 404, "404 GET /"), ("requests.endpoint_errors", 500, "GET /")]
)
@pytest.mark.parametrize(
    ("before", "now", "wanted"),
    [
        ((0, 100), (5, 100), "WARN"),  # 5 requests, 5 points
        ((0, 100), (5, 101), "PASS"),
        ((0, 100), (4, 20), "PASS"),
        ((1, 10), (10, 50), "WARN"),  # 5 of 50 were due: 5 more, 10 points
        ((1, 10), (9, 50), "PASS"),
        ((0, 100), (20, 100), "FAIL"),  # 20 requests, 20 points
        ((0, 100), (20, 101), "WARN"),
        ((0, 100), (19, 90), "WARN"),
    ],
)
def test_a_share_of_endings_at_its_limits(pair, check, status, what, before, now, wanted):
    """5 requests and 5 points more WARN, 20 and 20 points FAIL."""
    base = {"statuses": ends("GET /", *before, status), "requests": RequestCounts(n=before[1], eligible=before[1])}
    data = pair(base=base, statuses=ends("GET /", *now, status), requests=RequestCounts(n=now[1], eligible=now[1]))
    assert size(data, check, what) == wanted


@pytest.mark.parametrize(
    ("before", "now", "clients", "wanted"),
    [
        ((0, 50), (5, 50), 2, "WARN"),  # 5 handshakes, 10 points
        ((0, 50), (5, 50), 1, "PASS"),
        ((0, 50), (5, 51), 2, "PASS"),
        ((0, 50), (4, 30), 2, "PASS"),
        ((1, 10), (8, 30), 2, "WARN"),  # 3 of 30 were due: 5 more
        ((1, 10), (7, 30), 2, "PASS"),
        ((0, 50), (21, 70), 2, "FAIL"),  # 30 points
        ((0, 50), (20, 67), 2, "WARN"),
        ((0, 50), (20, 60), 2, "FAIL"),  # 20 handshakes
        ((0, 50), (19, 60), 2, "WARN"),
    ],
)
def test_rejected_handshakes_at_their_limits(pair, before, now, clients, wanted):
    """5 handshakes and 10 points more of two clients WARN, 20 and 30 points FAIL."""
    there, here = (
        RequestCounts(n=100, eligible=100, handshakes=n, handshakes_rejected=k, handshake_clients=clients)
        for k, n in (before, now)
    )
    assert size(pair(base={"requests": there}, requests=here), "websocket.handshakes") == wanted


def histogram(ms, n, part=0):
    """So many values of each of some durations in ms."""
    bucket = np.sort(np.ceil(np.log(np.asarray(ms, dtype=float) * 1e6) / np.log(1.02)).astype(np.int64))
    return Times(bucket, np.full(len(bucket), part), np.full(len(bucket), n))


def above(value):
    """The next number."""
    return float(np.nextafter(value, np.inf))


@pytest.mark.parametrize(
    ("status", "size_", "n"), [("WARN", "warn", 100), ("FAIL", "fail", 100), ("WARN", "fast", 200)]
)
@pytest.mark.parametrize("limit", ["ms", "ratio"])
def test_a_shift_at_its_limits(pair, status, size_, n, limit):
    """A shift of just so many ms, or so much of the median, counts; with a limit that is the next number it does not.

    The shift is that of `hodges_lehmann`, which is R's (`test_stats.py`). Where FAIL is tried, WARN is out of reach.
    """
    there, here = histogram([100], n), histogram([200], n)
    shift = hodges_lehmann(control=weighted({"": there}), experiment=weighted({"": here})).estimate
    median = rounded(percentile_interval(weighted({"": there}), 50).estimate)
    seen = {"ms": shift, "ratio": shift / median}[limit]
    data = pair(base={"times": {("endpoint", "GET /"): there}}, times={("endpoint", "GET /"): here})
    others = {f"{one}_ms": 600_000 for one in ("warn", "fail", "fast") if one != size_}
    easy = {f"{size_}_ms": 1, f"{size_}_ratio": 0.1}
    at, beyond = ({**others, **easy, f"{size_}_{limit}": value} for value in (seen, above(seen)))
    assert size(data, "requests.latency", **at) == status
    assert size(data, "requests.latency", **beyond) == "PASS"


def test_a_fast_service_needs_enough_requests_on_both_sides(pair):
    """200 a side for three times as slow in few ms; 199 on one of them do not do."""
    for n, m, wanted in ((200, 200, "WARN"), (199, 200, "PASS"), (200, 199, "PASS")):
        there, here = histogram([2], m), histogram([8], n)
        data = pair(base={"times": {("endpoint", "GET /"): there}}, times={("endpoint", "GET /"): here})
        assert size(data, "requests.latency") == wanted


@pytest.mark.parametrize("n", [50, 49])
@pytest.mark.parametrize("side", ["here", "there"])
def test_an_endpoint_is_compared_from_so_many_on(pair, n, side):
    """50 requests a side; those that are too rare for a name of their own are not compared by it."""
    key, others = ("endpoint", "GET /"), ("endpoint", OTHERS)
    here, there = (histogram([100], n if side == one else 60) for one in ("here", "there"))
    data = pair(base={"times": {key: there, others: there}}, times={key: here, others: here})
    compared = [one.what for one in compare(data, load()).get("requests.endpoint_latency", [])]
    assert compared == (["GET /"] if n == 50 else [])


@pytest.mark.parametrize(("n", "wanted"), [(25, True), (24, False)])
def test_a_drift_is_looked_for_from_so_many_requests_on(healthy, n, wanted):
    """50 in the first quarter and 50 in the last: two of eight parts each."""
    part = np.repeat(np.arange(8), 1)
    times = Times(np.full(8, 900), part, np.full(8, n))
    data = healthy(times={("endpoint", "GET /"): times})
    assert ("requests.latency" in compare(data, load())) == wanted


def test_the_quarters_of_a_drift_hold_two_eighths_each(healthy):
    """100 requests in each eighth, of 1 to 8 times 10 ms: the first quarter has 200, and so has the last."""
    ms = np.arange(1, 9) * 10.0
    bucket = np.ceil(np.log(ms * 1e6) / np.log(1.02)).astype(np.int64)
    data = healthy(times={("endpoint", "GET /"): Times(bucket, np.arange(8), np.full(8, 100))})
    (drift,) = compare(data, load())["requests.latency"]
    assert (drift.observed.n, drift.baseline.n) == (200, 200)
    assert drift.observed.value == pytest.approx(75, rel=0.02)  # between 70 and 80 ms
    assert drift.baseline.value == pytest.approx(15, rel=0.02)


@pytest.mark.parametrize(
    ("n", "m", "least", "wanted"),
    [(500, 500, "p95", True), (499, 500, "p95", False), (500, 499, "p95", False), (1000, 1000, "p99", True)],
)
def test_tails_are_compared_from_so_many_on(pair, n, m, least, wanted):
    """500 a side above p95, 1,000 above p99; what is far in the tail from 500 on."""
    there, here = histogram([100], m), histogram([100], n)
    data = pair(base={"times": {("endpoint", "GET /"): there}}, times={("endpoint", "GET /"): here})
    compared = {one.what for one in compare(data, load()).get("requests.tail_latency", [])}
    assert compared == ({"p95", "far"} | ({"p99"} if least == "p99" else set()) if wanted else set())


@pytest.mark.parametrize(("slow", "wanted"), [(25, "PASS"), (37, "PASS"), (38, "WARN"), (50, "WARN")])
def test_more_above_the_baselines_quantile(pair, slow, wanted):
    """25 of 500 took 400 ms, the rest 100 ms: p95 is 100 ms. Half as many again, 37.5, must take longer."""
    there = Times(np.array([931, 1001]), np.zeros(2, dtype=np.int64), np.array([475, 25]))
    here = Times(np.array([931, 1001]), np.zeros(2, dtype=np.int64), np.array([500 - slow, slow]))
    data = pair(base={"times": {("endpoint", "GET /"): there}}, times={("endpoint", "GET /"): here})
    assert size(data, "requests.tail_latency", "p95") == wanted


@pytest.mark.parametrize("limits", [("warn_ms", "warn_ratio"), ("fast_ms", "fast_ratio")])
@pytest.mark.parametrize("place", [0, 1])
def test_a_longer_quantile_at_its_limits(pair, limits, place):
    """p95 goes from 100 to 400 ms: by so many ms, and so many times, it counts; by the next number it does not."""
    there = Times(np.array([931, 1001]), np.zeros(2, dtype=np.int64), np.array([475, 25]))
    here = Times(np.array([931, 1001]), np.zeros(2, dtype=np.int64), np.array([400, 100]))
    before, now = (quantile(weighted({"": side}), 0.95) for side in (there, here))
    seen = (now - before, now / before)[place]
    data = pair(base={"times": {("endpoint", "GET /"): there}}, times={("endpoint", "GET /"): here})
    other = {"warn_ms": "fast_ms", "fast_ms": "warn_ms"}[limits[0]]
    easy = {limits[0]: 1, limits[1]: 1, other: 600_000}
    assert size(data, "requests.tail_latency", "p95", **easy | {limits[place]: seen}) == "WARN"
    more = above(above(seen))  # a product of it is rounded
    assert size(data, "requests.tail_latency", "p95", **easy | {limits[place]: more}) == "PASS"


@pytest.mark.parametrize(
    ("base", "far", "n", "wanted"),
    [
        (0, 4, 800, "PASS"),  # 5 requests at least
        (0, 5, 1000, "WARN"),  # half a point
        (0, 5, 1001, "PASS"),
        (0, 20, 1000, "FAIL"),  # 2 points
        (0, 19, 1000, "WARN"),
        (5, 15, 1000, "WARN"),  # three times as often
        (5, 14, 1000, "PASS"),
    ],
)
def test_requests_far_in_the_tail_at_their_limits(pair, base, far, n, wanted):
    """100 ms is p99, so beyond 1,100 ms a request is far in the tail, however far."""
    near, beyond = 931, 1100
    sides = [
        Times(np.array([near, beyond]), np.zeros(2, dtype=np.int64), np.array([all_ - k, k]))
        if k
        else Times(np.array([near]), np.zeros(1, dtype=np.int64), np.array([all_]))
        for k, all_ in ((base, 1000), (far, n))
    ]
    data = pair(base={"times": {("endpoint", "GET /"): sides[0]}}, times={("endpoint", "GET /"): sides[1]})
    assert size(data, "requests.tail_latency", "far") == wanted


@pytest.mark.parametrize(("waited", "wanted"), [(50, "WARN"), (49, "PASS")])
def test_requests_that_waited_at_their_limit(pair, waited, wanted):
    """5 points more of 1,000."""
    now = RequestCounts(n=1000, eligible=1000, eligible_waited=waited)
    data = pair(base={"starts": 1, "starts_by_run": ((1, 60.0),)}, requests=now, starts=40)
    assert size(data, "platform.restarts", "waits") == wanted


@pytest.mark.parametrize(("clients", "wanted"), [(12, "PASS"), (13, "FAIL")])
def test_three_clients_more_are_no_single_one(pair, clients, wanted):
    """10 of 100 clients were refused before, and now 12 or 13 of as many: from three more on chance is asked."""
    before = {"GET /": {0: Clients(100, 5), 401: Clients(10, 1)}, "": {0: Clients(100, 5)}}
    now = {"GET /": {0: Clients(100, 5), 401: Clients(clients, 9)}}
    data = pair(
        base={
            "statuses": ends("GET /", 10, 200, 401),
            "requests": RequestCounts(n=200, eligible=200),
            "clients": before,
        },
        statuses=ends("GET /", 80, 200, 401),
        requests=RequestCounts(n=200, eligible=200),
        clients=now,
    )
    assert size(data, "requests.status", "401 GET /") == wanted


BUSY = RequestCounts(
    n=1000, eligible=1000, eligible_5xx=9, eligible_denied=9, eligible_waited=9, handshakes=50, handshakes_rejected=9
)


def both_sides(pair, here=BUSY, there=BUSY, **more):
    """Two sides with requests, handshakes, endings, times and starts."""
    parts = {"times": {("endpoint", "GET /"): histogram([100], 600)}, "statuses": ends("GET /", 9, 1000, 404)}
    return pair(base={"requests": there, "starts": 9, **parts}, requests=here, starts=9, **parts, **more)


RATES = {"requests.error_rate", "auth.failure_rate", "platform.restarts", "requests.tail_latency"}


def test_a_filtered_export_has_no_share_to_compare(pair):
    """Successes are missing; the rest is compared."""
    times = {"requests.latency", "requests.endpoint_latency"}
    every = RATES | times | {"requests.status", "websocket.handshakes"}
    assert set(compare(both_sides(pair), load())) == every
    assert set(compare(both_sides(pair, service_below_notice=0), load())) == times


@pytest.mark.parametrize("side", ["here", "there"])
@pytest.mark.parametrize(
    ("field", "missing"),
    [
        ("eligible", {"requests.error_rate", "auth.failure_rate", "platform.restarts"}),
        ("handshakes", {"websocket.handshakes"}),
    ],
)
def test_a_side_without_requests_has_no_share(pair, side, field, missing):
    """Whichever side it is."""
    none = replace(BUSY, eligible_5xx=0, eligible_denied=0, eligible_waited=0, handshakes_rejected=0, **{field: 0})
    assert not missing & set(compare(both_sides(pair, **{side: none}), load()))


def test_without_a_start_nobody_waited_for_one(pair):
    """As far as the log shows."""
    data = replace(both_sides(pair), starts=0)
    assert "platform.restarts" not in compare(data, load())


def test_the_last_of_very_many_weights_is_the_largest_value():
    """100,000 thirds added one by one are less than their sum, so no rank reaches it."""
    third = Weighted(np.arange(100_000.0), np.full(100_000, 1 / 3), 100_000 / 3)
    assert np.cumsum(third.counts)[-1] < third.n - 1e-9
    assert 99_998 <= percentile_interval(third, 99.99999).estimate <= 99_999
