"""Restarts, waits and sick instances, at the borders of the rules."""

import math
from dataclasses import replace

import pytest
from scipy.stats import fisher_exact

from pipeline.judge.counts import Peer
from pipeline.judge.instances import waits
from pipeline.judge.revision_data import RequestCounts
from pipeline.judge.stats import DesignEffect
from tests.judge.conftest import judged

HOUR = {"first_ns": 0, "last_ns": 36 * 10**11}


def runs(*starts):
    return {"starts": sum(starts), "starts_by_run": tuple((n, 60.0) for n in starts), "runs": len(starts)}


@pytest.mark.parametrize(("killed", "wanted"), [(3, "WARN"), (2, "PASS")])
def test_liveness_kills(healthy, policy, entry, killed, wanted):
    """Three instances shut down by their probe; start-up probes count elsewhere."""
    proof = (entry(1, "Liveness HTTP probe failed"),)
    data = healthy(
        probes={"LIVENESS": killed, "STARTUP": 0}, starts=4, evidence={"event/platform.probe_failed/": proof}
    )
    check = judged(data, policy, "platform.restarts")
    assert (check.status, len(check.evidence)) == (wanted, wanted == "WARN")


@pytest.mark.parametrize(
    ("now", "before", "wanted"),
    [
        (60, (3, 3, 3, 3), "WARN"),
        (18, (3, 3, 3, 3), "INCONCLUSIVE"),
        (28, (3, 3, 3, 3), "INCONCLUSIVE"),
        (29, (3, 3, 3, 3), "WARN"),
        (66, (3, 3, 3), "INCONCLUSIVE"),
        (67, (3, 3, 3), "WARN"),
        (6000, (3, 3), "INCONCLUSIVE"),
        (60, (3,), "INCONCLUSIVE"),
        (12, (3, 3, 3, 3), "PASS"),  # not 10 more
        (60, (25, 25, 25, 25), "PASS"),  # not 3 times
        (60, (2, 50, 3, 30), "PASS"),  # not 3 times 21.25
        (60, (1, 45, 1, 1), "INCONCLUSIVE"),
    ],
)
def test_starts_are_compared_by_how_they_vary_between_windows(pair, policy, now, before, wanted):
    """Of (3, 3, 3, 3): t = (60 - 3) / sqrt(3 * 5 / 4) = 29.4, R: pt(29.4, 3, lower.tail = FALSE) is 4.3e-05.

    18 have t = 7.75 and p = 0.0022, above 0.0005; qt(0.9995, 3) is 12.924, between the 12.91 of 28 and the 13.43 of 29.
    Of (3, 3, 3): qt(0.9995, 2) is 31.599, between the (66 - 3) / 2 of 66 and the 32 of 67. Two runs say too little.
    """
    data = pair(base=runs(*before), starts=now, **HOUR)
    assert judged(data, policy, "platform.restarts").status == wanted


@pytest.mark.parametrize(("waited", "starts", "wanted"), [(90, 60, "WARN"), (49, 49, "PASS"), (90, 1, "INCONCLUSIVE")])
def test_requests_that_wait_for_a_start(pair, policy, waited, starts, wanted):
    """Nine in a hundred of 1,000; below 5 points nothing; behind one start they are one incident."""
    now = RequestCounts(n=1000, eligible=1000, eligible_waited=waited)
    data = pair(base={"starts": starts, "starts_by_run": ((starts, 60.0),)}, requests=now, starts=starts, **HOUR)
    assert judged(data, policy, "platform.restarts").status == wanted


def peers(n, sick=None, *, each=200, errors=0, mean=900.0):
    healthy = [Peer(f"instance-{i:04d}", each, 0, each, 900.0, 400.0) for i in range(n - 1)]
    return (*healthy, Peer("instance-sick", each, errors, each, mean, 400.0)) if sick else tuple(healthy)


@pytest.mark.parametrize(("errors", "wanted"), [(30, "WARN"), (9, "PASS")])
def test_one_instance_of_twenty_that_fails(healthy, policy, errors, wanted):
    """15 % of its requests, none of the others'; 4.5 % is below 5 points."""
    check = judged(healthy(peers=peers(20, sick=True, errors=errors)), policy, "platform.instances")
    assert check.status == wanted
    assert wanted == "PASS" or "5xx" in check.reason


