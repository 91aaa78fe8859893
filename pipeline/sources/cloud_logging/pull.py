"""A window of a log, each entry once: page by page, with a checkpoint after each."""

import hashlib
import json
import logging
from collections.abc import Iterator
from dataclasses import replace

import polars as pl

from pipeline.errors import SourceError
from pipeline.schema import KEY
from pipeline.sources.base import Checkpoint, EntryBatch, Request
from pipeline.sources.cloud_logging.api import Api, TokenError
from pipeline.sources.cloud_logging.filter import Scope, windowed
from pipeline.sources.cloud_logging.pages import Page
from pipeline.sources.cloud_logging.pulled import STEP_NS, Listing, Pulled, load
from pipeline.sources.log_entry import EntryReader
from pipeline.sources.records import SourceReport
from pipeline.window import minutes_text, nanoseconds

log = logging.getLogger(__name__)

#: Listings that start anew without having read one more entry in between.
_MAX_RESTARTS = 3


def pull(api: Api, request: Request, report: SourceReport, checkpoint: Checkpoint | None) -> Iterator[EntryBatch]:
    """Yield what completes the window of a request with its lookback, a page at a time.

    The window has both ends, and the request its `now`. Raises SourceError; the next pull goes on from the last
    checkpoint that was kept.
    """
    window = request.read_window
    assert window.start
    assert window.end
    assert request.now
    start, end, now = (nanoseconds(moment) for moment in (window.start, window.end, request.now))
    text = Scope(service=request.service).text()
    scope = f"{api.source} {text}"
    pulled = load(api.source, checkpoint)
    if ahead_ns := pulled.forget_future(now):
        report.note(
            f"the clock was {minutes_text(ahead_ns)} ahead in an earlier pull; what that one covered is read again"
        )
    listing = pulled.open
    if listing and not (listing.scope == scope and start <= listing.position and listing.end <= end):
        yield _closed(pulled, listing)
    listings = pulled.plan(scope, start, end, now)
    whole_ns = max(sum(listing.end - listing.start for listing in listings), 1)
    passed_ns = 0
    with EntryReader() as reader:
        for listing in listings:
            for batch in _read(api, listing, pulled, text, report, reader):
                report.share = (passed_ns + report.position_ns - listing.start) / whole_ns
                report.reads, report.reads_left = api.reads, api.pace.left()
                yield batch
            if api.server_ns and now - api.server_ns > STEP_NS:
                report.note(
                    f"this machine's clock is {minutes_text(now - api.server_ns)} ahead of the server's; the window "
                    "counts as read until the server's time only"
                )
            passed_ns += listing.end - listing.start
    log.info("pull: source=%s reads=%d retries=%d", api.source, api.reads, api.retries)


def _read(
    api: Api, listing: Listing, pulled: Pulled, text: str, report: SourceReport, reader: EntryReader
) -> Iterator[EntryBatch]:
    """Read one listing from where it is to its end."""
    restarts = 0
    while not listing.done:
        filter_ = windowed(text, listing.since, listing.end, listing.received)
        try:
            for page in api.pages(filter_, listing.token, report):
                rows = reader.read(page.lines)
                batch, listing = _taken(rows, page, listing.answered(api.server_ns))
                pulled.open = listing
                report.position_ns = listing.position
                if batch.rows.height:
                    restarts = 0
                yield replace(batch, checkpoint=pulled.checkpoint())
        except TokenError as error:
            restarts += 1
            if restarts > _MAX_RESTARTS:
                raise SourceError(api.source, f"its pages cannot be followed: {error}", "try again later") from error
            log.info("restart: position=%d reason=%s", listing.position, error)
            listing = replace(listing, token=None, since=listing.position)
    pulled.cover(listing.span())
    pulled.open = None
    yield EntryBatch(reader.read([]), checkpoint=pulled.checkpoint(), at=_NOTHING, complete=True)


_NOTHING = pl.Series("at", [], dtype=pl.Int64)


def _closed(pulled: Pulled, listing: Listing) -> EntryBatch:
    """End a listing that is not wanted any more; what it read counts as listed where all was read."""
    if listing.received is None and listing.start < listing.position:
        pulled.cover(listing.span(listing.position))
    pulled.open = None
    with EntryReader() as reader:
        return EntryBatch(reader.read([]), checkpoint=pulled.checkpoint(), at=_NOTHING, complete=True)


def _taken(rows: pl.DataFrame, page: Page, listing: Listing) -> tuple[EntryBatch, Listing]:
    """The entries of a page that were not read before, and the listing after it."""
    at = rows["timestamp_ns"].fill_null(strategy="forward").fill_null(listing.position)
    fingerprints = [
        _fingerprint(key, line) if moment <= listing.position else ""
        for key, line, moment in zip(rows.select(KEY).iter_rows(), page.lines, at, strict=True)
    ]
    seen = set(listing.seen)
    new = pl.Series([not (fingerprint and fingerprint in seen) for fingerprint in fingerprints], dtype=pl.Boolean)
    last = at.filter(new).max()
    position = max(listing.position, last) if isinstance(last, int) else listing.position
    at_position = tuple(
        _fingerprint(key, line)
        for key, line, moment, is_new in zip(rows.select(KEY).iter_rows(), page.lines, at, new, strict=True)
        if is_new and moment == position
    )
    newest = rows["receive_timestamp"].dt.epoch("ns").max()
    batch = EntryBatch(rows.filter(new), at=at.filter(new))
    return batch, replace(
        listing,
        token=page.token,
        done=page.token is None,
        position=position,
        seen=(*listing.seen, *at_position) if position == listing.position else at_position,
        rows=listing.rows + batch.rows.height,
        newest=max(listing.newest, newest) if isinstance(newest, int) else listing.newest,
    )


def _fingerprint(key: tuple[object, ...], line: bytes) -> str:
    """An entry by its key; one without a whole key by its bytes."""
    text = line if None in key else json.dumps(key).encode()
    return hashlib.sha256(text).hexdigest()[:16]
