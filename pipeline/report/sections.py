"""The report as a document: the sections that readers expect, each a list of claims."""

from collections.abc import Sequence

from pipeline.judge.crosscheck import Configuration
from pipeline.judge.model import Endpoint, Recoding, Status, Verdict
from pipeline.judge.numbers import duration, number, percent
from pipeline.report.claims import (
    DECIDING,
    STANDINGS,
    Claim,
    Facts,
    Section,
    Standing,
    Step,
    check_ref,
    sentence,
)

_AGENT_EVENTS = (
    "agent.started",
    "agent.thinking",
    "agent.tool_executing",
    "agent.tool_completed",
    "agent.completed",
)


def sections(verdict: Verdict) -> list[Section]:
    """Return the report's sections in the order that readers expect."""
    facts = Facts(verdict)
    subjects = [
        Section("health", "Health endpoints", _health(facts)),
        Section("authentication", "Authentication", _authentication(facts)),
        Section("database", "Database", _database(facts)),
        Section("context", "Context and correlation", _context(facts)),
        Section("warnings", "Service log: expected warnings", _warnings(facts)),
        Section("issues", "Service log: critical issues", _issues(facts)),
        Section("tests", "Test results", _tests(facts)),
        Section("golden_path", "Golden path", _golden_path(facts)),
        Section("codes", "Error codes", _codes(facts)),
        Section("performance", "Performance and stability", _performance(facts)),
        Section("security", "Security", _security(facts)),
    ]
    summary = Section("summary", "Summary", _summary(facts))
    checklist = Section("checklist", "Post-deploy checklist", _checklist([summary, *subjects]))
    return [summary, *subjects, checklist, Section("conclusion", "Conclusion", _conclusion(facts))]


def next_steps(verdict: Verdict) -> list[Step]:
    """Return what to do next: the failures first, then what is missing, then the warnings; each step once."""
    steps: dict[str, list[str]] = {}
    for status in DECIDING:
        for check in verdict.checks:
            if check.status == status and check.next:
                steps.setdefault(check.next, []).append(check.id)
    if not steps:
        return [Step("Nothing to do: no check found a problem.", ("headline",))]
    return [
        Step(f"{text} ({', '.join(checks)})", tuple(f"checks/{check}" for check in checks))
        for text, checks in steps.items()
    ]


def _summary(facts: Facts) -> tuple[Claim, ...]:
    verdict = facts.verdict
    deployment, requests, compared = verdict.deployment, verdict.requests, verdict.compared
    claims = [Claim("healthy", "No check found a problem", STANDINGS[verdict.verdict], _tally(verdict), ("checks",))]
    claim = "The revision was deployed and is Ready"
    if deployment and deployment.ready:
        took = f", {duration(deployment.ready_ms)} after the deployment" if deployment.ready_ms is not None else ""
        claims.append(Claim("deployed", claim, "PROVEN", f"Ready at {deployment.ready}{took}.", ("deployment",)))
    else:
        claims.append(facts.happened("deployed", claim, "audit.ready"))
    claims.append(_configured(deployment.configuration if deployment else None))
    claim = "The revision serves traffic"
    if requests.n:
        text = f"{requests.n:,} requests, {requests.eligible:,} of them user requests."
        claims.append(Claim("serving", claim, "PROVEN", text, ("requests",)))
    else:
        claims.append(Claim("serving", claim, "NO EVIDENCE", "No request row names the revision.", ("requests",)))
    claim = "There is a baseline to compare with"
    if compared:
        text = (
            f"{compared.revision}: {compared.eligible:,} user requests, {compared.entries:,} entries from "
            f"{compared.covered_start or '–'} to {compared.covered_end or '–'}, "
            f"minutes shared: {compared.shared_minutes:,}."
        )
        claims.append(Claim("baseline", claim, "PROVEN", text, ("compared",)))
    else:
        text = "No revision to compare with, so relative checks do not apply."
        claims.append(Claim("baseline", claim, "NO EVIDENCE", text, ("compared",)))
    return (
        *claims,
        facts.check("window", "The entries cover the window", "evidence.window"),
        facts.check("traffic", "There was enough traffic to judge", "evidence.traffic"),
        facts.check("unfiltered", "The logs are not filtered by severity", "evidence.unfiltered"),
        facts.check("explained", "Error lines are known to the catalogue", "evidence.explained"),
        facts.check("complete", "No request is missing from the log", "evidence.complete"),
    )


