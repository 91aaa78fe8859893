"""The verdict document of a revision: what was judged, and the numbers of its measures."""

from importlib.metadata import version
from typing import Any

import numpy as np
import polars as pl

from pipeline.assess.context import Context
from pipeline.assess.revision_data import View, time_text
from pipeline.judge.advice import advice, impact
from pipeline.judge.contracts import recodings
from pipeline.judge.crosscheck import Completeness
from pipeline.judge.decide import Judgement, decide
from pipeline.judge.model import (
    Baseline,
    CodeCount,
    Deployment,
    Endpoint,
    EndpointBefore,
    EventCount,
    Inputs,
    Percentiles,
    Requests,
    SignatureCount,
    Timed,
    Tool,
    Verdict,
    WindowFacts,
)
from pipeline.judge.numbers import NO_BASELINE
from pipeline.judge.policy import Policy
from pipeline.judge.ranks import percentile_interval
from pipeline.judge.revision_data import Instances, Profile, RevisionData, weighted
from pipeline.judge.stats import clopper_pearson
from pipeline.text import shown
from pipeline.window import nanoseconds, rfc3339, rfc3339_ns

#: A verdict lists this many unexplained signatures, the most severe and most frequent first; the rest is counted.
MAX_SIGNATURES = 500


def document(view: View, judgement: Judgement, policy: Policy, context: Context) -> Verdict:
    """Return the verdict document of one revision: what was measured, and what the judge made of it."""
    data, target = judgement.data, view.target
    decision = decide(judgement.checks, policy)
    headline = decision.headline
    if target.served_by:
        headline += f"; {target.served_by} served the requests"
    newer = _newer(data)
    if newer:
        headline += f"; superseded by {newer}"
    if data.passed_over and data.baseline:
        headline += f"; compared with {data.baseline.revision}, as {data.passed_over} fails itself"
    if data.synthetic_only:
        headline += "; no user requests, judged by uptime checks"
    window, notes = _window(data, context)
    notes += data.crosscheck.notes
    if data.baseline is None:
        notes.append(NO_BASELINE)
    listed, left_out = _signatures(view)
    return Verdict(
        tool=Tool(name="runverdict", version=version("runverdict"), catalogue=context.catalogue, policy=policy.digest),
        workload=target.workload,
        service=target.service,
        revision=target.revision,
        location=target.location,
        baseline=data.baseline.revision if data.baseline else None,
        verdict=decision.verdict,
        risk=decision.risk,
        headline=headline,
        notes=notes,
        window=window,
        inputs=_inputs(view, of_service=False),
        service_level=_inputs(view, of_service=True),
        requests=_requests(view, data),
        events=_events(view),
        codes=_codes(view),
        signatures=listed,
        signatures_left_out=left_out,
        checks=judgement.checks,
        compared=_baseline(data),
        incidents=judgement.incidents,
        changes=judgement.changes[:MAX_SIGNATURES],
        contracts=judgement.contracts,
        recodings=recodings(data, context.expected.renames),
        deployment=_deployment(data),
        completeness=_completeness(data),
        superseded_by=newer,
        advice=advice(data, judgement.checks, decision.verdict, project=target.project, location=target.location),
        impact=impact(data),
        tests=data.tests,
    )


def _newer(data: RevisionData) -> str | None:
    """What was deployed after a deployed revision, by the log or by Cloud Run."""
    if data.deployed is None or data.deployed.revision != data.revision:
        return None
    later = data.crosscheck.newest
    return data.deployed.newer or (later.revision if later and not data.deployed.rollback else None)


def _baseline(data: RevisionData) -> Baseline | None:
    base = data.baseline
    if base is None:
        return None
    return Baseline(
        revision=base.revision,
        origin=base.origin,
        runs=base.runs,
        entries=base.entries,
        requests=base.requests.n,
        eligible=base.requests.eligible,
        eligible_5xx=base.requests.eligible_5xx,
        p50_ms=_rounded(_before_ms(base, "eligible", 50)),
        p95_ms=_rounded(_before_ms(base, "eligible", 95)),
        covered_start=time_text(base.first_ns),
        covered_end=time_text(base.last_ns),
        shared_minutes=data.shared_minutes,
        explained_ratio=_rounded(base.explained_ratio),
    )


