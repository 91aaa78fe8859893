"""Histograms and slots to the judge's times: which names stand apart, and what the design effects allow for."""

import numpy as np
import polars as pl
import pytest
from scipy.special import stdtrit

from pipeline.assess.histograms import dense, slots_or_minutes, times_and_design_effects
from pipeline.judge.power import binomial_design_effect
from pipeline.judge.revision_data import OTHERS
from pipeline.judge.stats import INDEPENDENT, DesignEffect


def frames(*rows):
    """Histograms and slots of endpoints, from (name, slot, bucket, n) each, all of the steady phase and one part."""
    table = pl.DataFrame(rows, schema=["name", "slot", "bucket", "n"], orient="row").with_columns(
        pl.lit("endpoint").alias("kind")
    )
    histograms = table.group_by("kind", "name", "bucket").agg(pl.col("n").sum())
    histograms = histograms.with_columns(pl.lit("steady").alias("phase"), pl.lit(0, pl.Int64).alias("part"))
    slots = table.group_by("kind", "name", "slot").agg(
        pl.col("n").sum(),
        pl.lit(0, pl.Int64).alias("errors_5xx"),
        pl.lit(0, pl.Int64).alias("denied"),
        pl.col("n").sum().alias("n_steady"),
        (pl.col("bucket") * pl.col("n")).sum().alias("bucket_sum"),
    )
    return histograms, slots


def test_rare_names_are_one():
    """Twenty entries make a name; fewer are among the others, none is lost."""
    rows = [("GET /a", s, 900, 20) for s in range(10)] + [(f"GET /{n}", 1, 910, 19) for n in range(5)]
    times = times_and_design_effects(*frames(*rows))["times"]
    assert {key[1]: one.total for key, one in times.items()} == {"GET /a": 200, OTHERS: 95}


def test_a_slow_minute_of_all_endpoints_is_seen_in_all_of_them_together():
    """Forty endpoints of which each has one entry in ten seconds: by itself none shows what they share."""
    rng = np.random.default_rng(5)
    noise = np.repeat(rng.normal(0, 30, 60), 6)  # of minutes
    rows = [
        (f"GET /{e}", s, int(900 + 30 * rng.standard_normal() + noise[s]), 1) for e in range(40) for s in range(360)
    ]
    found = times_and_design_effects(*frames(*rows))
    assert found["design_effects"]["endpoint without trend"].value > 15
    assert max(one.design.value for one in found["times"].values()) < 10


def test_slots_of_starts_alone_change_nothing():
    """Ten seconds in which an endpoint had only the first requests of instances say nothing of its steady phase."""
    rng = np.random.default_rng(3)
    rows = [("GET /", s, int(900 + 20 * rng.standard_normal()), 2) for s in range(60)]
    histograms, slots = frames(*rows)
    starts = slots.with_columns(pl.col("slot") + 60, n_steady=0, bucket_sum=0).cast(slots.schema)
    ((name, without),) = times_and_design_effects(histograms, slots)["times"].items()
    beside = times_and_design_effects(histograms, pl.concat([slots, starts]))["times"][name]
    assert beside.design == without.design


def test_a_trend_is_no_noise_around_itself():
    """Entries that slow down steadily, of one endpoint: around their line they are independent."""
    rng = np.random.default_rng(7)
    rows = [("GET /", s, int(900 + 0.4 * s + 20 * rng.standard_normal()), 1) for s in range(360) for _ in range(5)]
    timing = times_and_design_effects(*frames(*rows))
    assert timing["design_effects"]["endpoint without trend"].value == pytest.approx(1, abs=0.5)
    assert timing["times"]["endpoint", "GET /"].design == timing["design_effects"]["endpoint without trend"]


def test_how_slow_all_is_changes_no_design_effect():
    """The same entries, each 1.02^300 times as slow: what varies around the mean does not ask for the mean."""
    rng = np.random.default_rng(11)
    rows = [("GET /", s, int(900 + 30 * np.sin(s / 9) + 9 * rng.standard_normal()), 2) for s in range(200)]
    fast, slow = (
        times_and_design_effects(*frames(*((name, s, bucket + more, n) for name, s, bucket, n in rows)))
        for more in (0, 300)
    )
    effects = [found["times"]["endpoint", "GET /"].design.value for found in (fast, slow)]
    effects += [found["design_effects"]["endpoint without trend"].value for found in (fast, slow)]
    assert effects == pytest.approx([effects[0]] * 4)
    assert effects[0] > 2


def test_a_slow_wave_leaves_more_to_tell_the_longer_the_window():
    """A level that rises and falls within 20 minutes, as real traffic has it: 2 hours tell more than half of one."""
    rng = np.random.default_rng(8)
    noise = 20 * rng.standard_normal((720, 5))

    def told(slots):
        rows = [("GET /", s, int(900 + 30 * np.sin(s / 19) + noise[s, i]), 1) for s in range(slots) for i in range(5)]
        design = times_and_design_effects(*frames(*rows))["times"]["endpoint", "GET /"].design
        return design.value / len(rows) * stdtrit(design.df, 0.999) ** 2

    assert told(720) < told(360) < told(180)


