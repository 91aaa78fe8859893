"""An execution of a job beside those before it, at the borders of the rules."""

import pytest

from pipeline.judge.counts import Execution
from tests.judge.conftest import START_NS, judged, occurrences, profile

S = 10**9
DAY_S = 86_400


def run(name="job-now", start_s=0, took_s=100, **more):
    """One execution that succeeded, from a second after the start."""
    start = START_NS + start_s * S
    times = {"started_ns": start, "ended_ns": None if took_s is None else start + round(took_s * S)}
    return Execution(**{"name": name, **times, "ending": "succeeded", "tasks": 1, "lines": 100, **more})


def earlier(*took_s, **more):
    """One a day before, the last one yesterday, of so many seconds each."""
    return tuple(run(f"job-{n}", -n * DAY_S, one, **more) for n, one in enumerate(took_s, 1))


@pytest.fixture
def checked(healthy, policy):
    """The check of an execution among others."""

    def make(execution=None, **more):
        data = healthy(workload="job", executions=(execution or run(),), **more)
        return judged(data, policy, "job.executions")

    return make


@pytest.mark.parametrize(
    ("took_s", "before", "wanted"),
    [
        (200, (100, 100, 100), "WARN"),  # twice as long, and a minute more
        (199, (100, 100, 100), "PASS"),
        (160, (100, 100, 100), "PASS"),
        (100, (40, 40, 40), "WARN"),
        (99, (40, 40, 40), "PASS"),  # 59 s more than the longest
        (200, (100, 100, 141), "PASS"),
        (200, (100, 100, 140), "WARN"),
        (1000, (100, 100), "PASS"),  # two say little
        (1000, (100, 100, None), "PASS"),
        (None, (100, 100, 100), "PASS"),
    ],
)
def test_twice_as_long_as_usual_and_a_minute_longer_than_any(checked, took_s, before, wanted):
    """Of three and more that succeeded before."""
    check = checked(run(took_s=took_s), earlier=earlier(*before))
    assert check.status == wanted
    assert ("times as long as usual" in check.reason) == (wanted == "WARN")


@pytest.mark.parametrize(
    ("took_s", "before", "wanted"),
    [
        (12, (60, 60, 60), "WARN"),  # a fifth
        (12.1, (60, 60, 60), "PASS"),
        (5, (25, 300, 300), "WARN"),  # 20 s less than the shortest
        (4.9, (24.8, 300, 300), "PASS"),
        (5, (60, 60), "PASS"),  # two say little
        (5, (60, 60, 60, 6), "PASS"),  # one was as short
    ],
)
def test_a_fifth_of_the_shortest_and_twenty_seconds_less(checked, took_s, before, wanted):
    """It may have done nothing."""
    check = checked(run(took_s=took_s), earlier=earlier(*before))
    assert (check.status, "done nothing" in check.reason) == (wanted, wanted == "WARN")


def test_how_much_longer_is_told(checked):
    """100 s is the median of 90, 100 and 150."""
    check = checked(run(took_s=250), earlier=earlier(90, 100, 150))
    assert "it took 2.5 times as long as usual (" in check.reason


@pytest.mark.parametrize(
    ("lines", "before", "wanted"),
    [
        (9, 100, "at least 100"),  # below a tenth
        (10, 100, ""),
        (1, 20, "at least 20"),
        (1, 19, ""),  # fewer than 20 vary by themselves
        (1001, 100, "at most 100"),  # above ten times
        (1000, 100, ""),
        (20, 0, "at most 0"),
        (19, 0, ""),
        (10, 0, ""),
        (20, 2, ""),
        (21, 2, "at most 2"),
    ],
)
def test_a_tenth_or_ten_times_of_the_lines(checked, lines, before, wanted):
    """A run that had nothing to do, or says much more than before."""
    check = checked(run(lines=lines), earlier=earlier(100, 100, 100, lines=before))
    assert check.status == ("WARN" if wanted else "PASS")
    assert wanted in check.reason


def test_the_least_and_the_most_lines_of_all_before_count(checked):
    """Of 30, 100 and 500 lines: 3 is no tenth of 30, and 2 is; 5,000 are no more than ten times 500."""
    before = tuple(run(f"job-{n}", -n * DAY_S, lines=lines) for n, lines in enumerate((30, 100, 500), 1))
    found = [checked(run(lines=lines), earlier=before).status for lines in (2, 3, 5000, 5001)]
    assert found == ["WARN", "PASS", "PASS", "WARN"]


