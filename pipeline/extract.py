"""Source to entries: batches of records become redacted rows of the store, each entry once."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import polars as pl

from parsers.redact import digest, redact, subjects
from pipeline.errors import SourceError
from pipeline.schema import ENTRIES, polars_schema
from pipeline.sources import files
from pipeline.sources.log_entry import EntryReader
from pipeline.store import Store
from pipeline.window import Window, nanoseconds

log = logging.getLogger(__name__)

#: Columns of free text; what stands in them is redacted. Those that repeat a few values are redacted value by value.
_TEXTS = ("message", "payload", "raw")
_REPEATED = ("labels", "http_path", "http_user_agent")


@dataclass
class Extraction:
    """What one extraction met: counts of entries, and a report per file."""

    read: int = 0
    outside: int = 0
    duplicates: int = 0
    reports: list[files.FileReport] = field(default_factory=list)
    failed: list[SourceError] = field(default_factory=list)


def extract(
    sources: Sequence[str],
    store: Store,
    *,
    window: Window,
    on_progress: Callable[[str, int], None] = lambda _source, _bytes: None,
) -> Extraction:
    """Read the sources into the store's entries, and return what was met.

    Entries outside the window are counted and left out; entries without a timestamp are kept. A source that fails
    does not stop the others: it is in `failed`. on_progress(source, bytes read so far in it).
    """
    result = Extraction()
    key = store.pseudonym_key()
    with EntryReader() as reader:
        for source in sources:
            report = files.FileReport(source)
            result.reports.append(report)
            try:
                for batch in files.read(source, report=report):
                    rows = to_entries(reader.read(batch.lines), source, key)
                    inside = within(rows, window)
                    result.outside += rows.height - inside.height
                    result.read += inside.height
                    if inside.height:
                        store.write("entries", store.next_name(), inside)
                    on_progress(source, report.bytes_read)
            except SourceError as error:
                log.warning("%s", error)
                result.failed.append(error)
    result.duplicates = store.drop_duplicates()
    log.info("extract: read=%d outside=%d duplicates=%d", result.read, result.outside, result.duplicates)
    return result


def to_entries(rows: pl.DataFrame, source: str, key: bytes) -> pl.DataFrame:
    """Return rows of `pipeline.sources.log_entry` as entries: digests taken, then every text redacted."""
    return rows.with_columns(
        digest(rows["remote_ip"], key).alias("client"),
        digest(subjects(rows["message"]), key).alias("subject"),
        pl.lit(source).alias("source"),
        *(redact(rows[name]).alias(name) for name in _TEXTS),
        *(_by_value(rows[name]).alias(name) for name in _REPEATED),
    ).select(polars_schema(ENTRIES).names())


def _by_value(texts: pl.Series) -> pl.Series:
    values = texts.drop_nulls().unique()
    return texts.replace_strict(values, redact(values), default=None, return_dtype=pl.String)


def within(rows: pl.DataFrame, window: Window) -> pl.DataFrame:
    """Return the rows of a half-open window; those without a timestamp belong to every window."""
    if window.start:
        rows = rows.filter(pl.col("timestamp_ns").is_null() | (pl.col("timestamp_ns") >= nanoseconds(window.start)))
    if window.end:
        rows = rows.filter(pl.col("timestamp_ns").is_null() | (pl.col("timestamp_ns") < nanoseconds(window.end)))
    return rows