@pytest.mark.parametrize(("times", "wanted"), [(10, "WARN"), (3.1, "WARN"), (2.9, "PASS")])
def test_one_instance_of_twenty_that_is_slow(healthy, policy, times, wanted):
    """Three times the others' geometric mean of 55 ms: a bucket is a factor of 1.02."""
    mean = 900.0 + math.log(times) / math.log(1.02)
    check = judged(healthy(peers=peers(20, sick=True, mean=mean)), policy, "platform.instances")
    assert check.status == wanted


@pytest.mark.parametrize(("apart", "wanted"), [(0, "WARN"), (14, "WARN"), (15, "PASS"), (40, "PASS")])
def test_instances_that_differ_among_themselves_hide_one_that_is_slow(healthy, policy, apart, wanted):
    """57 buckets (3.1 times) between one and the mean of 18 others of 20 requests each, at a design effect of 50.

    sigma = sqrt(50 (400 / 200 + (380 + apart^2) / 360)), so z is 4.6; with 14, 15, 40 buckets 4.249, 4.202, 2.9.
    R: pnorm(-4.249) is 1.07e-05, pnorm(-4.202) 1.324e-05; the limit is 0.0005 / (2 * 19) = 1.316e-05.
    """
    whole = [replace(one, mean=900.0 + (apart if n % 2 else -apart)) for n, one in enumerate(peers(19, each=20))]
    sick = Peer("instance-sick", 200, 0, 200, 957.0, 400.0)
    data = healthy(peers=(*whole, sick), design_effects={"endpoint without trend": DesignEffect(50.0)})
    assert judged(data, policy, "platform.instances").status == wanted


def test_one_instance_has_no_peers(healthy, policy):
    """Nothing to compare with."""
    assert judged(healthy(peers=peers(2)), policy, "platform.instances").status == "NOT_APPLICABLE"


@pytest.mark.parametrize(
    ("errors", "n", "others", "wanted"),
    [
        (5, 20, 0, "WARN"),
        (4, 20, 0, "PASS"),  # 5 failures
        (50, 1000, 0, "WARN"),  # 5 points
        (49, 1000, 0, "PASS"),
        (100, 400, 19, "WARN"),  # 25 %, five times 5 % (19 * 10 of 19 * 200)
        (99, 400, 19, "PASS"),
    ],
)
def test_an_instance_that_fails_at_the_limits(healthy, policy, errors, n, others, wanted):
    """5 failures, 5 points and five times the share of 19 others of 200 requests each."""
    whole = [replace(one, errors_5xx=10 if others else 0, n_steady=0) for one in peers(20)[:19]]
    sick = Peer("instance-sick", n, errors, 0, 0.0, 0.0)
    check = judged(healthy(peers=(*whole, sick)), policy, "platform.instances")
    assert check.status == wanted
    assert (check.observed.value, check.observed.n) == (1 if wanted == "WARN" else 0, 20)
    assert check.reason.startswith("instance …nce-sick: ") == (wanted == "WARN")


@pytest.mark.parametrize(
    ("mine", "theirs", "wanted"),
    [(20, 200, "WARN"), (19, 200, "PASS"), (200, 2, "WARN"), (200, 1, "PASS")],
)
def test_a_slow_instance_needs_twenty_latencies_on_each_side(healthy, policy, mine, theirs, wanted):
    """Of its own, and of 10 others together: 20 and 10 of them; an instance without any does not count."""
    whole = [Peer(f"i{n}", 200, 0, theirs, 900.0, 4.0) for n in range(10)]
    idle = Peer("idle", 200, 0, 0, 0.0, 0.0)
    sick = Peer("sick", 200, 0, mine, 1000.0, 4.0)
    assert judged(healthy(peers=(*whole, idle, sick)), policy, "platform.instances").status == wanted


@pytest.mark.parametrize(("bucket", "apart", "wanted"), [(700, 115, "PASS"), (700, 120, "WARN"), (680, 115, "PASS")])
def test_a_slow_instance_is_ten_ms_slower(healthy, policy, bucket, apart, wanted):
    """1.02^700 ns are 1.04 ms: 1.02^815 are 10.16 ms, 9.1 more; 1.02^820 are 11.3 ms."""
    whole = [Peer(f"i{n}", 200, 0, 200, float(bucket), 4.0) for n in range(10)]
    sick = Peer("sick", 200, 0, 200, float(bucket + apart), 4.0)
    assert judged(healthy(peers=(*whole, sick)), policy, "platform.instances").status == wanted


