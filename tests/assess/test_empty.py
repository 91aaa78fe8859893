"""A revision of which no entry is there: every number is none, and nothing fails."""

import pytest

from pipeline.aggregate.duckdb import DuckDBEngine
from pipeline.aggregate.measures import measure
from pipeline.assess.revision_data import View, answered, number, profile, revision_data
from pipeline.assess.revisions import Target
from pipeline.judge.revision_data import Instances, RequestCounts
from pipeline.window import Window


@pytest.fixture(scope="module")
def view():
    with DuckDBEngine([]) as engine:
        measures = measure(engine)
    return View(measures, Target("p", "l", "service", "shop", "shop-00001-abc", "shop/shop-00001-abc"))


def test_a_profile_of_nothing(view):
    """No entry, no request, no start."""
    found = profile(view)
    assert (found.entries, found.parsed, found.explained, found.runs) == (0, 0, 0, 1)
    assert (found.first_ns, found.last_ns, found.starts, found.minutes_long) == (None, None, 0, 0.0)
    assert (found.starts_by_run, found.volume_by_run) == (((0, 0.0),), ())
    assert (found.requests, found.instances, found.explained_ratio) == (RequestCounts(), Instances(), None)
    assert answered(view) == 0


def test_a_revision_of_nothing(view):
    """It serves nothing, shows nothing, and nothing is filtered out of it."""
    found = revision_data(view, window=Window(), listed=False)
    assert (found.service_entries, found.service_below_notice, found.unexplained_errors) == (0, 0, 0)
    assert (found.service_first_ns, found.service_last_ns, found.service_max_gap_ns) == (None, None, None)
    assert (found.serves, found.synthetic_only, found.filtered) == (False, False, False)
    assert (found.traffic_ratio, found.deployed_ns, found.ready_ms) == (None, None, None)
    assert (len(found.minutes.minute), len(found.occurrences), found.readiness_ages_ns.size) == (0, 0, 0)


def test_numbers_of_frames():
    """None stays none; 0 is a number."""
    assert (number(None), number(0), number(3.0)) == (None, 0, 3)
