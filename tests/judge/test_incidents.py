"""Failing lines become incidents: by cause, by time, and causes of the same minutes together."""

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
