"""What the service's own logs contain, and who probed it."""

from pipeline.judge.model import Check, Observed
from pipeline.judge.numbers import count
from pipeline.judge.policy import Policy
from pipeline.judge.result import result
from pipeline.judge.revision_data import RevisionData


def leaks(data: RevisionData, policy: Policy) -> Check:
    """The service writes no secret and no personal data to its logs; kinds and counts, never values."""
    rule = policy["security.leaks"]
    limit = "any is WARN"
    if not data.leaks:
        return result(rule, "PASS", "no secret or personal data in the service's own lines", limit=limit)
    listed = ", ".join(f"{kind} in {count(n, 'entry', 'entries')}" for kind, n in sorted(data.leaks.items()))
    observed = Observed(value=sum(data.leaks.values()), unit="entries", n=len(data.leaks))
    return result(
        rule, "WARN", f"the logs contain {listed}", observed=observed, limit=limit, evidence=data.proof("leaks")
    )


def attacks(data: RevisionData, policy: Policy) -> Check:
    """Requests by scanners, which the service rejected; listed, and no reason to worry by themselves."""
    rule = policy["security.attacks"]
    n = data.requests.scans
    if not n:
        return result(rule, "NOT_APPLICABLE", "no request by a scanner")
    observed = Observed(value=n, unit="requests", n=data.requests.n)
    text = f"{count(n, 'request')} by scanners, all answered with 4xx"
    return result(rule, "PASS", text, observed=observed, evidence=data.proof("requests/scan"))
