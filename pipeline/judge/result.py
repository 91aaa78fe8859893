"""The frame of every check: from a rule and a status to a Check, and the words that reasons share."""

from collections.abc import Callable

from pipeline.judge.model import Check, Evidence, Observed, Status
from pipeline.judge.policy import Policy, Rule
from pipeline.judge.revision_data import RevisionData

CheckFunction = Callable[[RevisionData, Policy], Check]


def result(
    rule: Rule,
    status: Status,
    reason: str,
    *,
    observed: Observed | None = None,
    limit: str | None = None,
    evidence: list[Evidence] | None = None,
) -> Check:
    """Return a check of a rule with its status and proof."""
    return Check(
        id=rule.id,
        title=rule.title,
        group=rule.id.split(".")[0],
        severity=rule.severity,
        status=status,
        reason=reason,
        observed=observed,
        limit=limit,
        evidence=evidence or [],
    )


def worst(*statuses: Status) -> Status:
    """Return the worst of some statuses, FAIL before WARN before PASS."""
    for status in ("FAIL", "WARN", "INCONCLUSIVE"):
        if status in statuses:
            return status
    return "PASS"
