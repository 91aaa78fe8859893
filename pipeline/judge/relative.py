"""Checks compared with the baseline: the worst of the comparisons that a check has."""

from collections.abc import Sequence

from pipeline.judge.comparison import DRIFT, Comparison, worst_of
from pipeline.judge.model import Check, Evidence
from pipeline.judge.novelty import no_baseline
from pipeline.judge.numbers import duration, number, percent
from pipeline.judge.policy import Policy, Rule
from pipeline.judge.result import result, worst
from pipeline.judge.revision_data import RevisionData


def latency(data: RevisionData, policy: Policy, comparisons: Sequence[Comparison], check: str) -> Check:
    """How long things take, compared with the baseline; for all requests, within the window too."""
    rule = policy[check]
    limit = (
        f"slower by {percent(rule['warn_ratio'])} and {duration(rule['warn_ms'])} WARN, "
        f"{percent(rule['fail_ratio'])} and {duration(rule['fail_ms'])} FAIL; at least {rule['min_n']:g} on each side"
    )
    if data.filtered:
        text = "the export is filtered by severity: the latency of successful requests is missing"
        return result(rule, "NOT_OBSERVABLE", text, limit=limit)
    return _decided(data, rule, comparisons, limit, "the revision or its baseline has no data for this")


def durations(data: RevisionData, policy: Policy, comparisons: Sequence[Comparison]) -> Check:
    """The times that lines name, known or not, compared with the baseline's by their signature."""
    rule = policy["novelty.durations"]
    limit = (
        f"longer by {percent(rule['warn_ratio'])} and {duration(rule['warn_ms'])} WARN; "
        f"at least {rule['min_n']:g} lines on each side"
    )
    return _decided(
        data, rule, comparisons, limit, f"no kind of line names a time {rule['min_n']:g} times on each side"
    )


def failure_rate(data: RevisionData, policy: Policy, comparisons: Sequence[Comparison]) -> Check:
    """How many users are rejected, compared with the baseline."""
    rule = policy["auth.failure_rate"]
    return _decided(
        data, rule, comparisons, rate_limit(rule), "the export is filtered by severity, so there is no rate"
    )


def rate_limit(rule: Rule) -> str:
    """Return the relative limits of a rate in words."""
    return (
        f"above the baseline by {rule['warn_points'] * 100:g} points and {rule['warn_times']:g} times WARN, "
        f"{rule['fail_points'] * 100:g} points and {rule['fail_times']:g} times FAIL"
    )


def beside(check: Check, comparisons: Sequence[Comparison], policy: Policy) -> Check:
    """Return an absolute check with what its comparison adds: the worse of both statuses."""
    worst_comparison = worst_of(comparisons)
    if worst_comparison is None:
        return check
    before = worst_comparison.baseline
    reason = f"{check.reason}; baseline {percent(before.value or 0.0)} of {before.n:,}"
    status = check.status
    if worst_comparison.decided in ("WARN", "FAIL") and worst(status, worst_comparison.decided) != status:
        status, reason = worst_comparison.decided, f"{reason}, and chance does not explain the difference"
    elif status in ("PASS", "INCONCLUSIVE"):
        reason += worst_comparison.doubt
    changed = {"baseline": before, "effect": worst_comparison.effect, "reason": reason, "status": status}
    return excluding(check.model_copy(update=changed), policy[check.id])


def explained(check: Check, data: RevisionData, rule: Rule) -> Check:
    """Return the check with the drift of the explained share: where it fell, what is not seen may have changed too.

    A new logger whose lines are unknown lowers the share and hides nothing: it is as many known lines a request.
    """
    now, before = data.explained_ratio, data.baseline.explained_ratio if data.baseline else None
    if now is None or before is None or before - now < rule["max_drop"] or not _comparable(data):
        return check
    assert data.baseline is not None
    requests, earlier = data.requests.eligible, data.baseline.requests.eligible
    if requests and data.explained / requests >= (1 - rule["max_drop"]) * data.baseline.explained / earlier:
        return check
    text = f"{check.reason}; the catalogue knows {percent(now)} of the entries, {percent(before)} of the baseline's"
    return check.model_copy(update={"reason": text, "status": worst(check.status, "INCONCLUSIVE")})


def _comparable(data: RevisionData) -> bool:
    """Whether both sides did the same kind of work: served users, or none did."""
    assert data.baseline is not None
    return (data.requests.eligible > 0) == (data.baseline.requests.eligible > 0)


def _decided(data: RevisionData, rule: Rule, comparisons: Sequence[Comparison], limit: str, nothing: str) -> Check:
    worst_comparison = worst_of(comparisons)
    if worst_comparison is None:
        if data.baseline is None:
            return no_baseline(rule)
        return result(rule, "NOT_APPLICABLE", nothing, limit=limit)
    reason = worst_comparison.reason + worst_comparison.doubt
    if data.baseline is None:
        reason = f"within the window: {reason}; no baseline to compare with"
    elif worst_comparison.what == DRIFT:
        reason = f"within the window: {reason}"
    if len(comparisons) > 1 and worst_comparison.what != DRIFT:
        reason += f" (worst of {len(comparisons):,})"
    check = result(
        rule,
        worst_comparison.decided,
        reason,
        observed=worst_comparison.observed,
        limit=limit,
        evidence=_proof(data, worst_comparison),
    )
    return excluding(
        check.model_copy(update={"baseline": worst_comparison.baseline, "effect": worst_comparison.effect}), rule
    )


def excluding(check: Check, rule: Rule) -> Check:
    """Return a check that passed with the largest rise that it excludes, or with what it cannot exclude.

    A rate by its one-sided 95 % upper bound (`stats.rise_bound`), a latency by the upper end of its 95 % interval.
    """
    effect = check.effect
    if check.status != "PASS" or effect is None:
        return check
    if effect.bound is not None:
        points = f"{number(effect.bound * 100)} points"
        if effect.bound <= rule["fail_points"]:
            return check.model_copy(update={"reason": f"{check.reason}; a rise above {points} is excluded"})
        return check.model_copy(update={"excludes": f"a rise of up to {points} is not excluded"})
    if effect.kind == "shift" and check.baseline is not None and check.baseline.value:
        median = check.baseline.value
        if effect.high is None:
            return check.model_copy(update={"excludes": "twice the latency is not excluded: too few minutes"})
        worst_size = "fail" if "fail_ms" in rule.limits else "warn"
        if effect.high >= max(rule[f"{worst_size}_ms"], rule[f"{worst_size}_ratio"] * median):
            times = number(1 + effect.high / median, 2)
            return check.model_copy(update={"excludes": f"{times} times the baseline's latency is not excluded"})
    return check


def _proof(data: RevisionData, comparison: Comparison) -> list[Evidence]:
    return data.proof(*comparison.topics) if comparison.decided in ("WARN", "FAIL") else []
