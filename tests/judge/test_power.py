"""Every number here comes from R or a published table, never from our own output; what R has not is simulated."""

from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.fft import dct
from scipy.signal import detrend
from scipy.special import ndtri
from scipy.stats import beta

from pipeline.judge.power import (
    binomial_design_effect,
    cosine_design_effect,
    design_effect,
    more_requests_to_compare_rates,
    more_requests_to_decide,
    more_to_detect_shift,
)
from pipeline.judge.ranks import Weighted, mann_whitney
from pipeline.judge.stats import INDEPENDENT, DesignEffect, clopper_pearson

NONE = Weighted.of([])

# R 4.2.2, with s, n, ss the sums, numbers and sum of squares (all base R; acf divides by all minutes, not by pairs):
# > M <- length(s); N <- sum(n); res <- s - sum(s) / N * n; v <- (ss - sum(s)^2 / N) / (N - 1)
# > a <- acf(res, plot = F, lag.max = 2, demean = F)$acf[2:3, 1, 1]; r <- a * M / (M - 1:2)
# > k <- pmax(0, r + (1 + 3 * r) / M); rr <- min(.95, if (r[1] > 1 / sqrt(M)) max(k[1], sqrt(k[2])) else k[1])
# > f <- (1 + rr) / (1 - rr); ind <- max(M / f, 2); df <- ind - 1
# > c(ind / (ind - 1) * sum(res^2) / N / v * f, df)
# LakeHuron, a level a year: acf 0.8319 0.6099; 17.78453771 and 5.45417607
# LakeHuron[1:96] in fours: acf 0.4790 0.3736; 25.461841992 and 3.115332995
# airquality$Wind in eights, the last alone: acf 0.0388 0.1954; 2.930132733 and 15.464577412
HURON = [
    *(580.38, 581.86, 580.97, 580.80, 579.79, 580.39, 580.42, 580.82, 581.40, 581.32, 581.44, 581.68, 581.17, 580.53),
    *(580.01, 579.91, 579.14, 579.16, 579.55, 579.67, 578.44, 578.24, 579.10, 579.09, 579.35, 578.82, 579.32, 579.01),
    *(579.00, 579.80, 579.83, 579.72, 579.89, 580.01, 579.37, 578.69, 578.19, 578.67, 579.55, 578.92, 578.09, 579.37),
    *(580.13, 580.14, 579.51, 579.24, 578.66, 578.86, 578.05, 577.79, 576.75, 576.75, 577.82, 578.64, 580.58, 579.48),
    *(577.38, 576.90, 576.94, 576.24, 576.84, 576.85, 576.90, 577.79, 578.18, 577.51, 577.23, 578.42, 579.61, 579.05),
    *(579.26, 579.22, 579.38, 579.10, 577.95, 578.12, 579.75, 580.85, 580.41, 579.96, 579.61, 578.76, 578.18, 577.21),
    *(577.13, 579.10, 578.25, 577.91, 576.89, 575.96, 576.80, 577.68, 578.38, 578.52, 579.74, 579.31, 579.89, 579.96),
]
WIND_SUMS = [
    *(91.1, 90.1, 99.6, 88.1, 88.3, 100.5, 57.9, 75.2, 59.5, 87.0),
    *(76.8, 66.4, 65.9, 77.9, 78.9, 41.7, 94.0, 84.3, 88.8, 11.5),
]


def test_design_effect_ties_out_with_r():
    """The formula of the docstring, worked in R on three of its data sets."""
    huron = np.array(HURON)
    assert design_effect(huron, np.ones(98), (huron**2).sum()) == pytest.approx((17.78453771, 5.45417607), rel=1e-6)
    fours = huron[:96].reshape(24, 4).sum(axis=1)
    assert design_effect(fours, np.full(24, 4), (huron[:96] ** 2).sum()) == pytest.approx(
        (25.461841992, 3.115332995), rel=1e-6
    )
    assert design_effect(WIND_SUMS, [8] * 19 + [1], 17056.83) == pytest.approx((2.930132733, 15.464577412), rel=1e-6)


