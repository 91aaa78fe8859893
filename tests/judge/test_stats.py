"""Every number here comes from R or a published table, never from our own output."""

import itertools
import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from scipy.stats import t as student

from pipeline.judge.ranks import (
    MannWhitney,
    Percentile,
    Shift,
    Weighted,
    hodges_lehmann,
    mann_whitney,
    percentile_interval,
)
from pipeline.judge.stats import (
    DesignEffect,
    benjamini_hochberg,
    clopper_pearson,
    fisher_exact,
    poisson_exact,
    poisson_interval,
    rise_bound,
)

ALTERNATIVES = ("greater", "less", "two-sided")

# > binom.test(k, n)$conf.int   (R 4.3; the first row is the textbook case of Clopper & Pearson 1934, their chart)
FROM_R = [
    (0, 1, 0.0, 0.975),
    (1, 1, 0.025, 1.0),
    (0, 10, 0.0, 0.3084971),
    (5, 10, 0.187086, 0.812914),
    (1, 20, 0.001265089, 0.2487328),
]


def test_the_bound_of_a_rise_ties_out_with_newcombe():
    """Newcombe (1998), Table II (a), 56/70 and 48/80: method 10 gives 0.0524 to 0.3339, two-sided 95 %."""
    z = 1.959963984540054
    up = rise_bound(control_k=48, control_n=80, experiment_k=56, experiment_n=70, z=z)
    down = rise_bound(control_k=56, control_n=70, experiment_k=48, experiment_n=80, z=z)
    assert (round(up, 4), round(-down, 4)) == (0.3339, 0.0524)


@pytest.mark.parametrize(("k", "n", "low", "high"), FROM_R)
def test_clopper_pearson_ties_out_with_r(k, n, low, high):
    """The interval is R's binom.test to seven digits."""
    assert clopper_pearson(k, n) == pytest.approx((low, high), rel=1e-6)


@pytest.mark.parametrize(("k", "n"), [(3, 1000), (7, 50), (49, 50), (12, 12)])
def test_each_tail_holds_half_of_alpha(k, n):
    """At the lower end k or more, at the upper end k or fewer successes have probability 0.025, summed term by term."""
    low, high = clopper_pearson(k, n)

    def probability(p, counts):
        return math.fsum(math.comb(n, i) * p**i * (1 - p) ** (n - i) for i in counts)

    assert probability(low, range(k, n + 1)) == pytest.approx(0.025, rel=1e-6)
    if k < n:
        assert probability(high, range(k + 1)) == pytest.approx(0.025, rel=1e-6)


@pytest.mark.parametrize("n", [1, 5, 20, 1000])
def test_no_failure_bounds_the_rate_in_closed_form(n):
    """With k = 0 the upper end is 1 - (alpha / 2) ** (1 / n), which needs no beta distribution."""
    assert clopper_pearson(0, n)[1] == pytest.approx(1 - 0.025 ** (1 / n), rel=1e-9)


def test_nothing_is_known_of_no_request():
    """No trial, no information: the interval is everything."""
    assert clopper_pearson(0, 0) == (0.0, 1.0)


@given(st.integers(0, 300), st.integers(0, 300))
def test_the_interval_holds_the_estimate_and_mirrors(k, rest):
    """The interval holds k / n, and failures counted as successes mirror it."""
    n = k + rest
    if not n:
        return
    low, high = clopper_pearson(k, n)
    assert low <= k / n <= high
    mirrored = clopper_pearson(rest, n)
    assert math.isclose(mirrored[0], 1 - high, abs_tol=1e-9)
    assert math.isclose(mirrored[1], 1 - low, abs_tol=1e-9)


def test_more_failures_than_trials_are_refused():
    """5 of 3 is a mistake of the caller."""
    with pytest.raises(ValueError, match="5 of 3"):
        clopper_pearson(5, 3)


# > poisson.test(k, exposure, conf.level = confidence)$conf.int   (R 4.2.2)
POISSON_FROM_R = [
    (0, 1, 0.95, 0.0, 3.688879454),
    (1, 1, 0.95, 0.02531780798, 5.57164339094),
    (10, 1, 0.95, 4.795388696, 18.390356042),
    (100, 1, 0.95, 81.36399125, 121.62679379),
    (137, 24.19893, 0.95, 4.753124805, 6.692709334),
    (10, 1, 0.99, 3.716922131, 21.397827500),
]