def _configured(configuration: Configuration | None) -> Claim:
    """What the Run Admin API or the audit log says of the revision's URL, image, memory, processors and concurrency."""
    claim = "The configuration is known"
    if configuration is None:
        text = "No audit entry of its deployment is in the log; logging:// reads it with roles/run.viewer."
        return Claim("configured", claim, "NO EVIDENCE", text, ("deployment",))
    parts = {
        "URL": configuration.url,
        "image": configuration.image,
        "memory": configuration.memory,
        "CPU": configuration.cpu,
        "requests at a time": configuration.concurrency,
        "timeout": duration(configuration.timeout_s * 1000) if configuration.timeout_s is not None else None,
    }
    text = ", ".join(f"{name} {value}" for name, value in parts.items() if value is not None)
    return Claim("configured", claim, "PROVEN", sentence(text or "none of it is named"), ("deployment",))


def _uptime(verdict: Verdict) -> Claim:
    """The share of minutes with user requests in which none failed; of minutes without one nothing is known."""
    claim, requests = "Every minute with user requests was free of failed ones", verdict.requests
    if not requests.minutes:
        return Claim("uptime", claim, "NO EVIDENCE", "No minute had a user request.", ("requests",))
    good = requests.minutes - requests.minutes_5xx
    text = f"{good:,} of {requests.minutes:,} minutes with user requests had none that failed: "
    standing: Standing = "REFUTED" if requests.minutes_5xx else "PROVEN"
    return Claim("uptime", claim, standing, f"{text}{percent(good / requests.minutes)}.", ("requests",))


def _tally(verdict: Verdict) -> str:
    """How many checks have each status, worst first."""
    statuses = [check.status for check in verdict.checks]
    words: dict[Status, str] = {
        "FAIL": "failed",
        "INCONCLUSIVE": "were inconclusive",
        "WARN": "warned",
        "PASS": "passed",
    }
    parts = [f"{n:,} {word}" for status, word in words.items() if (n := statuses.count(status))]
    unjudged = len(statuses) - sum(status in words for status in statuses)
    return f"Of {len(statuses):,} checks {', '.join([*parts, f'{unjudged:,} had nothing to judge'])}."


def _health(facts: Facts) -> tuple[Claim, ...]:
    endpoints = facts.verdict.requests.by_endpoint
    return (
        facts.check("health", "Health endpoints answer in time", "requests.health"),
        *(_answers(endpoint) for endpoint in endpoints if endpoint.endpoint.rstrip("/").rpartition("/")[2] in _HEALTH),
    )


#: Last segments of health paths, as `sql/staging/requests.sql` has them.
_HEALTH = ("health", "healthz", "health_check", "ready", "readyz", "live", "livez", "ping")


def _answers(endpoint: Endpoint) -> Claim:
    text = (
        f"{endpoint.errors_5xx:,} of {endpoint.n:,} ended in 5xx, {endpoint.errors_4xx:,} in 4xx; "
        f"p95 {duration(endpoint.latency_ms.p95)}."
    )
    standing: Standing = "REFUTED" if endpoint.errors_5xx else "PROVEN"
    name = endpoint.endpoint
    return Claim(f"answers {name}", f"{name} answers without 5xx", standing, text, (f"endpoints/{name}",))


