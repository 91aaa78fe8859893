"""The main job in five steps: source, entries, events, measures, verdict, report."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property

import polars as pl

from parsers.model import Catalogue
from parsers.redact import redact_text
from pipeline.aggregate.measures import Measures
from pipeline.assess.assess import Assessment
from pipeline.assess.assess import assess as assess_revision
from pipeline.assess.bounds import bounded
from pipeline.assess.context import Context
from pipeline.assess.earlier import Earlier, from_history
from pipeline.assess.executions import by_job
from pipeline.assess.history_rows import history_rows
from pipeline.assess.revisions import Selection, Target, select
from pipeline.assess.totals import other_types, totals, unreconciled
from pipeline.errors import RunverdictError, SourceError, UsageError
from pipeline.extract import Extraction
from pipeline.judge.crosscheck import Crosscheck
from pipeline.judge.decide import worse
from pipeline.judge.deployed import Deployed
from pipeline.judge.expectations import Expectations
from pipeline.judge.model import Look, TestResults, Verdict, VerdictName
from pipeline.judge.policy import Policy
from pipeline.reasons import incomplete, names_of, nothing_judged
from pipeline.report.frames import Charts, charts
from pipeline.report.masked import masked, masked_charts, masked_texts
from pipeline.sources.base import Access, Request, Source
from pipeline.sources.cloud_logging.deployments import Deployment
from pipeline.sources.records import SourceReport
from pipeline.sources.request import Asked
from pipeline.stores import history
from pipeline.stores.base import Progress, Silent, Store
from pipeline.window import SETTLE_S, Window, nanoseconds

log = logging.getLogger(__name__)


class ReconciliationError(RunverdictError):
    """A total does not hold: an entry was lost or counted twice. This is a bug, and no verdict is given."""


@dataclass(frozen=True)
class Job:
    """What to check.

    request: the window; its service None: every service worth a verdict. revision: `newest`, `serving`, `every` (that
    had users), or a name. baseline: `previous`, `none`, or a name. settle_s: how long after its end the window is
    complete. expected: what the team expects; tests: results to take into account. deployments: of a live window the
    newest of each service, which says what revision is to be judged. policies: by service, where one has limits of its
    own. looks: of --watch, those before this one; planned_end: of a window that is not over yet. access: how Cloud
    Monitoring and the Run Admin API are reached; None to ask neither.
    """

    sources: Sequence[Source]
    catalogue: Catalogue
    policy: Policy
    request: Request = field(default_factory=Request)
    revision: str = "newest"
    baseline: str = "previous"
    settle_s: float = SETTLE_S
    expected: Expectations = field(default_factory=Expectations)
    tests: TestResults | None = None
    deployments: Mapping[str, Deployment] = field(default_factory=dict)
    looks: Sequence[Look] = ()
    planned_end: datetime | None = None
    policies: Mapping[str, Policy] = field(default_factory=dict)
    access: Access | None = None

    def of_window(self, meant: Asked) -> "Job":
        """Return the same job for a window that is known now, with what was deployed in it."""
        return replace(self, request=meant.request, settle_s=meant.settle_s, deployments=meant.deployments)


@dataclass(frozen=True)
class Run:
    """What a run gave: verdicts, services that are only listed, totals, and what the sources met.

    assessments: as they may be shown; assessed: before anything was masked. measures: of the window. other_types:
    entries that are none of Cloud Run's, in words.
    """

    assessments: list[Assessment]
    others: dict[str, int]
    totals: dict[str, int]
    extraction: Extraction
    measures: Measures = field(repr=False)
    assessed: "Assessed" = field(repr=False)
    notes: list[str] = field(default_factory=list)
    other_types: str = ""

    @cached_property
    def charts(self) -> dict[str, Charts]:
        """The frames of each verdict's charts, by its folder's name."""
        return masked_charts(
            {
                assessment.target.path: charts(
                    self.measures, assessment.target.identity, assessment.verdict, self.assessed.past
                )
                for assessment in self.assessed.assessments
            }
        )

    @property
    def verdicts(self) -> list[tuple[str, Verdict]]:
        """The verdict documents, each with its folder's name."""
        return [(assessment.target.path, assessment.verdict) for assessment in self.assessments]

    @property
    def inputs(self) -> list[dict[str, str | int | None]]:
        """What was read of each source: the entries it gave, and those of no use, with the first record of each."""
        reports = self.extraction.reports
        names = masked_texts([redact_text(met.source) for met in reports])
        return [
            {
                "source": names[redact_text(met.source)],
                "form": met.form or None,
                "entries": met.read + met.outside,
                "outside": met.outside,
                "other_types": met.other_types,
                "first_other": met.first_other,
                "unparsed": met.unparsed,
                "first_unparsed": met.first_unparsed,
                "cut": met.cut,
                "repaired_utf8": met.repaired_utf8,
            }
            for met in reports
        ]

    @property
    def verdict(self) -> VerdictName:
        """The worst of all; INCONCLUSIVE where nothing could be judged, or not all."""
        worst: VerdictName = "PASS" if self.verdicts and not self.notes else "INCONCLUSIVE"
        for _, verdict in self.verdicts:
            worst = worse(worst, verdict.verdict)
        return worst


