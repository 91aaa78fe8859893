"""Frames as figures: small, drawn by matplotlib, labelled where the eye is, the same bytes for the same frame."""

import re
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import polars as pl

from pipeline.judge.numbers import count, duration
from pipeline.report.drawing import BLUE, ERROR, GREY, INK, SMALL, beside, describe, drawing
from pipeline.report.frames import BASELINE, REVISION, Charts
from pipeline.report.timeline import clock_axis, errors, minutes, pace

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLOURS = {REVISION: BLUE, BASELINE: GREY}
_NAMES = {REVISION: "now", BASELINE: "before"}

#: So many instances are drawn: the first and the last of those with the most exits.
MAX_INSTANCES = 20

#: Fewer revisions than this are no trend.
_MIN_REVISIONS = 3


def figures(charts: Charts) -> "dict[str, Figure]":
    """Return the figures of a revision by name; one for which there is nothing to draw is left out."""
    drawn = {name: draw(charts) for name, draw in FIGURES.items()}
    return {name: figure for name, figure in drawn.items() if figure is not None}


def latency(charts: Charts) -> "Figure | None":
    """The distributions of latencies, before above now, with their medians and intervals."""
    if charts.latency.is_empty():
        return None
    roles = _roles(charts.latency)
    medians = {row["role"]: row for row in charts.medians.iter_rows(named=True)}
    with drawing(height=1.0 + 0.85 * len(roles), rows=len(roles)) as (figure, upper):
        from matplotlib.ticker import LogLocator, NullFormatter

        texts = []
        for axes, role in zip(figure.axes, roles, strict=True):
            part = charts.latency.filter(pl.col("role") == role)
            shares = [share * 100 for share in part["share"]]
            edges = [*part["low_ms"], part["high_ms"][-1]]
            axes.stairs(shares, edges, color=_COLOURS[role], fill=True, alpha=0.35, linewidth=0)
            axes.stairs(shares, edges, color=_COLOURS[role], linewidth=1.2)
            row = medians[role]
            axes.axvline(row["median_ms"], color=INK, linewidth=0.9)
            least, median, most = (duration(row[name]) for name in ("low_ms", "median_ms", "high_ms"))
            about = "" if row["is_exact"] else "about "
            text = f"{_NAMES[role]}: median {about}{median}, 95 % {least} to {most}"
            axes.set_title(f"{text} (n = {row['n']:,})", fontsize=SMALL, pad=2)
            texts.append(f"{text}, n = {row['n']:,}")
            axes.set_ylim(0, max(shares) * 1.1)
            axes.set_yticks([])
            axes.spines["left"].set_visible(False)
        lower = figure.axes[-1]
        lower.set_xscale("log")
        low, high = lower.get_xlim()
        # decades alone where there are many, else 1, 2 and 5 of each
        lower.xaxis.set_major_locator(LogLocator(subs=(1,) if high > 50 * low else (1, 2, 5)))
        lower.xaxis.set_major_formatter(lambda value, _place: duration(value))
        lower.xaxis.set_minor_formatter(NullFormatter())
        figure.suptitle("Latency of user requests, share by duration", x=0.01, ha="left", fontsize=8.5)
        describe(figure, f"Latency of user requests, {'; '.join(reversed(texts))}")
        del upper
    return figure


