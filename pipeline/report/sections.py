"""The report as a document: the sections that readers expect, each a list of statements."""

from collections.abc import Sequence

from pipeline.judge.model import Endpoint, Recoding, Verdict
from pipeline.report.numbers import duration, number
from pipeline.report.statements import (
    Facts,
    Section,
    Standing,
    Statement,
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
    """Return what to do next: the failures first, then what is missing, then the warnings."""
    steps = []
    for status, said in (
        ("FAIL", "Stop, and find the cause"),
        ("INCONCLUSIVE", "Get the missing evidence"),
        ("WARN", "Look at it"),
    ):
        for check in verdict.checks:
            if check.status == status:
                text = f"{said} ({check.id}): {check.reason.rstrip('.')}."
                steps.append(Step(text, (check_ref(check),)))
    if not steps:
        steps.append(Step("Nothing in these logs stands against the release.", ("headline",)))
    return steps


def _summary(facts: Facts) -> tuple[Statement, ...]:
    verdict = facts.verdict
    found: list[Statement] = [_overall(facts, "The deployment is healthy")]
    deployment, requests, compared = verdict.deployment, verdict.requests, verdict.compared
    claim = "The revision was deployed and is Ready"
    if deployment and deployment.ready:
        took = f", {duration(deployment.ready_ms)} after the deployment" if deployment.ready_ms is not None else ""
        found.append(Statement("PROVEN", claim, f"Ready at {deployment.ready}{took}.", ("deployment",)))
    else:
        found.append(facts.happened(claim, "audit.ready"))
    claim = "The revision serves traffic"
    if requests.n:
        text = f"{requests.n:,} requests, {requests.eligible:,} of them of users."
        found.append(Statement("PROVEN", claim, text, ("requests",)))
    else:
        found.append(Statement("NO EVIDENCE", claim, "No request row names the revision.", ("requests",)))
    if compared:
        text = (
            f"{compared.revision}: {compared.eligible:,} requests of users, {compared.entries:,} entries from "
            f"{compared.covered_start or '–'} to {compared.covered_end or '–'}, "
            f"minutes shared: {compared.shared_minutes:,}."
        )
        found.append(Statement("PROVEN", "There is a baseline to compare with", text, ("compared",)))
    else:
        text = "No revision to compare with: relative checks do not apply."
        found.append(Statement("NO EVIDENCE", "There is a baseline to compare with", text, ("compared",)))
    for claim, check in (
        ("The entries cover the window", "evidence.window"),
        ("There was enough traffic to judge", "evidence.traffic"),
        ("The logs are not filtered by severity", "evidence.unfiltered"),
        ("Error lines are explained", "evidence.explained"),
    ):
        found.append(facts.check(claim, check))
    return tuple(found)


def _health(facts: Facts) -> tuple[Statement, ...]:
    endpoints = facts.verdict.requests.by_endpoint
    return (
        facts.check("Health endpoints answer, and soon", "requests.health"),
        *(_answers(one) for one in endpoints if one.endpoint.rstrip("/").rpartition("/")[2] in _HEALTH),
    )


#: Last segments of health paths, as `sql/staging/requests.sql` has them.
_HEALTH = ("health", "healthz", "health_check", "ready", "readyz", "live", "livez", "ping")


def _answers(endpoint: Endpoint) -> Statement:
    text = (
        f"{endpoint.errors_5xx:,} of {endpoint.n:,} ended in 5xx, {endpoint.errors_4xx:,} in 4xx; "
        f"p95 {duration(endpoint.latency_ms.p95)}."
    )
    standing: Standing = "REFUTED" if endpoint.errors_5xx else "PROVEN"
    return Statement(standing, f"{endpoint.endpoint} answers", text, (f"endpoints/{endpoint.endpoint}",))


def _authentication(facts: Facts) -> tuple[Statement, ...]:
    return (
        facts.happened("Tokens are validated", "auth.success"),
        facts.check("The auth service can be reached", "auth.unreachable"),
        facts.check("Users are turned away no more often than before", "auth.failure_rate"),
        facts.check("Validation is as fast as before", "auth.latency"),
        facts.absent("No JSON web token is rejected", "jwt.rejected", seen=facts.events("auth.success", "jwt.")),
        facts.check("Services authenticate to each other", "service_auth.failures"),
    )


def _database(facts: Facts) -> tuple[Statement, ...]:
    return (
        facts.happened("Users are found in the database", "database.user_found"),
        facts.check("The database answers", "database.failures"),
        facts.check("Lookups are as fast as before", "database.latency"),
        facts.happened("Sessions are created", "session.created"),
        facts.absent("No session fails", "session.failed", "session.error", seen=facts.events("session.")),
    )


def _context(facts: Facts) -> tuple[Statement, ...]:
    return (
        facts.happened("Full request context is logged", "context.dump"),
        facts.happened("Traces run from start to success", "context.trace_succeeded"),
    )


def _warnings(facts: Facts) -> tuple[Statement, ...]:
    found = [facts.check("WebSocket readiness fails at start-up only", "websocket.readiness")]
    found.append(facts.check("Expected warnings keep to their contracts", "expected.contracts"))
    standings: dict[str, Standing] = {"within": "PROVEN", "unused": "NO EVIDENCE"}
    for place, use in enumerate(facts.verdict.contracts):
        text = (
            f"{use.status}: {use.n:,} lines, {use.n_outside:,} out of scope; budget {use.budget}, scope {use.scope}, "
            f"owner {use.owner}{f', expires {use.expires}' if use.expires else ''}: {sentence(use.reason)}"
        )
        standing = standings.get(use.status, "REFUTED")
        found.append(Statement(standing, f"{use.expects} stays within its contract", text, (f"contracts/{place}",)))
    found.append(facts.happened("Known warnings are told apart from issues", "expected."))
    return tuple(found)


def _issues(facts: Facts) -> tuple[Statement, ...]:
    found = [_no_critical_issue(facts)]
    for place, incident in enumerate(facts.verdict.incidents):
        causes = ", ".join(f"{one.cause} × {one.n:,}" for one in incident.causes)
        text = f"{incident.n:,} failures from {incident.first} to {incident.last}: {causes}."
        found.append(Statement("REFUTED", f"No incident: {incident.title}", text, (f"incidents/{place}",)))
    for claim, check in (
        ("Containers do not crash", "platform.exits"),
        ("Instances can start", "platform.could_not_start"),
        ("Requests find an instance", "platform.no_instance"),
        ("Connections to instances hold", "platform.malformed"),
        ("The application reports no failure of its own", "application.failures"),
        ("No error is new or more frequent", "novelty.errors"),
        ("Nothing that succeeded before fell silent", "novelty.silent"),
    ):
        found.append(facts.check(claim, check))
    return tuple(found)


def _no_critical_issue(facts: Facts) -> Statement:
    claim = "There is no critical issue"
    critical = [check for check in facts.verdict.checks if check.severity == "critical"]
    failed = [check for check in critical if check.status == "FAIL"]
    if failed:
        text = "; ".join(f"{check.title.lower()}: no, {check.reason}" for check in failed)
        return Statement("REFUTED", claim, sentence(text), tuple(map(check_ref, failed)))
    unseen = [check for check in critical if check.status in ("INCONCLUSIVE", "NOT_OBSERVABLE")]
    if unseen or not critical:
        names = ", ".join(check.id for check in unseen) or "any"
        return Statement(
            "NO EVIDENCE",
            claim,
            f"None was found, but {names} could not be judged.",
            (*map(check_ref, unseen), "checks"),
        )
    return Statement(
        "PROVEN", claim, f"None of {len(critical)} critical checks failed.", tuple(map(check_ref, critical))
    )


def _tests(facts: Facts) -> tuple[Statement, ...]:
    tests = facts.verdict.tests
    claim = "Tests passed"
    if tests is None:
        return (Statement("NO EVIDENCE", claim, "No test results were given (--junit).", ("tests",)),)
    bad = tests.failed + tests.errors
    standing: Standing = "REFUTED" if bad else "PROVEN" if tests.passed else "NO EVIDENCE"
    text = (
        f"{tests.passed:,} of {tests.n:,} passed in {number(tests.duration_s)} s, {tests.failed:,} failed, "
        f"{tests.errors:,} ended in an error, {tests.skipped:,} were skipped."
    )
    found = [Statement(standing, claim, text, ("tests",))]
    if tests.suspicious:
        said = sentence("; ".join(tests.suspicious))
        found.append(Statement("REFUTED", "The tests' results can be believed", said, ("tests",)))
    return (*found, *(facts.check(one.title, one.id) for one in facts.verdict.checks if one.group == "tests"))


def _golden_path(facts: Facts) -> tuple[Statement, ...]:
    return (
        facts.check("WebSocket connections are accepted", "websocket.handshakes"),
        *(facts.happened(f"{event} is delivered", event) for event in _AGENT_EVENTS),
        facts.check("No agent event is lost", "golden_path.deliveries"),
        facts.absent("The golden path does not fail", "golden_path.failure", seen=facts.events("golden_path.")),
    )


def _codes(facts: Facts) -> tuple[Statement, ...]:
    verdict = facts.verdict
    closes = [one for one in verdict.codes if one.event == "websocket.close"]
    total = sum(one.n for one in closes)
    found = []
    for code, means in ((1008, "policy violation"), (1011, "server error")):
        claim = f"No WebSocket was closed with {code} ({means})"
        if one := facts.code("websocket.close", code):
            text, ref = f"{one.n:,} of {total:,} closes.", f"codes/websocket.close/{code}"
            found.append(Statement("REFUTED", claim, text, (ref,)))
        elif closes:
            refs = tuple(f"codes/websocket.close/{one.code}" for one in closes)
            found.append(Statement("PROVEN", claim, f"0 of {total:,} closes that name a code.", refs))
        else:
            check = facts.checks.get("websocket.closes")
            text = sentence(check.reason) if check else "No line names a close code."
            found.append(Statement("NO EVIDENCE", claim, text, (check_ref(check) if check else "codes",)))
    found += [_recoded(place, one) for place, one in enumerate(verdict.recodings)]
    return (*found, facts.check("Closes are normal", "websocket.closes"))


def _recoded(place: int, one: Recoding) -> Statement:
    standing: Standing = "REFUTED" if one.n_old else "PROVEN" if one.n_new else "NO EVIDENCE"
    text = f"{one.n_old:,} with {one.old}, {one.n_new:,} with {one.new}"
    if one.baseline_old is not None:
        text += f"; the baseline had {one.baseline_old:,} with {one.old} and {one.baseline_new or 0:,} with {one.new}"
    claim = f"{one.event}: {one.new} replaces {one.old} since {one.since}"
    return Statement(standing, claim, f"{text}: {sentence(one.reason)}", (f"recodings/{place}",))


def _performance(facts: Facts) -> tuple[Statement, ...]:
    found = [facts.check("Requests succeed", "requests.error_rate")]
    found.append(facts.check("Requests are as fast as before", "requests.latency"))
    found.append(facts.check("Every endpoint is as fast as before", "requests.endpoint_latency"))
    latency = facts.verdict.requests.latency_ms
    if latency.p95 is not None:
        text = f"p50 {duration(latency.p50)}, p95 {duration(latency.p95)}, p99 {duration(latency.p99)}, longest "
        text += f"{duration(latency.max)} over {facts.verdict.requests.n:,} request rows."
        found.append(Statement("PROVEN", "Response times are known", text, ("requests",)))
    else:
        text = "No request row has a latency."
        found.append(Statement("NO EVIDENCE", "Response times are known", text, ("requests",)))
    found.append(facts.check("The memory limit holds", "platform.memory"))
    deployment = facts.verdict.deployment
    if deployment and deployment.start_up_ms and deployment.start_up_ms.n:
        took = deployment.start_up_ms
        text = f"p50 {duration(took.p50)}, longest {duration(took.max)} over {took.n:,} starts."
        found.append(Statement("PROVEN", "The start-up time is known", text, ("deployment",)))
    return (*found, *(facts.check(one.title, one.id) for one in facts.verdict.checks if one.group == "deployment"))


def _security(facts: Facts) -> tuple[Statement, ...]:
    return (
        facts.check("The service's own lines give away no secret and no personal data", "security.leaks"),
        facts.check("Scanners are turned away", "security.attacks"),
    )


#: What a release needs, each with the claims that prove it together.
_CHECKLIST = (
    ("Revision deployed and serving", ("The revision was deployed and is Ready", "The revision serves traffic")),
    ("Health endpoints answer", ("Health endpoints answer, and soon",)),
    ("Requests succeed", ("There was enough traffic to judge", "Requests succeed")),
    ("Authentication works", ("Tokens are validated", "The auth service can be reached")),
    ("Database works", ("Users are found in the database", "The database answers")),
    ("WebSocket endpoints accessible", ("WebSocket connections are accepted", "Closes are normal")),
    ("Golden path works", (*(f"{event} is delivered" for event in _AGENT_EVENTS), "No agent event is lost")),
    ("Requests can be traced", ("Full request context is logged",)),
    ("No critical issue in the logs", ("There is no critical issue",)),
    ("Tests passed", ("Tests passed",)),
    ("Stable", ("Containers do not crash", "The memory limit holds")),
    ("Security controls hold", ("The service's own lines give away no secret and no personal data",)),
    ("Logs are complete", ("The entries cover the window", "The logs are not filtered by severity")),
)


def _checklist(found: Sequence[Section]) -> tuple[Statement, ...]:
    by_claim = {statement.claim: statement for section in found for statement in section.statements}
    statements = []
    for item, claims in _CHECKLIST:
        parts = [by_claim[claim] for claim in claims]
        standings = {part.standing for part in parts}
        standing: Standing = (
            "REFUTED" if "REFUTED" in standings else "NO EVIDENCE" if "NO EVIDENCE" in standings else "PROVEN"
        )
        text = "; ".join(f"{part.claim}: {part.standing.lower()}" for part in parts)
        refs = tuple(dict.fromkeys(ref for part in parts for ref in part.refs))
        statements.append(Statement(standing, item, f"{text}.", refs))
    return tuple(statements)


def _conclusion(facts: Facts) -> tuple[Statement, ...]:
    return (
        _overall(facts, "The revision can be released"),
        Statement(
            "PROVEN", f"The risk is {facts.verdict.risk}", f"It follows from {facts.verdict.verdict}.", ("risk",)
        ),
    )


def _overall(facts: Facts, claim: str) -> Statement:
    verdict = facts.verdict
    standings: dict[str, Standing] = {"FAIL": "REFUTED", "INCONCLUSIVE": "NO EVIDENCE"}
    return Statement(standings.get(verdict.verdict, "PROVEN"), claim, sentence(verdict.headline), ("headline",))
