"""A window of a service's log into the store, each entry once: page by page, with a checkpoint after each.

A page's rows are a part at first; parts become a slice of the store when there are `SLICE_ROWS` of them, cut where
the timestamp changes and sorted. So slices depend on the entries alone: not on how they came in pages, on where a
token expired, or on where a run was killed.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

import polars as pl

from pipeline.errors import SourceError
from pipeline.schema import CONTENT, ENTRIES, KEY, polars_schema
from pipeline.sources.cloud_logging.access import Access
from pipeline.sources.cloud_logging.filter import Scope, windowed
from pipeline.sources.cloud_logging.pulled import Coverage, Listing, Span
from pipeline.sources.records import SourceReport
from pipeline.stores.local import LocalStore
from pipeline.window import nanoseconds

if TYPE_CHECKING:
    from pipeline.sources.cloud_logging.api import Api
    from pipeline.sources.cloud_logging.pages import Page

log = logging.getLogger(__name__)

SLICE_ROWS = 10_000

#: A column of parts: the entry's timestamp, of one without the timestamp before it; in ns since 1970.
_AT = "at"
_PART = pl.Schema({**polars_schema(ENTRIES), CONTENT: pl.String(), _AT: pl.Int64()})

#: Listings that start anew without having read one more entry in between.
_MAX_RESTARTS = 3


@dataclass(frozen=True)
class Progress:
    """How far a pull is: entries so far, the last one's time in ns since 1970, the share of the window from 0 to 1.

    reads, reads_left: made so far, and what the quota leaves at this moment.
    """

    entries: int
    position_ns: int
    share: float
    reads: int
    reads_left: int


@dataclass(frozen=True)
class Live:
    """What is read of services: [since, until), the baseline's stretch before the window in it. now: the clock."""

    now: datetime
    since: datetime
    until: datetime
    service: str | None = None
    access: Access = field(default_factory=Access)
    on_progress: Callable[[Progress], None] = lambda _progress: None


def pull(
    source: str,
    live: Live,
    coverage: Coverage,
    report: SourceReport,
    convert: Callable[[list[bytes]], pl.DataFrame],
) -> Iterator[pl.DataFrame]:
    """Complete [since, until) of a source in the store, and yield each slice that was written.

    convert: raw entries to rows of `ENTRIES` and `CONTENT`, in their order. Raises SourceError; what was read until
    then is kept, and the next pull goes on from there.
    """
    from pipeline.sources.cloud_logging.api import Api

    text = Scope(service=live.service).text()
    scope = f"{source.rstrip('/')} {text}"
    start, end, now = (nanoseconds(moment) for moment in (live.since, live.until, live.now))
    going = coverage.open
    if going and not (going.scope == scope and start <= going.position and going.end <= end):
        yield from _Run(coverage, going, convert).close()
    api = Api(source, live.access)
    done = 0
    listings = coverage.plan(scope, start, end, now)
    whole_ns = max(sum(one.end - one.start for one in listings), 1)
    passed_ns = 0
    for listing in listings:
        run = _Run(coverage, listing, convert)
        for _ in run.read(api, text, report):
            at = run.listing.position
            share = (passed_ns + at - listing.start) / whole_ns
            live.on_progress(Progress(done + run.listing.rows, at, share, api.reads, api.pace.left()))
            yield from run.slices(final=False)
        yield from run.finish()
        done += run.listing.rows
        passed_ns += listing.end - listing.start
    log.info("pull: source=%s entries=%d reads=%d retries=%d", source, done, api.reads, api.retries)


