"""For notebooks and scripts: read logs, ask for frames, verdicts and figures.

>>> from pipeline import api
>>> logs = api.sample("slow-database")        # or api.read("logs.json"), or api.read(store="store")
>>> verdict = logs.verdict()
>>> verdict.verdict
'FAIL'
>>> logs.measure("latency").columns[:4]
['project', 'location', 'workload', 'service']
>>> list(logs.figures(verdict))[:2]
['minutes', 'errors']
"""

import shutil
import tempfile
import weakref
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from parsers.check import check as check_catalogue
from parsers.errors import Problem
from parsers.model import Catalogue
from parsers.model import load as load_catalogue
from pipeline import explain as explanation
from pipeline import run, simulate
from pipeline.aggregate.duckdb import DuckDBEngine
from pipeline.aggregate.measures import Measures
from pipeline.assess import trends
from pipeline.errors import SourceError, UsageError
from pipeline.googlesql import written
from pipeline.judge.model import Verdict
from pipeline.judge.policy import load as load_policy
from pipeline.report.frames import charts
from pipeline.report.sections import sections
from pipeline.schema import IDENTITY
from pipeline.sources.base import Request, open_sources
from pipeline.stores import history
from pipeline.stores.local import LocalStore
from pipeline.window import Window

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "Logs",
    "catalogue",
    "changes",
    "checks",
    "claims",
    "endpoints",
    "evidence",
    "explain",
    "problems",
    "read",
    "sample",
    "signatures",
    "sql",
]


class Logs:
    """A store of entries, each classified; made by `read` and `sample`."""

    def __init__(self, store: LocalStore, known: Catalogue) -> None:
        self._store = store
        self._known = known

    def add(self, *sources: str | Path) -> None:
        """Read more sources into the store, and classify them. Raises RunverdictError for what cannot be read."""
        request = Request()
        with self._store.writing():
            extraction = run.extract(open_sources([str(source) for source in sources]), self._store, request)
            if extraction.failed:
                raise extraction.failed[0]
            self._store.classify(self._known, request.window)
        if not self._store.slices("events"):
            raise SourceError(str(sources[0] if sources else self.path), "holds no entry")
        self.__dict__.pop("_measures", None)

    @property
    def path(self) -> Path:
        """The folder of the store."""
        return self._store.path

    def entries(self) -> pl.LazyFrame:
        """Entries as read and redacted; `pipeline/schema.py` has the columns."""
        return self._scan("entries")

    def events(self) -> pl.LazyFrame:
        """Entries with what the catalogue makes of them: event, outcome, level, duration_ms, code, signature."""
        return self._scan("events")

    def measure(self, name: str) -> pl.DataFrame:
        """Rows of `sql/measures/NAME.sql`. Raises UsageError for a name that is not there."""
        if name not in Measures.__dataclass_fields__:
            raise UsageError(f"no measure {name!r}; there are: {', '.join(sorted(Measures.__dataclass_fields__))}")
        frame: pl.DataFrame = getattr(self._measures, name)
        return frame

    def query(self, googlesql: str) -> pl.DataFrame:
        """Rows of one SELECT in GoogleSQL over `events`, `requests`, `instances`, `starts` and `timed`.

        The same text runs in BigQuery. Raises UsageError where it cannot be run.
        """
        with DuckDBEngine(self._store.slices("events")) as engine:
            return engine.query(googlesql)

    def verdicts(self, service: str | None = None, revision: str = "newest") -> list[Verdict]:
        """The verdicts that `runverdict check` gives on these logs; empty where nothing can be judged."""
        job = run.Job([], self._known, load_policy(), Request(service=service), revision=revision)
        return [verdict for _, verdict in run.check(job, self._store).verdicts]

    def verdict(self, service: str | None = None, revision: str = "newest") -> Verdict:
        """The first of `verdicts`. Raises UsageError where nothing can be judged."""
        verdicts = self.verdicts(service, revision)
        if not verdicts:
            raise UsageError(f"no revision to judge: {', '.join(self.revisions()['revision']) or 'no entry names one'}")
        return verdicts[0]

    def revisions(self) -> pl.DataFrame:
        """Service, revision, entries and first entry of every revision, by time."""
        rows = self._measures.revisions.filter(pl.col("revision").is_not_null()).sort("first_ns", "revision")
        first = pl.from_epoch(pl.col("first_ns").floordiv(1000), "us").dt.replace_time_zone("UTC").alias("first")
        return rows.select("service", "revision", "entries", "request_rows", first)

    def figures(self, verdict: Verdict, baseline: str | None = None) -> "dict[str, Figure]":
        """The charts of the HTML report as matplotlib figures, by name; those with nothing to draw are left out.

        baseline: the revision to draw beside it; the verdict's own by default.
        """
        from pipeline.report.figures import figures

        rows = self._measures.revisions.filter(
            pl.col("workload") == verdict.workload,
            pl.col("service") == verdict.service,
            pl.col("revision") == verdict.revision,
            pl.col("location").eq_missing(pl.lit(verdict.location, pl.String)),
        )
        if rows.is_empty():
            raise UsageError(f"these logs have no entry of {verdict.service} {verdict.revision}")
        drawn = verdict.model_copy(update={"baseline": baseline or verdict.baseline})
        past = history.listed(self._store)
        return figures(charts(self._measures, rows.select(IDENTITY).row(0, named=True), drawn, past))

    def history(self) -> pl.DataFrame:
        """A row per run that the store remembers, of `verdicts` and of `check --store`, by service and time.

        Columns: those of the table `verdicts` in `pipeline/schema.py` without its documents, and deployed, ready
        (RFC 3339), auth_p50_ms, database_p50_ms, start_up_p50_ms, crashes; null where nothing was logged.
        """
        rows = history.listed(self._store)
        return trends.points(rows, history.documents(self._store, rows))

    def drifts(self) -> pl.DataFrame:
        """A row per measure of `history` that moved to another level and stayed there, with the first run of it.

        Columns: service, measure, revision, run, since, before and after (medians, in the measure's unit), p.
        """
        return trends.drifts(self.history())

    def history_figures(self, service: str | None = None) -> "dict[str, Figure]":
        """The charts of `runverdict history --out` by name: of a service, by default that of the newest run."""
        from pipeline.report.trend_figures import trend_figures

        rows = self.history()
        if rows.is_empty():
            return {}
        name = service or rows.sort("ended")["service"][-1]
        runs, changed = (frame.filter(pl.col("service") == name) for frame in (rows, trends.drifts(rows)))
        return {title: figure for title, (figure, _) in trend_figures(runs, changed).items()}

    @cached_property
    def _measures(self) -> Measures:
        return self._store.aggregate(Window())

    def _scan(self, table: str) -> pl.LazyFrame:
        return pl.scan_parquet(self._store.slices(table), hive_partitioning=False, glob=False)


