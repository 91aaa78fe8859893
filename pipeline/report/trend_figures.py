"""Runs over time as small figures, one per question, all on the same x axis and wide enough for a phone."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import polars as pl

from pipeline.judge.numbers import duration, number, percent
from pipeline.report.drawing import BLUE, ERROR, INK, drawing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: As wide as a phone's page, in inches, so that text keeps its size there.
_WIDTH, _HEIGHT = 3.4, 1.9

#: So many runs are drawn, the latest.
MAX_DRAWN = 60

#: Latencies that differ by more than this are drawn on a logarithmic axis.
_LOG_RATIO = 8.0

#: Heading and columns of each figure; what a second column is called stands at its line.
FIGURES = {
    "latency": ("Latency of user requests", ("p95_ms", "p50_ms")),
    "errors": ("Failed user requests (5xx)", ("error_rate",)),
    "auth": ("Sign-in, median", ("auth_p50_ms",)),
    "database": ("Database lookup, median", ("database_p50_ms",)),
    "start_up": ("Start-up, median", ("start_up_p50_ms",)),
    "crashes": ("Crashes", ("crashes",)),
}


def trend_figures(runs: pl.DataFrame, drifts: pl.DataFrame) -> "dict[str, tuple[Figure, str]]":
    """Return the figures of one service by name, each with its numbers as text; one without two values is left out.

    runs: of one service by time, as `assess.trends.points` gives them. drifts: its changes, as `assess.trends.drifts`.
    """
    drawn = runs.tail(MAX_DRAWN)
    figures = {}
    for name, (heading, columns) in FIGURES.items():
        if drawn[columns[0]].count() >= 2 and (name != "crashes" or drawn["crashes"].sum()):
            figures[name] = _figure(drawn, drifts, heading, columns)
    return figures


def written(column: str, value: float | None) -> str:
    """Return a value of a column of `points` for reading."""
    if column == "error_rate":
        return percent(value)
    return duration(value) if column.endswith("_ms") else number(value)


def _figure(runs: pl.DataFrame, drifts: pl.DataFrame, heading: str, columns: Sequence[str]) -> "tuple[Figure, str]":
    n = runs[columns[0]].count()
    texts = []
    with drawing(width=_WIDTH, height=_HEIGHT) as (figure, axes):
        axes.set_position((0.17, 0.13, 0.82, 0.74))  # the same in all, so that runs stand below each other
        for column, colour, style in zip(columns, (BLUE, INK), ("-", "--"), strict=False):
            values = runs[column].to_list()
            axes.plot(
                range(len(values)), values, color=colour, linestyle=style, marker="o", markersize=3, linewidth=1.2
            )
            last = max(index for index, value in enumerate(values) if value is not None)
            name = column.removesuffix("_ms") if len(columns) > 1 else ""
            axes.annotate(
                f"{name} {written(column, values[last])}".strip(),
                (last, values[last]),
                xytext=(5, 1),
                textcoords="offset points",
                va="bottom",
                fontsize=8,
                color=INK,
            )
            _levels(axes, runs, drifts.filter(pl.col("measure") == column), column)
            texts.append(f"{name} {_in_words(column, values)}".strip())
        _failed(axes, runs, columns[0])
        _scale(axes, runs, columns)
        axes.set_title(f"{heading} (n = {n} runs)")
        _dates(axes, runs)
    return figure, f"{heading}, {n} runs: {'; '.join(texts)}"


def _in_words(column: str, values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    first, low, high, last = (written(column, value) for value in (known[0], min(known), max(known), known[-1]))
    return f"first {first}, lowest {low}, highest {high}, last {last}"


def _levels(axes: "Axes", runs: pl.DataFrame, drifts: pl.DataFrame, column: str) -> None:
    """A line where a level changed, with the medians before and after."""
    order = runs["run"].to_list()
    for drift in drifts.iter_rows(named=True):
        if drift["run"] not in order:
            continue
        x = order.index(drift["run"]) - 0.5
        axes.axvline(x, color=ERROR, linewidth=1.0, linestyle=":")
        axes.annotate(
            f"{written(column, drift['before'])} → {written(column, drift['after'])}",
            (x, 0.97),
            xycoords=axes.get_xaxis_transform(),
            xytext=(-4, 0),
            textcoords="offset points",
            ha="right",
            va="top",
            fontsize=7.5,
        )


def _named_times(started: Sequence[str]) -> tuple[list[int], list[str]]:
    """Which of the times are named on the axis, and how: by the day; with the clock where two are of one day.

    >>> _named_times(["2026-03-09T08:00:00Z", "2026-03-10T09:10:00Z", "2026-03-11T09:10:00Z"])
    ([0, 1, 2], ['03-09', '03-10', '03-11'])
    >>> _named_times(["2026-03-10T09:10:00Z", "2026-03-10T12:00:00Z", "2026-03-11T08:00:00Z"])
    ([0, 1, 2], ['03-10 09:10', '12:00', '03-11 08:00'])
    """
    shown = sorted({0, len(started) // 2, len(started) - 1})
    days = [started[index][5:10] for index in shown]
    if len(set(days)) == len(days):
        return shown, days
    times = [started[index][11:16] for index in shown]
    is_new = [day not in days[:place] for place, day in enumerate(days)]
    return shown, [f"{day} {time}" if new else time for day, time, new in zip(days, times, is_new, strict=True)]


def _failed(axes: "Axes", runs: pl.DataFrame, column: str) -> None:
    """A cross on each run that failed."""
    failed = [
        (index, row[column])
        for index, row in enumerate(runs.iter_rows(named=True))
        if row["verdict"] == "FAIL" and row[column] is not None
    ]
    if failed:
        xs, ys = zip(*failed, strict=True)
        axes.plot(xs, ys, linestyle="", marker="X", markersize=7, color=ERROR, markeredgecolor="white", zorder=3)


def _scale(axes: "Axes", runs: pl.DataFrame, columns: Sequence[str]) -> None:
    """From zero; latencies that lie far apart on a logarithmic axis."""
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

    column = columns[0]
    values = [value for name in columns for value in runs[name] if value is not None]
    if column.endswith("_ms") and min(values) > 0 and max(values) > _LOG_RATIO * min(values):
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=6))
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.set_ylim(min(values) / 1.3, max(values) * 2)
    else:
        axes.yaxis.set_major_locator(MaxNLocator(nbins=4, integer=column == "crashes"))
        axes.set_ylim(0, max(*values, 0.01 if column == "error_rate" else 1e-9) * 1.35)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _index: written(column, value)))


def _dates(axes: "Axes", runs: pl.DataFrame) -> None:
    """Days, or times, of the first, the middle and the last run; a tick under each run of a revision that is new."""
    height = runs.height
    axes.set_xticks(*_named_times([started or "" for started in runs["started"]]))
    new = runs["revision"].ne_missing(runs["revision"].shift(1)).to_list()
    axes.set_xticks([index for index in range(height) if new[index]], minor=True)
    axes.tick_params("x", which="minor", length=4, direction="in", color=INK)
    axes.set_xlim(-0.5, (height - 1) * 1.45 + 0.5)  # room for the names of the lines
