"""Two revisions side by side: the same tables on the terminal, as Markdown and as a page.

OUT/SERVICE/REVISION/compare.html, compare.md, compare.json
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import polars as pl

from pipeline.errors import StoreError
from pipeline.judge.model import Endpoint, EndpointBefore, Verdict
from pipeline.judge.numbers import cut, duration, number, percent, signed
from pipeline.report.html import page
from pipeline.report.markdown import escaped
from pipeline.report.masked import masked_frame
from pipeline.schema import SERVICE
from pipeline.text import shown
from pipeline.whole_file import write_whole

#: All requests of the older revision by endpoint, as `Endpoint` counts those of the newer one.
Older = Mapping[str, EndpointBefore]
_NONE: Older = MappingProxyType({})

Form = Literal["text", "md", "html", "json"]
FILES: dict[Form, str] = {"html": "compare.html", "md": "compare.md", "json": "compare.json"}

#: So many rows of a table are shown, the most changed; JSON has them all.
_MAX_ROWS = 50
_MAX_SIGNATURE = 160

_CHANGES = ("new", "gone", "more", "renamed")


@dataclass(frozen=True)
class Table:
    """A table of texts. n_numbers: so many columns behind the first are numbers. left_out: rows that are not shown."""

    title: str
    headings: tuple[str, ...]
    n_numbers: int
    rows: list[tuple[str, ...]]
    left_out: int = 0


def older_endpoints(latency: pl.DataFrame, identity: Mapping[str, str | None], verdict: Verdict) -> Older:
    """Return all requests of a revision's baseline by endpoint; empty where it is of another time than the window.

    `Endpoint.before` has those of users alone, so none of `/health`, of WebSockets or OPTIONS. latency: the measure.
    identity, verdict: of the newer revision.
    """
    baseline = verdict.baseline if verdict.compared and verdict.compared.origin == "window" else None
    own = (pl.col(name).eq_missing(pl.lit(identity[name], pl.String)) for name in SERVICE)
    rows = latency.filter(*own, pl.col("revision") == baseline, pl.col("scope") == "endpoint")
    return {
        name: EndpointBefore(n=n, errors_5xx=n_5xx, p50=p50, p95=p95)
        for name, n, n_5xx, p50, p95 in masked_frame(
            rows.select("endpoint", "n", "errors_5xx", pl.col("p50_ms", "p95_ms").round_sig_figs(9))
        ).iter_rows()
    }


def tables(verdict: Verdict, older: Older = _NONE) -> list[Table]:
    """Return what two revisions have side by side; a table without rows is left out.

    verdict: of the newer revision, with the older one as its baseline.
    """
    checks: list[tuple[str, ...]] = [
        (check.title, check.status.replace("_", " ").lower(), check.reason)
        for check in verdict.checks
        if check.baseline is not None
    ]
    changes = sorted(verdict.changes, key=lambda change: (_CHANGES.index(change.change), -change.n, -change.baseline_n))
    lines: list[tuple[str, ...]] = [
        (change.change, f"{change.baseline_n:,}", f"{change.n:,}", change.level, cut(change.signature, _MAX_SIGNATURE))
        for change in changes
    ]
    endpoints = [
        endpoint.model_copy(update={"before": older.get(endpoint.endpoint, endpoint.before)})
        for endpoint in verdict.requests.by_endpoint
    ]
    endpoints.sort(key=_change, reverse=True)
    every = [
        Table("Requests", ("", "before", "now", "change"), 3, _overview(verdict)),
        _cut("Endpoints, most changed first", _ENDPOINT, 5, [_endpoint(endpoint) for endpoint in endpoints]),
        _cut("Lines: new, gone, more frequent", ("change", "before", "now", "level", "signature"), 2, lines),
        Table("Checks that compare", ("check", "status", "reason"), 0, checks),
    ]
    return [table for table in every if table.rows]


def heading(verdict: Verdict) -> str:
    """Return which revisions are compared."""
    return f"{verdict.service}: {verdict.revision} compared with {verdict.baseline or 'nothing'}"


def document(verdict: Verdict, older: Older = _NONE) -> str:
    """Return all of it as one line of JSON: durations in ms, rates as ratios.

    endpoints_before: all requests of the older revision; `before` of an endpoint in requests: those of users alone.
    """
    return json.dumps(
        {
            "service": verdict.service,
            "revision": verdict.revision,
            "baseline": verdict.baseline,
            "requests": verdict.requests.model_dump(),
            "endpoints_before": {name: endpoint.model_dump() for name, endpoint in sorted(older.items())},
            "compared": verdict.compared.model_dump() if verdict.compared else None,
            "checks": [check.model_dump() for check in verdict.checks if check.baseline is not None],
            "changes": [change.model_dump() for change in verdict.changes],
        }
    )


def markdown(verdict: Verdict, older: Older = _NONE) -> str:
    """Return the tables as Markdown."""
    parts = [f"# {escaped(heading(verdict))}"]
    for table in tables(verdict, older):
        signs = ["---", *(["--:"] * table.n_numbers)]
        signs += ["---"] * (len(table.headings) - len(signs))
        rows = [table.headings, tuple(signs), *(tuple(escaped(cell) for cell in row) for row in table.rows)]
        more = [f"\n{table.left_out:,} more stand in compare.json."] if table.left_out else []
        parts.append("\n".join([f"## {table.title}\n", *(f"| {' | '.join(row)} |" for row in rows), *more]))
    return "\n\n".join(parts) + "\n"


def rendered(verdict: Verdict, form: Form, older: Older = _NONE) -> str:
    """Return a comparison in one form. verdict: as it may be shown (`pipeline.report.masked`).

    older: of `older_endpoints`; an endpoint that it does not have is compared by its user requests.
    """
    if form == "json":
        return document(verdict, older) + "\n"
    if form == "md":
        return markdown(verdict, older)
    if form == "html":
        return page("compare.html", v=verdict, heading=heading(verdict), tables=tables(verdict, older))
    from pipeline.report.terminal import tables_text

    return tables_text(shown(heading(verdict)), tables(verdict, older))


def write(out: Path, path: str, verdict: Verdict, forms: Sequence[Form], older: Older = _NONE) -> list[Path]:
    """Write a comparison below `out`, and return the paths. Raises StoreError where that fails."""
    written = []
    for form in forms:
        target = out / path / FILES[form]
        try:
            write_whole(target, rendered(verdict, form, older).encode(), below=out)
        except OSError as error:
            raise StoreError(str(target), error.strerror or str(error)) from error
        written.append(target)
    return written


_ENDPOINT = ("endpoint", "requests", "5xx", "p50", "p95", "p95 change")


def _cut(title: str, headings: tuple[str, ...], n_numbers: int, rows: list[tuple[str, ...]]) -> Table:
    return Table(title, headings, n_numbers, rows[:_MAX_ROWS], max(len(rows) - _MAX_ROWS, 0))


def _overview(verdict: Verdict) -> list[tuple[str, ...]]:
    now, before = verdict.requests, verdict.compared
    if before is None:
        return []
    latency = now.user_latency_ms
    usual = before.eligible_5xx / before.eligible if before.eligible else None
    rate = now.eligible_5xx / now.eligible if now.eligible else None
    return [
        ("user requests", f"{before.eligible:,}", f"{now.eligible:,}", ""),
        ("failed (5xx)", percent(usual), percent(rate), _points(usual, rate)),
        ("p50", duration(before.p50_ms), duration(latency.p50), _difference(before.p50_ms, latency.p50)),
        ("p95", duration(before.p95_ms), duration(latency.p95), _difference(before.p95_ms, latency.p95)),
        ("entries", f"{before.entries:,}", f"{verdict.inputs.entries:,}", ""),
    ]


def _endpoint(endpoint: Endpoint) -> tuple[str, ...]:
    before, now = endpoint.before, endpoint.latency_ms
    return (
        cut(endpoint.endpoint, _MAX_SIGNATURE),
        _arrow(number(before.n if before else None), number(endpoint.n)),
        _arrow(number(before.errors_5xx if before else None), number(endpoint.errors_5xx)),
        _arrow(duration(before.p50 if before else None), duration(now.p50)),
        _arrow(duration(before.p95 if before else None), duration(now.p95)),
        _difference(before.p95 if before else None, now.p95),
    )


def _arrow(before: str, now: str) -> str:
    """Both, with the unit once where it is the same."""
    unit = before.rpartition(" ")[2]
    return f"{before.removesuffix(f' {unit}') if now.endswith(f' {unit}') else before} → {now}"


def _change(endpoint: Endpoint) -> tuple[float, float, int]:
    """How far an endpoint's failures, then its p95 moved, either way; then its requests."""
    before = endpoint.before
    usual = before.errors_5xx / before.n if before and before.n else 0.0
    share = endpoint.errors_5xx / endpoint.n if endpoint.n else 0.0
    p95 = endpoint.latency_ms.p95
    moved = abs(p95 - before.p95) if p95 is not None and before and before.p95 is not None else 0.0
    return round(abs(share - usual), 2), moved, endpoint.n


def _points(before: float | None, now: float | None) -> str:
    if before is None or now is None:
        return "–"
    return f"{'+' if now >= before else '−'}{percent(abs(now - before)).removesuffix(' %')} points"


def _difference(before: float | None, now: float | None) -> str:
    if before is None or now is None:
        return "–"
    relative = f" ({'+' if now >= before else '−'}{number(abs(now / before - 1) * 100, 2)} %)" if before else ""
    return signed(now - before) + relative