def read(*sources: str | Path, store: str | Path | None = None, known: Catalogue | None = None) -> Logs:
    """Return logs from files, folders or globs, classified.

    store: a folder to keep them in; with no source, what it holds already. Without one they are kept as long as the
    result lives. known: the catalogue, by default the packaged one. Raises RunverdictError for what cannot be read.
    """
    if not sources and store is None:
        raise UsageError("read what? Name a source or a store")
    folder = Path(tempfile.mkdtemp(prefix="runverdict-") if store is None else store)
    logs = Logs(LocalStore(folder), known or catalogue())
    if store is None:
        weakref.finalize(logs, shutil.rmtree, folder, ignore_errors=True)
    logs.add(*sources)
    return logs


def sample(scenario: str = "crash-loop", *, store: str | Path | None = None, known: Catalogue | None = None) -> Logs:
    """Return the made-up logs of a scenario of `runverdict simulate`."""
    with tempfile.TemporaryDirectory(prefix="runverdict-sample-") as folder:
        logs = Path(folder) / f"{scenario}.ndjson"
        simulate.write(simulate.simulate(scenario), logs)
        return read(logs, store=store, known=known)


def catalogue(*paths: str | Path) -> Catalogue:
    """Return the packaged catalogue with folders of one's own packs. Raises CatalogueError where it does not hold."""
    return load_catalogue(None, [Path(path) for path in paths])


def problems(known: Catalogue) -> Sequence[Problem]:
    """Return what is wrong with a catalogue: an example that does not win, a near miss that matches."""
    return check_catalogue(known)


def explain(line: str, known: Catalogue | None = None, log: str = "stderr") -> str:
    """Return what a catalogue makes of a line, as `runverdict explain` prints it."""
    rules = known or catalogue()
    return "\n".join(explanation.text(explained, rules) for explained in explanation.explain([line], rules, log=log))