def test_the_cosines_are_those_of_scipy():
    """Lake Huron's level of 98 years: the mean square of coefficients 2 to 10 of scipy's cosine transform."""
    huron = np.array(HURON)
    left = detrend(huron)
    cosines = round(0.4 * 98 ** (2 / 3))
    value = (dct(left, type=2, norm="ortho")[2 : 2 + cosines] ** 2).mean() / left.var(ddof=1)
    assert cosine_design_effect(huron, np.ones(98), (huron**2).sum()) == pytest.approx((value, cosines))


def test_cosines_of_what_does_not_vary_and_of_few_minutes():
    """A straight line is left out whole; 7 minutes count as one value each; empty minutes are no degrees of freedom."""
    line = np.linspace(10, 20, 30)
    assert cosine_design_effect(line, np.ones(30), (line**2).sum()) == INDEPENDENT
    assert cosine_design_effect(np.arange(7), np.full(7, 20), 1000.0) == (20.0, inf)
    sums = np.zeros(400)
    sums[::40] = np.random.default_rng(3).normal(size=10)
    assert cosine_design_effect(sums, (sums != 0).astype(float), (sums**2).sum()).df == round(0.4 * 20 ** (2 / 3))


def test_noise_within_minutes_hides_less_of_a_slow_wave():
    """r(1) of 0.24 in 40 minutes is above its standard error of 0.158: the root of r(2) takes its place where larger.

    Kendall's (1 + 3 r) / minutes is added to both.
    """
    wave = np.sin(np.arange(40) / 4) + np.random.default_rng(12).normal(size=40) * 0.9
    left = wave - wave.mean()
    seen, second = ((left[lag:] * left[:-lag]).mean() / left.var() for lag in (1, 2))
    assert 1 < seen * np.sqrt(40) < 2
    root = np.sqrt(second + (1 + 3 * second) / 40)
    assert root > seen + (1 + 3 * seen) / 40
    found = design_effect(wave, np.ones(40), (wave**2).sum())
    assert found.df == pytest.approx(40 * (1 - root) / (1 + root) - 1)


def test_values_that_are_all_zero_do_not_vary():
    """Nothing is divided by their spread."""
    for effect in (design_effect, cosine_design_effect):
        assert effect(np.zeros(10), np.ones(10), 0.0) == INDEPENDENT


def test_as_many_failures_as_successes_are_counted_by_the_failures():
    """The rarer of both, else the failures: 3 and 1 at a time, (9 + 1) / 4; of the successes it would be 6 / 4."""
    assert binomial_design_effect([3, 1, 0], [4, 2, 2]) == 2.5


def test_equal_minutes_are_no_more_than_independent():
    """Eight minutes of a 1 and a 3: their sums do not vary at all, their values do."""
    assert design_effect([4] * 8, [2] * 8, 80.0).value == 1.0


def test_what_does_not_vary_has_no_design_effect():
    """No value, one value, or all equal: 1, in minutes few and many."""
    assert design_effect([], [], 0.0) == INDEPENDENT
    assert design_effect([0, 0], [0, 0], 0.0) == INDEPENDENT
    assert design_effect([7], [1], 49.0) == INDEPENDENT
    for minutes in (3, 30):
        assert design_effect(np.full(minutes, 0.3 * 7), np.full(minutes, 7), 0.09 * 7 * minutes) == INDEPENDENT


def test_few_minutes_count_as_one_value_each():
    """7 minutes of 20 values that vary are 7 values: a factor of 20; of unequal minutes the large ones count more."""
    assert design_effect(np.arange(7), np.full(7, 20), 1000.0) == (20.0, inf)
    assert design_effect([1, 1], [1, 3], 10.0) == ((1 + 9) / 4, inf)


def test_empty_minutes_part_what_they_stand_between():
    """Every second minute empty: no neighbours, so r(1) is unknown and taken as 0; the rest as without them."""
    rng = np.random.default_rng(5)
    sums = rng.normal(size=(40, 1)) * 5 + rng.normal(size=(40, 5))
    apart = np.zeros((80, 5))
    apart[::2] = sums
    counts = np.tile([5, 0], 40)
    found = design_effect(apart.sum(axis=1), counts, (sums**2).sum())
    assert found.value == pytest.approx(1 + 4 * 25 / 26, rel=0.15)  # Kish, for an intra-class correlation of 25 / 26


