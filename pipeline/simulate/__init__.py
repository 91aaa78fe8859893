"""Invented Cloud Run logs: windows with a deployment that went well, or went wrong in a known way."""

import json
import os
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pipeline.errors import StoreError, UsageError
from pipeline.simulate.deployment import App, Deployment
from pipeline.simulate.frameworks import FLASK, GO, NEXT
from pipeline.simulate.shop import SHOP
from pipeline.simulate.stream import NO_FAULTS, SECOND_US, Faults, Stream

__all__ = ["SCENARIOS", "simulate", "write"]

START = datetime(2026, 1, 15, 9, tzinfo=UTC)


@dataclass(frozen=True)
class Scenario:
    """A service, what is wrong with its new revision, and what a careful engineer would say."""

    shows: str
    app: App = SHOP
    faults: Faults = NO_FAULTS


_SCENARIOS = {
    "healthy": Scenario("A deployment that went well, with the CRITICAL but routine lines of its auth chain: PASS."),
    "crash-loop": Scenario(
        "The new revision's worker fails to boot every 7 s although its probes succeed; the old one serves on: FAIL.",
        faults=Faults(gets_traffic=False, boots=False),
    ),
    "auth-outage": Scenario(
        "The new revision cannot reach its auth service for half of its time and answers 503, /health stays 200: FAIL.",
        faults=Faults(auth_down=(0.3, 0.8)),
    ),
    "slow-database": Scenario(
        "The new revision's database and API take three times as long and some user lookups fail: FAIL.",
        faults=Faults(latency_factor=3.0, failed_lookup_every=30),
    ),
    "rejected-handshakes": Scenario(
        "The new revision answers every WebSocket handshake of many clients with 403, all else works: FAIL.",
        faults=Faults(rejects_handshakes=True),
    ),
    "memory-kill": Scenario(
        "The new revision's instances exceed their memory limit and are killed with calls in flight: FAIL.",
        faults=Faults(killed_after_s=100),
    ),
    "no-traffic": Scenario(
        "The new revision starts well and gets no request, the old one keeps serving: INCONCLUSIVE.",
        faults=Faults(gets_traffic=False),
    ),
    "flask-errors": Scenario(
        "A Flask service whose new revision answers one API request in 25 with 500 and a traceback: FAIL.",
        FLASK,
        Faults(failed_request_every=25),
    ),
    "next-errors": Scenario(
        "A Next.js service whose new revision answers one page or API request in 25 with 500 and a stack: FAIL.",
        NEXT,
        Faults(failed_request_every=25),
    ),
    "go-errors": Scenario(
        "A Go service whose new revision answers one API request in 25 with 500 and a recovered panic: FAIL.",
        GO,
        Faults(failed_request_every=25),
    ),
}

SCENARIOS: dict[str, str] = {name: scenario.shows for name, scenario in _SCENARIOS.items()}


def simulate(
    scenario: str,
    *,
    seed: int = 0,
    start: datetime = START,
    minutes: float = 15,
    requests_per_minute: float = 40,
) -> Iterator[dict[str, Any]]:
    """Return the LogEntry objects (REST JSON form) of a window, in the order of receiveTimestamp.

    The window is [start, start + minutes): what is received later, such as the row of a call that is still
    running at its end, is not there. The deploy is at 40 % of it. `requests_per_minute` counts calls of clients;
    uptime checks (6 a minute) come on top. Equal arguments give equal entries.

    Raises:
        UsageError: the scenario is unknown, `start` has no time zone, or a number is not usable.
    """
    chosen = _SCENARIOS.get(scenario)
    if chosen is None:
        raise UsageError(f"unknown scenario {scenario!r}; known: {', '.join(SCENARIOS)}")
    if start.tzinfo is None:
        raise UsageError("start needs a time zone")
    if not 0 < minutes < float("inf"):
        raise UsageError(f"minutes must be above 0, not {minutes}")
    if not 0 <= requests_per_minute < float("inf"):
        raise UsageError(f"requests per minute must be 0 or more, not {requests_per_minute}")
    start_us = (start - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    rng = random.Random(f"{scenario} {seed}")  # noqa: S311 - invented data, nothing is secret
    stream = Stream(rng, start_us, start_us + int(minutes * 60 * SECOND_US))
    Deployment(stream, chosen.app, chosen.faults, requests_per_minute).schedule()
    return stream.run()


def write(entries: Iterable[dict[str, Any]], path: str | Path) -> int:
    """Write entries as NDJSON, one compact object a line, and return how many; the file appears whole or not at all.

    Raises:
        StoreError: the file cannot be written.
    """
    target = Path(path)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
    count = 0
    try:
        with temporary.open("w", buffering=1 << 20, encoding="utf-8", newline="\n") as file:
            for count, entry in enumerate(entries, 1):  # noqa: B007 - the last count is the result
                file.write(encode(entry) + "\n")
        temporary.replace(target)
    except OSError as error:
        raise StoreError(str(target), error.strerror or str(error)) from error
    finally:
        temporary.unlink(missing_ok=True)
    return count
