"""What the judge knows of a revision: numbers and arrays, no frames, no files.

Profile: what adds up over runs, and so can be compared and kept. RevisionData: the profile of the revision to judge,
with all that an absolute check asks for, and the profile of its baseline.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.judge.counts import Ages, Clients, Closes, Execution, LatencySteps, Occurrences, Peer
from pipeline.judge.crosscheck import Crosscheck
from pipeline.judge.deployed import Deployed
from pipeline.judge.model import Evidence, TestResults, Workload
from pipeline.judge.numbers import minutes_long
from pipeline.judge.ranks import Weighted
from pipeline.judge.stats import INDEPENDENT, DesignEffect

#: Severities in rising order; DEFAULT is what a line without one has, and such lines are seen like INFO.
LEVELS = ("DEBUG", "INFO", "NOTICE", "WARNING", "ERROR", "CRITICAL", "ALERT", "EMERGENCY")
SEVERE = LEVELS[LEVELS.index("ERROR") :]


@dataclass(frozen=True)
class RequestCounts:
    """Request rows of a revision; *_ns in nanoseconds. `sql/measures/requests.sql` says what each counts."""

    n: int = 0
    errors_5xx: int = 0
    eligible: int = 0
    eligible_5xx: int = 0
    eligible_denied: int = 0
    eligible_waited: int = 0
    eligible_clients: int = 0
    last_eligible_ns: int | None = field(default=None, metadata={"merge": "max"})
    longest_silence_ns: int | None = field(default=None, metadata={"merge": "max"})
    synthetic: int = 0
    synthetic_5xx: int = 0
    health: int = 0
    health_5xx: int = 0
    handshakes: int = 0
    upgraded: int = 0
    handshakes_rejected: int = 0
    handshake_clients: int = 0
    scans: int = 0
    fastest_three_5xx_ns: int | None = field(default=None, metadata={"merge": "min"})

    @property
    def answered(self) -> int:
        """Requests that did not end in 5xx: a revision that has any is ready, whatever its audit log shows."""
        return self.n - self.errors_5xx


@dataclass(frozen=True)
class Latency:
    """Percentiles of request latency, in ms, R type 7; None where n is 0."""

    n: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    max_ms: float | None


@dataclass(frozen=True)
class Minutes:
    """Minutes with user requests: parallel arrays of minute (since 1970), n, errors_5xx and denied (401, 403)."""

    minute: NDArray[np.int64]
    n: NDArray[np.int64]
    errors_5xx: NDArray[np.int64]
    denied: NDArray[np.int64]


#: Buckets of a histogram grow by 2 %: bucket b holds 1.02^(b-1) < ns <= 1.02^b (`sql/staging/timed.sql`).
BUCKET_GROWTH = 1.02

#: The name of all that are too rare to be looked at by themselves.
OTHERS = "(others)"

#: A revision's time is cut into so many parts.
PARTS = 8


@dataclass(frozen=True)
class Times:
    """How long one thing took in the steady phase: a histogram by part of the revision's time.

    bucket, part, n: int arrays of one length, in order of part and bucket. design: how many entries weigh as one, for
    those of one minute are alike.
    """

    bucket: NDArray[np.int64]
    part: NDArray[np.int64]
    n: NDArray[np.int64]
    design: DesignEffect = INDEPENDENT

    @property
    def total(self) -> int:
        """How many entries it holds."""
        return int(self.n.sum())

    def within(self, first: int, last: int) -> "Times":
        """Return the entries of some parts, both ends included."""
        rows = (self.part >= first) & (self.part <= last)
        return Times(self.bucket[rows], self.part[rows], self.n[rows], self.design)


def weighted(
    times: Mapping[str, Times], weights: Mapping[str, float] | None = None, *, design: DesignEffect = INDEPENDENT
) -> Weighted:
    """Return histograms as one sample in ms, each entry of a histogram counted `weights` times (1 if not given).

    Unequal weights cost precision: n_effective is Kish's (sum w)^2 / sum w^2, divided by the design effect, which is
    the histogram's own where there is one, and that of all together where there are several.
    """
    if len(times) == 1:
        design = next(iter(times.values())).design
    factor = {name: 1.0 if weights is None else weights[name] for name in times}
    buckets = (
        np.concatenate([histogram.bucket for histogram in times.values()]) if times else np.array([], dtype=np.int64)
    )
    counts = (
        np.concatenate([histogram.n * factor[name] for name, histogram in times.items()]) if times else np.array([])
    )
    values, where = np.unique(buckets, return_inverse=True)
    kish = sum(histogram.total * factor[name] for name, histogram in times.items()) ** 2
    squares = sum(histogram.total * factor[name] ** 2 for name, histogram in times.items())
    return Weighted(
        values=2 * BUCKET_GROWTH**values / (1 + BUCKET_GROWTH) / 1e6,
        counts=np.bincount(where, weights=counts, minlength=len(values)).astype(np.float64),
        n_effective=kish / squares / design.value if squares else 0.0,
        df=design.df,
    )


@dataclass(frozen=True)
class EndpointCounts:
    """Eligible requests of one endpoint, the failed and the denied (401, 403) among them."""

    n: int = 0
    errors_5xx: int = 0
    denied: int = 0


@dataclass(frozen=True)
class EventTotal:
    """How often an event happened, each occurrence once, and its usual outcome."""

    n: int
    outcome: str = field(metadata={"merge": "last"})


@dataclass(frozen=True)
class SignatureRow:
    """A signature in both samples; the phase is that of most of its lines.

    minutes, slots: in how many minutes, and ten seconds, of the revision it stands.
    """

    signature: str
    level: str
    event: str
    outcome: str
    startup: bool
    n: int
    baseline_n: int
    minutes: int = 1
    slots: int = 1
    first: str | None = None
    evidence: tuple[Evidence, ...] = ()


def is_grave(level: str, event: str | None) -> bool:
    """Return whether lines of a level and event are tracebacks or CRITICAL: rare in a service that is well."""
    trace = (event or "").rpartition(".")[2] in ("traceback", "exception", "unhandled_error", "panic")
    return trace or level in LEVELS[LEVELS.index("CRITICAL") :]


@dataclass(frozen=True)
class SteadyLine:
    """A line below WARNING that the baseline had often: how often, in how many minutes, and how often it is here."""

    signature: str
    event: str
    baseline_n: int
    baseline_minutes: int
    n: int


@dataclass(frozen=True)
class Signatures:
    """Signatures that matter (WARNING and above without an event, or of a failed event) and differ from the baseline.

    new: not in the baseline; both: in both, more often here; gone: only in the baseline. fresh: new ones of any level,
    with their count. wordings: event to a line of it in the baseline. grave_before: whether the baseline had a
    traceback or a CRITICAL line. steady: of a baseline of the hours just before. Each holds the first 1,000 by severity
    and count.
    """

    new: tuple[SignatureRow, ...] = ()
    both: tuple[SignatureRow, ...] = ()
    gone: tuple[SignatureRow, ...] = ()
    fresh: tuple[tuple[str, int], ...] = ()
    wordings: Mapping[str, str] = field(default_factory=dict)
    grave_before: bool = True
    steady: tuple[SteadyLine, ...] = ()

    def without(self, excused: Callable[[SignatureRow], bool]) -> "Signatures":
        """Return the signatures but for the rows that are excused."""
        new, both, gone = (tuple(row for row in rows if not excused(row)) for rows in (self.new, self.both, self.gone))
        return replace(self, new=new, both=both, gone=gone)


@dataclass(frozen=True)
class Instances:
    """The instances of a revision: starts by reason, and from being scaled to the probe's success in ms, each."""

    n: int = 0
    starts_by_reason: Mapping[str, int] = field(default_factory=dict)
    start_up_ms: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Profile:
    """What of a revision adds up over runs. Times in ns since 1970.

    A field goes to history and back by its type, and is added up over runs by its type too (`assess/profiles.py`);
    metadata `merge` names what is done instead: `min`, `max`, `last`, or `none`: of several runs there is no value.

    times: by kind (endpoint, socket, event, line) and name. events: by name. starts: instances that were seen to start;
    starts_by_run: those of each run with its minutes. volume_by_run: first and last ns of each run's service, and its
    user requests. design_effects: how many entries of one time weigh as one, of `errors`, `denied`, the times of a
    `KIND without trend`, requests that `ended GROUP ENDPOINT`, and those `above QUANTILE ENDPOINT`. statuses: by
    endpoint, caller and status. clients: by endpoint ("" for all) and status (0 for all). latency: of `all`, `eligible`
    and `health` requests, and of each endpoint. bodies: answers by endpoint and size (`sql/measures/bodies.sql`).
    executions: a job's revision is an execution of it, which is the only one here.
    """

    revision: str = field(metadata={"merge": "last"})
    origin: Literal["window", "stretch", "history"] = field(default="window", metadata={"merge": "last"})
    runs: int = 1
    entries: int = 0
    parsed: int = 0
    explained: int = 0
    first_ns: int | None = field(default=None, metadata={"merge": "min"})
    last_ns: int | None = field(default=None, metadata={"merge": "max"})
    starts: int = 0
    starts_by_run: tuple[tuple[int, float], ...] = ()
    volume_by_run: tuple[tuple[int, int, int], ...] = ()
    severities: frozenset[str]
    requests: RequestCounts
    design_effects: Mapping[str, DesignEffect] = field(default_factory=dict)
    endpoints: Mapping[str, EndpointCounts] = field(default_factory=dict)
    statuses: Mapping[str, Mapping[str, Mapping[int, int]]] = field(default_factory=dict)
    clients: Mapping[str, Mapping[int, Clients]] = field(default_factory=dict)
    bodies: Mapping[str, Mapping[int, int]] = field(default_factory=dict)
    latency: Mapping[str, Latency] = field(default_factory=dict, metadata={"merge": "none"})
    times: Mapping[tuple[str, str], Times] = field(default_factory=dict)
    events: Mapping[str, EventTotal] = field(default_factory=dict)
    codes: Mapping[tuple[str, int], int] = field(default_factory=dict)
    instances: Instances = field(default_factory=Instances)
    executions: tuple[Execution, ...] = ()

    @property
    def minutes_long(self) -> float:
        """Minutes from the first to the last entry."""
        return minutes_long(self.first_ns, self.last_ns)

    @property
    def explained_ratio(self) -> float | None:
        """The share of parsed entries that an event explains; None where there is none."""
        return self.explained / self.parsed if self.parsed else None

    def of_kind(self, kind: str, names: Collection[str] | None = None) -> dict[str, Times]:
        """Return the histograms of a kind by name, in order of the names."""
        times = {name: histogram for (its, name), histogram in self.times.items() if its == kind}
        return {name: times[name] for name in sorted(times) if names is None or name in names}


