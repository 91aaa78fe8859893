"""Comparisons with a baseline: harm needs a large effect and more than chance; no harm stays quiet."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.judge.compare import compare
from pipeline.judge.comparison import Comparison, decided
from pipeline.judge.decide import decide, judge
from pipeline.judge.model import Effect, Observed
from pipeline.judge.policy import load
from pipeline.judge.ranks import Weighted
from pipeline.judge.revision_data import EventTotal, RequestCounts, SignatureRow, Signatures, Times, weighted
from pipeline.judge.stats import DesignEffect
from tests.judge.conftest import MINUTE_NS, START_NS, a_healthy_sample, judged, minutes, profile


def times(values_ms, part=None, effect=1.0):
    """A histogram of durations, spread evenly over the eight parts unless told."""
    values = np.asarray(values_ms, dtype=float)
    bucket = np.ceil(np.log(values * 1e6) / np.log(1.02)).astype(np.int64)
    part = np.arange(len(values)) % 8 if part is None else np.asarray(part)
    places, n = np.unique(np.stack([part, bucket]), axis=1, return_counts=True)
    return Times(places[1], places[0], n, DesignEffect(effect))


def lognormal(median_ms, n, *, seed=1, sigma=0.3):
    """n durations whose logarithms are the normal's quantiles: no luck in it."""
    from scipy.special import ndtri

    values = median_ms * np.exp(sigma * ndtri((np.arange(n) + 0.5) / n))
    np.random.default_rng(seed).shuffle(values)
    return values


def found(data, policy, check):
    return {one.what: one for one in compare(data, policy).get(check, [])}


# Latency. The limits: +25 % and +50 ms WARN, +100 % and +100 ms FAIL, 50 a side.


@pytest.mark.parametrize(
    ("before_ms", "now_ms", "wanted"),
    [
        (100, 100, "PASS"),
        (100, 140, "PASS"),  # +40 %, but 40 ms
        (400, 470, "PASS"),  # +70 ms, but 17.5 %
        (200, 262, "WARN"),  # +31 %, +62 ms
        (100, 195, "WARN"),  # +95 %
        (100, 215, "FAIL"),  # +115 %, +115 ms
        (60, 150, "WARN"),  # +150 %, but 90 ms
        (215, 100, "PASS"),  # faster
    ],
)
def test_a_shift_must_be_large_in_ms_and_in_proportion(pair, policy, before_ms, now_ms, wanted):
    """Both minimum effects of the policy hold, each at its border."""
    data = pair(
        base={"times": {("endpoint", "GET /"): times(lognormal(before_ms, 500))}},
        times={("endpoint", "GET /"): times(lognormal(now_ms, 500, seed=2))},
    )
    check = judged(data, policy, "requests.latency")
    assert check.status == wanted, check.reason
    # The bucket's middle is within 1 %, and so is the shift of two shapes that are alike.
    assert check.effect.value == pytest.approx(now_ms - before_ms, abs=0.03 * now_ms)
    assert check.observed.value == pytest.approx(now_ms, rel=0.02)
    assert check.baseline.value == pytest.approx(before_ms, rel=0.02)


