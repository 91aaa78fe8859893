"""Measures to the judge's samples, and checks to verdict documents: frames on one side, models on the other."""

import math
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import polars as pl

from pipeline.judge.decide import decide, judge
from pipeline.judge.model import (
    CodeCount,
    Endpoint,
    EventCount,
    Evidence,
    Inputs,
    Percentiles,
    Requests,
    SignatureCount,
    Timed,
    Tool,
    Verdict,
    WindowFacts,
)
from pipeline.judge.policy import Policy
from pipeline.judge.sample import Closes, ErrorMinutes, Happenings, Latency, RequestCounts, Sample
from pipeline.judge.stats import clopper_pearson
from pipeline.measure import Measures
from pipeline.report.text import shown
from pipeline.schema import IDENTITY
from pipeline.targets import Target
from pipeline.window import Window, nanoseconds, rfc3339, rfc3339_ns

#: A verdict lists this many unexplained signatures, the most severe and most frequent first; the rest is counted.
MAX_SIGNATURES = 500

_NO_CODE = -1


@dataclass(frozen=True)
class Context:
    """What is the same for all verdicts of a run. settle_s: how long after its end a window is complete, in s.

    requests_until_ns: requests that started later are left out of rates and latencies, for some may still run.
    listed: services gave the window to its end, so that a silent start is silence, and not an export that was cut.
    """

    tool: Tool
    policy: Policy
    window: Window
    now_ns: int | None
    settle_s: float
    requests_until_ns: int | None = None
    listed: bool = False
    cut_sources: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())


def verdict(measures: Measures, target: Target, context: Context) -> Verdict:
    """Return the verdict on one revision."""
    view = _View(measures, target)
    sample = view.sample(context)
    checks = judge(sample, context.policy)
    decision = decide(checks, context.policy)
    headline = decision.headline
    if target.served_by:
        headline += f"; {target.served_by} served the requests"
    window, notes = _window(sample, context)
    signatures, left_out = view.signatures()
    return Verdict(
        tool=context.tool,
        service=target.service,
        revision=target.revision,
        location=target.location,
        baseline=None,
        verdict=decision.verdict,
        risk=decision.risk,
        headline=headline,
        notes=notes,
        window=window,
        inputs=view.inputs(of_service=False),
        service_level=view.inputs(of_service=True),
        requests=view.requests(sample.requests),
        events=view.events(),
        codes=view.codes(),
        signatures=signatures,
        signatures_left_out=left_out,
        checks=checks,
    )


def _window(sample: Sample, context: Context) -> tuple[WindowFacts, list[str]]:
    """The window's facts, and what must be said about it."""
    last = sample.service_last_ns
    end = nanoseconds(context.window.end) if context.window.end else last
    settled = end is not None and context.now_ns is not None and context.now_ns >= end + context.settle_s * 1e9
    notes = list(context.notes)
    if context.requests_until_ns is not None:
        notes.append(
            f"The window is not settled: a request is logged when it ends, so rates and latencies leave out those that "
            f"started at {rfc3339_ns(context.requests_until_ns)} or later; events are counted to the end."
        )
    elif not settled:
        notes.append(
            f"The window is not settled: a request is logged when it ends, so requests of its last "
            f"{context.settle_s:g} s may be missing."
        )
    return (
        WindowFacts(
            start=rfc3339(context.window.start) if context.window.start else None,
            end=rfc3339(context.window.end) if context.window.end else None,
            covered_start=_time(sample.service_first_ns),
            covered_end=_time(last),
            settled=settled,
            filtered=sample.filtered,
        ),
        notes,
    )


