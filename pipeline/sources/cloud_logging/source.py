"""`logging://PROJECT`, or other resources: the log of projects, folders or views, pulled over the API."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import pairwise

import polars as pl

from pipeline.errors import SourceError, UsageError
from pipeline.sources.base import Access, Checkpoint, EntryBatch, Estimate, Query, Request
from pipeline.sources.cloud_logging.api import PAGE_SIZE, Api, TokenError
from pipeline.sources.cloud_logging.deployments import audit_filter, audit_rows
from pipeline.sources.cloud_logging.filter import Scope, quoted, windowed
from pipeline.sources.cloud_logging.pull import pull
from pipeline.sources.cloud_logging.resources import resources_of
from pipeline.sources.log_entry import EntryReader
from pipeline.sources.records import SourceReport
from pipeline.text import counted
from pipeline.window import Window, moment_of, nanoseconds, rfc3339

_REQUESTS = "run.googleapis.com/requests"

#: Where the platform reports exits, exceeded memory and probes. A request that ended in 5xx has ERROR, in 4xx WARNING.
_SYSTEM = "run.googleapis.com/varlog/system"
_SEVERE = " OR ".join(f"severity={name}" for name in ("ERROR", "CRITICAL", "ALERT", "EMERGENCY"))
_TROUBLE = f"(({_SEVERE}) OR (log_id({quoted(_SYSTEM)}) AND severity=WARNING))"

#: Parts of a window that are looked at to estimate the whole.
_PROBES = 8

#: From so many entries on a sink is the better way.
_MANY = 1_000_000
OTHER_WAYS = (
    "more than a million entries: the API gives about 1,000 a second at most; a sink to Cloud Storage, read as files, "
    "or one to BigQuery (Log Analytics) has no such limit"
)


def open_source(address: str, access: Access) -> list["CloudLoggingSource"]:
    """Return the source of what an address names. Raises UsageError where it names no resource of Cloud Logging."""
    resources_of(address)
    return [CloudLoggingSource(address.removesuffix("/"), access)]


class CloudLoggingSource:
    """The log of one address: a project, or other resources."""

    remote = True
    size = None

    def __init__(self, address: str, access: Access) -> None:
        self.address = address
        self._access = access
        #: A job reads them again and again while it waits, and they are mostly the same.
        self._audit: tuple[list[bytes], list[pl.DataFrame]] = ([], [])

    def now(self) -> datetime:
        """Return the time of day there, as far as an answer showed it."""
        return self._access.moment()

    def batches(
        self, request: Request, report: SourceReport, checkpoint: Checkpoint | None = None
    ) -> Iterator[EntryBatch]:
        """Yield what completes the window, a page at a time, each with its checkpoint. Raises SourceError."""
        window = request.read_window
        if request.now is None or window.start is None or window.end is None:
            raise SourceError(self.address, "needs a window", "name one: --since 1h")
        for batch in pull(Api(self.address, self._access), request, report, checkpoint):
            if report.records > _MANY:
                report.note(OTHER_WAYS)
            yield batch

    def query(self, request: Request, report: SourceReport) -> Query | None:  # noqa: ARG002
        """Return None: the API has no SQL."""
        return None

    def audit_entries(self, service: str | None, window: Window) -> list[pl.DataFrame]:
        """Return the entries of a window that report deployments. Raises SourceError."""
        assert window.start
        assert window.end
        text = windowed(audit_filter(service), nanoseconds(window.start), nanoseconds(window.end))
        try:
            pages = list(Api(self.address, self._access).pages(text, None, SourceReport(self.address)))
        except TokenError as error:
            raise SourceError(self.address, f"its pages cannot be followed: {error}", "try again later") from error
        lines = [line for page in pages for line in page.lines]
        if lines != self._audit[0]:
            with EntryReader() as reader:
                self._audit = lines, [audit_rows(reader.read(lines))]
        return self._audit[1] if lines else []

    def first_request(self, revision: str, window: Window) -> datetime | None:
        """Return when a revision's first request of a window began. Raises SourceError."""
        return self._first(Scope(revision=revision, logs=(_REQUESTS,)).text(), window)

    def first_trouble(self, revision: str, window: Window) -> datetime | None:
        """Return when the platform first warned of a revision, or a request of it failed. Raises SourceError."""
        return self._first(f"{Scope(revision=revision, logs=(_SYSTEM, _REQUESTS)).text()} AND {_TROUBLE}", window)

    def _first(self, text: str, window: Window) -> datetime | None:
        """When the first entry that a filter finds in a window stands."""
        assert window.start
        assert window.end
        text = windowed(text, nanoseconds(window.start), nanoseconds(window.end))
        page = Api(self.address, self._access).read(text, SourceReport(self.address), size=1)
        if not page.lines:
            return None
        with EntryReader() as reader:
            times = reader.read(page.lines)["timestamp_ns"].drop_nulls()
        first = times.min()
        return moment_of(first) if isinstance(first, int) else None

    def estimate(self, request: Request) -> Estimate:
        """Return what it takes to pull the window: one page of each of 8 parts, and what these tell."""
        window = request.read_window
        if window.start is None or window.end is None:
            raise UsageError("the window is empty")
        api = Api(self.address, self._access)
        text = Scope(service=request.service).text()
        start, end = nanoseconds(window.start), nanoseconds(window.end)
        borders = [start + (end - start) * part // _PROBES for part in range(_PROBES + 1)]
        entries, exact = 0, True
        for low, high in pairwise(borders):
            page = api.read(windowed(text, low, high), SourceReport(self.address))
            entries += len(page.lines)
            if page.token:
                exact = False
                entries += _rest(page.lines, high)
        pages = max(-(-entries // PAGE_SIZE), 1)
        minutes = max(pages / self._access.reads_per_minute - 1, 0.0)
        words = (
            f"{'' if exact else 'about '}{counted(entries, 'entry', 'entries')}, {counted(pages, 'read')}, "
            f"{'less than a minute' if minutes < 1 else counted(round(minutes), 'minute')} at "
            f"{self._access.reads_per_minute} reads a minute ({counted(api.reads, 'read')} used for this)"
        )
        step = f"{self.address} from {rfc3339(window.start)} to {rfc3339(window.end)}"
        return Estimate(step, words, advice=OTHER_WAYS if entries > _MANY else "")


def _rest(lines: Sequence[bytes], end_ns: int) -> int:
    """How many entries come behind those of a page until a time in ns, if they go on as densely as they stand in it."""
    with EntryReader() as reader:
        times = reader.read(lines)["timestamp_ns"].drop_nulls()
    first, last = times.min(), times.max()
    if not isinstance(first, int) or not isinstance(last, int):
        return 0
    return len(lines) * max(end_ns - last, 0) // max(last - first, 1)