def instances(charts: Charts) -> "Figure | None":
    """Instances from their first line to their last, with starts and exits; of a long loop the first and the last."""
    every = charts.instances
    if every.is_empty():
        return None
    rows = every.sort("first", "instance")
    n_bad = int((rows["bad_exits"] > 0).sum())
    left_out = max(rows.height - MAX_INSTANCES, 0)
    if left_out:
        worst = rows.filter(pl.col("bad_exits") > 0) if n_bad >= MAX_INSTANCES else rows
        half = MAX_INSTANCES // 2
        rows = pl.concat([worst.head(half), worst.tail(half)])
    with drawing(height=1.0 + 0.13 * (rows.height + bool(left_out))) as (figure, axes):
        places = [place + (1 if left_out and place >= MAX_INSTANCES // 2 else 0) for place in range(rows.height)]
        for y, row in zip(places, rows.iter_rows(named=True), strict=True):
            days = (row["last"] - row["first"]).total_seconds() / 86400
            bad = row["bad_exits"] > 0
            axes.barh(y, days, left=row["first"], height=0.6, color=ERROR if bad else BLUE, linewidth=0)
            if row["start"]:
                axes.plot([row["start"]], [y], marker="|", markersize=6, markeredgewidth=1.4, color=INK)
            if bad:
                beside(axes, row["last"], y, count(row["bad_exits"], "exit"))
        if left_out:
            middle = rows["first"][MAX_INSTANCES // 2]
            beside(axes, middle, MAX_INSTANCES // 2, f"{left_out:,} more between", left=True, colour=GREY)
        axes.set_yticks(places, rows["instance"].to_list(), fontsize=6.5)
        axes.invert_yaxis()
        axes.margins(x=0.14)
        n_starts = every.height - every["start"].null_count()
        n_exits = int(every["bad_exits"].sum())
        drawn = f", first and last {MAX_INSTANCES // 2} drawn" if left_out else ""
        axes.set_title(f"Instances by end of id (n = {every.height:,}{drawn})")
        clock_axis(axes, every["first"].min(), every["last"].max())
        counts = (count(every.height, "instance"), count(n_starts, "start"), count(n_exits, "bad exit"))
        first, last = rows["first"][0], max(rows["last"])
        describe(figure, f"Instances: {', '.join(counts)}, from {first:%H:%M:%S} to {last:%H:%M:%S} UTC")
    return figure


def closes(charts: Charts) -> "Figure | None":
    """WebSocket closes by code, now and before."""
    if charts.closes.is_empty():
        return None
    codes = sorted(set(charts.closes["code"]))
    roles = list(reversed(_roles(charts.closes)))
    counts = {
        role: dict(charts.closes.filter(pl.col("role") == role).select("code", "n").iter_rows()) for role in roles
    }
    with drawing(height=0.75 + 0.3 * len(codes)) as (figure, axes):
        height = 0.8 / len(roles)
        for index, role in enumerate(roles):
            for place, code in enumerate(codes):
                n, y = counts[role].get(code, 0), place - 0.4 + height * (index + 0.5)
                axes.barh(y, n, height=height * 0.85, color=_COLOURS[role], linewidth=0)
                beside(axes, n, y, f"{n:,} {_NAMES[role]}")
        axes.set_yticks(range(len(codes)), [str(code) for code in codes])
        axes.invert_yaxis()
        axes.margins(x=0.22)
        axes.set_xticks([])
        axes.spines["bottom"].set_visible(False)
        n = sum(counts.get(REVISION, {}).values())
        axes.set_title(f"WebSocket closes by code (n = {n:,})")
        parts = [f"{code} × {counts[role].get(code, 0):,} {_NAMES[role]}" for role in roles for code in codes]
        describe(figure, f"WebSocket closes by code: {', '.join(parts)}")
    return figure


def funnel(charts: Charts) -> "Figure | None":
    """The golden path: how many events of each stage were seen."""
    rows = charts.funnel
    if rows.is_empty():
        return None
    with drawing(height=1.9) as (figure, axes):
        axes.barh(rows["stage"].to_list(), rows["n"].to_list(), color=BLUE, height=0.6, linewidth=0)
        for y, n in enumerate(rows["n"]):
            beside(axes, n, y, f"{n:,}")
        axes.invert_yaxis()
        axes.margins(x=0.14)
        axes.set_xticks([])
        axes.spines["bottom"].set_visible(False)
        axes.set_title(f"Golden path (n = {int(rows['n'].sum()):,} events)")
        describe(figure, f"Golden path: {', '.join(f'{stage} × {n:,}' for stage, n in rows.iter_rows())}")
    return figure


def trend(charts: Charts) -> "Figure | None":
    """p95 and error rate by revision over time."""
    rows = charts.trend
    if rows.height < _MIN_REVISIONS:
        return None
    with drawing(height=2.6, rows=2) as (figure, upper):
        from matplotlib.ticker import FuncFormatter, MaxNLocator

        from pipeline.report.trend_figures import written

        lower = figure.axes[1]
        xs = list(range(rows.height))
        upper.plot(xs, rows["p95_ms"].to_numpy(), marker="o", markersize=3, linewidth=1.2, color=BLUE)
        lower.bar(xs, rows["error_rate"].to_numpy(), width=0.5, color=ERROR, linewidth=0)
        n = int(rows["requests"].sum())
        upper.set_title(f"p95 of {rows.height} revisions (n = {n:,} requests)")
        lower.set_title("Failed (5xx)", fontsize=SMALL)
        for axes, column in ((upper, "p95_ms"), (lower, "error_rate")):
            values = [value for value in rows[column] if value is not None]
            axes.set_ylim(0, max([*values, 0.01]) * 1.25)
            axes.yaxis.set_major_locator(MaxNLocator(nbins=4))
            axes.yaxis.set_major_formatter(FuncFormatter(partial(_as_written, column)))
        ends = [0, rows.height - 1] if rows.height > 4 else xs
        lower.set_xticks(ends, [_short(rows["revision"][x], 14) for x in ends])
        points = [
            f"{_short(row['revision'], 32)} p95 {written('p95_ms', row['p95_ms'])}, "
            f"{written('error_rate', row['error_rate'])} failed"
            for row in rows.iter_rows(named=True)
        ]
        describe(figure, f"p95 and failed user requests of {rows.height} revisions: {'; '.join(points)}")
    return figure


FIGURES: "dict[str, Callable[[Charts], Figure | None]]" = {
    "minutes": minutes,
    "errors": errors,
    "p95": pace,
    "latency": latency,
    "instances": instances,
    "closes": closes,
    "golden_path": funnel,
    "revisions": trend,
}

#: Those that stand side by side on the first screen, over one axis of time.
TIMELINE = ("minutes", "errors", "p95")


def _roles(frame: pl.DataFrame) -> list[str]:
    """The roles that a frame has, the baseline first."""
    return [role for role in (BASELINE, REVISION) if role in frame["role"]]


def _as_written(column: str, value: float, _place: int) -> str:
    """A tick of an axis."""
    from pipeline.report.trend_figures import written

    return written(column, value)


def _short(name: str, width: int) -> str:
    """The end of a name, where revisions differ, in characters that every font has."""
    plain = re.sub(r"[^ -~\u00a1-\u00ac\u00ae-\u00ff]", "?", name)
    return plain if len(plain) <= width else f"...{plain[3 - width :]}"