class _Run:
    """One listing, from where it is to its end."""

    def __init__(self, coverage: Coverage, listing: Listing, convert: Callable[[list[bytes]], pl.DataFrame]) -> None:
        self.coverage = coverage
        self.store: LocalStore = coverage.store
        self.listing = listing
        self._convert = convert
        waiting = self._rows(listing.parts)
        self._waiting = waiting.height
        self._seen = waiting.filter(pl.col(_AT) == listing.position).select(*KEY, CONTENT)

    def read(self, api: "Api", text: str, report: SourceReport) -> Iterator[None]:
        """Read page by page, each into a part and the checkpoint; yields after each."""
        from pipeline.sources.cloud_logging.api import TokenError

        restarts = 0
        while not self.listing.done:
            one = self.listing
            try:
                for page in api.pages(windowed(text, one.since, one.end, one.received), one.token, report):
                    if self._take(page):
                        restarts = 0
                    yield
            except TokenError as error:
                restarts += 1
                if restarts > _MAX_RESTARTS:
                    raise SourceError(
                        api.source, f"its pages cannot be followed: {error}", "try again later"
                    ) from error
                log.info("restart: position=%d reason=%s", self.listing.position, error)
                self._save(replace(self.listing, token=None, since=self.listing.position))

    def _take(self, page: "Page") -> int:
        """Keep the entries of a page that were not read before, and return how many those are."""
        one = self.listing
        if not page.lines:
            self._save(replace(one, token=page.token, done=page.token is None))
            return 0
        rows = self._convert(page.lines).with_columns(
            pl.col("timestamp_ns").fill_null(strategy="forward").fill_null(one.position).alias(_AT)
        )
        rows = rows.join(self._seen, on=[*KEY, CONTENT], how="anti", nulls_equal=True, maintain_order="left")
        parts, next_part, position = one.parts, one.next_part, one.position
        if rows.height:
            name = f"{next_part:08d}"
            self.store.write("parts", name, rows.select(_PART.names()).cast(_PART))
            parts, next_part = (*parts, name), next_part + 1
            last = rows[_AT].max()
            assert isinstance(last, int)
            position = max(position, last)
            self._waiting += rows.height
            at_position = rows.filter(pl.col(_AT) == position).select(*KEY, CONTENT)
            self._seen = pl.concat([self._seen, at_position]) if position == one.position else at_position
        self._save(
            replace(
                one,
                token=page.token,
                done=page.token is None,
                position=position,
                parts=parts,
                next_part=next_part,
                rows=one.rows + rows.height,
            )
        )
        return rows.height

    def slices(self, *, final: bool) -> Iterator[pl.DataFrame]:
        """Make slices of the parts that are enough for one, at the end of all; yield each once it is written."""
        while self.listing.parts and (final or self._waiting >= SLICE_ROWS):
            rows = self._rows(self.listing.parts).sort(_AT, *KEY, CONTENT, nulls_last=True, maintain_order=True)
            border = rows[_AT][min(SLICE_ROWS, rows.height) - 1]
            rest = rows.filter(pl.col(_AT) > border)
            if rest.is_empty() and not final:  # more of this timestamp may come
                return
            whole = rows.filter(pl.col(_AT) <= border).drop(_AT)
            one = self.listing
            name = self.store.next_name()
            self._save(replace(one, writing=name))
            self.store.write("entries", name, whole)
            left: tuple[str, ...] = ()
            if rest.height:
                left = (f"{one.next_part:08d}",)
                self.store.write("parts", left[0], rest)
            self._save(replace(one, parts=left, next_part=one.next_part + len(left)))
            self._waiting = rest.height
            for part in one.parts:
                self.store.drop("parts", part)
            yield whole

    def finish(self) -> Iterator[pl.DataFrame]:
        """Make slices of what is left, and count the span as listed."""
        yield from self.slices(final=True)
        one = self.listing
        self.coverage.cover(Span(one.scope, one.start, one.end, one.listed))
        self._save(None)

    def close(self) -> Iterator[pl.DataFrame]:
        """End a listing that is not wanted any more; what it read stays, and counts as listed where all was read."""
        yield from self.slices(final=True)
        one = self.listing
        if one.received is None and one.start < one.position:
            self.coverage.cover(Span(one.scope, one.start, one.position, one.listed))
        self._save(None)

    def _save(self, listing: Listing | None) -> None:
        self.coverage.open = listing
        self.coverage.save()
        if listing:
            self.listing = listing

    def _rows(self, parts: tuple[str, ...]) -> pl.DataFrame:
        """The rows of some parts."""
        return pl.concat([pl.DataFrame(schema=_PART), *(self.store.read("parts", part) for part in parts)])