def sql(name: str) -> str:
    """Return the GoogleSQL of a measure or staging table, such as `measures/latency`. Raises UsageError for others."""
    try:
        return written(name)
    except FileNotFoundError as error:
        raise UsageError(f"no file {name}.sql in sql/") from error


def checks(verdict: Verdict) -> pl.DataFrame:
    """Return a row per check.

    check, status, severity, reason; observed, baseline and effect (revision minus baseline), each with low and high,
    its 95 % interval; unit of observed, n: how many it was computed from; limit in words.
    """
    rows = [
        (
            check.id,
            check.status,
            check.severity,
            check.reason,
            *(
                getattr(part, field, None)
                for part in (check.observed, check.baseline, check.effect)
                for field in ("value", "low", "high")
            ),
            check.observed.unit if check.observed else None,
            check.observed.n if check.observed else None,
            check.limit,
        )
        for check in verdict.checks
    ]
    numbers = [f"{part}{bound}" for part in ("observed", "baseline", "effect") for bound in ("", "_low", "_high")]
    schema = {
        **dict.fromkeys(("check", "status", "severity", "reason"), pl.String),
        **dict.fromkeys(numbers, pl.Float64),
        "unit": pl.String,
        "n": pl.Int64,
        "limit": pl.String,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def endpoints(verdict: Verdict) -> pl.DataFrame:
    """Return a row per endpoint, those that got slowest first.

    n, errors_5xx, p50_ms, p95_ms of the revision; the same with before_ of the baseline's user requests, null where it
    has none; p95_change_ms: revision minus baseline.
    """
    rows = [
        (
            endpoint.endpoint,
            *(endpoint.n, endpoint.errors_5xx, endpoint.latency_ms.p50, endpoint.latency_ms.p95),
            *(getattr(endpoint.before, name, None) for name in ("n", "errors_5xx", "p50", "p95")),
        )
        for endpoint in verdict.requests.by_endpoint
    ]
    columns = {"n": pl.Int64, "errors_5xx": pl.Int64, "p50_ms": pl.Float64, "p95_ms": pl.Float64}
    schema = {"endpoint": pl.String, **columns, **{f"before_{name}": dtype for name, dtype in columns.items()}}
    change = (pl.col("p95_ms") - pl.col("before_p95_ms")).alias("p95_change_ms")
    frame = pl.DataFrame(rows, schema=schema, orient="row").with_columns(change)
    return frame.sort("p95_change_ms", "n", descending=True, nulls_last=True)


def changes(verdict: Verdict) -> pl.DataFrame:
    """Return a row per kind of line that is new, more frequent, renamed or gone.

    change; signature, level, event (null for unknown lines); n and baseline_n: lines of the revision and its baseline;
    first: RFC 3339.
    """
    names = ("change", "signature", "level", "event", "n", "baseline_n", "first")
    schema = {name: pl.Int64 if name in ("n", "baseline_n") else pl.String for name in names}
    rows = [tuple(getattr(change, name) for name in names) for change in verdict.changes]
    return pl.DataFrame(rows, schema=schema, orient="row")


def evidence(verdict: Verdict, check: str | None = None) -> pl.DataFrame:
    """Return a row per entry that proves a check: check, timestamp, excerpt, url; of all checks, or of one."""
    rows = [
        (judged.id, entry.timestamp, entry.excerpt, entry.url)
        for judged in verdict.checks
        if check in (None, judged.id)
        for entry in judged.evidence
    ]
    return pl.DataFrame(rows, schema=dict.fromkeys(("check", "timestamp", "excerpt", "url"), pl.String), orient="row")


def claims(verdict: Verdict) -> pl.DataFrame:
    """Return a row per claim of the report: section, claim, standing, text, and references to the facts."""
    rows = [
        (section.title, claim.claim, claim.standing, claim.text, list(claim.refs))
        for section in sections(verdict)
        for claim in section.claims
    ]
    texts = dict.fromkeys(("section", "claim", "standing", "text"), pl.String)
    return pl.DataFrame(rows, schema={**texts, "refs": pl.List(pl.String)}, orient="row")


def signatures(verdict: Verdict) -> pl.DataFrame:
    """Return a row per signature of unknown lines: signature, level, n, first."""
    schema = {"signature": pl.String, "level": pl.String, "n": pl.Int64, "first": pl.String}
    return pl.DataFrame([signature.model_dump() for signature in verdict.signatures], schema=schema)