@dataclass(frozen=True)
class Measured:
    """Measures of the window, and of the lookback before it where one was read; notes: what of them is together."""

    window: Measures
    lookback: Measures | None
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class Assessed:
    """What was judged, the services that are only listed, what the team expects, and the verdicts before these."""

    assessments: list[Assessment]
    selection: Selection
    expected: Expectations
    past: pl.DataFrame = field(repr=False)


def check(job: Job, store: Store, progress: Progress | None = None) -> Run:
    """Run the whole job in a store, and return the verdicts.

    Raises RunverdictError where the store or the catalogue cannot be used; a source that fails is in the extraction.
    """
    with store.writing():
        store.prepare(job.catalogue)
        extraction = extract(job.sources, store, job.request, progress)
        classify(job, store, extraction)
        measured = aggregate(job, store)
        assessed = assess(job, store, extraction, measured)
        return report(job, store, extraction, measured, assessed)


def extract(sources: Sequence[Source], store: Store, request: Request, progress: Progress | None = None) -> Extraction:
    """Read the sources into a store that is ready for writing, and return what was met.

    A source that fails does not stop the others: it is in `failed`.
    """
    extraction = Extraction(stored=store.count(request.window))
    for source in sources:
        met = SourceReport(source.address)
        extraction.reports.append(met)
        try:
            store.add(source, request, met, progress or Silent())
        except SourceError as error:
            log.warning("%s", error)
            extraction.failed.append(error)
    extraction.count_duplicates(store.count(request.window))
    numbers = (extraction.stored, extraction.read, extraction.outside, extraction.duplicates)
    log.info("extract: stored=%d read=%d outside=%d duplicates=%d", *numbers)
    return extraction


def classify(job: Job, store: Store, extraction: Extraction) -> None:
    """Make events of what the store has of the job's window, and count again: these are the entries that are measured.

    A source in BigQuery is read only here, and another run may have added to a shared store meanwhile.
    """
    store.classify(job.catalogue, job.request.read_window)
    extraction.count_duplicates(store.count(job.request.window))


def aggregate(job: Job, store: Store, lookback: Measures | None = None) -> Measured:
    """Return the measures of the classified entries. lookback: its measures, where they are there already."""
    window, start = job.request.window, job.request.lookback_start
    has_lookback = start is not None and window.start is not None and start < window.start and job.baseline != "none"
    measures, notes = bounded(store.aggregate(window, _unsettled_ns(job)))
    if has_lookback and lookback is None:
        lookback, _ = bounded(store.aggregate(Window(start, window.start)))
    return Measured(measures, lookback if has_lookback else None, notes)


