"""What a store remembers of its verdicts: enough to compare with later, without the logs.

STORE/history/verdicts/RUN.parquet     one row: who, when, the verdict, and its document as JSON
STORE/history/measures/RUN.parquet     long: measure, key, n, value, unit
STORE/history/histograms/RUN.parquet   kind, name, part, bucket, n: runs merge by adding
STORE/history/signatures/RUN.parquet   signature, level, event, outcome, n

RUN is a digest of identity and covered time, so that a window judged again replaces what was said of it.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from datetime import datetime
from math import inf, isinf
from typing import Protocol

import numpy as np
import polars as pl

from pipeline.assess.document import Assessment, Earlier
from pipeline.assess.revisions import Target
from pipeline.assess.signatures import KEY
from pipeline.judge.model import Verdict
from pipeline.judge.revision_data import EndpointCounts, EventTotal, Instances, Profile, RequestCounts, Times
from pipeline.judge.stats import INDEPENDENT, DesignEffect
from pipeline.schema import HISTORY, RUN, polars_schema

_TABLES = ("verdicts", "measures", "histograms", "signatures")
_SUMMED = [one.name for one in fields(RequestCounts) if one.name != "fastest_three_5xx_ns"]


class Memory(Protocol):
    """Where history is kept: a folder, or a dataset of BigQuery."""

    def keep(self, table: str, run: str, rows: pl.DataFrame) -> None:
        """Put the rows of a run into a table, in place of those it had of that run."""
        ...

    def recall(self, table: str, runs: Sequence[str] | None = None) -> pl.DataFrame:
        """Return the rows of some runs, of all for None; empty where there is none."""
        ...


def append(memory: Memory, found: Iterable[Assessment]) -> None:
    """Keep verdicts, measures, histograms and signatures of a run; a killed run leaves whole tables of a run only."""
    for one in found:
        name = _run(one)
        profile = one.data
        identity = {
            "project": one.target.project,
            "location": one.target.location,
            "service": one.target.service,
            "revision": one.target.revision,
            "run": name,
        }
        known = [pl.lit(value, pl.String).alias(key) for key, value in identity.items()]
        known.append(pl.lit(_moment(one.verdict.window.covered_end), pl.Datetime("us")).alias("window_end"))
        tables = {
            "histograms": pl.DataFrame(list(_histograms(profile)), schema=_own("histograms"), orient="row"),
            "measures": pl.DataFrame(list(_measures(profile, one.verdict)), schema=_own("measures"), orient="row"),
            "signatures": one.signatures.select(*KEY, "n", "n_startup"),
            "verdicts": pl.DataFrame([_verdict(one.verdict)], schema=_own("verdicts"), orient="row"),
        }
        # The verdict last: a run counts when it is there.
        for table, rows in tables.items():
            whole = rows.select(*known, pl.all()).with_columns(pl.col("window_end").dt.replace_time_zone("UTC"))
            memory.keep(table, name, whole.cast(dict(polars_schema(HISTORY[table]))))  # type: ignore[arg-type]


def _moment(text: str | None) -> datetime | None:
    """RFC 3339 in UTC, with up to nine digits, cut to microseconds."""
    return datetime.fromisoformat(text[:26].rstrip("Z")) if text else None


def verdicts(memory: Memory, service: str | None = None) -> pl.DataFrame:
    """Return the verdicts of a store, of one service or of all, the oldest first, without their documents."""
    rows = memory.recall("verdicts").drop("document", "window_end").sort("service", "started", "revision")
    return rows.filter(pl.col("service") == service) if service else rows


def earlier(memory: Memory, target: Target, *, runs: int, wanted: str) -> Earlier | None:
    """Return the last runs of other revisions of a service that passed, added up; None where there is none.

    wanted: `previous`; `none`, which gives none; or the name of a revision, whose last run it is, passed or not.
    """
    if wanted == "none":
        return None
    mine = memory.recall("verdicts").filter(
        *(
            pl.col(key).eq_missing(pl.lit(getattr(target, key), pl.String))
            for key in ("project", "location", "service")
        ),
        pl.col("revision") != target.revision,
    )
    if wanted == "previous":
        passed = mine.filter(pl.col("verdict").is_in(["PASS", "WARN"]), pl.col("eligible") > 0)
        last = passed.sort("ended", "run").tail(runs)
    else:
        last = mine.filter(pl.col("revision") == wanted).sort("ended", "run").tail(1)
    if last.is_empty():
        return None
    names = last["run"].to_list()
    measures, histograms = memory.recall("measures", names), memory.recall("histograms", names)
    profiles = [_profile(measures.filter(run=name), histograms.filter(run=name)) for name in names]
    known = memory.recall("signatures", names)
    added = known.group_by(KEY).agg(pl.col("n", "n_startup").sum()).sort(KEY)
    texts = ("first_log_name", "first_insert_id", "first_excerpt")
    nothing = [pl.lit(None, pl.Int64).alias("first_ns"), *(pl.lit(None, pl.String).alias(name) for name in texts)]
    return Earlier(merged(profiles), added.with_columns(nothing), {})


def merged(profiles: Sequence[Profile]) -> Profile:
    """Return profiles added up: counts and histograms are sums, design effects averages by what they stand for."""
    last = profiles[-1]
    counts = {name: sum(getattr(one.requests, name) for one in profiles) for name in _SUMMED}
    events: dict[str, EventTotal] = {}
    endpoints: dict[str, EndpointCounts] = {}
    codes: Counter[tuple[str, int]] = Counter()
    times: dict[tuple[str, str], list[Times]] = {}
    for one in profiles:
        codes.update(one.codes)
        for name, total in one.events.items():
            events[name] = EventTotal(total.n + (events[name].n if name in events else 0), total.outcome)
        for name, own in one.endpoints.items():
            had = endpoints.get(name, EndpointCounts())
            endpoints[name] = EndpointCounts(had.n + own.n, had.errors_5xx + own.errors_5xx, had.denied + own.denied)
        for key, histogram in one.times.items():
            times.setdefault(key, []).append(histogram)
    weights = [max(one.entries, 1) for one in profiles]
    design_effects = {
        name: _averaged([one.design_effects.get(name, INDEPENDENT) for one in profiles], weights)
        for name in sorted({name for one in profiles for name in one.design_effects})
    }
    reasons: Counter[str] = Counter()
    for one in profiles:
        reasons.update(one.instances.starts_by_reason)
    return Profile(
        revision=last.revision,
        origin="history",
        runs=len(profiles),
        entries=sum(one.entries for one in profiles),
        parsed=sum(one.parsed for one in profiles),
        explained=sum(one.explained for one in profiles),
        first_ns=min((one.first_ns for one in profiles if one.first_ns is not None), default=None),
        last_ns=max((one.last_ns for one in profiles if one.last_ns is not None), default=None),
        starts=sum(one.starts for one in profiles),
        severities=frozenset().union(*(one.severities for one in profiles)),
        requests=RequestCounts(**counts),
        design_effects=design_effects,
        endpoints=endpoints,
        times={key: _added(histograms) for key, histograms in times.items()},
        events=events,
        codes=dict(codes),
        instances=Instances(
            n=sum(one.instances.n for one in profiles),
            starts_by_reason=dict(sorted(reasons.items())),
            start_up_ms=tuple(took for one in profiles for took in one.instances.start_up_ms),
        ),
    )


def _added(histograms: Sequence[Times]) -> Times:
    places = np.concatenate([np.stack([one.part, one.bucket]) for one in histograms], axis=1)
    (part, bucket), where = np.unique(places, axis=1, return_inverse=True)
    n = np.bincount(where.ravel(), weights=np.concatenate([one.n for one in histograms])).astype(np.int64)
    return Times(bucket, part, n, _averaged([one.design for one in histograms], [one.total for one in histograms]))


def _averaged(design_effects: Sequence[DesignEffect], weights: Sequence[int]) -> DesignEffect:
    """One design effect for several runs: the average, with the degrees of freedom of all."""
    return DesignEffect(
        float(np.average([one.value for one in design_effects], weights=weights)), sum(one.df for one in design_effects)
    )


def _run(one: Assessment) -> str:
    window = one.verdict.window
    parts = (one.target.project, one.target.location, one.target.service, one.target.revision)
    text = "\n".join(part or "" for part in (*parts, window.covered_start, window.covered_end))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _own(table: str) -> pl.Schema:
    """The columns of a table beside who and which run."""
    return pl.Schema({column.name: column.dtype for column in HISTORY[table][len(RUN) :]})


def _verdict(verdict: Verdict) -> tuple[object, ...]:
    latency = verdict.requests.latency_ms
    return (
        verdict.window.covered_start,
        verdict.window.covered_end,
        verdict.verdict,
        verdict.headline,
        verdict.baseline,
        verdict.requests.n,
        verdict.requests.eligible,
        verdict.requests.rate,
        latency.p50,
        latency.p95,
        verdict.tool.catalogue,
        verdict.tool.policy,
        verdict.model_dump_json(),
    )


Measure = tuple[str, str, int | None, float | None, str]


def _measures(profile: Profile, verdict: Verdict) -> Iterator[Measure]:
    for name in ("entries", "parsed", "explained", "starts"):
        yield name, "", getattr(profile, name), None, "entries"
    yield "first_ns", "", profile.first_ns, None, "ns since 1970"
    yield "last_ns", "", profile.last_ns, None, "ns since 1970"
    for name in sorted(profile.severities):
        yield "severity", name, 1, None, ""
    for name in _SUMMED:
        yield f"requests.{name}", "", getattr(profile.requests, name), None, "requests"
    for name in ("p50", "p95", "p99", "max"):
        yield f"requests.latency_{name}", "", verdict.requests.n, getattr(verdict.requests.latency_ms, name), "ms"
    for name, own in profile.endpoints.items():
        yield "endpoint.n", name, own.n, None, "requests"
        yield "endpoint.errors_5xx", name, own.errors_5xx, None, "requests"
        yield "endpoint.denied", name, own.denied, None, "requests"
    for name, total in profile.events.items():
        yield f"event.{total.outcome}", name, total.n, None, "events"
    for (event, code), n in profile.codes.items():
        yield "code", f"{event}/{code}", n, None, "events"
    for name, design in profile.design_effects.items():
        yield from _design("design", name, design)
    for (kind, name), times in profile.times.items():
        yield from _design(f"design.{kind}", name, times.design)
    yield "instances", "", profile.instances.n, None, "instances"
    for reason, n in profile.instances.starts_by_reason.items():
        yield "start", reason, n, None, "instances"
    for place, took in enumerate(profile.instances.start_up_ms):
        yield "start_up", str(place), 1, took, "ms"


def _design(measure: str, name: str, design: DesignEffect) -> Iterator[Measure]:
    yield f"{measure}.effect", name, None, design.value, "1"
    yield f"{measure}.df", name, None, None if isinf(design.df) else design.df, "1"


def _histograms(profile: Profile) -> Iterator[tuple[str, str, int, int, int]]:
    for (kind, name), times in profile.times.items():
        for part, bucket, n in zip(times.part, times.bucket, times.n, strict=True):
            yield kind, name, int(part), int(bucket), int(n)


def _profile(rows: pl.DataFrame, histograms: pl.DataFrame) -> Profile:
    """The profile of one run, from its rows of measures and histograms."""
    known: dict[str, dict[str, tuple[int | None, float | None]]] = {}
    for measure, key, n, value in rows.select("measure", "key", "n", "value").iter_rows():
        known.setdefault(measure, {})[key] = n, value

    def one(measure: str) -> int:
        return known[measure][""][0] or 0

    def design(measure: str, key: str) -> DesignEffect:
        return DesignEffect(known[f"{measure}.effect"][key][1] or 1.0, known[f"{measure}.df"][key][1] or inf)

    histograms = histograms.sort("kind", "key", "part", "bucket")
    times = {}
    for (kind, key), part in histograms.group_by("kind", "key", maintain_order=True):
        bucket, place, n = (part[column].to_numpy().astype(np.int64) for column in ("bucket", "part", "n"))
        times[str(kind), str(key)] = Times(bucket, place, n, design(f"design.{kind}", str(key)))
    codes = {}
    for key, (n, _) in known.get("code", {}).items():
        event, _, code = key.rpartition("/")
        codes[event, int(code)] = n or 0
    return Profile(
        revision=rows["revision"][0],
        origin="history",
        entries=one("entries"),
        parsed=one("parsed"),
        explained=one("explained"),
        first_ns=known["first_ns"][""][0],
        last_ns=known["last_ns"][""][0],
        starts=one("starts"),
        severities=frozenset(known.get("severity", {})),
        requests=RequestCounts(**{field: one(f"requests.{field}") for field in _SUMMED}),
        design_effects={key: design("design", key) for key in known.get("design.effect", {})},
        endpoints={
            key: EndpointCounts(
                n or 0, known["endpoint.errors_5xx"][key][0] or 0, known["endpoint.denied"][key][0] or 0
            )
            for key, (n, _) in known.get("endpoint.n", {}).items()
        },
        times=times,
        events={
            key: EventTotal(n or 0, measure.removeprefix("event."))
            for measure, keys in known.items()
            if measure.startswith("event.")
            for key, (n, _) in keys.items()
        },
        codes=codes,
        instances=Instances(
            n=one("instances"),
            starts_by_reason={key: n or 0 for key, (n, _) in known.get("start", {}).items()},
            start_up_ms=tuple(
                value or 0.0
                for _, (_, value) in sorted(known.get("start_up", {}).items(), key=lambda pair: int(pair[0]))
            ),
        ),
    )