def test_only_neighbouring_minutes_show_autocorrelation():
    """20 pairs of equal minutes, an empty one after each: r(1) is that of the pairs, at its cap of 0.95: 39 times."""
    sums = np.random.default_rng(6).normal(size=20)
    pairs = np.column_stack([sums, sums, np.zeros(20)]).ravel()
    assert design_effect(pairs, np.tile([1, 1, 0], 20), 2 * (sums**2).sum()).value > 30


def test_a_drift_is_capped():
    """A steady drift of 400 minutes: r(1) is taken as 0.95, so 39 times a little; of 20 minutes: 1 value is left."""
    drift = np.linspace(-1, 1, 400)
    assert 39 < design_effect(drift, np.ones(400), (drift**2).sum()).value < 60
    assert design_effect(drift[::20], np.ones(20), (drift[::20] ** 2).sum()) == (20, 1)


def autoregressive(rng, rho, minutes):
    """A stationary series of variance 1."""
    noise = rng.normal(size=minutes)
    series = np.empty(minutes)
    series[0] = noise[0]
    for i in range(1, minutes):
        series[i] = rho * series[i - 1] + np.sqrt(1 - rho**2) * noise[i]
    return series


def data(rng, *, rho, share, minutes=50, per_minute=20, shift=0.0, effect=design_effect):
    """A side as the judge sees it: share of the variance belongs to the minute, the rest to the request."""
    minute = np.sqrt(share) * autoregressive(rng, rho, minutes) if share else np.zeros(minutes)
    values = minute[:, None] + np.sqrt(1 - share) * rng.normal(size=(minutes, per_minute)) + shift
    design = effect(values.sum(axis=1), np.full(minutes, per_minute), (values**2).sum())
    return Weighted.of(values.ravel(), design=design)


def alarms(control, experiment):
    """Whether p < 0.01 with the effective numbers, and with the numbers themselves."""
    plain = [Weighted(w.values, w.counts, w.n) for w in (control, experiment)]
    return (
        mann_whitney(control=control, experiment=experiment, alternative="greater").p < 0.01,
        mann_whitney(control=plain[0], experiment=plain[1], alternative="greater").p < 0.01,
    )


@pytest.mark.parametrize("minutes", [50, 20])
@pytest.mark.parametrize(
    ("share", "per_minute"), [(1.0, 1), (1.0, 20), (0.3, 20)], ids=["one a minute", "all alike", "some alike"]
)
def test_dependent_minutes_do_not_raise_alarms(share, per_minute, minutes):
    """AR(1) 0.8 on both sides, no change: at most 2 % have p < 0.01; Kayenta and plain numbers: over 15 %."""
    rng = np.random.default_rng(20)
    more = {"rho": 0.8, "share": share, "per_minute": per_minute, "minutes": minutes}
    seen = [alarms(*(data(rng, **more) for _ in range(2))) for _ in range(1000)]
    allowed_for, plain = np.mean(seen, axis=0)
    assert allowed_for <= 0.02
    assert plain > 0.15


@pytest.mark.parametrize(("share", "per_minute"), [(1.0, 1), (0.3, 20)], ids=["one a minute", "some alike"])
def test_the_cosines_keep_alarms_of_dependent_minutes_few(share, per_minute):
    """AR(1) 0.8 on both sides, no change, p < 0.002 of `requests.latency`: at most 3 %, before its least effect."""
    rng = np.random.default_rng(24)
    more = {"rho": 0.8, "share": share, "per_minute": per_minute, "minutes": 50, "effect": cosine_design_effect}
    sides = [tuple(data(rng, **more) for _ in range(2)) for _ in range(1000)]
    tests = [mann_whitney(control=one, experiment=other, alternative="greater").p for one, other in sides]
    assert np.mean(np.array(tests) < 0.002) <= 0.03


