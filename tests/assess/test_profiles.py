"""A profile goes to history and back as one document, and runs add up field by field."""

from dataclasses import fields, replace

import numpy as np
import pytest

from pipeline.assess.profiles import dump, load, merged
from pipeline.judge.revision_data import (
    EndpointCounts,
    EventTotal,
    Instances,
    Latency,
    Profile,
    RequestCounts,
    Times,
)
from pipeline.judge.stats import DesignEffect


def run(first_ns, last_ns, *, start_ups, n=10):
    """One run of a revision."""
    counts = np.array([n, 2 * n], dtype=np.int64)
    times = Times(np.array([5, 9], dtype=np.int64), np.array([0, 1], dtype=np.int64), counts, DesignEffect(2.0, 30.0))
    return Profile(
        revision="shop-00001-abc",
        entries=n,
        parsed=n,
        explained=n - 1,
        first_ns=first_ns,
        last_ns=last_ns,
        starts=len(start_ups),
        severities=frozenset({"INFO"}),
        requests=RequestCounts(n=n, eligible=n - 1, eligible_5xx=1),
        design_effects={"errors": DesignEffect(1.5)},
        endpoints={"GET /": EndpointCounts(n, 1, 2)},
        times={("endpoint", "GET /"): times},
        events={"auth.success": EventTotal(n, "ok")},
        codes={("websocket.close", 1008): n},
        instances=Instances(len(start_ups), {"AUTOSCALING": len(start_ups)}, tuple(start_ups)),
    )


def same(one, other):
    """Whether two profiles hold the same, arrays included."""
    for field in fields(Profile):
        a, b = getattr(one, field.name), getattr(other, field.name)
        if field.name != "times":
            assert a == b, field.name
            continue
        assert a.keys() == b.keys()
        for name, times in a.items():
            for column in ("bucket", "part", "n"):
                assert (getattr(times, column) == getattr(b[name], column)).all()
            assert times.design == b[name].design
    return True


def test_a_profile_is_read_as_it_was_written():
    """Every field, by its type."""
    one = run(5, 9, start_ups=(100.0, 250.5))
    assert same(load(dump(one)), one)


def test_runs_add_up():
    """From the first entry of any to the last of any; start-ups of both; counts and histograms as sums."""
    early, late = run(100, 200, start_ups=(10.0,)), run(50, 900, start_ups=(20.0, 30.0), n=30)
    both = merged([early, late])
    assert (both.first_ns, both.last_ns, both.runs) == (50, 900, 2)
    assert both.instances.start_up_ms == (10.0, 20.0, 30.0)
    assert both.instances.starts_by_reason == {"AUTOSCALING": 3}
    assert (both.requests.n, both.requests.eligible_5xx) == (40, 2)
    assert both.endpoints == {"GET /": EndpointCounts(40, 2, 4)}
    assert both.events == {"auth.success": EventTotal(40, "ok")}
    assert both.codes == {("websocket.close", 1008): 40}
    assert both.times["endpoint", "GET /"].n.tolist() == [40, 80]


@pytest.mark.parametrize("order", [1, -1])
def test_a_run_without_times_adds_none(order):
    """The ends of the others stay, whichever run comes first."""
    runs = [run(100, 200, start_ups=()), replace(run(1, 2, start_ups=()), first_ns=None, last_ns=None)]
    both = merged(runs[::order])
    assert (both.first_ns, both.last_ns) == (100, 200)


def test_percentiles_of_several_runs_are_unknown():
    """Of one they stay; the largest, the least and the last of two are those of both."""
    latency = {"all": Latency(10, 1.0, 2.0, 3.0, 4.0)}
    one, other = (replace(run(1, 2, start_ups=()), latency=latency) for _ in range(2))
    assert merged([one]).latency == latency
    assert merged([one, other]).latency == {}
    first = replace(one, requests=RequestCounts(n=1, last_eligible_ns=5, fastest_three_5xx_ns=7), revision="a")
    last = replace(one, requests=RequestCounts(n=1, last_eligible_ns=3, fastest_three_5xx_ns=9), revision="b")
    both = merged([first, last])
    assert (both.requests.last_eligible_ns, both.requests.fastest_three_5xx_ns, both.revision) == (5, 7, "b")


def test_design_effects_are_averages_by_the_entries_they_stand_for():
    """1.5 of 10 entries and 4.5 of 30: 3.75, with the degrees of freedom of both; a run without one has 1."""
    one = replace(run(1, 2, start_ups=(), n=10), design_effects={"errors": DesignEffect(1.5, 3.0)})
    two = replace(run(1, 2, start_ups=(), n=30), design_effects={"errors": DesignEffect(4.5, 4.0)})
    assert merged([one, two]).design_effects == {"errors": DesignEffect(3.75, 7.0)}
    none = replace(two, design_effects={})
    assert merged([one, none]).design_effects["errors"].value == pytest.approx((10 * 1.5 + 30) / 40)
    nothing = replace(two, entries=0, design_effects={"errors": DesignEffect(4.5, 4.0)})
    assert merged([nothing, replace(one, entries=3)]).design_effects["errors"].value == 2.25
