"""Broken exports of every form cost nothing but what is broken (`make fuzz` runs thousands, and kills)."""

import pytest

from tests.fuzz.exports import FORMS, export
from tests.fuzz.run import problems_of


@pytest.mark.full
@pytest.mark.parametrize("first", range(0, 200, 10))
def test_no_crash_no_loss_no_wrong_count(first):
    """Ten of two hundred files in one run."""
    assert problems_of(range(first, first + 10)) == []


def test_the_seeds_have_every_form():
    """And are the same each time."""
    made = [export(seed) for seed in range(200)]
    assert {one.name.partition("-")[2] for one in made} == FORMS.keys()
    assert made[:5] == [export(seed) for seed in range(5)]
    assert sum(len(one.intact) for one in made) > 5_000


def test_two_seeds():
    """So that the fuzzer itself is tried in every run."""
    assert problems_of([3, 4]) == []
