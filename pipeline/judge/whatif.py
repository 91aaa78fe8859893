"""Which rule decided what, and which limit, set otherwise, would have changed the verdict: found by judging again."""

from collections.abc import Iterator

from pipeline.judge.checks import count
from pipeline.judge.decide import decide, judge
from pipeline.judge.expectations import Expectations
from pipeline.judge.model import Check, VerdictName
from pipeline.judge.policy import Limit, Policy, Rule
from pipeline.judge.sample import Sample

#: How often the stretch between a limit's value and the end of its range is halved.
_HALVINGS = 12


def explain(sample: Sample, policy: Policy, expected: Expectations) -> Iterator[str]:
    """Yield, line by line, every check with its limits, and what would have changed the verdict."""
    checks = judge(sample, policy, expected).checks
    decision = decide(checks, policy)
    yield f"{sample.revision}: {decision.headline}"
    for check in checks:
        rule = policy[check.id]
        required = ", required" if rule.required else ""
        yield f"  {check.status:14s} {check.id} ({check.severity}{required}): {check.reason}"
        for name, limit in rule.limits.items():
            low, high = limit.range
            yield f"{'':17s}{name} = {limit.value:g} {limit.unit} ({low:g} to {high:g}): {limit.reason}"
    yield from _changes(sample, policy, expected, checks, decision.verdict)


def _changes(
    sample: Sample, policy: Policy, expected: Expectations, checks: list[Check], verdict: VerdictName
) -> Iterator[str]:
    deciding = [check for check in checks if _alone(checks, check, policy) != verdict]
    told = [check for check in checks if check.status in ("FAIL", "WARN") or check.status == "INCONCLUSIVE"]
    if verdict == "PASS":
        yield "  every check that applies passed: no single limit decided"
        return
    if not deciding:
        weighty = [check for check in told if check.status == verdict]
        yield f"  {verdict} rests on {count(len(weighty), 'check')}: no single one would have changed it"
    for check in deciding:
        yield f"  without {check.id} the verdict would be {_alone(checks, check, policy)}"
        for name, limit in policy[check.id].limits.items():
            for value, other in _turns(sample, policy, expected, check, name, limit):
                yield f"    {name} = {value:.4g} {limit.unit} in place of {limit.value:g} would make it {other}"


def _alone(checks: list[Check], left_out: Check, policy: Policy) -> VerdictName:
    """The verdict had one check passed."""
    passed = [check.model_copy(update={"status": "PASS"}) if check is left_out else check for check in checks]
    return decide(passed, policy).verdict


def _turns(
    sample: Sample, policy: Policy, expected: Expectations, check: Check, name: str, limit: Limit
) -> Iterator[tuple[float, str]]:
    """The nearest values of a limit, below and above, at which the check says something else."""

    def status(value: float) -> str:
        changed = judge(sample, _with(policy, check.id, name, value), expected).checks
        return next(one.status for one in changed if one.id == check.id)

    for end in limit.range:
        if end == limit.value or status(end) == check.status:
            continue
        same, other = limit.value, end
        for _ in range(_HALVINGS):
            middle = (same + other) / 2
            if status(middle) == check.status:
                same = middle
            else:
                other = middle
        yield other, status(other)


def _with(policy: Policy, check: str, name: str, value: float) -> Policy:
    rule = policy[check]
    limits = {**rule.limits, name: rule.limits[name].model_copy(update={"value": value})}
    changed: Rule = rule.model_copy(update={"limits": limits})
    return policy.model_copy(update={"rules": {**policy.rules, check: changed}})