def test_independent_requests_lose_little():
    """Without dependence the design effect is near 1 and the power within 12 points of the test that knows it."""
    rng = np.random.default_rng(21)
    sides = [(data(rng, rho=0, share=0), data(rng, rho=0, share=0, shift=0.15)) for _ in range(600)]
    effects = [side.n / side.n_effective for pair in sides for side in pair]
    assert np.median(effects) < 1.2
    assert np.mean(effects) < 1.35
    found, plain = np.mean([alarms(*pair) for pair in sides], axis=0)
    assert plain > 0.8
    assert found > plain - 0.12


def test_design_effect_of_clusters_is_that_of_kish():
    """Independent minutes of 10 with an intra-class correlation of 0.4: 1 + 9 * 0.4 = 4.6 (Kish 1965, 5.4)."""
    rng = np.random.default_rng(22)
    values = np.sqrt(0.4) * rng.normal(size=(2000, 1)) + np.sqrt(0.6) * rng.normal(size=(2000, 10))
    found = design_effect(values.sum(axis=1), np.full(2000, 10), (values**2).sum())
    assert found.value == pytest.approx(4.6, rel=0.1)


def test_design_effect_of_a_long_series_is_that_of_bartlett():
    """An AR(1) of 0.6 with one value a minute: (1 + 0.6) / (1 - 0.6) = 4."""
    series = autoregressive(np.random.default_rng(23), 0.6, 20_000)
    assert design_effect(series, np.ones(20_000), (series**2).sum()).value == pytest.approx(4, rel=0.05)
    assert cosine_design_effect(series, np.ones(20_000), (series**2).sum()).value == pytest.approx(4, rel=0.25)


minutes = st.lists(st.tuples(st.integers(0, 30), st.integers(1, 30)), min_size=1, max_size=40)


@pytest.mark.parametrize("effect", [design_effect, cosine_design_effect])
@given(minutes, st.sampled_from([0.001, 60, 1e6]))
def test_design_effect_has_no_unit(effect, rows, unit):
    """The unit of the values changes nothing; the effect is at least 1, and some value is left."""
    counts = np.array([n for _, n in rows])
    values = [np.random.default_rng(i).normal(mean, 1, n) for i, (mean, n) in enumerate(rows)]
    sums, squares = np.array([v.sum() for v in values]), sum((v**2).sum() for v in values)
    found = effect(sums, counts, squares)
    assert 1 <= found.value <= counts.sum()
    assert effect(sums * unit, counts, squares * unit**2) == pytest.approx(found, rel=1e-6)


def test_binomial_design_effect_sees_bursts():
    """40 minutes of 100 requests: failures spread evenly tell as they are, those of one minute nearly as one."""
    spread = np.tile([1, 0], 20)
    assert binomial_design_effect(spread, np.full(40, 100)) < 1.1
    burst = np.zeros(40)
    burst[11] = 20
    assert 15 < binomial_design_effect(burst, np.full(40, 100)) < 25


def test_binomial_design_effect_of_few_minutes_counts_incidents():
    """In 5 minutes the failures of a minute are one incident: sum(k^2) / sum(k), of the rarer outcome."""
    assert binomial_design_effect([0, 6, 0, 0, 3], [50] * 5) == (36 + 9) / 9
    assert binomial_design_effect([50, 44, 50, 50, 47], [50] * 5) == (36 + 9) / 9
    assert binomial_design_effect([1, 1, 0], [50] * 3) == 1.0


@pytest.mark.parametrize("length", [0, 3, 30])
def test_binomial_design_effect_of_all_or_nothing_is_1(length):
    """No failure, or nothing but failures, shows no incident; more failures than requests are a mistake."""
    requests = np.full(length, 9)
    assert binomial_design_effect(np.zeros(length), requests) == 1.0
    assert binomial_design_effect(requests, requests) == 1.0
    with pytest.raises(ValueError, match="more failures"):
        binomial_design_effect([2], [1])


