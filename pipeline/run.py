"""The main job: source, entries, events, measures, verdict. Five steps, one function each."""

import logging
import os
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import polars as pl

from parsers.model import Catalogue
from parsers.redact import redact_text
from parsers.to_polars import Classifier
from pipeline import scale, targets
from pipeline.assemble import Context, verdict
from pipeline.bigquery import is_bigquery
from pipeline.classify import classify
from pipeline.dataset import Dataset
from pipeline.engines.embedded import Embedded
from pipeline.errors import RunverdictError
from pipeline.extract import Extraction, extract
from pipeline.judge.decide import worse
from pipeline.judge.model import Tool, Verdict, VerdictName
from pipeline.judge.policy import Policy
from pipeline.measure import Measures, measure
from pipeline.store import Store, reported
from pipeline.totals import totals, unreconciled
from pipeline.window import Window, nanoseconds

log = logging.getLogger(__name__)

#: Slices classified at a time; each takes about 100 MiB.
_WORKERS = min(4, os.cpu_count() or 1)

#: How long after its end a window is complete: Cloud Run's default request time-out, in s.
SETTLE_S = 300.0

#: A message names so many services or revisions that were seen.
_MAX_NAMES = 20


class ReconciliationError(RunverdictError):
    """A total does not hold: an entry was lost or counted twice. This is a bug, and no verdict is given."""


@dataclass(frozen=True)
class Job:
    """What to check. revision: `newest`, `serving`, or a name; service None: every service worth a verdict.

    For BigQuery: max_bytes that a query may bill, expiration_days of a store's rows; None for no limit.
    """

    sources: Sequence[str]
    catalogue: Catalogue
    policy: Policy
    window: Window = field(default_factory=Window)
    service: str | None = None
    revision: str = "newest"
    settle_s: float = SETTLE_S
    max_bytes: int | None = None
    expiration_days: int | None = None


@dataclass(frozen=True)
class Run:
    """What a run gave: verdicts with their folder names, services only listed, totals, and what the sources met."""

    verdicts: list[tuple[str, Verdict]]
    others: dict[str, int]
    totals: dict[str, int]
    extraction: Extraction
    notes: list[str] = field(default_factory=list)

    @property
    def verdict(self) -> VerdictName:
        """The worst of all; INCONCLUSIVE where nothing could be judged."""
        found: VerdictName = "PASS" if self.verdicts else "INCONCLUSIVE"
        for _, one in self.verdicts:
            found = worse(found, one.verdict)
        return found


def check(job: Job, place: Path | str, *, on_progress: Callable[[str, int], None] = lambda _step, _done: None) -> Run:
    """Run the whole job in a store, and return the verdicts.

    place: a folder, or the name of a dataset of BigQuery. Raises RunverdictError where the store or the catalogue
    cannot be used; a source that fails is in the extraction.
    """
    if not is_bigquery(str(place)):
        extraction, measures = _embedded(job, Path(place), on_progress)
        return _judged(job, extraction, measures)
    dataset = Dataset(str(place), max_bytes=job.max_bytes)
    dataset.prepare(job.expiration_days)
    extraction = scale.fill(dataset, job.sources, job.window, on_progress)
    run = _judged(job, extraction, scale.measures(dataset, job.catalogue, job.window))
    scale.keep(dataset, [one for _, one in run.verdicts])
    return run


def _embedded(job: Job, folder: Path, on_progress: Callable[[str, int], None]) -> tuple[Extraction, Measures]:
    """Extract, classify and measure in a store on this machine."""
    store = Store(folder)
    extraction = extract(job.sources, store, window=job.window, max_bytes=job.max_bytes, on_progress=on_progress)
    classify_store(store, job.catalogue)
    start, end = job.window.start, job.window.end
    bounds = {"start_ns": nanoseconds(start) if start else None, "end_ns": nanoseconds(end) if end else None}
    with reported(store.path / "events"), Embedded(store.slices("events"), **bounds) as engine:
        return extraction, measure(engine)


