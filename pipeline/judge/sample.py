"""What the judge knows of a revision: numbers and arrays, no frames, no files."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pipeline.judge.model import Evidence

#: Severities in rising order; DEFAULT is what a line without one has, and such lines are seen like INFO.
LEVELS = ("DEBUG", "INFO", "NOTICE", "WARNING", "ERROR", "CRITICAL", "ALERT", "EMERGENCY")


@dataclass(frozen=True)
class Happenings:
    """Events by minute, as parallel arrays of one length.

    event, outcome: str; code: int, -1 where none; minute: minutes since 1970; n: happenings as the event tells them;
    counted: as its cause counts them, each once; lines: entries; first_ns, last_ns: ns since 1970.
    """

    event: NDArray[np.str_]
    cause: NDArray[np.str_]
    outcome: NDArray[np.str_]
    code: NDArray[np.int64]
    minute: NDArray[np.int64]
    n: NDArray[np.int64]
    counted: NDArray[np.int64]
    lines: NDArray[np.int64]
    first_ns: NDArray[np.int64]
    last_ns: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.event)

    def where(self, mask: NDArray[np.bool_]) -> "Happenings":
        """Return the rows of a mask."""
        return Happenings(**{name: column[mask] for name, column in vars(self).items()})

    def of(self, *causes: str) -> "Happenings":
        """Return the rows of these causes: events and what echoes them."""
        return self.where(np.isin(self.cause, causes))

    @property
    def count(self) -> int:
        """How often it happened, each happening once."""
        return int(self.counted.sum())

    @property
    def topics(self) -> list[str]:
        """The topics under which `Sample.evidence` has these events."""
        pairs = zip(self.event, self.code, strict=True)
        return sorted({f"event/{event}/{code if code >= 0 else ''}" for event, code in pairs})


@dataclass(frozen=True)
class RequestCounts:
    """Request rows of a revision; *_ns in nanoseconds. `sql/measures/requests.sql` says what each counts."""

    n: int = 0
    errors_5xx: int = 0
    eligible: int = 0
    eligible_5xx: int = 0
    eligible_denied: int = 0
    health: int = 0
    health_5xx: int = 0
    handshakes: int = 0
    upgraded: int = 0
    handshakes_rejected: int = 0
    handshake_clients: int = 0
    scans: int = 0
    fastest_three_5xx_ns: int | None = None


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
    """Minutes with requests of users: parallel arrays of minute (since 1970), n, errors_5xx and denied (401, 403)."""

    minute: NDArray[np.int64]
    n: NDArray[np.int64]
    errors_5xx: NDArray[np.int64]
    denied: NDArray[np.int64]


@dataclass(frozen=True)
class Closes:
    """WebSocket closes of one code; `limited`: those whose reason states a rate or connection limit."""

    code: int
    n: int
    limited: int


@dataclass(frozen=True)
class Sample:
    """A revision's measures, and of its service what says how far they can be trusted. Times in ns since 1970."""

    service: str
    revision: str
    asked_start_ns: int | None
    asked_end_ns: int | None
    service_first_ns: int | None
    service_last_ns: int | None
    service_max_gap_ns: int | None
    service_entries: int
    service_below_notice: int
    cut_sources: tuple[str, ...]
    severities: frozenset[str]
    unexplained_errors: int
    requests: RequestCounts
    latency: Mapping[str, Latency]
    happenings: Happenings
    minutes: Minutes
    fastest_three_exits_ns: int | None
    closes: tuple[Closes, ...]
    readiness_ages_ns: NDArray[np.float64]
    leaks: Mapping[str, int] = field(default_factory=dict)
    evidence: Mapping[str, tuple[tuple[int, Evidence], ...]] = field(default_factory=dict)

    @property
    def filtered(self) -> bool:
        """Whether the sample was filtered by severity: nothing below NOTICE is there."""
        return self.service_entries > 0 and self.service_below_notice == 0

    def shows(self, level: str) -> bool:
        """Whether lines of a level would be seen: something at it or below was logged."""
        if "DEFAULT" in self.severities and level != "DEBUG":
            return True
        return any(name in self.severities for name in LEVELS[: LEVELS.index(level) + 1])

    def proof(self, *topics: str) -> list[Evidence]:
        """Return the first five entries of the topics by time, log and insert id."""
        found = {entry for topic in topics for entry in self.evidence.get(topic, ())}
        order = sorted(found, key=lambda e: (e[0], e[1].log_name or "", e[1].insert_id or "", e[1].excerpt))
        return [entry for _, entry in order[:5]]
