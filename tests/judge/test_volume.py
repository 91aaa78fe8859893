"""Traffic that ends or storms, and answers that become empty, at the borders of the rules."""

import pytest

from pipeline.judge.revision_data import RequestCounts
from tests.judge.conftest import MINUTE_NS, START_NS, judged, minutes, profile

END_NS = START_NS + 60 * MINUTE_NS


@pytest.mark.parametrize(
    ("n", "silent_s", "pause_s", "ratio", "wanted"),
    [
        (200, 300, 100, 1.0, "WARN"),
        (199, 300, 100, 1.0, "NOT_OBSERVABLE"),
        (200, 299, 50, 1.0, "NOT_OBSERVABLE"),
        (200, 300, 101, 1.0, "NOT_OBSERVABLE"),
        (200, 300, 100, 0.5, "NOT_OBSERVABLE"),  # another revision serves
    ],
)
def test_traffic_that_ends(healthy, policy, n, silent_s, pause_s, ratio, wanted):
    """Five minutes of silence to the end, three times the longest pause, of 200 requests."""
    requests = RequestCounts(
        n=n,
        eligible=n,
        last_eligible_ns=END_NS - silent_s * 10**9,
        longest_silence_ns=pause_s * 10**9,
    )
    assert judged(healthy(requests=requests, traffic_ratio=ratio), policy, "requests.volume").status == wanted


@pytest.mark.parametrize(("n", "clients", "wanted"), [(3000, 50, "WARN"), (2900, 50, "PASS"), (3000, 150, "PASS")])
def test_clients_that_try_again_and_again(pair, policy, n, clients, wanted):
    """Three times as many requests of as many clients; of three times as many clients it is success."""
    data = pair(
        base={"requests": RequestCounts(n=1000, eligible=1000, eligible_clients=50)},
        requests=RequestCounts(n=n, eligible=n, eligible_clients=clients),
        first_ns=START_NS,
        last_ns=END_NS,
        minutes=minutes(*((minute, n // 60, 0) for minute in range(60))),
    )
    assert judged(data, policy, "requests.volume").status == wanted


def bodies(empty, full):
    return {"GET /orders": {105: empty, 385: full}}  # 1.02^105 is 8 bytes, 1.02^385 is 2,047


@pytest.mark.parametrize(
    ("now", "before", "wanted"),
    [
        (bodies(100, 0), bodies(0, 100), "WARN"),
        (bodies(49, 51), bodies(0, 100), "PASS"),
        (bodies(60, 40), bodies(40, 60), "PASS"),  # the median flips, the share moves by 20 points
        (bodies(10, 0), bodies(0, 100), "NOT_APPLICABLE"),
    ],
)
def test_answers_that_become_empty(pair, policy, now, before, wanted):
    """Fifty points more below a tenth of the usual size."""
    assert judged(pair(base={"bodies": before}, bodies=now), policy, "requests.bodies").status == wanted


HOUR_NS, DAY_NS = 60 * MINUTE_NS, 24 * 60 * MINUTE_NS


def hours(*runs):
    """Hours of earlier runs, from (days before, hours off, requests) each."""
    begins = [(START_NS - round((days * 24 - off) * HOUR_NS), n) for days, off, n in runs]
    return tuple((begin, begin + HOUR_NS, n) for begin, n in begins)


@pytest.mark.parametrize(
    ("earlier", "n", "wanted"),
    [
        (((1, 0, 1000), (2, 0.4, 1100), (3, -0.4, 900)), 290, "WARN"),
        (((1, 0, 1000), (2, 0.4, 1100), (3, -0.4, 900)), 310, "PASS"),
        (((1, 0, 1000), (2, 0, 1100), (3, 0, 250), (4, 0, 1000)), 290, "PASS"),  # a day was as quiet
        (((1, 0, 1000), (2, 0, 1100)), 290, "NOT_OBSERVABLE"),  # two days say too little
        (((1, 0, 1000), (2, 0, 1100), (3, 0.6, 900)), 290, "NOT_OBSERVABLE"),  # one is another hour
        (((1, 0, 1000), (1, 0, 1100), (1, 0, 900)), 290, "NOT_OBSERVABLE"),  # three runs of one day
    ],
)
def test_traffic_that_is_gone_at_this_hour(healthy, policy, earlier, n, wanted):
    """Below 30 % of the same hour of three earlier days, and below all of them."""
    data = healthy(
        requests=RequestCounts(n=n, eligible=n),
        volume_by_run=((START_NS, END_NS, n),),
        pooled=profile(volume_by_run=hours(*earlier)),
    )
    check = judged(data, policy, "requests.volume")
    assert check.status == wanted, check
