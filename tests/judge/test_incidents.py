"""Failing lines become incidents: by cause, by time, and causes of the same minutes together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.judge.incidents import incidents
from tests.judge.conftest import MINUTE_NS, START_NS, a_healthy_sample, minutes, occurrences

MINUTE = START_NS // MINUTE_NS


def test_a_crash_loop_is_one_incident_with_its_exits(healthy):
    """Fifteen exits in three minutes, each with its traceback and failed worker; an auth failure an hour later."""
    rows = [("platform.exit", m, 5) for m in (0, 1, 2)]
    rows += [("python.traceback", m, 15) for m in (0, 1, 2)] + [("python.worker_failed", m, 5) for m in (0, 1, 2)]
    rows += [("auth.unreachable", 60, 4)]
    first, second = incidents(healthy(occurrences=occurrences(*rows)))
    assert first.title == "platform.exit × 15 in 3 minutes"
    causes = [(one.cause, one.n) for one in first.causes]
    assert causes == [("platform.exit", 15), ("python.traceback", 45), ("python.worker_failed", 15)]
    assert (first.first, first.last) == ("2026-01-15T09:00:00Z", "2026-01-15T09:02:00Z")
    assert [step.n for step in first.timeline] == [25, 25, 25]
    assert second.title.startswith("auth.unreachable × 4")


def test_one_bad_minute_of_requests_is_an_incident_with_its_time(healthy):
    """Seven 5xx in the eighth minute."""
    (found,) = incidents(healthy(minutes=minutes((MINUTE + 7, 40, 7), (MINUTE + 8, 40, 0))))
    assert (found.title, found.first) == ("requests.5xx × 7 in 1 minute", "2026-01-15T09:07:00Z")


def test_a_rest_of_more_than_ten_minutes_starts_another(healthy):
    """Minutes 0 and 10 are one, 21 is another."""
    rows = [("auth.unreachable", m, 3) for m in (0, 10, 21)]
    assert [one.n for one in incidents(healthy(occurrences=occurrences(*rows)))] == [6, 3]


def test_a_steady_background_does_not_swallow_an_outage(healthy):
    """One failure a minute for an hour, and a database that is gone for three minutes: two incidents."""
    rows = [("service_auth.failure", m, 1) for m in range(60)] + [("database.unavailable", m, 9) for m in (30, 31, 32)]
    titles = [one.title for one in incidents(healthy(occurrences=occurrences(*rows)))]
    assert titles == ["service_auth.failure × 60 in 60 minutes", "database.unavailable × 27 in 3 minutes"]


def test_an_incident_shows_its_own_lines(healthy, entry):
    """Of two incidents of one cause each has the lines of its minutes."""
    early, (_, late) = entry(5), entry(7)
    late = (START_NS + 20 * MINUTE_NS, late.model_copy(update={"timestamp": "2026-01-15T09:20:00Z"}))
    data = healthy(
        occurrences=occurrences(("auth.unreachable", 0, 3), ("auth.unreachable", 20, 3)),
        evidence={"event/auth.unreachable/": (early, late)},
    )
    shown = [[one.timestamp for one in incident.evidence] for incident in incidents(data)]
    assert shown == [["2026-01-15T09:00:05Z"], ["2026-01-15T09:20:00Z"]]


def test_hiccups_are_none(healthy):
    """Two failures that are not critical."""
    assert incidents(healthy(occurrences=occurrences(("auth.unreachable", 5, 2)))) == []


EVENTS = st.tuples(st.sampled_from(["a.x", "b.y", "platform.exit"]), st.integers(0, 90), st.integers(1, 9))


@given(st.lists(EVENTS, max_size=40))
def test_every_failure_is_in_one_incident_or_in_a_hiccup(rows):
    """Counts add up: what is told is what happened, but for hiccups of fewer than three."""
    from dataclasses import replace

    data = replace(a_healthy_sample(), occurrences=occurrences(*rows))
    found = incidents(data)
    told = sum(one.n for one in found)
    assert all(one.n == sum(cause.n for cause in one.causes) == sum(step.n for step in one.timeline) for one in found)
    assert told <= sum(n for _, _, n in rows)
    exits = sum(n for name, _, n in rows if name == "platform.exit")
    assert sum(cause.n for one in found for cause in one.causes if cause.cause == "platform.exit") == exits


@pytest.mark.parametrize(("second", "wanted"), [((0, 1, 2), 1), ((1, 2, 3, 4), 1), ((2, 3, 4), 2)])
def test_causes_of_half_of_their_minutes_together_are_one(healthy, second, wanted):
    """Beside minutes 0 to 3: 3 of 4 together, 3 of 5, and 2 of 5; a half is alike."""
    rows = [("a.x", m, 5) for m in range(4)] + [("b.y", m, 3) for m in second]
    assert len(incidents(healthy(occurrences=occurrences(*rows)))) == wanted
    half = [("a.x", m, 5) for m in range(3)] + [("b.y", m, 3) for m in (1, 2, 3)]
    assert len(incidents(healthy(occurrences=occurrences(*half)))) == 1  # 2 of 4


def test_what_is_critical_leads_and_is_told_alone(healthy):
    """One critical failure is an incident; of one time it stands before what happened more often."""
    rows = [("a.x", 0, 9), ("b.y", 0, 1, "critical", -1)]
    (found,) = incidents(healthy(occurrences=occurrences(*rows)))
    assert (found.title, found.n) == ("b.y × 1 in 1 minute", 10)
    (alone,) = incidents(healthy(occurrences=occurrences(rows[1])))
    assert alone.n == 1
    (exit_,) = incidents(healthy(occurrences=occurrences(("platform.exit", 0, 1))))
    assert exit_.title == "platform.exit × 1 in 1 minute"


def test_three_failures_of_causes_together_are_an_incident(healthy):
    """Two of one and one of another in a minute; what succeeded, degraded or is a request row is none of them."""
    rows = [
        *(("a.x", 0, 2), ("b.y", 0, 1), ("c.z", 0, 50, "ok", -1), ("d.w", 0, 50, "degraded", -1)),
        *(("http.request", 0, 50), ("http.access", 0, 50)),
    ]
    (found,) = incidents(healthy(occurrences=occurrences(*rows)))
    assert [(cause.cause, cause.n) for cause in found.causes] == [("a.x", 2), ("b.y", 1)]
    assert incidents(healthy(occurrences=occurrences(*rows[1:]))) == []


def test_a_timeline_has_two_hours_at_most(healthy):
    """121 minutes of failures: all are counted, 120 are drawn, and the span holds both ends."""
    (found,) = incidents(healthy(occurrences=occurrences(*(("a.x", m, 2) for m in range(121)))))
    assert (found.title, found.n, len(found.timeline)) == ("a.x × 242 in 121 minutes", 242, 120)
    assert found.last == "2026-01-15T11:00:00Z"


def test_the_lines_of_the_last_minute_belong_to_an_incident(healthy, entry):
    """Those of the minute after it do not."""
    stamps = ("2026-01-15T08:59:59Z", "2026-01-15T09:00:00Z", "2026-01-15T09:01:59Z", "2026-01-15T09:02:00Z")
    lines = [(n, entry(n)[1].model_copy(update={"timestamp": stamp})) for n, stamp in enumerate(stamps)]
    data = healthy(occurrences=occurrences(("a.x", 0, 3), ("a.x", 1, 3)), evidence={"event/a.x/": tuple(lines)})
    (found,) = incidents(data)
    assert [one.timestamp for one in found.evidence] == list(stamps[1:3])


def test_incidents_of_one_time_stand_by_their_titles(healthy):
    """In order of time, then by name; the larger is grouped first."""
    rows = [("b.y", 0, 9), ("a.x", 0, 3), *(("a.x", m, 3) for m in (1, 2, 3)), ("c.z", 30, 3)]
    assert [one.title.split()[0] for one in incidents(healthy(occurrences=occurrences(*rows)))] == ["a.x", "b.y", "c.z"]