def assess(job: Job, store: Store, extraction: Extraction, measured: Measured) -> Assessed:
    """Return the verdicts on what was measured. Raises UsageError for a baseline that nobody has seen."""
    measures = measured.window
    service = job.request.service
    deployed = {
        deployment.service: deployment.revision
        for deployment in job.deployments.values()
        if deployment.ready_ns and deployment.revision
    }
    selection = select(
        measures.revisions,
        service=service,
        revision=job.revision,
        baseline=job.baseline,
        deployed=deployed,
        jobs=by_job(measures.executions),
        served=measures.minutes,
    )
    past = history.listed(store)
    _refuse_unknown_baseline(job, selection, measured, past)
    others = other_types(measures.revisions)
    missing = incomplete(extraction)
    limits = job.policy.comparison
    alone = _runs_before(job, (one for one in selection.targets if not one.baseline), past, int(limits["history_runs"]))
    beside = _runs_before(job, selection.targets, past, int(limits["novelty_runs"]))
    profiles = history.profiles(store, [*alone.values(), *beside.values()])
    context = Context(
        catalogue=job.catalogue.digest,
        policy=job.policy,
        policies=job.policies,
        window=job.request.window,
        now_ns=_now_ns(job, extraction, measures),
        settle_s=job.settle_s,
        requests_until_ns=_unsettled_ns(job),
        listed=all(source.remote for source in job.sources) and not extraction.failed and not missing,
        incomplete=missing,
        notes=(
            *(f"In no number here, for they are not Cloud Run's: {text}." for text in [others] if text),
            *measured.notes,
        ),
        expected=replace(job.expected, known=_expected_anyway(job.catalogue)),
        tests=job.tests,
        deployed={name: _deployed(deployment, job) for name, deployment in job.deployments.items()},
        planned_end=job.planned_end,
        crosschecks=_crosschecks(job, selection, measured),
        lookback=measured.lookback,
        baseline=job.baseline,
        history=_earlier(store, alone, profiles),
        passed=_earlier(store, beside, profiles),
    )
    assessments = [assess_revision(measures, target, context) for target in selection.targets]
    return Assessed(assessments, selection, context.expected, past)


def report(job: Job, store: Store, extraction: Extraction, measured: Measured, assessed: Assessed) -> Run:
    """Return what the report shows, and let history remember it. Raises ReconciliationError."""
    measures, verdicts = measured.window, [assessment.verdict for assessment in assessed.assessments]
    read = extraction.stored + extraction.read
    numbers = totals(measures.revisions, read=read, duplicates=extraction.duplicates)
    if wrong := unreconciled(numbers, verdicts):
        raise ReconciliationError("totals do not reconcile, so no verdict is given: " + "; ".join(wrong))
    shown = [
        replace(assessment, verdict=_with_looks(verdict, job))
        for assessment, verdict in zip(assessed.assessments, masked(verdicts), strict=True)
    ]
    for assessment in shown:
        history.append(store, *history_rows(assessment))
    notes = []
    if not verdicts:
        service, revision = job.request.service, job.revision
        notes = nothing_judged(extraction, numbers, measures.revisions, service=service, revision=revision)
    if excess := assessed.selection.excess:
        notes.append(f"{excess:,} more services are not judged, {len(verdicts):,} are; name one with --service")
    others, types = assessed.selection.others, other_types(measures.revisions)
    safe = masked_texts([*notes, *others])
    listed: dict[str, int] = {}
    for name, n in others.items():
        listed[safe[name]] = listed.get(safe[name], 0) + n
    told = [safe[note] for note in notes]
    return Run(shown, listed, numbers, extraction, measures, assessed, told, types)


def _with_looks(verdict: Verdict, job: Job) -> Verdict:
    """The verdict on the deployed revision with the looks that were taken of it."""
    deployment = job.deployments.get(verdict.service)
    own = deployment is not None and deployment.revision == verdict.revision
    return verdict.model_copy(update={"looks": list(job.looks)}) if own and job.looks else verdict