# Which are decided by R's binom.test(k, n)$conf.int against 1 % (R 4.2.2):
# 0 of 367: 0 to 0.01000110, 0 of 368: 0 to 0.00997405; 10 of 400: 0.01205 to 0.04549; 2 of 4: 0.06759 to 0.93241
DECIDED_BY_R = [(0, 367, False), (0, 368, True), (0, 5000, True), (10, 400, True), (3, 100, False)]


@pytest.mark.parametrize(("k", "n", "is_decided"), DECIDED_BY_R)
def test_nothing_more_is_needed_where_r_has_decided(k, n, is_decided):
    """The Clopper-Pearson interval leaves a limit of 1 % out, or it does not."""
    assert (more_requests_to_decide(k, n, 0.01) == 0) == is_decided


def test_above_the_limit_takes_its_failures():
    """2 of 4 are above 1 % by the interval, yet 3 failures are asked for."""
    assert clopper_pearson(2, 4)[0] > 0.01
    assert more_requests_to_decide(2, 4, 0.01) > 0
    assert more_requests_to_decide(2, 4, 0.01, min_k=2) == 0


def test_what_nobody_would_wait_for_is_not_promised():
    """More than ten windows; a limit of 0 or 1 is never decided."""
    assert more_requests_to_decide(0, 20, 0.01) is None
    assert more_requests_to_decide(1, 100, 0.01) is None
    assert more_requests_to_decide(0, 50, 0.0) is None
    assert more_requests_to_decide(50, 50, 1.0) is None
    with pytest.raises(ValueError, match="5 of 3"):
        more_requests_to_decide(5, 3, 0.01)


@pytest.mark.full
def test_four_of_five_promises_are_kept():
    """True rates log-uniform from 0.1 to 6 %, windows of 400: so many more requests decide in 80 to 92 % of cases.

    A simulation of its own (binomial draws, Clopper-Pearson by scipy's beta); in a simulation of 96 cases it was 87 %,
    and 76 % where the seen rate is taken for true.
    """
    rng = np.random.default_rng(7)
    kept = promised = 0
    for rate in np.exp(rng.uniform(np.log(0.001), np.log(0.06), 400)):
        k = int(rng.binomial(400, rate))
        more = more_requests_to_decide(k, 400, 0.01)
        if not more:
            continue
        promised += 1
        total, n = k + int(rng.binomial(more, rate)), 400 + more
        low = beta.ppf(0.025, total, n - total + 1) if total else 0.0
        high = beta.ppf(0.975, total + 1, n - total)
        kept += (low > 0.01 and total >= 3) or high < 0.01
    assert promised > 60
    assert 0.80 <= kept / promised <= 0.92, (kept, promised)


# > power.prop.test(n = n, p1 = k / n, p2 = q, sig.level = .01, alternative = "one.sided")$power   (R 4.2.2)
# power.prop.test(p1 = .05, p2 = .1, sig.level = .01, power = .9, alternative = "one.sided")$n is 720.1248522
RATES_FROM_R = [
    (36, 720, 0.1, 0.899944937),
    (13, 1300, 0.03, 0.9064452738),
    (2, 1000, 0.02, 0.9380105288),
    (50, 200, 0.1, 0.9509262094),
]


@pytest.mark.parametrize(("k", "n", "rate", "power"), RATES_FROM_R)
def test_requests_to_compare_rates_tie_out_with_r(k, n, rate, power):
    """For R's power with n a side, n in the experiment are needed."""
    more = more_requests_to_compare_rates(
        control_k=k, control_n=n, experiment_k=round(rate * 100), experiment_n=100, power=power
    )
    assert more + 100 == pytest.approx(n, rel=0.002)


def test_requests_to_compare_rates_with_unequal_sides_have_their_power():
    """10,000 against as many as it takes, 20,000 times: the two-proportion z test shows it in 90 %."""
    more = more_requests_to_compare_rates(control_k=100, control_n=10_000, experiment_k=2, experiment_n=100)
    n = 100 + more
    rng = np.random.default_rng(9)
    control, experiment = rng.binomial(10_000, 0.01, 20_000), rng.binomial(n, 0.02, 20_000)
    both = (control + experiment) / (10_000 + n)
    z = (experiment / n - control / 10_000) / np.sqrt(both * (1 - both) * (1 / 10_000 + 1 / n))
    assert (z > 2.326348).mean() == pytest.approx(0.9, abs=0.02)


