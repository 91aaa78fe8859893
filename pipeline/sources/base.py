"""What a source is, and the list of all kinds of them.

A new kind of source is one file with a class that keeps the `Source` protocol, and one line in `KINDS`.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from importlib import import_module
from typing import Any, Protocol, runtime_checkable

import polars as pl

from pipeline.errors import SourceError
from pipeline.sources.cloud_logging.quota import Clock, Pace
from pipeline.sources.records import SourceReport
from pipeline.warehouse import Address, Budget, Warehouse
from pipeline.window import Window

#: Of the 60 reads of Cloud Logging a minute that a project has, some are left to its people.
READS_PER_MINUTE = 50

#: A clock that is off by less than this, in s, is as good as an answer's Date and the time that it took.
MAX_CLOCK_S = 10

#: Where a source stands in what it gives: a JSON document that only the source itself reads.
Checkpoint = dict[str, Any]


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Access:
    """How remote sources are reached.

    endpoint: an address in place of Google's own; plain http on this machine only. budget: of bytes that a run may bill
    in BigQuery; None for no limit. billing_project: runs jobs of BigQuery, pays for reads of a bucket that bills
    whoever reads it. is_store_in_bigquery: a store there queries its sources in BigQuery, so they are not read. now:
    the time of day. pace: all reads of Cloud Logging by a process wait for it.
    """

    endpoint: str | None = None
    reads_per_minute: int = READS_PER_MINUTE
    clock: Clock = field(default_factory=Clock)
    budget: Budget | None = None
    billing_project: str | None = None
    is_store_in_bigquery: bool = False
    now: Callable[[], datetime] = _now
    pace: Pace = field(init=False)
    _behind: timedelta = field(default=timedelta(0), init=False)

    def __post_init__(self) -> None:
        self.pace = Pace(self.reads_per_minute, self.clock)

    def warehouse(self, dataset: Address) -> Warehouse:
        """Return what runs jobs over a dataset. Raises BigQueryError."""
        return Warehouse(dataset, budget=self.budget, billing_project=self.billing_project, endpoint=self.endpoint)

    def moment(self) -> datetime:
        """Return the time of day at the service, as far as an answer showed it; entries have its times."""
        return self.now() + self._behind

    def answered_at(self, date: str | None) -> None:
        """Take the Date of an answer: a clock that is off by more than `MAX_CLOCK_S` is not used as it is."""
        try:
            behind = parsedate_to_datetime(date or "") - self.now()
        except (ValueError, TypeError):
            return
        self._behind = behind if abs(behind) > timedelta(seconds=MAX_CLOCK_S) else timedelta(0)


@dataclass(frozen=True)
class Request:
    """What is wanted of the sources.

    window: what is judged. lookback_start: sources are read from there, so that the time before the window can be the
    baseline; None: the window alone. service: remote sources give this one alone, None: all. now: the time of
    day where the window was decided; None where only files are read. key: of the digests, for a source that redacts
    what it gives.
    """

    window: Window = field(default_factory=Window)
    lookback_start: datetime | None = None
    service: str | None = None
    now: datetime | None = None
    key: bytes = b""

    @property
    def read_window(self) -> Window:
        """The window with its lookback."""
        return Window(self.lookback_start or self.window.start, self.window.end)


@dataclass(frozen=True)
class EntryBatch:
    """Some entries of a source, in its order.

    rows: the columns `pipeline.schema.ENTRIES` and `CONTENT` where `redacted`; else those of
    `pipeline.sources.log_entry`, as they were logged. checkpoint: where the source stands once these rows are safe;
    None for a source that begins anew each time. at: for a checkpoint, the time in ns since 1970 by which each row is
    sorted. complete: what came before, these rows included, is a whole that nothing is added to.
    """

    rows: pl.DataFrame
    redacted: bool = False
    checkpoint: Checkpoint | None = None
    at: pl.Series | None = None
    complete: bool = False


@dataclass(frozen=True)
class Query:
    """A source as SQL over tables of BigQuery: entries with `CONTENT`, redacted by the query itself.

    The parameter @pseudonym_key is the key of the digests. location: of the tables.
    """

    text: str
    location: str


@dataclass(frozen=True)
class Estimate:
    """What a step would take: in words, and in bytes where BigQuery bills them.

    advice: a better way, or empty. entries: about how many it gives, where that is known. usd: the price of the bytes,
    where it is not that of a query.
    """

    step: str
    text: str
    bytes_read: int | None = None
    advice: str = ""
    entries: int | None = None
    usd: float | None = None


@runtime_checkable
class Digested(Protocol):
    """A source that can tell by its bytes alone what it gives."""

    def digest(self) -> str | None:
        """Return the digest of all its bytes; None where they can be read but once, or not now."""
        ...


class Source(Protocol):
    """Log entries from one place. Every method may raise SourceError."""

    #: How a user names it, and what `entries.source` says.
    address: str

    #: Others write to it while it is read: a window has to be named, and settles only after its end.
    remote: bool

    #: Bytes as they are stored, for a progress bar; None where that is not known.
    size: int | None

    def now(self) -> datetime | None:
        """Return the time of day at the source; None for files, whose newest entry is their now."""
        ...

    def batches(
        self, request: Request, report: SourceReport, checkpoint: Checkpoint | None = None
    ) -> Iterator[EntryBatch]:
        """Yield entries of a window in batches; a remote source leaves others out, a file may give all it has.

        checkpoint: of the last batch that is safe, from an earlier run. The report is filled meanwhile.
        """
        ...

    def query(self, request: Request, report: SourceReport) -> Query | None:
        """Return SQL that gives the entries of a request's window and lookback; None for what is not a table."""
        ...

    def estimate(self, request: Request) -> Estimate | None:
        """Return what reading would take; None for what is read at no cost."""
        ...

    def audit_entries(self, service: str | None, window: Window) -> list[pl.DataFrame]:
        """Return the entries of a window that report deployments, with the columns that `deployments` reads."""
        ...

    def first_request(self, revision: str, window: Window) -> datetime | None:
        """Return when a revision's first request of a window began; None where there is none, or nothing is known."""
        ...

    def first_trouble(self, revision: str, window: Window) -> datetime | None:
        """Return when the platform first warned of a revision, or a request of it failed; None if never, or unknown."""
        ...


