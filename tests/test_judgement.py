"""The judge is right about windows of known truth; `python -m tests.benchmarks.judgement` runs all, and often."""

import numpy as np
import pytest

from tests.benchmarks.judgement.__main__ import shares
from tests.benchmarks.judgement.rivals import kayenta_metric
from tests.benchmarks.judgement.runs import once
from tests.benchmarks.judgement.scenarios import QUICK, SCENARIOS


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
    assert len(set(names)) == len(names) >= 40


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
