"""How a job's newest execution ended, and how it compares with the ones before it."""

from collections.abc import Sequence
from itertools import pairwise
from statistics import median

import numpy as np

from pipeline.judge.counts import Execution
from pipeline.judge.model import Check, Evidence, Observed, Status
from pipeline.judge.numbers import count, duration
from pipeline.judge.policy import Policy, Rule
from pipeline.judge.result import result
from pipeline.judge.revision_data import RevisionData

#: Events that show how an execution ended, and why.
_ENDS = ("job.execution_failed", "job.task_failed", "job.execution_cancelled", "job.execution_succeeded")
_CAUSES = ("job.task_timeout", "platform.memory_limit", "platform.could_not_start", "platform.exit")

#: A start is on schedule within this share of the usual time between two, or a minute.
_ON_TIME = 0.1
_ON_TIME_S = 60.0


def executions(data: RevisionData, policy: Policy) -> Check:
    """The execution ended, its tasks succeeded at once, and it is like those before it; no scheduled one is missing.

    An execution that was cancelled, or of which no entry says how it ended, proves nothing.
    """
    rule = policy["job.executions"]
    if data.workload != "job":
        return result(rule, "NOT_APPLICABLE", f"a {data.workload.replace('_', ' ')} has no executions")
    limit = "failed after its retries, timed out or killed is FAIL; a retry, an earlier failure or a missed run is WARN"
    execution = data.executions[0] if data.executions else Execution(data.revision)
    observed = Observed(value=execution.failed_tasks, unit="failed tasks", n=execution.tasks)
    if execution.ending == "failed":
        text = f"{execution.name} failed: {_failure(execution, data)}{_pending(execution, data)}"
        return result(rule, "FAIL", text, observed=observed, limit=limit, evidence=_failures(data))
    if execution.ending == "cancelled":
        text = f"{execution.name} was cancelled, so it shows neither success nor failure{_pending(execution, data)}"
        return result(rule, "INCONCLUSIVE", text, observed=observed, limit=limit, evidence=_proof(data))
    if execution.ending == "unknown":
        text = f"{execution.name} did not end in these entries: no exit of each task, and no audit entry of its end"
        return result(rule, "INCONCLUSIVE", text, observed=observed, limit=limit, evidence=_proof(data))
    findings = [
        *_retries(execution),
        *_failures_before(execution, data),
        *_differences(execution, data, rule),
        *_missed(execution, data, rule),
    ]
    status: Status = "WARN" if findings else "PASS"
    took = "" if execution.duration_s is None else f" in {duration(execution.duration_s * 1000)}"
    tasks = f", {count(execution.tasks, 'task')}" if execution.tasks else ""
    but = f", but {'; '.join(findings)}" if findings else ""
    text = f"{execution.name} succeeded{took}{tasks}{but}{_pending(execution, data)}"
    return result(rule, status, text, observed=observed, limit=limit, evidence=_proof(data))


def has_failed(data: RevisionData) -> bool:
    """Return whether a job's execution failed for good; of other workloads there is no execution, and it is True.

    What happened in an attempt that was tried again is no failure of the job.
    """
    return data.workload != "job" or any(execution.ending == "failed" for execution in data.executions)


def _failure(execution: Execution, data: RevisionData) -> str:
    """What failed, and why: as the entries show it, else in the platform's words."""
    causes = []
    if execution.memory_kills:
        used = f" ({execution.used_mib:,} MiB used)" if execution.used_mib else ""
        causes.append(f"over its memory limit{used}")
    if execution.timeouts:
        causes.append("task timeout reached")
    if execution.aborted_starts:
        causes.append(f"{count(execution.aborted_starts, 'start')} aborted")
    exits = data.occurrences.of("platform.exit")
    bad = exits.where(~exits.ended("ok", "info"))
    if codes := ", ".join(f"exit({code})" for code in sorted(set(bad.code))):
        causes.append(codes)
    if not causes:
        said = [entry.excerpt for entry in data.proof(*_topics(data, _ENDS))]
        causes = [text.rpartition("message: ")[2].rstrip(".") for text in said[:1]]
    tasks = f"{execution.failed_tasks:,} of {execution.tasks:,} tasks failed" if execution.tasks else ""
    attempts = f"{count(execution.attempts_failed, 'failed attempt')}" if execution.attempts_failed > 1 else ""
    return ", ".join(part for part in (tasks, attempts, *causes) if part) or "the platform gives no reason"


def _pending(execution: Execution, data: RevisionData) -> str:
    """That a newer execution has not ended yet."""
    newer = [
        sibling.name for sibling in data.siblings if sibling.ending == "unknown" and _order(sibling) > _order(execution)
    ]
    return f"; {newer[-1]}, started later, has not ended yet" if newer else ""


