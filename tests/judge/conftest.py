"""Samples to judge: a healthy service, and what a test changes of it."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.judge.counts import Occurrences
from pipeline.judge.decide import judge
from pipeline.judge.model import Evidence
from pipeline.judge.policy import load
from pipeline.judge.revision_data import Latency, Minutes, Profile, RequestCounts, RevisionData

MINUTE_NS = 60 * 10**9
START_NS = 1_768_467_600 * 10**9  # 2026-01-15T09:00:00Z


def occurrences(*rows):
    """Events as the judge sees them, from (event, minute, n) or (event, minute, n, outcome, code) each."""
    full = [(*row, "failure", -1)[:5] if len(row) == 3 else row for row in rows]
    columns = list(zip(*full, strict=True)) if full else [[], [], [], [], []]
    event, minute, n, outcome, code = columns
    minute = np.array(minute, dtype=np.int64) + START_NS // MINUTE_NS
    n = np.array(n, dtype=np.int64)
    texts = np.array(event, dtype=str)
    return Occurrences(
        event=texts,
        cause=texts,
        outcome=np.array(outcome, dtype=str),
        code=np.array(code, dtype=np.int64),
        minute=minute,
        n=n,
        counted=n,
        lines=n,
        first_ns=minute * MINUTE_NS,
        last_ns=minute * MINUTE_NS + 1,
    )


def minutes(*rows):
    """Minutes with requests, from (minute, n, errors_5xx) or (minute, n, errors_5xx, denied) each."""
    full = [(*row, 0)[:4] for row in rows]
    columns = zip(*full, strict=True) if full else [[], [], [], []]
    return Minutes(*(np.array(column, dtype=np.int64) for column in columns))


@pytest.fixture
def policy():
    """The default policy."""
    return load()


def a_healthy_sample():
    """An hour of a service with 1,000 good requests."""
    return RevisionData(
        service="shop-api",
        revision="shop-api-00042-abc",
        asked_start_ns=None,
        asked_end_ns=None,
        service_first_ns=START_NS,
        service_last_ns=START_NS + 60 * MINUTE_NS,
        service_max_gap_ns=MINUTE_NS,
        service_settled_ns=START_NS + 60 * MINUTE_NS,
        service_entries=5000,
        service_below_notice=4900,
        incomplete=(),
        severities=frozenset({"DEFAULT", "INFO", "WARNING"}),
        unexplained_errors=0,
        requests=RequestCounts(n=1100, eligible=1000, health=100),
        latency={"health": Latency(100, 2.0, 5.0, 8.0, 9.0)},
        occurrences=occurrences(),
        minutes=minutes(),
        fastest_three_exits_ns=None,
        closes=(),
        readiness_ages_ns=np.array([], dtype=np.float64),
    )


@pytest.fixture
def healthy():
    """The healthy sample; `healthy(field=value)` changes it."""
    return lambda **changes: replace(a_healthy_sample(), **changes)


@pytest.fixture
def entry():
    """A piece of evidence at a second after the start."""

    def make(second, text="line"):
        stamp = f"2026-01-15T09:00:{second:02d}Z"
        found = Evidence(timestamp=stamp, insert_id=f"id{second}", log_name="stderr", excerpt=text, url=None)
        return START_NS + second * 10**9, found

    return make


def profile(**more):
    """The hour before, of the revision before: as healthy."""
    whole = {
        "revision": "shop-api-00041-old",
        "entries": 5000,
        "parsed": 5000,
        "explained": 5000,
        "first_ns": START_NS - 60 * MINUTE_NS,
        "last_ns": START_NS,
        "severities": frozenset({"DEFAULT", "INFO", "WARNING"}),
        "requests": RequestCounts(n=1100, eligible=1000),
    }
    return Profile(**{**whole, **more})


@pytest.fixture
def pair(healthy):
    """A healthy sample beside a baseline; changes of the sample, and of the baseline in `base`."""

    def make(base=None, **changes):
        return healthy(baseline=profile(**(base or {})), **changes)

    return make


def judged(data, policy, check):
    """One check of a sample."""
    return next(one for one in judge(data, policy).checks if one.id == check)
