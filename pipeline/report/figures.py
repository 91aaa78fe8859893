"""Frames as figures: drawn by matplotlib, legible in black and white, the same bytes for the same frame."""

import re
from collections.abc import Callable
from datetime import timedelta
from textwrap import fill
from typing import TYPE_CHECKING, Any

import polars as pl

from pipeline.judge.numbers import number
from pipeline.report.drawing import BLUE, ERROR, INK, drawing
from pipeline.report.frames import BASELINE, REVISION, Charts

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLOURS = {REVISION: BLUE, BASELINE: "#b8860b"}
_LINES = {REVISION: "-", BASELINE: "--"}

#: So many instances are drawn, those with the most exits.
MAX_INSTANCES = 20


def figures(charts: Charts) -> "dict[str, Figure]":
    """Return the figures of a revision by name; one for which there is nothing to draw is left out."""
    drawn = {name: draw(charts) for name, draw in FIGURES.items()}
    return {name: figure for name, figure in drawn.items() if figure is not None}


def latency(charts: Charts) -> "Figure | None":
    """The distributions of latencies of both revisions, with their medians and intervals."""
    if charts.latency.is_empty():
        return None
    with drawing() as (figure, axes):
        from matplotlib.ticker import LogLocator, NullFormatter

        top = 0.0
        for role in _roles(charts.latency):
            part = charts.latency.filter(pl.col("role") == role)
            edges = [*part["low_ms"], part["high_ms"][-1]]
            shares = [share * 100 for share in part["share"]]
            top = max(top, *shares)
            axes.stairs(
                shares, edges, color=_COLOURS[role], linestyle=_LINES[role], linewidth=1.6, label=_name(charts, role)
            )
        for y, row in enumerate(charts.medians.sort("role", descending=True).iter_rows(named=True)):
            colour, height = _COLOURS[row["role"]], top * (1.12 + 0.12 * y)
            axes.errorbar(
                row["median_ms"],
                height,
                xerr=[[row["median_ms"] - row["low_ms"]], [row["high_ms"] - row["median_ms"]]],
                fmt="o" if row["role"] == REVISION else "s",
                markersize=4,
                capsize=3,
                color=colour,
            )
            low, median, high = (number(row[name]) for name in ("low_ms", "median_ms", "high_ms"))
            words = f"median {median} ms ({low} to {high})"
            _beside(axes, row["high_ms"], height, words)
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(lambda value, _place: f"{value:,.10g}")
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_ylim(0, top * 1.45)
        counts = ", ".join(f"{row['role']} n = {row['n']:,}" for row in _by_role(charts.medians))
        _label(axes, f"Latency of user requests ({counts})", "latency in ms, logarithmic", "share of requests in %")
        axes.legend(loc="upper left", bbox_to_anchor=(0, -0.22), ncols=2)
    return figure


def minutes(charts: Charts) -> "Figure | None":
    """Requests and errors per minute, with the deploy and the incidents."""
    if charts.minutes.is_empty():
        return None
    with drawing() as (figure, axes):
        for role in _roles(charts.minutes):
            part = charts.minutes.filter(pl.col("role") == role)
            axes.step(
                [*part["time"], part["time"][-1] + timedelta(minutes=1)],
                [*part["n"], part["n"][-1]],
                where="post",
                color=_COLOURS[role],
                linestyle=_LINES[role],
                linewidth=1.4,
                label=_name(charts, role),
            )
        failed = charts.minutes.filter(pl.col("role") == REVISION, pl.col("errors_5xx") > 0)
        if failed.height:
            axes.bar(
                failed["time"].to_list(),
                failed["errors_5xx"].to_list(),
                width=1 / 1440,
                align="edge",
                color=ERROR,
                hatch="////",
                edgecolor="white",
                linewidth=0,
                label="5xx of the revision",
            )
        _mark(axes, charts.marks)
        counts = charts.minutes.group_by("role").agg(pl.col("n", "errors_5xx").sum())
        words = ", ".join(f"{row['role']} n = {row['n']:,}, {row['errors_5xx']:,} 5xx" for row in _by_role(counts))
        _label(axes, f"User requests per minute ({words})", "time, UTC", "requests a minute")
        _whole_numbers(axes)
        axes.set_ylim(top=max(charts.minutes["n"]) * 1.35)  # room for the marks' names
        _clock(axes)
        axes.legend(loc="upper left", bbox_to_anchor=(0, -0.22), ncols=2)
    return figure


