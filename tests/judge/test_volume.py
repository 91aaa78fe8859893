"""Traffic that ends or storms, and answers that become empty, at the borders of the rules."""

import pytest

from pipeline.judge.policy import load
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


@pytest.mark.parametrize(
    ("n", "silent_s", "base", "wanted"),
    [
        (20, 300, {}, "WARN"),  # 10 a minute before: 50 expected
        (20, 299, {}, "NOT_OBSERVABLE"),
        (20, 300, {"n": 599}, "NOT_OBSERVABLE"),  # 49.9 expected
        (20, 300, {"n": 179, "long": 6}, "NOT_OBSERVABLE"),  # 199 requests in all
        (20, 300, {"n": 180, "long": 6}, "NOT_OBSERVABLE"),  # a third of 6 minutes is below 5
        (20, 300, {"n": 180, "long": 15}, "WARN"),
        (20, 300, {"pause_s": 100}, "WARN"),
        (20, 300, {"pause_s": 101}, "NOT_OBSERVABLE"),  # the baseline had a third of it
        (20, 300, {"idle_s": 101}, "NOT_OBSERVABLE"),  # so long it was idle before the revision's first request
        (200, 300, {"idle_s": 101}, "NOT_OBSERVABLE"),
        (20, 300, {"origin": "history"}, "NOT_OBSERVABLE"),  # of other hours
        (200, 300, {"origin": "history"}, "WARN"),
    ],
)
def test_the_baseline_says_how_much_traffic_is_missing(pair, policy, n, silent_s, base, wanted):
    """A revision that served n requests in no time, then was silent; the baseline had 600 in the hour before."""
    long, before = base.get("long", 60), base.get("n", 600)
    last_ns = END_NS - silent_s * 10**9
    data = pair(
        base={
            "requests": RequestCounts(
                n=before,
                eligible=before,
                longest_silence_ns=base.get("pause_s", 10) * 10**9,
                last_eligible_ns=last_ns - base.get("idle_s", 1) * 10**9,
            ),
            "first_ns": last_ns - long * MINUTE_NS,
            "last_ns": last_ns,
            "origin": base.get("origin", "window"),
        },
        requests=RequestCounts(n=n, eligible=n, last_eligible_ns=last_ns, longest_silence_ns=10**9),
        first_request_ns=last_ns,
        traffic_ratio=1.0,
    )
    check = judged(data, policy, "requests.volume")
    assert check.status == wanted, check
    assert (wanted == "WARN" and n < 200) == ("expected" in check.reason)


@pytest.mark.parametrize(
    ("empty", "changes", "wanted"),
    [
        ([(25, 35)], {}, "WARN"),
        ([(25, 30)], {}, "WARN"),  # five minutes
        ([(25, 29)], {}, "NOT_OBSERVABLE"),
        ([(25, 35), (50, 52)], {}, "WARN"),  # another pause of two minutes is one of up to three
        ([(25, 35), (50, 53)], {}, "NOT_OBSERVABLE"),
        ([(25, 40)], {}, "WARN"),  # 15 of 60 minutes
        ([(25, 41)], {}, "NOT_OBSERVABLE"),  # bursts
        ([(5, 55)], {}, "NOT_OBSERVABLE"),
        ([(25, 35)], {"first": 35}, "WARN"),
        ([(25, 35)], {"first": 36}, "NOT_OBSERVABLE"),  # before the revision's time
        ([(25, 35)], {"each": 4}, "WARN"),  # 200 requests
        ([(25, 35)], {"each": 3}, "NOT_OBSERVABLE"),
        ([(25, 35)], {"clients": 4}, "NOT_OBSERVABLE"),
        ([(25, 35)], {"usual_s": 200}, "WARN"),
        ([(25, 35)], {"usual_s": 201}, "NOT_OBSERVABLE"),  # the hours before had a third of it
    ],
)
def test_minutes_without_a_request_between_others(healthy, policy, empty, changes, wanted):
    """An hour of the service in which from one minute to another nobody asks anything."""
    rows = [
        (minute, changes.get("each", 60), 0)
        for minute in range(60)
        if not any(begin <= minute < end for begin, end in empty)
    ]
    usual = RequestCounts(n=1000, eligible=1000, longest_silence_ns=changes.get("usual_s", 1) * 10**9)
    start = START_NS // MINUTE_NS
    check = judged(
        healthy(
            requests=RequestCounts(n=1000, eligible=1000, eligible_clients=changes.get("clients", 5)),
            service_minutes=minutes(*((start + minute, n, failed) for minute, n, failed in rows)),
            first_request_ns=START_NS + changes.get("first", 0) * MINUTE_NS,
            baseline=profile(requests=usual, origin="stretch") if "usual_s" in changes else None,
        ),
        policy,
        "requests.volume",
    )
    assert (check.status == "WARN") == (wanted == "WARN"), check
    if wanted == "WARN" and empty == [(25, 35)]:
        assert "no user request from 2026-01-15T09:25:00Z to 2026-01-15T09:35:00Z" in check.reason


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
        (bodies(49, 51), bodies(2, 98), "PASS"),
        (bodies(49, 51), bodies(0, 100), "WARN"),  # there were none
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


