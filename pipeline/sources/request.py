"""What a command's words mean: the window, the lookback before it, and when the window is settled."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import polars as pl

from pipeline.errors import SourceError
from pipeline.sources.base import Request, Source
from pipeline.sources.cloud_logging.deployments import Deployment, deployments, refused_ns
from pipeline.window import SETTLE_S, Window, moment_of, nanoseconds, parse_time, rfc3339

DEPLOY = "deploy"

#: The window where no deploy is near, and the least and most that is pulled before a window for the baseline.
_HOUR, _DAY = timedelta(hours=1), timedelta(hours=24)

#: So far back a deploy is searched that is asked for, in days: so long the bucket _Required keeps the audit log. A log
#: bucket or a view of one's own keeps it as long as it was set to.
KEPT_DAYS = 400
_KEPT = timedelta(days=KEPT_DAYS)


@dataclass(frozen=True)
class Asked:
    """What is meant.

    settle_s: how long after its end the window is complete, in s. deployments: of a live window the newest deployment
    of each service that had one by its end.
    """

    request: Request
    settle_s: float
    deployments: Mapping[str, Deployment] = field(default_factory=dict)


def asked(
    sources: Sequence[Source],
    *,
    now: datetime,
    service: str | None = None,
    since: str | None = None,
    until: str | None = None,
    settle_s: float | None = None,
    baseline: bool = True,
    named: bool = False,
    deployment: Deployment | None = None,
) -> Asked:
    """Return what a command's words mean, at the moment `now`.

    since: RFC 3339, a duration back from now, `deploy`, or None: files whole, remote sources from the newest deployment
    within a day, else an hour. settle_s: None is the request time-out that the audit log shows, else `SETTLE_S`.
    baseline: read as long a lookback before the window, of 1 to 24 h; 24 h of files whose end nobody named. named: the
    revision to judge was named, so no deployment says which it is. deployment: the one that is meant, where it was
    waited for; a later one supersedes it.
    Raises UsageError and SourceError.
    """
    remote = [source for source in sources if source.remote]
    end = parse_time(until, now=now) if until else None
    start = parse_time(since, now=now) if since and since != DEPLOY else None
    if not remote:
        if since == DEPLOY:
            start = _start(_of_files(sources, service), "in these files")
        lookback_start = start - _lookback(start, end) if start and baseline else None
        settle_s = SETTLE_S if settle_s is None else settle_s
        return Asked(Request(Window(start, end), lookback_start, service), settle_s)
    end = end or now
    Window(start, end)  # refused before anything is read
    known: list[Deployment] = []
    if start is None or settle_s is None or not named:
        known = DeploymentLog(remote, service).until(end, far=since == DEPLOY)
    newest = {} if named else {other.service: other for other in known}
    if deployment:
        start = moment_of(deployment.begin_ns)
        newest[deployment.service] = replace(deployment, newer=_newer(known, deployment))
    elif since == DEPLOY:
        start = _start(known, f"in the last {KEPT_DAYS} days")
    elif start is None:
        start = _start(known, "") if known else end - _HOUR
    window = Window(start, end)
    before = _lookback(start, end) if baseline else timedelta(0)
    if settle_s is None:
        settle_s = next((other.timeout_s for other in reversed(known) if other.timeout_s), SETTLE_S)
    return Asked(Request(window, start - before, service, now), settle_s, newest)


def _lookback(start: datetime, end: datetime | None) -> timedelta:
    """How long a time before a window is read for the baseline."""
    longest = start - datetime.min.replace(tzinfo=UTC)  # the first day of the calendar has none before it
    return min(max(end - start, _HOUR) if end else _DAY, _DAY, longest)


def time_at(sources: Sequence[Source], local: Callable[[], datetime]) -> datetime:
    """Return the time of day at the sources, the latest of several; where none has a clock, that of this machine."""
    return max((moment for source in sources if (moment := source.now())), default=None) or local()


class DeploymentLog:
    """The deployments of a service, or of all, that remote sources show; looked at again and again, or once.

    The day before the first look is read at each look, the time before that day once, where it is needed.
    """

    def __init__(self, sources: Sequence[Source], service: str | None) -> None:
        self._sources = sources
        self._service = service
        self._day: datetime | None = None
        self._earlier: list[pl.DataFrame] | None = None

    def until(self, end: datetime, *, far: bool = False) -> list[Deployment]:
        """Return the deployments of the day before a moment, the oldest first; far: of all that is kept.

        A call names the revision that it changes the traffic of, too: one without a Ready in this day is looked for in
        that time, so that what was Ready long ago is no deployment. Raises SourceError.
        """
        self._day = self._day or end - _DAY
        frames = self._read(Window(self._day, end))
        known = deployments(frames, self._service)
        unready = any(
            deployment.revision and deployment.ready_ns is None and not deployment.failed for deployment in known
        )
        if not unready and (known or not far):
            return known
        if self._earlier is None:
            self._earlier = self._read(Window(self._day - _KEPT, self._day))
        known = deployments([*self._earlier, *frames], self._service)
        recent = [deployment for deployment in known if deployment.begin_ns >= nanoseconds(self._day)]
        return recent or (known if far else [])

    def refused(self, since: datetime, end: datetime) -> datetime | None:
        """Return when a deployment was last refused between two moments; None where none was. Raises SourceError."""
        refused_at = refused_ns(self._read(Window(since, end)), self._service)
        return moment_of(refused_at[-1]) if refused_at else None

    def _read(self, window: Window) -> list[pl.DataFrame]:
        return [frame for source in self._sources for frame in source.audit_entries(self._service, window)]


def _newer(known: Sequence[Deployment], deployment: Deployment) -> str | None:
    """What came after a deployment: the newest revision, or in words a deployment that names none yet; failed ones not.

    >>> older, newer = Deployment("shop", 1), Deployment("shop", 1_768_467_600 * 10**9)
    >>> _newer([older, newer], older)
    'a deployment that began at 2026-01-15T09:00:00Z'
    >>> _newer([older, newer], newer)
    """
    later = [
        other
        for other in known
        if other.service == deployment.service and other.begin_ns > deployment.begin_ns and not other.failed
    ]
    if not later:
        return None
    return later[-1].revision or f"a deployment that began at {rfc3339(moment_of(later[-1].started_ns))}"


def _of_files(sources: Sequence[Source], service: str | None) -> list[Deployment]:
    frames = []
    for source in sources:
        try:
            frames += source.audit_entries(service, Window())
        except SourceError:
            if source.address == "-":
                raise
            # The extraction says what is wrong with a file.
    return deployments(frames, service)


_NAME_A_TIME = "name a time, such as --since 1h; a log bucket of your own keeps the audit log as long as it was set to"


def _start(known: Sequence[Deployment], where: str) -> datetime:
    """The start of the newest deployment's window: its Ready, or its call where it never became ready."""
    if not known:
        raise SourceError("--since deploy", f"no revision became ready {where}", _NAME_A_TIME)
    return moment_of(known[-1].begin_ns)
