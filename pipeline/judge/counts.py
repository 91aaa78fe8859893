"""What the judge knows of events, clients, instances, slow minutes and executions: plain numbers of a revision."""

from collections.abc import Collection
from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.judge.power import binomial_design_effect

#: A step of latency holds so many buckets of a histogram: a factor of 1.02^20 = 1.49.
BUCKETS_PER_STEP = 20


@dataclass(frozen=True)
class Occurrences:
    """Events by minute, as parallel arrays of one length.

    event, outcome: str; code: int, -1 where none; minute: minutes since 1970; n: occurrences as the event counts them;
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

    def where(self, mask: NDArray[np.bool_]) -> "Occurrences":
        """Return the rows of a mask."""
        return Occurrences(**{name: column[mask] for name, column in vars(self).items()})

    def of(self, *causes: str) -> "Occurrences":
        """Return the rows of these causes: events and what echoes them."""
        return self.where(_among(self.cause, causes))

    def ended(self, *outcomes: str) -> NDArray[np.bool_]:
        """Return which rows have one of these outcomes."""
        return _among(self.outcome, outcomes)

    @property
    def count(self) -> int:
        """How often it happened, each occurrence once."""
        return int(self.counted.sum())

    @property
    def topics(self) -> list[str]:
        """The topics under which `RevisionData.evidence` has these; of an echo's only where nothing else told."""
        told = set(self.cause[self.event == self.cause])
        rows = zip(self.event, self.cause, self.code, strict=True)
        kinds = {(event, code) for event, cause, code in rows if event == cause or cause not in told}
        return sorted(f"event/{event}/{code if code >= 0 else ''}" for event, code in kinds)


def _among(texts: NDArray[np.str_], names: Collection[str]) -> NDArray[np.bool_]:
    """Which texts are one of a few names. numpy's own `isin` and `unique` first load all of its masked arrays."""
    return reduce(or_, (texts == name for name in names), np.zeros(len(texts), dtype=bool))


@dataclass(frozen=True)
class Clients:
    """How many clients there were, and the requests of the one with the most; added up over runs, `n` is too many."""

    n: int = 0
    most: int = field(default=0, metadata={"merge": "max"})


@dataclass(frozen=True)
class Closes:
    """WebSocket closes of one code; `limited`: those whose reason states a rate or connection limit."""

    code: int
    n: int
    limited: int


@dataclass(frozen=True)
class Peer:
    """One instance: its user requests, and the mean and variance of the buckets of `n_steady` latencies.

    n, errors_5xx: on endpoints that others served too; usual_5xx: the others' share of failures at the same mix of
    endpoints, None for that of all. mean: at the mix of all.
    """

    instance: str
    n: int
    errors_5xx: int
    n_steady: int
    mean: float
    variance: float
    usual_5xx: float | None = None


@dataclass(frozen=True)
class LatencySteps:
    """Requests by minute (since 1970) and step of latency: arrays of one length, n in requests."""

    minute: NDArray[np.int64]
    step: NDArray[np.int64]
    n: NDArray[np.int64]

    def design_effect(self, bucket: int) -> float:
        """Return the design effect of the share of requests above a bucket, to the nearest step, at least 1."""
        if not len(self.minute):
            return 1.0
        minute, where = np.unique(self.minute, return_inverse=True)
        at = minute - minute[0]
        size = int(at[-1]) + 1 if at[-1] < 1_000_000 else len(minute)
        index = at[where] if size == int(at[-1]) + 1 else where
        slow = self.step >= round(bucket / BUCKETS_PER_STEP)
        requests = np.bincount(index, weights=self.n, minlength=size)
        return binomial_design_effect(np.bincount(index, weights=self.n * slow, minlength=size), requests)


@dataclass(frozen=True)
class Ages:
    """How long after their instance's start lines of an event came, in s: NaN where the start is not known."""

    age_s: NDArray[np.float64]
    lines: NDArray[np.int64]


#: How an execution of a job ended; unknown: no entry says so, or it is still running.
Ending = Literal["succeeded", "failed", "cancelled", "unknown"]


@dataclass(frozen=True)
class Execution:
    """One execution of a job. Times in ns since 1970, None where no entry has one.

    tasks: those that the entries show, or that the audit log counts; failed_tasks: whose last attempt failed;
    retried_tasks: that needed more than one attempt. attempts_failed, timeouts, memory_kills, aborted_starts: attempts.
    lines: entries of its containers. used_mib: of the attempt with the most memory that was ended for it, in MiB.
    """

    name: str
    started_ns: int | None = None
    ended_ns: int | None = None
    ending: Ending = "unknown"
    tasks: int = 0
    failed_tasks: int = 0
    retried_tasks: int = 0
    attempts_failed: int = 0
    timeouts: int = 0
    memory_kills: int = 0
    aborted_starts: int = 0
    lines: int = 0
    used_mib: int | None = None

    @property
    def duration_s(self) -> float | None:
        """Seconds from its start to its end, None where one of them is not known."""
        if self.started_ns is None or self.ended_ns is None:
            return None
        return (self.ended_ns - self.started_ns) / 1e9
