"""What happened when: requests, failures and p95 minute by minute over one axis, with the deployment and incidents."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl

from pipeline.judge.numbers import count, cut, duration
from pipeline.report.drawing import BLUE, ERROR, GREY, HEIGHT, INK, SMALL, SOFT, WIDTH, beside, describe, drawing
from pipeline.report.frames import BASELINE, REVISION, Charts

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLOURS = {REVISION: BLUE, BASELINE: GREY}
_NAMES = {REVISION: "now", BASELINE: "before"}

#: Left, bottom, width and height of the axes in the figure: the same in all, so that minutes stand below each other.
_AXES = (0.15, 0.12, 0.77, 0.56)

#: A p95 that varies more than this is drawn on a logarithmic axis.
_LOG_RATIO = 8.0

#: Characters of a mark's label that fit beside its line.
_MAX_LABEL = 30

#: Fewer failures are read sooner than drawn.
_MIN_FAILURES = 3

#: Deploy and Ready that are closer than this share of the axis have one label.
_CLOSE = 0.3

#: More minutes than this are a line without a dot for each.
_MAX_DOTS = 400

#: Of more minutes than this the lowest and the highest of each stretch are drawn: more cannot be seen at this width.
_MAX_STRETCHES = 1_500

_MINUTE = timedelta(minutes=1)


def minutes(charts: Charts) -> "Figure | None":
    """User requests a minute, now and before."""
    rows = charts.minutes
    if rows.is_empty():
        return None
    with drawing(width=WIDTH, height=HEIGHT) as (figure, axes):
        top = max(rows["n"])
        for role, part in _by_role(rows):
            seen = _seen(part, "n")
            times, values = [*seen["time"], part["time"][-1] + _MINUTE], [*seen["n"], part["n"][-1]]
            axes.fill_between(times, values, step="post", color=_COLOURS[role], alpha=0.18, linewidth=0)
            axes.step(times, values, where="post", color=_COLOURS[role], linewidth=1.2)
            _name(axes, part.filter(pl.col("n") > 0), "n", role, axes_top=top * 1.25)
        axes.set_ylim(0, top * 1.25)
        counts = {role: int(part["n"].sum()) for role, part in _by_role(rows)}
        title = f"User requests a minute ({_counts(counts)})"
        texts = [
            f"{_NAMES[role]} {n:,}, at most {max(part['n']):,} a minute"
            for (role, part), n in zip(_by_role(rows), counts.values(), strict=True)
        ]
        _finish(figure, axes, charts, title, texts, labels=True)
        _whole_numbers(axes)
    return figure


def errors(charts: Charts) -> "Figure | None":
    """User requests that failed, minute by minute; where none did, what the largest incident consists of."""
    rows = charts.minutes
    if rows.is_empty() or not rows["errors_5xx"].sum():
        return _failures(charts)
    with drawing(width=WIDTH, height=HEIGHT) as (figure, axes):
        for role, part in _by_role(rows):
            seen = _seen(part, "errors_5xx")
            times, values = [*seen["time"], part["time"][-1] + _MINUTE], [*seen["errors_5xx"], 0]
            axes.fill_between(times, values, step="post", color=ERROR if role == REVISION else GREY, linewidth=0)
        axes.set_ylim(0, max(rows["errors_5xx"]) * 1.25)
        counts = {role: int(part["errors_5xx"].sum()) for role, part in _by_role(rows)}
        failed = rows.filter(pl.col("role") == REVISION, pl.col("errors_5xx") > 0)
        texts = [f"{_NAMES[role]} {n:,} in {count(_minutes_with(rows, role), 'minute')}" for role, n in counts.items()]
        if failed.height:
            texts.append(f"the first at {failed['time'][0]:%H:%M}, the last at {failed['time'][-1]:%H:%M} UTC")
        _finish(figure, axes, charts, f"Failed a minute, 5xx ({_counts(counts)})", texts)
        _whole_numbers(axes)
    return figure


def _failures(charts: Charts) -> "Figure | None":
    """The failures of the largest incident, minute by minute."""
    rows = charts.failures
    if rows["n"].sum() < _MIN_FAILURES:
        return None
    with drawing(width=WIDTH, height=HEIGHT) as (figure, axes):
        axes.bar(rows["time"].to_list(), rows["n"].to_list(), width=1 / 1440, align="edge", color=ERROR, linewidth=0)
        axes.set_ylim(0, max(rows["n"]) * 1.25)
        texts = [f"{rows['causes'][0]}, at most {max(rows['n']):,} a minute, in {count(rows.height, 'minute')}"]
        _finish(figure, axes, charts, f"Failures in the log a minute (n = {int(rows['n'].sum()):,})", texts)
        _whole_numbers(axes)
    return figure


def pace(charts: Charts) -> "Figure | None":
    """p95 of user requests minute by minute; logarithmic where it varies much."""
    rows = charts.minutes.filter(pl.col("p95_ms") > 0)
    if rows.is_empty():
        return None
    with drawing(width=WIDTH, height=HEIGHT) as (figure, axes):
        from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

        low, high = float(min(rows["p95_ms"])), float(max(rows["p95_ms"]))
        log = high > _LOG_RATIO * low
        top = high * (1.8 if log else 1.25)
        for role, part in _by_role(rows):
            seen = _seen(part, "p95_ms")
            middle = [time + _MINUTE / 2 for time in seen["time"]]
            dot = "o" if part.height <= _MAX_DOTS else None
            axes.plot(middle, seen["p95_ms"].to_list(), color=_COLOURS[role], linewidth=1.2, marker=dot, markersize=2.5)
            _name(axes, part, "p95_ms", role, axes_top=top)
        if log:
            axes.set_yscale("log")
            axes.yaxis.set_major_locator(LogLocator(subs=(1,) if high > 100 * low else (1, 2, 5), numticks=6))
            axes.yaxis.set_minor_formatter(NullFormatter())
            axes.set_ylim(low / 1.4, top)
        else:
            axes.yaxis.set_major_locator(MaxNLocator(nbins=4))
            axes.set_ylim(0, top)
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _place: duration(value)))
        texts = [
            f"{_NAMES[role]} {duration(min(part['p95_ms']))} to {duration(max(part['p95_ms']))} in "
            f"{count(part.height, 'minute')}"
            for role, part in _by_role(rows)
        ]
        counts = {role: part.height for role, part in _by_role(rows)}
        _finish(figure, axes, charts, f"p95 by minute ({_counts(counts)} minutes)", texts)
    return figure


def clock_axis(axes: "Axes", first: Any, last: Any) -> None:
    """Times of day on the x axis, UTC; days where it is longer than that."""
    from matplotlib.dates import AutoDateLocator, DateFormatter

    locator = AutoDateLocator(minticks=2, maxticks=5)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    span = (last - first).total_seconds()
    form = "%H:%M:%S" if span < 240 else "%H:%M" if span < 86400 else "%m-%d %H:%M" if span < 4 * 86400 else "%Y-%m-%d"
    axes.xaxis.set_major_formatter(DateFormatter(form))  # type: ignore[no-untyped-call]


def _finish(
    figure: "Figure", axes: "Axes", charts: Charts, title: str, texts: Sequence[str], *, labels: bool = False
) -> None:
    """The same frame for all: axis, marks, title and the description in words."""
    axes.set_position(_AXES)
    times = pl.concat([charts.minutes["time"], charts.failures["time"]])
    first, last = times.min(), times.max()
    if isinstance(first, datetime) and isinstance(last, datetime):
        marks = charts.marks.filter(pl.col("time").is_between(first - 30 * _MINUTE, last + 30 * _MINUTE))
        first, last = min([first, *marks["time"]]), max([last + _MINUTE, *marks["time"]])
        axes.set_xlim(first, last)
        _mark(axes, marks, first, last, labels=labels)
        clock_axis(axes, first, last)
    axes.set_title(title, pad=26, x=-_AXES[0] / _AXES[2])
    described = [f"{row['label']} at {row['time']:%H:%M:%S} UTC" for row in charts.marks.iter_rows(named=True)]
    describe(figure, f"{title}: {'; '.join([*texts, *(described if labels else [])])}")


def _mark(axes: "Axes", marks: pl.DataFrame, first: datetime, last: datetime, *, labels: bool) -> None:
    """Lines for deploy and Ready, a shade for each incident; labels in two rows above the axes."""
    from matplotlib.dates import date2num

    span = (last - first).total_seconds() or 1.0

    def label(time: datetime, text: str, row: int, colour: str) -> None:
        share = (time - first).total_seconds() / span
        axes.annotate(
            cut(_plain(text), _MAX_LABEL),
            (date2num(time), 1.0),  # type: ignore[no-untyped-call]
            xycoords=axes.get_xaxis_transform(),
            xytext=(-1 if share > 0.5 else 1, 3 + 10 * row),
            textcoords="offset points",
            ha="right" if share > 0.5 else "left",
            fontsize=SMALL,
            color=colour,
        )

    for row in marks.filter(pl.col("kind") == "incident").iter_rows(named=True):
        axes.axvspan(row["time"], row["until"] + _MINUTE, color=ERROR, alpha=0.13, linewidth=0, zorder=0)
    lines = marks.filter(pl.col("kind") != "incident").sort("time")
    for row in lines.iter_rows(named=True):
        style = ":" if row["kind"] == "deploy" else "--"
        axes.axvline(row["time"], ymax=1.04, clip_on=False, color=SOFT, linewidth=0.9, linestyle=style)
    if not labels:
        return
    incidents = marks.filter(pl.col("kind") == "incident")
    if incidents.height:
        title = incidents["label"][0].partition(" in ")[0]
        more = f" and {incidents.height - 1} more" if incidents.height > 1 else ""
        label(incidents["time"][0], f"{title}{more}", 0, ERROR)
    times = lines["time"].to_list()
    if len(times) > 1 and (times[-1] - times[0]).total_seconds() < _CLOSE * span:
        label(times[0], ", ".join(lines["label"]), 1, INK)
    else:
        for row in lines.iter_rows(named=True):
            label(row["time"], row["label"], 1, INK)


def _name(axes: "Axes", part: pl.DataFrame, column: str, role: str, *, axes_top: float) -> None:
    """The role's name at its line: the baseline's at its beginning, the revision's at its end."""
    if part.is_empty():
        return
    edge = part.head(3) if role == BASELINE else part.tail(3)
    time = part["time"][0] if role == BASELINE else part["time"][-1] + _MINUTE
    height = min(float(max(edge[column])), axes_top * 0.9)
    beside(axes, time, height, _NAMES[role], left=role == REVISION, colour=_COLOURS[role], above=True)