@pytest.mark.parametrize(
    ("ratio", "outlived_ns", "asked_s", "wanted"),
    [
        (0.9, None, None, "WARN"),
        (0.89, None, None, "NOT_OBSERVABLE"),  # another revision serves one in ten
        (None, None, None, "NOT_OBSERVABLE"),
        (1.0, 1, None, "NOT_OBSERVABLE"),  # an older one outlived it
        (1.0, None, 30, "WARN"),  # the asked window ends half a minute after the service's last entry
    ],
)
def test_silence_is_of_the_whole_service(healthy, ratio, outlived_ns, asked_s, wanted):
    """270 s of silence to the last entry, or 300 s with what was asked for beyond it."""
    silent_s = 270 if asked_s else 300
    requests = RequestCounts(n=200, eligible=200, last_eligible_ns=END_NS - silent_s * 10**9)
    asked = END_NS + asked_s * 10**9 if asked_s else None
    data = healthy(requests=requests, traffic_ratio=ratio, outlived_ns=outlived_ns, asked_end_ns=asked)
    assert judged(data, load(), "requests.volume").status == wanted


@pytest.mark.parametrize(
    ("long", "base_long", "runs", "clients", "base_clients", "wanted"),
    [
        (60, 60, 1, 50, 50, "WARN"),
        (60, 60, 2, 50, 50, "PASS"),  # of several runs clients are counted twice
        (55, 55, 1, 50, 50, "WARN"),
        (54, 60, 1, 50, 50, "PASS"),
        (60, 54, 1, 50, 50, "PASS"),
        (60, 120, 1, 50, 50, "WARN"),  # half as long
        (60, 121, 1, 50, 50, "PASS"),
        (120, 60, 1, 50, 50, "WARN"),  # twice as long
        (121, 60, 1, 50, 50, "PASS"),
        (60, 60, 1, 5, 5, "WARN"),
        (60, 60, 1, 4, 5, "PASS"),
        (60, 60, 1, 5, 4, "PASS"),
    ],
)
def test_what_a_storm_can_be_told_by(pair, policy, long, base_long, runs, clients, base_clients, wanted):
    """Windows of about an hour and of like length, one baseline, and five clients a side; ten times the requests."""
    data = pair(
        base={
            "requests": RequestCounts(n=base_long * 10, eligible=base_long * 10, eligible_clients=base_clients),
            "first_ns": START_NS - base_long * MINUTE_NS,
            "runs": runs,
        },
        requests=RequestCounts(n=long * 100, eligible=long * 100, eligible_clients=clients),
        first_ns=START_NS,
        last_ns=START_NS + long * MINUTE_NS,
        minutes=minutes(*((minute, 100, 0) for minute in range(long))),
    )
    assert judged(data, policy, "requests.volume").status == wanted


@pytest.mark.parametrize(("busy", "wanted"), [(31, "WARN"), (30, "WARN"), (29, "PASS")])
def test_a_burst_is_no_storm(pair, policy, busy, wanted):
    """The middle one of 60 minutes has three times the baseline's 10 a minute; the rest has 1.

    Of 30 busy minutes with 59 it is the mean of 1 and 59.
    """
    each = 59 if busy == 30 else 200
    rows = [(minute, each if minute < busy else 1, 0) for minute in range(60)]
    n = sum(row[1] for row in rows)
    data = pair(
        base={"requests": RequestCounts(n=600, eligible=600, eligible_clients=50)},
        requests=RequestCounts(n=max(n, 1800), eligible=max(n, 1800), eligible_clients=50),
        first_ns=START_NS,
        last_ns=END_NS,
        minutes=minutes(*rows),
    )
    assert judged(data, policy, "requests.volume").status == wanted


