"""How long things take, compared with the baseline, and late in the window compared with early."""

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from pipeline.judge import special
from pipeline.judge.comparison import (
    DRIFT,
    EPISODE,
    Comparison,
    finite,
    minutes_needed,
    rounded,
)
from pipeline.judge.model import Effect, Observed, Status
from pipeline.judge.numbers import count, duration, number, signed
from pipeline.judge.policy import Policy, Rule
from pipeline.judge.power import more_to_detect_shift
from pipeline.judge.ranks import Weighted, hodges_lehmann, mann_whitney, percentile_interval
from pipeline.judge.revision_data import BUCKET_GROWTH, OTHERS, PARTS, Profile, RevisionData, Times, weighted
from pipeline.judge.stats import INDEPENDENT, DesignEffect

AUTH_SUCCESS = ("auth.success",)
DATABASE_SUCCESS = ("database.user_found", "database.user_not_found", "database.user_created")

#: An eighth of the time with fewer requests says nothing of it.
_LEAST_OF_A_PART = 20

#: Endpoints common to both sides must hold this share of the revision's requests for the mix to be set equal.
_COMMON = 0.8


def latencies(data: RevisionData, baseline: Profile, policy: Policy) -> list[Comparison]:
    """Return how long requests, each endpoint, and calls of dependencies take."""
    requests, before = data.of_kind("endpoint"), baseline.of_kind("endpoint")
    # Without the trend that traffic follows by itself: with it, the interval grows with the window.
    design_effects = _designs(data, baseline, "endpoint without trend")
    comparisons = []
    if requests and before:
        topics: tuple[str, ...] = ("requests/slowest",)
        comparisons.append(
            _shift(policy["requests.latency"], "", requests, before, data, design_effects, topics=topics)
        )
    rule = policy["requests.endpoint_latency"]
    for name in sorted((requests.keys() & before.keys()) - {OTHERS}):
        if min(requests[name].total, before[name].total) >= rule["min_n"]:
            here = {name: _with_common_noise(requests[name], requests, design_effects[0])}
            there = {name: _with_common_noise(before[name], before, design_effects[1])}
            comparisons.append(_shift(rule, name, here, there, data, design_effects, topics=(f"slowest/{name}",)))
    for check, events in (("auth.latency", AUTH_SUCCESS), ("database.latency", DATABASE_SUCCESS)):
        here, there = data.of_kind("event", events), baseline.of_kind("event", events)
        topics = tuple(f"event/{name}/" for name in here)
        if here and there:
            design_effects = _designs(data, baseline, "event without trend")
            comparisons.append(_shift(policy[check], "", here, there, data, design_effects, topics=topics, noun="call"))
    return comparisons


def durations(data: RevisionData, baseline: Profile, policy: Policy) -> list[Comparison]:
    """Return how long it took what lines name a time of: events that no check of their own compares, and unknown lines.

    Times of one minute are alike, over all kinds of lines too; without that 18 % of unchanged windows with 300 kinds of
    lines would warn. A time that is the same in every line is a setting, not measured.
    """
    rule = policy["novelty.durations"]
    comparisons = []
    for kind in ("event", "line"):
        here, there = data.of_kind(kind), baseline.of_kind(kind)
        design_effects = _designs(data, baseline, f"{kind} without trend")
        for name in sorted((here.keys() & there.keys()) - {OTHERS, *AUTH_SUCCESS, *DATABASE_SUCCESS}):
            measured = any(len(set(side[name].bucket)) > 1 for side in (here, there))
            if measured and min(here[name].total, there[name].total) >= rule["min_n"]:
                now = {name: _with_common_noise(here[name], here, design_effects[0])}
                before = {name: _with_common_noise(there[name], there, design_effects[1])}
                topics = (f"event/{name}/",) if kind == "event" else ()
                comparisons.append(_shift(rule, name, now, before, data, design_effects, topics=topics, noun="line"))
    return comparisons


