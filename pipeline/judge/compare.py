"""A revision beside its baseline: every comparison first, then what is left after allowing for how many there were.

Each comparison has two sides that are judged apart: whether the effect is large enough to matter (absolute and relative
limits of the policy) and whether it is more than chance (a one-sided p, adjusted over all comparisons of the run). Harm
needs both; a large effect that chance explains is undecided, with how much more data would decide it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite

import numpy as np

from pipeline.judge.model import Effect, Observed, Status
from pipeline.judge.policy import Policy, Rule
from pipeline.judge.power import more_requests_to_compare_rates, more_to_detect_shift
from pipeline.judge.result import count, percent
from pipeline.judge.revision_data import OTHERS, PARTS, Profile, RevisionData, SignatureRow, Times, weighted
from pipeline.judge.stats import (
    INDEPENDENT,
    DesignEffect,
    Weighted,
    benjamini_hochberg,
    clopper_pearson,
    fisher_exact,
    hodges_lehmann,
    mann_whitney,
    percentile_interval,
    poisson_exact,
)

AUTH_SUCCESS = ("auth.success",)
DATABASE_SUCCESS = ("database.user_found", "database.user_not_found", "database.user_created")

DRIFT = "drift"

#: Endpoints common to both sides must hold this share of the revision's requests for the mix to be set equal.
_COMMON = 0.8


@dataclass(frozen=True)
class Comparison:
    """One quantity of a revision beside its baseline's.

    what: its name within the check ("" where there is one). large: what the size of the effect alone says; decided:
    what is left of it after chance is allowed for, and doubt says why it is less. topics: where its evidence is.
    """

    check: str
    what: str
    large: Status
    reason: str
    observed: Observed
    baseline: Observed
    effect: Effect
    topics: tuple[str, ...] = ()
    decided: Status = "PASS"
    doubt: str = ""


def compare(data: RevisionData, policy: Policy) -> dict[str, list[Comparison]]:
    """Return all comparisons of a sample by their check, with q and what is decided."""
    found = _drifts(data, policy)
    if data.baseline is not None:
        found += [
            *_latencies(data, data.baseline, policy),
            *_rates(data, data.baseline, policy),
            *_signatures(data, data.baseline, policy),
        ]
    adjusted = benjamini_hochberg([one.effect.p for one in found if one.effect.p is not None])
    by_check: dict[str, list[Comparison]] = {}
    tested = iter(adjusted)
    for one in found:
        q = None if one.effect.p is None else float(next(tested))
        by_check.setdefault(one.check, []).append(_decided(one, q, policy.comparison["false_discovery_rate"]))
    return by_check


def _decided(one: Comparison, q: float | None, rate: float) -> Comparison:
    """A large effect counts where chance does not explain it; else it is undecided, if harm is not excluded."""
    effect = one.effect.model_copy(update={"q": q})
    if q is None or one.large not in ("WARN", "FAIL"):
        return replace(one, effect=effect, decided=one.large)
    if q <= rate:
        settled = effect.model_copy(update={"needed_requests": None, "needed_minutes": None})
        return replace(one, effect=settled, decided=one.large)
    more = ""
    if effect.needed_requests:
        more = f"; about {count(effect.needed_requests, 'more request')} would decide it"
        if effect.needed_minutes:
            more += f" ({effect.needed_minutes:,.3g} minutes at today's traffic)"
    return replace(one, effect=effect, decided="INCONCLUSIVE", doubt=f"; chance can explain it{more}")


# ---------------------------------------------------------------- how long


def _latencies(data: RevisionData, baseline: Profile, policy: Policy) -> list[Comparison]:
    requests, before = data.of_kind("endpoint"), baseline.of_kind("endpoint")
    design_effects = _designs(data, baseline, "endpoint")
    found = []
    if requests and before:
        topics: tuple[str, ...] = ("requests/slowest",)
        found.append(_shift(policy["requests.latency"], "", requests, before, data, design_effects, topics=topics))
    rule = policy["requests.endpoint_latency"]
    for name in sorted((requests.keys() & before.keys()) - {OTHERS}):
        if min(requests[name].total, before[name].total) >= rule["min_n"]:
            here = {name: _with_common_noise(requests[name], requests, design_effects[0])}
            there = {name: _with_common_noise(before[name], before, design_effects[1])}
            found.append(_shift(rule, name, here, there, data, design_effects, topics=(f"slowest/{name}",)))
    for check, events in (("auth.latency", AUTH_SUCCESS), ("database.latency", DATABASE_SUCCESS)):
        here, there = data.of_kind("event", events), baseline.of_kind("event", events)
        topics = tuple(f"event/{name}/" for name in here)
        if here and there:
            design_effects = _designs(data, baseline, "event")
            found.append(_shift(policy[check], "", here, there, data, design_effects, topics=topics, noun="call"))
    return found


def _drifts(data: RevisionData, policy: Policy) -> list[Comparison]:
    """The last quarter of the revision's time beside the first: what slows down from within."""
    rule = policy["requests.latency"]
    times = data.of_kind("endpoint")
    first = {name: one.within(0, PARTS // 4 - 1) for name, one in times.items()}
    last = {name: one.within(PARTS - PARTS // 4, PARTS - 1) for name, one in times.items()}
    first, last = ({name: one for name, one in side.items() if one.total} for side in (first, last))
    if min(_total(first), _total(last)) < rule["min_n"]:
        return []
    topics = ("requests/slowest",)
    design_effects = _designs(data, data, "endpoint without trend")
    return [
        _shift(rule, DRIFT, last, first, data, design_effects, topics=topics, before="the first quarter of its time")
    ]


def _with_common_noise(one: Times, together: Mapping[str, Times], design: DesignEffect) -> Times:
    """The histogram with at least the design effect that its share of what all show together gives it.

    A slow minute slows all endpoints; by itself one with few requests shows it less well than all do. Kish (1965), 5.4:
    deff = 1 + (size of a cluster - 1) * intra-class correlation, and the size goes with the share.
    """
    least = 1 + (design.value - 1) * one.total / _total(together)
    if least <= one.design.value:
        return one
    return replace(one, design=DesignEffect(least, min(one.design.df, design.df)))


def _designs(data: Profile, baseline: Profile, kind: str) -> tuple[DesignEffect, DesignEffect]:
    return data.design_effects.get(kind, INDEPENDENT), baseline.design_effects.get(kind, INDEPENDENT)


def _total(times: Mapping[str, Times]) -> int:
    return sum(one.total for one in times.values())


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
    experiment, control, mixed = _same_mix(here, there, design_effects)
    limit = int(rule["min_n"])
    seen, base = _median(experiment, n), _median(control, m)
    label = f"{what}: " if what and what != DRIFT else ""
    if min(n, m) < limit:
        missing = limit - min(n, m)
        effect = Effect(
            kind="shift", value=0.0, unit="ms", needed_requests=missing, needed_minutes=_minutes(missing, n, data)
        )
        text = f"{label}{count(n, noun)} beside {m:,} of {before}: {limit:,} a side are needed"
        return Comparison(rule.id, what, "INCONCLUSIVE", text, seen, base, effect, topics)
    shift = hodges_lehmann(control=control, experiment=experiment)
    median = base.value or 0.0
    relative = shift.estimate / median if median else float("inf")
    p = mann_whitney(control=control, experiment=experiment, alternative="greater").p
    large: Status = "PASS"
    for status, size in (("WARN", "warn"), ("FAIL", "fail")):
        if relative >= rule[f"{size}_ratio"] and shift.estimate >= rule[f"{size}_ms"]:
            large = status  # type: ignore[assignment]
    needed = None
    if large != "PASS":
        needed = more_to_detect_shift(
            control=control, experiment=experiment, shift=shift.estimate, alpha=0.01, power=0.9
        )
    effect = Effect(
        kind="shift",
        value=rounded(shift.estimate),
        unit="ms",
        low=_finite(shift.low),
        high=_finite(shift.high),
        relative=_finite(relative),
        p=float(p),
        needed_requests=needed or None,
        needed_minutes=_minutes(needed, n, data),
    )
    grew = "slower than" if shift.estimate > 0 else "faster than" if shift.estimate < 0 else "apart from"
    text = (
        f"{label}{milliseconds(abs(shift.estimate))} ms {grew} {before} ({abs(relative) * 100:,.3g} % of its median "
        f"{milliseconds(median)} ms; 95 %: {milliseconds(shift.low)} to {milliseconds(shift.high)} ms), "
        f"n = {n:,} and {m:,}"
    )
    if mixed:
        text += ", at equal mix of endpoints"
    return Comparison(rule.id, what, large, text, seen, base, effect, topics)


def _same_mix(
    here: Mapping[str, Times], there: Mapping[str, Times], design_effects: tuple[DesignEffect, DesignEffect]
) -> tuple[Weighted, Weighted, bool]:
    """Both sides as one sample each, the baseline's weighted to the revision's mix where both have the same names.

    Direct standardisation: a change of what is asked for is not a change of how long it takes.
    """
    common = sorted(here.keys() & there.keys())
    whole = _total(here)
    if len(here.keys() | there.keys()) < 2 or not whole or sum(here[name].total for name in common) < _COMMON * whole:
        return weighted(here, design=design_effects[0]), weighted(there, design=design_effects[1]), False
    mine, theirs = ({name: side[name] for name in common} for side in (here, there))
    scale = _total(theirs) / _total(mine)
    weights = {name: scale * here[name].total / there[name].total for name in common}
    return weighted(mine, design=design_effects[0]), weighted(theirs, weights, design=design_effects[1]), True


def _median(times: Weighted, n: int) -> Observed:
    if not n:
        return Observed(value=None, unit="ms", n=0)
    median, low, high = percentile_interval(times, 50)
    return Observed(value=rounded(median), unit="ms", n=n, low=_finite(low), high=_finite(high))


# ---------------------------------------------------------------- how often


def _rates(data: RevisionData, baseline: Profile, policy: Policy) -> list[Comparison]:
    found = []
    now, before = data.requests, baseline.requests
    if not data.filtered and now.eligible and before.eligible:
        found.append(
            _rate(
                policy["requests.error_rate"],
                "ended in 5xx",
                (now.eligible_5xx, now.eligible, data.design_effects.get("errors", INDEPENDENT).value),
                (before.eligible_5xx, before.eligible, baseline.design_effects.get("errors", INDEPENDENT).value),
                data,
                ("requests/5xx",),
            )
        )
        denied, topics = _denied(data, baseline)
        found.append(
            _rate(
                policy["auth.failure_rate"],
                "were turned away",
                (denied[0], now.eligible, data.design_effects.get("denied", INDEPENDENT).value),
                (denied[1], before.eligible, baseline.design_effects.get("denied", INDEPENDENT).value),
                data,
                topics,
            )
        )
    return found


def _denied(data: RevisionData, baseline: Profile) -> tuple[tuple[int, int], tuple[str, ...]]:
    """Refused users of both sides: the service's own events or 401/403 rows, whichever are more in all."""
    rows = data.requests.eligible_denied, baseline.requests.eligible_denied
    events = tuple(one.events["auth.failure"].n if "auth.failure" in one.events else 0 for one in (data, baseline))
    if sum(events) > sum(rows):
        return (events[0], events[1]), ("event/auth.failure/",)
    return rows, ("requests/denied",)


def _rate(
    rule: Rule,
    verb: str,
    here: tuple[int, int, float],
    there: tuple[int, int, float],
    data: RevisionData,
    topics: tuple[str, ...],
) -> Comparison:
    """Compare two shares of requests, each given as count, number and design effect."""
    (k, n, effect_here), (base_k, base_n, effect_there) = here, there
    k, base_k = min(k, n), min(base_k, base_n)
    seen, base = proportion(k, n), proportion(base_k, base_n)
    # Requests of one minute fail together: so many of them tell as much as one.
    p = fisher_exact(
        control_k=round(base_k / effect_there),
        control_n=max(round(base_n / effect_there), 1),
        experiment_k=round(k / effect_here),
        experiment_n=max(round(n / effect_here), 1),
        alternative="greater",
    )
    difference = k / n - base_k / base_n
    ratio = (k / n) / (base_k / base_n) if base_k else float("inf") if k else 1.0
    large: Status = "PASS"
    for status, size in (("WARN", "warn"), ("FAIL", "fail")):
        if difference >= rule[f"{size}_points"] and ratio >= rule[f"{size}_times"]:
            large = status  # type: ignore[assignment]
    needed = None
    if large != "PASS":
        needed = more_requests_to_compare_rates(
            control_k=base_k, control_n=base_n, experiment_k=k, experiment_n=n, alpha=0.01, power=0.9
        )
    effect = Effect(
        kind="difference",
        value=rounded(difference),
        unit="ratio",
        relative=_finite(ratio),
        p=float(p),
        needed_requests=needed or None,
        needed_minutes=_minutes(needed, n, data),
    )
    text = f"{percent(k / n)} of {count(n, 'request')} {verb}, {percent(base_k / base_n)} of the baseline's {base_n:,}"
    return Comparison(rule.id, "rate", large, text, seen, base, effect, topics)


def proportion(k: int, n: int) -> Observed:
    """Return a share with its exact 95 % interval; without a number there is no value."""
    if not n:
        return Observed(value=None, unit="ratio", n=0)
    low, high = clopper_pearson(k, n)
    return Observed(value=rounded(k / n), unit="ratio", n=n, low=rounded(low), high=rounded(high))


def _signatures(data: RevisionData, baseline: Profile, policy: Policy) -> list[Comparison]:
    """Lines of a kind that both have: more of them than traffic explains?"""
    rule = policy["novelty.errors"]
    found = []
    for row in data.signatures.both:
        here, there = exposures(data, baseline, row)
        if not here or not there:
            continue
        p = poisson_exact(
            control_k=row.baseline_n,
            control_exposure=there,
            experiment_k=row.n,
            experiment_exposure=here,
            alternative="greater",
        )
        ratio = (row.n / here) / (row.baseline_n / there)
        large: Status = "WARN" if ratio >= rule["more_times"] else "PASS"
        effect = Effect(kind="ratio", value=rounded(ratio), unit="1", p=float(p))
        text = (
            f"{row.signature}: {count(row.n, 'line')}, {row.baseline_n:,} in the baseline, {ratio:,.3g} times as often"
        )
        seen, base = (
            Observed(value=row.n, unit="lines", n=row.n),
            Observed(value=row.baseline_n, unit="lines", n=row.baseline_n),
        )
        found.append(Comparison(rule.id, row.signature, large, text, seen, base, effect))
    return found


def exposures(data: Profile, baseline: Profile, row: SignatureRow) -> tuple[float, float]:
    """What the lines of a signature grow with, on both sides: starts, else requests of users, else minutes."""
    if row.startup:
        return float(data.starts), float(baseline.starts)
    if data.requests.eligible and baseline.requests.eligible:
        return float(data.requests.eligible), float(baseline.requests.eligible)
    return data.minutes_long, baseline.minutes_long


def worst_of(comparisons: Sequence[Comparison]) -> Comparison | None:
    """Return the comparison that decides: the worst, the largest effect among equals; None where there is none.

    A drift speaks where it is harm, or alone.
    """
    order = ("PASS", "INCONCLUSIVE", "WARN", "FAIL")
    with_baseline = [one for one in comparisons if one.what != DRIFT or one.decided in ("WARN", "FAIL")]
    told = with_baseline or comparisons
    return max(told, key=lambda one: (order.index(one.decided), one.what != DRIFT, one.effect.value), default=None)


def _minutes(needed: int | None, n: int, data: RevisionData) -> float | None:
    """How long the revision takes to give so many more, at its own pace."""
    minutes = len(np.unique(data.minutes.minute))
    return rounded(needed * minutes / n) if needed and n and minutes else None


def milliseconds(value: float) -> str:
    """Return a duration for reading: with three digits, or whole; an end of an interval may be unbounded."""
    if not isfinite(value):
        return "unbounded"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def rounded(value: float) -> float:
    """Return a number with 9 significant digits: what two engines can agree on."""
    return float(f"{value:.9g}")


def _finite(value: float) -> float | None:
    return rounded(value) if isfinite(value) else None
