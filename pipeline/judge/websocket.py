"""WebSockets: handshakes, closes by code, readiness at start-up."""

from collections.abc import Sequence

import numpy as np

from pipeline.judge.comparison import Comparison, proportion, rounded, share_p
from pipeline.judge.latencies import quantile
from pipeline.judge.model import Check, Effect, Observed, Status
from pipeline.judge.numbers import count, duration, percent
from pipeline.judge.policy import Policy, Rule
from pipeline.judge.ranks import mann_whitney
from pipeline.judge.result import result, worst
from pipeline.judge.revision_data import Profile, RevisionData, Times, weighted
from pipeline.judge.stats import INDEPENDENT

_NORMAL = (1000, 1001)


def handshake_shares(data: RevisionData, baseline: Profile, policy: Policy) -> list[Comparison]:
    """Return the share of rejected handshakes, and how long connections live."""
    rule, now, before = policy["websocket.handshakes"], data.requests, baseline.requests
    if data.filtered or not now.handshakes or not before.handshakes:
        return []
    k, n, base_k, base_n = now.handshakes_rejected, now.handshakes, before.handshakes_rejected, before.handshakes
    more = k / n - base_k / base_n
    large: Status = "PASS"
    if now.handshake_clients >= rule["min_clients"]:
        for status, size in (("WARN", "warn"), ("FAIL", "fail")):
            if more >= rule[f"{size}_points"] and k - base_k * n / base_n >= rule[f"{size}_count"]:
                large = status  # type: ignore[assignment]
    effects = (side.design_effects.get("handshakes", INDEPENDENT).value for side in (data, baseline))
    p = share_p((k, n, next(effects)), (base_k, base_n, next(effects)))
    effect = Effect(kind="difference", value=rounded(more), unit="ratio", p=p)
    text = f"{percent(k / n)} of {count(n, 'handshake')} rejected; baseline {percent(base_k / base_n)} of {base_n:,}"
    topics = ("requests/handshake_rejected",)
    comparisons = [Comparison(rule.id, "", large, text, proportion(k, n), proportion(base_k, base_n), effect, topics)]
    here, there = data.times.get(("socket", "websocket")), baseline.times.get(("socket", "websocket"))
    if here and there and min(here.total, there.total) >= rule["lives_min_n"]:
        comparisons.append(_lives(rule, here, there))
    return comparisons


def _lives(rule: Rule, here: Times, there: Times) -> Comparison:
    """How long connections live: by their median, minutes as clusters."""
    experiment, control = weighted({"": here}), weighted({"": there})
    now, usual = quantile(experiment, 0.5), quantile(control, 0.5)
    p = mann_whitney(control=control, experiment=experiment, alternative="less").p
    large: Status = "WARN" if now <= usual / rule["lives_times"] else "PASS"
    effect = Effect(kind="shift", value=rounded(now - usual), unit="ms", relative=rounded(now / usual - 1), p=float(p))
    text = f"connections last {duration(now)}, {duration(usual)} in the baseline (median of {here.total:,})"
    seen, base = (Observed(value=rounded(ms), unit="ms", n=side.total) for ms, side in ((now, here), (usual, there)))
    return Comparison(rule.id, "lives", large, text, seen, base, effect)


