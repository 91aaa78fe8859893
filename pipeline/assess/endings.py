"""Measures of statuses, clients, instances and slow minutes to what the judge knows of them."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipeline.assess.histograms import dense, slots_or_minutes
from pipeline.judge.counts import Clients, LatencySteps, Peer
from pipeline.judge.endings import ASIDE, HANDSHAKE, REDIRECTS
from pipeline.judge.latencies import quantile
from pipeline.judge.power import binomial_design_effect
from pipeline.judge.revision_data import OTHERS, Times, weighted
from pipeline.judge.stats import DesignEffect
from pipeline.judge.tails import QUANTILES, bucket_of, far_cut

#: Fewer failures of a kind decide nothing, so their design effect is never asked for.
_LEAST_FAILURES = 4
#: Fewer requests of an endpoint that are no user traffic decide nothing; a scan asks for thousands of paths.
_LEAST_ASIDE = 5


def statuses_and_clients(statuses: pl.DataFrame, clients: pl.DataFrame) -> dict[str, Any]:
    """Return `statuses` and `clients` of a profile from one revision's rows of the two measures."""
    counted = (pl.col("n").sum().over("endpoint", "caller") >= _LEAST_ASIDE) | ~pl.col("caller").is_in(ASIDE)
    totals = statuses.filter(counted).group_by("endpoint", "caller", "status").agg(pl.col("n").sum())
    by_endpoint: dict[str, dict[str, dict[int, int]]] = {}
    for endpoint, caller, status, n in totals.sort("endpoint", "caller", "status").iter_rows():
        by_endpoint.setdefault(endpoint, {}).setdefault(caller, {})[status] = n
    by_status: dict[str, dict[int, Clients]] = {}
    rows = clients.sort("endpoint", "status").select("endpoint", "status", "clients", "most")
    for endpoint, status, n, most in rows.iter_rows():
        by_status.setdefault(endpoint, {})[status] = Clients(n, most)
    return {"statuses": by_endpoint, "clients": by_status}


def calls(statuses: pl.DataFrame) -> dict[tuple[str, str], tuple[int, ...]]:
    """Return when Google's services called, in seconds since 1970, to ten: the last 1,000 by endpoint and caller."""
    called = statuses.filter(~pl.col("caller").is_in(["", HANDSHAKE, *ASIDE])).select("endpoint", "caller", "slot")
    times: dict[tuple[str, str], tuple[int, ...]] = {}
    for (endpoint, caller), rows in called.unique().sort("slot").group_by("endpoint", "caller", maintain_order=True):
        times[str(endpoint), str(caller)] = tuple((rows["slot"] * 10).tail(1000).to_list())
    return times


def ended_effects(statuses: pl.DataFrame) -> dict[str, DesignEffect]:
    """Return the design effects of `ended GROUP ENDPOINT` that are above 1: how failures cluster in time.

    GROUP: a 4xx status, redirects, 5xx, the name of a caller (its failures), or handshakes.
    """
    if statuses.is_empty():
        return {}
    users = statuses.filter(~pl.col("caller").is_in([HANDSHAKE, *ASIDE]))
    status = pl.col("status")
    grouped = users.with_columns(
        pl.when(status >= 500)
        .then(pl.lit("5xx"))
        .when(status >= 400)
        .then(status.cast(pl.String))
        .when(status.is_in(REDIRECTS))
        .then(pl.lit("redirects"))
        .alias("group")
    )
    effects = {}
    failed = grouped.drop_nulls("group")
    for (group,) in _frequent(failed, "group"):
        effects[f"ended {group} "] = _effect(grouped, failed.filter(pl.col("group") == group))
    for endpoint, group in _frequent(failed, "endpoint", "group"):
        rows = grouped.filter(pl.col("endpoint").eq_missing(pl.lit(endpoint, pl.String)))
        effects[f"ended {group} {endpoint}"] = _effect(rows, rows.filter(pl.col("group") == group))
    for caller, endpoint in _frequent(users.filter(pl.col("caller") != "", status >= 400), "caller", "endpoint"):
        calls = users.filter(pl.col("caller") == caller, pl.col("endpoint").eq_missing(pl.lit(endpoint, pl.String)))
        effects[f"ended {caller} {endpoint}"] = _effect(calls, calls.filter(status >= 400))
    handshakes = statuses.filter(pl.col("caller") == HANDSHAKE)
    refused = handshakes.filter(status >= 400)
    if refused["n"].sum() >= _LEAST_FAILURES:
        effects["handshakes"] = _effect(handshakes, refused)
    return {name: DesignEffect(value) for name, value in effects.items() if value > 1}


def _by(rows: pl.DataFrame, column: str) -> Iterator[tuple[str, pl.DataFrame]]:
    for (name,), part in rows.group_by(column, maintain_order=True):
        yield str(name), part


