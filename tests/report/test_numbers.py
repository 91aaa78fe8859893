"""Numbers keep their unit, their interval and their count."""

import doctest

from pipeline.judge import numbers
from pipeline.judge.numbers import duration
from pipeline.report import claims
from pipeline.report.numbers import effect, observed
from tests.report.made_up import full


def test_examples():
    """The examples in the docstrings hold."""
    for module in (numbers, claims):
        assert doctest.testmod(module).failed == 0


def test_an_effect_tells_its_size_and_what_would_decide_it():
    """Sign, interval, share of the baseline, requests and minutes still needed."""
    change = full().checks[0].effect
    assert effect(change) == (
        "+1.78 points (95 %: 0.2 to 4), +1,780 %; 400 more requests would decide it, about 12 min at this traffic"
    )
    shift = change.model_copy(
        update={"kind": "shift", "unit": "ms", "value": -3.0, "low": None, "relative": None, "needed_requests": None}
    )
    assert effect(shift) == "−3 ms"
    assert effect(shift.model_copy(update={"kind": "ratio", "value": 2.5})) == "2.5 times"
    assert (effect(None), observed(None), duration(None)) == ("–", "–", "–")