@pytest.mark.parametrize(("k", "exposure", "confidence", "low", "high"), POISSON_FROM_R)
def test_poisson_interval_ties_out_with_r(k, exposure, confidence, low, high):
    """The interval is R's poisson.test to nine digits."""
    assert poisson_interval(k, exposure, confidence) == pytest.approx((low, high), rel=1e-8)


def test_nothing_is_known_of_no_minute():
    """No exposure, no information; a count below 0 is a mistake."""
    assert poisson_interval(0, 0.0) == (0.0, math.inf)
    with pytest.raises(ValueError, match="-1 events"):
        poisson_interval(-1)


# > p <- function(alternative) fisher.test(rbind(c(ek, en - ek), c(ck, cn - ck)), alternative = alternative)$p.value
# > c(p("greater"), p("less"), p("two.sided"))   (R 4.2.2; the first row is Fisher's tea)
FISHER_FROM_R = [
    (1, 4, 3, 4, 0.2428571429, 0.9857142857, 0.4857142857),
    (0, 1, 1, 1, 0.5, 1.0, 1.0),
    (0, 5, 5, 5, 0.003968253968, 1.0, 0.007936507937),
    (1, 5, 4, 5, 0.1031746032, 0.9960317460, 0.2063492063),
    (2, 1000, 12, 900, 0.003587525848, 0.999544545571, 0.005237229815),
    (10, 15, 2, 12, 0.99903157296, 0.01236969235, 0.01853696475),
    (3, 5000, 40, 2000, 6.139527716e-19, 1.0, 6.139527716e-19),
    (0, 100_000, 9, 100_000, 0.001952773454, 1.0, 0.003905546908),
    (2, 18, 10, 15, 0.001365446309, 0.999929470748, 0.001417766190),
]


@pytest.mark.parametrize(("ck", "cn", "ek", "en", "greater", "less", "both"), FISHER_FROM_R)
def test_fisher_exact_ties_out_with_r(ck, cn, ek, en, greater, less, both):
    """All three alternatives are R's fisher.test to nine digits, 1e-19 included."""
    found = [
        fisher_exact(control_k=ck, control_n=cn, experiment_k=ek, experiment_n=en, alternative=alternative)
        for alternative in ALTERNATIVES
    ]
    assert found == pytest.approx([greater, less, both], rel=1e-8)


@pytest.mark.parametrize("alternative", ALTERNATIVES)
@pytest.mark.parametrize(
    ("ck", "cn", "ek", "en"), [(0, 0, 0, 0), (0, 0, 5, 5), (1, 1, 0, 0), (0, 5, 0, 1), (5, 5, 1, 1)]
)
def test_fisher_exact_of_nothing_shows_nothing(ck, cn, ek, en, alternative):
    """No request on a side, no failure, or nothing but failures: p is 1."""
    assert fisher_exact(control_k=ck, control_n=cn, experiment_k=ek, experiment_n=en, alternative=alternative) == 1.0


def test_fisher_exact_refuses_more_failures_than_requests():
    """6 of 5 is a mistake of the caller."""
    with pytest.raises(ValueError, match="6 of 5"):
        fisher_exact(control_k=0, control_n=5, experiment_k=6, experiment_n=5, alternative="greater")


