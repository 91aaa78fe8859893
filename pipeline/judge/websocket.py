"""WebSockets: handshakes, closes by code, readiness at start-up."""

import numpy as np

from pipeline.judge.model import Check, Observed, Status
from pipeline.judge.policy import Policy
from pipeline.judge.result import count, result, worst
from pipeline.judge.revision_data import RevisionData

_NORMAL = (1000, 1001)


def handshakes(data: RevisionData, policy: Policy) -> Check:
    """Not every handshake is rejected."""
    rule = policy["websocket.handshakes"]
    lines = data.occurrences.of("websocket.handshake_rejected")
    rejected = max(data.requests.handshakes_rejected, lines.count)
    accepted = _connections(data)
    n, clients = rejected + accepted, data.requests.handshake_clients
    limit = f"all of {rule['min_n']:g} or more rejected: FAIL with {rule['min_clients']:g} clients, else WARN"
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
    return result(rule, status, said, observed=observed, limit=limit, evidence=proof)


def closes(data: RevisionData, policy: Policy) -> Check:
    """Connections are not closed for policy (1008) or by a server's error (1011)."""
    rule = policy["websocket.closes"]
    limit = f"1008 FAIL unless a stated limit (WARN); 1011 FAIL from {rule['fail_count']:g}, fewer WARN"
    seen = sum(close.n for close in data.closes)
    if not seen:
        lines = data.occurrences.of("websocket.closed").count
        text = (
            f"no line names a close code ({count(lines, 'close')} without one): 1008 and 1011 could have gone unlogged"
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
    told = ", ".join(f"{code} × {by_code[code].n:,}" for code in sorted(by_code))
    of = f" of {count(connections, 'connection')}" if connections else ""
    abnormal = sum(close.n for close in data.closes if close.code not in _NORMAL)
    topics = [f"event/websocket.close/{code}" for code in (1008, 1011) if code in by_code]
    return result(
        rule,
        worst(*statuses),
        f"closes by code: {told}{of}",
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
    text = f"{count(len(ages), 'readiness failure')}: {late} after start-up, {unknown} of an unknown start"
    found = data.occurrences.of("websocket.readiness_failed")
    observed = Observed(value=late, unit="failures", n=len(ages))
    return result(rule, status, text, observed=observed, limit=limit, evidence=data.proof(*found.topics))


def _connections(data: RevisionData) -> int:
    """Connections that opened: the larger of 101 rows and the server's own lines."""
    return max(data.requests.upgraded, data.occurrences.of("websocket.accepted").count)
