"""The main job: source, entries, events, measures, verdict. Five steps, one function each."""

import logging
import os
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path

import polars as pl

from parsers.model import Catalogue
from parsers.redact import redact_text
from parsers.to_polars import Classifier
from pipeline.aggregate.duckdb import DuckDBEngine
from pipeline.aggregate.measures import Measures, measure
from pipeline.assess import revisions as targets
from pipeline.assess.document import Assessment, Context, Earlier, assess, seen
from pipeline.assess.revision_data import View
from pipeline.assess.totals import totals, unreconciled
from pipeline.classify import classify
from pipeline.errors import RunverdictError, UsageError
from pipeline.extract import Extraction, extract
from pipeline.judge.decide import worse
from pipeline.judge.expectations import Expectations
from pipeline.judge.model import TestResults, Tool, Verdict, VerdictName
from pipeline.judge.policy import Policy
from pipeline.report.frames import Charts, charts
from pipeline.sources.cloud_logging.access import is_live
from pipeline.sources.cloud_logging.pull import Live
from pipeline.stores import history, scale
from pipeline.stores.bigquery import BigQueryStore
from pipeline.stores.local import LocalStore, reported
from pipeline.warehouse import is_bigquery
from pipeline.window import SETTLE_S, Window, nanoseconds

log = logging.getLogger(__name__)

#: Slices classified at a time; each takes about 100 MiB.
_WORKERS = min(4, os.cpu_count() or 1)

#: A message names so many services or revisions that were seen.
_MAX_NAMES = 20


class ReconciliationError(RunverdictError):
    """A total does not hold: an entry was lost or counted twice. This is a bug, and no verdict is given."""


@dataclass(frozen=True)
class Job:
    """What to check.

    service None: every service worth a verdict. revision: `newest`, `serving`, `every` (that had users), or a name.
    baseline: `previous`, `none`, or a name. live: what is read of services among the sources; its clock decides what of
    the window is settled. expected: what the team expects; tests: results to take into account. For BigQuery:
    max_bytes that a query may bill, expiration_days of a store's rows; None for no limit.
    """

    sources: Sequence[str]
    catalogue: Catalogue
    policy: Policy
    window: Window = field(default_factory=Window)
    service: str | None = None
    revision: str = "newest"
    baseline: str = "previous"
    settle_s: float = SETTLE_S
    live: Live | None = None
    expected: Expectations = field(default_factory=Expectations)
    tests: TestResults | None = None
    max_bytes: int | None = None
    expiration_days: int | None = None


@dataclass(frozen=True)
class Run:
    """What a run gave: what was found, services only listed, totals, what the sources met, and what was expected.

    charts: the frames of each verdict's charts, by its folder's name.
    """

    found: list[Assessment]
    others: dict[str, int]
    totals: dict[str, int]
    extraction: Extraction
    expected: Expectations
    notes: list[str] = field(default_factory=list)
    charts: dict[str, Charts] = field(default_factory=dict)

    @property
    def verdicts(self) -> list[tuple[str, Verdict]]:
        """The verdict documents, each with its folder's name."""
        return [(one.target.path, one.verdict) for one in self.found]

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
    if is_bigquery(str(place)):
        dataset = BigQueryStore(str(place), max_bytes=job.max_bytes)
        dataset.prepare(job.expiration_days)
        extraction = scale.fill(dataset, job.sources, job.window, job.live, on_progress)
        return _judged(job, dataset, extraction, partial(scale.measures, dataset, job.catalogue))
    store = LocalStore(Path(place))
    with store.writing():
        extraction = extract(
            job.sources, store, window=job.window, live=job.live, max_bytes=job.max_bytes, on_progress=on_progress
        )
        classify_store(store, job.catalogue)
        return _judged(job, store, extraction, partial(_measured, store))


def _measured(store: LocalStore, window: Window, requests_until_ns: int | None = None) -> Measures:
    """The measures of a window in a store on this machine."""
    bounds = [None if moment is None else nanoseconds(moment) for moment in (window.start, window.end)]
    more = {"start_ns": bounds[0], "end_ns": bounds[1], "requests_until_ns": requests_until_ns}
    with reported(store.path / "events"), DuckDBEngine(store.slices("events"), **more) as engine:
        return measure(engine)


