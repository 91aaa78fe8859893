"""How often things happen, compared with the baseline: failed and refused requests, and lines of a kind."""

from dataclasses import replace

from pipeline.judge.comparison import Comparison, finite, minutes_needed, proportion, rounded, share_p
from pipeline.judge.endings import one_client_p
from pipeline.judge.model import Effect, Observed, Status
from pipeline.judge.numbers import count, number, percent
from pipeline.judge.policy import Policy, Rule
from pipeline.judge.power import more_requests_to_compare_rates
from pipeline.judge.revision_data import Profile, RevisionData, SignatureRow
from pipeline.judge.stats import INDEPENDENT, poisson_exact, rise_bound
from pipeline.judge.statuses import alike, ended_in_all

#: A window below so many minutes has too few of them to count by: lines of ten seconds are one occurrence then.
SHORT_MINUTES = 30

_DENIED_ROWS = ("requests/denied",)

#: Statuses of a user who is refused.
DENIED = (401, 403)


def rates(data: RevisionData, baseline: Profile, policy: Policy) -> list[Comparison]:
    """Return the shares of failed and of rejected user requests."""
    comparisons = []
    now, before = data.requests, baseline.requests
    if not data.filtered and now.eligible and before.eligible:
        comparisons.append(
            _rate(
                policy["requests.error_rate"],
                "ended in 5xx",
                (now.eligible_5xx, now.eligible, data.design_effects.get("errors", INDEPENDENT).value),
                (before.eligible_5xx, before.eligible, baseline.design_effects.get("errors", INDEPENDENT).value),
                data,
                ("requests/5xx",),
            )
        )
        denied, topics = _denied(data, baseline, policy["requests.status"]["most_requests"])
        refused = _rate(
            policy["auth.failure_rate"],
            "were rejected with 401 or 403",
            (denied[0], now.eligible, data.design_effects.get("denied", INDEPENDENT).value),
            (denied[1], before.eligible, baseline.design_effects.get("denied", INDEPENDENT).value),
            data,
            topics,
        )
        if topics == _DENIED_ROWS and refused.large != "PASS":
            refused = _of_many_clients(refused, one_client_p(data, baseline, "", DENIED))
        comparisons.append(refused)
    return comparisons


def _of_many_clients(refused: Comparison, chance: float) -> Comparison:
    """The comparison where clients, too, must be more than chance explains; one or two alone are no finding."""
    if chance == 1.0:
        return replace(refused, large="PASS", reason=f"{refused.reason}; all from one or two clients")
    p = max(refused.effect.p or 0.0, chance)
    return replace(refused, effect=refused.effect.model_copy(update={"p": p}))


def _denied(data: RevisionData, baseline: Profile, least: float) -> tuple[tuple[int, int], tuple[str, ...]]:
    """Refused users of both sides: the service's own events or 401/403 rows, whichever are more in all.

    Rows of what only one side was asked for do not count: a scan of a service that refuses whatever it does not know.
    """
    rows = data.requests.eligible_denied, baseline.requests.eligible_denied
    if data.statuses and baseline.statuses:
        both = alike(data, baseline, least)
        known = [ended_in_all(data, each.here, DENIED) for each in both]
        known_before = [ended_in_all(baseline, each.there, DENIED) for each in both]
        rows = sum(known), sum(known_before)
    events = tuple(side.events["auth.failure"].n if "auth.failure" in side.events else 0 for side in (data, baseline))
    if sum(events) > sum(rows):
        return (events[0], events[1]), ("event/auth.failure/",)
    return rows, _DENIED_ROWS


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
    p = share_p((k, n, effect_here), (base_k, base_n, effect_there))
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
        relative=finite(ratio - 1),
        p=p,
        bound=rounded(
            rise_bound(
                control_k=base_k / effect_there,
                control_n=base_n / effect_there,
                experiment_k=k / effect_here,
                experiment_n=n / effect_here,
            )
        ),
        needed_requests=needed or None,
        needed_minutes=minutes_needed(needed, n, data),
    )
    text = f"{percent(k / n)} of {count(n, 'user request')} {verb}; baseline {percent(base_k / base_n)} of {base_n:,}"
    return Comparison(rule.id, "rate", large, text, seen, base, effect, topics)


def signatures(data: RevisionData, baseline: Profile, policy: Policy) -> list[Comparison]:
    """Return lines of a kind that both have: more of them than traffic explains?"""
    rule = policy["novelty.errors"]
    comparisons = []
    for row in data.signatures.both:
        here, there = exposures(data, data.pooled or baseline, row)
        if not here or not there:
            continue
        together = row.n / max(
            row.slots if data.minutes_long < SHORT_MINUTES else row.minutes, 1
        )  # lines of one minute
        p = poisson_exact(
            control_k=round(row.baseline_n / together),
            control_exposure=there,
            experiment_k=round(row.n / together),
            experiment_exposure=here,
            alternative="greater",
        )
        ratio = (row.n / here) / (row.baseline_n / there)
        large: Status = "WARN" if ratio >= rule["more_times"] else "PASS"
        if ratio >= rule["fail_times"] and row.n >= rule["fail_lines"]:
            large = "FAIL"
        effect = Effect(kind="ratio", value=rounded(ratio), unit="1", p=float(p))
        text = (
            f"{row.signature}: {count(row.n, 'line')}, {row.baseline_n:,} "
            f"in the baseline, {number(ratio)} times as often"
        )
        seen, base = (
            Observed(value=row.n, unit="lines", n=row.n),
            Observed(value=row.baseline_n, unit="lines", n=row.baseline_n),
        )
        comparisons.append(Comparison(rule.id, row.signature, large, text, seen, base, effect))
    return comparisons


def exposures(data: Profile, baseline: Profile, row: SignatureRow) -> tuple[float, float]:
    """What the lines of a signature grow with, on both sides: starts, else user requests, else minutes."""
    if row.startup:
        return float(data.starts), float(baseline.starts)
    if data.requests.eligible and baseline.requests.eligible:
        return float(data.requests.eligible), float(baseline.requests.eligible)
    return data.minutes_long, baseline.minutes_long