def _authentication(facts: Facts) -> tuple[Claim, ...]:
    seen = facts.events("auth.success", "jwt.")
    return (
        facts.happened("auth.success", "Tokens are validated", "auth.success"),
        facts.check("auth.reachable", "The auth service can be reached", "auth.unreachable"),
        facts.check("auth.rejections", "Users are rejected no more often than before", "auth.failure_rate"),
        facts.check("auth.fast", "Validation is as fast as before", "auth.latency"),
        facts.absent("auth.jwt", "No JSON Web Token is rejected", "jwt.rejected", seen=seen),
        facts.check("auth.services", "Services authenticate to each other", "service_auth.failures"),
    )


def _database(facts: Facts) -> tuple[Claim, ...]:
    seen = facts.events("session.")
    return (
        facts.happened("database.users", "Users are found in the database", "database.user_found"),
        facts.check("database.answers", "The database answers", "database.failures"),
        facts.check("database.fast", "Lookups are as fast as before", "database.latency"),
        facts.happened("sessions", "Sessions are created", "session.created"),
        facts.absent("sessions.failed", "No session fails", "session.failed", "session.error", seen=seen),
    )


def _context(facts: Facts) -> tuple[Claim, ...]:
    return (
        facts.happened("context", "Full request context is logged", "context.dump"),
        facts.happened("traces", "Traces run from start to success", "context.trace_succeeded"),
    )


def _warnings(facts: Facts) -> tuple[Claim, ...]:
    claims = [facts.check("websocket.readiness", "WebSocket readiness fails at start-up only", "websocket.readiness")]
    claims.append(facts.check("contracts", "Expected warnings keep to their contracts", "expected.contracts"))
    standings: dict[str, Standing] = {"within": "PROVEN", "unused": "NO EVIDENCE"}
    for index, use in enumerate(facts.verdict.contracts):
        text = (
            f"{use.status}: {use.n:,} lines, {use.n_outside:,} out of scope; budget {use.budget}, scope {use.scope}, "
            f"owner {use.owner}{f', expires {use.expires}' if use.expires else ''}: {sentence(use.reason)}"
        )
        standing = standings.get(use.status, "REFUTED")
        claim = f"{use.expects} stays within its contract"
        claims.append(Claim(f"contract {index}", claim, standing, text, (f"contracts/{index}",)))
    claims.append(facts.happened("expected", "Expected warnings are recognised", "expected."))
    return tuple(claims)


def _issues(facts: Facts) -> tuple[Claim, ...]:
    claims = [_no_critical_issue(facts)]
    for index, incident in enumerate(facts.verdict.incidents):
        causes = ", ".join(f"{cause.cause} × {cause.n:,}" for cause in incident.causes)
        text = f"{incident.n:,} failures from {incident.first} to {incident.last}: {causes}."
        claim = f"No incident: {incident.title}"
        claims.append(Claim(f"incident {index}", claim, "REFUTED", text, (f"incidents/{index}",)))
    verdict = facts.verdict
    served = verdict.requests.n > 0
    started = served or bool(verdict.deployment and verdict.deployment.start_up_ms and verdict.deployment.start_up_ms.n)
    return (
        *claims,
        facts.check("exits", "Containers do not crash", "platform.exits"),
        facts.check("starts", "Instances can start", "platform.could_not_start", seen=started),
        facts.check("available", "Requests find an instance", "platform.no_instance", seen=served),
        facts.check("connections", "Connections to instances hold", "platform.malformed", seen=served),
        facts.check("failures", "The application reports no failure of its own", "application.failures"),
        facts.check("novelty", "No error is new or more frequent", "novelty.errors"),
        facts.check("silent", "Everything that succeeded before still succeeds", "novelty.silent"),
        facts.check("durations", "What lines measure takes no longer", "novelty.durations"),
    )


