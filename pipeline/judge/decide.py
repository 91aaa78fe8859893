"""From a sample to checks, and from checks to a verdict."""

from collections.abc import Sequence

from pipeline.judge import dependencies, evidence, platform, requests, security, websocket
from pipeline.judge.checks import CheckFunction, count, result
from pipeline.judge.model import Check, Decision, Risk, VerdictName
from pipeline.judge.policy import Policy
from pipeline.judge.sample import Sample

#: Every check that needs no baseline, by its id; the order of a report is that of `policy.toml`.
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
    "websocket.handshakes": websocket.handshakes,
    "websocket.closes": websocket.closes,
    "websocket.readiness": websocket.readiness,
    "auth.unreachable": dependencies.auth_unreachable,
    "database.failures": dependencies.database_failures,
    "service_auth.failures": dependencies.service_auth_failures,
    "golden_path.deliveries": dependencies.deliveries,
    "application.failures": dependencies.application_failures,
    "security.leaks": security.leaks,
    "security.attacks": security.attacks,
}

_RISKS: dict[VerdictName, Risk] = {"PASS": "LOW", "WARN": "MEDIUM", "INCONCLUSIVE": "MEDIUM", "FAIL": "HIGH"}


def judge(sample: Sample, policy: Policy) -> list[Check]:
    """Return every check of the policy, in its order."""
    return [
        CHECKS[rule.id](sample, policy)
        if not rule.needs
        else result(rule, "NOT_APPLICABLE", "there is no baseline to compare with")
        for rule in policy.rules.values()
    ]


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
