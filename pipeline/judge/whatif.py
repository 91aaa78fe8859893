"""Which rule decided what, and which limit, set otherwise, would have changed the verdict: found by judging again."""

from collections.abc import Iterator
from math import sqrt

from pipeline.judge.decide import decide, judge
from pipeline.judge.expectations import Expectations
from pipeline.judge.model import Check, VerdictName
from pipeline.judge.numbers import count
from pipeline.judge.policy import Policy, Rule
from pipeline.judge.revision_data import RevisionData

#: How often the stretch between a limit's value and the end of its range is halved.
_HALVINGS = 16


def explain(data: RevisionData, policy: Policy, expected: Expectations) -> Iterator[str]:
    """Yield, line by line, every check with its limits, and what would have changed the verdict."""
    checks = judge(data, policy, expected).checks
    decision = decide(checks, policy)
    yield f"{data.revision}: {decision.headline}"
    for check in checks:
        rule = policy[check.id]
        required = ", required" if rule.required else ""
        yield f"  {check.status:14s} {check.id} ({check.severity}{required}): {check.reason}"
        for name, limit in rule.limits.items():
            low, high = limit.range
            yield f"{'':17s}{name} = {limit.value:g} {limit.unit} ({low:g} to {high:g}): {limit.reason}"
    yield from _changes(data, policy, expected, checks, decision.verdict)


def _changes(
    data: RevisionData, policy: Policy, expected: Expectations, checks: list[Check], verdict: VerdictName
) -> Iterator[str]:
    if verdict == "PASS":
        yield "  every check that applies passed: no single limit decided"
        return
    weighty = [check for check in checks if _weighs(check, verdict, policy)]
    yield f"  {verdict} rests on {count(len(weighty), 'check')}" + (", each enough for it" if weighty[1:] else "")
    for check in weighty:
        yield f"  {check.id}: without it the verdict would be {_alone(checks, check, policy)}"
        for name, value, other in turns(data, policy, expected, check):
            limit = policy[check.id].limits[name]
            yield f"    {name} = {value:.4g} {limit.unit} in place of {limit.value:g} would make it {other}"


def _weighs(check: Check, verdict: VerdictName, policy: Policy) -> bool:
    """Whether the check by itself is enough for the verdict."""
    return decide([check], policy).verdict == verdict


def _alone(checks: list[Check], left_out: Check, policy: Policy) -> VerdictName:
    """The verdict had one check passed."""
    passed = [check.model_copy(update={"status": "PASS"}) if check is left_out else check for check in checks]
    return decide(passed, policy).verdict


def turns(data: RevisionData, policy: Policy, expected: Expectations, check: Check) -> Iterator[tuple[str, float, str]]:
    """Yield a check's limits with the nearest values, below and above, that make it say something else, and what."""

    def status(name: str, value: float) -> str:
        changed = judge(data, _with(policy, check.id, name, value), expected).checks
        return next(judged.status for judged in changed if judged.id == check.id)

    for name, limit in policy[check.id].limits.items():
        for end in limit.range:
            if end == limit.value or status(name, end) == check.status:
                continue
            same, other = limit.value, end
            for _ in range(_HALVINGS):
                middle = sqrt(same * other) if min(same, other) > 0 else (same + other) / 2
                same, other = (middle, other) if status(name, middle) == check.status else (same, middle)
            yield name, other, status(name, other)


def _with(policy: Policy, check: str, name: str, value: float) -> Policy:
    rule = policy[check]
    limits = {**rule.limits, name: rule.limits[name].model_copy(update={"value": value})}
    changed: Rule = rule.model_copy(update={"limits": limits})
    return policy.model_copy(update={"rules": {**policy.rules, check: changed}})
