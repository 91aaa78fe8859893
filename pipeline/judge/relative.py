"""Checks beside the baseline: the worst of the comparisons that a check has."""

from collections.abc import Sequence

from pipeline.judge.compare import DRIFT, Comparison, worst_of
from pipeline.judge.model import Check, Evidence
from pipeline.judge.novelty import no_baseline
from pipeline.judge.policy import Policy, Rule
from pipeline.judge.result import percent, result, worst
from pipeline.judge.revision_data import RevisionData


def latency(data: RevisionData, policy: Policy, comparisons: Sequence[Comparison], check: str) -> Check:
    """How long things take, beside the baseline; for all requests, within the window too."""
    rule = policy[check]
    limit = (
        f"shift above {percent(rule['warn_ratio'])} of the median and {rule['warn_ms']:g} ms WARN, "
        f"{percent(rule['fail_ratio'])} and {rule['fail_ms']:g} ms FAIL, n at least {rule['min_n']:g} a side"
    )
    if data.filtered:
        text = "the sample is filtered by severity: how long requests took in general is not in it"
        return result(rule, "NOT_OBSERVABLE", text, limit=limit)
    return _decided(data, rule, comparisons, limit, "one side has none of it")


def failure_rate(data: RevisionData, policy: Policy, comparisons: Sequence[Comparison]) -> Check:
    """How many users are turned away, beside the baseline."""
    rule = policy["auth.failure_rate"]
    return _decided(data, rule, comparisons, rate_limit(rule), "a sample filtered by severity gives no rate")


def rate_limit(rule: Rule) -> str:
    """Return the relative limits of a rate in words."""
    return (
        f"above the baseline by {rule['warn_points'] * 100:g} points and {rule['warn_times']:g} times WARN, "
        f"{rule['fail_points'] * 100:g} points and {rule['fail_times']:g} times FAIL"
    )


def beside(check: Check, comparisons: Sequence[Comparison]) -> Check:
    """Return an absolute check with what its comparison adds: the worse of both statuses."""
    found = worst_of(comparisons)
    if found is None:
        return check
    before = found.baseline
    told = f"{check.reason}; {percent(before.value or 0.0)} of the baseline's {before.n:,}"
    status = check.status
    if found.decided in ("WARN", "FAIL") and worst(status, found.decided) != status:
        status, told = found.decided, f"{told}: more than chance explains"
    elif status in ("PASS", "INCONCLUSIVE"):
        told += found.doubt
    return check.model_copy(update={"baseline": before, "effect": found.effect, "reason": told, "status": status})


def explained(check: Check, data: RevisionData, rule: Rule) -> Check:
    """Return the check with the drift of the explained share: where it fell, what is not seen may have changed too."""
    now, before = data.explained_ratio, data.baseline.explained_ratio if data.baseline else None
    if now is None or before is None or before - now < rule["max_drop"] or not _comparable(data):
        return check
    text = f"{check.reason}; the catalogue explains {percent(now)} of the entries, {percent(before)} of the baseline's"
    return check.model_copy(update={"reason": text, "status": worst(check.status, "INCONCLUSIVE")})


def _comparable(data: RevisionData) -> bool:
    """Whether both sides did the same kind of work: served users, or none did."""
    assert data.baseline is not None
    return (data.requests.eligible > 0) == (data.baseline.requests.eligible > 0)


def _decided(data: RevisionData, rule: Rule, comparisons: Sequence[Comparison], limit: str, nothing: str) -> Check:
    found = worst_of(comparisons)
    if found is None:
        if data.baseline is None:
            return no_baseline(rule)
        return result(rule, "NOT_APPLICABLE", nothing, limit=limit)
    reason = found.reason + found.doubt
    if data.baseline is None:
        reason = f"no baseline to compare with; within the window: {reason}"
    elif found.what == DRIFT:
        reason = f"within the window: {reason}"
    if len(comparisons) > 1 and found.what != DRIFT:
        reason += f" (worst of {len(comparisons):,})"
    check = result(rule, found.decided, reason, observed=found.observed, limit=limit, evidence=_proof(data, found))
    return check.model_copy(update={"baseline": found.baseline, "effect": found.effect})


def _proof(data: RevisionData, found: Comparison) -> list[Evidence]:
    return data.proof(*found.topics) if found.decided in ("WARN", "FAIL") else []
