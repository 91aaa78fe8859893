"""WebSockets: handshakes, closes by code, readiness at start-up."""

import numpy as np

from pipeline.judge.checks import count, result, worst
from pipeline.judge.model import Check, Observed, Status
from pipeline.judge.policy import Policy
from pipeline.judge.sample import Sample

_NORMAL = (1000, 1001)


def handshakes(sample: Sample, policy: Policy) -> Check:
    """Not every handshake is rejected."""
    rule = policy["websocket.handshakes"]
    lines = sample.happenings.of("websocket.handshake_rejected")
    rejected = max(sample.requests.handshakes_rejected, lines.count)
    accepted = _connections(sample)
    n, clients = rejected + accepted, sample.requests.handshake_clients
    limit = f"all of {rule['min_n']:g} or more rejected: FAIL with {rule['min_clients']:g} clients, else WARN"
    if not n:
        return result(rule, "NOT_APPLICABLE", "no WebSocket handshake", limit=limit)
    observed = Observed(value=rejected / n, unit="ratio", n=n)
    proof = sample.proof("requests/handshake_rejected", *lines.topics)
    who = f" from {count(clients, 'client')}" if clients else ""
    said = f"{rejected:,} of {count(n, 'handshake')} rejected{who}"
    status: Status = "PASS"
    if rejected == n:
        status = "INCONCLUSIVE"
        if n >= rule["min_n"]:
            status = "FAIL" if clients >= rule["min_clients"] and not sample.filtered else "WARN"
    return result(rule, status, said, observed=observed, limit=limit, evidence=proof)


def closes(sample: Sample, policy: Policy) -> Check:
    """Connections are not closed for policy (1008) or by a server's error (1011)."""
    rule = policy["websocket.closes"]
    limit = f"1008 FAIL unless a stated limit (WARN); 1011 FAIL from {rule['fail_count']:g}, fewer WARN"
    seen = sum(close.n for close in sample.closes)
    if not seen:
        lines = sample.happenings.of("websocket.closed").count
        text = (
            f"no line names a close code ({count(lines, 'close')} without one): 1008 and 1011 could have gone unlogged"
        )
        return result(rule, "NOT_OBSERVABLE", text, limit=limit)
    by_code = {close.code: close for close in sample.closes}
    connections = _connections(sample)
    policy_closes, server = by_code.get(1008), by_code.get(1011)
    statuses: list[Status] = ["PASS"]
    if policy_closes:
        statuses.append("FAIL" if policy_closes.n > policy_closes.limited else "WARN")
    if server:
        few = server.n >= rule["fail_count_few"] and connections and server.n / connections >= rule["fail_ratio"]
        statuses.append("FAIL" if server.n >= rule["fail_count"] or few else "WARN")
    told = ", ".join(f"{code} × {by_code[code].n:,}" for code in sorted(by_code))
    of = f" of {count(connections, 'connection')}" if connections else ""
    abnormal = sum(close.n for close in sample.closes if close.code not in _NORMAL)
    topics = [f"event/websocket.close/{code}" for code in (1008, 1011) if code in by_code]
    return result(
        rule,
        worst(*statuses),
        f"closes by code: {told}{of}",
        observed=Observed(value=abnormal, unit="closes", n=seen),
        limit=limit,
        evidence=sample.proof(*topics),
    )


def readiness(sample: Sample, policy: Policy) -> Check:
    """Readiness fails only while an instance starts."""
    rule = policy["websocket.readiness"]
    ages = sample.readiness_ages_ns
    limit = f"expected within {rule['startup_s']:g} s of an instance's start, FAIL later, WARN where no start was seen"
    if not len(ages):
        return result(rule, "NOT_APPLICABLE", "no readiness failure", limit=limit)
    late = int((ages > rule["startup_s"] * 1e9).sum())
    unknown = int(np.isnan(ages).sum())
    status: Status = "FAIL" if late else "WARN" if unknown else "PASS"
    text = f"{count(len(ages), 'readiness failure')}: {late} after start-up, {unknown} of an unknown start"
    found = sample.happenings.of("websocket.readiness_failed")
    observed = Observed(value=late, unit="failures", n=len(ages))
    return result(rule, status, text, observed=observed, limit=limit, evidence=sample.proof(*found.topics))


def _connections(sample: Sample) -> int:
    """Connections that opened: the larger of 101 rows and the server's own lines."""
    return max(sample.requests.upgraded, sample.happenings.of("websocket.accepted").count)