def _judged(job: Job, memory: history.Memory, extraction: Extraction, measured: Callable[..., Measures]) -> Run:
    """The verdicts on what was extracted. measured: gives the measures of a window, as `_measured` does."""
    unsettled_ns = _unsettled_ns(job)
    measures = measured(job.window, unsettled_ns)
    selection = targets.select(measures.revisions, service=job.service, revision=job.revision, baseline=job.baseline)
    moments = [extraction.latest_us, measures.revisions["last_received_us"].max()]
    now_us = max((one for one in moments if isinstance(one, int)), default=None)
    if job.live:
        now_us = nanoseconds(job.live.now) // 1000
    context = Context(
        tool=Tool(
            name="runverdict", version=version("runverdict"), catalogue=job.catalogue.digest, policy=job.policy.digest
        ),
        policy=job.policy,
        window=job.window,
        now_ns=None if now_us is None else now_us * 1000,
        settle_s=job.settle_s,
        requests_until_ns=unsettled_ns,
        listed=all(map(is_live, job.sources)) and not extraction.failed,
        cut_sources=tuple(sorted({redact_text(Path(one.source).name) for one in extraction.reports if one.truncated})),
        expected=replace(job.expected, known=_expected_anyway(job.catalogue)),
        tests=job.tests,
        stretch=_stretch(job, measured, measures, selection).get,
        earlier=partial(history.earlier, memory, runs=int(job.policy.comparison["history_runs"]), wanted=job.baseline),
    )
    found = [assess(measures, target, context) for target in selection.targets]
    _known_baseline(job, selection, found)
    past = history.verdicts(memory)
    drawn = {one.target.path: charts(measures, asdict(one.target), one.verdict, past) for one in found}
    read = extraction.stored + extraction.read
    numbers = totals(measures.revisions, read=read, duplicates=extraction.duplicates)
    if wrong := unreconciled(numbers, [one.verdict for one in found]):
        raise ReconciliationError("totals do not reconcile, so no verdict is given: " + "; ".join(wrong))
    history.append(memory, found)
    names = sorted(name for name in measures.revisions["service"].unique().to_list() if name)
    notes = [] if found else _notes(job, extraction, numbers, names, measures.revisions)
    return Run(found, selection.others, numbers, extraction, context.expected, notes, drawn)


def _stretch(
    job: Job, measured: Callable[..., Measures], measures: Measures, selection: targets.Selection
) -> dict[targets.Target, Earlier]:
    """What was pulled before the window of each target's baseline, where the window shows too little of one."""
    if job.live is None or job.window.start is None or job.live.since >= job.window.start or job.baseline == "none":
        return {}
    stretch = measured(Window(job.live.since, job.window.start))
    found = {}
    for target in selection.targets:
        name = targets.baseline_before(stretch.revisions, measures.revisions, target, baseline=job.baseline)
        if name:
            earlier = seen(View(stretch, target, name))
            found[target] = replace(earlier, profile=replace(earlier.profile, origin="stretch"))
    return found


def _known_baseline(job: Job, selection: targets.Selection, found: Sequence[Assessment]) -> None:
    """Refuse the name of a baseline that neither the entries nor history have."""
    if job.baseline in ("previous", "none") or not found or any(one.data.baseline for one in found):
        return
    seen = sorted({name for target in selection.targets for name in (target.revision, *target.older)})
    raise UsageError(f"--baseline: no entry of another revision {job.baseline!r}; seen were: {_names(seen)}")


def _expected_anyway(catalogue: Catalogue) -> dict[str, str]:
    """Events that are expected warnings by their name, with their meaning."""
    return {event.name: event.meaning for event in catalogue.events if event.name.startswith("expected.")}


def _unsettled_ns(job: Job) -> int | None:
    """Since when requests of a live window may still be running, in ns since 1970; None where it is settled."""
    if job.live is None:
        return None
    settled_ns = nanoseconds(job.live.now) - int(job.settle_s * 1e9)
    return settled_ns if settled_ns < nanoseconds(job.window.end or job.live.now) else None


def classify_store(store: LocalStore, catalogue: Catalogue) -> None:
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
    if job.revision not in ("newest", "serving", "every"):
        mine = revisions.filter(pl.col("service") == job.service) if job.service else revisions
        names = mine["revision"].drop_nulls().unique().sort().to_list()
        return [f"no entry of revision {job.revision!r}; seen were: {_names(names)}"]
    return [f"no entry names a revision ({numbers['kept']:,} entries, {numbers['unparsed']:,} of them unparsed)"]


def _names(names: Sequence[str]) -> str:
    """The first names of a list, in words."""
    more = f" and {len(names) - _MAX_NAMES:,} more" if len(names) > _MAX_NAMES else ""
    return (", ".join(names[:_MAX_NAMES]) or "none") + more
