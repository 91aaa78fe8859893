"""What the judge knows of clients, instances, slow minutes and executions: plain numbers of a revision."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.judge.power import binomial_design_effect

#: A step of latency holds so many buckets of a histogram: a factor of 1.02^20 = 1.49.
BUCKETS_PER_STEP = 20


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
    """One instance: its user requests, and the mean and variance of the buckets of `n_steady` latencies."""

    instance: str
    n: int
    errors_5xx: int
    n_steady: int
    mean: float
    variance: float


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