def _deployed(deployment: Deployment, job: Job) -> Deployed:
    """A deployment as the judge sees it, at the time of day at the sources."""
    return Deployed(
        started_ns=deployment.started_ns,
        revision=deployment.revision,
        ready_ns=deployment.ready_ns,
        overdue=job.request.now is not None and deployment.overdue(nanoseconds(job.request.now)),
        failed=deployment.failed,
        rollback=deployment.rollback,
        newer=deployment.newer,
    )


def _crosschecks(job: Job, selection: Selection, measured: Measured) -> Mapping[Target, Crosscheck]:
    """What else is known of the revisions: by other APIs of a live window, and by the audit log."""
    is_asked = job.access is not None and job.request.now is not None
    audited = measured.window.evidence["topic"].str.starts_with("event/audit.").any()
    if not is_asked and not audited:
        return {}
    from pipeline.crosscheck import crosschecks, with_audit_logs  # its clients take a tenth of a second to import

    if job.access is None or job.request.now is None:
        return with_audit_logs({}, selection.targets, job.sources, job.request)
    known = crosschecks(
        selection.targets,
        [measured.window, *([measured.lookback] if measured.lookback else [])],
        access=job.access,
        request=job.request,
        requests_until_ns=_unsettled_ns(job),
        settle_s=job.settle_s,
    )
    return with_audit_logs(known, selection.targets, job.sources, job.request) if audited else known


def _runs_before(job: Job, targets: Iterable[Target], past: pl.DataFrame, runs: int) -> dict[Target, pl.DataFrame]:
    """The last runs of history before each revision that has some."""
    chosen = {one: history.runs_before(past, one.identity, runs=runs, wanted=job.baseline) for one in targets}
    return {target: rows for target, rows in chosen.items() if rows.height}


def _earlier(store: Store, chosen: Mapping[Target, pl.DataFrame], profiles: pl.DataFrame) -> dict[Target, Earlier]:
    """What these runs add up to, for each revision."""
    return {
        target: from_history(
            rows.join(profiles, on="run", maintain_order="left"), store.load("signatures", rows["run"].to_list())
        )
        for target, rows in chosen.items()
    }


def _refuse_unknown_baseline(job: Job, selection: Selection, measured: Measured, past: pl.DataFrame) -> None:
    """Refuse the name of a baseline that neither the entries nor history have."""
    if job.baseline in ("previous", "none") or not selection.targets:
        return
    tables = [measured.window.revisions, past]
    if measured.lookback:
        tables.append(measured.lookback.revisions)
    services = [target.service for target in selection.targets]
    rows = pl.concat([table.select("service", "revision") for table in tables])
    names = rows.filter(pl.col("service").is_in(services))["revision"].drop_nulls().unique().sort().to_list()
    judged = {target.revision for target in selection.targets}
    if job.baseline not in names or judged == {job.baseline}:
        raise UsageError(f"--baseline: no entry of another revision {job.baseline!r}; seen were: {names_of(names)}")


def _now_ns(job: Job, extraction: Extraction, measures: Measures) -> int | None:
    """The time of day at the sources, in ns since 1970: of remote ones the clock's, of files their newest entry's."""
    if job.request.now:
        return nanoseconds(job.request.now)
    moments = [extraction.latest_us, measures.revisions["last_received_us"].max()]
    latest = max((moment for moment in moments if isinstance(moment, int)), default=None)
    return None if latest is None else latest * 1000


def _expected_anyway(catalogue: Catalogue) -> dict[str, str]:
    """Events that are expected warnings by their name, with their meaning."""
    return {event.name: event.meaning for event in catalogue.events if event.name.startswith("expected.")}


def _unsettled_ns(job: Job) -> int | None:
    """Since when requests of a live window may still be running, in ns since 1970; None where it is settled."""
    now = job.request.now
    if now is None:
        return None
    settled_ns = nanoseconds(now) - int(job.settle_s * 1e9)
    return settled_ns if settled_ns < nanoseconds(job.request.window.end or now) else None
