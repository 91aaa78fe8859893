"""The deployment itself: ready, start-up, instances, traffic; and the tests that ran against it."""

import numpy as np

from pipeline.judge.model import Check, Observed
from pipeline.judge.numbers import count, duration, percent
from pipeline.judge.policy import Policy
from pipeline.judge.result import result
from pipeline.judge.revision_data import RevisionData


def ready(data: RevisionData, policy: Policy) -> Check:
    """The revision became ready."""
    rule = policy["deployment.ready"]
    limit = f"not ready is FAIL; so are {rule['fail_starts']:g} failed starts and no good one"
    refused = data.occurrences.of("audit.not_ready")
    proof = data.proof(*refused.topics)
    if len(refused) and (data.ready_ns is None or refused.last_ns.max() > data.ready_ns):
        text = f"the revision failed to become ready: {_reason(proof[-1].excerpt if proof else '')}"
        return result(rule, "FAIL", text, limit=limit, evidence=proof)
    own = data.deployed if data.deployed and data.deployed.revision == data.revision else None
    if own and own.failed and data.ready_ns is None:
        return result(rule, "FAIL", f"the revision failed to become ready: {own.failed}", limit=limit)
    is_ready = data.crosscheck.is_ready
    if own and is_ready is False and not data.serves and data.ready_ns is None:
        text = f"the revision failed to become ready: {_reason(data.crosscheck.message)}"
        return result(rule, "FAIL", text, limit=limit)
    if own and own.overdue and not data.serves and not is_ready:
        began = np.datetime64(own.started_ns, "ns").astype("datetime64[s]")
        text = f"the revision never became ready; its deployment began at {began}Z"
        return result(rule, "FAIL", text, limit=limit)
    attempts = [data.occurrences.of(name) for name in ("platform.probe_failed", "platform.could_not_start")]
    n = max(attempt.count for attempt in attempts)
    started = data.occurrences.of("platform.probe_succeeded").count or data.instances.start_up_ms
    if (
        data.ready_ns is None
        and n >= rule["fail_starts"]
        and not started
        and data.requests.n == data.requests.errors_5xx
    ):
        topics = [topic for attempt in attempts for topic in attempt.topics]
        text = f"no instance of the revision ever started: {count(n, 'failed start')}"
        return result(rule, "FAIL", text, limit=limit, evidence=data.proof(*topics))
    if data.refused_deploys:
        text = f"a deployment was refused: {_reason(data.refused_deploys[0].excerpt)}"
        return result(rule, "WARN", text, limit=limit, evidence=list(data.refused_deploys[:5]))
    if data.ready_ns is None:
        text = "the entries hold no audit log of the deployment"
        if own and own.ready_ns is None:
            known = "it serves" if data.serves else "Cloud Run says that it is ready" if is_ready else ""
            text = f"{known}, and its Ready entry is not in the log" if known else "it is not ready yet"
        return result(rule, "NOT_OBSERVABLE", text, limit=limit)
    at = np.datetime64(data.ready_ns, "ns").astype("datetime64[s]")
    took = "" if data.ready_ms is None else f", {duration(data.ready_ms)} after the call"
    observed = Observed(value=data.ready_ms, unit="ms", n=1)
    return result(rule, "PASS", f"ready at {at}Z{took}", observed=observed, limit=limit)


def _reason(excerpt: str) -> str:
    """What the platform says behind the condition that changed, to the end of its first sentence."""
    text = excerpt.rpartition("with message: ")[2].partition(" ⏎ ")[0]
    text = text.rpartition("is not ready and cannot serve traffic. ")[2]
    return text.partition(". ")[0].rstrip(".") or "the platform gives no reason"