def _by_role(rows: pl.DataFrame) -> list[tuple[str, pl.DataFrame]]:
    """The rows of each role that has some, the baseline first, so that the revision is drawn over it."""
    parts = [(role, rows.filter(pl.col("role") == role)) for role in (BASELINE, REVISION)]
    return [(role, part) for role, part in parts if part.height]


def _seen(rows: pl.DataFrame, column: str) -> pl.DataFrame:
    """What of many rows can be told apart in a chart: the lowest and the highest of each stretch, in order."""
    if rows.height <= _MAX_STRETCHES:
        return rows
    length = -(-rows.height // _MAX_STRETCHES)
    numbered = rows.with_row_index("row").group_by(pl.int_range(pl.len()) // length)
    ends = numbered.agg(
        pl.col("row").get(pl.col(column).arg_min()), pl.col("row").get(pl.col(column).arg_max()).alias("high")
    )
    return rows[pl.concat([ends["row"], ends["high"]]).unique().sort()]


def _counts(counts: dict[str, int]) -> str:
    """What a title says of n: that of now first."""
    now, before = counts.get(REVISION), counts.get(BASELINE)
    if now is None:
        return f"n = 0, before {before or 0:,}"
    return f"n = {now:,}" + ("" if before is None else f", before {before:,}")


def _minutes_with(rows: pl.DataFrame, role: str) -> int:
    return rows.filter(pl.col("role") == role, pl.col("errors_5xx") > 0).height


def _whole_numbers(axes: "Axes") -> None:
    """Counts on the y axis."""
    from matplotlib.ticker import MaxNLocator

    axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=4))


def _plain(text: str) -> str:
    """A text in characters that every font has."""
    return re.sub(r"[^ -~\u00a1-\u00ac\u00ae-\u00ff\u2026]", "?", text)