@dataclass(frozen=True, kw_only=True)
class RevisionData(Profile):
    """A revision to judge: its profile, what its service shows of the evidence, and the profile of its baseline.

    minutes, occurrences: what happened when; peers: its instances; steps: latency by minute, by endpoint ("" for all);
    probes: failed ones by kind; pooled: the baseline and runs that passed; endpoint_minutes: of the endpoints that
    contracts name. service_minutes: of all revisions; service_settled_ns: to when the service writes, stray lines
    left out. shared_minutes: in which the baseline served users too; baseline_minutes: those of it with each event.
    baseline_calls: by endpoint and caller the seconds of its calls, to ten. traffic_ratio: the revision's share of the
    service's requests since its first. outlived_ns: an older revision had requests that long after the revision's last.
    deployed: None where the window is not live, or the revision to judge was named. answered_before: requests that it
    answered before the window, in the lookback. planned_end_ns: of a window that is not over, when it will be.
    refused_deploys: audit entries of the service. siblings: the other executions of the job in the window, earlier:
    those of the lookback; seen_until_ns: to when these are complete. crosscheck: what other APIs know. passed_over: a
    newer revision that is not the baseline, for it fails itself.
    """

    workload: Workload = "service"
    service: str
    asked_start_ns: int | None
    asked_end_ns: int | None
    service_first_ns: int | None
    service_last_ns: int | None
    service_max_gap_ns: int | None
    service_settled_ns: int | None = None
    service_minutes: Minutes | None = None
    service_entries: int
    service_below_notice: int
    incomplete: tuple[str, ...]
    unexplained_errors: int
    occurrences: Occurrences
    minutes: Minutes
    peers: tuple[Peer, ...] = ()
    steps: Mapping[str, LatencySteps] = field(default_factory=dict)
    probes: Mapping[str, int] = field(default_factory=dict)
    endpoint_minutes: Mapping[str, Minutes] = field(default_factory=dict)
    fastest_three_exits_ns: int | None
    closes: tuple[Closes, ...]
    readiness_ages_ns: NDArray[np.float64]
    leaks: Mapping[str, int] = field(default_factory=dict)
    evidence: Mapping[str, tuple[tuple[int, Evidence], ...]] = field(default_factory=dict)
    ages: Mapping[str, Ages] = field(default_factory=dict)
    baseline: Profile | None = None
    pooled: Profile | None = None
    shared_minutes: int = 0
    baseline_minutes: Mapping[str, int] = field(default_factory=dict)
    baseline_calls: Mapping[tuple[str, str], tuple[int, ...]] = field(default_factory=dict)
    signatures: Signatures = field(default_factory=Signatures)
    deployed_ns: int | None = None
    ready_ns: int | None = None
    ready_ms: float | None = None
    first_request_ns: int | None = None
    traffic_ratio: float | None = None
    outlived_ns: int | None = None
    deployed: Deployed | None = None
    crosscheck: Crosscheck = field(default_factory=Crosscheck)
    passed_over: str | None = None
    answered_before: int = 0
    planned_end_ns: int | None = None
    refused_deploys: tuple[Evidence, ...] = ()
    siblings: tuple[Execution, ...] = ()
    earlier: tuple[Execution, ...] = ()
    seen_until_ns: int | None = None
    tests: TestResults | None = None

    @property
    def serves(self) -> bool:
        """Whether it answered a request, in the window or before it."""
        return self.requests.answered + self.answered_before > 0

    @property
    def synthetic_only(self) -> bool:
        """Whether no user was there, so that uptime checks stand for them."""
        return not self.requests.eligible and self.requests.synthetic > 0

    @property
    def filtered(self) -> bool:
        """Whether the export was filtered by severity: nothing below NOTICE is there."""
        return self.service_entries > 0 and self.service_below_notice == 0

    def shows(self, level: str) -> bool:
        """Whether lines of a level would be seen: something at it or below was logged, here or in the baseline."""
        seen = self.severities | (self.baseline.severities if self.baseline else frozenset())
        if "DEFAULT" in seen and level != "DEBUG":
            return True
        return any(name in seen for name in LEVELS[: LEVELS.index(level) + 1])

    def proof(self, *topics: str) -> list[Evidence]:
        """Return the first five entries of the topics by time, log and insert id."""
        entries = {entry for topic in topics for entry in self.evidence.get(topic, ())}
        order = sorted(entries, key=lambda e: (e[0], e[1].log_name or "", e[1].insert_id or "", e[1].excerpt))
        return [entry for _, entry in order[:5]]
