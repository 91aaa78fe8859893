"""The time of day at a service, as far as its answers show it."""

from datetime import timedelta
from email.utils import format_datetime

import pytest

from pipeline.sources.base import Access
from tests.conftest import START


@pytest.mark.parametrize(("off_s", "used_s"), [(0, 0), (10, 0), (11, 11), (-10, 0), (-11, -11), (3600, 3600)])
def test_a_clock_that_is_off_by_more_than_ten_seconds_is_not_used(off_s, used_s):
    """The answer's Date counts; one that is near, none, or no time changes nothing."""
    access = Access(now=lambda: START)
    access.answered_at(format_datetime(START + timedelta(seconds=off_s), usegmt=True))
    assert access.moment() == START + timedelta(seconds=used_s)
    for date in (None, "", "yesterday"):
        access.answered_at(date)
        assert access.moment() == START + timedelta(seconds=used_s)
    access.answered_at(format_datetime(START, usegmt=True))
    assert access.moment() == START
