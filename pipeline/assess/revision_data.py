"""Measures to the judge's samples: the rows of one revision in every frame, as arrays."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import polars as pl

from pipeline.aggregate.measures import Measures
from pipeline.assess import endings
from pipeline.assess.executions import executions
from pipeline.assess.histograms import times_and_design_effects
from pipeline.assess.revisions import Target
from pipeline.judge.counts import Ages, Closes, Execution, LatencySteps, Occurrences
from pipeline.judge.deployed import Deployed
from pipeline.judge.model import Evidence, TestResults
from pipeline.judge.numbers import minutes_long
from pipeline.judge.revision_data import (
    EndpointCounts,
    EventTotal,
    Instances,
    Latency,
    Minutes,
    Profile,
    RequestCounts,
    RevisionData,
    Times,
)
from pipeline.schema import IDENTITY, SERVICE
from pipeline.text import shown
from pipeline.window import Window, nanoseconds, rfc3339_ns

_NO_CODE = -1


class View:
    """The rows of one revision in every measure."""

    def __init__(self, measures: Measures, target: Target, revision: str | None = None) -> None:
        """Revision: another one of the same service; None for the target's own."""
        self.measures = measures
        self.target = target
        self.revision = revision or target.revision

    def rows(self, frame: pl.DataFrame, *, revision: bool | None = True) -> pl.DataFrame:
        """Return the revision's rows; revision=None: the service's rows without one; False: of the whole service."""
        if frame.is_empty():  # most measures of most windows; a filter takes as long for no row as for a hundred
            return frame
        wanted: dict[str, str | None] = {key: getattr(self.target, key) for key in SERVICE}
        if revision is not False:
            wanted["revision"] = self.revision if revision else None
        return frame.filter(*(pl.col(key).eq_missing(pl.lit(value, pl.String)) for key, value in wanted.items()))

    def row(self, frame: pl.DataFrame) -> dict[str, Any]:
        """Return the revision's row of a measure that has one for each revision; nothing where it has none."""
        return next(self.rows(frame).iter_rows(named=True), {})

    def evidence(self, row: dict[str, Any], excerpt: str) -> Evidence:
        """Return an entry of a measure as a proof."""
        return Evidence(
            timestamp=time_text(row["timestamp_ns"]),
            insert_id=row["insert_id"],
            log_name=row["log_name"],
            excerpt=shown(excerpt),
            url=logs_explorer_url(self.target.project, row["timestamp_ns"], row["insert_id"]),
        )


def profile(view: View) -> Profile:
    """Return what of a revision adds up over runs."""
    measures = view.measures
    whole, counts = view.row(measures.revisions), view.rows(measures.requests).drop(IDENTITY).to_dicts()
    entries, unparsed = whole.get("entries", 0), whole.get("unparsed", 0)
    severities = view.rows(measures.inputs, revision=False).filter(pl.col("dimension") == "severity")
    by_endpoint = view.rows(measures.minutes).group_by("endpoint").agg(pl.col("n", "errors_5xx", "denied").sum())
    events = view.rows(measures.events)
    outcomes = events.group_by("event", "outcome").agg(pl.col("n").sum())
    totals = outcomes.group_by("event").agg(pl.col("n").sum(), pl.col("outcome").sort_by("n", "outcome").last())
    codes = events.drop_nulls("code").group_by("event", "code").agg(pl.col("n_code").sum()).sort("event", "code")
    instances = view.rows(measures.instances)
    statuses = view.rows(measures.statuses)
    timing = times_and_design_effects(view.rows(measures.histograms), view.rows(measures.slots))
    starts = int(instances["start_ns"].is_not_null().sum())
    first_ns, last_ns = whole.get("first_ns"), whole.get("last_ns")
    return Profile(
        revision=view.revision,
        entries=entries,
        parsed=entries - unparsed,
        explained=whole.get("explained", 0),
        first_ns=first_ns,
        last_ns=last_ns,
        starts=starts,
        severities=frozenset(severities["item"]),
        requests=RequestCounts(**counts[0]) if counts else RequestCounts(),
        endpoints={row[0]: EndpointCounts(*row[1:]) for row in by_endpoint.sort("endpoint").iter_rows()},
        events={name: EventTotal(n, outcome) for name, n, outcome in totals.sort("event").iter_rows()},
        codes={(event, code): n for event, code, n in codes.iter_rows()},
        instances=_instances(instances),
        starts_by_run=((starts, minutes_long(first_ns, last_ns)),),
        volume_by_run=_volume(view),
        bodies=endings.sizes(view.rows(measures.bodies)),
        executions=executions(view.rows(measures.executions)),
        latency={
            row["endpoint"] or row["scope"]: Latency(
                row["n_latency"], row["p50_ms"], row["p95_ms"], row["p99_ms"], row["max_ms"]
            )
            for row in view.rows(measures.latency).sort("scope", "endpoint").to_dicts()
        },
        times=timing["times"],
        design_effects=timing["design_effects"]
        | endings.ended_effects(statuses)
        | endings.tail_effects(latency_steps(view, timing["times"]), timing["times"]),
        **endings.statuses_and_clients(statuses, view.rows(measures.clients)),
    )


