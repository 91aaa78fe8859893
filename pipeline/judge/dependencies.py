"""What the service depends on: auth, database, other services; and what it delivers."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.judge.jobs import has_failed
from pipeline.judge.model import Check, Observed, Status
from pipeline.judge.numbers import count, percent
from pipeline.judge.policy import Policy
from pipeline.judge.result import result
from pipeline.judge.revision_data import RevisionData
from pipeline.judge.stats import clopper_pearson, poisson_exact


@dataclass(frozen=True)
class _Dependency:
    """The events of a dependency: attempts that start, that succeed, that are answered with no, that fail."""

    name: str
    failures: tuple[str, ...]
    successes: tuple[str, ...]
    refusals: tuple[str, ...] = ()
    starts: tuple[str, ...] = ()


_AUTH = _Dependency(
    "auth service", ("auth.unreachable",), ("auth.success",), ("auth.failure", "auth.token_reuse"), ("auth.dependency",)
)
_DATABASE = _Dependency(
    "database",
    ("database.lookup_failed", "database.unavailable"),
    ("database.user_found", "database.user_not_found", "database.user_created", "database.ready"),
    (),
    ("database.dependency",),
)
_SERVICES = _Dependency("service authentication", ("service_auth.failure",), ("service_auth.success",))

#: Users are served where fewer of their requests end in 5xx; failures are as frequent as before where they are at most
#: so many times as frequent, and chance explains the rest.
_MOST_5XX, _TIMES, _ALPHA = 0.01, 2.0, 0.05

#: By the check that judges it.
DEPENDENCIES = {"auth.unreachable": _AUTH, "database.failures": _DATABASE, "service_auth.failures": _SERVICES}


def failures_by_minute(data: RevisionData, check: str) -> NDArray[np.int64]:
    """Return how often the dependency of a check failed, in each minute in which it did."""
    failed = data.occurrences.of(*DEPENDENCIES[check].failures)
    _, minute = np.unique(failed.minute, return_inverse=True)
    return np.bincount(minute, weights=failed.counted).astype(np.int64)


def auth_unreachable(data: RevisionData, policy: Policy) -> Check:
    """The auth service answers."""
    return _judge(data, policy, "auth.unreachable")


def database_failures(data: RevisionData, policy: Policy) -> Check:
    """The database answers."""
    return _judge(data, policy, "database.failures")


def service_auth_failures(data: RevisionData, policy: Policy) -> Check:
    """Services authenticate to each other."""
    return _judge(data, policy, "service_auth.failures")


def _judge(data: RevisionData, policy: Policy, check: str) -> Check:
    rule, dependency = policy[check], DEPENDENCIES[check]
    occurrences = data.occurrences
    failed, succeeded = occurrences.of(*dependency.failures), occurrences.of(*dependency.successes)
    refused, started = occurrences.of(*dependency.refusals), occurrences.of(*dependency.starts)
    k = failed.count
    n = max(started.count, succeeded.count + refused.count + k)
    limit = (
        f"FAIL from {rule['fail_count']:g} failures that are {percent(rule['fail_ratio'])} of calls, or in "
        f"{rule['fail_minutes']:g} minutes with no success after the first; fewer WARN"
    )
    if not n:
        return result(rule, "NOT_OBSERVABLE", f"no line about the {dependency.name}", limit=limit)
    low, high = clopper_pearson(k, n)
    observed = Observed(value=k / n, unit="ratio", n=n, low=low, high=high)
    if not k:
        text = f"{count(n, 'call')} to the {dependency.name}, none failed (rate below {percent(high)})"
        return result(rule, "PASS", text, observed=observed, limit=limit)
    proof = data.proof(*failed.topics)
    if n == k and (before := _as_before(data, dependency, k)):
        text = (
            f"{count(k, 'failure')} of the {dependency.name}, {before:,} in the baseline, while requests are served; "
            "no success is logged, so the share of calls is not known"
        )
        return result(rule, "WARN", text, observed=observed, limit=limit, evidence=proof)
    said = f"{k:,} of {count(n, 'call')} to the {dependency.name} failed ({percent(k / n)})"
    minutes = len(set(failed.minute))
    recovered = len(succeeded) > 0 and succeeded.last_ns.max() > failed.first_ns.min()
    if minutes >= rule["fail_minutes"] and not recovered:
        text = f"{said}, in {minutes} different minutes, with no success after the first"
        return result(rule, "FAIL", text, observed=observed, limit=limit, evidence=proof)
    if k >= rule["fail_count"] and k / n >= rule["fail_ratio"]:
        return result(rule, "FAIL", said, observed=observed, limit=limit, evidence=proof)
    return result(rule, "WARN", said, observed=observed, limit=limit, evidence=proof)


def _as_before(data: RevisionData, dependency: _Dependency, k: int) -> int:
    """How often a dependency failed in the baseline, where it did so about as often and users are served; else 0.

    Of a service that logs failures of it alone, neither side: that all calls that are known failed says nothing.
    """
    baseline, now = data.baseline, data.requests
    if baseline is None or not baseline.requests.eligible or now.eligible_5xx > _MOST_5XX * now.eligible:
        return 0
    if any(event in baseline.events for event in (*dependency.successes, *dependency.refusals, *dependency.starts)):
        return 0
    before = sum(baseline.events[event].n for event in dependency.failures if event in baseline.events)
    exposures = {"experiment_exposure": now.eligible, "control_exposure": baseline.requests.eligible}
    if not now.eligible or k / now.eligible > _TIMES * before / baseline.requests.eligible:
        return 0
    p = poisson_exact(control_k=before, experiment_k=k, alternative="greater", **exposures)
    return before if p > _ALPHA else 0


_DELIVERED = ("agent.started", "agent.thinking", "agent.tool_executing", "agent.tool_completed", "agent.completed")


def deliveries(data: RevisionData, policy: Policy) -> Check:
    """Agent events reach the user."""
    rule = policy["golden_path.deliveries"]
    lost, delivered = data.occurrences.of("agent.delivery_failed"), data.occurrences.of(*_DELIVERED)
    k, n = lost.count, lost.count + delivered.count
    limit = f"any lost is WARN; {rule['fail_count']:g} that are {percent(rule['fail_ratio'])} FAIL"
    if not n:
        return result(rule, "NOT_OBSERVABLE", "no line about an agent event", limit=limit)
    low, high = clopper_pearson(k, n)
    observed = Observed(value=k / n, unit="ratio", n=n, low=low, high=high)
    failed = k >= rule["fail_count"] and k / n >= rule["fail_ratio"]
    text = f"{k:,} of {count(n, 'agent event')} lost or blocked"
    status: Status = "FAIL" if failed else "WARN" if k else "PASS"
    return result(rule, status, text, observed=observed, limit=limit, evidence=data.proof(*lost.topics))


#: Events that other checks judge, and families that report a user's mistake, to be judged by their rate alone.
_JUDGED = (
    *("platform.exit", "platform.memory_limit", "platform.could_not_start", "platform.no_instance"),
    *("platform.malformed_response", "auth.", "database.", "service_auth.", "websocket.close", "websocket.handshake"),
    *("websocket.readiness", "websocket.auth", "agent.", "http.", "jwt.", "job."),
)


def application_failures(data: RevisionData, policy: Policy) -> Check:
    """No line reports a crash, a start that failed, a traceback or another failure that no other check judges."""
    rule = policy["application.failures"]
    occurrences = data.occurrences
    bad = occurrences.ended("failure", "critical")
    judged = np.array([event.startswith(_JUDGED) for event in occurrences.event], dtype=bool)
    failures = occurrences.where(bad & ~judged)
    limit = f"any is WARN; {rule['fail_count']:g} critical ones, such as starts that failed, are FAIL"
    if not len(failures):
        return result(rule, "PASS", "no other failure was logged", limit=limit)
    critical = failures.where(failures.outcome == "critical")
    status: Status = "FAIL" if critical.count >= rule["fail_count"] and has_failed(data) else "WARN"
    events = {event: int(failures.n[failures.event == event].sum()) for event in sorted(set(failures.event))}
    listed = ", ".join(f"{event} × {n:,}" for event, n in sorted(events.items(), key=lambda pair: (-pair[1], pair[0])))
    observed = Observed(value=sum(events.values()), unit="events", n=len(events))
    proof = data.proof(*(critical if status == "FAIL" else failures).topics)
    return result(rule, status, f"failures in the log: {listed}", observed=observed, limit=limit, evidence=proof)
