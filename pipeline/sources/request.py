"""What a command asks of services: the window its words mean, the stretch before it, when it is settled, its cost."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from pipeline.errors import SourceError, UsageError
from pipeline.sources.cloud_logging.access import Access, is_live
from pipeline.sources.cloud_logging.deployments import Deploy, newest_deploy, newest_deploy_of_files
from pipeline.sources.cloud_logging.filter import Scope, windowed
from pipeline.sources.cloud_logging.pull import Live
from pipeline.sources.records import SourceReport
from pipeline.window import SETTLE_S, Window, nanoseconds, parse_time

DEPLOY = "deploy"

#: The window where no deploy is near, and the least and most that is pulled before a window for the baseline.
_HOUR, _DAY = timedelta(hours=1), timedelta(hours=24)

#: Parts of a window that are looked at to estimate the whole.
_PROBES = 8


@dataclass(frozen=True)
class Asked:
    """What is meant. settle_s: how long after its end the window is complete; live: None where only files are read."""

    window: Window
    settle_s: float
    live: Live | None = None


def asked(
    sources: Sequence[str],
    access: Access,
    *,
    now: datetime,
    service: str | None,
    since: str | None,
    until: str | None,
    settle_s: float | None,
    baseline: bool,
) -> Asked:
    """Return what a command's words mean, at the moment `now`.

    since: RFC 3339, a duration back from now, `deploy`, or None: files whole, services from the newest deploy within
    a day, else an hour. settle_s: None is the request time-out that the audit log shows, else `SETTLE_S`. baseline:
    pull as long a stretch before the window, of 1 to 24 h. Raises UsageError and SourceError.
    """
    projects = [source for source in sources if is_live(source)]
    end = parse_time(until, now=now) if until else None
    start = parse_time(since, now=now) if since and since != DEPLOY else None
    if not projects:
        if since == DEPLOY:
            start = _ready(newest_deploy_of_files(list(sources), service), "in these files")
        return Asked(Window(start, end), SETTLE_S if settle_s is None else settle_s)
    end = end or now
    deploy = None
    if start is None or settle_s is None:
        found = [
            one
            for source in projects
            if (one := newest_deploy(source, access, service, end_ns=nanoseconds(end), far=since == DEPLOY))
        ]
        deploy = max(found, key=lambda one: one.ready_ns, default=None)
    if since == DEPLOY:
        start = _ready(deploy, "in the last 30 days")
    elif start is None:
        start = _moment(deploy.ready_ns) if deploy else end - _HOUR
    window = Window(start, end)
    before = min(max(end - start, _HOUR), _DAY) if baseline else timedelta(0)
    if settle_s is None:
        settle_s = deploy.timeout_s if deploy and deploy.timeout_s else SETTLE_S
    return Asked(window, settle_s, Live(now, since=start - before, until=end, service=service, access=access))


def _ready(deploy: Deploy | None, where: str) -> datetime:
    if deploy is None:
        raise SourceError("--since deploy", f"no revision became ready {where}", "name a time, such as --since 1h")
    return _moment(deploy.ready_ns)


def _moment(nanos: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=nanos // 1000)


@dataclass(frozen=True)
class Estimate:
    """What a pull would take: entries, pages of 1,000, and minutes inside of the quota; reads made to estimate it."""

    entries: int
    pages: int
    minutes: float
    reads: int
    exact: bool


def estimate(source: str, live: Live) -> Estimate:
    """Return what it takes to pull [since, until) of a project: one page of each of 8 parts, and what these tell."""
    from pipeline.sources.cloud_logging.api import PAGE_SIZE, Api

    api = Api(source, live.access)
    text = Scope(service=live.service).text()
    start, end = nanoseconds(live.since), nanoseconds(live.until)
    if start >= end:
        raise UsageError("the window is empty")
    borders = [start + (end - start) * part // _PROBES for part in range(_PROBES + 1)]
    entries, exact = 0, True
    for low, high in pairwise(borders):
        page = api.read(windowed(text, low, high), SourceReport(source))
        entries += len(page.lines)
        if page.token:
            exact = False
            entries += _rest(page.lines, high)
    pages = max(-(-entries // PAGE_SIZE), 1)
    return Estimate(entries, pages, max(pages / live.access.reads_per_minute - 1, 0.0), api.reads, exact)


def _rest(lines: Sequence[bytes], end_ns: int) -> int:
    """How many entries come behind those of a page until a time in ns, if they go on as densely as they stand in it."""
    from pipeline.sources.log_entry import EntryReader

    with EntryReader() as reader:
        times = reader.read(lines)["timestamp_ns"].drop_nulls()
    first, last = times.min(), times.max()
    if not isinstance(first, int) or not isinstance(last, int):
        return 0
    return len(lines) * max(end_ns - last, 0) // max(last - first, 1)