def _no_critical_issue(facts: Facts) -> Claim:
    claim = "There is no critical issue"
    critical = [check for check in facts.verdict.checks if check.severity == "critical"]
    if failed := [check for check in critical if check.status in ("FAIL", "WARN")]:
        text = f"Not passed: {', '.join(check.id for check in failed)}."
        return Claim("critical", claim, "REFUTED", text, tuple(map(check_ref, failed)))
    unseen = [check for check in critical if check.status in ("INCONCLUSIVE", "NOT_OBSERVABLE")]
    if unseen or not critical:
        names = ", ".join(check.id for check in unseen) or "any"
        text = f"None was found, but {names} could not be judged."
        return Claim("critical", claim, "NO EVIDENCE", text, (*map(check_ref, unseen), "checks"))
    text = f"None of {len(critical)} critical checks failed."
    return Claim("critical", claim, "PROVEN", text, tuple(map(check_ref, critical)))


def _tests(facts: Facts) -> tuple[Claim, ...]:
    tests = facts.verdict.tests
    if tests is None:
        return (Claim("tests", "Tests passed", "NO EVIDENCE", "No test results were given (--junit).", ("tests",)),)
    bad = tests.failed + tests.errors
    standing: Standing = "REFUTED" if bad else "PROVEN" if tests.passed else "NO EVIDENCE"
    text = (
        f"{tests.passed:,} of {tests.n:,} passed in {number(tests.duration_s)} s, {tests.failed:,} failed, "
        f"{tests.errors:,} ended in an error, {tests.skipped:,} were skipped."
    )
    claims = [Claim("tests", "Tests passed", standing, text, ("tests",))]
    if tests.suspicious:
        text = sentence("; ".join(tests.suspicious))
        claims.append(Claim("tests.credible", "The test results are credible", "REFUTED", text, ("tests",)))
    checks = [check for check in facts.verdict.checks if check.group == "tests"]
    return (*claims, *(facts.check(check.id, check.title, check.id) for check in checks))


def _golden_path(facts: Facts) -> tuple[Claim, ...]:
    seen = facts.events("golden_path.")
    return (
        facts.check("handshakes", "WebSocket connections are accepted", "websocket.handshakes"),
        *(facts.happened(event, f"{event} is delivered", event) for event in _AGENT_EVENTS),
        facts.check("deliveries", "No agent event is lost", "golden_path.deliveries"),
        facts.absent("golden_path", "The golden path does not fail", "golden_path.failure", seen=seen),
    )


def _codes(facts: Facts) -> tuple[Claim, ...]:
    verdict = facts.verdict
    closes = [count for count in verdict.codes if count.event == "websocket.close"]
    total = sum(count.n for count in closes)
    claims = []
    for code, means in ((1008, "policy violation"), (1011, "server error")):
        claim = f"No WebSocket was closed with {code} ({means})"
        if closed := facts.code("websocket.close", code):
            text, ref = f"{closed.n:,} of {total:,} closes.", f"codes/websocket.close/{code}"
            claims.append(Claim(f"close {code}", claim, "REFUTED", text, (ref,)))
        elif closes:
            refs = tuple(f"codes/websocket.close/{count.code}" for count in closes)
            claims.append(Claim(f"close {code}", claim, "PROVEN", f"0 of {total:,} closes with a code.", refs))
        else:
            claims.append(Claim(f"close {code}", claim, "NO EVIDENCE", "No close code was logged.", ("codes",)))
    claims += [_recoded(index, recoding) for index, recoding in enumerate(verdict.recodings)]
    return (*claims, facts.check("closes", "Closes are normal", "websocket.closes"))


def _recoded(index: int, recoding: Recoding) -> Claim:
    old, new = recoding.old, recoding.new
    standing: Standing = "REFUTED" if recoding.n_old else "PROVEN" if recoding.n_new else "NO EVIDENCE"
    text = f"{recoding.n_old:,} with {old}, {recoding.n_new:,} with {new}"
    if recoding.baseline_old is not None:
        text += f"; the baseline had {recoding.baseline_old:,} with {old} and {recoding.baseline_new or 0:,} with {new}"
    claim = f"{recoding.event}: {new} replaces {old} since {recoding.since}"
    text = f"{text}: {sentence(recoding.reason)}"
    return Claim(f"recoding {index}", claim, standing, text, (f"recodings/{index}",))


