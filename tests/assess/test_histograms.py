"""Histograms and slots to the judge's times: which names stand apart, and what the design effects allow for."""

import numpy as np
import polars as pl
import pytest
from scipy.special import stdtrit

from pipeline.assess.histograms import times_and_design_effects
from pipeline.judge.revision_data import OTHERS
from pipeline.judge.stats import INDEPENDENT


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