def _judged(job: Job, extraction: Extraction, measures: Measures) -> Run:
    """The verdicts on what was measured."""
    selection = targets.select(measures.revisions, service=job.service, revision=job.revision)
    moments = [extraction.latest_us, measures.revisions["last_received_us"].max()]
    now_us = max((one for one in moments if isinstance(one, int)), default=None)
    context = Context(
        tool=Tool(
            name="runverdict", version=version("runverdict"), catalogue=job.catalogue.digest, policy=job.policy.digest
        ),
        policy=job.policy,
        window=job.window,
        now_ns=None if now_us is None else now_us * 1000,
        settle_s=job.settle_s,
        cut_sources=tuple(sorted({redact_text(Path(one.source).name) for one in extraction.reports if one.truncated})),
    )
    verdicts = [(target.path, verdict(measures, target, context)) for target in selection.targets]
    read = extraction.stored + extraction.read
    numbers = totals(measures.revisions, read=read, duplicates=extraction.duplicates)
    if wrong := unreconciled(numbers, [one for _, one in verdicts]):
        raise ReconciliationError("totals do not reconcile, so no verdict is given: " + "; ".join(wrong))
    seen = sorted(name for name in measures.revisions["service"].unique().to_list() if name)
    notes = [] if verdicts else _notes(job, extraction, numbers, seen, measures.revisions)
    return Run(verdicts, selection.others, numbers, extraction, notes)


def classify_store(store: Store, catalogue: Catalogue) -> None:
    """Classify every slice of entries that has no events yet, or had them from other rules.

    Events of other rules go before the manifest names the new ones, so that a run killed anywhere mixes none.
    """
    rules: dict[str, object] = {"catalogue": catalogue.digest, "version": version("runverdict")}
    entries = [path.stem for path in store.slices("entries")]
    known = store.facts()
    stale = {name: known.get(name) for name in rules} != rules
    for path in store.slices("events"):
        if stale or path.stem not in entries:
            store.drop("events", path.stem)
    if stale:
        store.write_manifest(rules)
    classifier = Classifier(catalogue)
    done = {path.stem for path in store.slices("events")}

    def classify_slice(name: str) -> None:
        store.write("events", name, classify(store.read("entries", name), classifier))

    # Slices do not depend on each other, and polars works outside of Python's lock.
    with ThreadPoolExecutor(_WORKERS) as workers:
        deque(workers.map(classify_slice, [name for name in entries if name not in done]), maxlen=0)
    store.write_manifest({**rules, "written": datetime.now(UTC).isoformat(timespec="seconds")})


def _notes(
    job: Job, extraction: Extraction, numbers: dict[str, int], seen: list[str], revisions: pl.DataFrame
) -> list[str]:
    """Why nothing was judged, in words, and what was seen in its place."""
    if not numbers["kept"]:
        if extraction.outside:
            return [f"none of the {extraction.outside:,} entries is within the window; change --since or --until"]
        if extraction.failed:
            return ["nothing could be read"]
        return ["the sources hold no entry"]
    if job.service and job.service not in seen:
        return [f"no entry of service {job.service!r}; seen were: {_names(seen)}"]
    if job.revision not in ("newest", "serving"):
        mine = revisions.filter(pl.col("service") == job.service) if job.service else revisions
        names = mine["revision"].drop_nulls().unique().sort().to_list()
        return [f"no entry of revision {job.revision!r}; seen were: {_names(names)}"]
    return [f"no entry names a revision ({numbers['kept']:,} entries, {numbers['unparsed']:,} of them unparsed)"]


def _names(names: Sequence[str]) -> str:
    """The first names of a list, in words."""
    more = f" and {len(names) - _MAX_NAMES:,} more" if len(names) > _MAX_NAMES else ""
    return (", ".join(names[:_MAX_NAMES]) or "none") + more