class _View:
    """The rows of one revision in every measure."""

    def __init__(self, measures: Measures, target: Target) -> None:
        self._all = measures
        self._target = target

    def _mine(self, frame: pl.DataFrame, *, revision: bool | None = True) -> pl.DataFrame:
        """Rows of the revision; revision=None: of the service's entries without one; False: of the whole service."""
        target = self._target
        wanted: dict[str, str | None] = {key: getattr(target, key) for key in IDENTITY[:3]}
        if revision is not False:
            wanted["revision"] = target.revision if revision else None
        return frame.filter(*(pl.col(key).eq_missing(pl.lit(value, pl.String)) for key, value in wanted.items()))

    def sample(self, context: Context) -> Sample:
        service = self._mine(self._all.revisions, revision=False)
        mine = self._mine(self._all.revisions)
        gaps = self._mine(self._all.gaps, revision=False)
        counts = self._mine(self._all.requests).drop(IDENTITY).to_dicts()
        exits = self._mine(self._all.exits).to_dicts()
        severities = self._mine(self._all.inputs, revision=False).filter(pl.col("dimension") == "severity")
        closes = self._mine(self._all.closes).sort("code")
        minutes = self._mine(self._all.error_minutes).sort("minute")
        window = context.window
        return Sample(
            service=self._target.service,
            revision=self._target.revision,
            asked_start_ns=nanoseconds(window.start) if window.start and not context.listed else None,
            asked_end_ns=nanoseconds(window.end) if window.end else None,
            service_first_ns=_number(service["first_ns"].min()),
            service_last_ns=_number(service["last_ns"].max()),
            service_max_gap_ns=_number(gaps["max_gap_ns"].max()),
            service_entries=int(service["entries"].sum()),
            service_below_notice=int(service["below_notice"].sum()),
            cut_sources=context.cut_sources,
            severities=frozenset(severities["item"]),
            unexplained_errors=int(mine["unexplained_errors"].sum()),
            requests=RequestCounts(**counts[0]) if counts else RequestCounts(),
            latency={
                row["scope"]: Latency(row["n_latency"], row["p50_ms"], row["p95_ms"], row["p99_ms"], row["max_ms"])
                for row in self._mine(self._all.latency).filter(pl.col("scope") != "endpoint").to_dicts()
            },
            happenings=_happenings(self._mine(self._all.events)),
            error_minutes=ErrorMinutes(*(minutes[name].to_numpy() for name in ("minute", "n", "errors_5xx"))),
            fastest_three_exits_ns=exits[0]["fastest_three_ns"] if exits else None,
            closes=tuple(Closes(*row) for row in closes.select("code", "n", "limited").iter_rows()),
            readiness_ages_ns=self._mine(self._all.readiness)["age_ns"].cast(pl.Float64).fill_null(math.nan).to_numpy(),
            leaks=dict(self._mine(self._all.leaks).select("kind", "n").iter_rows()),
            evidence=self._evidence(),
        )

    def _evidence(self) -> dict[str, tuple[tuple[int, Evidence], ...]]:
        rows = self._mine(self._all.evidence).sort("topic", "place")
        found: dict[str, list[tuple[int, Evidence]]] = {}
        for row in rows.iter_rows(named=True):
            entry = Evidence(
                timestamp=_time(row["timestamp_ns"]),
                insert_id=row["insert_id"],
                log_name=row["log_name"],
                excerpt=shown(row["excerpt"]),
                url=logs_explorer_url(self._target.project, row["timestamp_ns"], row["insert_id"]),
            )
            found.setdefault(row["topic"], []).append((row["timestamp_ns"] or 0, entry))
        return {topic: tuple(entries) for topic, entries in found.items()}

    def inputs(self, *, of_service: bool) -> Inputs:
        """Counts of the revision's entries, or of the service's that belong to no revision."""
        revision = None if of_service else True
        rows = self._mine(self._all.revisions, revision=revision)
        counts = self._mine(self._all.inputs, revision=revision).sort("dimension", "item")
        by: dict[str, dict[str, int]] = {"log": {}, "severity": {}, "level": {}}
        for dimension, item, n in counts.select("dimension", "item", "n").iter_rows():
            by[dimension][item] = n
        entries, unparsed = int(rows["entries"].sum()), int(rows["unparsed"].sum())
        return Inputs(
            entries=entries,
            parsed=entries - unparsed,
            unparsed=unparsed,
            explained=int(rows["explained"].sum()),
            unexplained=int(rows["unexplained"].sum()),
            by_log=by["log"],
            by_severity=by["severity"],
            by_level=by["level"],
        )

    def requests(self, counts: RequestCounts) -> Requests:
        rows = self._mine(self._all.latency)
        whole = rows.filter(pl.col("scope") == "all").to_dicts()
        endpoints = rows.filter(pl.col("scope") == "endpoint").sort("n", "endpoint", descending=[True, False])
        low, high = clopper_pearson(counts.errors_5xx, counts.n) if counts.n else (None, None)
        return Requests(
            n=counts.n,
            errors_5xx=counts.errors_5xx,
            rate=_rounded(counts.errors_5xx / counts.n) if counts.n else None,
            low=_rounded(low),
            high=_rounded(high),
            eligible=counts.eligible,
            eligible_5xx=counts.eligible_5xx,
            latency_ms=_percentiles(whole[0] if whole else {}),
            by_endpoint=[
                Endpoint(
                    endpoint=row["endpoint"],
                    n=row["n"],
                    errors_4xx=row["errors_4xx"],
                    errors_5xx=row["errors_5xx"],
                    latency_ms=_percentiles(row),
                )
                for row in endpoints.to_dicts()
            ],
        )

    def events(self) -> list[EventCount]:
        rows = self._mine(self._all.events).group_by("event", "cause", "outcome").agg(pl.col("n", "lines").sum())
        durations = {row["event"]: row for row in self._mine(self._all.durations).to_dicts()}
        return [
            EventCount(
                event=row["event"],
                cause=row["cause"],
                outcome=row["outcome"],
                n=row["n"],
                lines=row["lines"],
                duration_ms=_timed(durations.get(row["event"])),
            )
            for row in rows.sort("event", "outcome").to_dicts()
        ]

    def codes(self) -> list[CodeCount]:
        rows = self._mine(self._all.events).filter(pl.col("code").is_not_null())
        counts = rows.group_by("event", "code").agg(pl.col("n_code").sum().alias("n")).sort("event", "code")
        return [CodeCount(**row) for row in counts.to_dicts()]

    def signatures(self) -> tuple[list[SignatureCount], int]:
        """The first `MAX_SIGNATURES`, and how many more there are."""
        severe = ["EMERGENCY", "ALERT", "CRITICAL", "ERROR", "WARNING", "NOTICE", "INFO", "DEFAULT", "DEBUG"]
        rank = pl.col("level").replace_strict(severe, range(len(severe)), default=len(severe), return_dtype=pl.Int64)
        rows = self._mine(self._all.signatures).sort(rank, -pl.col("n"), "signature", "level")
        listed = [
            SignatureCount(
                signature=shown(row["signature"]), level=row["level"], n=row["n"], first=_time(row["first_ns"])
            )
            for row in rows.head(MAX_SIGNATURES).iter_rows(named=True)
        ]
        return listed, max(rows.height - MAX_SIGNATURES, 0)


