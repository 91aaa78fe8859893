"""Source to entries: batches of records become redacted rows of the store, each entry once."""

import hashlib
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

import polars as pl

from parsers.lines import strip_ansi
from parsers.redact import digest, redact, subjects
from pipeline.errors import SourceError
from pipeline.schema import CONTENT, ENTRIES, polars_schema
from pipeline.sources import bigquery, stored
from pipeline.sources.cloud_logging.access import is_live
from pipeline.sources.cloud_logging.pull import Live, pull
from pipeline.sources.cloud_logging.pulled import load
from pipeline.sources.files import reader as files
from pipeline.sources.log_entry import EntryReader
from pipeline.stores.local import LocalStore
from pipeline.window import Window, nanoseconds

log = logging.getLogger(__name__)

#: Columns of free text; what stands in them is redacted. Those that repeat a few values are redacted value by value.
_TEXTS = ("message", "payload", "raw")
_REPEATED = ("labels", "http_path", "http_user_agent")


@dataclass
class Extraction:
    """What one extraction met: counts of entries, and a report per file.

    stored: entries of the window that the store had before. read, outside: of the sources, within the window and not.
    duplicates: of the window.
    latest_us: the largest receiveTimestamp of the sources (timestamp where an entry has none), in µs since 1970.
    """

    stored: int = 0
    read: int = 0
    outside: int = 0
    duplicates: int = 0
    latest_us: int | None = None
    reports: list[files.SourceReport] = field(default_factory=list)
    failed: list[SourceError] = field(default_factory=list)

    def count(self, given: pl.DataFrame, within: int) -> None:
        """Count rows of a source, so many of them within the window."""
        moments = given.select(pl.coalesce("receive_timestamp", "timestamp").dt.epoch("us")).to_series()
        latest = [self.latest_us, moments.max()]
        self.latest_us = max((one for one in latest if isinstance(one, int)), default=None)
        self.outside += given.height - within
        self.read += within


def extract(
    sources: Sequence[str],
    store: LocalStore,
    *,
    window: Window,
    live: Live | None = None,
    max_bytes: int | None = None,
    on_progress: Callable[[str, int], None] = lambda _source, _bytes: None,
) -> Extraction:
    """Read the sources into the store's entries, and return what was met.

    Entries outside the window are counted and left out, but for those of services, which `live` says how to read;
    entries without a timestamp are kept. A source that fails does not stop the others: it is in `failed`. max_bytes:
    that a query of BigQuery may bill. on_progress(source, bytes read so far in it).
    """
    result = Extraction()
    key = store.pseudonym_key()
    coverage = load(store)
    store.drop_duplicates()  # of a run that was killed before it came to that
    result.stored = sum(store.count("entries", path.stem, inside(window)) for path in store.slices("entries"))
    with EntryReader() as reader:
        for source in sources:
            report = files.SourceReport(source)
            result.reports.append(report)
            try:
                if live and is_live(source):
                    for given in pull(source, live, coverage, report, partial(_converted, reader, source, key)):
                        result.count(given, given.filter(inside(window)).height)
                    continue
                if is_live(source):
                    raise SourceError(source, "is a service", "pull it first: runverdict extract SOURCE --store DIR")
                for given, as_entries in _read(source, reader, key, report, window, max_bytes):
                    rows = given.filter(inside(window))
                    result.count(given, rows.height)
                    if rows.height:
                        store.write("entries", store.next_name(), as_entries(rows))
                    on_progress(source, report.bytes_read)
            except SourceError as error:
                log.warning("%s", error)
                result.failed.append(error)
    result.duplicates = store.drop_duplicates(inside(window))
    numbers = (result.stored, result.read, result.outside, result.duplicates)
    log.info("extract: stored=%d read=%d outside=%d duplicates=%d", *numbers)
    return result


def _read(
    source: str,
    reader: EntryReader,
    key: bytes,
    report: files.SourceReport,
    window: Window,
    max_bytes: int | None,
) -> Iterator[tuple[pl.DataFrame, Callable[[pl.DataFrame], pl.DataFrame]]]:
    """Yield rows of a source in batches, each with what makes entries of the store of them."""
    if stored.is_stored(source):
        for rows in stored.read(source, report=report):
            yield rows, lambda kept: kept
        return
    if bigquery.is_bigquery(source):
        for rows in bigquery.read(source, window, key, report=report, max_bytes=max_bytes):
            yield rows, lambda kept: kept
        return
    for batch in files.read(source, report=report):
        yield reader.read(batch.lines), lambda rows: to_entries(rows, source, key).with_columns(content(rows, key))


def _converted(reader: EntryReader, source: str, key: bytes, lines: list[bytes]) -> pl.DataFrame:
    """Return raw entries as rows of a slice."""
    rows = reader.read(lines)
    return to_entries(rows, source, key).with_columns(content(rows, key))


def to_entries(rows: pl.DataFrame, source: str, key: bytes) -> pl.DataFrame:
    """Return rows of `pipeline.sources.log_entry` as entries: digests taken, then every text redacted.

    Terminal escapes leave a message first: one inside of an address would hide it from redaction, not from a reader.
    """
    return rows.with_columns(
        digest(rows["remote_ip"], key).alias("client"),
        digest(subjects(rows["message"]), key).alias("subject"),
        pl.lit(source).alias("source"),
        *(redact(strip_ansi(rows[name]) if name == "message" else rows[name]).alias(name) for name in _TEXTS),
        *(_by_value(rows[name]).alias(name) for name in _REPEATED),
    ).select(polars_schema(ENTRIES).names())


def _by_value(texts: pl.Series) -> pl.Series:
    values = texts.drop_nulls().unique()
    return texts.replace_strict(values, redact(values), default=None, return_dtype=pl.String)


def content(rows: pl.DataFrame, key: bytes) -> pl.Series:
    """Return the column `CONTENT` of rows that are not redacted yet.

    Without insertId or timestamp an entry is a duplicate only of the same content, and redaction makes different
    entries look alike: two lines that differ in their client's address alone are two.
    """
    keyless = rows.select(pl.col("insert_id").is_null() | pl.col("timestamp_ns").is_null()).to_series()
    texts = rows.filter(keyless).select(pl.struct(pl.all()).struct.json_encode()).to_series()
    hashes = [hashlib.sha256(key + text.encode()).hexdigest()[:32] for text in texts]
    nothing = pl.Series(CONTENT, [None], dtype=pl.String).new_from_index(0, rows.height)
    return nothing.scatter(keyless.arg_true(), hashes)


def inside(window: Window) -> pl.Expr:
    """Return whether a row is in a half-open window; rows without a timestamp are in every window."""
    wanted = pl.lit(True)
    if window.start:
        wanted &= pl.col("timestamp_ns") >= nanoseconds(window.start)
    if window.end:
        wanted &= pl.col("timestamp_ns") < nanoseconds(window.end)
    return pl.col("timestamp_ns").is_null() | wanted
