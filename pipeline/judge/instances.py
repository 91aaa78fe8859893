"""Instances: kills by liveness probes, starts, requests that wait for one, and one that is worse than its peers."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from pipeline.judge import special
from pipeline.judge.comparison import Comparison, finite, proportion, rounded, share_p, worst_of
from pipeline.judge.counts import Peer
from pipeline.judge.model import Check, Effect, Observed, Status
from pipeline.judge.numbers import count, duration, number, percent
from pipeline.judge.policy import Policy, Rule
from pipeline.judge.result import result, worst
from pipeline.judge.revision_data import BUCKET_GROWTH, Profile, RevisionData
from pipeline.judge.stats import INDEPENDENT

#: Runs of history without which the variance of starts between windows is not known.
_FEWEST_RUNS = 3


def waits(data: RevisionData, baseline: Profile, policy: Policy) -> list[Comparison]:
    """Return the share of user requests that waited for an instance to start.

    Requests that wait for one start come together: with a mean of b a start, of geometric sizes, 2 b - 1 of them weigh
    as one.
    """
    rule, now, before = policy["platform.restarts"], data.requests, baseline.requests
    if data.filtered or not now.eligible or not before.eligible or not data.starts:
        return []
    k, base_k = now.eligible_waited, before.eligible_waited
    here, there = (
        (side.eligible_waited, side.eligible, max(1.0, 2 * side.eligible_waited / max(starts, 1) - 1))
        for side, starts in ((now, data.starts), (before, baseline.starts))
    )
    more = k / now.eligible - base_k / before.eligible
    large: Status = "WARN" if more >= rule["wait_points"] else "PASS"
    text = (
        f"{k:,} of {count(now.eligible, 'user request')} ({percent(k / now.eligible)}) waited for an instance to "
        f"start; baseline {base_k:,} of {before.eligible:,}"
    )
    ratio = (k / now.eligible) / (base_k / before.eligible) if base_k else math.inf if k else 1.0
    effect = Effect(
        kind="difference", value=rounded(more), unit="ratio", relative=finite(ratio - 1), p=share_p(here, there)
    )
    seen, base = proportion(k, now.eligible), proportion(base_k, before.eligible)
    return [Comparison(rule.id, "waits", large, text, seen, base, effect, ("requests/waited",))]


def restarts(data: RevisionData, policy: Policy, comparisons: Sequence[Comparison]) -> Check:
    """Instances are not killed by their liveness probe, and do not start much more often than before."""
    rule = policy["platform.restarts"]
    limit = (
        f"{rule['warn_kills']:g} failed liveness probes WARN; {rule['warn_times']:g} times as many starts, and "
        f"{rule['warn_starts']:g} more, WARN; {rule['wait_points'] * 100:g} points more requests that wait for one WARN"
    )
    killed = data.probes.get("LIVENESS", 0)
    reasons: list[tuple[Status, str]] = []
    if killed:
        many = killed >= rule["warn_kills"]
        text = f"liveness probes failed {count(killed, 'time')}, and each time an instance was shut down"
        reasons.append(("WARN" if many else "PASS", text))
    if data.baseline:
        reasons.append(_starts(data, data.baseline, rule))
    elif data.starts:
        reasons.append(("PASS", f"{count(data.starts, 'instance start')}; no baseline to compare with"))
    waiting = worst_of(comparisons)
    if waiting:
        reasons.append((waiting.decided, waiting.reason + waiting.doubt))
    if not reasons:
        return result(rule, "NOT_OBSERVABLE", "no instance start was logged", limit=limit)
    status = worst(*(status for status, _ in reasons))
    first = [text for its, text in reasons if its == status] if status != "PASS" else [text for _, text in reasons]
    topics = ["event/platform.probe_failed/", *(waiting.topics if waiting else ())]
    proof = data.proof(*topics) if status == "WARN" else []
    observed = Observed(value=data.starts, unit="starts", n=data.starts)
    return result(rule, status, "; ".join(first), observed=observed, limit=limit, evidence=proof)


def _starts(data: RevisionData, baseline: Profile, rule: Rule) -> tuple[Status, str]:
    """Compare the starts a minute, with the variance that the baseline's runs show between them.

    Starts depend on load: within one window they are not Poisson. With K runs of counts c in m minutes at the common
    rate r, the dispersion is d = max(1, sum((c - r m)^2 / (r m)) / (K - 1)) (McCullagh & Nelder 1989, 4.5), and the
    difference is judged by Student's t with K - 1 degrees of freedom.
    """
    runs = [(starts, minutes) for starts, minutes in baseline.starts_by_run if minutes > 0]
    whole, known = sum(minutes for _, minutes in runs), sum(starts for starts, _ in runs)
    text = f"{count(data.starts, 'instance start')} in {number(data.minutes_long)} minutes"
    if not whole or not data.minutes_long:
        return "PASS", f"{text}; no baseline to compare with"
    text += f", {known:,} in the baseline's {number(whole)}"
    expected = known / whole * data.minutes_long
    if data.starts < max(rule["warn_times"] * expected, expected + rule["warn_starts"]):
        return "PASS", text
    if len(runs) < _FEWEST_RUNS:
        return (
            "INCONCLUSIVE",
            f"{text}; starts vary with load: {_FEWEST_RUNS} passed runs in a --store are needed to compare them",
        )
    rate = known / whole
    dispersion = sum((c - rate * m) ** 2 / (rate * m) for c, m in runs) / (len(runs) - 1) if rate else 1.0
    spread = math.sqrt(max(dispersion, 1.0) * max(expected, 1.0) * (1 + data.minutes_long / whole))
    p = float(special.stdtr(len(runs) - 1, (expected - data.starts) / spread))
    if p > rule["alpha"]:
        return "INCONCLUSIVE", f"{text}; starts vary as much between the {len(runs)} runs of the baseline"
    return "WARN", text


def instances(data: RevisionData, policy: Policy) -> Check:
    """No instance fails or is slow where its peers are well."""
    rule = policy["platform.instances"]
    limit = (
        f"one instance with {rule['warn_count']:g} failures, {rule['warn_points'] * 100:g} points and "
        f"{rule['warn_times']:g} times the rest's share, or {rule['slow_times']:g} times as slow, WARN"
    )
    if data.filtered:
        text = "the export is filtered by severity, so successful requests are missing"
        return result(rule, "NOT_OBSERVABLE", text, limit=limit)
    if len(data.peers) < 2:
        text = f"{count(len(data.peers), 'instance')} served users, so there is none to compare with"
        return result(rule, "NOT_APPLICABLE", text, limit=limit)
    alpha = rule["alpha"] / (2 * len(data.peers))
    whole = _Whole(
        n=sum(peer.n for peer in data.peers),
        errors_5xx=sum(peer.errors_5xx for peer in data.peers),
        n_steady=sum(peer.n_steady for peer in data.peers),
        steady=math.fsum(peer.n_steady * peer.mean for peer in data.peers),
    )
    sick = [text for peer in data.peers if (text := _sick(peer, whole, data, rule, alpha))]
    observed = Observed(value=len(sick), unit="instances", n=len(data.peers))
    if not sick:
        text = f"{count(len(data.peers), 'instance')}, none much worse than the others"
        return result(rule, "PASS", text, observed=observed, limit=limit)
    text = "; ".join(sick[:3]) + (f" (and {len(sick) - 3} more)" if len(sick) > 3 else "")
    proof = data.proof("requests/5xx") if "5xx" in text else data.proof("requests/slowest")
    return result(rule, "WARN", text, observed=observed, limit=limit, evidence=proof)


class _Whole(NamedTuple):
    """Sums over all instances: what the others have is what one leaves of them. steady: of all steady values."""

    n: int
    errors_5xx: int
    n_steady: int
    steady: float


def _sick(peer: Peer, whole: _Whole, data: RevisionData, rule: Rule, alpha: float) -> str:
    """What is wrong with one instance, in words; nothing where it is like the others."""
    n, k, n_others = whole.n - peer.n, whole.errors_5xx - peer.errors_5xx, len(data.peers) - 1
    short = peer.instance[-8:]
    share = peer.errors_5xx / peer.n if peer.n else 0.0
    rest = k / n if peer.usual_5xx is None and n else peer.usual_5xx or 0.0
    if (
        n
        and peer.errors_5xx >= rule["warn_count"]
        and share - rest >= rule["warn_points"]
        and share >= rule["warn_times"] * rest
    ):
        effect = data.design_effects.get("errors", INDEPENDENT).value
        if share_p((peer.errors_5xx, peer.n, effect), (round(rest * n), n, effect)) <= alpha:
            return (
                f"instance …{short}: {peer.errors_5xx:,} of {count(peer.n, 'request')} ended in 5xx "
                f"({percent(share)}); {percent(rest)} on the other {n_others}"
            )
    m = whole.n_steady - peer.n_steady
    if peer.n_steady < rule["slow_min_n"] or m < rule["slow_min_n"]:
        return ""
    mean = (whole.steady - peer.n_steady * peer.mean) / m
    slower = peer.mean - mean
    now, usual = (BUCKET_GROWTH**value / 1e6 for value in (peer.mean, mean))
    if now < rule["slow_times"] * usual or now - usual < rule["slow_ms"]:
        return ""
    # Within and between the others: they may differ among themselves. Only here is each of them looked at again.
    steady = [other for other in data.peers if other is not peer and other.n_steady]
    spread = (
        sum((other.n_steady - 1) * other.variance + other.n_steady * (other.mean - mean) ** 2 for other in steady) / m
    )
    effect = data.design_effects.get("endpoint without trend", INDEPENDENT).value
    sigma = math.sqrt(effect * (peer.variance / peer.n_steady + spread / m))
    if sigma and float(special.ndtr(-slower / sigma)) > alpha:
        return ""
    return (
        f"instance …{short} is {now / usual:.2g} times as slow as the other "
        f"{n_others} ({duration(usual)} → {duration(now)})"
    )
