"""What a store is, and the list of all kinds of them.

A new kind of store is one file with a class that keeps the `Store` protocol, and one line in `KINDS`.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib import import_module
from typing import Protocol

import polars as pl

from parsers.model import Catalogue
from pipeline.aggregate.measures import Measures
from pipeline.sources.base import Estimate, Request, Source
from pipeline.sources.records import SourceReport
from pipeline.warehouse import Budget
from pipeline.window import Window

#: Where the key of the digests comes from, in place of a store's own.
KEY_VARIABLE = "RUNVERDICT_PSEUDONYM_KEY"


class Progress(Protocol):
    """Who is told how far a source has been read."""

    def show(self, report: SourceReport) -> None:
        """Show a report that has grown."""
        ...


class Silent:
    """Shows nothing."""

    def show(self, report: SourceReport) -> None:
        """Show nothing."""


@dataclass(frozen=True)
class StoreOptions:
    """What a store in BigQuery takes: the bytes that a run may bill, days after which rows go; None for no limit.

    copies: entries of sources in BigQuery are copied into it; else they are classified where they are. billing_project:
    runs its jobs, None: its own project. endpoint: an address in place of BigQuery's own.
    """

    budget: Budget | None = None
    expiration_days: int | None = None
    copies: bool = False
    billing_project: str | None = None
    endpoint: str | None = None


class History(Protocol):
    """Where rows of runs are kept: what of a store history needs. Every method may raise RunverdictError."""

    address: str

    def exists(self) -> bool:
        """Return whether there is something in it."""
        ...

    def writing(self) -> AbstractContextManager[None]:
        """Make it ready to be written to, or raise what will refuse that."""
        ...

    def save(self, table: str, run: str, rows: pl.DataFrame) -> None:
        """Put the rows of a run into a table, in place of those it had of that run."""
        ...

    def create(self, table: str, run: str, rows: pl.DataFrame) -> bool:
        """Put the rows of a run into a table if it has none of that run, and return whether this call did."""
        ...

    def load(self, table: str, runs: Sequence[str] | None = None, columns: Sequence[str] | None = None) -> pl.DataFrame:
        """Return some columns, or all, of the rows of some runs, or of all, from a table; empty where there is none."""
        ...


class Store(Protocol):
    """Where entries, events and history are kept, each entry once. Every method may raise StoreError."""

    #: How a user names it.
    address: str

    def exists(self) -> bool:
        """Return whether there is something in it."""
        ...

    def writing(self) -> AbstractContextManager[None]:
        """Make the store ready to be written to; whatever a killed run left half-done is put right."""
        ...

    def count(self, window: Window) -> int:
        """Return how many entries of a window it has, each counted once."""
        ...

    def add(self, source: Source, request: Request, report: SourceReport, progress: Progress) -> None:
        """Add what a source has of a request's window, from its last checkpoint on, and count it in the report.

        Raises SourceError where the source fails; what was read until then is kept.
        """
        ...

    def prepare(self, catalogue: Catalogue) -> None:
        """Say which catalogue `classify` will be given, for a store that can classify while entries are added."""
        ...

    def classify(self, catalogue: Catalogue, window: Window) -> None:
        """Make events of the entries of a window, by the catalogue as it is now."""
        ...

    def aggregate(self, window: Window, requests_until_ns: int | None = None) -> Measures:
        """Return the measures of a window; request rows from `requests_until_ns` on are events, but no requests yet."""
        ...

    def save(self, table: str, run: str, rows: pl.DataFrame) -> None:
        """Put the rows of a run into a table of history, in place of those it had of that run."""
        ...

    def create(self, table: str, run: str, rows: pl.DataFrame) -> bool:
        """Put the rows of a run into a table of history if it has none of that run, and return whether it did."""
        ...

    def load(self, table: str, runs: Sequence[str] | None = None, columns: Sequence[str] | None = None) -> pl.DataFrame:
        """Return some columns, or all, of the rows of some runs, or of all, from a table of history; maybe empty."""
        ...

    def estimate(self, window: Window, coming: Sequence[Estimate] = ()) -> list[Estimate]:
        """Return what classifying and measuring a window would cost; empty where it costs nothing.

        coming: what reading the sources takes, whose entries are added.
        """
        ...


@dataclass(frozen=True)
class Kind:
    """One kind of store: the addresses that are its own, and the function that opens one.

    opener: `module:function`, imported when it is needed; function(address, options) returns the store.
    """

    name: str
    fits: Callable[[str], bool]
    opener: str


#: Tried in this order; the last takes everything.
KINDS: list[Kind] = [
    Kind("BigQuery", lambda address: address.startswith("bigquery://"), "pipeline.stores.bigquery:open_store"),
    Kind("folder", lambda _address: True, "pipeline.stores.local:open_store"),
]


def open_store(address: str, options: StoreOptions | None = None) -> Store:
    """Return the store at an address. Raises UsageError where the address cannot be one."""
    kind = next(kind for kind in KINDS if kind.fits(address))
    module, _, function = kind.opener.partition(":")
    store: Store = getattr(import_module(module), function)(address, options or StoreOptions())
    return store