def _volume(view: View) -> tuple[tuple[int, int, int], ...]:
    """The user requests of the whole service, and between which ns."""
    spans = view.rows(view.measures.revisions, revision=False).select(
        pl.col("first_ns").min().alias("first"), pl.col("last_ns").max().alias("last")
    )
    first, last = spans.row(0)
    eligible = view.rows(view.measures.requests, revision=False)["eligible"].sum()
    return () if first is None else ((first, last, int(eligible)),)


def latency_steps(view: View, times: Mapping[tuple[str, str], Times]) -> dict[str, LatencySteps]:
    """Return requests by minute and step of latency."""
    return endings.latency_steps(view.rows(view.measures.tails), times)


def revision_data(
    view: View,
    *,
    window: Window,
    listed: bool,
    incomplete: Sequence[str] = (),
    endpoints: Sequence[str] = (),
    tests: TestResults | None = None,
    deployed: Deployed | None = None,
) -> RevisionData:
    """Return what the judge needs of a revision, still without its baseline.

    listed: services gave the window to its end, so that nothing is missing where it is silent. incomplete: what
    of the sources is missing, in sentences. endpoints: those whose minutes are asked for.
    """
    measures = view.measures
    service = view.rows(measures.revisions, revision=False)
    whole = view.row(measures.revisions)
    exits = view.rows(measures.exits).to_dicts()
    closes = view.rows(measures.closes).sort("code")
    audit = view.rows(measures.durations).filter(pl.col("event") == "audit.ready")
    gaps = view.rows(measures.gaps, revision=False)
    own = profile(view)
    return RevisionData(
        **vars(own),
        peers=endings.peers(view.rows(measures.peers)),
        steps=latency_steps(view, own.times),
        probes=dict(view.rows(measures.probes).select("kind", "n").iter_rows()),
        workload=view.target.workload,
        service=view.target.service,
        asked_start_ns=nanoseconds(window.start) if window.start and not listed else None,
        asked_end_ns=nanoseconds(window.end) if window.end else None,
        service_first_ns=number(service["first_ns"].min()),
        service_last_ns=number(service["last_ns"].max()),
        service_max_gap_ns=number(gaps["max_gap_ns"].max()),
        service_settled_ns=number(gaps["settled_ns"].max()),
        service_entries=int(service["entries"].sum()),
        service_below_notice=int(service["below_notice"].sum()),
        incomplete=tuple(incomplete),
        unexplained_errors=whole.get("unexplained_errors", 0),
        occurrences=_occurrences(view.rows(measures.events)),
        minutes=_minutes(view.rows(measures.minutes)),
        endpoint_minutes={
            name: _minutes(view.rows(measures.minutes).filter(pl.col("endpoint") == name)) for name in endpoints
        },
        fastest_three_exits_ns=exits[0]["fastest_three_ns"] if exits else None,
        closes=tuple(Closes(*row) for row in closes.select("code", "n", "limited").iter_rows()),
        readiness_ages_ns=view.rows(measures.readiness)["age_ns"].cast(pl.Float64).fill_null(math.nan).to_numpy(),
        leaks=dict(view.rows(measures.leaks).select("kind", "n").iter_rows()),
        evidence=_evidence(view),
        deployed=deployed,
        refused_deploys=_refused(view),
        siblings=_siblings(view),
        ages=_ages(view.rows(measures.ages)),
        deployed_ns=_deployed(view),
        ready_ns=whole.get("ready_ns"),
        ready_ms=number(audit["max_ms"].max()),
        tests=tests,
        **_traffic(view),
    )


def answered(view: View) -> int:
    """Return how many requests a revision answered, not counting those that ended in 5xx."""
    rows = view.rows(view.measures.requests)
    return int((rows["n"] - rows["errors_5xx"]).sum())


def before_in_time(data: RevisionData, baseline: View) -> RevisionData:
    """Return the revision data with when its baseline had events and was called, where that is known."""
    events = baseline.rows(baseline.measures.events).group_by("event").agg(pl.col("minute").n_unique()).sort("event")
    calls = endings.calls(baseline.rows(baseline.measures.statuses))
    return replace(data, baseline_minutes=dict(events.iter_rows()), baseline_calls=calls)


