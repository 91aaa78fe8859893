"""What charts draw, as small frames: one per chart, from the measures of a revision and of its baseline."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import polars as pl

from pipeline.judge.model import Verdict
from pipeline.schema import SERVICE

#: A chart joins so many buckets of `sql/measures/histograms.sql`: steps of 27 %.
_JOINED = 12

#: So many revisions are drawn, the latest.
MAX_REVISIONS = 40

REVISION, BASELINE = "revision", "baseline"

_STAGES = (
    "websocket.accepted",
    "agent.started",
    "agent.thinking",
    "agent.tool_executing",
    "agent.tool_completed",
    "agent.completed",
)
_TIME = pl.Datetime("us", "UTC")


class Measured(Protocol):
    """The measures that charts read; a file of `sql/measures` has each one's grain and units."""

    @property
    def histograms(self) -> pl.DataFrame: ...  # noqa: D102 - the measure of that name
    @property
    def minutes(self) -> pl.DataFrame: ...  # noqa: D102
    @property
    def pace(self) -> pl.DataFrame: ...  # noqa: D102
    @property
    def instances(self) -> pl.DataFrame: ...  # noqa: D102
    @property
    def closes(self) -> pl.DataFrame: ...  # noqa: D102
    @property
    def events(self) -> pl.DataFrame: ...  # noqa: D102
    @property
    def latency(self) -> pl.DataFrame: ...  # noqa: D102
    @property
    def requests(self) -> pl.DataFrame: ...  # noqa: D102
    @property
    def revisions(self) -> pl.DataFrame: ...  # noqa: D102


@dataclass(frozen=True)
class Charts:
    """The frames of one revision's charts. `role` is `revision` or `baseline`; times are UTC.

    latency: role, low_ms, high_ms, n, share; one row per step of the distribution of user requests.
    medians: role, n, median_ms, low_ms, high_ms, is_exact; the median with its 95 % interval by ranks. is_exact: the
    median is that of the requests, as in the verdict; else of buckets of 2 %, as the interval is.
    minutes: role, time, n, errors_5xx, p95_ms; user requests, every minute from the first to the last.
    marks: time, until, kind (deploy, ready, incident), label.
    failures: causes (in words), time, n; of the incident with most failures, the minutes that have some.
    instances: instance, first, last, start, bad_exits; those that started or exited.
    closes: role, code, n.
    funnel: stage, n; in the order of the golden path, empty where no agent event was seen.
    trend: revision, started, requests, error_rate, p95_ms; one row per revision, by time, over user requests.
    """

    service: str
    revision: str
    baseline: str | None
    latency: pl.DataFrame = field(repr=False)
    medians: pl.DataFrame = field(repr=False)
    minutes: pl.DataFrame = field(repr=False)
    marks: pl.DataFrame = field(repr=False)
    failures: pl.DataFrame = field(repr=False)
    instances: pl.DataFrame = field(repr=False)
    closes: pl.DataFrame = field(repr=False)
    funnel: pl.DataFrame = field(repr=False)
    trend: pl.DataFrame = field(repr=False)


def charts(
    measures: Measured, identity: Mapping[str, str | None], verdict: Verdict, history: pl.DataFrame | None = None
) -> Charts:
    """Return the frames of a verdict's charts.

    identity: project, location, workload, service, revision. history: earlier runs, a row each, with `service`,
    `revision`, `started`, `eligible`, `error_rate` and `p95_ms`; None where there is none.
    """
    service = {name: identity[name] for name in SERVICE}
    roles = {REVISION: verdict.revision} | ({BASELINE: verdict.baseline} if verdict.baseline else {})

    def mine(frame: pl.DataFrame) -> pl.DataFrame:
        """Rows of the revision and of its baseline, with their role."""
        rows = _of(frame, service)
        parts = [
            rows.filter(pl.col("revision") == name).select(pl.lit(role).alias("role"), pl.exclude(*service, "revision"))
            for role, name in roles.items()
        ]
        return pl.concat(parts)

    histogram = mine(measures.histograms).filter(pl.col("kind") == "endpoint")
    events = mine(measures.events).filter(pl.col("role") == REVISION)
    return Charts(
        service=verdict.service,
        revision=verdict.revision,
        baseline=verdict.baseline,
        latency=_latency(histogram),
        medians=_medians(histogram, mine(measures.latency)),
        minutes=_minutes(mine(measures.minutes), mine(measures.pace)),
        marks=_marks(_of(measures.events, service), verdict),
        failures=_failures(verdict),
        instances=_instances(mine(measures.instances).filter(pl.col("role") == REVISION)),
        closes=mine(measures.closes).group_by("role", "code").agg(pl.col("n").sum()).sort("code", "role"),
        funnel=_funnel(events),
        trend=_trend(measures, service, history),
    )