@pytest.mark.parametrize(
    ("more", "wanted"),
    [
        ({}, "WARN"),
        ({"ending": "failed"}, "PASS"),
        ({"name": "job-now"}, "PASS"),  # itself, from another window
        ({"started_ns": START_NS + S}, "PASS"),  # later ones
    ],
)
def test_only_others_that_succeeded_before_are_compared(checked, more, wanted):
    """Three of 10 s, of which one is another thing."""
    third = run("job-3", -3 * DAY_S, 10)
    changed = Execution(**{**vars(third), **more})
    assert checked(run(took_s=900), earlier=(*earlier(10, 10), changed)).status == wanted


def test_executions_of_history_and_of_the_window_are_compared_too(checked):
    """One of runs that passed before, one of the lookback, one of the window; each is known by its name."""
    one, two, three = earlier(10, 10, 10)
    pooled = profile(executions=(one,))
    assert checked(run(took_s=900), pooled=pooled, earlier=(two,), siblings=(three,)).status == "WARN"
    assert checked(run(took_s=900), pooled=pooled, earlier=(two,), siblings=(two,)).status == "PASS"


# Schedules: five starts and more, three of four times between them alike.


def starts(*hours):
    """Earlier executions that started so many hours before."""
    return tuple(run(f"job-{n:02d}", round(-hour * 3600)) for n, hour in enumerate(hours))


@pytest.mark.parametrize(
    ("hours", "wanted"),
    [
        ((5, 4, 3, 2, 1), ""),
        ((6, 5, 4, 3, 1), "1 run did not start"),
        ((7, 6, 5, 4, 1), "2 runs did not start"),
        ((5, 4, 3, 1), "1 run did not start"),  # with the newest five starts
        ((4, 3, 1), ""),  # four starts
        ((6, 5, 3, 2, 1), "1 run did not start"),
        ((5, 4, 2.5, 1), ""),  # two of four times are an hour
        ((5, 4, 2.5, 2, 1), ""),  # 1.5 h and 0.5 h: three of five
        ((6, 5, 4, 2.9, 1), "1 run did not start"),  # 1.1 h is on time, 1.9 h is late
        ((6, 5, 4, 2.89, 1), ""),  # 1.11 h is not: three of five
    ],
)
def test_a_missing_run_is_told_by_the_times_of_the_others(checked, hours, wanted):
    """It starts every hour, and the newest is of now."""
    check = checked(earlier=starts(*hours))
    assert check.status == ("WARN" if wanted else "PASS"), check.reason
    assert wanted in check.reason


@pytest.mark.parametrize(
    ("seen_s", "wanted"),
    [(3959, 0), (3960, 1), (7559, 1), (7560, 2), (None, 0)],
)
def test_a_run_that_is_due_is_missed_when_it_is_late(checked, seen_s, wanted):
    """Every 3,600 s, and 360 s late is in time; the log is complete to so many seconds after the newest start."""
    seen = None if seen_s is None else START_NS + seen_s * S
    check = checked(earlier=starts(4, 3, 2, 1), seen_until_ns=seen)
    assert check.status == ("WARN" if wanted else "PASS")
    said = {0: "succeeded", 1: "1 run did not start", 2: "2 runs did not start"}[wanted]
    assert said in check.reason
    if wanted:
        assert "the first after 2026-01-15T09:00:00Z" in check.reason


@pytest.mark.parametrize(("every_s", "wanted"), [(60, "PASS"), (61, "WARN")])
def test_what_starts_every_minute_has_no_schedule(checked, every_s, wanted):
    """A start is on time within a minute, so nothing is late there."""
    before = tuple(run(f"job-{n}", -n * every_s) for n in range(1, 6))
    assert checked(earlier=before, seen_until_ns=START_NS + 3600 * S).status == wanted


def test_within_a_minute_of_a_short_time_between_starts_it_is_on_time(checked):
    """Every 300 s, a tenth is 30 s: one that comes 59 s late is on time, and the next is not missed."""
    at = (-1800, -1500, -1200, -900 + 59, -600 + 59, -300 + 59)
    before = tuple(run(f"job-{n}", second) for n, second in enumerate(at))
    assert checked(earlier=before).status == "PASS"
    assert checked(earlier=before, seen_until_ns=START_NS + 359 * S).status == "PASS"
    assert checked(earlier=before, seen_until_ns=START_NS + 361 * S).status == "WARN"