def instances(charts: Charts) -> "Figure | None":
    """Instances from their first line to their last, with starts and exits."""
    every = charts.instances
    if every.is_empty():
        return None
    worst = every.sort("bad_exits", "first", "instance", descending=[True, False, False]).head(MAX_INSTANCES)
    rows = worst.sort("first", "instance")
    with drawing(height=1.3 + 0.22 * rows.height) as (figure, axes):
        for y, row in enumerate(rows.iter_rows(named=True)):
            days = (row["last"] - row["first"]).total_seconds() / 86400
            bad = row["bad_exits"] > 0
            axes.barh(
                y,
                days,
                left=row["first"],
                height=0.55,
                color=ERROR if bad else _COLOURS[REVISION],
                alpha=0.75,
                hatch="////" if bad else None,
                edgecolor="white",
                linewidth=0,
            )
            if row["start"]:
                axes.plot([row["start"]], [y], marker="|", markersize=12, markeredgewidth=2, color=INK)
            if bad:
                exits = f"{row['bad_exits']:,} {'exit' if row['bad_exits'] == 1 else 'exits'}"
                _beside(axes, row["last"], y, exits)
        axes.set_yticks(range(rows.height), rows["instance"].to_list())
        axes.invert_yaxis()
        axes.margins(x=0.12)
        n_starts = every.height - every["start"].null_count()
        n_exits = int(every["bad_exits"].sum())
        drawn = f", {rows.height} drawn" if rows.height < every.height else ""
        heading = (
            f"Instances (n = {every.height:,}{drawn}): {n_starts:,} starts (marks), {n_exits:,} bad exits (hatched)"
        )
        _label(axes, heading, "time, UTC", "end of instance id")
        _clock(axes)
    return figure


def closes(charts: Charts) -> "Figure | None":
    """WebSocket closes by code."""
    if charts.closes.is_empty():
        return None
    codes = sorted(set(charts.closes["code"]))
    roles = _roles(charts.closes)
    with drawing() as (figure, axes):
        for index, role in enumerate(roles):
            counts = dict(charts.closes.filter(pl.col("role") == role).select("code", "n").iter_rows())
            width = 0.8 / len(roles)
            bars = axes.bar(
                [number - 0.4 + width * (index + 0.5) for number in range(len(codes))],
                [counts.get(code, 0) for code in codes],
                width=width * 0.92,
                color=_COLOURS[role],
                hatch=None if role == REVISION else "xx",
                edgecolor="white",
                linewidth=0,
                label=_name(charts, role),
            )
            axes.bar_label(bars, fontsize=7.5)
        axes.set_xticks(range(len(codes)), [str(code) for code in codes])
        axes.margins(y=0.15)
        _whole_numbers(axes)
        n = int(charts.closes.filter(pl.col("role") == REVISION)["n"].sum())
        _label(axes, f"WebSocket closes by code (n = {n:,})", "close code", "closes")
        axes.legend(loc="upper left", bbox_to_anchor=(0, -0.22), ncols=2)
    return figure


def funnel(charts: Charts) -> "Figure | None":
    """The golden path: how many events of each stage were seen."""
    rows = charts.funnel
    if rows.is_empty():
        return None
    with drawing() as (figure, axes):
        bars = axes.barh(rows["stage"].to_list(), rows["n"].to_list(), color=_COLOURS[REVISION], height=0.6)
        axes.bar_label(bars, padding=3, fontsize=7.5)
        axes.invert_yaxis()
        axes.margins(x=0.1)
        _label(axes, f"Golden path (n = {int(rows['n'].sum()):,} events)", "events", "stage")
    return figure


