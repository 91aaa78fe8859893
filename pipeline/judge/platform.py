"""What Cloud Run itself says: exits, memory, instances."""

from pipeline.judge.jobs import has_failed
from pipeline.judge.model import Check, Observed, Status
from pipeline.judge.numbers import count, duration
from pipeline.judge.policy import Policy, Rule
from pipeline.judge.result import result
from pipeline.judge.revision_data import RevisionData


def exits(data: RevisionData, policy: Policy) -> Check:
    """Containers do not exit with an error; three within minutes are a crash loop, whatever the probes say."""
    rule = policy["platform.exits"]
    exits_seen = data.occurrences.of("platform.exit")
    bad = exits_seen.where(~exits_seen.ended("ok", "info"))
    limit = f"any is WARN; 3 within {duration(rule['loop_s'] * 1000)} are FAIL"
    n = int(bad.n.sum())
    observed = Observed(value=n, unit="exits", n=n)
    if not n:
        return _nothing(data, rule, "WARNING", "no container exited with an error", limit)
    codes = ", ".join(f"exit({code}) × {int(bad.n[bad.code == code].sum())}" for code in sorted(set(bad.code)))
    fastest = data.fastest_three_exits_ns
    if fastest is not None and fastest <= rule["loop_s"] * 1e9 and has_failed(data):
        text = f"crash loop: {codes}, three of them within {duration(fastest / 1e6)}"
        return result(rule, "FAIL", text, observed=observed, limit=limit, evidence=data.proof(*bad.topics))
    return result(
        rule, "WARN", f"containers crashed: {codes}", observed=observed, limit=limit, evidence=data.proof(*bad.topics)
    )


def memory(data: RevisionData, policy: Policy) -> Check:
    """No instance exceeds its memory limit."""
    nouns = "instance over its memory limit", "instances over their memory limit"
    return _counted(data, policy["platform.memory"], "platform.memory_limit", nouns)


def could_not_start(data: RevisionData, policy: Policy) -> Check:
    """Every instance starts: no start is aborted, fails its probe, or costs a request."""
    rule = policy["platform.could_not_start"]
    nouns = "failed instance start", "failed instance starts"
    return _counted(data, rule, "platform.could_not_start", nouns, also=data.probes.get("STARTUP", 0))


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


def _counted(
    data: RevisionData, rule: Rule, event: str, nouns: tuple[str, str], *, also_fails: bool = False, also: int = 0
) -> Check:
    """also: occurrences that another event shows."""
    events = data.occurrences.of(event)
    n, fail = events.count + also, int(rule["fail_count"])
    limit = f"FAIL from {fail}, fewer WARN" if fail > 1 else "any is FAIL"
    if not n:
        return _nothing(data, rule, "ERROR", f"no {nouns[0]}", limit)
    status: Status = "FAIL" if (n >= fail or also_fails) and has_failed(data) else "WARN"
    return result(
        rule,
        status,
        count(n, *nouns),
        observed=Observed(value=n, unit="entries", n=data.requests.n),
        limit=limit,
        evidence=data.proof(*events.topics, *(["event/platform.probe_failed/"] if also else [])),
    )


def _nothing(data: RevisionData, rule: Rule, level: str, text: str, limit: str) -> Check:
    if not data.shows(level):
        unseen = f"{text}; but no line at {level} or below was logged, so none could have been seen"
        return result(rule, "NOT_OBSERVABLE", unseen, limit=limit)
    return result(rule, "PASS", text, observed=Observed(value=0, unit="entries", n=0), limit=limit)
