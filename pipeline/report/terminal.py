"""The summary on a terminal: verdicts, what decided, totals; within 100 columns, colours only on a terminal."""

from collections.abc import Sequence

import polars as pl
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.judge.model import Verdict
from pipeline.report.text import shown

_STYLES = {
    "PASS": "bold green",
    "WARN": "bold yellow",
    "INCONCLUSIVE": "bold magenta",
    "FAIL": "bold red",
}
_WIDTH = 100
_PROOF = 2


def print_summary(
    console: Console, verdicts: Sequence[Verdict], others: dict[str, int], totals: dict[str, int], notes: Sequence[str]
) -> None:
    """Print what a reader needs first: each verdict, the checks that decided it with their first entries, totals."""
    console.width = min(console.width, _WIDTH) if console.is_terminal else _WIDTH
    for verdict in verdicts:
        _verdict(console, verdict)
    for note in notes:
        console.print(Text.assemble(("INCONCLUSIVE", _STYLES["INCONCLUSIVE"]), f": {shown(note)}"))
    if others and verdicts:
        listed = ", ".join(f"{shown(name)} ({n:,} entries)" for name, n in others.items())
        console.print(Text(f"not judged, for want of a deploy, a start, a crash or 20 requests: {listed}", style="dim"))
    console.print(Text(", ".join(f"{name} {n:,}" for name, n in totals.items()), style="dim"))


def print_history(console: Console, rows: pl.DataFrame) -> None:
    """Print one line per verdict. rows: `verdicts` of history, without the document."""
    console.width = min(console.width, _WIDTH) if console.is_terminal else _WIDTH
    table = Table(box=None, padding=(0, 1), pad_edge=False)
    for name in ("started", "revision", "verdict"):
        table.add_column(name, no_wrap=True)
    for name in ("requests", "5xx", "p50 ms", "p95 ms"):
        table.add_column(name, justify="right")
    for row in rows.iter_rows(named=True):
        numbers = [f"{row['requests']:,}", "–" if row["error_rate"] is None else f"{row['error_rate']:.2%}"]
        numbers += ["–" if row[name] is None else f"{row[name]:,.0f}" for name in ("p50_ms", "p95_ms")]
        verdict = Text(row["verdict"], style=_STYLES[row["verdict"]])
        table.add_row((row["started"] or "–")[:19], Text(shown(row["revision"])), verdict, *numbers)
    console.print(table)


def _verdict(console: Console, verdict: Verdict) -> None:
    head, _, rest = shown(verdict.headline).partition(verdict.verdict)
    console.print(Text.assemble(head, (verdict.verdict, _STYLES[verdict.verdict]), rest))
    covered = f"{verdict.window.covered_start or '–'} to {verdict.window.covered_end or '–'}"
    console.print(Text(f"  {shown(f'{verdict.service} {verdict.revision}')}, risk {verdict.risk}", style="bold"))
    console.print(
        Text(f"  {covered}, {verdict.inputs.entries:,} entries, {verdict.requests.n:,} requests", style="dim")
    )
    table = Table(box=None, show_header=False, padding=(0, 1), pad_edge=False)
    table.add_column(width=2)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for check in verdict.checks:
        if check.status in _STYLES and check.status != "PASS":
            status = Text(check.status, style=_STYLES[check.status])
            table.add_row("", status, Text(check.id), Text(shown(check.reason)))
            for entry in check.evidence[:_PROOF]:
                text = f"{(entry.timestamp or '')[11:19]} {entry.excerpt}"
                table.add_row("", "", "", Text(text if len(text) <= _WIDTH else f"{text[: _WIDTH - 1]}…", style="dim"))
    if table.row_count:
        console.print(table)
    statuses = [check.status for check in verdict.checks]
    counted = {name: statuses.count(name) for name in ("PASS", "NOT_APPLICABLE", "NOT_OBSERVABLE")}
    told = ", ".join(f"{n} {name.replace('_', ' ').lower()}" for name, n in counted.items() if n)
    console.print(Text(f"  {told}", style="dim"))
    console.print()
