"""Source to entries: rows as they were logged become redacted rows of the store; and what an extraction met."""

import hashlib
from dataclasses import dataclass, field

import polars as pl

from parsers.lines import plain
from parsers.redact import IDENTIFIERS, digest, identifiers, redact, subjects
from pipeline.errors import SourceError
from pipeline.schema import CONTENT, ENTRIES, WORKLOADS, polars_schema
from pipeline.sources.base import EntryBatch
from pipeline.sources.records import SourceReport
from pipeline.window import Window

#: Columns of free text, and those that repeat a few values, which are redacted value by value.
_TEXTS = ("payload", "raw")
_REPEATED = ("message", "labels", "http_method", "http_host", "http_path", "http_user_agent", "log_id")

#: Long ids, each another, which no measure reads and no block asks for.
_UNREAD = ("trace", "span_id")

#: A longer text, in bytes, stands for itself by its hash where entries are compared by content.
_LONG = 1 << 20


@dataclass
class Extraction:
    """What one extraction met: a report per source, the sources that failed, and counts of entries within the window.

    stored: entries that the store had before. duplicates: of those and of what was read.
    """

    stored: int = 0
    duplicates: int = 0
    reports: list[SourceReport] = field(default_factory=list)
    failed: list[SourceError] = field(default_factory=list)

    def count_duplicates(self, kept: int) -> None:
        """Take how many entries of the window the store has now; what others wrote there meanwhile was stored too.

        >>> met = Extraction(stored=2, reports=[SourceReport("a", read=5)])
        >>> met.count_duplicates(6)
        >>> met.stored, met.duplicates
        (2, 1)
        >>> met.count_duplicates(9)
        >>> met.stored, met.duplicates
        (4, 0)
        """
        self.duplicates = max(self.stored + self.read - kept, 0)
        self.stored = max(self.stored, kept - self.read)

    @property
    def read(self) -> int:
        """Entries of the sources that are within the window."""
        return sum(report.read for report in self.reports)

    @property
    def outside(self) -> int:
        """Entries of the sources that are not."""
        return sum(report.outside for report in self.reports)

    @property
    def latest_us(self) -> int | None:
        """The largest receiveTimestamp of the sources, in µs since 1970."""
        return max((report.latest_us for report in self.reports if report.latest_us is not None), default=None)


def count(report: SourceReport, rows: pl.DataFrame, window: Window) -> None:
    """Count rows that a source gave, within the window and not, and what of them is of no use."""
    before = report.read + report.outside
    troubles = {"unparsed": pl.col("raw").is_not_null(), "other": ~pl.col("workload").is_in(WORKLOADS)}
    at = {name: rows.select(has.fill_null(value=False)).to_series().arg_true() for name, has in troubles.items()}
    report.unparsed += len(at["unparsed"])
    report.other_types += len(at["other"])
    if report.form:  # of a single file, whose rows come in its order
        first = {name: before + 1 + int(rows_of[0]) for name, rows_of in at.items() if len(rows_of)}
        report.first_unparsed = report.first_unparsed or first.get("unparsed")
        report.first_other = report.first_other or first.get("other")
    within = rows.filter(inside(window)).height
    report.read += within
    report.outside += rows.height - within
    latest = rows.select(pl.coalesce("receive_timestamp", "timestamp").dt.epoch("us")).to_series().max()
    if isinstance(latest, int):
        report.latest_us = max(latest, report.latest_us or latest)


def entries(batch: EntryBatch, source: str, key: bytes, *, whole: bool = True) -> pl.DataFrame:
    """Return the rows of a batch as a store keeps them: the columns `ENTRIES` and `CONTENT`.

    source: where they were read. key: of the digests. whole: with what only people ask for; a digest is null without.
    """
    if batch.redacted:
        return batch.rows
    kept = batch.rows if whole else batch.rows.with_columns(pl.lit(None, pl.String).alias(name) for name in _UNREAD)
    return to_entries(kept, source, key, whole=whole).with_columns(content(batch.rows, key))


def to_entries(rows: pl.DataFrame, source: str, key: bytes, *, whole: bool = True) -> pl.DataFrame:
    """Return rows of `pipeline.sources.log_entry` as entries: digests taken, then all that comes from outside redacted.

    A message is redacted as a reader sees it (`parsers.lines.plain`).
    """
    subject = digest(subjects(rows["message"]), key) if whole else pl.lit(None, pl.String)
    rows = rows.with_columns(plain(rows["message"]).alias("message"))
    texts = {name: rows[name] for name in _TEXTS}
    distinct = rows.select(pl.col(*_REPEATED, *IDENTIFIERS).drop_nulls().unique().implode())
    values = {name: distinct[name][0] for name in distinct.columns}
    given = [*texts.values(), *values.values(), pl.Series([source])]
    redacted = redact(pl.concat(given))  # once, for an engine makes its automata at each call
    ends = pl.Series([0, *map(len, given)]).cum_sum()
    parts = [redacted.slice(start, len(part)) for start, part in zip(ends, given, strict=False)]
    known = dict(zip((*texts, *values, "source"), parts, strict=True))
    for name in IDENTIFIERS:
        known[name] = identifiers(values[name], known[name], key)
    return rows.with_columns(
        digest(rows["remote_ip"], key).alias("client"),
        subject.alias("subject"),
        pl.lit(known["source"][0]).alias("source"),
        *(known[name].alias(name) for name in texts),
        *(
            rows[name].replace_strict(old, known[name], default=None, return_dtype=pl.String).alias(name)
            for name, old in values.items()
            if not old.equals(known[name])
        ),
    ).select(polars_schema(ENTRIES).names())


def content(rows: pl.DataFrame, key: bytes) -> pl.Series:
    """Return the column `CONTENT` of rows that are not redacted yet.

    Without insertId or timestamp an entry is a duplicate only of the same content, and redaction makes different
    entries look alike: two lines that differ in their client's address alone are two.
    """
    keyless = rows.select(pl.col("insert_id").is_null() | pl.col("timestamp_ns").is_null()).to_series()
    nothing = pl.Series(CONTENT, [None], dtype=pl.String).new_from_index(0, rows.height)
    if not keyless.any():
        return nothing
    own = rows.filter(keyless)
    for name in own.select(pl.col(pl.String)).columns:
        if (own[name].str.len_bytes() > _LONG).any():  # 64 MiB of control characters are 400 MB in JSON
            short = [
                hashlib.sha256(text.encode()).hexdigest() if len(text or "") > _LONG else text for text in own[name]
            ]
            own = own.with_columns(pl.Series(name, short, pl.String))
    texts = own.select(pl.struct(pl.all()).struct.json_encode()).to_series()
    hashes = [hashlib.sha256(key + text.encode()).hexdigest()[:32] for text in texts]
    return nothing.scatter(keyless.arg_true(), hashes)


def inside(window: Window) -> pl.Expr:
    """Return whether a row is in a half-open window; rows without a timestamp are in every window."""
    start_ns, end_ns = window.bounds
    wanted = pl.lit(True)
    if start_ns is not None:
        wanted &= pl.col("timestamp_ns") >= start_ns
    if end_ns is not None:
        wanted &= pl.col("timestamp_ns") < end_ns
    return pl.col("timestamp_ns").is_null() | wanted