def _performance(facts: Facts) -> tuple[Claim, ...]:
    verdict = facts.verdict
    claims = [
        facts.check("succeed", "Requests succeed", "requests.error_rate"),
        facts.check("fast", "Requests are as fast as before", "requests.latency"),
        facts.check("endpoints.fast", "Every endpoint is as fast as before", "requests.endpoint_latency"),
    ]
    latency, claim = verdict.requests.user_latency_ms, "Response times are known"
    if latency.p95 is not None:
        text = f"p50 {duration(latency.p50)}, p95 {duration(latency.p95)}, p99 {duration(latency.p99)}, longest "
        text += f"{duration(latency.max)} over {verdict.requests.eligible:,} user requests."
        claims.append(Claim("latency", claim, "PROVEN", text, ("requests",)))
    else:
        claims.append(Claim("latency", claim, "NO EVIDENCE", "No user request has a latency.", ("requests",)))
    claims.append(_uptime(verdict))
    watched = verdict.inputs.entries > 0
    claims.append(facts.check("memory", "The memory limit holds", "platform.memory", seen=watched))
    deployment = verdict.deployment
    if deployment and deployment.start_up_ms and deployment.start_up_ms.n:
        took = deployment.start_up_ms
        text = f"p50 {duration(took.p50)}, longest {duration(took.max)} over {took.n:,} starts."
        claims.append(Claim("start_up", "The start-up time is known", "PROVEN", text, ("deployment",)))
    checks = [check for check in verdict.checks if check.group == "deployment"]
    return (*claims, *(facts.check(check.id, check.title, check.id) for check in checks))


def _security(facts: Facts) -> tuple[Claim, ...]:
    return (
        facts.check("leaks", "The logs contain no secret and no personal data", "security.leaks"),
        facts.check("attacks", "Scanners are rejected", "security.attacks"),
    )


#: What a release needs, each with the ids of the claims that prove it together.
_CHECKLIST = (
    ("Revision deployed and serving", ("deployed", "serving")),
    ("Health endpoints answer", ("health",)),
    ("Requests succeed", ("traffic", "succeed")),
    ("Authentication works", ("auth.success", "auth.reachable")),
    ("Database works", ("database.users", "database.answers")),
    ("WebSocket endpoints accessible", ("handshakes", "closes")),
    ("Golden path works", (*_AGENT_EVENTS, "deliveries")),
    ("Requests can be traced", ("context",)),
    ("No critical issue in the logs", ("critical",)),
    ("Tests passed", ("tests",)),
    ("Stable", ("exits", "memory")),
    ("No secret in the logs", ("leaks",)),
    ("Logs are complete", ("window", "unfiltered")),
)


def _checklist(subjects: Sequence[Section]) -> tuple[Claim, ...]:
    by_id = {claim.id: claim for section in subjects for claim in section.claims}
    items = []
    for item, ids in _CHECKLIST:
        parts = [by_id[claim_id] for claim_id in ids]
        standings = {part.standing for part in parts}
        standing: Standing = (
            "REFUTED" if "REFUTED" in standings else "NO EVIDENCE" if "NO EVIDENCE" in standings else "PROVEN"
        )
        text = "; ".join(f"{part.claim}: {part.standing.lower()}" for part in parts)
        refs = tuple(dict.fromkeys(ref for part in parts for ref in part.refs))
        items.append(Claim(f"item {item}", item, standing, f"{text}.", refs))
    return tuple(items)


def _conclusion(facts: Facts) -> tuple[Claim, ...]:
    verdict = facts.verdict
    gate: Standing = STANDINGS[verdict.verdict] if verdict.verdict != "WARN" else "PROVEN"
    return (
        Claim(
            "gate", "No check that blocks a release failed", gate, f"The verdict is {verdict.verdict}.", ("verdict",)
        ),
        Claim("risk", f"The risk is {verdict.risk}", "PROVEN", f"It follows from {verdict.verdict}.", ("risk",)),
    )