def _of(frame: pl.DataFrame, wanted: Mapping[str, str | None]) -> pl.DataFrame:
    return frame.filter(*(pl.col(key).eq_missing(pl.lit(value, pl.String)) for key, value in wanted.items()))


def _latency(histogram: pl.DataFrame) -> pl.DataFrame:
    step = pl.col("bucket").floordiv(_JOINED)
    counts = histogram.group_by("role", step.alias("step")).agg(pl.col("n").sum()).sort("role", "step")
    return counts.select(
        "role",
        (1.02 ** (pl.col("step") * _JOINED - 1) / 1e6).alias("low_ms"),
        (1.02 ** (pl.col("step") * _JOINED + _JOINED - 1) / 1e6).alias("high_ms"),
        "n",
        (pl.col("n") / pl.col("n").sum().over("role")).alias("share"),
    )


def _medians(histogram: pl.DataFrame, latency: pl.DataFrame) -> pl.DataFrame:
    """The median by rank, with the ranks that hold it in 95 % of samples (normal approximation of the binomial).

    latency: the measure, whose exact median stands where it is of the same requests.
    """
    users = latency.filter(pl.col("scope") == "eligible").select("role", "n_latency", "p50_ms").iter_rows()
    exact = {role: (n, median) for role, n, median in users}
    rows = []
    for (role,), part in histogram.group_by("role", maintain_order=True):
        counts = part.group_by("bucket").agg(pl.col("n").sum()).sort("bucket")
        n, reached = int(counts["n"].sum()), counts["n"].cum_sum()
        spread = 1.959964 * math.sqrt(n) / 2
        ranks = (n / 2, max(n / 2 - spread, 1.0), min(n / 2 + spread + 1, float(n)))
        buckets = [int((reached < rank).sum()) for rank in ranks]
        median, low, high = (1.02 ** (int(counts["bucket"][bucket]) - 0.5) / 1e6 for bucket in buckets)
        n_exact, exact_median = exact.get(role, (0, None))
        is_exact = n_exact == n and exact_median is not None
        median = exact_median if is_exact else median
        rows.append((role, n, median, min(low, median), max(high, median), is_exact))
    numbers = dict.fromkeys(("median_ms", "low_ms", "high_ms"), pl.Float64)
    schema: dict[str, pl.DataType | type[pl.DataType]] = {"role": pl.String, "n": pl.Int64}
    return pl.DataFrame(rows, schema={**schema, **numbers, "is_exact": pl.Boolean}, orient="row").sort("role")


#: A chart shows no more minutes without a gap: a week.
_MOST_MINUTES = 7 * 24 * 60


def _minutes(rows: pl.DataFrame, pace: pl.DataFrame) -> pl.DataFrame:
    counts = rows.group_by("role", "minute").agg(pl.col("n", "errors_5xx").sum()).filter(pl.col("n") > 0)
    if counts.is_empty():
        return counts.select(
            "role", pl.lit(None, _TIME).alias("time"), "n", "errors_5xx", pl.lit(None, pl.Float64).alias("p95_ms")
        )
    seen = counts["minute"].cast(pl.Int64).unique().sort()
    # Stray times, years apart: the minutes between them are not drawn.
    gapless = seen[-1] - seen[0] < _MOST_MINUTES
    every = pl.int_range(seen[0], seen[-1] + 1, eager=True) if gapless else seen
    whole = counts.select("role").unique().join(every.alias("minute").to_frame(), how="cross")
    counts = counts.join(pace.select("role", "minute", "p95_ms"), on=["role", "minute"], how="left")
    whole = whole.join(counts.with_columns(pl.col("minute").cast(pl.Int64)), on=["role", "minute"], how="left")
    time = pl.from_epoch(pl.col("minute") * 60, "s").cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    return whole.select("role", time.alias("time"), pl.col("n", "errors_5xx").fill_null(0), "p95_ms").sort(
        "role", "time"
    )