def test_stray_times_do_not_fill_memory():
    """Two entries, years apart: slots in between are not made."""
    rows = [("GET /", 0, 900, 30), ("GET /", 10**9, 905, 30)]
    assert times_and_design_effects(*frames(*rows))["times"]["endpoint", "GET /"].total == 60


def test_nothing_gives_nothing():
    """No request and no event with a duration."""
    empty = tuple(frame.clear() for frame in frames(("GET /", 0, 900, 1)))
    assert times_and_design_effects(*empty) == {
        "times": {},
        "design_effects": {"errors": INDEPENDENT, "denied": INDEPENDENT},
    }


@pytest.mark.parametrize(("minutes", "lengths"), [(7, [42]), (8, [48, 8]), (59, [354, 59]), (60, [60])])
def test_short_windows_are_cut_into_tens_of_seconds(minutes, lengths):
    """Slots alone below 8 minutes, minutes alone from 60 on, else both; a minute is six slots."""
    slots = pl.DataFrame({"slot": np.arange(6 * minutes), "bad": 0, "n": 1})
    assert [len(dense(rows, "bad", "n")[0]) for rows in slots_or_minutes(slots)] == lengths


def test_times_between_are_zeros():
    """Sums by slot, in order of time, from the first to the last."""
    rows = pl.DataFrame({"slot": [7, 5, 7], "bad": [2, 1, 1], "n": [3, 4, 5]})
    assert [column.tolist() for column in dense(rows, "bad", "n")] == [[1, 0, 3], [4, 0, 8]]


@pytest.mark.parametrize(("last", "length"), [(1_000_000, 1_000_001), (1_000_001, 2)])
def test_stray_times_leave_their_order_only(last, length):
    """A million slots of ten seconds are 116 days."""
    value, number = dense(pl.DataFrame({"slot": [0, last], "bad": [1, 2], "n": [3, 4]}), "bad", "n")
    assert (len(value), value[0], value[-1], number[-1]) == (length, 1, 2, 4)


def test_the_most_frequent_names_of_each_kind_stand_apart():
    """300 endpoints of 21 entries, and two of 20 that share the last place by name: one is among the others."""
    rows = [(f"GET /{n:03d}", 0, 900, 21) for n in range(299)] + [("GET /y", 0, 900, 20), ("GET /x", 0, 900, 20)]
    names = {name for _, name in times_and_design_effects(*frames(*rows))["times"]}
    assert len(names) == 301
    assert {"GET /x", OTHERS} < names
    assert "GET /y" not in names


def test_only_the_steady_phase_takes_time():
    """Entries of a start count for the name, and are not in its histogram; buckets of one part add up."""
    histograms, slots = frames(("GET /", 0, 900, 10), ("GET /", 1, 905, 8))
    starts = histograms.head(1).with_columns(pl.lit("startup").alias("phase"), n=pl.lit(2, histograms["n"].dtype))
    ((key, times),) = times_and_design_effects(pl.concat([histograms, starts]), slots)["times"].items()
    assert (key, times.total, sorted(times.bucket.tolist())) == (("endpoint", "GET /"), 18, [900, 905])


def test_failures_of_a_slot_are_one_incident():
    """3 and 1 failures of 5 slots: (9 + 1) / 4; 2 refused at once: 2. Slots without a request do not count."""
    _, slots = frames(*(("GET /", slot, 900, 50) for slot in range(5)))
    slots = slots.sort("slot").with_columns(
        pl.Series("errors_5xx", [3, 0, 1, 0, 0]), pl.Series("denied", [0, 2, 0, 0, 0])
    )
    histograms, _ = frames(("GET /", 0, 900, 250))
    found = times_and_design_effects(histograms, slots)["design_effects"]
    assert (found["errors"], found["denied"]) == (DesignEffect(2.5), DesignEffect(2.0))


def test_failures_of_a_whole_minute_are_one_incident():
    """Five in each of its six slots: as these follow one another, slots show more of it than the ten minutes."""
    _, slots = frames(*(("GET /", slot, 900, 50) for slot in range(60)))
    failed = np.where(np.arange(60) // 6 == 3, 5, 0)
    slots = slots.sort("slot").with_columns(pl.Series("errors_5xx", failed))
    histograms, _ = frames(("GET /", 0, 900, 3000))
    by_slot = binomial_design_effect(failed, np.full(60, 50))
    by_minute = binomial_design_effect(failed.reshape(10, 6).sum(axis=1), np.full(10, 300))
    assert by_slot > 1.5 * by_minute
    assert times_and_design_effects(histograms, slots)["design_effects"]["errors"] == DesignEffect(by_slot)


def test_first_requests_of_instances_are_no_part_of_the_time():
    """A slow wave of six minutes, and as long a time in which only instances started: the design effect stays."""
    rows = [("GET /", s, round(900 + 50 * np.sin(s / 5)), 2) for s in range(36)]
    histograms, slots = frames(*rows)
    starts = slots.with_columns(pl.col("slot") + 36, n_steady=0, bucket_sum=0).cast(slots.schema)
    ((name, without),) = times_and_design_effects(histograms, slots)["times"].items()
    beside = times_and_design_effects(histograms, pl.concat([slots, starts]))["times"][name]
    assert without.design.value > 1.5
    assert beside.design == without.design
