"""What the judge gives: checks with their proof, and the verdict document (`verdict.json`)."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from pipeline.judge.crosscheck import Completeness, Configuration
from pipeline.judge.policy import CheckSeverity

Status = Literal["PASS", "WARN", "FAIL", "INCONCLUSIVE", "NOT_APPLICABLE", "NOT_OBSERVABLE"]
VerdictName = Literal["PASS", "WARN", "INCONCLUSIVE", "FAIL"]
Risk = Literal["LOW", "MEDIUM", "HIGH"]
Workload = Literal["service", "job", "worker_pool"]

SCHEMA_VERSION = 2


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Evidence(_Document):
    """One entry that proves a claim."""

    timestamp: str | None
    insert_id: str | None
    log_name: str | None
    excerpt: str
    url: str | None


class Observed(_Document):
    """A number with its unit, its count and its interval; null where there is none."""

    value: float | None
    unit: str
    n: int
    low: float | None = None
    high: float | None = None


class Effect(_Document):
    """How far a revision is from its baseline, revision minus baseline: `low` and `high` are a 95 % interval.

    kind: `shift` (Hodges-Lehmann, in `unit`), `difference` (of two rates) or `ratio`. relative: the effect as a share
    of the baseline's value. p: one-sided, of "no increase"; q: the same after Benjamini-Hochberg over all comparisons.
    bound: the one-sided 95 % upper bound of a rate's rise. needed_requests, needed_minutes: how many more of the
    revision's requests, and minutes at its traffic, would decide it; null where it is decided or cannot be.
    """

    kind: Literal["shift", "difference", "ratio"]
    value: float
    unit: str
    low: float | None = None
    high: float | None = None
    relative: float | None = None
    p: float | None = None
    q: float | None = None
    bound: float | None = None
    needed_requests: int | None = None
    needed_minutes: float | None = None


class Check(_Document):
    """One rule applied: status, reason, the numbers and the entries behind it.

    baseline: what observed is, of the revision it is compared with; effect: their difference; next: what to do where it
    did not pass. excludes: what a comparison that passed cannot exclude; null where that is below the limit of a FAIL.
    """

    id: str
    title: str
    group: str
    severity: CheckSeverity
    status: Status
    reason: str
    observed: Observed | None = None
    limit: str | None = None
    baseline: Observed | None = None
    effect: Effect | None = None
    evidence: list[Evidence] = []
    next: str | None = None
    excludes: str | None = None


class Decision(_Document):
    """The verdict over all checks."""

    verdict: VerdictName
    risk: Risk
    headline: str


class Tool(_Document):
    """What made the verdict: same tool, catalogue and policy, same answer."""

    name: str
    version: str
    catalogue: str
    policy: str


class WindowFacts(_Document):
    """The window asked for, and what the entries cover of it."""

    start: str | None
    end: str | None
    covered_start: str | None
    covered_end: str | None
    settled: bool
    filtered: bool


class Inputs(_Document):
    """The entries behind a verdict, counted; only keys with a count above 0."""

    entries: int
    parsed: int
    unparsed: int
    explained: int
    unexplained: int
    by_log: dict[str, int]
    by_severity: dict[str, int]
    by_level: dict[str, int]


class Percentiles(_Document):
    """Percentiles in ms, R type 7; null where n is 0."""

    p50: float | None
    p95: float | None
    p99: float | None
    max: float | None


class Timed(Percentiles):
    """Percentiles in ms with their count."""

    n: int


class EndpointBefore(_Document):
    """What the baseline shows of an endpoint: user requests, their 5xx and percentiles in ms."""

    n: int
    errors_5xx: int
    p50: float | None
    p95: float | None


class Endpoint(_Document):
    """One endpoint: method and path with `{id}` for variable segments; before: the same of the baseline."""

    endpoint: str
    n: int
    errors_4xx: int
    errors_5xx: int
    latency_ms: Percentiles
    before: EndpointBefore | None = None


class Requests(_Document):
    """All request rows of the revision; `low` and `high` are the exact 95 % interval of `rate`.

    Those of users are `eligible`, with their minutes, those with a 5xx, and user_latency_ms (WebSockets left out).
    """

    n: int
    errors_5xx: int
    rate: float | None
    low: float | None
    high: float | None
    eligible: int
    eligible_5xx: int
    latency_ms: Percentiles
    user_latency_ms: Percentiles
    by_endpoint: list[Endpoint]
    minutes: int = 0
    minutes_5xx: int = 0


class EventCount(_Document):
    """How often an event happened (n, each occurrence once) and how many lines reported it."""

    event: str
    cause: str
    outcome: str
    n: int
    lines: int
    duration_ms: Timed | None


class CodeCount(_Document):
    """How often an event happened with a code."""

    event: str
    code: int
    n: int


class SignatureCount(_Document):
    """Unknown lines of one signature."""

    signature: str
    level: str
    n: int
    first: str | None


class Baseline(_Document):
    """What a revision was compared with.

    origin: `window` (the same entries), `stretch` (those before the window) or `history` (of `runs` that passed).
    shared_minutes: in which both had user requests. p50_ms, p95_ms: of its user requests; of several runs within 1 %.
    """

    revision: str
    origin: Literal["window", "stretch", "history"]
    runs: int
    entries: int
    requests: int
    eligible: int
    eligible_5xx: int = 0
    p50_ms: float | None = None
    p95_ms: float | None = None
    covered_start: str | None
    covered_end: str | None
    shared_minutes: int
    explained_ratio: float | None


class CauseCount(_Document):
    """How often a cause happened."""

    cause: str
    n: int


class IncidentMinute(_Document):
    """One minute of an incident: RFC 3339, and how often its causes happened."""

    minute: str
    n: int


class Incident(_Document):
    """Failures that belong together: of one cause, or of causes that share their minutes; the leading cause first."""

    title: str
    first: str
    last: str
    n: int
    causes: list[CauseCount]
    timeline: list[IncidentMinute]
    evidence: list[Evidence]


class SignatureChange(_Document):
    """A signature at WARNING or above, or of a failure, that is new, more frequent, renamed or gone."""

    change: Literal["new", "more", "renamed", "gone"]
    signature: str
    level: str
    event: str | None
    n: int
    baseline_n: int
    first: str | None
    evidence: list[Evidence] = []


class ContractUse(_Document):
    """What became of an expected warning: how many lines it covers, how many stood outside of its scope."""

    expects: str
    status: Literal["within", "exceeded", "expired", "unused"]
    n: int
    n_outside: int
    budget: str
    scope: str
    owner: str
    reason: str
    expires: str | None


class Recoding(_Document):
    """A code that another one replaces since a revision: a re-coding, neither better nor worse."""

    event: str
    old: int
    new: int
    since: str
    reason: str
    n_old: int
    n_new: int
    baseline_old: int | None
    baseline_new: int | None


class Deployment(_Document):
    """The deployment's times and the revision's instances. traffic_ratio: its share of requests since its first.

    configuration: null where the Run Admin API was not read.
    """

    deployed: str | None
    ready: str | None
    ready_ms: float | None
    first_request: str | None
    instances: int
    starts_by_reason: dict[str, int]
    start_up_ms: Timed | None
    traffic_ratio: float | None
    configuration: Configuration | None = None


class Look(_Document):
    """One look of `--watch` before the window's end.

    minute: of the window, from the revision's first traffic on. settled_until: requests that began before it count.
    design_effect: how many failures weigh as one; evidence: the e-value against a 5xx rate at its limit, null beyond
    any number. failed: checks that FAIL whatever comes.
    """

    at: str
    minute: float
    settled_until: str | None
    requests: int
    errors_5xx: int
    design_effect: float
    evidence: float | None
    failed: list[str]


class Advice(_Document):
    """What to do: at (RFC 3339) is when to look again, command what rolls back, against what speaks against it."""

    action: Literal["ROLL BACK", "FIX FORWARD", "HOLD", "READ THE LINES", "FIX THE LOGGING", "LOOK AGAIN"]
    at: str | None
    command: str | None
    against: list[str]


class Impact(_Document):
    """User requests that failed beyond the baseline's rate, distinct clients that met a failure, minutes with one."""

    requests: int
    clients: int | None
    minutes: int


class TestResults(_Document):
    """Results of tests, as JUnit files tell them. started: the earliest time that a suite states."""

    files: int
    n: int
    passed: int
    failed: int
    errors: int
    skipped: int
    duration_s: float
    started: str | None
    failures: list[str]
    suspicious: list[str]


class Verdict(_Document):
    """The verdict on one revision: `verdict.json`."""

    schema_version: int = SCHEMA_VERSION
    tool: Tool
    workload: Workload
    service: str
    revision: str
    location: str | None
    baseline: str | None
    verdict: VerdictName
    risk: Risk
    headline: str
    notes: list[str]
    window: WindowFacts
    inputs: Inputs
    service_level: Inputs
    requests: Requests
    events: list[EventCount]
    codes: list[CodeCount]
    signatures: list[SignatureCount]
    signatures_left_out: int
    checks: list[Check]
    compared: Baseline | None = None
    incidents: list[Incident] = []
    changes: list[SignatureChange] = []
    contracts: list[ContractUse] = []
    recodings: list[Recoding] = []
    deployment: Deployment | None = None
    completeness: Completeness | None = None
    superseded_by: str | None = None
    advice: Advice | None = None
    impact: Impact | None = None
    looks: list[Look] = []
    tests: TestResults | None = None
