"""The slow tail: how many requests take longer than nearly all of the baseline's did."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from pipeline.judge.comparison import Comparison, finite, proportion, rounded, share_p, worst_of
from pipeline.judge.latencies import quantile, same_mix
from pipeline.judge.model import Check, Effect, Status
from pipeline.judge.numbers import count, duration, percent
from pipeline.judge.policy import Policy, Rule
from pipeline.judge.ranks import Weighted
from pipeline.judge.result import result
from pipeline.judge.revision_data import BUCKET_GROWTH, OTHERS, Profile, RevisionData, Times
from pipeline.judge.stats import INDEPENDENT

#: Quantiles of the baseline above which requests are counted: name, quantile, and the policy's least n a side.
QUANTILES = (("p95", 0.95, "p95_min_n"), ("p99", 0.99, "p99_min_n"))


def far_cut(p99_ms: float) -> float:
    """Return the latency in ms beyond which a request is far in the tail: far beyond what any usual minute shows."""
    return max(4 * p99_ms, p99_ms + 1000)


def comparisons(data: RevisionData, baseline: Profile, policy: Policy) -> list[Comparison]:
    """Return the shares above the baseline's own quantiles, of all requests at equal mix and of each endpoint."""
    rule = policy["requests.tail_latency"]
    here, there = data.of_kind("endpoint"), baseline.of_kind("endpoint")
    common = sorted((here.keys() & there.keys()) - {OTHERS})
    tails: list[Comparison] = []
    if data.filtered or not common:
        return tails
    whole: tuple[Mapping[str, Times], Mapping[str, Times]] = (
        {k: here[k] for k in common},
        {k: there[k] for k in common},
    )
    tails += _tails(rule, "", *whole, data, baseline)
    if len(common) > 1:
        for name in common:
            tails += _tails(rule, name, {name: here[name]}, {name: there[name]}, data, baseline)
    return tails


def _tails(
    rule: Rule, name: str, here: Mapping[str, Times], there: Mapping[str, Times], data: RevisionData, baseline: Profile
) -> Iterator[Comparison]:
    experiment, control, _ = same_mix(here, there, (INDEPENDENT, INDEPENDENT))
    n = min(experiment.n, sum(times.total for times in there.values()))
    for label, share, least in QUANTILES:
        if n >= rule[least]:
            yield _above(rule, name, label, share, (experiment, control), data, baseline)
    if n >= rule["p95_min_n"]:
        yield _far(rule, name, (experiment, control), data, baseline)


def _above(
    rule: Rule,
    name: str,
    label: str,
    share: float,
    sides: tuple[Weighted, Weighted],
    data: RevisionData,
    baseline: Profile,
) -> Comparison:
    """Requests above one quantile of the baseline."""
    experiment, control = sides
    cut = quantile(control, share)
    now, before = quantile(experiment, share), cut
    slow, base = _above_cut(experiment, cut), _above_cut(control, cut)
    more = slow / experiment.n >= rule["warn_times"] * base / control.n
    longer = now >= before * rule["warn_ratio"] and now - before >= rule["warn_ms"]
    faster = now >= before * rule["fast_ratio"] and now - before >= rule["fast_ms"]
    large: Status = "WARN" if more and (longer or faster) else "PASS"
    words = f"{label} went from {duration(before)} to {duration(now)}"
    return _comparison(rule, (name, label), words, large, cut, sides, data, baseline)


def _far(rule: Rule, name: str, sides: tuple[Weighted, Weighted], data: RevisionData, baseline: Profile) -> Comparison:
    """Requests far beyond the baseline's p99: a share above p99 itself gains no power where minutes drift."""
    experiment, control = sides
    cut = far_cut(quantile(control, 0.99))
    slow, base = _above_cut(experiment, cut) / experiment.n, _above_cut(control, cut) / control.n
    large: Status = "PASS"
    if _above_cut(experiment, cut) >= rule["far_count"] and slow >= rule["far_times"] * base:
        for status, points in (("WARN", "far_warn_points"), ("FAIL", "far_fail_points")):
            if slow - base >= rule[points]:
                large = status  # type: ignore[assignment]
    return _comparison(rule, (name, "far"), "", large, cut, sides, data, baseline)