def test_no_number_compares_what_is_equal_or_unknown():
    """No request on a side, equal rates, or a control too small for any experiment: None; enough: 0."""

    def more(ck, cn, ek, en):
        return more_requests_to_compare_rates(control_k=ck, control_n=cn, experiment_k=ek, experiment_n=en)

    assert more(0, 0, 1, 10) is None
    assert more(1, 10, 0, 0) is None
    assert more(1, 10, 2, 20) is None
    assert more(0, 10, 0, 20) is None
    assert more(1, 20, 1, 10) is None
    assert more(36, 720, 100, 1000) == 0
    with pytest.raises(ValueError, match="3 of 2"):
        more(3, 2, 0, 1)


# > noether <- function(p, c, alpha, power)
# +   (qnorm(alpha, lower = FALSE) + qnorm(power))^2 / (12 * c * (1 - c) * (p - .5)^2)   (R 4.2.2)
# > noether(.7, .5, .05, .9); noether(.6, .5, .01, .9): both sides together
NOETHER_FROM_R = [(0.7, 0.05, 71.36539459), (0.6, 0.01, 433.8979455)]


@pytest.mark.parametrize(("p", "alpha", "both"), NOETHER_FROM_R)
def test_values_to_detect_a_shift_tie_out_with_noether(p, alpha, both):
    """Uniform values shifted by s exceed the others with probability 1/2 + s - s^2 / 2; half of the total a side."""
    shift = 1 - np.sqrt(1 - 2 * (p - 0.5))
    uniform = (np.arange(10_000) + 0.5) / 10_000
    control = Weighted(uniform, np.ones(10_000), both / 2)
    experiment = Weighted(np.array([0.5]), np.array([10.0]), 10.0)
    for sign in (1, -1):
        more = more_to_detect_shift(control=control, experiment=experiment, shift=sign * shift, alpha=alpha)
        assert more + 10 == pytest.approx(both / 2, abs=1.5)


def test_values_to_detect_a_shift_have_their_power():
    """400 normal values against as many as it takes for half a deviation: p < 0.01 in 90 % of 800 runs."""
    rng = np.random.default_rng(4)
    grid = Weighted.of(ndtri((np.arange(400) + 0.5) / 400))
    n = more_to_detect_shift(control=grid, experiment=NONE, shift=0.5)
    found = [
        mann_whitney(
            control=Weighted.of(rng.normal(size=400)),
            experiment=Weighted.of(rng.normal(0.5, 1, n)),
            alternative="greater",
        ).p
        < 0.01
        for _ in range(800)
    ]
    assert np.mean(found) == pytest.approx(0.9, abs=0.03)


def test_dependent_values_need_more_of_them():
    """An experiment worth a third of its values needs three times as many; in another unit the same."""
    control = Weighted.of(np.arange(1000))
    free = more_to_detect_shift(control=control, experiment=Weighted.of(np.arange(20)), shift=150)
    bound = more_to_detect_shift(
        control=control, experiment=Weighted.of(np.arange(20), design=DesignEffect(3.0)), shift=150
    )
    assert bound + 20 == pytest.approx(3 * (free + 20), abs=3)
    seconds = Weighted.of(np.arange(1000) * 0.001)
    assert more_to_detect_shift(control=seconds, experiment=Weighted.of(np.arange(20)), shift=0.15) == free


def test_no_number_detects_a_shift_of_nothing():
    """No control, no shift, or a control too small for any experiment: None; enough: 0."""
    control = Weighted.of(np.arange(1000))
    assert more_to_detect_shift(control=NONE, experiment=control, shift=1) is None
    assert more_to_detect_shift(control=control, experiment=control, shift=0) is None
    assert more_to_detect_shift(control=Weighted.of(np.arange(10)), experiment=control, shift=1) is None
    assert more_to_detect_shift(control=control, experiment=control, shift=300) == 0