def _failures(verdict: Verdict) -> pl.DataFrame:
    """The incident with most failures, minute by minute, with its causes."""
    schema: dict[str, pl.DataType | type[pl.DataType]] = {"causes": pl.String, "time": _TIME, "n": pl.Int64}
    if not verdict.incidents:
        return pl.DataFrame(schema=schema)
    worst = max(verdict.incidents, key=lambda incident: incident.n)
    causes = ", ".join(f"{cause.cause} × {cause.n:,}" for cause in worst.causes)
    rows = [(causes, datetime.fromisoformat(minute.minute), minute.n) for minute in worst.timeline]
    return pl.DataFrame(rows, schema=schema, orient="row")


def _marks(events: pl.DataFrame, verdict: Verdict) -> pl.DataFrame:
    """The first deploy and the first Ready of the revision, and what the verdict knows of incidents."""
    kinds = {"audit.deploy": "deploy", "audit.ready": "ready"}
    marked = events.filter(pl.col("event").is_in(list(kinds)), pl.col("first_ns").is_not_null())
    own = pl.col("revision").is_null() | (pl.col("revision") == verdict.revision)
    time = _time(pl.col("first_ns")).alias("time")
    marks = marked.filter(own).select(
        time,
        pl.lit(None, _TIME).alias("until"),
        pl.col("event").replace_strict(kinds, return_dtype=pl.String).alias("kind"),
        pl.col("event").replace_strict(kinds, return_dtype=pl.String).alias("label"),
    )
    rows = [
        (datetime.fromisoformat(incident.first), datetime.fromisoformat(incident.last), "incident", incident.title)
        for incident in verdict.incidents
    ]
    incidents = pl.DataFrame(rows, schema=marks.schema, orient="row")
    first = marks.sort("time").unique("kind", keep="first", maintain_order=True)
    return pl.concat([first, incidents]).sort("time", "kind", "label")


def _instances(rows: pl.DataFrame) -> pl.DataFrame:
    known = rows.filter(pl.col("start_ns").is_not_null() | (pl.col("bad_exits") > 0))
    return known.sort("first_ns", "instance_id").select(
        pl.col("instance_id").str.tail(6).alias("instance"),
        _time(pl.col("first_ns")).alias("first"),
        _time(pl.col("last_ns")).alias("last"),
        _time(pl.col("start_ns")).alias("start"),
        pl.col("bad_exits").cast(pl.Int64),
    )


def _funnel(events: pl.DataFrame) -> pl.DataFrame:
    counts = dict(events.group_by("event").agg(pl.col("n").sum()).iter_rows())
    stages = [(stage, int(counts.get(stage, 0))) for stage in _STAGES]
    seen = any(n for stage, n in stages if stage.startswith("agent."))
    return pl.DataFrame(stages if seen else [], schema={"stage": pl.String, "n": pl.Int64}, orient="row")


def _trend(measures: Measured, service: Mapping[str, str | None], history: pl.DataFrame | None) -> pl.DataFrame:
    """A row per revision that had user requests: those of the measures, and earlier ones."""
    latency = _of(measures.latency, service).filter(pl.col("scope") == "eligible").select("revision", "p95_ms")
    counts = _of(measures.requests, service).select(
        "revision", pl.col("eligible").alias("n"), pl.col("eligible_5xx").alias("errors_5xx")
    )
    started = _of(measures.revisions, service).select("revision", _time(pl.col("first_ns")).alias("started"))
    now = counts.join(latency, on="revision").join(started, on="revision").filter(pl.col("n") > 0)
    rows = now.select(
        "revision",
        "started",
        pl.col("n").cast(pl.Int64).alias("requests"),
        (pl.col("errors_5xx") / pl.col("n")).alias("error_rate"),
        pl.col("p95_ms").cast(pl.Float64),
    )
    if history is not None:
        earlier = history.filter(pl.col("service") == service["service"], pl.col("eligible") > 0)
        earlier = earlier.with_columns(pl.col("eligible").alias("requests"))
        time = pl.col("started").str.slice(0, 19).str.to_datetime("%Y-%m-%dT%H:%M:%S", time_unit="us", time_zone="UTC")
        earlier = earlier.with_columns(time).sort("started").group_by("revision", maintain_order=True).last()
        earlier = earlier.join(rows, on="revision", how="anti").select(rows.columns)
        rows = pl.concat([earlier.cast(rows.schema), rows])
    return rows.sort("started", "revision").tail(MAX_REVISIONS)


def _time(nanos: pl.Expr) -> pl.Expr:
    return pl.from_epoch(nanos.floordiv(1000), "us").dt.replace_time_zone("UTC")
