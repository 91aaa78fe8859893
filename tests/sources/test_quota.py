"""The pace of reads, by a clock of the test's own."""

import pytest

from pipeline.sources.cloud_logging.quota import Clock, Pace, backoff_s
from tests.servers.cloud_logging import Time


def test_a_minute_holds_so_many_reads():
    """Three at once; the fourth waits until the first is a minute old, the fifth for the second."""
    time = Time()
    pace = Pace(3, Clock(time.now, time.sleep))
    begin, at = time.now(), []
    for wait in (0, 10, 0, 0, 0):
        time.sleep(wait)
        pace.take()
        at.append(time.now() - begin)
    assert at == pytest.approx([0, 10, 10, 60, 70])
    found = []
    for wait in (0, 49.9, 0.1, 10):
        time.sleep(wait)
        found.append(pace.left())
    assert found == [1, 1, 2, 3]


@pytest.mark.parametrize(
    ("failures", "asked_s", "least", "most"),
    [(1, None, 0.5, 1), (2, None, 1, 2), (4, None, 4, 8), (9, None, 16, 32), (1, 10.0, 10.5, 11), (1, 0.0, 0.5, 1)],
)
def test_waits_double_up_to_the_most(failures, asked_s, least, most):
    """From one second to 32, half of it by chance, and never less than the service asks for."""
    waits = [backoff_s(failures, first_s=1.0, most_s=32.0, asked_s=asked_s) for _ in range(400)]
    assert least <= min(waits) < least + 0.1 * (most - least)
    assert most - 0.1 * (most - least) < max(waits) <= most


def test_one_wait_is_enough():
    """Until the first read is a minute old, not step by step."""
    time, waits = Time(), []

    def sleep(seconds):
        waits.append(seconds)
        time.sleep(seconds)

    time.sleep(16)
    pace = Pace(1, Clock(time.now, sleep))
    pace.take()
    time.sleep(20)
    pace.take()
    assert waits == [40]