def test_the_first_three_sick_instances_are_named(healthy, policy):
    """Of four; with three none is left over."""
    for n, more in ((3, ""), (4, " (and 1 more)")):
        sick = [Peer(f"sick-{i}", 1000, 100, 0, 0.0, 0.0) for i in range(n)]
        whole = [Peer(f"whole-{i}", 1000, 0, 0, 0.0, 0.0) for i in range(30)]
        reason = judged(healthy(peers=(*whole, *sick)), policy, "platform.instances").reason
        assert reason.count("ended in 5xx") == 3
        assert reason.endswith(f"on the other {n + 29}{more}")


def test_two_instances_can_be_compared(healthy, policy):
    """One beside the other."""
    pair = (Peer("whole", 1000, 0, 0, 0.0, 0.0), Peer("sick", 1000, 100, 0, 0.0, 0.0))
    assert judged(healthy(peers=pair), policy, "platform.instances").status == "WARN"


@pytest.mark.parametrize(
    ("now", "long", "before", "wanted"),
    [
        (9, 60, 3, "PASS"),  # not 10 more
        (13, 60, 3, "INCONCLUSIVE"),
        (12, 60, 3, "PASS"),
        (15, 60, 5, "INCONCLUSIVE"),  # 3 times, 10 more
        (14, 60, 5, "PASS"),
        (18, 60, 6, "INCONCLUSIVE"),
        (17, 60, 6, "PASS"),  # not 3 times
        (24, 120, 6, "PASS"),  # 12 were due in two hours
        (36, 120, 6, "INCONCLUSIVE"),
        (35, 120, 6, "PASS"),
    ],
)
def test_starts_at_their_limits(pair, policy, now, long, before, wanted):
    """Three times as many as are due by time, and ten more; of one run chance cannot be told."""
    data = pair(
        base={"starts": before, "starts_by_run": ((before, 60.0), (99, 0.0))},
        starts=now,
        first_ns=0,
        last_ns=long * 6 * 10**10,
    )
    assert judged(data, policy, "platform.restarts").status == wanted


def test_where_the_baseline_never_started_an_instance_ten_are_many(pair, policy):
    """0 in 3 hours: t = 10 / sqrt(1 * (1 + 1/3)) = 8.7, R: pt(8.7, 2, lower.tail = FALSE) is 0.0065; of 40: 0.0004."""
    for now, wanted in ((9, "PASS"), (10, "INCONCLUSIVE"), (40, "WARN")):
        data = pair(base=runs(0, 0, 0), starts=now, **HOUR)
        assert judged(data, policy, "platform.restarts").status == wanted


@pytest.mark.parametrize(("waited", "starts", "design"), [(90, 60, 2.0), (60, 60, 1.0), (30, 60, 1.0), (90, 1, 179.0)])
def test_requests_that_wait_for_one_start_come_together(pair, policy, waited, starts, design):
    """A mean of b a start: 2 b - 1 weigh as one, at least 1. scipy: fisher_exact of what is left on both sides."""
    now = RequestCounts(n=1000, eligible=1000, eligible_waited=waited)
    before = RequestCounts(n=2000, eligible=2000, eligible_waited=20)
    data = pair(base={"requests": before, "starts": 20}, requests=now, starts=starts)
    (found,) = waits(data, data.baseline, policy)
    k, n = round(waited / design), round(1000 / design)
    assert found.effect.p == pytest.approx(fisher_exact([[k, n - k], [20, 1980]], "greater").pvalue)
    assert found.effect.relative == pytest.approx((waited / 1000) / (20 / 2000) - 1)


def test_where_nobody_waited_before_there_is_no_share_of_it(pair, policy):
    """Infinitely more, or as many."""
    for waited, relative in ((50, None), (0, 0.0)):
        now = RequestCounts(n=1000, eligible=1000, eligible_waited=waited)
        data = pair(base={"starts": 1}, requests=now, starts=5)
        (found,) = waits(data, data.baseline, policy)
        assert (found.effect.relative, found.effect.value) == (relative, waited / 1000)
