"""Verdict documents: what was judged, and the numbers of every measure beside it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from dataclasses import replace as replaced
from typing import Any

import numpy as np
import polars as pl

from pipeline.aggregate.measures import Measures
from pipeline.assess import signatures as novelties
from pipeline.assess.revision_data import View, beside, data, profile, time_text
from pipeline.assess.revisions import Target
from pipeline.judge.contracts import recodings
from pipeline.judge.decide import Judgement, decide, judge
from pipeline.judge.expectations import Expectations
from pipeline.judge.model import (
    Baseline,
    CodeCount,
    Deployment,
    Endpoint,
    EventCount,
    Inputs,
    Percentiles,
    Requests,
    SignatureCount,
    TestResults,
    Timed,
    Tool,
    Verdict,
    WindowFacts,
)
from pipeline.judge.policy import Policy
from pipeline.judge.revision_data import Instances, Profile, RequestCounts, RevisionData
from pipeline.judge.stats import clopper_pearson
from pipeline.text import shown
from pipeline.window import Window, nanoseconds, rfc3339, rfc3339_ns

#: A verdict lists this many unexplained signatures, the most severe and most frequent first; the rest is counted.
MAX_SIGNATURES = 500


@dataclass(frozen=True)
class Earlier:
    """What is known of revisions that passed before: a profile, its signatures, and a line of each event."""

    profile: Profile
    signatures: pl.DataFrame
    wordings: dict[str, str]


@dataclass(frozen=True)
class Context:
    """What is the same for all verdicts of a run.

    settle_s: how long after its end a window is complete, in s. requests_until_ns: requests that started later are left
    out of rates and latencies, for some may still run. listed: services gave the window to its end, so that a silent
    start is silence, and not an export that was cut. stretch: what was pulled before the window for a target's
    baseline, where the window shows too little of one. earlier: where a target has no baseline within the window, what
    history has of its service, or None.
    """

    tool: Tool
    policy: Policy
    window: Window
    now_ns: int | None
    settle_s: float
    requests_until_ns: int | None = None
    listed: bool = False
    cut_sources: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    expected: Expectations = field(default_factory=Expectations)
    tests: TestResults | None = None
    stretch: Callable[[Target], Earlier | None] = lambda _target: None
    earlier: Callable[[Target], Earlier | None] = lambda _target: None


@dataclass(frozen=True)
class Assessment:
    """A verdict with what it was judged by: the sample, and the signatures that history keeps."""

    target: Target
    verdict: Verdict
    data: RevisionData
    signatures: pl.DataFrame


def assess(measures: Measures, target: Target, context: Context) -> Assessment:
    """Judge one revision."""
    view = View(measures, target)
    given = sample_of(view, context)
    judgement = judge(given, context.policy, context.expected)
    return Assessment(target, _document(view, judgement, context), given, novelties.signature_totals(view))


def sample_of(view: View, context: Context) -> RevisionData:
    """Return the sample of a revision with its baseline: of the window or before it, else of history, else none."""
    given = data(
        view,
        window=context.window,
        listed=context.listed,
        cut_sources=context.cut_sources,
        endpoints=context.expected.endpoints,
        tests=context.tests,
    )
    target = view.target
    if found := context.stretch(target):
        earlier = found
    elif target.baseline:
        before = View(view.measures, target, target.baseline)
        earlier = seen(before)
        given = beside(given, view, before)
    elif found := context.earlier(target):
        earlier = found
    else:
        return given
    changed = novelties.signatures(view, earlier.signatures, earlier.wordings)
    return replaced(given, baseline=earlier.profile, signatures=changed)


def seen(view: View) -> Earlier:
    """Return what a revision's measures show of it as a baseline."""
    return Earlier(profile(view), novelties.signature_totals(view), novelties.wordings(view))


def _document(view: View, judgement: Judgement, context: Context) -> Verdict:
    found, target = judgement.data, view.target
    decision = decide(judgement.checks, context.policy)
    headline = decision.headline
    if target.served_by:
        headline += f"; {target.served_by} served the requests"
    window, notes = _window(found, context)
    if found.baseline is None:
        notes.append("No baseline: nothing is compared, and only absolute limits hold.")
    listed, left_out = _signatures(view)
    return Verdict(
        tool=context.tool,
        service=target.service,
        revision=target.revision,
        location=target.location,
        baseline=found.baseline.revision if found.baseline else None,
        verdict=decision.verdict,
        risk=decision.risk,
        headline=headline,
        notes=notes,
        window=window,
        inputs=_inputs(view, of_service=False),
        service_level=_inputs(view, of_service=True),
        requests=_requests(view, found.requests),
        events=_events(view),
        codes=_codes(view),
        signatures=listed,
        signatures_left_out=left_out,
        checks=judgement.checks,
        compared=_baseline(found),
        incidents=judgement.incidents,
        changes=judgement.changes[:MAX_SIGNATURES],
        contracts=judgement.contracts,
        recodings=recodings(found, context.expected.renames),
        deployment=_deployment(found),
        tests=found.tests,
    )