def logs_explorer_url(project: str | None, timestamp_ns: int | None, insert_id: str | None) -> str | None:
    """Return the Logs Explorer page of one entry; None without a project and an insert id to ask for."""
    if not project or not insert_id:
        return None
    plain = insert_id.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
    query = f'insertId="{plain}"'
    if timestamp_ns is not None:
        query += f'\ntimestamp="{rfc3339_ns(timestamp_ns)}"'
    return (
        f"https://console.cloud.google.com/logs/query;query={quote(query, safe='')}?project={quote(project, safe='')}"
    )


def _happenings(rows: pl.DataFrame) -> Happenings:
    rows = rows.sort("minute", "event", "outcome", "code")
    texts = {name: rows[name].to_numpy().astype(str) for name in ("event", "cause", "outcome")}
    names = ("minute", "n", "counted", "lines", "first_ns", "last_ns")
    numbers: dict[str, Any] = {name: rows[name].fill_null(0).to_numpy() for name in names}
    return Happenings(**texts, code=rows["code"].fill_null(_NO_CODE).to_numpy(), **numbers)


def _percentiles(row: dict[str, Any]) -> Percentiles:
    return Percentiles(**{name: _rounded(row.get(f"{name}_ms")) for name in ("p50", "p95", "p99", "max")})


def _timed(row: dict[str, Any] | None) -> Timed | None:
    return Timed(n=row["n"], **_percentiles(row).model_dump()) if row else None


def _rounded(value: float | None) -> float | None:
    """A number with 9 significant digits: what two engines can agree on, and more than any clock gives."""
    return None if value is None else float(f"{value:.9g}")


def _time(nanos: int | None) -> str | None:
    return None if nanos is None else rfc3339_ns(nanos)


def _number(value: Any) -> int | None:
    return None if value is None else int(value)