@dataclass(frozen=True)
class Kind:
    """One kind of source: the addresses that are its own, and the function that opens one.

    opener: `module:function`, imported when it is needed; function(address, access) returns a list of sources.
    """

    name: str
    fits: Callable[[str], bool]
    opener: str


def _begins_with(prefix: str) -> Callable[[str], bool]:
    return lambda address: address.startswith(prefix)


#: Tried in this order; the last takes everything.
KINDS: list[Kind] = [
    Kind("Cloud Logging", _begins_with("logging://"), "pipeline.sources.cloud_logging.source:open_source"),
    Kind("BigQuery", _begins_with("bigquery://"), "pipeline.sources.bigquery.source:open_source"),
    Kind("Cloud Storage", _begins_with("gs://"), "pipeline.sources.cloud_storage:open_source"),
    Kind("files", lambda _address: True, "pipeline.sources.files.source:open_source"),
]


def open_sources(addresses: Sequence[str], access: Access | None = None) -> list[Source]:
    """Return the sources that addresses name, each once. Raises SourceError where one cannot be, UsageError if wrong.

    A folder gives a source for each log in it, and maybe none.
    """
    opened = Opened(access or Access())
    for address in addresses:
        opened.add(address)
    if opened.failed:
        raise opened.failed[0]
    return opened.sources


class Opened:
    """Sources opened one by one, so that an address that fails does not stop the others.

    empty: addresses of folders that hold no log.
    """

    def __init__(self, access: Access) -> None:
        self.access = access
        self.failed: list[SourceError] = []
        self.empty: list[str] = []
        self._by_address: dict[str, Source] = {}

    @property
    def sources(self) -> list[Source]:
        """The sources, each once: files first, as their clock is the one that is known last."""
        return sorted(self._by_address.values(), key=lambda source: source.remote)

    def add(self, address: str) -> None:
        """Open the sources of one address. Raises UsageError for an address that cannot be one."""
        kind = next(kind for kind in KINDS if kind.fits(address))
        module, _, function = kind.opener.partition(":")
        try:
            sources = getattr(import_module(module), function)(address, self.access)
        except SourceError as error:
            self.failed.append(error)
            return
        if not sources:
            self.empty.append(address)
        for source in sources:
            name = source.address if source.remote or source.address == "-" else os.path.realpath(source.address)
            self._by_address.setdefault(name, source)
