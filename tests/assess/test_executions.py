"""Rows of the measure `executions`: what the entries show, beside what the audit log says."""

import polars as pl
import pytest

from pipeline.assess.executions import by_job, executions

COUNTS = (
    *("tasks", "succeeded_tasks", "failed_tasks", "retried_tasks", "attempts_failed", "lines", "says_succeeded"),
    *("says_failed", "says_cancelled", "timeouts", "memory_kills", "aborted_starts"),
)
GIVEN = (
    "used_mib",
    "given_succeeded",
    "given_tasks",
    "given_retried",
    "given_cancelled",
    "said_succeeded",
    "said_tasks",
)
TEXTS = ("project", "location", "service", "revision", "given_started", "given_completed")
SCHEMA = {
    **dict.fromkeys(TEXTS, pl.String),
    **dict.fromkeys((*COUNTS, *GIVEN, "first_ns", "last_ns"), pl.Int64),
}


def frame(*rows):
    """Rows of which everything else is 0, or not said."""
    plain = {**dict.fromkeys(SCHEMA), **dict.fromkeys(COUNTS, 0), "project": "p", "location": "l", "service": "job"}
    return pl.DataFrame([{**plain, "revision": "job-1", **row} for row in rows], SCHEMA)


def of(**row):
    """The only execution of a row."""
    (found,) = executions(frame(row))
    return found


@pytest.mark.parametrize(
    ("row", "wanted"),
    [
        ({}, "unknown"),
        ({"tasks": 2, "succeeded_tasks": 2}, "succeeded"),
        ({"tasks": 2, "succeeded_tasks": 1}, "unknown"),  # one runs still
        ({"tasks": 2, "succeeded_tasks": 1, "failed_tasks": 1}, "failed"),
        ({"says_succeeded": 1, "tasks": 2, "failed_tasks": 1}, "succeeded"),
        ({"says_failed": 1, "tasks": 1, "succeeded_tasks": 1}, "failed"),
        ({"says_failed": 1, "says_succeeded": 1}, "failed"),
        ({"says_cancelled": 1, "says_succeeded": 1}, "cancelled"),
        ({"says_cancelled": 1, "says_failed": 1}, "failed"),
        ({"given_cancelled": 1, "says_failed": 1}, "cancelled"),
        ({"given_cancelled": 1, "says_failed": 1, "says_succeeded": 1}, "failed"),
        ({"given_cancelled": 0, "says_failed": 1}, "failed"),
    ],
)
def test_how_an_execution_ended(row, wanted):
    """As the audit log says, else as the last attempts of its tasks; cancelled tasks cancel it."""
    assert of(**row).ending == wanted


@pytest.mark.parametrize(
    ("row", "tasks", "failed"),
    [
        ({}, 0, 0),
        ({"tasks": 3, "given_tasks": 5, "says_failed": 1, "given_succeeded": 2}, 5, 3),  # no task was seen to fail
        ({"tasks": 3, "said_tasks": 7, "says_failed": 1, "said_succeeded": 3}, 7, 4),
        ({"tasks": 9, "given_tasks": 5, "failed_tasks": 2}, 9, 2),  # what is seen stands
        ({"tasks": 3, "failed_tasks": 2, "said_tasks": 3, "said_succeeded": 2, "says_failed": 1}, 3, 2),
        ({"tasks": 3, "failed_tasks": 1, "said_tasks": 3, "said_succeeded": 1, "says_failed": 1}, 3, 2),
        ({"tasks": 3, "failed_tasks": 1, "given_tasks": 3, "given_succeeded": 0, "says_failed": 1}, 3, 1),
        ({"tasks": 3, "succeeded_tasks": 2, "says_failed": 1, "given_succeeded": 1}, 3, 1),
        ({"tasks": 3, "failed_tasks": 1, "says_succeeded": 1}, 3, 0),
        ({"tasks": 4, "says_cancelled": 1, "succeeded_tasks": 1}, 4, 0),
    ],
)
def test_tasks_that_failed(row, tasks, failed):
    """Those that are seen; where the audit log says more, or none is seen, all but those that succeeded."""
    found = of(**row)
    assert (found.tasks, found.failed_tasks) == (tasks, failed)


@pytest.mark.parametrize(
    ("row", "wanted"),
    [
        ({"tasks": 4, "retried_tasks": 2}, 2),
        ({"tasks": 4, "retried_tasks": 1, "given_retried": 3}, 3),
        ({"tasks": 4, "given_retried": 9}, 4),  # attempts: a task of them can have many
        ({"given_retried": 9}, 1),
        ({"tasks": 4, "retried_tasks": 4, "given_retried": 2}, 4),
    ],
)
def test_tasks_that_were_retried(row, wanted):
    """At most all."""
    assert of(**row).retried_tasks == wanted


@pytest.mark.parametrize(
    ("row", "started_ns", "ended_ns"),
    [
        ({"first_ns": 5, "last_ns": 9, "says_succeeded": 1}, 5, 9),
        ({"first_ns": 5, "last_ns": 9}, 5, None),  # it runs still
        ({"first_ns": 5, "given_started": "1970-01-01T00:00:02Z"}, 2 * 10**9, None),
        ({"first_ns": 5, "given_started": "1970-01-01T00:00:00Z"}, 0, None),
        ({"last_ns": 9, "given_completed": "1970-01-01T01:00:02+01:00", "says_failed": 1}, None, 2 * 10**9),
        ({"last_ns": 9, "given_completed": "1970-01-01T00:00:00", "says_failed": 1}, None, 0),
        ({"last_ns": 9, "given_completed": "yesterday", "says_failed": 1}, None, 9),
    ],
)
def test_when_an_execution_started_and_ended(row, started_ns, ended_ns):
    """As the audit log says, else by its entries."""
    found = of(**row)
    assert (found.started_ns, found.ended_ns) == (started_ns, ended_ns)


def test_executions_stand_in_order_of_time():
    """Then by name; those without a time come first. Each job has its own."""
    rows = [{"revision": name, "first_ns": at} for name, at in (("c", 7), ("b", 1), ("a", 7), ("z", None))]
    assert [one.name for one in executions(frame(*rows))] == ["z", "b", "a", "c"]
    jobs = by_job(frame(*rows, {"service": "other", "revision": "x", "first_ns": 1}))
    assert {key: [one.name for one in found] for key, found in jobs.items()} == {
        ("p", "l", "job"): ["z", "b", "a", "c"],
        ("p", "l", "other"): ["x"],
    }
