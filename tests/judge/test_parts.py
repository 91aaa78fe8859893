"""The slowest eighth of a window, and what samples of latencies are made of, at the borders of their rules."""

import numpy as np
import pytest
from scipy.stats import t as student

from pipeline.judge.comparison import rounded
from pipeline.judge.counts import Execution, LatencySteps
from pipeline.judge.latencies import _pace, _with_common_noise, episodes, quantile, same_mix
from pipeline.judge.policy import load
from pipeline.judge.power import binomial_design_effect
from pipeline.judge.ranks import Weighted, percentile_interval
from pipeline.judge.revision_data import PARTS, SignatureRow, Times, is_grave, weighted
from pipeline.judge.stats import DesignEffect


def eighths(buckets, n=100):
    """One bucket in each eighth of the time."""
    return {("endpoint", "GET /"): Times(np.array(buckets), np.arange(len(buckets)), np.full(len(buckets), n))}


@pytest.mark.parametrize(("known", "wanted"), [(5, 1), (4, 1), (3, 0)])
def test_an_episode_needs_half_of_the_baselines_eighths(pair, policy, known, wanted):
    """Four of eight; the revision's part is told from 1 to 8."""
    data = pair(
        base={"times": eighths([900, 902, 898, 900, 900][:known])}, times=eighths([900] * 5 + [970] + [900] * 2)
    )
    found = episodes(data, data.baseline, policy)
    assert len(found) == wanted
    if found:
        assert found[0].reason.startswith("in part 6 of 8 of the window requests take 4 times as long")


@pytest.mark.parametrize(("n", "wanted"), [(20, 1), (19, 0)])
def test_an_eighth_counts_from_twenty_requests_on(pair, policy, n, wanted):
    """Fewer say nothing of it."""
    data = pair(base={"times": eighths([900, 902] * 4)}, times=eighths([950] * 8, n))
    assert len(episodes(data, data.baseline, policy)) == wanted


def test_the_chance_of_an_episode_is_students(pair, policy):
    """Eighths of 899 and 901, four each: sd 1.069, times sqrt(9/8) 1.134; one of 910 is 8.82 of these above 900.

    R: 8 * pt(-8.8192, 7, lower.tail = TRUE) is 1.932e-4; 1.02^10 is 1.219.
    """
    data = pair(base={"times": eighths([899, 901] * 4)}, times=eighths([900] * 7 + [910]))
    (found,) = episodes(data, data.baseline, policy)
    t = 10 / (np.std([899, 901] * 4, ddof=1) * np.sqrt(9 / 8))
    assert found.effect.p == pytest.approx(8 * student.sf(t, 7))
    assert found.effect.value == pytest.approx(1.02**10)
    assert (found.observed.n, found.baseline.n) == (100, 800)


@pytest.mark.parametrize(("bucket", "wanted"), [(936, "WARN"), (935, "PASS")])
def test_an_episode_is_twice_as_slow_and_a_tenth_of_a_second(pair, policy, bucket, wanted):
    """1.02^35 is 1.9999, 1.02^36 is 2.04; at a median of 550 ms that is more than 100 ms."""
    assert 1.02**35 < 2 < 1.02**36
    data = pair(base={"times": eighths([1018] * 8)}, times=eighths([1018] * 7 + [bucket + 118]))
    (found,) = episodes(data, data.baseline, policy)
    assert found.large == wanted


def test_an_endpoint_has_the_noise_that_all_share():
    """A quarter of what has a design effect of 5: 1 + 4 / 4 = 2. What is noisier by itself keeps its own."""
    times = Times(np.array([900]), np.array([0]), np.array([25]), DesignEffect(1.5, 9.0))
    others = Times(np.array([900]), np.array([0]), np.array([75]))
    together = {"a": times, "b": others}
    assert _with_common_noise(times, together, DesignEffect(5.0, 6.0)).design == DesignEffect(2.0, 6.0)
    assert _with_common_noise(times, together, DesignEffect(3.0, 6.0)).design == DesignEffect(1.5, 9.0)  # 1.5 too
    assert _with_common_noise(times, together, DesignEffect(3.1, 12.0)).design.df == 9.0


@pytest.mark.parametrize(("common", "mixed"), [(80, True), (79, False)])
def test_the_mix_is_set_equal_where_four_of_five_requests_are_common(common, mixed):
    """Of 100 of the revision's."""

    def times(n):
        return Times(np.array([900]), np.array([0]), np.array([n]))

    here, there = {"a": times(common), "b": times(100 - common)}, {"a": times(50)}
    assert same_mix(here, there, (DesignEffect(1.0), DesignEffect(1.0)))[2] == mixed
    alone = {"a": times(10)}
    assert not same_mix(alone, alone, (DesignEffect(1.0), DesignEffect(1.0)))[2]


def test_the_baseline_is_weighted_to_the_revisions_mix():
    """10 and 90 now, 60 and 40 before: weights of 1/6 and 9/4, as many in all."""

    def times(bucket, n):
        return Times(np.array([bucket]), np.array([0]), np.array([n]))

    here = {"a": times(800, 10), "b": times(900, 90)}
    there = {"a": times(800, 60), "b": times(900, 40)}
    _, control, _ = same_mix(here, there, (DesignEffect(1.0), DesignEffect(1.0)))
    assert control.counts == pytest.approx([10, 90])
    assert control.n_effective == pytest.approx(100**2 / (60 / 36 + 40 * 81 / 16))  # Kish


