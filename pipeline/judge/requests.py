"""Do requests succeed, and do health endpoints answer?"""

import numpy as np

from pipeline.judge.model import Check, Observed, Status
from pipeline.judge.numbers import count, duration, percent
from pipeline.judge.policy import Policy
from pipeline.judge.power import more_requests_to_decide
from pipeline.judge.result import result, worst
from pipeline.judge.revision_data import RevisionData
from pipeline.judge.stats import INDEPENDENT, clopper_pearson


def error_rate(data: RevisionData, policy: Policy) -> Check:
    """The share of user requests that end in 5xx, with its exact interval."""
    rule = policy["requests.error_rate"]
    if data.filtered:
        return _filtered(data, policy)
    k, n, noun = data.requests.eligible_5xx, data.requests.eligible, "user request"
    if data.synthetic_only:
        k, n, noun = data.requests.synthetic_5xx, data.requests.synthetic, "synthetic request"
    limit = (
        f"FAIL where the interval's lower end is above {percent(rule['max_ratio'])} with {rule['fail_count']:g} 5xx; "
        f"WARN above it with {rule['warn_count']:g}, or in a minute with {rule['minute_count']:g}"
    )
    if n == 0:
        return result(rule, "INCONCLUSIVE", "no user requests, so there is no error rate", limit=limit)
    low, high = clopper_pearson(k, n, rule["confidence"])
    observed = Observed(value=k / n, unit="ratio", n=n, low=low, high=high)
    said = (
        f"{k:,} of {count(n, noun)} ended in 5xx ({percent(k / n)} in this window, "
        f"95 % interval {percent(low)} to {percent(high)})"
    )
    proof = data.proof("requests/5xx")
    if low > rule["max_ratio"] and k >= rule["fail_count"]:
        return result(rule, "FAIL", said, observed=observed, limit=limit, evidence=proof)
    design = data.design_effects.get("errors", INDEPENDENT).value
    needed = more_requests_to_decide(k, n, rule["max_ratio"], rule["confidence"], int(rule["fail_count"]), design)
    if needed:
        said += f"; about {needed:,} more requests would decide whether it is above {percent(rule['max_ratio'])}"
    minutes = data.minutes
    bad = (minutes.errors_5xx >= rule["minute_count"]) & (minutes.errors_5xx > rule["minute_ratio"] * minutes.n)
    if bad.any():
        first = np.datetime64(int(minutes.minute[bad].min()), "m")
        said += f"; {count(int(bad.sum()), 'bad minute')}, the first at {first}Z"
        return result(rule, "WARN", said, observed=observed, limit=limit, evidence=proof)
    if n >= rule["warn_requests"] and k >= rule["warn_count"] and k / n > rule["max_ratio"]:
        return result(rule, "WARN", said, observed=observed, limit=limit, evidence=proof)
    status: Status = "PASS" if n >= rule["warn_requests"] else "INCONCLUSIVE"
    return result(rule, status, said, observed=observed, limit=limit, evidence=proof)


def _filtered(data: RevisionData, policy: Policy) -> Check:
    """Without the other requests only many failures count, or several in a row with nothing between."""
    rule = policy["requests.error_rate"]
    k, fastest = data.requests.errors_5xx, data.requests.fastest_three_5xx_ns
    burst = fastest is not None and fastest <= rule["filtered_burst_s"] * 1e9
    limit = (
        f"filtered export: FAIL from {rule['filtered_count']:g} 5xx, or 3 within {rule['filtered_burst_s']:g} s "
        "with no other request between"
    )
    observed = Observed(value=k, unit="requests", n=data.requests.n)
    failed = k >= rule["filtered_count"] or burst
    text = f"{count(k, 'request')} ended in 5xx; the export is filtered by severity, so their share is unknown"
    status: Status = "FAIL" if failed else "INCONCLUSIVE"
    return result(rule, status, text, observed=observed, limit=limit, evidence=data.proof("requests/5xx_all"))


def health(data: RevisionData, policy: Policy) -> Check:
    """Health endpoints answer, and soon; every row counts, those of uptime checks too."""
    rule = policy["requests.health"]
    n, k = data.requests.health, data.requests.health_5xx
    limit = f"any 5xx WARN, all FAIL; p95 above {duration(rule['warn_ms'])} WARN, {duration(rule['fail_ms'])} FAIL"
    if not n:
        return result(rule, "NOT_APPLICABLE", "no request to a health endpoint", limit=limit)
    latency = data.latency["health"]
    p95 = latency.p95_ms
    errors: Status = "PASS" if not k else "FAIL" if k == n and not data.filtered else "WARN"
    slow: Status = "PASS"
    # A filtered export shows the failed rows alone: neither "all failed" nor their latency says anything of the others.
    if p95 is not None and latency.n >= rule["min_n"] and not data.filtered:
        slow = "FAIL" if p95 > rule["fail_ms"] else "WARN" if p95 > rule["warn_ms"] else "PASS"
    speed = "" if p95 is None else f", p95 {duration(p95)}"
    return result(
        rule,
        worst(errors, slow),
        f"{k:,} of {count(n, 'health request')} ended in 5xx{speed}",
        observed=Observed(value=p95, unit="ms", n=n),
        limit=limit,
        evidence=data.proof("requests/health_5xx"),
    )
