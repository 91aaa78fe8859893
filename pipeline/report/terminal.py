"""What a terminal shows, within 100 columns and with colours only there: the summary of a run, and the history."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import polars as pl
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.judge.model import Verdict
from pipeline.judge.numbers import NO_BASELINE, count, cut, number, percent
from pipeline.report.claims import DECIDING
from pipeline.report.first_screen import answers, tiles
from pipeline.text import shown

if TYPE_CHECKING:
    from pipeline.report import compare

_STYLES = {
    "PASS": "bold green",
    "WARN": "bold yellow",
    "INCONCLUSIVE": "bold magenta",
    "FAIL": "bold red",
}
_WIDTH = 100
_PROOF = 2
_BLOCKS = "▁▂▃▄▅▆▇█"

#: A sparkline has so many values, the latest.
_MAX_SPARKS = 40
#: So many services that are only listed are named.
_MAX_OTHERS = 50
_NUMBER = 7


def print_summary(
    console: Console,
    verdicts: Sequence[Verdict],
    others: dict[str, int],
    totals: dict[str, int],
    notes: Sequence[str],
    other_types: str = "",
    outside: int = 0,
) -> None:
    """Print what a reader needs first: each verdict, the checks that decided it with their first entries, totals.

    others: entries of services that are only listed. other_types: entries that are none of Cloud Run's, in words.
    outside: entries outside of the window, which no total counts.
    """
    _fit(console)
    regions: dict[tuple[str, str], set[str | None]] = {}
    for verdict in verdicts:
        regions.setdefault((verdict.workload, verdict.service), set()).add(verdict.location)
    for verdict in verdicts:
        _verdict(console, verdict, with_region=len(regions[verdict.workload, verdict.service]) > 1)
    for note in notes:
        console.print(Text.assemble(("INCONCLUSIVE", _STYLES["INCONCLUSIVE"]), f": {shown(note)}"))
    if others and verdicts:
        listed = ", ".join(
            f"{shown(name)} ({count(n, 'entry', 'entries')})" for name, n in list(others.items())[:_MAX_OTHERS]
        )
        if len(others) > _MAX_OTHERS:
            listed += f" and {len(others) - _MAX_OTHERS:,} more"
        console.print(Text(f"not judged, no deployment, start, crash or 20 requests: {listed}", style="dim"))
    if other_types:
        console.print(Text(f"not of Cloud Run, in no number above: {shown(other_types)}", style="dim"))
    counts = ", ".join(f"{name} {n:,}" for name, n in totals.items())
    if outside:
        counts = f"{count(outside, 'entry', 'entries')} outside the window; within it: {counts}"
    console.print(Text(counts, style="dim"))


def _verdict(console: Console, verdict: Verdict, *, with_region: bool) -> None:
    head, _, rest = shown(verdict.headline).partition(verdict.verdict)
    console.print(Text.assemble(head, (verdict.verdict, _STYLES[verdict.verdict]), rest))
    covered = f"{verdict.window.covered_start or '–'} to {verdict.window.covered_end or '–'}"
    named = f"{verdict.service} {verdict.revision}" + (f", {verdict.location or 'no region'}" if with_region else "")
    console.print(Text(f"  {shown(named)}, risk {verdict.risk}", style="bold"))
    console.print(
        Text(
            f"  {covered}, {count(verdict.inputs.entries, 'entry', 'entries')}, {count(verdict.requests.n, 'request')}",
            style="dim",
        )
    )
    answered = answers(verdict)
    console.print(Text(f"  {_in_words(verdict)}"))
    if NO_BASELINE in verdict.notes:
        console.print(Text(f"  {NO_BASELINE}"))
    if verdict.verdict in ("FAIL", "WARN") and verdict.incidents:
        console.print(Text(f"  Since {shown(answered.since)}"))
    if answered.line:
        console.print(Text(f"  First line: {cut(shown(answered.line), _WIDTH - 14)}"))
    if verdict.advice:
        console.print(Text(f"  {shown(answered.now)}"))
        if verdict.advice.command:
            command = shown(verdict.advice.command).replace(" --", " \\\n      --")  # to be copied, within the width
            console.print(Text(f"    {command}", overflow="fold"))
    table = Table(box=None, show_header=False, padding=(0, 1), pad_edge=False)
    table.add_column(width=2)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for status_name in DECIDING:
        for check in (check for check in verdict.checks if check.status == status_name):
            status = Text(check.status, style=_STYLES[check.status])
            table.add_row("", status, Text(check.id), Text(shown(check.reason)))
            for entry in check.evidence[:_PROOF]:
                text = f"{(entry.timestamp or '')[11:19]} {entry.excerpt}"
                table.add_row("", "", "", Text(text if len(text) <= _WIDTH else f"{text[: _WIDTH - 1]}…", style="dim"))
    if table.row_count:
        console.print(table)
    statuses = [check.status for check in verdict.checks]
    counted = {name: statuses.count(name) for name in ("PASS", "NOT_APPLICABLE", "NOT_OBSERVABLE")}
    counts = ", ".join(f"{n} {name.replace('_', ' ').lower()}" for name, n in counted.items() if n)
    console.print(Text(f"  {counts}", style="dim"))
    for check in verdict.checks:
        if check.excludes:
            console.print(Text(f"  {check.id}: {shown(check.excludes)}", style="dim"))
    console.print()


def _in_words(verdict: Verdict) -> str:
    """The numbers of the first screen in a line, with those of the baseline."""
    known = [tile for tile in tiles(verdict) if tile.now != "–" and tile.label != "Entries"]
    return ", ".join(f"{tile.label} {tile.now}{f' (before {tile.before})' if tile.before else ''}" for tile in known)


def print_history(console: Console, rows: pl.DataFrame) -> None:
    """Print a table per service, a row per run by time, and sparklines of p95 and error rate over the runs.

    rows: service, revision, started (RFC 3339), verdict, requests, error_rate (a ratio), p50_ms, p95_ms; `started` and
    numbers may be null. Columns that a narrow terminal has no room for are left out: p50 first, then requests.
    """
    _fit(console)
    for (service,), runs in rows.sort("service", "started").group_by("service", maintain_order=True):
        console.print(Text(shown(str(service)), style="bold"))
        table = Table(box=None, padding=(0, 1), pad_edge=False, header_style="dim")
        numbers = [("5xx", "error_rate"), ("p95 ms", "p95_ms")]
        if console.width >= 72:
            numbers.insert(0, ("requests", "requests"))
        if console.width >= 84:
            numbers.insert(2, ("p50 ms", "p50_ms"))
        left = console.width - 16 - 12 - len(numbers) * _NUMBER - 2 * (len(numbers) + 2)
        for heading, width in (("started, UTC", 16), ("revision", left), ("verdict", 12)):
            table.add_column(heading, no_wrap=True, max_width=width)
        for heading, _ in numbers:
            table.add_column(heading, justify="right", no_wrap=True, min_width=_NUMBER)
        for row in runs.iter_rows(named=True):
            cells = [percent(row[name]) if name == "error_rate" else number(row[name]) for _, name in numbers]
            verdict = Text(row["verdict"], style=_STYLES[row["verdict"]])
            table.add_row(
                (row["started"] or "–")[:16].replace("T", " "), _end(shown(row["revision"]), left), verdict, *cells
            )
        console.print(table)
        for heading, name, written in (("p95", "p95_ms", number), ("5xx", "error_rate", percent)):
            values = [value for value in runs[name].tail(_MAX_SPARKS) if value is not None]
            if len(values) > 1:
                line = sparkline(values)
                unit = " ms" if name == "p95_ms" else ""
                console.print(Text(f"{heading} {line} {written(min(values))} to {written(max(values))}{unit}"))
        console.print()


def tables_text(heading: str, tables: "Sequence[compare.Table]") -> str:
    """Return tables of texts as a terminal shows them: headings, numbers to the right, lines up to 100 columns."""
    console = Console(highlight=False)
    _fit(console)
    with console.capture() as captured:
        console.print(Text(heading, style="bold"))
        for given in tables:
            console.print()
            console.print(Text(given.title, style="bold"))
            table = Table(box=None, padding=(0, 1), pad_edge=False, header_style="dim")
            for index, name in enumerate(given.headings):
                is_number = 0 < index <= given.n_numbers
                table.add_column(name, justify="right" if is_number else "left", overflow="fold")
            for row in given.rows:
                table.add_row(*(Text(shown(cell)) for cell in row))
            console.print(table)
            if given.left_out:
                console.print(Text(f"and {given.left_out:,} more; --format json has them all", style="dim"))
    return captured.get()


def sparkline(values: Sequence[float]) -> str:
    """Return a character per value, the lowest for the smallest; the same for all where all are equal.

    >>> sparkline([1.0, 2.0, 8.0]), sparkline([5.0, 5.0])
    ('▁▂█', '▁▁')
    """
    low, high = min(values), max(values)
    scale = (len(_BLOCKS) - 1) / (high - low) if high > low else 0.0
    return "".join(_BLOCKS[round((value - low) * scale)] for value in values)


def _end(text: str, width: int) -> Text:
    """The end of a name, where revisions differ."""
    return Text(text if len(text) <= width else f"…{text[1 - width :]}")


def _fit(console: Console) -> None:
    console.width = min(console.width, _WIDTH) if console.is_terminal else _WIDTH
