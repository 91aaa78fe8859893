"""Restarts, waits and sick instances, at the borders of the rules."""

import math
from dataclasses import replace

import pytest

from pipeline.judge.counts import Peer
from pipeline.judge.revision_data import RequestCounts
from pipeline.judge.stats import DesignEffect
from tests.judge.conftest import judged

HOUR = {"first_ns": 0, "last_ns": 36 * 10**11}


def runs(*starts):
    return {"starts": sum(starts), "starts_by_run": tuple((n, 60.0) for n in starts), "runs": len(starts)}


@pytest.mark.parametrize(("killed", "wanted"), [(3, "WARN"), (2, "PASS")])
def test_liveness_kills(healthy, policy, killed, wanted):
    """Three instances shut down by their probe; start-up probes count elsewhere."""
    data = healthy(probes={"LIVENESS": killed, "STARTUP": 0}, starts=4)
    assert judged(data, policy, "platform.restarts").status == wanted


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


@pytest.mark.parametrize(("apart", "wanted"), [(0, "WARN"), (40, "PASS")])
def test_instances_that_differ_among_themselves_hide_one_that_is_slow(healthy, policy, apart, wanted):
    """57 buckets (3.1 times) between one and the mean of 18 others of 20 requests each, at a design effect of 50.

    sigma = sqrt(50 (400 / 200 + (380 + apart^2) / 360)), so z is 4.6, or at 40 buckets apart 2.9.
    R: pnorm(-4.6) is 2.1e-06, pnorm(-2.9) 0.0019; the limit is 0.0005 / (2 * 19) = 1.3e-05.
    """
    whole = [replace(one, mean=900.0 + (apart if n % 2 else -apart)) for n, one in enumerate(peers(19, each=20))]
    sick = Peer("instance-sick", 200, 0, 200, 957.0, 400.0)
    data = healthy(peers=(*whole, sick), design_effects={"endpoint without trend": DesignEffect(50.0)})
    assert judged(data, policy, "platform.instances").status == wanted


def test_one_instance_has_no_peers(healthy, policy):
    """Nothing to compare with."""
    assert judged(healthy(peers=peers(2)), policy, "platform.instances").status == "NOT_APPLICABLE"
