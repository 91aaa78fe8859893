"""For notebooks and scripts: read logs, ask for frames, verdicts and figures.

>>> from pipeline import api
>>> logs = api.sample("slow-database")        # or api.read("logs.json"), or api.read(store="store")
>>> verdict = logs.verdict()
>>> verdict.verdict
'FAIL'
>>> logs.measure("latency").columns[:4]
['project', 'location', 'service', 'revision']
>>> list(logs.figures(verdict))[:2]
['latency', 'minutes']
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
from pipeline.aggregate.measures import Measures, measure
from pipeline.errors import SourceError, UsageError
from pipeline.extract import extract
from pipeline.googlesql import written
from pipeline.judge.model import Verdict
from pipeline.judge.policy import load as load_policy
from pipeline.report.frames import charts
from pipeline.report.sections import sections
from pipeline.schema import IDENTITY
from pipeline.sources.files.reader import resolve
from pipeline.stores import history
from pipeline.stores.local import LocalStore
from pipeline.window import Window

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "Logs",
    "catalogue",
    "checks",
    "evidence",
    "explain",
    "problems",
    "read",
    "sample",
    "signatures",
    "sql",
    "statements",
]


class Logs:
    """A store of entries, each classified; made by `read` and `sample`."""

    def __init__(self, store: LocalStore, known: Catalogue) -> None:
        self._store = store
        self._known = known

    def add(self, *sources: str | Path) -> None:
        """Read more sources into the store, and classify them. Raises RunverdictError for what cannot be read."""
        extraction = extract(resolve([str(source) for source in sources]), self._store, window=Window())
        if extraction.failed:
            raise extraction.failed[0]
        run.classify_store(self._store, self._known)
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
        job = run.Job([], self._known, load_policy(), service=service, revision=revision)
        return [one for _, one in run.check(job, self.path).verdicts]

    def verdict(self, service: str | None = None, revision: str = "newest") -> Verdict:
        """The first of `verdicts`. Raises UsageError where nothing can be judged."""
        found = self.verdicts(service, revision)
        if not found:
            raise UsageError(f"no revision to judge: {', '.join(self.revisions()['revision']) or 'no entry names one'}")
        return found[0]

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

        mine = self._measures.revisions.filter(
            pl.col("service") == verdict.service,
            pl.col("revision") == verdict.revision,
            pl.col("location").eq_missing(pl.lit(verdict.location, pl.String)),
        )
        if mine.is_empty():
            raise UsageError(f"these logs have no entry of {verdict.service} {verdict.revision}")
        drawn = verdict.model_copy(update={"baseline": baseline or verdict.baseline})
        return figures(charts(self._measures, mine.select(IDENTITY).row(0, named=True), drawn, self.history()))

    def history(self) -> pl.DataFrame:
        """Verdicts that the store remembers, a row per run: those of `verdicts`, and of `check --store`."""
        return history.verdicts(self._store)

    @cached_property
    def _measures(self) -> Measures:
        with DuckDBEngine(self._store.slices("events")) as engine:
            return measure(engine)

    def _scan(self, table: str) -> pl.LazyFrame:
        return pl.scan_parquet(self._store.slices(table), hive_partitioning=False)


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
    return "\n".join(explanation.text(found, rules) for found in explanation.explain([line], rules, log=log))


def sql(name: str) -> str:
    """Return the GoogleSQL of a measure or staging table, such as `measures/latency`. Raises UsageError for others."""
    try:
        return written(name)
    except FileNotFoundError as error:
        raise UsageError(f"no file {name}.sql in sql/") from error


def checks(verdict: Verdict) -> pl.DataFrame:
    """Return a row per check: id, status, severity, reason, and observed, baseline and effect with their intervals."""
    rows = []
    for one in verdict.checks:
        row: dict[str, object] = {"check": one.id, "status": one.status, "severity": one.severity, "reason": one.reason}
        for name in ("observed", "baseline", "effect"):
            part = getattr(one, name)
            for field in ("value", "low", "high"):
                row[name if field == "value" else f"{name}_{field}"] = getattr(part, field, None)
        seen = one.observed
        rows.append({**row, "unit": seen.unit if seen else None, "n": seen.n if seen else None, "limit": one.limit})
    return pl.DataFrame(rows, infer_schema_length=None)


def evidence(verdict: Verdict, check: str | None = None) -> pl.DataFrame:
    """Return a row per entry that proves a check: check, timestamp, excerpt, url; of all checks, or of one."""
    rows = [
        (one.id, entry.timestamp, entry.excerpt, entry.url)
        for one in verdict.checks
        if check in (None, one.id)
        for entry in one.evidence
    ]
    return pl.DataFrame(rows, schema=dict.fromkeys(("check", "timestamp", "excerpt", "url"), pl.String), orient="row")


def statements(verdict: Verdict) -> pl.DataFrame:
    """Return a row per statement of the report: section, claim, standing, text, and references to the facts."""
    rows = [
        (section.title, one.claim, one.standing, one.text, list(one.refs))
        for section in sections(verdict)
        for one in section.statements
    ]
    texts = dict.fromkeys(("section", "claim", "standing", "text"), pl.String)
    return pl.DataFrame(rows, schema={**texts, "refs": pl.List(pl.String)}, orient="row")


def signatures(verdict: Verdict) -> pl.DataFrame:
    """Return a row per signature that nothing explains: signature, level, n, first."""
    schema = {"signature": pl.String, "level": pl.String, "n": pl.Int64, "first": pl.String}
    return pl.DataFrame([one.model_dump() for one in verdict.signatures], schema=schema)
