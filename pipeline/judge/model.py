"""What the judge gives: checks with their proof, and the verdict document (`verdict.json`)."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from pipeline.judge.policy import CheckSeverity

Status = Literal["PASS", "WARN", "FAIL", "INCONCLUSIVE", "NOT_APPLICABLE", "NOT_OBSERVABLE"]
VerdictName = Literal["PASS", "WARN", "INCONCLUSIVE", "FAIL"]
Risk = Literal["LOW", "MEDIUM", "HIGH"]

SCHEMA_VERSION = 1


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


class Check(_Document):
    """One rule applied: its status, the reason in a sentence, the numbers and the entries behind it."""

    id: str
    title: str
    group: str
    severity: CheckSeverity
    status: Status
    reason: str
    observed: Observed | None = None
    limit: str | None = None
    baseline: Observed | None = None
    evidence: list[Evidence] = []


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


class Endpoint(_Document):
    """One endpoint: method and path with `{id}` for variable segments."""

    endpoint: str
    n: int
    errors_4xx: int
    errors_5xx: int
    latency_ms: Percentiles


class Requests(_Document):
    """All request rows of the revision; `low` and `high` are the exact 95 % interval of `rate`."""

    n: int
    errors_5xx: int
    rate: float | None
    low: float | None
    high: float | None
    eligible: int
    eligible_5xx: int
    latency_ms: Percentiles
    by_endpoint: list[Endpoint]


class EventCount(_Document):
    """How often an event happened (n, each happening once) and how many lines told of it."""

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
    """Lines of one signature that nothing explains."""

    signature: str
    level: str
    n: int
    first: str | None


class Verdict(_Document):
    """The verdict on one revision: `verdict.json`."""

    schema_version: int = SCHEMA_VERSION
    tool: Tool
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