@pytest.mark.parametrize(("share", "wanted"), [(0.25, 1), (0.26, 2), (0.5, 2), (0.75, 3), (0.76, 4), (1.0, 4)])
def test_a_quantile_is_the_least_value_that_holds_its_share(share, wanted):
    """Of 1, 2, 3 and 4."""
    assert quantile(Weighted.of([1, 2, 3, 4]), share) == wanted


def test_parts_of_the_time_hold_both_ends():
    """Parts 2 to 4 of eight."""
    times = Times(np.full(PARTS, 900), np.arange(PARTS), np.arange(1, PARTS + 1), DesignEffect(3.0))
    part = times.within(2, 4)
    assert (part.n.tolist(), part.design.value) == ([3, 4, 5], 3.0)


def test_the_middle_of_a_bucket():
    """Of 1.02^899 to 1.02^900 ns, harmonic: 2 / (1 / 1.02^899 + 1 / 1.02^900)."""
    (value,) = weighted({"": Times(np.array([900]), np.array([0]), np.array([1]))}).values
    assert value == pytest.approx(2 / (1 / 1.02**899 + 1 / 1.02**900) / 1e6)


def test_a_line_without_minutes_stands_in_one():
    """Where a measure says nothing of them."""
    row = SignatureRow("x", "ERROR", "", "", startup=False, n=1, baseline_n=0)
    assert (row.minutes, row.slots) == (1, 1)


@pytest.mark.parametrize(
    ("level", "event", "wanted"),
    [
        ("CRITICAL", None, True),
        ("ALERT", "", True),
        ("ERROR", None, False),
        ("ERROR", "python.traceback", True),
        ("ERROR", "traceback.python", False),
        ("INFO", "panic", True),
    ],
)
def test_grave_lines(level, event, wanted):
    """CRITICAL and above, and tracebacks by the end of an event's name."""
    assert is_grave(level, event) == wanted


def test_steps_of_latency_with_empty_minutes_and_stray_ones():
    """9 of 10 slow ones in a minute; minutes between without a request are no incident, nor are years."""
    for last in (4, 999_999, 1_000_000, 10**9):
        steps = LatencySteps(
            minute=np.array([0, 0, 1, 1, last]), step=np.array([40, 60, 40, 60, 40]), n=np.array([20, 9, 29, 1, 30])
        )
        assert steps.design_effect(50 * 20) == pytest.approx(8.2)
    assert LatencySteps(*(np.array([], dtype=np.int64) for _ in range(3))).design_effect(5) == 1.0


def test_a_twentieth_more_is_slower():
    """Less is as fast as before, a twentieth less too."""
    words = [_pace("request", relative, "the baseline") for relative in (0.05, 0.049, -0.049, -0.05)]
    assert words[0] == "requests take 1.1 times as long as in the baseline"
    assert words[1:] == [*["requests are as fast as in the baseline"] * 2, "requests are faster than in the baseline"]


def test_empty_minutes_stand_between_steps_of_latency():
    """Slow ones in every second of sixteen minutes, of which each other is empty: none follows another."""
    busy = np.arange(0, 32, 2)
    slow = np.where(busy % 4, 1, 9)
    steps = LatencySteps(np.repeat(busy, 2), np.tile([40, 60], 16), np.stack([20 - slow, slow], axis=1).ravel())
    failed, requests = np.zeros(31), np.zeros(31)
    failed[busy], requests[busy] = slow, 20
    effect = binomial_design_effect(failed, requests)
    assert steps.design_effect(60 * 20) == pytest.approx(effect)
    assert binomial_design_effect(slow, np.full(16, 20)) != pytest.approx(effect)


@pytest.mark.parametrize(("bucket", "wanted"), [(1190, 8.2), (1209, 8.2), (1211, 1.0)])
def test_a_cut_is_taken_to_the_nearest_step(bucket, wanted):
    """Slow are steps from 60 on, which begins at bucket 1,200; of 61 there is none."""
    steps = LatencySteps(np.array([0, 0, 1, 1]), np.array([40, 60, 40, 60]), np.array([20, 9, 29, 1]))
    assert steps.design_effect(bucket) == pytest.approx(wanted)


def test_an_executions_duration_is_in_seconds():
    """From its start to its end; unknown without one of them."""
    assert Execution("e", started_ns=5 * 10**8, ended_ns=2 * 10**9).duration_s == 1.5
    assert Execution("e", started_ns=1).duration_s is None
    assert Execution("e", ended_ns=1).duration_s is None


@pytest.mark.parametrize("limit", ["ms", "ratio"])
def test_an_episode_at_its_limits(pair, limit):
    """10 buckets above the mean: by just so many ms, or so much, it counts; by the next number it does not."""
    there = eighths([900] * 8)
    data = pair(base={"times": there}, times=eighths([900] * 7 + [910]))
    ratio = 1.02**10.0 - 1
    median = rounded(percentile_interval(weighted({"": there["endpoint", "GET /"]}), 50).estimate)
    seen = {"ms": ratio * median, "ratio": ratio}[limit]
    for value, wanted in ((seen, "WARN"), (float(np.nextafter(seen, np.inf)), "PASS")):
        limits = {"fail_ms": 0, "fail_ratio": 0, f"fail_{limit}": value}
        (found,) = episodes(data, data.baseline, load({"requests.latency": limits}))
        assert found.large == wanted
