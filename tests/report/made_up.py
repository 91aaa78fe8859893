"""A made-up verdict that fills every place of the document, and smaller ones."""

from pipeline.judge.model import (
    Baseline,
    CauseCount,
    Check,
    CodeCount,
    ContractUse,
    Deployment,
    Effect,
    Endpoint,
    EventCount,
    Evidence,
    Incident,
    IncidentMinute,
    Inputs,
    Observed,
    Percentiles,
    Recoding,
    Requests,
    SignatureChange,
    SignatureCount,
    TestResults,
    Timed,
    Tool,
    Verdict,
    WindowFacts,
)
from pipeline.judge.policy import load as load_policy

NONE = Percentiles(p50=None, p95=None, p99=None, max=None)
SOME = Percentiles(p50=18.91, p95=644.97, p99=1240.0, max=127690.0)
TIMED = Timed(n=180, **SOME.model_dump())
TIME = "2026-01-15T09:06:07.000000Z"
PROOF = Evidence(
    timestamp=TIME,
    insert_id="abc",
    log_name="projects/demo/logs/run.googleapis.com%2Fstderr",
    excerpt="Container called exit(3).",
    url="https://console.cloud.google.com/logs/query;query=insertId%3D%22abc%22?project=demo",
)
NOTHING = Inputs(entries=0, parsed=0, unparsed=0, explained=0, unexplained=0, by_log={}, by_severity={}, by_level={})


def checks(status="PASS", reason="as it should be", **more):
    """Every check of the policy, all of one status."""
    return [
        Check(
            id=rule.id,
            title=rule.title,
            group=rule.id.split(".")[0],
            severity=rule.severity,
            status=status,
            reason=reason,
            **more,
        )
        for rule in load_policy().rules.values()
    ]


def with_status(found, **statuses):
    """The same checks, some with another status: requests__error_rate="FAIL"."""
    wanted = {name.replace("__", "."): status for name, status in statuses.items()}
    return [one.model_copy(update={"status": wanted.get(one.id, one.status)}) for one in found]


def empty(**more):
    """A verdict on nothing at all."""
    facts = {
        "tool": Tool(name="runverdict", version="0.1.0", catalogue="0" * 12, policy="1" * 12),
        "workload": "service",
        "service": "shop-api",
        "revision": "shop-api-00042-abc",
        "location": None,
        "baseline": None,
        "verdict": "INCONCLUSIVE",
        "risk": "MEDIUM",
        "headline": "INCONCLUSIVE: 0 user requests",
        "notes": [],
        "window": WindowFacts(
            start=None, end=None, covered_start=None, covered_end=None, settled=False, filtered=False
        ),
        "inputs": NOTHING,
        "service_level": NOTHING,
        "requests": Requests(
            n=0,
            errors_5xx=0,
            rate=None,
            low=None,
            high=None,
            eligible=0,
            eligible_5xx=0,
            latency_ms=NONE,
            user_latency_ms=NONE,
            by_endpoint=[],
        ),
        "events": [],
        "codes": [],
        "signatures": [],
        "signatures_left_out": 0,
        "checks": checks("NOT_OBSERVABLE", "no line reports it"),
    }
    return Verdict(**{**facts, **more})


def event(name, n=3, outcome="ok", timed=None):
    """An event that happened so often."""
    return EventCount(event=name, cause=name, outcome=outcome, n=n, lines=n + 1, duration_ms=timed)


