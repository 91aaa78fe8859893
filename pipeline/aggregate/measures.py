"""Events to measures: every file of `sql/measures` is one question, its rows one frame of the same name."""

from dataclasses import dataclass, fields
from typing import Protocol

import polars as pl


class Engine(Protocol):
    """Where measures are computed: DuckDB over slices, or BigQuery."""

    def measure(self, name: str) -> pl.DataFrame:
        """Return the rows of one measure."""
        ...


@dataclass(frozen=True)
class Measures:
    """One frame per file of `sql/measures`; the file's header has its question, grain and units."""

    revisions: pl.DataFrame
    inputs: pl.DataFrame
    requests: pl.DataFrame
    latency: pl.DataFrame
    durations: pl.DataFrame
    events: pl.DataFrame
    signatures: pl.DataFrame
    histograms: pl.DataFrame
    slots: pl.DataFrame
    minutes: pl.DataFrame
    pace: pl.DataFrame
    ended: pl.DataFrame
    statuses: pl.DataFrame
    clients: pl.DataFrame
    bodies: pl.DataFrame
    tails: pl.DataFrame
    peers: pl.DataFrame
    probes: pl.DataFrame
    executions: pl.DataFrame
    instances: pl.DataFrame
    ages: pl.DataFrame
    exits: pl.DataFrame
    closes: pl.DataFrame
    readiness: pl.DataFrame
    gaps: pl.DataFrame
    leaks: pl.DataFrame
    evidence: pl.DataFrame


def measure(engine: Engine) -> Measures:
    """Return all measures of the events that the engine holds."""
    return Measures(**{field.name: engine.measure(field.name) for field in fields(Measures)})