def _frequent(failed: pl.DataFrame, *by: str) -> list[tuple[Any, ...]]:
    """The names that failures have often enough."""
    totals = failed.group_by(by, maintain_order=True).agg(pl.col("n").sum())
    return totals.filter(pl.col("n") >= _LEAST_FAILURES).select(by).rows()


def _effect(rows: pl.DataFrame, failed: pl.DataFrame) -> float:
    """The design effect of a share, failures by slot or minute."""
    bad = failed.group_by("slot").agg(pl.col("n").sum().alias("bad"))
    slots = rows.group_by("slot").agg(pl.col("n").sum()).join(bad, on="slot", how="left").fill_null(0)
    return max(binomial_design_effect(*dense(bins, "bad", "n")) for bins in slots_or_minutes(slots))


def latency_steps(tails: pl.DataFrame, named: Mapping[tuple[str, str], Times]) -> dict[str, LatencySteps]:
    """Return requests by minute and step of latency, of each endpoint with times of its own, and "" for all."""
    names = [name for kind, name in named if kind == "endpoint" and name != OTHERS]
    known = tails.filter(pl.col("name").is_in(names)).sort("minute", "step")
    together = known.group_by("minute", "step").agg(pl.col("n").sum()).sort("minute", "step")
    return {
        name: LatencySteps(*(rows[column].to_numpy() for column in ("minute", "step", "n")))
        for name, rows in [("", together), *_by(known, "name")]
    }


def tail_effects(steps: Mapping[str, LatencySteps], times: Mapping[tuple[str, str], Times]) -> dict[str, DesignEffect]:
    """Return the design effects of `above QUANTILE ENDPOINT` that are above 1, of a profile's own quantiles."""
    endpoints = {name: parts for (kind, name), parts in times.items() if kind == "endpoint" and name != OTHERS}
    effects = {}
    for name, parts in [("", endpoints), *((name, {name: parts}) for name, parts in endpoints.items())]:
        if name not in steps or not parts:
            continue
        values = weighted(parts)
        cuts = {label: quantile(values, share) for label, share, _ in QUANTILES}
        cuts["far"] = far_cut(cuts["p99"])
        for label, cut in cuts.items():
            effects[f"above {label} {name}"] = steps[name].design_effect(bucket_of(cut))
    return {name: DesignEffect(value) for name, value in effects.items() if value > 1}


def sizes(bodies: pl.DataFrame) -> dict[str, dict[int, int]]:
    """Return answers by endpoint and size."""
    counts: dict[str, dict[int, int]] = {}
    for endpoint, size, n in bodies.select("endpoint", "size", "n").sort("endpoint", "size").iter_rows():
        counts.setdefault(endpoint, {})[size] = n
    return counts


def peers(rows: pl.DataFrame) -> tuple[Peer, ...]:
    """Return the instances that served users, as if all had the same mix of endpoints.

    The mean of an instance is that of all, and how far its own requests are from the means of their endpoints; failures
    are compared on endpoints that others served too.
    """
    if rows.is_empty():
        return ()
    names, at = np.unique(rows["instance_id"].to_numpy().astype(str), return_inverse=True)
    kinds, of = np.unique(rows["endpoint"].fill_null("").to_numpy().astype(str), return_inverse=True)
    n, failed, steady, total, squares = (
        rows[name].cast(pl.Float64).fill_null(0.0).to_numpy()
        for name in ("n", "errors_5xx", "n_steady", "bucket_sum", "bucket_squares")
    )

    def by_kind(values: NDArray[np.float64]) -> NDArray[np.float64]:
        sums: NDArray[np.float64] = np.bincount(of, weights=values, minlength=len(kinds)).astype(np.float64)
        return sums[of]

    def by_instance(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.bincount(at, weights=values, minlength=len(names)).astype(np.float64)

    others_n, others_failed = by_kind(n) - n, by_kind(failed) - failed
    shared = others_n > 0
    usual = np.where(shared, n * others_failed / np.maximum(others_n, 1.0), 0.0)
    apart = total - steady * by_kind(total) / np.maximum(by_kind(steady), 1.0)
    within = squares - total**2 / np.maximum(steady, 1.0)
    own = by_instance(steady)
    mean = total.sum() / max(steady.sum(), 1.0) + by_instance(apart) / np.maximum(own, 1.0)
    variance = np.maximum(by_instance(within), 0.0) / np.maximum(own - 1, 1.0)
    alike_n, alike_failed, alike_usual = (by_instance(values * shared) for values in (n, failed, usual))
    return tuple(
        Peer(
            instance=str(name),
            n=int(alike_n[i]),
            errors_5xx=int(alike_failed[i]),
            n_steady=int(own[i]),
            mean=float(mean[i]) if own[i] else 0.0,
            variance=float(variance[i]) if own[i] > 1 else 0.0,
            usual_5xx=float(alike_usual[i] / alike_n[i]) if alike_n[i] else None,
        )
        for i, name in enumerate(names)
    )