@pytest.mark.parametrize(
    ("off_minutes", "long", "own_long", "wanted"),
    [
        (29, 60, 60, "WARN"),  # half an hour off at most
        (31, 60, 60, "NOT_OBSERVABLE"),
        (-29, 60, 60, "WARN"),
        (-31, 60, 60, "NOT_OBSERVABLE"),
        (0, 55, 60, "WARN"),
        (0, 54, 60, "NOT_OBSERVABLE"),
        (0, 60, 55, "WARN"),
        (0, 60, 54, "NOT_OBSERVABLE"),
        (0, 120, 60, "WARN"),  # twice as long
        (0, 121, 60, "NOT_OBSERVABLE"),
        (0, 60, 120, "WARN"),  # half as long
        (0, 60, 121, "NOT_OBSERVABLE"),
    ],
)
def test_which_earlier_hours_are_the_same_hour(healthy, policy, off_minutes, long, own_long, wanted):
    """20 a minute on three days before, each so many minutes off and long; 1 a minute now."""
    begins = [START_NS - day * DAY_NS + off_minutes * MINUTE_NS for day in (1, 2, 3)]
    data = healthy(
        requests=RequestCounts(n=own_long, eligible=own_long),
        volume_by_run=((START_NS, START_NS + own_long * MINUTE_NS, own_long),),
        pooled=profile(volume_by_run=tuple((begin, begin + long * MINUTE_NS, 20 * long) for begin in begins)),
    )
    assert judged(data, policy, "requests.volume").status == wanted


@pytest.mark.parametrize(("n", "wanted"), [(300, "PASS"), (299, "WARN")])
def test_below_three_tenths_of_the_same_hour(healthy, policy, n, wanted):
    """1,000 in the same hour of three earlier days; a run of the same day is no earlier day."""
    own = (START_NS - HOUR_NS, START_NS, 1)
    data = healthy(
        requests=RequestCounts(n=n, eligible=n),
        volume_by_run=((START_NS, END_NS, n),),
        pooled=profile(volume_by_run=(own, *hours((1, 0, 1000), (2, 0, 1000), (3, 0, 1000)))),
    )
    assert judged(data, policy, "requests.volume").status == wanted


@pytest.mark.parametrize(
    ("now", "before", "wanted"),
    [
        (bodies(50, 50), bodies(0, 100), "WARN"),  # 50 points
        ({"GET /orders": {269: 100}}, bodies(0, 100), "WARN"),  # 116 sizes, a tenth: 1.02^116 is 9.94
        ({"GET /orders": {270: 100}}, bodies(0, 100), "PASS"),
        (bodies(20, 0), bodies(0, 20), "WARN"),  # 20 a side
        (bodies(19, 0), bodies(0, 20), "NOT_APPLICABLE"),
        (bodies(20, 0), bodies(0, 19), "NOT_APPLICABLE"),
        (bodies(100, 0), bodies(49, 51), "WARN"),  # the median is the large one: 51 points more
        (bodies(100, 0), bodies(50, 50), "PASS"),  # the middle one is small
    ],
)
def test_empty_answers_at_the_limits(pair, policy, now, before, wanted):
    """20 answers a side, half of them more below a tenth of the baseline's median."""
    assert judged(pair(base={"bodies": before}, bodies=now), policy, "requests.bodies").status == wanted


@pytest.mark.parametrize(
    ("now", "before", "wanted"),
    [
        (bodies(20, 80), bodies(0, 100), "WARN"),  # 20 points, 20 answers
        (bodies(19, 77), bodies(0, 100), "PASS"),  # 19 answers
        (bodies(20, 81), bodies(0, 100), "PASS"),  # 19.8 points
        (bodies(22, 78), bodies(1, 99), "WARN"),  # 1 in 100 is nearly none
        (bodies(40, 60), bodies(2, 98), "PASS"),
        (bodies(40, 60), bodies(0, 50), "WARN"),
        (bodies(40, 60), bodies(0, 49), "PASS"),  # too few to say that there are none
    ],
)
def test_empty_answers_where_there_were_none(pair, policy, now, before, wanted):
    """Twenty points suffice. R: fisher.test(matrix(c(20, 80, 0, 100), 2), alternative = "greater") is 3.3e-07."""
    assert judged(pair(base={"bodies": before}, bodies=now), policy, "requests.bodies").status == wanted


def test_the_endpoint_whose_answers_changed_most_is_told(pair, policy):
    """One of 52 endpoints answers 60 points more with nothing, another 90; what one of few answers does is chance."""
    names = {f"GET /{n}": (0, 100) for n in range(50)}
    now = names | {"GET /a": (60, 40), "GET /b": (90, 10), "GET /c": (20, 0)}
    before = names | {"GET /a": (0, 100), "GET /b": (0, 100), "GET /c": (8, 12)}
    here, there = ({name: {105: k, 385: n} for name, (k, n) in side.items()} for side in (now, before))
    check = judged(pair(base={"bodies": there}, bodies=here), policy, "requests.bodies")
    assert (check.status, check.reason.partition(":")[0]) == ("WARN", "GET /b")
    assert (check.observed.value, check.baseline.value, check.effect.value) == (0.9, 0.0, 0.9)