def _before_ms(base: Profile, name: str, q: float) -> float | None:
    """A percentile of the baseline's user requests, or of one endpoint's, in ms: exact, or of runs added up."""
    if exact := base.latency.get(name):
        return exact.p50_ms if q == 50 else exact.p95_ms
    times = base.of_kind("endpoint", None if name == "eligible" else [name])
    return percentile_interval(weighted(times), q).estimate if times else None


def _endpoint_before(base: Profile | None, name: str) -> EndpointBefore | None:
    """What the baseline shows of an endpoint; None where it has none of it."""
    counts = base.endpoints.get(name) if base else None
    if base is None or counts is None:
        return None
    p50, p95 = (_rounded(_before_ms(base, name, q)) for q in (50, 95))
    return EndpointBefore(n=counts.n, errors_5xx=counts.errors_5xx, p50=p50, p95=p95)


def _deployment(data: RevisionData) -> Deployment:
    return Deployment(
        configuration=data.crosscheck.configuration,
        deployed=time_text(data.deployed_ns),
        ready=time_text(data.ready_ns),
        ready_ms=_rounded(data.ready_ms),
        first_request=time_text(data.first_request_ns),
        instances=data.instances.n,
        starts_by_reason=dict(data.instances.starts_by_reason),
        start_up_ms=_start_up(data.instances),
        traffic_ratio=_rounded(data.traffic_ratio),
    )


def _completeness(data: RevisionData) -> Completeness | None:
    counted = data.crosscheck.counted
    if counted is None or counted.counted is None:
        return None
    return Completeness(counted=counted.counted, logged=counted.logged)


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


def _requests(view: View, data: RevisionData) -> Requests:
    counts, base = data.requests, data.baseline
    rows = view.rows(view.measures.latency)
    whole, users = (rows.filter(pl.col("scope") == scope).to_dicts() for scope in ("all", "eligible"))
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
        user_latency_ms=_percentiles(users[0] if users else {}),
        by_endpoint=[
            Endpoint(
                endpoint=row["endpoint"],
                n=row["n"],
                errors_4xx=row["errors_4xx"],
                errors_5xx=row["errors_5xx"],
                latency_ms=_percentiles(row),
                before=_endpoint_before(base, row["endpoint"]),
            )
            for row in endpoints.to_dicts()
        ],
        minutes=int(np.count_nonzero(data.minutes.n)),
        minutes_5xx=int(np.count_nonzero(data.minutes.errors_5xx)),
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
    rows = rows.group_by("signature", "level").agg(
        pl.col("n").sum(), pl.col("first_ns").min(), pl.col("signatures").max()
    )
    others = pl.col("signatures") > 1  # of no wording of their own: counted, not listed
    rows = rows.sort(others, rank, -pl.col("n"), "signature", "level")
    listed = [
        SignatureCount(
            signature=shown(row["signature"]), level=row["level"], n=row["n"], first=time_text(row["first_ns"])
        )
        for row in rows.head(MAX_SIGNATURES).iter_rows(named=True)
    ]
    return listed, int(rows["signatures"][MAX_SIGNATURES:].sum())


def _percentiles(row: dict[str, Any]) -> Percentiles:
    return Percentiles(**{name: _rounded(row.get(f"{name}_ms")) for name in ("p50", "p95", "p99", "max")})


def _timed(row: dict[str, Any] | None) -> Timed | None:
    return Timed(n=row["n"], **_percentiles(row).model_dump()) if row else None


def _rounded(value: float | None) -> float | None:
    """A number with 9 significant digits: what two engines can agree on, and more than any clock gives."""
    return None if value is None else float(f"{value:.9g}")
