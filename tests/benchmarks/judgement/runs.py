"""One run of a scenario: draw or simulate its window, judge it, and ask the rivals."""

import json
import os
import tempfile
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import polars as pl

from parsers.model import load as load_catalogue
from pipeline import run
from pipeline.judge.policy import load as load_policy
from pipeline.schema import CONTENT, EVENTS, polars_schema
from pipeline.simulate import START, write
from pipeline.simulate.deployment import Deployment
from pipeline.simulate.stream import SECOND_US, Stream
from pipeline.sources.base import Request, open_sources
from pipeline.stores.local import LocalStore
from pipeline.window import Window
from tests.benchmarks.judgement import traffic
from tests.benchmarks.judgement.rivals import RIVALS, Observed
from tests.benchmarks.judgement.scenarios import SCENARIOS, Drawn, Scenario, Simulated
from tests.benchmarks.judgement.styles import STYLES

#: What is left of an export that is filtered by severity.
SHOWN = ("WARNING", "ERROR", "CRITICAL", "ALERT", "EMERGENCY")

#: Columns of events that the rivals look at.
_SEEN = ["revision", "severity", "timestamp_ns", "http_status", "http_latency_ms"]


@dataclass(frozen=True)
class Result:
    """What a run gave. flagged: the checks that decided or warned, each with its status and reason."""

    scenario: str
    seed: int
    verdict: str
    flagged: dict[str, str] = field(default_factory=dict)
    rivals: dict[str, str] = field(default_factory=dict)

    def right(self, scenario: Scenario) -> bool:
        """Whether the verdict is one that is wanted, and one of the checks that should notice did."""
        noticed = not scenario.checks or any(check in self.flagged for check in scenario.checks)
        return self.verdict in scenario.want and noticed


@cache
def _rules() -> tuple[Any, Any]:
    return load_catalogue(), load_policy()


def once(name: str, seed: int) -> Result:
    """Run the scenario of that name with a seed."""
    scenario = next(one for one in SCENARIOS if one.name == name)
    with tempfile.TemporaryDirectory(prefix="runverdict-judgement-") as folder:
        store = Path(folder, "store")
        source, dice = scenario.source, f"{scenario.name} {seed}"
        if isinstance(source, Drawn):
            _drawn(source, dice, LocalStore(store))
            sources, window = [], Window()  # the store has the entries already
        else:
            sources, window = _simulated(source, dice, Path(folder))
        catalogue, policy = _rules()
        found = run.check(run.Job(open_sources(sources), catalogue, policy, Request(window)), LocalStore(store))
        flagged = {
            check.id: f"{check.status} {check.reason}"
            for _, verdict in found.verdicts
            for check in verdict.checks
            if check.status in ("WARN", "FAIL") or (check.status == "INCONCLUSIVE" and policy[check.id].required)
        }
        # The rivals are asked about the newest revision, beside the one before.
        targets = [assessment.target for assessment in found.assessments]
        new, old = (targets[0].revision, next(iter(targets[0].older), None)) if targets else (None, None)
        slices = [pl.read_parquet(path, columns=_SEEN) for path in LocalStore(store).slices("events")]
        events = pl.concat(slices) if slices else polars_schema(EVENTS).to_frame().select(_SEEN)
        seen = Observed(events, new, old)
        rivals = {name: judge(seen) for name, judge in RIVALS.items()}
        return Result(scenario.name, seed, found.verdict, flagged, rivals)


def without_output() -> None:
    """Keep what libraries print in a worker, such as progress bars, out of the table."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _drawn(source: Drawn, dice: str, store: LocalStore) -> None:
    rows = traffic.window(dice, source.old, source.new, beside=source.beside)
    if source.filtered:
        rows = rows.filter(pl.col("severity").is_in(SHOWN))
    store.write("entries", "00000000", rows.with_columns(pl.lit(None, pl.String).alias(CONTENT)))


def _simulated(source: Simulated, dice: str, folder: Path) -> tuple[list[str], Window]:
    start_us = traffic.START_NS // 1000
    stream = Stream(Random(dice), start_us, start_us + int(source.minutes * 60 * SECOND_US))
    Deployment(stream, source.app, source.faults, source.per_minute).schedule()
    stream.end_us = start_us + int(source.until * source.minutes * 60 * SECOND_US)
    style = STYLES[source.style]
    entries = [style.entry(entry) for entry in stream.run()] if not source.empty else []
    if source.filtered:
        entries = [entry for entry in entries if entry.get("severity") in SHOWN]
    path = folder / "logs.json"
    if source.order == "ascending":
        write(entries, path)
    else:
        entries.sort(key=lambda entry: str(entry["timestamp"]), reverse=True)
        path.write_text(json.dumps(entries, indent=2, ensure_ascii=False), encoding="utf-8")
    if source.cut:
        path.write_bytes(path.read_bytes()[: -source.cut])
    return [str(path)], Window(start=START - timedelta(seconds=source.since_s)) if source.since_s else Window()
