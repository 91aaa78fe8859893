"""What Cloud Run itself says: exits, memory, instances."""

import numpy as np

from pipeline.judge.model import Check, Observed, Status
from pipeline.judge.policy import Policy, Rule
from pipeline.judge.result import count, result
from pipeline.judge.revision_data import RevisionData


def exits(data: RevisionData, policy: Policy) -> Check:
    """Containers do not exit with an error; three within minutes are a crash loop, whatever the probes say."""
    rule = policy["platform.exits"]
    found = data.occurrences.of("platform.exit")
    bad = found.where(~np.isin(found.outcome, ("ok", "info")))
    limit = f"any is WARN; 3 within {rule['loop_s']:g} s are FAIL"
    n = int(bad.n.sum())
    observed = Observed(value=n, unit="exits", n=n)
    if not n:
        return _nothing(data, rule, "WARNING", "no container exited with an error", limit)
    codes = ", ".join(f"exit({code}) × {int(bad.n[bad.code == code].sum())}" for code in np.unique(bad.code))
    fastest = data.fastest_three_exits_ns
    if fastest is not None and fastest <= rule["loop_s"] * 1e9:
        text = f"crash loop: {codes}, three of them within {fastest / 1e9:.3g} s"
        return result(rule, "FAIL", text, observed=observed, limit=limit, evidence=data.proof(*bad.topics))
    return result(rule, "WARN", codes, observed=observed, limit=limit, evidence=data.proof(*bad.topics))


def memory(data: RevisionData, policy: Policy) -> Check:
    """No instance exceeds its memory limit."""
    nouns = "instance over its memory limit", "instances over their memory limit"
    return _counted(data, policy["platform.memory"], "platform.memory_limit", nouns)


def could_not_start(data: RevisionData, policy: Policy) -> Check:
    """No request fails because an instance could not start."""
    rule = policy["platform.could_not_start"]
    nouns = "request failed as its instance could not start", "requests failed as their instance could not start"
    return _counted(data, rule, "platform.could_not_start", nouns)


def no_instance(data: RevisionData, policy: Policy) -> Check:
    """No request is aborted for want of an instance."""
    rule = policy["platform.no_instance"]
    nouns = "request without an available instance", "requests without an available instance"
    return _counted(data, rule, "platform.no_instance", nouns)


def malformed(data: RevisionData, policy: Policy) -> Check:
    """Connections to instances do not break."""
    rule = policy["platform.malformed"]
    n, requests = data.occurrences.of("platform.malformed_response").count, data.requests.n
    few = n >= rule["fail_count_few"] and requests > 0 and n / requests >= rule["fail_ratio"]
    nouns = "malformed response or broken connection", "malformed responses or broken connections"
    return _counted(data, rule, "platform.malformed_response", nouns, also_fails=few)


def _counted(data: RevisionData, rule: Rule, event: str, nouns: tuple[str, str], *, also_fails: bool = False) -> Check:
    found = data.occurrences.of(event)
    n, fail = found.count, int(rule["fail_count"])
    limit = f"FAIL from {fail}, fewer WARN" if fail > 1 else "any is FAIL"
    if not n:
        return _nothing(data, rule, "ERROR", f"no {nouns[0]}", limit)
    status: Status = "FAIL" if n >= fail or also_fails else "WARN"
    return result(
        rule,
        status,
        count(n, *nouns),
        observed=Observed(value=n, unit="entries", n=data.requests.n),
        limit=limit,
        evidence=data.proof(*found.topics),
    )


def _nothing(data: RevisionData, rule: Rule, level: str, text: str, limit: str) -> Check:
    if not data.shows(level):
        unseen = f"{text}; but the sample shows no line at {level} or below, so none could have been seen"
        return result(rule, "NOT_OBSERVABLE", unseen, limit=limit)
    return result(rule, "PASS", text, observed=Observed(value=0, unit="entries", n=0), limit=limit)