sides = st.integers(0, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(sides, sides)
def test_fisher_exact_mirrors(one, other):
    """With the sides swapped greater is less, and two-sided the same."""

    def p(control, experiment, alternative):
        return fisher_exact(
            control_k=control[0],
            control_n=control[1],
            experiment_k=experiment[0],
            experiment_n=experiment[1],
            alternative=alternative,
        )

    assert p(one, other, "greater") == pytest.approx(p(other, one, "less"), rel=1e-9)
    assert p(one, other, "two-sided") == pytest.approx(p(other, one, "two-sided"), rel=1e-9)


@given(sides, st.integers(1, 60))
def test_fisher_exact_falls_with_each_failure(control, n):
    """One more failure of the experiment never raises p: Kayenta's rule passes 30 bad minutes where it flags 28."""
    ps = [
        fisher_exact(control_k=control[0], control_n=control[1], experiment_k=k, experiment_n=n, alternative="greater")
        for k in range(n + 1)
    ]
    assert all(after <= before * (1 + 1e-12) for before, after in itertools.pairwise(ps))


# > p <- function(alternative) poisson.test(c(ek, ck), c(ee, ce), alternative = alternative)$p.value
# > c(p("greater"), p("less"), p("two.sided"))   (R 4.2.2; the first row is example(poisson.test))
POISSON_TEST_FROM_R = [
    (21, 2933, 11, 800, 0.06369312869, 0.97198151295, 0.08443215775),
    (3, 60, 12, 60, 0.017578125, 0.996307373, 0.035156250),
    (0, 100, 3, 10, 0.0007513148009, 1.0, 0.0007513148009),
    (5, 10, 5, 20, 0.9234364680, 0.2131280801, 0.3171772596),
    (0, 10, 0, 10, 1.0, 1.0, 1.0),
    (40, 1000, 90, 1500, 0.01859857903, 0.98836968320, 0.03180276970),
]


@pytest.mark.parametrize(("ck", "ce", "ek", "ee", "greater", "less", "both"), POISSON_TEST_FROM_R)
def test_poisson_exact_ties_out_with_r(ck, ce, ek, ee, greater, less, both):
    """All three alternatives are R's poisson.test to nine digits."""
    found = [
        poisson_exact(
            control_k=ck, control_exposure=ce, experiment_k=ek, experiment_exposure=ee, alternative=alternative
        )
        for alternative in ALTERNATIVES
    ]
    assert found == pytest.approx([greater, less, both], rel=1e-8)


@pytest.mark.parametrize(("ce", "ee"), [(0, 10), (10, 0), (0, 0)])
def test_poisson_exact_of_no_exposure_shows_nothing(ce, ee):
    """Without a minute on a side there is nothing to compare; less than none is a mistake."""
    same = {"control_k": 0, "experiment_k": 9, "alternative": "greater"}
    assert poisson_exact(control_exposure=ce, experiment_exposure=ee, **same) == 1.0
    with pytest.raises(ValueError, match="not below 0"):
        poisson_exact(control_exposure=-1, experiment_exposure=ee, **same)


@given(st.integers(0, 50), st.integers(0, 50), st.floats(0.1, 1000), st.floats(0.1, 1000), st.floats(0.001, 1000))
def test_poisson_exact_mirrors_and_has_no_unit(ck, ek, ce, ee, unit):
    """With the sides swapped greater is less; minutes or seconds give the same p."""
    p = poisson_exact(control_k=ck, control_exposure=ce, experiment_k=ek, experiment_exposure=ee, alternative="greater")
    swapped = poisson_exact(
        control_k=ek, control_exposure=ee * unit, experiment_k=ck, experiment_exposure=ce * unit, alternative="less"
    )
    assert p == pytest.approx(swapped, rel=1e-6)


def of(*values):
    """The histogram of independent values."""
    return Weighted.of(values)


# R 4.2.2: example(wilcox.test), from Hollander & Wolfe (1973), 69f: permeability of placentas at term and before.
PERMEABILITY = of(0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46)
EARLIER = of(1.15, 0.88, 0.90, 0.74, 1.21)
# > mtcars$mpg[mtcars$am == 1]; mtcars$mpg[mtcars$am == 0]
MANUAL = of(21.0, 21.0, 22.8, 32.4, 30.4, 33.9, 27.3, 26.0, 30.4, 15.8, 19.7, 15.0, 21.4)
AUTOMATIC = of(
    *(21.4, 18.7, 18.1, 14.3, 24.4, 22.8, 19.2, 17.8, 16.4, 17.3),
    *(15.2, 10.4, 10.4, 14.7, 21.5, 15.5, 15.2, 13.3, 19.2),
)
# > airquality$Temp[airquality$Month == 5]; ... == 6
MAY = of(
    *(67, 72, 74, 62, 56, 66, 65, 59, 61, 69, 74, 69, 66, 68, 58),
    *(64, 66, 57, 68, 62, 59, 73, 61, 61, 57, 58, 57, 67, 81, 79, 76),
)
JUNE = of(
    *(78, 74, 67, 84, 85, 79, 82, 87, 90, 87, 93, 92, 82, 80, 79),
    *(77, 72, 65, 73, 76, 77, 76, 76, 76, 75, 78, 73, 80, 77, 83),
)
TIED = of(12, 15, 15, 18, 20, 20, 20, 25, 31, 40)
TIED_BEFORE = of(10, 12, 12, 14, 15, 15, 18, 19, 22, 22, 26)
# > rep(c(10, 20, 30, 40, 55), c(40, 70, 33, 9, 2)); rep(c(10, 20, 30, 45), c(60, 61, 20, 3))
HISTOGRAM = Weighted.of([10, 20, 30, 40, 55], [40, 70, 33, 9, 2])
HISTOGRAM_BEFORE = Weighted.of([10, 20, 30, 45], [60, 61, 20, 3])
SQUARES = Weighted.of(np.arange(1, 26) ** 2 + 0.5)  # > (1:25)^2 + .5
LADDER = Weighted.of(np.arange(1, 26) * 20 + 0.25)  # > (1:25) * 20 + .25

# > p <- function(alternative) wilcox.test(experiment, control, alternative = alternative, exact = exact)
# > c(p("greater"), p("less"), p("two.sided")); W; exact where no value is tied, as ours   (R 4.2.2)
MANN_WHITNEY_FROM_R = {
    "exact, Hollander & Wolfe": (EARLIER, PERMEABILITY, 0.1272061272, 0.8967698968, 0.2544122544, 35),
    "exact, 25 a side": (LADDER, SQUARES, 0.8556699683, 0.148788263, 0.297576526, 258),
    "exact, 3 against 2": (of(1, 2, 3), of(5, 7), 0.1, 1.0, 0.2, 6),
    "exact, 5 against 5": (of(1, 2, 3, 4, 5), of(10, 11, 12, 13, 14), 0.003968253968, 1.0, 0.007936507937, 25),
    "tied": (TIED_BEFORE, TIED, 0.08903631441, 0.9218451599, 0.1780726288, 74.5),
    "histogram": (HISTOGRAM_BEFORE, HISTOGRAM, 0.0004005957718, 0.9996014844, 0.0008011915435, 13415),
    "mtcars": (AUTOMATIC, MANUAL, 0.0009356956666, 0.9991789193, 0.001871391333, 205),
}


@pytest.mark.parametrize(
    ("control", "experiment", "greater", "less", "both", "w"), MANN_WHITNEY_FROM_R.values(), ids=MANN_WHITNEY_FROM_R
)
def test_mann_whitney_ties_out_with_r(control, experiment, greater, less, both, w):
    """p of all three alternatives and W are R's wilcox.test to nine digits."""
    found = [mann_whitney(control=control, experiment=experiment, alternative=a) for a in ALTERNATIVES]
    assert [test.p for test in found] == pytest.approx([greater, less, both], rel=1e-8)
    assert found[0].cles * control.n * experiment.n == pytest.approx(w)


def test_mann_whitney_beyond_the_exact_tables_ties_out_with_r():
    """26 untied values a side are judged by the normal approximation with the correction for continuity.

    > wilcox.test((1:26)^2 + .5, (1:26) * 20 + .25, exact = FALSE, alternative = "greater")$p.value   (R 4.2.2)
    [1] 0.8270345377
    """
    control, experiment = Weighted.of(np.arange(1, 27) * 20 + 0.25), Weighted.of(np.arange(1, 27) ** 2 + 0.5)
    assert mann_whitney(control=control, experiment=experiment, alternative="greater").p == pytest.approx(
        0.8270345377, rel=1e-8
    )


def test_mann_whitney_of_equal_values_shows_nothing():
    """All equal: p is 1 and neither is larger; no value: no effect size is made up."""
    same = Weighted.of([7.0], [100])
    assert mann_whitney(control=same, experiment=same, alternative="greater") == MannWhitney(0.0, 1.0, 0.5)
    for pair in ((of(), same), (same, of()), (of(), of())):
        z, p, cles = mann_whitney(control=pair[0], experiment=pair[1], alternative="two-sided")
        assert (math.isnan(z), p, math.isnan(cles)) == (True, 1.0, True)


@pytest.mark.parametrize("times", [2, 10, 100])
def test_copies_of_the_values_tell_nothing_new(times):
    """Each value repeated, with as many independent ones as before, gives about the z of before, not a larger one."""
    before = mann_whitney(control=AUTOMATIC, experiment=MANUAL, alternative="greater")
    control, experiment = (Weighted(w.values, w.counts * times, w.n) for w in (AUTOMATIC, MANUAL))
    copied = mann_whitney(control=control, experiment=experiment, alternative="greater")
    assert copied.cles == pytest.approx(before.cles)
    assert copied.z == pytest.approx(before.z, rel=0.03)


def test_so_few_independent_values_cannot_show_more_than_their_orders():
    """3 against 3 independent values, apart however far: 1 order of 20."""
    control, experiment = Weighted(np.arange(99.0), np.ones(99), 3.0), Weighted(np.arange(200.0, 299), np.ones(99), 3.0)
    assert mann_whitney(control=control, experiment=experiment, alternative="greater").p == pytest.approx(1 / 20)
    assert mann_whitney(control=control, experiment=experiment, alternative="two-sided").p == pytest.approx(1 / 10)


# > w <- wilcox.test(experiment, control, conf.int = TRUE, conf.level = confidence); the estimate where values are tied:
# > median(outer(experiment, control, "-"));  w$conf.int   (R 4.2.2)
# R finds the interval of tied values with uniroot, to 1e-4: 10.00007717 17.00000200 and so on.
SHIFTS_FROM_R = {
    "exact, Hollander & Wolfe": (EARLIER, PERMEABILITY, 0.95, 0.305, -0.15, 0.76),
    "exact, 25 a side": (LADDER, SQUARES, 0.95, -55.75, -155.75, 49.25),
    "exact, 4 against 3": (of(5.1, 4.93, 5.5, 6.2), of(7.7, 8.1, 6.05), 0.9, 2.05, -0.15, 3.17),
    "exact, 5 against 5": (of(1, 2, 3, 4, 5), of(10, 11, 12, 13, 14), 0.95, 9, 6, 12),
    "tied": (TIED_BEFORE, TIED, 0.95, 3, -2, 10),
    "histogram": (HISTOGRAM_BEFORE, HISTOGRAM, 0.95, 0, 0, 10),
    "mtcars": (AUTOMATIC, MANUAL, 0.95, 6.8, 2.9, 11.7),
    "airquality": (MAY, JUNE, 0.95, 14, 10, 17),
}


@pytest.mark.parametrize(
    ("control", "experiment", "confidence", "estimate", "low", "high"), SHIFTS_FROM_R.values(), ids=SHIFTS_FROM_R
)
def test_hodges_lehmann_ties_out_with_r(control, experiment, confidence, estimate, low, high):
    """Estimate and interval are R's; what it finds by root search we take from the differences themselves."""
    shift = hodges_lehmann(control=control, experiment=experiment, confidence=confidence)
    assert shift == pytest.approx((estimate, low, high), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_so_few_values_bound_no_shift(n):
    """At 95 % up to 3 a side bound nothing, however far apart: Kayenta clips to the range and flags 2."""
    far = hodges_lehmann(control=Weighted.of(np.arange(n)), experiment=Weighted.of(np.arange(n) + 1000))
    assert far == Shift(1000.0, -math.inf, math.inf)
    many = Weighted.of(np.arange(500), design=DesignEffect(500 / n))
    assert hodges_lehmann(control=many, experiment=many) == Shift(0.0, -math.inf, math.inf)


def test_no_value_has_no_shift():
    """Without a value on a side there is no estimate, and the interval is everything."""
    for pair in ((of(), of(1, 2)), (of(1, 2), of())):
        estimate, low, high = hodges_lehmann(control=pair[0], experiment=pair[1])
        assert (math.isnan(estimate), low, high) == (True, -math.inf, math.inf)


def test_a_shift_of_dependent_values_has_a_wider_interval():
    """A quarter of the independent values: an interval about twice as wide around the same estimate."""
    values = np.linspace(0, 100, 400)
    alone = hodges_lehmann(control=Weighted.of(values), experiment=Weighted.of(values + 5))
    shared = hodges_lehmann(
        control=Weighted.of(values, design=DesignEffect(4.0)),
        experiment=Weighted.of(values + 5, design=DesignEffect(4.0)),
    )
    assert alone.estimate == pytest.approx(shared.estimate)
    assert shared.high - shared.low == pytest.approx(2 * (alone.high - alone.low), rel=0.05)


def test_bisection_finds_the_median_of_all_differences():
    """1,500 against 1,500 distinct values, counted 1 to 8 times: the median of all 45 million differences."""
    rng = np.random.default_rng(3)
    control = Weighted.of(np.arange(1500.0), rng.integers(1, 9, 1500))
    experiment = Weighted.of(np.arange(0, 4500.0, 3), rng.integers(1, 9, 1500))
    start = time.perf_counter()
    shift = hodges_lehmann(control=control, experiment=experiment)
    assert time.perf_counter() - start < 0.5
    differences = np.subtract.outer(experiment.values, control.values).astype(np.int64)
    weights = np.bincount(
        (differences - differences.min()).ravel(), weights=np.outer(experiment.counts, control.counts).ravel()
    )
    median = np.searchsorted(np.cumsum(weights), weights.sum() / 2) + differences.min()
    assert shift.estimate == median
    assert shift.low < median < shift.high


def test_more_equal_differences_than_are_sorted_at_once():
    """66,000 distinct values moved by 1,000: as many of the differences are the median, which bisection cannot part."""
    values = np.arange(66_000) / 2**20
    shift = hodges_lehmann(control=Weighted.of(values), experiment=Weighted.of(values + 1000))
    assert shift.estimate == 1000


histograms = st.dictionaries(st.integers(0, 40), st.integers(1, 6), min_size=1, max_size=12).map(
    lambda counts: Weighted.of(list(counts), list(counts.values()))
)


@given(histograms, histograms, st.sampled_from([1.0, 1.7]))
def test_swapping_the_samples_mirrors_everything(one, other, deff):
    """Greater becomes less with the same p, and the shift and its interval change their sign."""
    a, b = (Weighted(w.values, w.counts, w.n / deff) for w in (one, other))
    forth = mann_whitney(control=a, experiment=b, alternative="greater")
    back = mann_whitney(control=b, experiment=a, alternative="less")
    assert (forth.p, forth.z, forth.cles) == pytest.approx((back.p, -back.z, 1 - back.cles))
    assert mann_whitney(control=a, experiment=b, alternative="two-sided").p == pytest.approx(
        mann_whitney(control=b, experiment=a, alternative="two-sided").p
    )
    estimate, low, high = hodges_lehmann(control=a, experiment=b)
    assert hodges_lehmann(control=b, experiment=a) == (-estimate, -high, -low)
    assert low <= estimate <= high


@given(histograms, histograms, st.sampled_from([1e-6, 0.001, 0.25, 60, 1e6]))
def test_a_change_of_unit_scales_the_shift_and_keeps_p(control, experiment, unit):
    """Seconds or microseconds: the same p, the same shift. Kayenta sees no change below 0.0001 of any unit."""
    c, e = (Weighted(w.values * unit, w.counts, w.n_effective) for w in (control, experiment))
    assert mann_whitney(control=c, experiment=e, alternative="greater") == mann_whitney(
        control=control, experiment=experiment, alternative="greater"
    )
    scaled = [end * unit for end in hodges_lehmann(control=control, experiment=experiment)]
    assert hodges_lehmann(control=c, experiment=e) == pytest.approx(scaled, abs=40 * unit * 1e-12)


@given(histograms, histograms, st.randoms(use_true_random=False), st.sampled_from([5, 50, 95]))
def test_a_histogram_is_its_values_repeated_in_any_order(control, experiment, random, q):
    """Counts are repetitions: all results are those of the single values, shuffled."""
    singles = [np.repeat(w.values, w.counts.astype(int)).tolist() for w in (control, experiment)]
    for values in singles:
        random.shuffle(values)
    c, e = (Weighted.of(values) for values in singles)
    expected = np.median(np.subtract.outer(singles[1], singles[0]))
    assert hodges_lehmann(control=c, experiment=e) == hodges_lehmann(control=control, experiment=experiment)
    assert hodges_lehmann(control=c, experiment=e).estimate == expected
    assert mann_whitney(control=c, experiment=e, alternative="less") == mann_whitney(
        control=control, experiment=experiment, alternative="less"
    )
    wins = np.greater.outer(singles[1], singles[0]).mean() + np.equal.outer(singles[1], singles[0]).mean() / 2
    assert mann_whitney(control=c, experiment=e, alternative="less").cles == pytest.approx(wins)
    assert percentile_interval(c, q) == percentile_interval(control, q)
    assert percentile_interval(c, q).estimate == pytest.approx(np.percentile(singles[0], q))


@given(histograms, histograms)
def test_the_interval_leaves_out_zero_only_where_the_test_rejects(control, experiment):
    """Without its correction for ties the interval is the wider one: it never claims a shift that the test does not."""
    shift = hodges_lehmann(control=control, experiment=experiment)
    if shift.low > 0 or shift.high < 0:
        assert mann_whitney(control=control, experiment=experiment, alternative="two-sided").p <= 0.05


# > rivers   (R 4.2.2, 141 lengths in miles)
RIVERS = [
    *(735, 320, 325, 392, 524, 450, 1459, 135, 465, 600, 330, 336, 280, 315, 870, 906, 202, 329, 290, 1000),
    *(600, 505, 1450, 840, 1243, 890, 350, 407, 286, 280, 525, 720, 390, 250, 327, 230, 265, 850, 210, 630),
    *(260, 230, 360, 730, 600, 306, 390, 420, 291, 710, 340, 217, 281, 352, 259, 250, 470, 680, 570, 350),
    *(300, 560, 900, 625, 332, 2348, 1171, 3710, 2315, 2533, 780, 280, 410, 460, 260, 255, 431, 350, 760, 618),
    *(338, 981, 1306, 500, 696, 605, 250, 411, 1054, 735, 233, 435, 490, 310, 460, 383, 375, 1270, 545, 445),
    *(1885, 380, 300, 380, 377, 425, 276, 210, 800, 420, 350, 360, 538, 1100, 1205, 314, 237, 610, 360, 540),
    *(1038, 424, 310, 300, 444, 301, 268, 620, 215, 652, 900, 525, 246, 360, 529, 500, 720, 270, 430, 671, 1770),
]
# > quantile(rivers, q); sort(rivers)[qbinom(c(tail, 1 - tail), 141, q) + 0:1]; qbinom(.975, 141, .99) is 141, no bound
PERCENTILES_FROM_R = [
    (50, 0.95, 425, 380, 500),
    (90, 0.95, 1054, 890, 1450),
    (50, 0.99, 425, 360, 525),
    (99, 0.95, 2459, 1885, math.inf),
]


@pytest.mark.parametrize(("q", "confidence", "estimate", "low", "high"), PERCENTILES_FROM_R)
def test_percentile_interval_ties_out_with_r(q, confidence, estimate, low, high):
    """Estimate of type 7 and ranks of the binomial distribution, as R."""
    assert percentile_interval(Weighted.of(RIVERS), q, confidence) == (pytest.approx(estimate), low, high)


def test_percentile_of_few_values_has_no_bound():
    """To bound the 99th percentile from above at 95 % takes 368 values (0.99 ** 368 < 0.025); one bounds nothing."""
    assert percentile_interval(Weighted.of(np.arange(367)), 99).high == math.inf
    assert percentile_interval(Weighted.of(np.arange(368)), 99).high == 367
    assert percentile_interval(of(5), 50) == Percentile(5.0, -math.inf, math.inf)
    assert percentile_interval(Weighted.of([5], design=DesignEffect(2.0)), 50) == Percentile(5.0, -math.inf, math.inf)
    assert math.isnan(percentile_interval(of(), 50).estimate)
    assert percentile_interval(of(), 50)[1:] == (-math.inf, math.inf)
    with pytest.raises(ValueError, match="percentile 100"):
        percentile_interval(of(5), 100)


def test_percentile_of_dependent_values_has_a_wider_interval():
    """1,000 values worth 10: ranks 2 and 9 (R: qbinom(c(.025, .975), 10, .5) + 0:1) of 10 are 101 and 900."""
    data = Weighted.of(np.arange(1, 1001), design=DesignEffect(100.0))
    assert percentile_interval(data, 50) == Percentile(500.5, 101.0, 900.0)


@given(histograms, st.sampled_from([1.0, 2.5]), st.sampled_from([1, 10, 50, 90, 99]), st.sampled_from([0.5, 0.9, 0.99]))
def test_percentile_interval_holds_its_estimate(data, deff, q, confidence):
    """The estimate lies within its interval, and a higher confidence widens it."""
    data = Weighted(data.values, data.counts, data.n / deff)
    estimate, low, high = percentile_interval(data, q, confidence)
    assert low <= estimate <= high
    wider = percentile_interval(data, q, 0.999)
    assert wider.low <= low
    assert high <= wider.high


# > p.adjust(p, "BH")   (R 4.2.2; the 15 p-values are those of Benjamini & Hochberg 1995, 3.2, thrombolysis: at 5 % they
# reject the first four)
THROMBOLYSIS = [
    *(0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240),
    *(0.4262, 0.5719, 0.6528, 0.7590, 1.0),
]
ADJUSTED = [
    *(0.0015, 0.003, 0.0095, 0.035625, 0.0603, 0.06385714286, 0.06385714286, 0.0645, 0.0765, 0.486),
    *(0.58118181818, 0.71487500000, 0.75323076923, 0.81321428571, 1.0),
]


def test_benjamini_hochberg_ties_out_with_r_and_the_paper():
    """The q-values are R's, in any order of the p-values, and reject the paper's four hypotheses."""
    assert benjamini_hochberg(THROMBOLYSIS) == pytest.approx(ADJUSTED, rel=1e-9)
    assert (benjamini_hochberg(THROMBOLYSIS) <= 0.05).sum() == 4
    order = np.random.default_rng(1).permutation(15)
    assert benjamini_hochberg(np.array(THROMBOLYSIS)[order]) == pytest.approx(np.array(ADJUSTED)[order])


def test_benjamini_hochberg_refuses_what_is_no_p_value():
    """NaN, below 0 or above 1 are refused; nothing gives nothing."""
    assert benjamini_hochberg([]).shape == (0,)
    for wrong in (math.nan, -0.1, 1.1):
        with pytest.raises(ValueError, match="between 0 and 1"):
            benjamini_hochberg([0.5, wrong])


BAD = {
    "not ascending": ([2.0, 1.0], [1.0, 1.0], 2.0, "ascend"),
    "twice the same": ([1.0, 1.0], [1.0, 1.0], 2.0, "ascend"),
    "NaN": ([math.nan], [1.0], 1.0, "finite"),
    "infinite": ([math.inf], [1.0], 1.0, "finite"),
    "count of 0": ([1.0], [0.0], 0.0, "above 0"),
    "count NaN": ([1.0], [math.nan], 1.0, "above 0"),
    "more independent than values": ([1.0], [2.0], 3.0, "independent"),
    "none independent": ([1.0], [2.0], 0.0, "independent"),
    "shapes": ([1.0, 2.0], [2.0], 1.0, "no histogram"),
}


@pytest.mark.parametrize(("values", "counts", "n_effective", "message"), BAD.values(), ids=BAD)
def test_what_is_no_histogram_is_refused(values, counts, n_effective, message):
    """Values that do not ascend, counts that are none, more independent values than values."""
    with pytest.raises(ValueError, match=message):
        Weighted(np.array(values), np.array(counts), n_effective)


def test_a_histogram_of_single_values_merges_and_drops():
    """Repeated values merge, those counted 0 times are left out, whole counts or not."""
    data = Weighted.of([3, 1, 2, 3], [0.5, 2, 0, 1], design=DesignEffect(1.75))
    assert (data.values.tolist(), data.counts.tolist(), data.n_effective) == ([1, 3], [2, 1.5], 2.0)
    assert (of().n, of().n_effective) == (0, 0)


@settings(max_examples=50)
@given(histograms, histograms, st.floats(0.05, 3))
def test_standardised_counts_keep_estimates(control, experiment, factor):
    """All counts times a factor, whole or not: the same effect size and the same shift."""
    c, e = (Weighted(w.values, w.counts * factor, w.n * factor) for w in (control, experiment))
    assert mann_whitney(control=c, experiment=e, alternative="greater").cles == pytest.approx(
        mann_whitney(control=control, experiment=experiment, alternative="greater").cles
    )
    assert (
        hodges_lehmann(control=c, experiment=e).estimate
        == hodges_lehmann(control=control, experiment=experiment).estimate
    )


STUDENT = [(3.0, 3.0), (3.0, math.inf)]


@pytest.mark.parametrize("dfs", STUDENT)
def test_an_estimated_design_effect_takes_students_t(dfs):
    """p is Student's tail of z, at Satterthwaite's degrees of freedom: of equal variances 2 df, of one known 4 df."""
    control, experiment = (
        Weighted(np.arange(1000.0) + shift, np.ones(1000), 200.0, df) for shift, df in zip((0, 90), dfs, strict=True)
    )
    found = mann_whitney(control=control, experiment=experiment, alternative="greater")
    df = 6 if math.isfinite(dfs[1]) else 12
    assert found.p == pytest.approx(student.sf(found.z, df), rel=1e-9)
    assert found.p > norm.sf(found.z)
    low, high = hodges_lehmann(control=control, experiment=experiment)[1:]
    normal = hodges_lehmann(
        control=Weighted(control.values, control.counts, 200.0),
        experiment=Weighted(experiment.values, experiment.counts, 200.0),
    )
    # R: qt(.975, c(6, 12)) is 2.446911851 and 2.178812830, qnorm(.975) is 1.959963985
    wider = {6: 2.446911851, 12: 2.178812830}[df] / 1.959963985
    assert high - low == pytest.approx((normal.high - normal.low) * wider, rel=0.02)