def full(**more):
    """A verdict with something in every place."""
    seen = Observed(value=0.0188, unit="ratio", n=266, low=0.00613, high=0.0433)
    before = Observed(value=0.001, unit="ratio", n=1000, low=0.0001, high=0.005)
    change = Effect(
        kind="difference",
        value=0.0178,
        unit="ratio",
        low=0.002,
        high=0.04,
        relative=17.8,
        p=0.001,
        q=0.01,
        needed_requests=400,
        needed_minutes=12.5,
    )
    found = checks(observed=seen, baseline=before, effect=change, limit="FAIL above 1 %", evidence=[PROOF])
    found = with_status(found, requests__error_rate="FAIL", websocket__closes="FAIL", golden_path__deliveries="WARN")
    facts = {
        "baseline": "shop-api-00041-xyz",
        "location": "europe-west1",
        "verdict": "FAIL",
        "risk": "HIGH",
        "headline": "FAIL: 5 of 266 user requests ended in 5xx (and 1 warning)",
        "notes": ["The window is not settled."],
        "inputs": Inputs(
            entries=1998,
            parsed=1998,
            unparsed=0,
            explained=1990,
            unexplained=8,
            by_log={"run.googleapis.com/stderr": 1998},
            by_severity={"INFO": 1998},
            by_level={"INFO": 1998},
        ),
        "requests": Requests(
            n=392,
            errors_5xx=5,
            rate=0.01276,
            low=0.00415,
            high=0.0295,
            eligible=266,
            eligible_5xx=5,
            latency_ms=SOME,
            user_latency_ms=SOME,
            by_endpoint=[
                Endpoint(endpoint="GET /health", n=66, errors_4xx=0, errors_5xx=0, latency_ms=SOME),
                Endpoint(endpoint="GET /api/orders/{id}", n=200, errors_4xx=2, errors_5xx=5, latency_ms=SOME),
            ],
        ),
        "events": [
            event("agent.completed"),
            event("agent.started"),
            event("agent.thinking"),
            event("agent.tool_completed"),
            event("agent.tool_executing"),
            event("audit.ready", 1),
            event("auth.success", 180, timed=TIMED),
            event("context.dump"),
            event("context.trace_succeeded"),
            event("database.user_found", timed=TIMED),
            event("expected.sentry_missing", 2, "info"),
            event("golden_path.progress"),
            event("jwt.rejected", 1, "failure"),
            event("session.created"),
            event("websocket.close", 5, "info"),
        ],
        "codes": [
            CodeCount(event="websocket.close", code=1000, n=4),
            CodeCount(event="websocket.close", code=1008, n=1),
        ],
        "signatures": [SignatureCount(signature="nobody knows <n>", level="ERROR", n=8, first=TIME)],
        "signatures_left_out": 3,
        "checks": found,
        "compared": Baseline(
            revision="shop-api-00041-xyz",
            origin="window",
            runs=0,
            entries=3000,
            requests=1200,
            eligible=1000,
            covered_start=TIME,
            covered_end=TIME,
            shared_minutes=2,
            explained_ratio=0.99,
        ),
        "incidents": [
            Incident(
                title="crash loop: exit(3)",
                first=TIME,
                last=TIME,
                n=15,
                causes=[CauseCount(cause="platform.exit", n=15)],
                timeline=[IncidentMinute(minute="2026-01-15T09:06:00Z", n=15)],
                evidence=[PROOF],
            )
        ],
        "changes": [
            SignatureChange(
                change="new",
                signature="ledger is gone <n>",
                level="ERROR",
                event=None,
                n=7,
                baseline_n=0,
                first=TIME,
                evidence=[PROOF],
            )
        ],
        "contracts": [
            ContractUse(
                expects="expected.sentry_missing",
                status=status,
                n=2,
                n_outside=0,
                budget="10 a day",
                scope="start-up, 60 s",
                owner="shop team",
                reason="no Sentry in staging",
                expires="2026-06-01",
            )
            for status in ("within", "exceeded", "expired", "unused")
        ],
        "recodings": [
            Recoding(
                event="websocket.close",
                old=1008,
                new=1011,
                since="shop-api-00040-aaa",
                reason="auth failures are the server's",
                n_old=1,
                n_new=0,
                baseline_old=4,
                baseline_new=0,
            )
        ],
        "deployment": Deployment(
            deployed=TIME,
            ready=TIME,
            ready_ms=18600.0,
            first_request=TIME,
            instances=2,
            starts_by_reason={"DEPLOYMENT_ROLLOUT": 1, "AUTOSCALING": 1},
            start_up_ms=TIMED,
            traffic_ratio=0.9,
        ),
        "tests": TestResults(
            files=1,
            n=12,
            passed=10,
            failed=1,
            errors=0,
            skipped=1,
            duration_s=11.45,
            started=TIME,
            failures=["test_end_to_end"],
            suspicious=["test_flow passed in 0.001 s"],
        ),
        "window": WindowFacts(start=TIME, end=TIME, covered_start=TIME, covered_end=TIME, settled=True, filtered=False),
    }
    return empty(**{**facts, **more})