def _retries(execution: Execution) -> list[str]:
    if not execution.retried_tasks:
        return []
    causes = [
        *(["the task timeout"] if execution.timeouts else []),
        *(["the memory limit"] if execution.memory_kills else []),
        *(["an aborted start"] if execution.aborted_starts else []),
    ]
    reason = f" after {' and '.join(causes)}" if causes else ""
    return [f"{count(execution.retried_tasks, 'task')} needed a retry{reason}"]


def _failures_before(execution: Execution, data: RevisionData) -> list[str]:
    before = [
        sibling for sibling in data.siblings if sibling.ending != "unknown" and _order(sibling) < _order(execution)
    ]
    failed = [sibling for sibling in before if sibling.ending == "failed"]
    if not failed:
        return []
    return [f"{len(failed):,} of {count(len(before), 'earlier execution')} failed, the last was {failed[-1].name}"]


def _differences(execution: Execution, data: RevisionData, rule: Rule) -> list[str]:
    """Much longer or shorter, or with far fewer or more lines, than the executions before it that succeeded."""
    pooled = data.pooled.executions if data.pooled else ()
    known = {other.name: other for other in (*pooled, *data.earlier, *data.siblings) if other.ending == "succeeded"}
    known.pop(execution.name, None)
    earlier = [other for other in known.values() if _order(other) < _order(execution)]
    if len(earlier) < rule["min_earlier"] or data.filtered:
        return []
    findings = []
    durations = [other.duration_s for other in earlier if other.duration_s is not None]
    took = execution.duration_s
    if took is not None and len(durations) >= rule["min_earlier"]:
        usual, longest = median(durations), max(durations)
        if took >= rule["slow_times"] * usual and took >= longest + rule["slow_s"]:
            change = f"{duration(usual * 1000)} → {duration(took * 1000)}"
            findings.append(f"it took {took / usual:.2g} times as long as usual ({change})")
        shortest = min(durations)
        if took * rule["short_times"] <= shortest and took <= shortest - rule["short_s"]:
            change = f"{duration(shortest * 1000)} → {duration(took * 1000)}"
            findings.append(f"it ended much sooner than the shortest before ({change}), so it may have done nothing")
    lines = [other.lines for other in earlier]
    if min(lines) >= rule["min_lines"] and execution.lines * rule["lines_times"] < min(lines):
        findings.append(f"it wrote {count(execution.lines, 'line')}; earlier ones wrote at least {min(lines):,}")
    if execution.lines >= rule["min_lines"] and execution.lines > rule["lines_times"] * max(max(lines), 1):
        findings.append(f"it wrote {count(execution.lines, 'line')}; earlier ones wrote at most {max(lines):,}")
    return findings


def _missed(execution: Execution, data: RevisionData, rule: Rule) -> list[str]:
    """Runs that the times of all others show to be missing; nothing where these follow no schedule."""
    known = (*data.earlier, *data.siblings, execution)
    starts = sorted({other.started_ns for other in known if other.started_ns is not None})
    if len(starts) < rule["min_starts"] or data.filtered:
        return []
    gaps = [(after - before) / 1e9 for before, after in pairwise(starts)]
    usual = median(gaps)
    late = max(_ON_TIME * usual, _ON_TIME_S)
    if usual <= _ON_TIME_S or sum(abs(gap - usual) <= late for gap in gaps) < rule["regular_ratio"] * len(gaps):
        return []
    gaps.append(0.0 if data.seen_until_ns is None else (data.seen_until_ns - starts[-1]) / 1e9)
    missed = [max(round((gap - late) / usual) - 1, 0) for gap in gaps[:-1]]
    missed.append(max(int((gaps[-1] - late) / usual), 0))
    if not sum(missed):
        return []
    first = next(start for start, n in zip(starts, missed, strict=True) if n)
    after = np.datetime64(first, "ns").astype("datetime64[s]")
    runs = f"{count(sum(missed), 'run')} did not start, the first after {after}Z"
    return [f"it starts every {duration(usual * 1000)}, and {runs}"]


def _order(execution: Execution) -> tuple[int, str]:
    return execution.started_ns or 0, execution.name


def _failures(data: RevisionData) -> list[Evidence]:
    """Entries that show the failure: of tasks that succeeded there are none."""
    events = data.occurrences.of(*(name for name in _ENDS if name != "job.execution_succeeded"), *_CAUSES)
    return data.proof(*events.where(events.outcome != "ok").topics)


def _proof(data: RevisionData) -> list[Evidence]:
    return data.proof(*_topics(data, (*_ENDS, *_CAUSES)))


def _topics(data: RevisionData, events: Sequence[str]) -> list[str]:
    return data.occurrences.of(*events).topics
