"""`--watch`: looks at a deployment early and often, and ends at a FAIL that holds whatever comes."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from pipeline import run
from pipeline.assess.assess import Assessment
from pipeline.errors import SourceError, StoreBusyError
from pipeline.extract import Extraction
from pipeline.judge.early import LOOKS, certain_failures, evidence, settled_after_s
from pipeline.judge.model import Check, Look
from pipeline.report.masked import masked_texts
from pipeline.sources.cloud_logging.quota import Clock
from pipeline.stores import watches
from pipeline.stores.base import Store
from pipeline.stores.watches import Watch
from pipeline.watch import POLL_S, Plan
from pipeline.window import Window, rfc3339

_MINUTE = timedelta(minutes=1)

#: So late an entry may be found in the log.
_LATE = timedelta(seconds=30)

#: After a look, so many times as long as it took nothing is read: a log that takes minutes is not read all the time.
_PAUSES = 4


class Stopped(BaseException):
    """The job was told to end; what is known is to be written."""


@dataclass
class Looks:
    """The looks of one job.

    job_now: makes the job of the deployment's window up to now. say: is told of each look. taken: those of the minutes
    `LOOKS`, and the one that ended it.
    """

    plan: Plan
    job_now: Callable[[], run.Job]
    store: Store
    now: Callable[[], datetime]
    clock: Clock
    say: Callable[[str], None]
    taken: list[Look] = field(init=False)
    _settled_after_s: float | None = None
    _last: tuple[run.Job, Extraction, run.Measured, run.Assessed] | None = None

    def __post_init__(self) -> None:
        self.taken = [Look.model_validate(look) for look in self.plan.looks]

    def until_end(self) -> run.Run | None:
        """Look until the window's end; return the run of a FAIL that ended it before, else None.

        It looks at once, in the minutes `LOOKS`, and in each minute in which the platform warned of the revision or a
        request of it failed. A source that fails, or a store that is busy, costs that look alone.
        """
        while (began := self.now()) < self.plan.end:
            minute = (began - self.plan.begin) / _MINUTE
            try:
                if (self._due(minute) or self._is_in_trouble(began)) and (ended := self._look(minute)):
                    return ended
            except (SourceError, StoreBusyError) as error:
                self.say(f"this look was not taken: {error}")
            free = self.now() + (self.now() - began) * _PAUSES
            following = self.plan.begin + (int((free - self.plan.begin) / _MINUTE) + 1) * _MINUTE
            self.clock.sleep(max((min(following, self.plan.end) - self.now()).total_seconds(), POLL_S))
        return None

    def known(self) -> run.Run | None:
        """Return the run of the last look, which passes nothing, for its window is not over; None before the first."""
        if self._last is None:
            return None
        job, extraction, measured, assessed = self._last
        return run.report(replace(job, looks=self.taken), self.store, extraction, measured, assessed)

    def finished(self) -> None:
        """Remember that the window was judged to its end."""
        self._save(over=True)

    def _due(self, minute: float) -> bool:
        """Whether one of `LOOKS` has come since the last one was taken."""
        before = self.taken[-1].minute if self.taken else 0.0
        return any(before < look <= minute for look in LOOKS)

    def _is_in_trouble(self, moment: datetime) -> bool:
        """Whether there was no look yet, or the platform warned or a request failed since the last one."""
        if self._last is None or self.plan.deployment.revision is None:
            return True
        since = self._last[0].request.now
        if since is None or since >= moment:
            return False
        window = Window(since - _LATE, moment)
        sources = self._last[0].sources
        return any(source.first_trouble(self.plan.deployment.revision, window) is not None for source in sources)

    def _look(self, minute: float) -> run.Run | None:
        job = self.job_now()
        if self._settled_after_s is not None:
            job = replace(job, settle_s=min(self._settled_after_s, job.settle_s))
        asking, job = job, replace(job, planned_end=self.plan.end, access=None)
        with self.store.writing():
            extraction = run.extract(job.sources, self.store, job.request)
            if extraction.failed:
                raise extraction.failed[0]
            run.classify(job, self.store, extraction)
            measured = run.aggregate(job, self.store, self._last[2].lookback if self._last else None)
            assessed = run.assess(job, self.store, extraction, measured)
            is_first = self._last is None
            self._last = job, extraction, measured, assessed
            if (own := self._own(assessed)) is None:
                return None
            self._settled_after_s = settled_after_s(own.data.baseline)
            due = self._due(minute)
            failed = certain_failures(own.data, job.policy, assessed.expected, compared=due)
            ends = bool(failed) and own.verdict.verdict == "FAIL"
            look = _taken(job, own, minute, failed)
            if due or ends:
                self.taken.append(look)
            if due or ends or is_first:
                self._save(over=ends)
                text = _told(look, failed if ends else [], self.plan)
                self.say(masked_texts([text])[text])
            if not ends:
                return None
            assessed = run.assess(replace(job, access=asking.access), self.store, extraction, measured)
            return run.report(replace(job, looks=self.taken), self.store, extraction, measured, assessed)

    def _own(self, assessed: run.Assessed) -> Assessment | None:
        """What was found of the deployed revision."""
        wanted = self.plan.deployment.service, self.plan.deployment.revision
        own = (
            assessment
            for assessment in assessed.assessments
            if (assessment.target.service, assessment.target.revision) == wanted
        )
        return next(own, None)

    def _save(self, *, over: bool) -> None:
        deployment, plan = self.plan.deployment, self.plan
        if deployment.revision:
            looks = tuple(look.model_dump() for look in self.taken)
            watches.save(
                self.store, Watch(deployment.service, deployment.revision, plan.begin, plan.end, looks, over=over)
            )


def _taken(job: run.Job, own: Assessment, minute: float, failed: list[Check]) -> Look:
    assert job.request.now
    design_effect, e_value = evidence(own.data, job.policy)
    return Look(
        at=rfc3339(job.request.now.replace(microsecond=0)),
        minute=round(minute, 1),
        settled_until=rfc3339((job.request.now - timedelta(seconds=job.settle_s)).replace(microsecond=0)),
        requests=int(own.data.minutes.n.sum()),
        errors_5xx=int(own.data.minutes.errors_5xx.sum()),
        design_effect=float(f"{design_effect:.6g}"),
        evidence=None if e_value is None else float(f"{e_value:.6g}"),
        failed=[check.id for check in failed],
    )


def _told(look: Look, failed: list[Check], plan: Plan) -> str:
    """A look in a line."""
    text = f"minute {look.minute:g}: {look.errors_5xx:,} of {look.requests:,} settled user requests ended in 5xx"
    if failed:
        return f"{text}; FAIL, whatever comes: {failed[0].reason}"
    following = next((minute for minute in LOOKS if minute > look.minute), None)
    moment = plan.end if following is None else min(plan.begin + following * _MINUTE, plan.end)
    what = "the next look" if moment < plan.end else "the window ends"
    return f"{text}; nothing fails for certain; {what} at {rfc3339(moment.replace(microsecond=0))}"
