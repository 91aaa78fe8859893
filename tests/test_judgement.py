"""The judge is right about windows of known truth; `python -m tests.benchmarks.judgement` runs all, and often.

`make test` has one scenario in six of the quick ones, `make test-full` all of these.
"""

import numpy as np
import pytest

from tests.benchmarks.judgement import audit
from tests.benchmarks.judgement.__main__ import shares
from tests.benchmarks.judgement.power import SHARES, needed
from tests.benchmarks.judgement.rivals import kayenta_metric
from tests.benchmarks.judgement.runs import once
from tests.benchmarks.judgement.scenarios import QUICK, SCENARIOS


@pytest.mark.parametrize("scenario", QUICK[::6], ids=lambda one: one.name)
def test_a_window_of_known_truth_is_judged_rightly(scenario):
    """Each of these is clear: no alarm without harm, and the harm by a check that should notice it."""
    result = once(scenario.name, seed=0)
    assert result.right(scenario), result


def test_the_clear_ones_are_of_every_kind():
    """So that neither a judge that is always calm nor one that always cries would pass."""
    assert {one.kind for one in QUICK[::6]} == {"no harm", "harm", "not enough"}


@pytest.mark.full
def test_some_of_every_kind_are_judged_rightly():
    """No false alarm but rare warnings, harm found, and too little called so: loosely, on every fifth scenario."""
    share = shares([(one, once(one.name, seed=0)) for one in QUICK])
    assert share["no harm: FAIL"][0] == 0, share
    assert share["no harm: WARN"][0] <= 1, share
    assert share["no harm: INCONCLUSIVE"][0] == 0, share
    found, harms = share["harm: found"]
    assert found >= harms - 1, share
    said, windows = share["not enough: INCONCLUSIVE"]
    assert said == windows >= 2, share


def test_names_are_unique():
    """A scenario is found by its name."""
    names = [one.name for one in SCENARIOS]
    assert len(set(names)) == len(names) >= 140
    kinds = [one.kind for one in SCENARIOS]
    assert kinds.count("harm") >= 60
    assert kinds.count("no harm") >= 25
    assert sum(one.runs for one in SCENARIOS if one.kind == "no harm" and one.want == ("PASS",)) >= 600


@pytest.mark.parametrize(("before", "now", "n"), [(0.0, 1.0, 6), (0.2, 0.8, 35), (0.008, 0.048, 840)])
def test_requests_that_an_exact_test_needs(before, now, n):
    """Each failure of now and none before: the least n with 1 / C(2n, n) <= 0.002 is 6; others by simulation."""
    assert needed(before, now) == pytest.approx(n, rel=0.03)


def test_the_needs_are_those_of_kinds_of_harm():
    """A kind that was renamed would be left out of the table."""
    assert SHARES.keys() <= {one.name for one in SCENARIOS if one.kind == "harm"}


def test_the_audits_kinds_have_scenarios():
    """At most five of them may pass, each with a reason."""
    assert {name for _, name in audit.KINDS} <= {one.name for one in SCENARIOS if one.kind != "no harm"}
    assert len(audit.KINDS) + len(audit.ELSEWHERE) + len(audit.PASSES) >= 40
    assert len(audit.PASSES) <= 5


@pytest.mark.full
def test_sixty_runs_without_harm_stay_quiet():
    """60 runs of kinds of their own: the benchmark's 600, a tenth of them."""
    quiet = [one for one in SCENARIOS if one.want == ("PASS",) and not one.big]
    runs = [(one, once(one.name, seed=50 + number // len(quiet))) for number, one in enumerate((quiet * 2)[:60])]
    share = shares(runs)
    assert share["no harm: FAIL"][0] == 0, share
    assert share["no harm: WARN"][0] <= 3, share


@pytest.mark.parametrize(
    ("experiment", "control", "said"),
    [
        ((20, 22, 21, 25, 30), (1, 2.2, 1.1, 2.5, 3), "High"),
        ((2, 2, 2, 2, 3), (10, 20.2, 10.1, 20.5, 30), "Pass"),
        ((54.9, 54.5, 55.1, 55.6, 57.4), (0, 0, 0, 0, 0), "High"),
        ((0, 0, 0, 0, 0), (54.9, 54.5, 55.1, 55.6, 57.4), "Pass"),
        ((0, 0, 0), (0, 0, 0), "Pass"),
        ((), (1, 2, 3), "Nodata"),
    ],
)
def test_the_rival_judges_as_its_own_tests_say(experiment, control, said):
    """Cases of Kayenta's ClassifierSuite, for an increase alone."""
    x, y = np.array(experiment, dtype=float), np.array(control, dtype=float)
    assert kayenta_metric(x, y, tolerance=0.10, confidence=0.95) == said