def _baseline(found: RevisionData) -> Baseline | None:
    base = found.baseline
    if base is None:
        return None
    return Baseline(
        revision=base.revision,
        origin=base.origin,
        runs=base.runs,
        entries=base.entries,
        requests=base.requests.n,
        eligible=base.requests.eligible,
        covered_start=time_text(base.first_ns),
        covered_end=time_text(base.last_ns),
        shared_minutes=found.shared_minutes,
        explained_ratio=_rounded(base.explained_ratio),
    )


def _deployment(found: RevisionData) -> Deployment:
    return Deployment(
        deployed=time_text(found.deployed_ns),
        ready=time_text(found.ready_ns),
        ready_ms=_rounded(found.ready_ms),
        first_request=time_text(found.first_request_ns),
        instances=found.instances.n,
        starts_by_reason=dict(found.instances.starts_by_reason),
        start_up_ms=_start_up(found.instances),
        traffic_ratio=_rounded(found.traffic_ratio),
    )


def _start_up(instances: Instances) -> Timed | None:
    took = instances.start_up_ms
    if not took:
        return None
    p50, p95, p99 = (_rounded(float(np.percentile(took, q))) for q in (50, 95, 99))
    return Timed(n=len(took), p50=p50, p95=p95, p99=p99, max=_rounded(max(took)))


def _window(data: RevisionData, context: Context) -> tuple[WindowFacts, list[str]]:
    """The window's facts, and what must be said about it."""
    last = data.service_last_ns
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
            covered_start=time_text(data.service_first_ns),
            covered_end=time_text(last),
            settled=settled,
            filtered=data.filtered,
        ),
        notes,
    )


def _inputs(view: View, *, of_service: bool) -> Inputs:
    """Counts of the revision's entries, or of the service's that belong to no revision."""
    revision = None if of_service else True
    rows = view.rows(view.measures.revisions, revision=revision)
    counts = view.rows(view.measures.inputs, revision=revision).sort("dimension", "item")
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


def _requests(view: View, counts: RequestCounts) -> Requests:
    rows = view.rows(view.measures.latency)
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


def _events(view: View) -> list[EventCount]:
    rows = view.rows(view.measures.events).group_by("event", "cause", "outcome").agg(pl.col("n", "lines").sum())
    durations = {row["event"]: row for row in view.rows(view.measures.durations).to_dicts()}
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


def _codes(view: View) -> list[CodeCount]:
    rows = view.rows(view.measures.events).filter(pl.col("code").is_not_null())
    counts = rows.group_by("event", "code").agg(pl.col("n_code").sum().alias("n")).sort("event", "code")
    return [CodeCount(**row) for row in counts.to_dicts()]


def _signatures(view: View) -> tuple[list[SignatureCount], int]:
    """The first `MAX_SIGNATURES`, and how many more there are."""
    severe = ["EMERGENCY", "ALERT", "CRITICAL", "ERROR", "WARNING", "NOTICE", "INFO", "DEFAULT", "DEBUG"]
    rank = pl.col("level").replace_strict(severe, range(len(severe)), default=len(severe), return_dtype=pl.Int64)
    rows = view.rows(view.measures.signatures).filter(pl.col("event") == "")
    rows = rows.group_by("signature", "level").agg(pl.col("n").sum(), pl.col("first_ns").min())
    rows = rows.sort(rank, -pl.col("n"), "signature", "level")
    listed = [
        SignatureCount(
            signature=shown(row["signature"]), level=row["level"], n=row["n"], first=time_text(row["first_ns"])
        )
        for row in rows.head(MAX_SIGNATURES).iter_rows(named=True)
    ]
    return listed, max(rows.height - MAX_SIGNATURES, 0)


def _percentiles(row: dict[str, Any]) -> Percentiles:
    return Percentiles(**{name: _rounded(row.get(f"{name}_ms")) for name in ("p50", "p95", "p99", "max")})


def _timed(row: dict[str, Any] | None) -> Timed | None:
    return Timed(n=row["n"], **_percentiles(row).model_dump()) if row else None


def _rounded(value: float | None) -> float | None:
    """A number with 9 significant digits: what two engines can agree on, and more than any clock gives."""
    return None if value is None else float(f"{value:.9g}")
