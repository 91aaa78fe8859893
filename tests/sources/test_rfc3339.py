"""Times of RFC 3339 in nanoseconds, in a column of many forms."""

import polars as pl
import pytest

from pipeline.sources.rfc3339 import rfc3339_ns

DAY_NS, HOUR_NS, SECOND_NS = 86_400 * 10**9, 3600 * 10**9, 10**9
TIMES = [
    ("1970-01-01T00:00:00Z", 0),
    ("1970-01-01T00:00:59Z", 59 * SECOND_NS),
    ("1970-01-02T03:04:05.25Z", DAY_NS + 3 * HOUR_NS + 245_250_000_000),
    ("1970-01-02t03:04:05.25z", DAY_NS + 3 * HOUR_NS + 245_250_000_000),
    ("1970-01-02 03:04:05.000000001Z", DAY_NS + 3 * HOUR_NS + 245_000_000_001),
    ("1970-01-01T00:00:00.1234567899Z", 123_456_789),
    ("1970-01-01T00:00:00.1234567899+00:00", 123_456_789),
    ("1970-01-01T02:30:00+02:30", 0),
    ("1970-01-01T02:30:01+0230", SECOND_NS),
    ("1970-01-01T00:00:00-01:15", HOUR_NS + 900 * SECOND_NS),
    ("1969-12-31T23:59:59.5Z", -SECOND_NS // 2),
    ("1678-01-01T00:00:00Z", -106_650 * DAY_NS),
    ("1678-01-01 00:00:00Z", -106_650 * DAY_NS),
    ("2261-12-31T23:59:59Z", 106_651 * DAY_NS - SECOND_NS),
    ("2261-12-31 23:59:59Z", 106_651 * DAY_NS - SECOND_NS),
    *((f"{year}{between}00:00:00Z", None) for year in ("1677-12-31", "2262-01-01") for between in "T "),
    *((f"2026-01-15{between}09:00:60Z", None) for between in "T "),
    *((f"2026-01-15T09:00:00{end}", None) for end in ("xZ", "x.5Z", ".Z", ".5", "", ".1234567890123Z", "ZZ", "+24:00")),
    ("2026-02-29T00:00:00Z", None),
    ("x", None),
    (None, None),
]


@pytest.mark.parametrize(("text", "ns"), TIMES)
def test_a_time_is_exact_or_none(text, ns):
    """Whatever its form; a null stays one."""
    assert rfc3339_ns(pl.Series([text], dtype=pl.String)).to_list() == [ns]


def test_times_of_all_forms_stand_in_one_column():
    """Each in its row."""
    column = pl.Series([text for text, _ in TIMES])
    assert rfc3339_ns(column).to_list() == [ns for _, ns in TIMES]
