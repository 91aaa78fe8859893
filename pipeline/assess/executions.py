"""The measure `executions` as the judge sees it: each execution of a job with its times and its end."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import polars as pl

from pipeline.judge.counts import Ending, Execution
from pipeline.window import nanoseconds

#: A job: its project, location and name.
JobKey = tuple[str | None, str | None, str]


def executions(rows: pl.DataFrame) -> tuple[Execution, ...]:
    """Return the executions of rows of the measure, in order of time."""
    return tuple(
        sorted(
            map(_execution, rows.iter_rows(named=True)),
            key=lambda execution: (execution.started_ns or 0, execution.name),
        )
    )


def by_job(rows: pl.DataFrame) -> Mapping[JobKey, tuple[Execution, ...]]:
    """Return the executions of each job, in order of time."""
    keys = ("project", "location", "service")
    return {
        (project, location, str(job)): executions(part)
        for (project, location, job), part in rows.group_by(keys, maintain_order=True)
    }


def _execution(row: dict[str, Any]) -> Execution:
    tasks = max(row["tasks"], row["given_tasks"] or 0, row["said_tasks"] or 0)
    ending = _ending(row)
    succeeded = max(row["succeeded_tasks"], row["given_succeeded"] or 0, row["said_succeeded"] or 0)
    failed = row["failed_tasks"]
    if ending == "failed" and (row["said_tasks"] is not None or not failed):
        failed = max(tasks - succeeded, failed)
    started_ns, completed_ns = _ns(row["given_started"]), _ns(row["given_completed"])
    return Execution(
        name=row["revision"],
        started_ns=started_ns if started_ns is not None else row["first_ns"],
        ended_ns=None if ending == "unknown" else completed_ns if completed_ns is not None else row["last_ns"],
        ending=ending,
        tasks=tasks,
        failed_tasks=0 if ending == "succeeded" else failed,
        retried_tasks=max(row["retried_tasks"], min(row["given_retried"] or 0, max(tasks, 1))),
        attempts_failed=row["attempts_failed"],
        timeouts=row["timeouts"],
        memory_kills=row["memory_kills"],
        aborted_starts=row["aborted_starts"],
        lines=row["lines"],
        used_mib=row["used_mib"],
    )


def _ending(row: dict[str, Any]) -> Ending:
    """How an execution ended: as the audit log says, else as the last attempt of each of its tasks did.

    The audit entry of an execution that somebody cancelled says that it failed to complete, and counts what was
    cancelled.
    """
    if row["given_cancelled"] and not row["says_succeeded"]:
        return "cancelled"
    if row["says_failed"]:
        return "failed"
    if row["says_cancelled"]:
        return "cancelled"
    if row["says_succeeded"]:
        return "succeeded"
    if row["failed_tasks"]:
        return "failed"
    return "succeeded" if 0 < row["tasks"] == row["succeeded_tasks"] else "unknown"


def _ns(text: str | None) -> int | None:
    """A time of the audit log in ns since 1970; None where it is none."""
    try:
        moment = datetime.fromisoformat(text or "")
        return nanoseconds(moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        return None
