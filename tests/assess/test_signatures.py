"""Lines of a revision beside its baseline's, counted by hand."""

import pytest

from tests.assess.test_baseline import NEW, OLD, serving
from tests.conftest import check, line, ndjson

SYSTEM = "run.googleapis.com%2Fvarlog%2Fsystem"
STARTED = "Starting new instance. Reason: AUTOSCALING - Instance started due to traffic."


def lines(revision, severity, text, *seconds):
    return [line(second, text, revision=revision, severity=severity, insertId=f"{text}{second}") for second in seconds]


@pytest.fixture(scope="module")
def signatures(tmp_path_factory):
    """Five minutes of each revision: what both write, what one writes, and what belongs to a start."""
    rows = [
        *serving(0, OLD),
        *lines(OLD, "ERROR", "the shelf is empty", 10, 70),
        *lines(OLD, "WARNING", "a parcel is late", 20, 21, 22),
        *lines(OLD, "WARNING", "a door is open", 40),
        *lines(OLD, "INFO", "stock counted", 30),
        line(250, STARTED, revision=OLD, log=SYSTEM, insertId="start before", labels={"instanceId": "00bb"}),
        *serving(300, NEW),
        *lines(NEW, "ERROR", "the shelf is empty", 370, 371, 430),
        *lines(NEW, "ERROR", "no such voucher", 390, 400, 460),
        *lines(NEW, "CRITICAL", "till 7 is open", 480),
        *lines(NEW, "WARNING", "a door is open", 490),
        *lines(NEW, "INFO", "stock counted", 410),
        *lines(NEW, "INFO", "basket kept", 420, 421),
        *lines(NEW, "INFO", "address kept", 422),
        line(301, STARTED, revision=NEW, log=SYSTEM, insertId="start"),
        *lines(NEW, "WARNING", "no settings, using defaults", 303),
    ]
    folder = tmp_path_factory.mktemp("signatures")
    found = check(folder / "store", ndjson(folder / "x.ndjson", rows))
    return found.assessments[0].data.signatures


def told(rows):
    return [(row.signature, row.level, row.n, row.baseline_n, row.minutes, row.slots, row.startup) for row in rows]


def test_what_both_have_counts_on_both_sides(signatures):
    """Three lines in two minutes and two tens of seconds, beside two; and one beside one."""
    assert told(signatures.both) == [
        ("the shelf is empty", "ERROR", 3, 2, 2, 2, False),
        ("a door is open", "WARNING", 1, 1, 1, 1, False),
    ]


def test_what_is_new_is_there_with_its_first_entry(signatures):
    """The most severe first; the one of the first minute after the start belongs to the start."""
    assert told(signatures.new) == [
        ("till <*> is open", "CRITICAL", 1, 0, 1, 1, False),
        ("no such voucher", "ERROR", 3, 0, 2, 3, False),
        ("no settings, using defaults", "WARNING", 1, 0, 1, 1, True),
    ]
    assert [one.excerpt for one in signatures.new[0].evidence] == ["till 7 is open"]
    voucher = signatures.new[1]
    assert voucher.first == "2026-01-15T09:06:30Z"
    assert [one.insert_id for one in voucher.evidence] == ["no such voucher390"]


def test_what_is_gone_has_its_count_of_the_baseline(signatures):
    """Nothing of it is left to prove it by."""
    assert told(signatures.gone) == [("a parcel is late", "WARNING", 0, 3, 0, 0, False)]
    assert (signatures.gone[0].first, signatures.gone[0].evidence) == (None, ())


def test_fresh_lines_of_any_level_are_known_by_their_number(signatures):
    """All that the baseline did not write, the most frequent first."""
    assert signatures.fresh == (
        ("no such voucher", 3),
        ("basket kept", 2),
        ("address kept", 1),
        ("no settings, using defaults", 1),
        ("till <*> is open", 1),
    )
    assert not signatures.grave_before


def test_an_event_of_the_baseline_has_a_line(signatures):
    """By the event's name, to be compared with that of an event that is said in other words now."""
    assert signatures.wordings == {"platform.instance_started": STARTED}


def test_a_line_without_a_time_is_never_the_first(tmp_path):
    """The same warning at a start, and in an entry that has no time."""
    more = {"revision": NEW, "severity": "WARNING"}
    rows = [
        *serving(0, OLD),
        *serving(300, NEW),
        line(301, STARTED, revision=NEW, log=SYSTEM, insertId="start"),
        line(303, "no settings, using defaults", insertId="timed", **more),
        line(0, "no settings, using defaults", insertId="untimed", timestamp=None, **more),
    ]
    found = check(tmp_path / "store", ndjson(tmp_path / "x.ndjson", rows)).assessments[0].data.signatures.new
    assert [(one.n, one.first, one.startup) for one in found] == [(2, "2026-01-15T09:05:03Z", False)]


def test_of_fresh_lines_the_200_most_frequent_are_kept(tmp_path):
    """Of 210; the one that came twice is first."""
    names = [f"{first}{second} was kept" for first in "abcdefghijklmno" for second in "pqrstuvwxyzabc"]
    rows = [*serving(0, OLD), *serving(300, NEW), *lines(NEW, "INFO", "xx was kept", 310, 320)]
    rows += [row for name in names for row in lines(NEW, "INFO", name, 330)]
    found = check(tmp_path / "store", ndjson(tmp_path / "x.ndjson", rows)).assessments[0].data.signatures.fresh
    assert (len(found), found[0]) == (200, ("xx was kept", 2))
