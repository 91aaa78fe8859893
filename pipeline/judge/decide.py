"""From revision data to checks, and from checks to a verdict."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from pipeline.judge import (
    contracts,
    dependencies,
    deployment,
    endings,
    evidence,
    instances,
    jobs,
    novelty,
    platform,
    relative,
    requests,
    security,
    tails,
    volume,
)
from pipeline.judge import websocket as ws
from pipeline.judge.compare import compare
from pipeline.judge.comparison import Comparison
from pipeline.judge.expectations import Expectations
from pipeline.judge.incidents import incidents
from pipeline.judge.model import Check, ContractUse, Decision, Incident, Risk, SignatureChange, VerdictName
from pipeline.judge.numbers import count
from pipeline.judge.policy import Policy
from pipeline.judge.result import CheckFunction, result
from pipeline.judge.revision_data import RevisionData

#: Checks of a revision by itself, by their id; the order of a report is that of `policy.toml`.
CHECKS: dict[str, CheckFunction] = {
    "evidence.window": evidence.window,
    "evidence.traffic": evidence.traffic,
    "evidence.unfiltered": evidence.unfiltered,
    "evidence.explained": evidence.explained,
    "evidence.deployed": evidence.deployed,
    "evidence.complete": evidence.complete,
    "deployment.ready": deployment.ready,
    "job.executions": jobs.executions,
    "platform.exits": platform.exits,
    "platform.memory": platform.memory,
    "platform.could_not_start": platform.could_not_start,
    "platform.no_instance": platform.no_instance,
    "platform.malformed": platform.malformed,
    "platform.instances": instances.instances,
    "requests.error_rate": requests.error_rate,
    "requests.health": requests.health,
    "requests.volume": volume.volume,
    "requests.bodies": volume.bodies,
    "websocket.closes": ws.closes,
    "websocket.readiness": ws.readiness,
    "auth.unreachable": dependencies.auth_unreachable,
    "database.failures": dependencies.database_failures,
    "service_auth.failures": dependencies.service_auth_failures,
    "golden_path.deliveries": dependencies.deliveries,
    "application.failures": dependencies.application_failures,
    "security.leaks": security.leaks,
    "security.attacks": security.attacks,
    "deployment.start_up": deployment.start_up,
    "deployment.instances": deployment.instances,
    "deployment.traffic": deployment.traffic,
    "tests.results": deployment.tests,
}

#: Checks compared with the baseline, of the comparisons that have their id.
RELATIVE: dict[str, Callable[[RevisionData, Policy, Sequence[Comparison]], Check]] = {
    "platform.restarts": instances.restarts,
    "requests.tail_latency": tails.tail_latency,
    "requests.status": endings.status,
    "requests.endpoint_errors": endings.endpoint_errors,
    "websocket.handshakes": ws.handshakes,
    "requests.latency": partial(relative.latency, check="requests.latency"),
    "requests.endpoint_latency": partial(relative.latency, check="requests.endpoint_latency"),
    "auth.latency": partial(relative.latency, check="auth.latency"),
    "database.latency": partial(relative.latency, check="database.latency"),
    "auth.failure_rate": relative.failure_rate,
    "novelty.errors": novelty.errors,
    "novelty.silent": novelty.silent,
    "novelty.durations": relative.durations,
}

#: Worst first, in a report; the first three are findings.
_STATUSES = ("FAIL", "INCONCLUSIVE", "WARN", "PASS", "NOT_OBSERVABLE", "NOT_APPLICABLE")
_SEVERITIES = ("critical", "major", "minor")

#: Checks of what a workload does not do.
_SERVING = (
    "requests.",
    "websocket.",
    "evidence.traffic",
    "evidence.complete",
    "platform.no_instance",
    "platform.malformed",
)
_OF = {
    "worker_pool": (*_SERVING, "platform.instances", "deployment.traffic"),
    "job": (*_SERVING, "platform.instances", "platform.restarts", "deployment."),
}

_RISKS: dict[VerdictName, Risk] = {"PASS": "LOW", "WARN": "MEDIUM", "INCONCLUSIVE": "MEDIUM", "FAIL": "HIGH"}


@dataclass(frozen=True)
class Judgement:
    """All that is found on one revision."""

    data: RevisionData
    checks: list[Check]
    incidents: list[Incident]
    changes: list[SignatureChange]
    contracts: list[ContractUse]


def judge(data: RevisionData, policy: Policy, expected: Expectations | None = None) -> Judgement:
    """Return every check of the policy, worst first, and what was found beside them.

    expected: what the team expects; what its contracts cover is no finding.
    """
    expected = expected or Expectations()
    raw = data
    data, uses = contracts.honour(data, expected)
    comparisons = compare(data, policy)
    checks = []
    for rule in policy.rules.values():
        own = comparisons.get(rule.id, [])
        if data.workload != "service" and rule.id.startswith(_OF[data.workload]):
            check = result(rule, "NOT_APPLICABLE", f"does not apply to a {data.workload.replace('_', ' ')}")
        elif rule.id in RELATIVE:
            check = RELATIVE[rule.id](data, policy, own)
        elif rule.id == "expected.contracts":
            check = contracts.contracts(uses, policy)
        elif rule.id == "expected.required":
            check = contracts.required(data, expected, policy)
        else:
            check = relative.beside(CHECKS[rule.id](data, policy), own, policy)
        checks.append(relative.explained(check, data, rule) if rule.id == "evidence.explained" else check)
    checks = worst_first(checks, policy)
    changes = novelty.changes(data, policy, comparisons.get("novelty.errors", []))
    return Judgement(raw, checks, incidents(data), changes, uses)


def decide(checks: Sequence[Check], policy: Policy) -> Decision:
    """Return the verdict over checks.

    FAIL if a critical or major check fails; else INCONCLUSIVE if a required check is; else WARN if a minor check
    fails or any warns; else PASS. The headline names the worst cause, and how much else was found.
    """
    checks = worst_first(checks, policy)
    failed = [check for check in checks if check.status == "FAIL" and check.severity != "minor"]
    missing = [check for check in checks if check.status == "INCONCLUSIVE" and policy[check.id].required]
    warned = [check for check in checks if check.status in ("FAIL", "WARN") and check not in failed]
    verdict: VerdictName = "FAIL" if failed else "INCONCLUSIVE" if missing else "WARN" if warned else "PASS"
    causes = failed or missing or warned
    headline = str(verdict)
    if causes:
        headline += f": {_cause(causes[0])}"
        noun = {"FAIL": "failure", "INCONCLUSIVE": "reason"}.get(verdict, "warning")
        more = [count(len(causes) - 1, f"more {noun}")] if causes[1:] else []
        more += [count(len(warned), "warning")] if warned and causes is not warned else []
        headline += f" (and {', '.join(more)})" if more else ""
    return Decision(verdict=verdict, risk=_RISKS[verdict], headline=headline)


def worst_first(checks: Sequence[Check], policy: Policy) -> list[Check]:
    """Return checks by status and severity, else in the policy's order, each that did not pass with what to do."""
    order = list(policy.rules)
    ranked = sorted(
        checks,
        key=lambda check: (_STATUSES.index(check.status), _SEVERITIES.index(check.severity), order.index(check.id)),
    )
    return [
        check.model_copy(update={"next": policy[check.id].next if check.status in _STATUSES[:3] else None})
        for check in ranked
    ]


#: A text up to the first semicolon that does not stand in a quoted line.
_FIRST_PART = re.compile(r"""(?:(?<!\w)'(?:[^'\\]|\\.)*'|(?<!\w)"(?:[^"\\]|\\.)*"|(?!; ).)*""", re.DOTALL)


def _cause(check: Check) -> str:
    """What a check found, without its statistics: a reason begins with it."""
    return _FIRST_PART.match(check.reason).group()  # type: ignore[union-attr]  # it may be empty


def worse(first: VerdictName, second: VerdictName) -> VerdictName:
    """Return the worse of two verdicts: FAIL, then INCONCLUSIVE, then WARN, then PASS."""
    order: tuple[VerdictName, ...] = ("PASS", "WARN", "INCONCLUSIVE", "FAIL")
    return max(first, second, key=order.index)
