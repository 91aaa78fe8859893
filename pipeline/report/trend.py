"""Pages over time: one per service with its runs, and an index over services. They ask for nothing.

OUT/index.html                   the newest verdict of each service, worst first
OUT/history.json                 every run, and every lasting change
OUT/SERVICE/history.html         revisions over time
OUT/SERVICE/newest.html          the report of the newest run, from what history holds of it
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import polars as pl

from pipeline.errors import StoreError
from pipeline.judge.model import Verdict
from pipeline.judge.numbers import count
from pipeline.report.drawing import Drawing, svg
from pipeline.report.html import html, page, shown_inline
from pipeline.report.trend_figures import MAX_DRAWN, trend_figures, written
from pipeline.whole_file import write_whole

_ORDER = ("FAIL", "INCONCLUSIVE", "WARN", "PASS")

#: How a lasting change of a measure is called.
_NAMES = {
    "error_rate": "The share of failed user requests",
    "p50_ms": "The median latency of user requests",
    "p95_ms": "The p95 latency of user requests",
    "auth_p50_ms": "The median time of a sign-in",
    "database_p50_ms": "The median time of a database lookup",
    "start_up_p50_ms": "The median start-up of an instance",
}

#: The table's columns of numbers.
_COLUMNS = (
    ("error_rate", "5xx"),
    ("p50_ms", "p50"),
    ("p95_ms", "p95"),
    ("auth_p50_ms", "Sign-in"),
    ("database_p50_ms", "Database"),
    ("start_up_p50_ms", "Start-up"),
    ("crashes", "Crashes"),
)

#: Fewer runs are too few for a lasting change: four on each side of it.
_MIN_RUNS = 8


@dataclass(frozen=True)
class ServiceTrend:
    """One service over time: its folder below OUT, its runs by time, its lasting changes, its newest verdict.

    runs, drifts: of `assess.trends.points` and `drifts`. newest: null where a later version cannot read what was kept.
    """

    folder: str
    runs: pl.DataFrame
    drifts: pl.DataFrame
    newest: Verdict | None

    @property
    def last(self) -> dict[str, Any]:
        """The newest run."""
        return self.runs.row(-1, named=True)

    @property
    def link(self) -> str:
        """The folder as a link, in which its own percent signs are written out."""
        return quote(self.folder)


def drift_text(drift: Mapping[str, Any]) -> str:
    """Return a lasting change in a sentence.

    drift: a row of `assess.trends.drifts`.
    """
    column = drift["measure"]
    before, after = drift["before"], drift["after"]
    change = f" ({'+' if after > before else '−'}{abs(after / before - 1):.0%})".replace("%", " %") if before else ""
    text = f"{_NAMES[column]} went from {written(column, before)} to {written(column, after)}{change}"
    return f"{text} with {drift['revision']}, {(drift['since'] or '–')[:10]}, p = {drift['p']:.3f}."


def write(out: Path, services: Sequence[ServiceTrend]) -> list[Path]:
    """Write the pages, and return their paths. Raises StoreError where that fails."""
    texts = {out / "index.html": index_page(services), out / "history.json": document(services)}
    for service in services:
        texts[out / service.folder / "history.html"] = service_page(service)
        if service.newest:
            texts[out / service.folder / "newest.html"] = html(service.newest, {})
    for target, text in texts.items():
        try:
            write_whole(target, text.encode(), below=out)
        except OSError as error:
            raise StoreError(str(target), error.strerror or str(error)) from error
    return list(texts)


def document(services: Sequence[ServiceTrend]) -> str:
    """Return history.json: runs by service and time, and lasting changes."""
    parts = [
        {
            "path": f"{service.folder}/history.html",
            "runs": service.runs.to_dicts(),
            "changes": service.drifts.to_dicts(),
        }
        for service in services
    ]
    return json.dumps({"services": parts}, indent=2, ensure_ascii=False) + "\n"


def index_page(services: Sequence[ServiceTrend]) -> str:
    """Return the page over all services, worst first."""
    ordered = sorted(services, key=lambda service: (_ORDER.index(service.last["verdict"]), service.folder))
    counts = Counter(service.last["verdict"] for service in services)
    totals = ", ".join(f"{counts[name]} {name}" for name in _ORDER if counts[name])
    return page(
        "index.html", services=ordered, headline=f"{count(len(services), 'service')}: {totals}", written=written
    )


def service_page(service: ServiceTrend) -> str:
    """Return the page of one service."""
    runs = service.runs
    counts = Counter(runs["verdict"])
    totals = ", ".join(f"{counts[name]} {name}" for name in reversed(_ORDER) if counts[name])
    figures = [
        shown_inline(Drawing(svg(figure), text)) for figure, text in trend_figures(runs, service.drifts).values()
    ]
    previous = runs["revision"].shift(1)
    return page(
        "history.html",
        service=service,
        last=service.last,
        totals=totals,
        span=f"{count(runs.height, 'run')} of {count(runs['revision'].n_unique(), 'revision')}",
        drifts=[drift_text(drift) for drift in service.drifts.iter_rows(named=True)],
        enough=runs.filter(pl.col("eligible") > 0).height >= _MIN_RUNS,
        figures=figures,
        runs=runs.with_columns(is_new=runs["revision"].ne_missing(previous)).reverse().to_dicts(),
        undrawn=max(runs.height - MAX_DRAWN, 0),
        columns=_COLUMNS,
        written=written,
    )