def trend(charts: Charts) -> "Figure | None":
    """p95 and error rate by revision over time."""
    rows = charts.trend
    if rows.height < 2:
        return None
    with drawing(height=3.6, rows=2) as (figure, upper):
        lower = figure.axes[1]
        xs = list(range(rows.height))
        upper.plot(xs, rows["p95_ms"].to_numpy(), marker="o", markersize=4, color=_COLOURS[REVISION])
        rates = [rate * 100 for rate in rows["error_rate"]]
        lower.bar(xs, rates, width=0.5, color=ERROR, hatch="////", edgecolor="white", linewidth=0)
        n = int(rows["requests"].sum())
        _label(upper, f"p95 and error rate of {rows.height} revisions (n = {n:,} requests)", "", "p95 in ms")
        _label(lower, "", "revision, by its first entry", "5xx in %")
        upper.margins(y=0.15)
        upper.set_ylim(bottom=0)
        lower.set_ylim(bottom=0, top=max(1.0, *rates) * 1.1)
        lower.set_xticks(xs, [_short(name, 18) for name in rows["revision"]])
        if rows.height > 4:
            lower.tick_params("x", rotation=60)
    return figure


FIGURES: "dict[str, Callable[[Charts], Figure | None]]" = {
    "latency": latency,
    "minutes": minutes,
    "instances": instances,
    "closes": closes,
    "golden_path": funnel,
    "revisions": trend,
}


def _roles(frame: pl.DataFrame) -> list[str]:
    """The roles that a frame has, the baseline first, so that the revision is drawn over it."""
    return [role for role in (BASELINE, REVISION) if role in frame["role"]]


def _by_role(frame: pl.DataFrame) -> list[dict[str, object]]:
    return frame.sort("role", descending=True).to_dicts()


def _name(charts: Charts, role: str) -> str:
    name = charts.revision if role == REVISION else charts.baseline or ""
    return f"{role} {_short(name, 32)}"


def _short(name: str, width: int) -> str:
    """The end of a name, where revisions differ, in characters that every font has."""
    plain = _plain(name)
    return plain if len(plain) <= width else f"...{plain[3 - width :]}"


def _plain(text: str) -> str:
    return re.sub(r"[^ -~\u00a1-\u00ac\u00ae-\u00ff]", "?", text)


def _label(axes: "Axes", heading: str, x: str, y: str) -> None:
    axes.set_title(fill(heading, 72))
    axes.set_xlabel(x)
    axes.set_ylabel(y)


def _clock(axes: "Axes") -> None:
    """Times of day on the x axis."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator(maxticks=8)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator, tz="UTC"))  # type: ignore[no-untyped-call]


def _whole_numbers(axes: "Axes") -> None:
    """Counts on the y axis, from 0."""
    from matplotlib.ticker import MaxNLocator

    axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    axes.set_ylim(bottom=0)


def _mark(axes: "Axes", marks: pl.DataFrame) -> None:
    """Vertical lines for deploys, grey spans for incidents, each with its name at the top."""
    from matplotlib.dates import date2num

    top = axes.get_xaxis_transform()
    for index, row in enumerate(marks.iter_rows(named=True)):
        if row["until"]:
            axes.axvspan(row["time"], row["until"], color="#888888", alpha=0.25, linewidth=0, zorder=0)
        else:
            axes.axvline(row["time"], color=INK, linewidth=0.9, linestyle=":" if row["kind"] == "deploy" else "-.")
        axes.annotate(
            _plain(row["label"])[:40],
            (date2num(row["time"]), 0.98 - 0.09 * (index % 3)),  # type: ignore[no-untyped-call]
            xycoords=top,
            xytext=(4, 0),
            textcoords="offset points",
            va="top",
            fontsize=7.5,
        )


def _beside(axes: "Axes", x: Any, y: float, text: str) -> None:
    """A text to the right of a point."""
    axes.annotate(text, (x, y), xytext=(5, 0), textcoords="offset points", va="center", fontsize=7.5)
