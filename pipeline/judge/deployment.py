"""The deployment itself: ready, start-up, instances, traffic; and the tests that ran against it."""

import numpy as np

from pipeline.judge.model import Check, Observed
from pipeline.judge.policy import Policy
from pipeline.judge.result import count, percent, result
from pipeline.judge.revision_data import RevisionData


def ready(data: RevisionData, policy: Policy) -> Check:
    """The revision became ready."""
    rule = policy["deployment.ready"]
    refused = data.occurrences.of("audit.not_ready")
    proof = data.proof(*refused.topics)
    if len(refused) and (data.ready_ns is None or refused.last_ns.max() > data.ready_ns):
        text = f"not ready: {count(refused.count, 'entry', 'entries')} of the audit log say so"
        return result(rule, "FAIL", text, limit="not ready is FAIL", evidence=proof)
    if data.ready_ns is None:
        return result(rule, "NOT_OBSERVABLE", "the audit log of the deployment is not in the entries")
    at = np.datetime64(data.ready_ns, "ns").astype("datetime64[s]")
    took = "" if data.ready_ms is None else f" after {data.ready_ms / 1000:,.3g} s"
    observed = Observed(value=data.ready_ms, unit="ms", n=1)
    return result(rule, "PASS", f"ready at {at}Z{took}", observed=observed, limit="not ready is FAIL")


def start_up(data: RevisionData, policy: Policy) -> Check:
    """Instances start as fast as the baseline's."""
    rule = policy["deployment.start_up"]
    limit = f"median above the baseline's by {percent(rule['warn_ratio'])} and {rule['warn_ms']:,g} ms is WARN"
    took = data.instances.start_up_ms
    if not took:
        return result(rule, "NOT_OBSERVABLE", "no start of an instance with its probe is in the entries", limit=limit)
    median = float(np.median(took))
    observed = Observed(value=median, unit="ms", n=len(took), low=min(took), high=max(took))
    text = f"{count(len(took), 'start')}, median {median:,.4g} ms until the probe succeeded"
    if data.baseline is None or not data.baseline.instances.start_up_ms:
        return result(rule, "PASS", f"{text}; none of the baseline to compare with", observed=observed, limit=limit)
    before = data.baseline.instances.start_up_ms
    base = float(np.median(before))
    slower = median - base >= rule["warn_ms"] and median >= base * (1 + rule["warn_ratio"])
    found = result(rule, "WARN" if slower else "PASS", f"{text}, {base:,.4g} ms before", observed=observed, limit=limit)
    return found.model_copy(update={"baseline": Observed(value=base, unit="ms", n=len(before))})


def instances(data: RevisionData, policy: Policy) -> Check:
    """How many instances there were, and why they started."""
    rule = policy["deployment.instances"]
    found = data.instances
    if not found.n:
        return result(rule, "NOT_OBSERVABLE", "no entry names an instance")
    reasons = ", ".join(f"{reason} × {n:,}" for reason, n in found.starts_by_reason.items())
    text = f"{count(found.n, 'instance')}; starts by reason: {reasons or 'none seen'}"
    return result(rule, "PASS", text, observed=Observed(value=found.n, unit="instances", n=found.n))


def traffic(data: RevisionData, policy: Policy) -> Check:
    """The revision took over the traffic, and kept it."""
    rule = policy["deployment.traffic"]
    limit = f"an older revision that serves on for {rule['outlived_s']:g} s after this one's last request is WARN"
    if data.traffic_ratio is None:
        return result(rule, "NOT_APPLICABLE", "no request of a user reached the revision", limit=limit)
    n = data.requests.eligible
    observed = Observed(value=data.traffic_ratio, unit="ratio", n=n)
    text = f"{percent(data.traffic_ratio)} of the service's requests since its first"
    if data.outlived_ns is not None and data.outlived_ns >= rule["outlived_s"] * 1e9:
        text += f"; an older revision served on for {data.outlived_ns / 6e10:,.3g} minutes after its last: rolled back?"
        return result(rule, "WARN", text, observed=observed, limit=limit)
    return result(rule, "PASS", text, observed=observed, limit=limit)


def tests(data: RevisionData, policy: Policy) -> Check:
    """The tests that were handed in ran after the deployment, and passed."""
    rule = policy["tests.results"]
    found = data.tests
    limit = "a failed test is FAIL; tests older than the deployment, or too quick to have run, are WARN"
    if found is None:
        return result(rule, "NOT_APPLICABLE", "no test results were handed in (--junit)", limit=limit)
    bad = found.failed + found.errors
    observed = Observed(value=bad, unit="tests", n=found.n)
    if not found.n:
        return result(rule, "INCONCLUSIVE", "the test results hold no test", observed=observed, limit=limit)
    text = f"{found.passed:,} of {count(found.n, 'test')} passed, {bad:,} failed, {found.skipped:,} skipped"
    if bad:
        return result(rule, "FAIL", f"{text}: {', '.join(found.failures[:5])}", observed=observed, limit=limit)
    doubts = []
    if found.suspicious:
        named = ", ".join(found.suspicious[:3])
        doubts.append(f"{len(found.suspicious):,} too quick to have met the service ({named})")
    if found.started and data.ready_ns is not None:
        ready = f"{np.datetime64(data.ready_ns, 'ns').astype('datetime64[s]')}Z"
        if found.started < ready:
            doubts.append(f"they started at {found.started}, before the revision was ready at {ready}")
    if found.passed == 0:
        doubts.append("every test was skipped")
    if doubts:
        return result(rule, "WARN", "; ".join([text, *doubts]), observed=observed, limit=limit)
    return result(rule, "PASS", text, observed=observed, limit=limit)