def start_up(data: RevisionData, policy: Policy) -> Check:
    """Instances start as fast as the baseline's."""
    rule = policy["deployment.start_up"]
    limit = f"median above the baseline's by {percent(rule['warn_ratio'])} and {duration(rule['warn_ms'])} is WARN"
    took = data.instances.start_up_ms
    if not took:
        return result(rule, "NOT_OBSERVABLE", "no instance start with a start-up probe was logged", limit=limit)
    median = float(np.median(took))
    observed = Observed(value=median, unit="ms", n=len(took), low=min(took), high=max(took))
    text = f"{count(len(took), 'start')}, median {duration(median)} until the probe succeeded"
    if data.baseline is None or not data.baseline.instances.start_up_ms:
        return result(rule, "PASS", f"{text}; no start of the baseline to compare with", observed=observed, limit=limit)
    before = data.baseline.instances.start_up_ms
    base = float(np.median(before))
    slower = median - base >= rule["warn_ms"] and median >= base * (1 + rule["warn_ratio"])
    check = result(
        rule, "WARN" if slower else "PASS", f"{text}, {duration(base)} in the baseline", observed=observed, limit=limit
    )
    return check.model_copy(update={"baseline": Observed(value=base, unit="ms", n=len(before))})


def instances(data: RevisionData, policy: Policy) -> Check:
    """How many instances there were, and why they started."""
    rule = policy["deployment.instances"]
    counts = data.instances
    if not counts.n:
        return result(rule, "NOT_OBSERVABLE", "no entry names an instance")
    reasons = ", ".join(f"{reason} × {n:,}" for reason, n in counts.starts_by_reason.items())
    text = f"{count(counts.n, 'instance')}; starts by reason: {reasons or 'none seen'}"
    return result(rule, "PASS", text, observed=Observed(value=counts.n, unit="instances", n=counts.n))


def traffic(data: RevisionData, policy: Policy) -> Check:
    """The revision took over the traffic, and kept it."""
    rule = policy["deployment.traffic"]
    limit = (
        f"an older revision that still serves {duration(rule['outlived_s'] * 1000)} "
        "after this one's last request is WARN"
    )
    if data.traffic_ratio is None:
        return result(rule, "NOT_APPLICABLE", "no user request reached the revision", limit=limit)
    n = data.requests.eligible
    observed = Observed(value=data.traffic_ratio, unit="ratio", n=n)
    text = f"{percent(data.traffic_ratio)} of the service's requests since its first"
    if data.outlived_ns is not None and data.outlived_ns >= rule["outlived_s"] * 1e9:
        later = duration(data.outlived_ns / 1e6)
        text = f"an older revision still served {later} after this one's last request: rolled back? This one had {text}"
        return result(rule, "WARN", text, observed=observed, limit=limit)
    return result(rule, "PASS", text, observed=observed, limit=limit)


def tests(data: RevisionData, policy: Policy) -> Check:
    """The tests whose results were given ran after the deployment, and passed."""
    rule = policy["tests.results"]
    results = data.tests
    limit = "a failed test is FAIL; tests older than the deployment, or too quick to have run, are WARN"
    if results is None:
        return result(rule, "NOT_APPLICABLE", "no test results were given (--junit)", limit=limit)
    bad = results.failed + results.errors
    observed = Observed(value=bad, unit="tests", n=results.n)
    if not results.n:
        return result(rule, "INCONCLUSIVE", "the test results hold no test", observed=observed, limit=limit)
    text = f"{results.passed:,} of {count(results.n, 'test')} passed, {bad:,} failed, {results.skipped:,} skipped"
    if bad:
        return result(rule, "FAIL", f"{text}: {', '.join(results.failures[:5])}", observed=observed, limit=limit)
    doubts = []
    if results.suspicious:
        named = ", ".join(results.suspicious[:3])
        doubts.append(f"{len(results.suspicious):,} too quick to have called the service ({named})")
    if results.started and data.ready_ns is not None:
        ready = f"{np.datetime64(data.ready_ns, 'ns').astype('datetime64[s]')}Z"
        if results.started < ready:
            doubts.append(f"they started at {results.started}, before the revision was ready at {ready}")
    if results.passed == 0:
        doubts.append("every test was skipped")
    if doubts:
        return result(rule, "WARN", "; ".join([*doubts, text]), observed=observed, limit=limit)
    return result(rule, "PASS", text, observed=observed, limit=limit)