# Other executions of the window.


def test_failures_before_are_counted_and_the_last_is_named(checked):
    """Two of three that ended before; one that runs, and one that came later, are not among them."""
    siblings = (
        run("job-a", -400, ending="failed"),
        run("job-b", -300, ending="failed"),
        run("job-c", -200),
        run("job-d", -100, None, ending="unknown"),
        run("job-e", 100, ending="failed"),
    )
    check = checked(siblings=siblings)
    assert check.status == "WARN"
    assert "2 of 3 earlier executions failed, the last was job-b" in check.reason


def test_the_first_that_says_why_gives_the_reason(checked, entry):
    """Where neither an exit nor the platform's counts do."""
    why = [entry(second, f"execution failed with message: {text}.") for second, text in enumerate(("quota", "gone"))]
    execution = run(ending="failed", tasks=0)
    check = checked(
        execution,
        occurrences=occurrences(("job.execution_failed", 0, 2)),
        evidence={"event/job.execution_failed/": why},
    )
    assert check.reason.endswith("quota")


def test_a_newer_one_that_runs_is_named(checked):
    """Of two that started later the last; one that started before is none."""
    running = [run(f"job-{n}", at, None, ending="unknown") for n, at in enumerate((-100, 100, 200))]
    assert checked(siblings=running).reason.endswith("; job-2, started later, has not ended yet")
    assert "later" not in checked(siblings=running[:1]).reason


def test_executions_of_one_start_are_ordered_by_name(checked):
    """Of the same nanosecond the name decides."""
    same = [run(name, 0, None, ending="unknown") for name in ("job-a", "job-z")]
    assert "job-z, started later" in checked(siblings=same).reason
    assert "later" not in checked(siblings=same[:1]).reason


@pytest.mark.parametrize(
    ("more", "wanted"),
    [
        ({"retried_tasks": 2}, "2 tasks needed a retry"),
        ({"retried_tasks": 1, "timeouts": 1}, "1 task needed a retry after the task timeout"),
        (
            {"retried_tasks": 1, "timeouts": 1, "memory_kills": 1, "aborted_starts": 1},
            "1 task needed a retry after the task timeout and the memory limit and an aborted start",
        ),
    ],
)
def test_a_retry_warns_with_its_causes(checked, more, wanted):
    """As the entries show them."""
    check = checked(run(**more))
    assert check.status == "WARN"
    assert check.reason.endswith(f", but {wanted}")


@pytest.mark.parametrize(
    ("more", "wanted"),
    [
        ({}, "the platform gives no reason"),
        ({"tasks": 5, "failed_tasks": 2}, "2 of 5 tasks failed"),
        ({"attempts_failed": 1}, "the platform gives no reason"),
        ({"attempts_failed": 2}, "2 failed attempts"),
        ({"memory_kills": 1, "used_mib": 1024}, "over its memory limit (1,024 MiB used)"),
        ({"memory_kills": 1}, "over its memory limit"),
        ({"timeouts": 1, "aborted_starts": 2}, "task timeout reached, 2 starts aborted"),
    ],
)
def test_a_failed_execution_says_why(checked, more, wanted):
    """What failed, and what the entries show of it."""
    check = checked(run(ending="failed", **{"tasks": 0, **more}))
    assert (check.status, check.reason) == ("FAIL", f"job-now failed: {wanted}")


def test_exits_of_a_failed_execution_are_named_by_their_codes(checked):
    """Those with an error, each once."""
    rows = occurrences(
        ("platform.exit", 0, 1, "failure", 3), ("platform.exit", 1, 1, "failure", 3), ("platform.exit", 2, 1, "ok", 0)
    )
    assert checked(run(ending="failed", tasks=0), occurrences=rows).reason == "job-now failed: exit(3)"


def test_without_a_start_an_execution_stands_before_all(checked):
    """Its order is that of 1970, so others come later."""
    unknown = Execution("job-now", ending="succeeded")
    check = checked(unknown, siblings=(run("job-a", -400, ending="failed"), run("job-b", 0, None, ending="unknown")))
    assert check.status == "PASS"
    assert "job-b, started later" in check.reason
