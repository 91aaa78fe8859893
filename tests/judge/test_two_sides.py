"""Each side of a comparison weighs by its own design effect."""

import numpy as np
import pytest
from scipy.stats import fisher_exact

from pipeline.judge.compare import compare
from pipeline.judge.comparison import minutes_needed, share_p
from pipeline.judge.revision_data import RequestCounts
from pipeline.judge.stats import DesignEffect
from tests.judge.conftest import minutes
from tests.judge.test_tails import times


def test_errors_of_the_revision_alone_come_in_bursts(pair, policy):
    """16 errors of 400 in bursts of 8 tell as much as 2 of 50; the baseline's 2 of 400 are independent."""
    data = pair(
        base={"requests": RequestCounts(n=400, eligible=400, eligible_5xx=2)},
        requests=RequestCounts(n=400, eligible=400, eligible_5xx=16),
        design_effects={"errors": DesignEffect(8.0)},
    )
    (rate,) = compare(data, policy)["requests.error_rate"]
    want = fisher_exact([[2, 48], [2, 398]], alternative="greater").pvalue
    assert rate.effect.p == pytest.approx(want)


@pytest.mark.parametrize(
    ("check", "key"),
    [
        ("requests.endpoint_latency", ("endpoint", "GET /")),
        ("novelty.durations", ("event", "celery.succeeded")),
        ("novelty.durations", ("line", "answered in <*>")),
    ],
)
def test_slow_minutes_weigh_on_their_own_side(pair, policy, check, key):
    """100 times beside 4,000. Where 30 of the few, or 1,500 of the many, weigh as one, three are left; where 30 of the
    many do, 133.
    """
    few, many = times(120 * np.linspace(0.6, 1.4, 100)), times(100 * np.linspace(0.6, 1.4, 4000))

    def p(here, there):
        kind = f"{key[0]} without trend"
        base = {"times": {key: many}, "design_effects": {kind: DesignEffect(there)}}
        data = pair(base=base, times={key: few}, design_effects={kind: DesignEffect(here)})
        return next(one.effect.p for one in compare(data, policy)[check] if one.what == key[1])

    assert min(p(30.0, 1.0), p(1.0, 1500.0)) > 0.05
    assert p(1.0, 30.0) < 0.001


def test_a_tail_of_another_mix_weighs_less(pair, policy):
    """900 and 100 requests of the baseline, weighted to halves, tell as much as (500 + 500)^2 / (500^2 / 900 + 500^2 /
    100) = 360.
    """
    keys = ("endpoint", "GET /a"), ("endpoint", "GET /b")
    before = {key: times(100 * np.linspace(0.6, 1.4, n)) for key, n in zip(keys, (900, 100), strict=True)}
    now = {key: times(100 * np.linspace(0.6, 1.4, 500)) for key in keys}
    found = compare(pair(base={"times": before}, times=now), policy)["requests.tail_latency"]
    assert {one.baseline.n for one in found if one.what in ("p95", "p99", "far")} == {360}


@pytest.mark.parametrize(
    ("here", "there", "table"),
    [
        ((3, 4, 1.0), (0, 1, 1.0), [[3, 1], [0, 1]]),
        ((3, 4, 1.0), (0, 4, 9.0), [[3, 1], [0, 1]]),  # all of a minute, and still one
        ((8, 40, 4.0), (6, 60, 2.0), [[2, 8], [3, 27]]),
    ],
)
def test_a_share_weighs_by_its_design_effect(here, there, table):
    """Fisher's exact test of as many as there are independent ones, at least one on each side."""
    assert share_p(here, there) == pytest.approx(fisher_exact(table, alternative="greater").pvalue)


def test_more_requests_come_at_the_revisions_own_pace(healthy):
    """50 in 2 minutes with requests: 100 more take 4. Nothing is said of none."""
    data = healthy(minutes=minutes((0, 20, 0), (7, 30, 0)))
    assert minutes_needed(100, 50, data) == 4.0
    assert [minutes_needed(*given) for given in ((None, 50, data), (0, 50, data), (9, 0, data))] == [None] * 3
    assert minutes_needed(9, 50, healthy()) is None
