"""From a sample to checks, and from checks to a verdict."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from pipeline.judge import (
    contracts,
    dependencies,
    deployment,
    evidence,
    novelty,
    platform,
    relative,
    requests,
    security,
)
from pipeline.judge import websocket as ws
from pipeline.judge.compare import Comparison, compare
from pipeline.judge.expectations import Expectations
from pipeline.judge.incidents import incidents
from pipeline.judge.model import Check, ContractUse, Decision, Incident, Risk, SignatureChange, VerdictName
from pipeline.judge.policy import Policy
from pipeline.judge.result import CheckFunction, count
from pipeline.judge.revision_data import RevisionData

#: Checks of a revision by itself, by their id; the order of a report is that of `policy.toml`.
CHECKS: dict[str, CheckFunction] = {
    "evidence.window": evidence.window,
    "evidence.traffic": evidence.traffic,
    "evidence.unfiltered": evidence.unfiltered,
    "evidence.explained": evidence.explained,
    "platform.exits": platform.exits,
    "platform.memory": platform.memory,
    "platform.could_not_start": platform.could_not_start,
    "platform.no_instance": platform.no_instance,
    "platform.malformed": platform.malformed,
    "requests.error_rate": requests.error_rate,
    "requests.health": requests.health,
    "websocket.handshakes": ws.handshakes,
    "websocket.closes": ws.closes,
    "websocket.readiness": ws.readiness,
    "auth.unreachable": dependencies.auth_unreachable,
    "database.failures": dependencies.database_failures,
    "service_auth.failures": dependencies.service_auth_failures,
    "golden_path.deliveries": dependencies.deliveries,
    "application.failures": dependencies.application_failures,
    "security.leaks": security.leaks,
    "security.attacks": security.attacks,
    "deployment.ready": deployment.ready,
    "deployment.start_up": deployment.start_up,
    "deployment.instances": deployment.instances,
    "deployment.traffic": deployment.traffic,
    "tests.results": deployment.tests,
}

#: Checks beside the baseline, of the comparisons that have their id.
RELATIVE: dict[str, Callable[[RevisionData, Policy, Sequence[Comparison]], Check]] = {
    "requests.latency": partial(relative.latency, check="requests.latency"),
    "requests.endpoint_latency": partial(relative.latency, check="requests.endpoint_latency"),
    "auth.latency": partial(relative.latency, check="auth.latency"),
    "database.latency": partial(relative.latency, check="database.latency"),
    "auth.failure_rate": relative.failure_rate,
    "novelty.errors": novelty.errors,
    "novelty.silent": novelty.silent,
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
    """Return every check of the policy, in its order, and what stands beside them.

    expected: what the team expects; what its contracts cover is no finding.
    """
    expected = expected or Expectations()
    raw = data
    data, uses = contracts.honour(data, expected)
    comparisons = compare(data, policy)
    checks = []
    for rule in policy.rules.values():
        mine = comparisons.get(rule.id, [])
        if rule.id in RELATIVE:
            check = RELATIVE[rule.id](data, policy, mine)
        elif rule.id == "expected.contracts":
            check = contracts.contracts(uses, policy)
        elif rule.id == "expected.required":
            check = contracts.required(data, expected, policy)
        else:
            check = relative.beside(CHECKS[rule.id](data, policy), mine)
        checks.append(relative.explained(check, data, rule) if rule.id == "evidence.explained" else check)
    changes = novelty.changes(data, policy, comparisons.get("novelty.errors", []))
    return Judgement(raw, checks, incidents(data), changes, uses)


def decide(checks: Sequence[Check], policy: Policy) -> Decision:
    """Return the verdict over checks.

    FAIL if a critical or major check fails; else INCONCLUSIVE if a required check is; else WARN if a minor check
    fails or any warns; else PASS. The headline names what decided, and how many warnings stand beside it.
    """
    failed = [check for check in checks if check.status == "FAIL"]
    warned = [check for check in checks if check.status == "WARN"]
    missing = [check for check in checks if check.status == "INCONCLUSIVE" and policy[check.id].required]
    grave = [check for check in failed if check.severity in ("critical", "major")]
    causes = grave or missing
    beside = len(warned) + len(failed) - len(grave)
    verdict: VerdictName = "FAIL" if grave else "INCONCLUSIVE" if missing else "WARN" if beside else "PASS"
    headline = str(verdict)
    if beside:
        headline += f", {count(beside, 'warning')}"
    if causes:
        headline += f": {causes[0].reason}" + (f" (and {len(causes) - 1} more)" if causes[1:] else "")
    return Decision(verdict=verdict, risk=_RISKS[verdict], headline=headline)


def worse(first: VerdictName, second: VerdictName) -> VerdictName:
    """Return the worse of two verdicts: FAIL, then INCONCLUSIVE, then WARN, then PASS."""
    order: tuple[VerdictName, ...] = ("PASS", "WARN", "INCONCLUSIVE", "FAIL")
    return max(first, second, key=order.index)