@pytest.mark.parametrize(("n", "m"), [(49, 500), (500, 49), (5, 5), (1, 1)])
def test_few_requests_decide_nothing(pair, policy, n, m):
    """Two points a side are no evidence, whatever their distance; it says how many are missing."""
    data = pair(
        base={"times": {("endpoint", "GET /"): times(np.full(m, 10.0))}},
        times={("endpoint", "GET /"): times(np.full(n, 5000.0))},
        minutes=minutes((START_NS // MINUTE_NS, 1000, 0)),
    )
    check = judged(data, policy, "requests.latency")
    assert check.status == "INCONCLUSIVE"
    assert check.effect.needed_requests == 50 - min(n, m)


def test_a_large_difference_that_chance_explains_is_undecided(pair, policy):
    """Sixty requests of few independent minutes, twice as slow: not told as harm, and what would decide it is."""
    data = pair(
        base={"times": {("endpoint", "GET /"): times(lognormal(100, 5000, sigma=1.5), effect=2.0)}},
        times={("endpoint", "GET /"): times(lognormal(220, 60, sigma=1.5), effect=20.0)},
        minutes=minutes((START_NS // MINUTE_NS, 60, 0)),
    )
    check = judged(data, policy, "requests.latency")
    assert check.status == "INCONCLUSIVE"
    assert "chance can explain the difference" in check.reason
    assert check.effect.needed_requests > 0


def test_an_endpoint_that_slows_while_the_total_does_not_is_seen(pair, policy):
    """One in twenty requests is three times slower: the total's shift is nothing, the endpoint's is 400 ms."""
    fast = times(lognormal(100, 2000))
    data = pair(
        base={"times": {("endpoint", "GET /a"): fast, ("endpoint", "GET /b"): times(lognormal(200, 100))}},
        times={("endpoint", "GET /a"): fast, ("endpoint", "GET /b"): times(lognormal(600, 100))},
    )
    assert judged(data, policy, "requests.latency").status == "PASS"
    check = judged(data, policy, "requests.endpoint_latency")
    assert check.status == "FAIL"
    assert check.reason.startswith("GET /b: ")


def test_a_change_of_the_mix_is_no_slowdown(pair, policy):
    """Nine in ten requests went to the fast endpoint, now one in ten; each is as fast as before."""
    data = pair(
        base={
            "times": {
                ("endpoint", "GET /fast"): times(lognormal(20, 900)),
                ("endpoint", "GET /slow"): times(lognormal(800, 100)),
            }
        },
        times={
            ("endpoint", "GET /fast"): times(lognormal(20, 100)),
            ("endpoint", "GET /slow"): times(lognormal(800, 900)),
        },
    )
    check = judged(data, policy, "requests.latency")
    assert (check.status, check.effect.value) == ("PASS", pytest.approx(0, abs=1))


def test_a_drift_within_the_window_is_seen_without_a_baseline(healthy, policy):
    """The last quarter of the time takes three times as long as the first."""
    part = np.repeat(np.arange(8), 100)
    values = np.concatenate([lognormal(100 if p < 5 else 300, 100, seed=p) for p in range(8)])
    data = healthy(times={("endpoint", "GET /"): times(values, part)})
    check = judged(data, policy, "requests.latency")
    assert check.status == "FAIL"
    assert "within the window" in check.reason


@pytest.mark.parametrize(
    ("check", "event"),
    [("auth.latency", "auth.success"), ("database.latency", "database.user_found")],
)
@pytest.mark.parametrize(("now_ms", "wanted"), [(110, "PASS"), (160, "WARN"), (230, "FAIL")])
def test_dependencies_are_compared_by_their_own_times(pair, policy, check, event, now_ms, wanted):
    """+50 % and +20 ms WARN, +100 % and +100 ms FAIL, on the events' response times."""
    data = pair(
        base={"times": {("event", event): times(lognormal(100, 300))}},
        times={("event", event): times(lognormal(now_ms, 300))},
    )
    assert judged(data, policy, check).status == wanted


# Rates. The limits: +0.2 points and 2 times WARN, +2 points and 3 times FAIL; absolute: 1 %.


@pytest.mark.parametrize(
    ("before", "now", "wanted"),
    [
        ((10, 20000), (10, 20000), "PASS"),
        ((10, 2000), (100, 20000), "PASS"),  # ten times the traffic at the same rate
        ((4, 20000), (20, 20000), "PASS"),  # five times as many, but 0.08 points more
        ((20, 20000), (90, 20000), "WARN"),  # 0.1 to 0.45 %
        ((100, 20000), (190, 20000), "PASS"),  # 0.45 points more, but not twice as many
        ((0, 2), (0, 20000), "PASS"),
    ],
)
def test_an_error_rate_must_grow_in_points_and_in_proportion(pair, policy, before, now, wanted):
    """Below the absolute limit, only the relative ones speak."""
    data = pair(
        base={"requests": RequestCounts(n=before[1], eligible=before[1], eligible_5xx=before[0])},
        requests=RequestCounts(n=now[1], eligible=now[1], eligible_5xx=now[0]),
    )
    check = judged(data, policy, "requests.error_rate")
    assert check.status == wanted, check.reason
    assert check.baseline.n == before[1]


def test_what_a_pass_does_not_exclude_is_said(pair, policy):
    """No failure in 20,000 excludes a rise by two points, none in 100 does not; nor 60 requests twice the latency."""
    for n, excluded in ((20000, True), (100, False)):
        none = RequestCounts(n=n, eligible=n)
        check = judged(pair(base={"requests": none}, requests=none), policy, "requests.error_rate")
        assert (check.status, check.excludes is None) == ("PASS", excluded), check.reason
        assert ("is excluded" in check.reason) == excluded
    assert check.excludes == "a rise of up to 2.63 points is not excluded"  # Wilson: 1.645^2 / (100 + 1.645^2)
    there = {("endpoint", "GET /x"): times(lognormal(100, 60, sigma=2.0), effect=4.0)}
    here = {("endpoint", "GET /x"): times(lognormal(100, 60, sigma=2.0), effect=4.0)}
    slow = judged(pair(base={"times": there}, times=here), policy, "requests.latency")
    assert slow.status == "PASS"
    assert slow.excludes.endswith("times the baseline's latency is not excluded")
    largest = 1 + slow.effect.high / slow.baseline.value
    assert float(slow.excludes.partition(" ")[0]) == pytest.approx(largest, rel=0.05)
    many = {("endpoint", "GET /x"): times(lognormal(100, 2000))}
    assert judged(pair(base={"times": many}, times=many), policy, "requests.latency").excludes is None


def test_chance_is_a_doubt_and_no_status(pair, policy):
    """Two of 500 beside 10 of 5,000: the rate itself is good."""
    data = pair(
        base={"requests": RequestCounts(n=5000, eligible=5000, eligible_5xx=10)},
        requests=RequestCounts(n=500, eligible=500, eligible_5xx=4),
    )
    (rate,) = compare(data, policy)["requests.error_rate"]
    assert rate.decided == "INCONCLUSIVE"
    check = judged(data, policy, "requests.error_rate")
    assert (check.status, rate.doubt in check.reason) == ("PASS", True)


def test_only_a_pass_says_what_it_excludes(pair, policy):
    """60 of 500 failed."""
    data = pair(
        base={"requests": RequestCounts(n=5000, eligible=5000, eligible_5xx=10)},
        requests=RequestCounts(n=500, eligible=500, eligible_5xx=60),
    )
    check = judged(data, policy, "requests.error_rate")
    assert (check.status, check.excludes, "exclude" in check.reason) == ("FAIL", None, False)


@pytest.mark.parametrize(
    ("large", "p", "wanted"),
    [
        ("FAIL", 0.0025, "FAIL"),
        ("FAIL", 0.0026, "WARN"),
        ("FAIL", 0.01, "WARN"),
        ("WARN", 0.0001, "WARN"),
        ("WARN", 0.01, "WARN"),
        ("WARN", 0.011, "INCONCLUSIVE"),
        ("PASS", 0.0001, "PASS"),
    ],
)
def test_a_failure_asks_for_a_quarter_of_the_chance(large, p, wanted):
    """Of an alpha of 0.01."""
    none = Observed(value=0, unit="ratio", n=1)
    effect = Effect(kind="difference", value=0.5, unit="ratio", p=p)
    (found,) = decided([Comparison("requests.error_rate", "", large, "", none, none, effect)], {"alpha": 0.01})
    assert found.decided == wanted


def test_the_relative_effect_is_a_share_of_the_baselines_value(pair, policy):
    """From 1 to 3 in a hundred is 200 % more; as many as before are 0 % more."""
    for k, relative in ((30, 2.0), (10, 0.0)):
        data = pair(
            base={"requests": RequestCounts(n=1000, eligible=1000, eligible_5xx=10)},
            requests=RequestCounts(n=1000, eligible=1000, eligible_5xx=k),
        )
        assert judged(data, policy, "requests.error_rate").effect.relative == pytest.approx(relative)


SURGES = [((1, 500), "PASS"), ((2, 500), "INCONCLUSIVE"), ((60, 500), "FAIL"), ((9, 500), "WARN")]


@pytest.mark.parametrize(("now", "wanted"), SURGES)
def test_a_surge_of_401_and_403_is_seen(pair, policy, now, wanted):
    """Users are rejected: 0.2 % before. Two in 500 are twice that, and no more than chance."""
    data = pair(
        base={"requests": RequestCounts(n=5000, eligible=5000, eligible_denied=10)},
        requests=RequestCounts(n=now[1], eligible=now[1], eligible_denied=now[0]),
    )
    assert judged(data, policy, "auth.failure_rate").status == wanted


def test_auth_failures_count_by_event_where_these_are_more(pair, policy):
    """The service refuses over a socket, without a row of 401."""
    data = pair(
        base={"events": {"auth.failure": EventTotal(2, "degraded")}},
        events={"auth.failure": EventTotal(60, "degraded")},
    )
    check = judged(data, policy, "auth.failure_rate")
    assert (check.status, check.observed.value) == ("FAIL", 0.06)


@pytest.mark.parametrize(("events", "by_event"), [(60, True), (59, True), (58, False)])
def test_refused_users_are_proved_by_what_counts_them(pair, policy, events, by_event):
    """By rows of 401 and 403 where there are as many: 58 of 1,000."""
    rows = RequestCounts(n=1000, eligible=1000, eligible_denied=58)
    data = pair(requests=rows, events={"auth.failure": EventTotal(events, "degraded")})
    (refused,) = compare(data, policy)["auth.failure_rate"]
    assert (refused.topics == ("event/auth.failure/",)) == by_event
    assert refused.observed.value == events / 1000


def test_errors_of_one_minute_weigh_less(pair, policy):
    """A design effect of ten makes nine errors in 500 as good as one: undecided, not harm."""
    data = pair(
        base={"requests": RequestCounts(n=500, eligible=500, eligible_denied=1)},
        requests=RequestCounts(n=500, eligible=500, eligible_denied=9),
        design_effects={"denied": DesignEffect(10.0)},
    )
    assert judged(data, policy, "auth.failure_rate").status == "INCONCLUSIVE"


# The family of comparisons


def test_many_comparisons_of_a_check_raise_the_bar(pair, policy):
    """Eighteen lines after two are news where little is asked, and none among a hundred kinds of lines."""
    # R: poisson.test(c(18, 2), c(1000, 1000), alternative = "greater")$p.value is 0.0002012
    row = SignatureRow("disk slow", "WARNING", "", "", startup=False, n=18, baseline_n=2, minutes=18, slots=18)
    one = found(pair(signatures=Signatures(both=(row,))), policy, "novelty.errors")
    assert one["disk slow"].decided == "WARN"
    quiet = tuple(replace(row, signature=f"line {n}", n=5, baseline_n=5, minutes=5, slots=5) for n in range(100))
    many = found(pair(signatures=Signatures(both=(row, *quiet))), policy, "novelty.errors")
    assert one["disk slow"].effect.p == pytest.approx(0.0002012, rel=1e-3)
    assert many["disk slow"].decided == "INCONCLUSIVE"
    assert many["disk slow"].effect.q > one["disk slow"].effect.q


def test_kinds_of_warnings_do_not_dilute_the_error_rate(pair, policy):
    """24 of 4,853 beside 3 of 4,816 warn, whether or not 150 kinds of warnings are unchanged."""
    base = {"requests": RequestCounts(n=4816, eligible=4816, eligible_5xx=3)}
    now = RequestCounts(n=4853, eligible=4853, eligible_5xx=24)
    row = SignatureRow("", "WARNING", "", "", startup=False, n=5, baseline_n=5, minutes=5, slots=5)
    quiet = Signatures(both=tuple(replace(row, signature=f"line {n}") for n in range(150)))
    (rate,) = found(pair(base=base, requests=now, signatures=quiet), policy, "requests.error_rate").values()
    # R: fisher.test(matrix(c(24, 4829, 3, 4813), 2), alternative = "greater")$p.value
    assert rate.effect.p == pytest.approx(2.612e-5, rel=1e-3)
    assert (rate.decided, rate.effect.q) == ("WARN", rate.effect.p)


def test_what_chance_alone_may_raise_is_within_the_budget(policy):
    """The checks' alphas add up to 2 % WARN, and a quarter of it is 0.5 % FAIL."""
    alphas = [rule["alpha"] for rule in policy.rules.values() if "alpha" in rule.limits]
    assert len(alphas) >= 10
    assert sum(alphas) <= 0.02 + 1e-12


def test_without_a_baseline_nothing_is_compared(healthy, policy):
    """Absolute checks only, and said so."""
    assert compare(healthy(), policy) == {}
    judged = judge(healthy(), policy)
    assert decide(judged.checks, policy).verdict == "PASS"


# Laws


SMALL = st.lists(st.floats(1, 2000), min_size=50, max_size=120)
POLICY = load()


def _pair(healthy_sample, here, there):
    base = profile(times={("endpoint", "GET /"): times(there)})
    return replace(healthy_sample, baseline=base, times={("endpoint", "GET /"): times(here)})


@settings(max_examples=60)
@given(here=SMALL, there=SMALL)
def test_swapping_the_samples_mirrors_the_shift(here, there):
    """What is slower one way is faster the other way, by as much."""
    data = a_healthy_sample()
    one = found(_pair(data, here, there), POLICY, "requests.latency")[""]
    other = found(_pair(data, there, here), POLICY, "requests.latency")[""]
    assert one.effect.value == pytest.approx(-other.effect.value, rel=1e-6, abs=1e-9)
    if one.effect.low is not None and other.effect.high is not None:
        assert one.effect.low == pytest.approx(-other.effect.high, rel=1e-6, abs=1e-9)


@settings(max_examples=40)
@given(here=SMALL, there=SMALL, times_over=st.integers(2, 5))
def test_more_of_the_same_data_never_turns_harm_into_none(here, there, times_over):
    """Each entry so many times over: what was FAIL stays FAIL."""
    data = a_healthy_sample()
    before = found(_pair(data, here, there), POLICY, "requests.latency")[""]
    after = found(_pair(data, here * times_over, there * times_over), POLICY, "requests.latency")[""]
    if before.decided == "FAIL":
        assert after.decided == "FAIL"


@settings(max_examples=60)
@given(st.lists(st.floats(0.001, 1e6), min_size=1, max_size=60))
def test_a_histogram_is_the_sample_to_one_percent(values):
    """Every quantile of the buckets is within 1 % of the sample's."""
    binned = weighted({"a": times(values)})
    exact = Weighted.of(np.sort(values))
    assert binned.n == len(values)
    middle = np.repeat(binned.values, binned.counts.astype(int))
    assert np.allclose(middle, np.repeat(exact.values, exact.counts.astype(int)), rtol=0.0101)


def test_weights_cost_precision():
    """Ten entries counted nine times and ninety once: Kish's effective number is 180^2 / (10 * 81 + 90) = 36."""
    both = {"a": times(np.full(10, 5.0)), "b": times(np.full(90, 50.0))}
    found = weighted(both, {"a": 9.0, "b": 1.0})
    assert found.n == pytest.approx(180)
    assert found.n_effective == pytest.approx(36)
