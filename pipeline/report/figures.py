"""Frames as figures: drawn by matplotlib, legible in black and white, the same bytes for the same frame."""

import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import polars as pl

from pipeline.report.frames import BASELINE, REVISION, Charts
from pipeline.report.numbers import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLOURS = {REVISION: "#0072b2", BASELINE: "#b8860b"}
_LINES = {REVISION: "-", BASELINE: "--"}
_ERROR = "#d55e00"
_INK = "#010203"
_WIDTH, _HEIGHT = 6.4, 2.9

#: So many instances are drawn, those with the most exits.
MAX_INSTANCES = 20

_STYLE: dict[Any, Any] = {
    "axes.edgecolor": _INK,
    "axes.labelcolor": _INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 9,
    "axes.labelsize": 8.5,
    "figure.facecolor": "white",
    "axes.facecolor": "none",
    "font.family": "DejaVu Sans",
    "font.size": 8.5,
    "hatch.linewidth": 0.6,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "runverdict",
    "text.color": _INK,
    "text.parse_math": False,
    "timezone": "UTC",
    "xtick.color": _INK,
    "ytick.color": _INK,
}


def figures(charts: Charts) -> "dict[str, Figure]":
    """Return the figures of a revision by name; one for which there is nothing to draw is left out."""
    found = {name: draw(charts) for name, draw in FIGURES.items()}
    return {name: figure for name, figure in found.items() if figure is not None}


def svg(figure: "Figure") -> str:
    """Return a figure as SVG: no date, no random ids."""
    out = io.StringIO()
    with _style():
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    return re.sub(r"[ \t]+$", "", out.getvalue(), flags=re.MULTILINE)


def png(figure: "Figure") -> bytes:
    """Return a figure as PNG, 150 dots an inch."""
    out = io.BytesIO()
    with _style():
        figure.savefig(out, format="png", dpi=150, metadata={"Software": None})
    return out.getvalue()


def title(figure: "Figure") -> str:
    """Return the title of a figure, which has its n."""
    return figure.axes[0].get_title(loc="left")


def latency(charts: Charts) -> "Figure | None":
    """The distributions of latencies of both revisions, with their medians and intervals."""
    if charts.latency.is_empty():
        return None
    with _drawing() as (figure, axes):
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
        for place, row in enumerate(charts.medians.sort("role", descending=True).iter_rows(named=True)):
            colour, height = _COLOURS[row["role"]], top * (1.12 + 0.12 * place)
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
            told = f"median {median} ms ({low} to {high})"
            _beside(axes, row["high_ms"], height, told)
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(lambda value, _place: f"{value:,.10g}")
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_ylim(0, top * 1.45)
        counts = ", ".join(f"{row['role']} n = {row['n']:,}" for row in _by_role(charts.medians))
        _label(axes, f"Latency of requests of users ({counts})", "latency in ms, logarithmic", "share of requests in %")
        axes.legend(loc="upper left", bbox_to_anchor=(0, -0.22), ncols=2)
    return figure


def minutes(charts: Charts) -> "Figure | None":
    """Requests and errors per minute, with the deploy and the incidents."""
    if charts.minutes.is_empty():
        return None
    with _drawing() as (figure, axes):
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
                color=_ERROR,
                hatch="////",
                edgecolor="white",
                linewidth=0,
                label="5xx of the revision",
            )
        _mark(axes, charts.marks)
        counts = charts.minutes.group_by("role").agg(pl.col("n", "errors_5xx").sum())
        told = ", ".join(f"{row['role']} n = {row['n']:,}, {row['errors_5xx']:,} 5xx" for row in _by_role(counts))
        _label(axes, f"Requests of users per minute ({told})", "time, UTC", "requests a minute")
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
    with _drawing(height=1.3 + 0.22 * rows.height) as (figure, axes):
        for place, row in enumerate(rows.iter_rows(named=True)):
            days = (row["last"] - row["first"]).total_seconds() / 86400
            bad = row["bad_exits"] > 0
            axes.barh(
                place,
                days,
                left=row["first"],
                height=0.55,
                color=_ERROR if bad else _COLOURS[REVISION],
                alpha=0.75,
                hatch="////" if bad else None,
                edgecolor="white",
                linewidth=0,
            )
            if row["start"]:
                axes.plot([row["start"]], [place], marker="|", markersize=12, markeredgewidth=2, color=_INK)
            if bad:
                exits = f"{row['bad_exits']:,} {'exit' if row['bad_exits'] == 1 else 'exits'}"
                _beside(axes, row["last"], place, exits)
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
    with _drawing() as (figure, axes):
        for place, role in enumerate(roles):
            counts = dict(charts.closes.filter(pl.col("role") == role).select("code", "n").iter_rows())
            width = 0.8 / len(roles)
            bars = axes.bar(
                [number - 0.4 + width * (place + 0.5) for number in range(len(codes))],
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
    with _drawing() as (figure, axes):
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
    with _drawing(height=3.6, rows=2) as (figure, upper):
        lower = figure.axes[1]
        places = list(range(rows.height))
        upper.plot(places, rows["p95_ms"].to_numpy(), marker="o", markersize=4, color=_COLOURS[REVISION])
        rates = [rate * 100 for rate in rows["error_rate"]]
        lower.bar(places, rates, width=0.5, color=_ERROR, hatch="////", edgecolor="white", linewidth=0)
        n = int(rows["requests"].sum())
        _label(upper, f"p95 and error rate of {rows.height} revisions (n = {n:,} requests)", "", "p95 in ms")
        _label(lower, "", "revision, by its first entry", "5xx in %")
        upper.margins(y=0.15)
        upper.set_ylim(bottom=0)
        lower.set_ylim(bottom=0, top=max(1.0, *rates) * 1.1)
        lower.set_xticks(places, [_short(name, 18) for name in rows["revision"]])
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


@contextmanager
def _style() -> Iterator[None]:
    import matplotlib as mpl

    with mpl.rc_context(_STYLE):
        yield


@contextmanager
def _drawing(*, height: float = _HEIGHT, rows: int = 1) -> "Iterator[tuple[Figure, Axes]]":
    """A figure of our style and its first axes."""
    with _style():
        from matplotlib.figure import Figure

        figure = Figure(figsize=(_WIDTH, height), layout="constrained")
        axes = figure.subplots(rows, 1, sharex=True, squeeze=False)
        yield figure, axes[0][0]


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
    axes.set_title(heading)
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
    for place, row in enumerate(marks.iter_rows(named=True)):
        if row["until"]:
            axes.axvspan(row["time"], row["until"], color="#888888", alpha=0.25, linewidth=0, zorder=0)
        else:
            axes.axvline(row["time"], color=_INK, linewidth=0.9, linestyle=":" if row["kind"] == "deploy" else "-.")
        axes.annotate(
            _plain(row["label"])[:40],
            (date2num(row["time"]), 0.98 - 0.09 * (place % 3)),  # type: ignore[no-untyped-call]
            xycoords=top,
            xytext=(4, 0),
            textcoords="offset points",
            va="top",
            fontsize=7.5,
        )


def _beside(axes: "Axes", x: Any, y: float, text: str) -> None:
    """A text to the right of a point."""
    axes.annotate(text, (x, y), xytext=(5, 0), textcoords="offset points", va="center", fontsize=7.5)
