"""The main job: source, entries, events, measures, verdict. Five steps, one function each."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import polars as pl

from parsers.model import Catalogue
from parsers.to_polars import Classifier
from pipeline import targets
from pipeline.assemble import Context, verdict
from pipeline.classify import classify
from pipeline.engines.embedded import Embedded
from pipeline.errors import RunverdictError
from pipeline.extract import Extraction, extract
from pipeline.judge.decide import worse
from pipeline.judge.model import Tool, Verdict, VerdictName
from pipeline.judge.policy import Policy
from pipeline.measure import measure
from pipeline.store import Store
from pipeline.totals import totals, unreconciled
from pipeline.window import Window, nanoseconds

log = logging.getLogger(__name__)

#: How long after its end a window is complete: Cloud Run's default request time-out, in s.
SETTLE_S = 300.0


class ReconciliationError(RunverdictError):
    """A total does not hold: an entry was lost or counted twice. This is a bug, and no verdict is given."""


@dataclass(frozen=True)
class Job:
    """What to check. revision: `newest`, `serving`, or a name; service None: every service worth a verdict."""

    sources: Sequence[str]
    catalogue: Catalogue
    policy: Policy
    window: Window = field(default_factory=Window)
    service: str | None = None
    revision: str = "newest"
    settle_s: float = SETTLE_S


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


def check(job: Job, folder: Path, *, on_progress: Callable[[str, int], None] = lambda _step, _done: None) -> Run:
    """Run the whole job in a store at `folder`, and return the verdicts.

    Raises RunverdictError where the store or the catalogue cannot be used; a source that fails is in the extraction.
    """
    store = Store(folder)
    extraction = extract(job.sources, store, window=job.window, on_progress=on_progress)
    classify_store(store, job.catalogue)
    start, end = job.window.start, job.window.end
    bounds = {"start_ns": nanoseconds(start) if start else None, "end_ns": nanoseconds(end) if end else None}
    with Embedded(store.slices("events"), **bounds) as engine:
        measures = measure(engine)
    selection = targets.select(measures.revisions, service=job.service, revision=job.revision)
    received = measures.revisions["last_received_us"].max()
    context = Context(
        tool=Tool(
            name="runverdict", version=version("runverdict"), catalogue=job.catalogue.digest, policy=job.policy.digest
        ),
        policy=job.policy,
        window=job.window,
        now_ns=received * 1000 if isinstance(received, int) else None,
        settle_s=job.settle_s,
        cut_sources=tuple(sorted({Path(one.source).name for one in extraction.reports if one.truncated})),
    )
    verdicts = [(target.path, verdict(measures, target, context)) for target in selection.targets]
    numbers = totals(measures.revisions, read=extraction.read, duplicates=extraction.duplicates)
    if wrong := unreconciled(numbers, [one for _, one in verdicts]):
        raise ReconciliationError("totals do not reconcile, so no verdict is given: " + "; ".join(wrong))
    seen = sorted(name for name in measures.revisions["service"].unique().to_list() if name)
    notes = [] if verdicts else _notes(job, numbers, seen, measures.revisions)
    return Run(verdicts, selection.others, numbers, extraction, notes)


def classify_store(store: Store, catalogue: Catalogue) -> None:
    """Classify every slice of entries that has no events yet, or had them from another catalogue."""
    stale = store.facts().get("catalogue") != catalogue.digest
    classifier = Classifier(catalogue)
    done = {path.stem for path in store.slices("events")}
    for path in store.slices("entries"):
        if stale or path.stem not in done:
            store.write("events", path.stem, classify(pl.read_parquet(path, hive_partitioning=False), classifier))
    store.write_manifest({"catalogue": catalogue.digest, "written": datetime.now(UTC).isoformat(timespec="seconds")})


def _notes(job: Job, numbers: dict[str, int], seen: list[str], revisions: pl.DataFrame) -> list[str]:
    """Why nothing was judged, in words, and what was seen in its place."""
    if not numbers["kept"]:
        return ["the sources hold no entry" + (" within the window" if job.window.start or job.window.end else "")]
    if job.service and job.service not in seen:
        return [f"no entry of service {job.service!r}; seen were: {', '.join(seen) or 'none'}"]
    if job.service and job.revision not in ("newest", "serving"):
        names = revisions.filter(pl.col("service") == job.service)["revision"].drop_nulls().sort().to_list()
        return [f"no entry of revision {job.revision!r}; seen were: {', '.join(names) or 'none'}"]
    return [f"no entry names a revision ({numbers['kept']:,} entries, {numbers['unparsed']:,} of them unparsed)"]