def drifts(data: RevisionData, policy: Policy) -> list[Comparison]:
    """Return the last quarter of the revision's time beside the first: what slows down from within."""
    rule = policy["requests.latency"]
    times = data.of_kind("endpoint")
    first = {name: part.within(0, PARTS // 4 - 1) for name, part in times.items()}
    last = {name: part.within(PARTS - PARTS // 4, PARTS - 1) for name, part in times.items()}
    first, last = ({name: part for name, part in side.items() if part.total} for side in (first, last))
    if min(_total(first), _total(last)) < rule["min_n"]:
        return []
    topics = ("requests/slowest",)
    design_effects = _designs(data, data, "endpoint without trend")
    return [
        _shift(rule, DRIFT, last, first, data, design_effects, topics=topics, before="the first quarter of the window")
    ]


def episodes(data: RevisionData, baseline: Profile, policy: Policy) -> list[Comparison]:
    """Return the slowest eighth of the revision's time, compared with the eighths of the baseline's.

    What lasts for a part of the window hides in the whole. Each eighth is the mean of log latency less the endpoint's
    own in the baseline; how these vary within the baseline is the noise, so p is of Student's t for one new value
    (7 degrees of freedom with 8 eighths), times the number of eighths (Bonferroni).
    """
    rule = policy["requests.latency"]
    here, there = data.of_kind("endpoint"), baseline.of_kind("endpoint")
    common = sorted((here.keys() & there.keys()) - {OTHERS})
    usual = {name: float(np.average(there[name].bucket, weights=there[name].n)) for name in common}
    now, before = (_eighths(side, usual) for side in (here, there))
    if len(before) < PARTS // 2 or not now or data.filtered:
        return []
    values = np.array(list(before.values()))
    part, worst = max(now.items(), key=lambda pair: pair[1])
    spread = float(values.std(ddof=1)) * math.sqrt(1 + 1 / len(values))
    above = worst - float(values.mean())
    p = min(1.0, len(now) * float(special.stdtr(len(values) - 1, -above / spread))) if spread else 1.0
    base_ms = rounded(percentile_interval(weighted({name: there[name] for name in common}), 50).estimate)
    ratio = BUCKET_GROWTH**above - 1
    large: Status = "WARN" if ratio >= rule["fail_ratio"] and ratio * base_ms >= rule["fail_ms"] else "PASS"
    text = (
        f"in part {part + 1} of {PARTS} of the window requests take "
        f"{number(1 + ratio, 2)} times as long as in the baseline"
    )
    n = sum(endpoint_times.within(part, part).total for endpoint_times in here.values())
    seen = Observed(value=rounded(1 + ratio), unit="1", n=n)
    base = Observed(value=1.0, unit="1", n=_total(there))
    effect = Effect(kind="ratio", value=rounded(1 + ratio), unit="1", p=p)
    return [Comparison(rule.id, EPISODE, large, text, seen, base, effect, ("requests/slowest",))]


def _eighths(times: Mapping[str, Times], usual: Mapping[str, float]) -> dict[int, float]:
    """The mean bucket of each eighth with enough requests, less the usual one of each endpoint."""
    sums = np.zeros(PARTS)
    counts = np.zeros(PARTS)
    for name, mean in usual.items():
        endpoint = times[name]
        sums += np.bincount(endpoint.part, weights=endpoint.n * (endpoint.bucket - mean), minlength=PARTS)[:PARTS]
        counts += np.bincount(endpoint.part, weights=endpoint.n, minlength=PARTS)[:PARTS]
    return {part: float(sums[part] / counts[part]) for part in range(PARTS) if counts[part] >= _LEAST_OF_A_PART}


def _with_common_noise(endpoint: Times, together: Mapping[str, Times], design: DesignEffect) -> Times:
    """The histogram with at least the design effect that its share of what all show together gives it.

    A slow minute slows all endpoints; by itself one with few requests shows it less well than all do. Kish (1965), 5.4:
    deff = 1 + (size of a cluster - 1) * intra-class correlation, and the size goes with the share.
    """
    least = 1 + (design.value - 1) * endpoint.total / _total(together)
    if least <= endpoint.design.value:
        return endpoint
    return replace(endpoint, design=DesignEffect(least, min(endpoint.design.df, design.df)))


def _designs(data: Profile, baseline: Profile, kind: str) -> tuple[DesignEffect, DesignEffect]:
    return data.design_effects.get(kind, INDEPENDENT), baseline.design_effects.get(kind, INDEPENDENT)


def _total(times: Mapping[str, Times]) -> int:
    return sum(endpoint_times.total for endpoint_times in times.values())


def _shift(
    rule: Rule,
    what: str,
    here: Mapping[str, Times],
    there: Mapping[str, Times],
    data: RevisionData,
    design_effects: tuple[DesignEffect, DesignEffect],
    *,
    topics: tuple[str, ...],
    noun: str = "request",
    before: str = "the baseline",
) -> Comparison:
    """Compare two sets of durations by the Hodges-Lehmann shift, at the revision's own mix of names."""
    n, m = _total(here), _total(there)
    experiment, control, mixed = same_mix(here, there, design_effects)
    limit = int(rule["min_n"])
    seen, base = _median(experiment, n), _median(control, m)
    label = f"{what}: " if what and what != DRIFT else ""
    if min(n, m) < limit:
        missing = limit - min(n, m)
        effect = Effect(
            kind="shift", value=0.0, unit="ms", needed_requests=missing, needed_minutes=minutes_needed(missing, n, data)
        )
        text = f"{label}{count(n, noun)}, {m:,} in {before}; at least {limit:,} are needed on each side"
        return Comparison(rule.id, what, "INCONCLUSIVE", text, seen, base, effect, topics)
    shift = hodges_lehmann(control=control, experiment=experiment)
    median = base.value or 0.0
    relative = shift.estimate / median if median else float("inf")
    p = mann_whitney(control=control, experiment=experiment, alternative="greater").p
    large: Status = "PASS"
    for status, size in (("WARN", "warn"), ("FAIL", "fail")):
        if f"{size}_ms" in rule.limits and relative >= rule[f"{size}_ratio"] and shift.estimate >= rule[f"{size}_ms"]:
            large = status  # type: ignore[assignment]
    if large == "PASS" and "fast_ms" in rule.limits and min(n, m) >= rule["fast_min_n"]:
        large = "WARN" if relative >= rule["fast_ratio"] and shift.estimate >= rule["fast_ms"] else "PASS"
    needed = None
    if large != "PASS":
        needed = more_to_detect_shift(
            control=control, experiment=experiment, shift=shift.estimate, alpha=0.01, power=0.9
        )
    effect = Effect(
        kind="shift",
        value=rounded(shift.estimate),
        unit="ms",
        low=finite(shift.low),
        high=finite(shift.high),
        relative=finite(relative),
        p=float(p),
        needed_requests=needed or None,
        needed_minutes=minutes_needed(needed, n, data),
    )
    bounded = finite(shift.low) is not None and finite(shift.high) is not None
    interval = "too few independent minutes for an interval"
    if bounded:
        interval = f"95 % interval {signed(shift.low)} to {signed(shift.high)}"
    medians = f"median {duration(median)} → {duration(seen.value)}"
    text = (
        f"{label}{_pace(noun, relative, before)} ({medians}); typical difference {signed(shift.estimate)} ({interval})"
    )
    text += f", {n:,} and {m:,} {noun}s" + (" at equal mix of endpoints" if mixed else "")
    return Comparison(rule.id, what, large, text, seen, base, effect, topics)


def _pace(noun: str, relative: float, before: str) -> str:
    """How much slower or faster, in words."""
    if relative >= 0.05:
        return f"{noun}s take {number(1 + relative, 2)} times as long as in {before}"
    return f"{noun}s are as fast as in {before}" if relative > -0.05 else f"{noun}s are faster than in {before}"


def same_mix(
    here: Mapping[str, Times], there: Mapping[str, Times], design_effects: tuple[DesignEffect, DesignEffect]
) -> tuple[Weighted, Weighted, bool]:
    """Both sides as one sample each, the baseline's weighted to the revision's mix where both have the same names.

    Direct standardisation: a change of what is asked for is not a change of how long it takes.
    """
    common = sorted(here.keys() & there.keys())
    whole = _total(here)
    if len(here.keys() | there.keys()) < 2 or not whole or sum(here[name].total for name in common) < _COMMON * whole:
        return weighted(here, design=design_effects[0]), weighted(there, design=design_effects[1]), False
    own, theirs = ({name: side[name] for name in common} for side in (here, there))
    scale = _total(theirs) / _total(own)
    weights = {name: scale * here[name].total / there[name].total for name in common}
    return weighted(own, design=design_effects[0]), weighted(theirs, weights, design=design_effects[1]), True


def quantile(values: Weighted, share: float) -> float:
    """Return the least value with at least this share of all at or below it: no more than the rest lies above."""
    index = int(np.searchsorted(np.cumsum(values.counts), share * values.n * (1 - 1e-12)))
    return float(values.values[min(index, len(values.values) - 1)])


def _median(times: Weighted, n: int) -> Observed:
    if not n:
        return Observed(value=None, unit="ms", n=0)
    median, low, high = percentile_interval(times, 50)
    return Observed(value=rounded(median), unit="ms", n=n, low=finite(low), high=finite(high))
