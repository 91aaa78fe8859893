"""What the service's own logs give away, and who knocked at its doors."""

from pipeline.judge.checks import count, result
from pipeline.judge.model import Check, Observed
from pipeline.judge.policy import Policy
from pipeline.judge.sample import Sample


def leaks(sample: Sample, policy: Policy) -> Check:
    """The service writes no secret and no personal data to its logs; kinds and counts, never values."""
    rule = policy["security.leaks"]
    limit = "any is WARN"
    if not sample.leaks:
        return result(rule, "PASS", "no secret or personal data in the service's own lines", limit=limit)
    told = ", ".join(f"{kind} in {count(n, 'entry', 'entries')}" for kind, n in sorted(sample.leaks.items()))
    observed = Observed(value=sum(sample.leaks.values()), unit="entries", n=len(sample.leaks))
    return result(rule, "WARN", told, observed=observed, limit=limit, evidence=sample.proof("leaks"))


def attacks(sample: Sample, policy: Policy) -> Check:
    """Requests of scanners, which the service turned away; listed, and no reason to worry by themselves."""
    rule = policy["security.attacks"]
    n = sample.requests.scans
    if not n:
        return result(rule, "NOT_APPLICABLE", "no request of a scanner")
    observed = Observed(value=n, unit="requests", n=sample.requests.n)
    text = f"{count(n, 'request')} of scanners, all answered with 4xx"
    return result(rule, "PASS", text, observed=observed, evidence=sample.proof("requests/scan"))
