"""Facts of a verdict document that few windows have: newer deployments, settled windows, a baseline's percentiles."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from pipeline.assess.context import Context
from pipeline.assess.document import _baseline, _before_ms, _endpoint_before, _newer, _window
from pipeline.judge.crosscheck import Crosscheck, Newest
from pipeline.judge.deployed import Deployed
from pipeline.judge.policy import load
from pipeline.judge.revision_data import EndpointCounts, Latency, Times
from pipeline.window import Window
from tests.conftest import START
from tests.judge.conftest import MINUTE_NS, START_NS, a_healthy_sample, profile

NAME = a_healthy_sample().revision
NEXT = Crosscheck(newest=Newest("next", 9))


@pytest.mark.parametrize(
    ("deployed", "crosscheck", "wanted"),
    [
        (None, NEXT, None),
        (Deployed(1, "another", newer="later"), NEXT, None),
        (Deployed(1, NAME), Crosscheck(), None),
        (Deployed(1, NAME), NEXT, "next"),
        (Deployed(1, NAME, newer="later"), Crosscheck(), "later"),
        (Deployed(1, NAME, newer="later"), NEXT, "later"),
        (Deployed(1, NAME, rollback=True), NEXT, None),  # it is older than the newest, and meant to be
        (Deployed(1, NAME, newer="later", rollback=True), NEXT, "later"),
    ],
)
def test_what_supersedes_a_revision(deployed, crosscheck, wanted):
    """A later deployment by the log, or a newer revision by Cloud Run."""
    assert _newer(replace(a_healthy_sample(), deployed=deployed, crosscheck=crosscheck)) == wanted


END = START + timedelta(hours=1)
END_NS = START_NS + 60 * MINUTE_NS


@pytest.mark.parametrize(
    ("end", "now_s", "settled"),
    [(END, 300, True), (END, 299, False), (END, None, False), (None, 300, True), (None, 299, False)],
)
def test_a_window_is_settled_so_long_after_its_end(end, now_s, settled):
    """300 s; where no end was asked for, after the last entry, which is of the same time here."""
    now_ns = None if now_s is None else END_NS + now_s * 10**9
    context = Context("c", load(), Window(START, end), now_ns=now_ns, settle_s=300.0, listed=False)
    facts, notes = _window(a_healthy_sample(), context)
    assert (facts.settled, facts.start, facts.covered_end) == (settled, "2026-01-15T09:00:00Z", "2026-01-15T10:00:00Z")
    assert facts.end == (None if end is None else "2026-01-15T10:00:00Z")
    assert [("its last 300 s may be missing" in note) for note in notes] == ([] if settled else [True])


def test_a_window_that_leaves_out_the_newest_requests_says_so():
    """In place of the other note."""
    context = Context(
        "c", load(), Window(), now_ns=None, settle_s=300.0, listed=False, requests_until_ns=END_NS, notes=("first",)
    )
    _, notes = _window(a_healthy_sample(), context)
    assert notes[0] == "first"
    assert len(notes) == 2
    assert "started at 2026-01-15T10:00:00Z or later" in notes[1]


def test_percentiles_of_a_baseline_are_exact_or_of_its_histograms():
    """Of the window they are exact; of runs added up they are those of the buckets, of one endpoint or of all."""
    exact = profile(latency={"eligible": Latency(9, 50.0, 95.0, 99.0, 100.0)})
    assert [_before_ms(exact, "eligible", q) for q in (50, 95)] == [50.0, 95.0]
    times = {
        ("endpoint", name): Times(np.array([bucket]), np.array([0]), np.array([n]))
        for name, bucket, n in (("GET /a", 900, 30), ("GET /b", 1000, 70))
    }
    added = profile(times=times, endpoints={"GET /a": EndpointCounts(30, 2, 0)})
    middle = {bucket: 2 * 1.02**bucket / 2.02 / 1e6 for bucket in (900, 1000)}
    assert _before_ms(added, "eligible", 50) == pytest.approx(middle[1000])
    assert _before_ms(added, "GET /a", 50) == pytest.approx(middle[900])
    assert _before_ms(added, "GET /c", 50) is None
    assert (_endpoint_before(added, "GET /b"), _endpoint_before(None, "GET /a")) == (None, None)
    before = _baseline(replace(a_healthy_sample(), baseline=exact))
    assert (before.p50_ms, before.p95_ms) == (50.0, 95.0)


def test_an_endpoint_has_its_median_and_its_95th_percentile_before():
    """Of a thousand requests 505, 450 and 45 took as long: the median is the first, the 95th percentile the second."""
    times = Times(np.array([800, 900, 1000]), np.zeros(3, int), np.array([505, 450, 45]))
    added = profile(times={("endpoint", "GET /a"): times}, endpoints={"GET /a": EndpointCounts(1000, 2, 0)})
    found = _endpoint_before(added, "GET /a")
    middle = [2 * 1.02**bucket / 2.02 / 1e6 for bucket in (800, 900)]
    assert (found.n, found.errors_5xx) == (1000, 2)
    assert (found.p50, found.p95) == pytest.approx(tuple(middle))