def beside(data: RevisionData, view: View, baseline: View) -> RevisionData:
    """Return the revision data with what only both revisions together tell: the minutes that they shared."""
    own, others = (side.rows(side.measures.minutes) for side in (view, baseline))
    shared = own.select("minute").unique().join(others.select("minute").unique(), on="minute", how="semi")
    return replace(data, shared_minutes=shared.height)


def _minutes(minutes: pl.DataFrame) -> Minutes:
    rows = minutes.group_by("minute").agg(pl.col("n", "errors_5xx", "denied").sum()).sort("minute")
    return Minutes(*(rows[name].to_numpy() for name in ("minute", "n", "errors_5xx", "denied")))


def _occurrences(rows: pl.DataFrame) -> Occurrences:
    rows = rows.sort("minute", "event", "outcome", "code")
    texts = {name: rows[name].to_numpy().astype(str) for name in ("event", "cause", "outcome")}
    names = ("minute", "n", "counted", "lines", "first_ns", "last_ns")
    numbers: dict[str, Any] = {name: rows[name].fill_null(0).to_numpy() for name in names}
    return Occurrences(**texts, code=rows["code"].fill_null(_NO_CODE).to_numpy(), **numbers)


def _ages(rows: pl.DataFrame) -> dict[str, Ages]:
    return {
        str(name): Ages(ages["age_s"].cast(pl.Float64).fill_null(math.nan).to_numpy(), ages["lines"].to_numpy())
        for (name,), ages in rows.sort("event", "age_s").group_by("event", maintain_order=True)
    }


def _instances(rows: pl.DataFrame) -> Instances:
    reasons = rows.drop_nulls("reason").group_by("reason").len().sort("reason")
    took = rows.filter(pl.col("ready_ns") >= pl.col("scaled_ns")).sort("scaled_ns", "instance_id")
    return Instances(
        n=rows.height,
        starts_by_reason=dict(reasons.iter_rows()),
        start_up_ms=tuple(((took["ready_ns"] - took["scaled_ns"]) / 1e6).to_list()),
    )


def _deployed(view: View) -> int | None:
    """The last deploy of the service before the revision was ready; its first entry where that is not known."""
    events = view.rows(view.measures.events, revision=False).filter(pl.col("event") == "audit.deploy")
    whole = view.row(view.measures.revisions)
    limit = whole.get("ready_ns") or whole.get("first_ns")
    return None if limit is None else number(events.filter(pl.col("first_ns") <= limit)["last_ns"].max())


def _traffic(view: View) -> dict[str, Any]:
    """When the revision's traffic began, its share since then, and whether an older one has outlived it."""
    rows = view.rows(view.measures.minutes, revision=False).filter(pl.col("revision").is_not_null())
    own = rows.filter(pl.col("revision") == view.revision)
    if own.is_empty():
        return {}
    first, last = own["minute"].to_numpy().min(), own["minute"].to_numpy().max()
    since = rows.filter(pl.col("minute") >= first)
    older = since.filter(pl.col("revision").is_in(view.target.older))["minute"].max()
    return {
        "service_minutes": _minutes(rows),
        "first_request_ns": int(first) * 60 * 10**9,
        "traffic_ratio": int(own["n"].sum()) / int(since["n"].sum()),
        "outlived_ns": max(older - int(last), 0) * 60 * 10**9 if isinstance(older, int) else None,
    }


def _evidence(view: View) -> dict[str, tuple[tuple[int, Evidence], ...]]:
    by_topic: dict[str, list[tuple[int, Evidence]]] = {}
    for row in view.rows(view.measures.evidence).sort("topic", "place").iter_rows(named=True):
        entry = (row["timestamp_ns"] or 0, view.evidence(row, row["excerpt"]))
        by_topic.setdefault(row["topic"], []).append(entry)
    return {topic: tuple(entries) for topic, entries in by_topic.items()}


def _siblings(view: View) -> tuple[Execution, ...]:
    rows = view.rows(view.measures.executions, revision=False)
    return executions(rows.filter(pl.col("revision") != view.revision))


def _refused(view: View) -> tuple[Evidence, ...]:
    """The entries of refused deployments: they belong to the service, to no revision."""
    rows = view.rows(view.measures.evidence, revision=None)
    rows = rows.filter(pl.col("topic").str.starts_with("event/audit.deploy_refused/")).sort("place")
    return tuple(view.evidence(row, row["excerpt"]) for row in rows.iter_rows(named=True))


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


def time_text(nanos: int | None) -> str | None:
    """Return ns since 1970 as RFC 3339."""
    return None if nanos is None else rfc3339_ns(nanos)


def number(value: Any) -> int | None:
    """Return an aggregate of a frame as an int, None where there was nothing to aggregate."""
    return None if value is None else int(value)