def _comparison(
    rule: Rule,
    what: tuple[str, str],
    words: str,
    large: Status,
    cut: float,
    sides: tuple[Weighted, Weighted],
    data: RevisionData,
    baseline: Profile,
) -> Comparison:
    name, label = what
    experiment, control = sides
    slow, base = _above_cut(experiment, cut), _above_cut(control, cut)
    bucket = bucket_of(cut)
    steps = data.steps.get(name)
    design = steps.design_effect(bucket) if steps else 1.0
    base_design = baseline.design_effects.get(f"above {label} {name}", INDEPENDENT).value
    shrunk = 1.0 if name else control.n_effective / control.n  # what unequal weights of endpoints cost
    here = round(slow), round(experiment.n), design
    there = round(base * shrunk), max(round(control.n * shrunk), 1), base_design
    share = (
        f"{round(slow):,} of {count(round(experiment.n), 'request')} ({percent(slow / experiment.n)}) took longer than "
        f"{duration(cut)}, {percent(base / control.n)} in the baseline"
    )
    text = (f"{name}: " if name else "") + "; ".join(part for part in (words, share) if part)
    effect = Effect(
        kind="difference",
        value=rounded(slow / experiment.n - base / control.n),
        unit="ratio",
        relative=finite((slow / experiment.n) / (base / control.n) - 1) if base else None,
        p=share_p(here, there),
    )
    seen, before = proportion(here[0], here[1]), proportion(min(there[0], there[1]), there[1])
    topics = (f"slowest/{name}",) if name else ("requests/slowest",)
    return Comparison(rule.id, f"{label} {name}".strip(), large, text, seen, before, effect, topics)


def bucket_of(ms: float) -> int:
    """Return the bucket of a histogram that ends at a latency, or next to it."""
    return round(float(np.log(max(ms * 1e6, 1.0)) / np.log(BUCKET_GROWTH)))


def _above_cut(values: Weighted, cut: float) -> float:
    return float(values.counts[values.values > cut * (1 + 1e-9)].sum())


def tail_latency(data: RevisionData, policy: Policy, comparisons: Sequence[Comparison]) -> Check:
    """No more requests are slow than the baseline's slowest twentieth and hundredth."""
    rule = policy["requests.tail_latency"]
    limit = (
        f"{rule['warn_times']:g} times as many above the baseline's p95 or p99, and p95 or p99 "
        f"{rule['warn_ratio']:g} times and {duration(rule['warn_ms'])} longer, WARN; "
        f"{rule['far_warn_points'] * 100:g} points more far beyond p99 WARN, "
        f"{rule['far_fail_points'] * 100:g} points FAIL"
    )
    if data.filtered:
        text = "the export is filtered by severity, so successful requests are missing"
        return result(rule, "NOT_OBSERVABLE", text, limit=limit)
    if data.baseline is None:
        return result(rule, "NOT_APPLICABLE", "no baseline to compare with", limit=limit)
    worst = worst_of(comparisons)
    if worst is None:
        here, there = (side.of_kind("endpoint") for side in (data, data.baseline))
        n, m = (sum(side[name].total for name in here.keys() & there.keys() - {OTHERS}) for side in (here, there))
        least = f"at least {rule['p95_min_n']:g} are needed on each side"
        text = f"{count(n, 'request')} to endpoints of both, {m:,} in the baseline; {least}"
        return result(rule, "NOT_OBSERVABLE", text, limit=limit)
    proof = data.proof(*worst.topics) if worst.decided in ("WARN", "FAIL") else []
    check = result(
        rule, worst.decided, worst.reason + worst.doubt, observed=worst.observed, limit=limit, evidence=proof
    )
    return check.model_copy(update={"baseline": worst.baseline, "effect": worst.effect})