def handshakes(data: RevisionData, policy: Policy, comparisons: Sequence[Comparison]) -> Check:
    """Handshakes are not rejected, neither all of them nor more than before, and connections live as long."""
    rule = policy["websocket.handshakes"]
    lines = data.occurrences.of("websocket.handshake_rejected")
    rejected = max(data.requests.handshakes_rejected, lines.count)
    accepted = _connections(data)
    n, clients = rejected + accepted, data.requests.handshake_clients
    limit = (
        f"all of {rule['min_n']:g} or more rejected: FAIL with {rule['min_clients']:g} clients, else WARN; "
        f"{rule['warn_points'] * 100:g} points more than the baseline WARN, {rule['fail_points'] * 100:g} FAIL"
    )
    if not n:
        return result(rule, "NOT_APPLICABLE", "no WebSocket handshake", limit=limit)
    observed = Observed(value=rejected / n, unit="ratio", n=n)
    proof = data.proof("requests/handshake_rejected", *lines.topics)
    who = f" from {count(clients, 'client')}" if clients else ""
    said = f"{rejected:,} of {count(n, 'handshake')} rejected{who}"
    status: Status = "PASS"
    if rejected == n:
        status = "INCONCLUSIVE"
        if n >= rule["min_n"]:
            status = "FAIL" if clients >= rule["min_clients"] and not data.filtered else "WARN"
    for comparison in comparisons:
        if comparison.decided in ("WARN", "FAIL") and worst(status, comparison.decided) != status:
            status, said = comparison.decided, f"{said}; {comparison.reason}"
    return result(rule, status, said, observed=observed, limit=limit, evidence=proof)


def closes(data: RevisionData, policy: Policy) -> Check:
    """Connections are not closed for policy (1008) or by a server's error (1011)."""
    rule = policy["websocket.closes"]
    limit = f"1008 FAIL unless a stated limit (WARN); 1011 FAIL from {rule['fail_count']:g}, fewer WARN"
    seen = sum(close.n for close in data.closes)
    if not seen:
        lines = data.occurrences.of("websocket.closed").count
        text = (
            f"no close code was logged ({count(lines, 'close')} without one), so 1008 and 1011 could not have been seen"
        )
        return result(rule, "NOT_OBSERVABLE", text, limit=limit)
    by_code = {close.code: close for close in data.closes}
    connections = _connections(data)
    policy_closes, server = by_code.get(1008), by_code.get(1011)
    statuses: list[Status] = ["PASS"]
    if policy_closes:
        statuses.append("FAIL" if policy_closes.n > policy_closes.limited else "WARN")
    if server:
        few = server.n >= rule["fail_count_few"] and connections and server.n / connections >= rule["fail_ratio"]
        statuses.append("FAIL" if server.n >= rule["fail_count"] or few else "WARN")
    listed = ", ".join(f"{code} × {by_code[code].n:,}" for code in sorted(by_code))
    of = f" of {count(connections, 'connection')}" if connections else ""
    abnormal = sum(close.n for close in data.closes if close.code not in _NORMAL)
    topics = [f"event/websocket.close/{code}" for code in (1008, 1011) if code in by_code]
    return result(
        rule,
        worst(*statuses),
        f"closes by code: {listed}{of}",
        observed=Observed(value=abnormal, unit="closes", n=seen),
        limit=limit,
        evidence=data.proof(*topics),
    )


def readiness(data: RevisionData, policy: Policy) -> Check:
    """Readiness fails only while an instance starts."""
    rule = policy["websocket.readiness"]
    ages = data.readiness_ages_ns
    limit = f"expected within {rule['startup_s']:g} s of an instance's start, FAIL later, WARN where no start was seen"
    if not len(ages):
        return result(rule, "NOT_APPLICABLE", "no readiness failure", limit=limit)
    late = int((ages > rule["startup_s"] * 1e9).sum())
    unknown = int(np.isnan(ages).sum())
    status: Status = "FAIL" if late else "WARN" if unknown else "PASS"
    text = f"{count(len(ages), 'readiness failure')}: {late} after start-up, {unknown} with no known start"
    failures = data.occurrences.of("websocket.readiness_failed")
    observed = Observed(value=late, unit="failures", n=len(ages))
    return result(rule, status, text, observed=observed, limit=limit, evidence=data.proof(*failures.topics))


def _connections(data: RevisionData) -> int:
    """Connections that opened: the larger of 101 rows and the server's own lines."""
    return max(data.requests.upgraded, data.occurrences.of("websocket.accepted").count)
