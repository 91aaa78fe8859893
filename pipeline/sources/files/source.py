"""Files, folders, patterns and standard input as sources; Parquet that runverdict wrote is read as entries."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime

import polars as pl

from pipeline.errors import SourceError
from pipeline.sources import stored
from pipeline.sources.base import Access, Checkpoint, EntryBatch, Estimate, Query, Request, Source
from pipeline.sources.cloud_logging.deployments import AUDITED, audit_lines, audit_rows
from pipeline.sources.files import reader
from pipeline.sources.files.search import lines_with
from pipeline.sources.log_entry import EntryReader
from pipeline.sources.records import SourceReport
from pipeline.window import Window

#: So many files below so many bytes are read as one source: each batch costs some 20 ms, however small it is.
MANY_FILES = 50
_SMALL_BYTES = 1 << 20

#: So many files that cannot be read are named.
_MAX_NAMES = 3


def open_source(address: str, access: Access) -> list[Source]:  # noqa: ARG001
    """Return a source for each file that an address names. Raises SourceError where it names none."""
    entries = EntryReader()
    paths = reader.resolve([address])
    small = [
        path for path in paths if (reader.size(path) or _SMALL_BYTES) < _SMALL_BYTES and not stored.is_stored(path)
    ]
    together = set(small if len(small) >= MANY_FILES else [])
    single: list[Source] = [
        stored.StoredSource(path) if stored.is_stored(path) else FileSource(path, entries)
        for path in paths
        if path not in together
    ]
    return [*single, ManyFiles(address, [FileSource(path, entries) for path in small], entries)] if together else single


class FileSource:
    """One file of logs, or standard input."""

    remote = False

    def __init__(self, path: str, entries: EntryReader) -> None:
        self.address = os.fsencode(path).decode(errors="backslashreplace")  # a name of any bytes can be shown and kept
        self.size = reader.size(path)
        self._path = path
        self._entries = entries

    def records(self, report: SourceReport) -> Iterator[reader.Batch]:
        """Yield the records as they stand in the file."""
        return reader.read(self._path, report=report)

    def digest(self) -> str | None:
        """Return the digest of the bytes of a regular file."""
        return reader.digest(self._path)

    def now(self) -> datetime | None:
        """Return None: the newest entry is a file's now."""
        return None

    def batches(
        self,
        request: Request,  # noqa: ARG002
        report: SourceReport,
        checkpoint: Checkpoint | None = None,  # noqa: ARG002
    ) -> Iterator[EntryBatch]:
        """Yield the entries of the whole file in its order."""
        batches = self.records(report)
        while batch := next(batches, None):
            rows = self._entries.read(batch.lines)
            del batch  # the lines need no memory while their rows are worked on
            yield EntryBatch(rows)
            del rows

    def query(self, request: Request, report: SourceReport) -> Query | None:  # noqa: ARG002
        """Return None: a file is no table."""
        return None

    def estimate(self, request: Request) -> Estimate | None:  # noqa: ARG002
        """Return None: files are read at no cost."""
        return None

    def audit_entries(self, service: str | None, window: Window) -> list[pl.DataFrame]:  # noqa: ARG002
        """Return the entries that report deployments; of a file of lines only those are parsed that may.

        Raises SourceError for standard input, which cannot be read twice.
        """
        if self.address == reader.STDIN:
            raise SourceError(self.address, "--since deploy reads its source twice", "write it to a file first")
        with suppress(OSError, ValueError):
            if (found := lines_with(self._path, AUDITED)) is not None:
                return [audit_rows(self._entries.read(lines)) for lines in found if lines]
        batches = reader.read(self._path, report=SourceReport(self.address))
        return [audit_rows(self._entries.read(lines)) for batch in batches if (lines := audit_lines(batch.lines))]

    def first_request(self, revision: str, window: Window) -> datetime | None:  # noqa: ARG002
        """Return None: nothing waits for traffic of what others write later."""
        return None

    def first_trouble(self, revision: str, window: Window) -> datetime | None:  # noqa: ARG002
        """Return None: nothing is looked for between two looks."""
        return None


class ManyFiles:
    """The small files of one folder or pattern, as one source: a batch has the entries of many."""

    remote = False

    def __init__(self, address: str, files: Sequence[FileSource], entries: EntryReader) -> None:
        self.address = os.fsencode(address).decode(errors="backslashreplace")
        self.size: int | None = sum(file.size or 0 for file in files)
        self._files = files
        self._entries = entries

    def digest(self) -> str | None:
        """Return the digest of the bytes of all files; None where one cannot be read."""
        digests = [file.digest() for file in self._files]
        return None if None in digests else hashlib.sha256(repr(digests).encode()).hexdigest()

    def now(self) -> datetime | None:
        """Return None: the newest entry is the files' now."""
        return None

    def batches(
        self,
        request: Request,  # noqa: ARG002
        report: SourceReport,
        checkpoint: Checkpoint | None = None,  # noqa: ARG002
    ) -> Iterator[EntryBatch]:
        """Yield the entries of the files in their order. Raises SourceError at the end where some could not be read."""
        lines: list[bytes] = []
        held = 0
        failed: list[SourceError] = []
        for file in self._files:
            met = SourceReport(file.address)
            try:
                for batch in file.records(met):
                    lines += batch.lines
                    held += sum(map(len, batch.lines))
                    if held >= reader.BATCH_BYTES or len(lines) >= reader.BATCH_RECORDS:
                        yield EntryBatch(self._entries.read(lines))
                        lines, held = [], 0
            except SourceError as error:
                failed.append(error)
            report.absorb(met)
        if lines:
            yield EntryBatch(self._entries.read(lines))
        if failed:
            words = "; ".join(map(str, failed[:_MAX_NAMES]))
            more = f"; and {len(failed) - _MAX_NAMES:,} more" if len(failed) > _MAX_NAMES else ""
            reason = f"{len(failed):,} of its {len(self._files):,} small files could not be read: {words}{more}"
            raise SourceError(self.address, reason)

    def query(self, request: Request, report: SourceReport) -> Query | None:  # noqa: ARG002
        """Return None: files are no table."""
        return None

    def estimate(self, request: Request) -> Estimate | None:  # noqa: ARG002
        """Return None: files are read at no cost."""
        return None

    def audit_entries(self, service: str | None, window: Window) -> list[pl.DataFrame]:
        """Return the entries that report deployments; the files are read for them from end to end."""
        return [frame for file in self._files for frame in file.audit_entries(service, window)]

    def first_request(self, revision: str, window: Window) -> datetime | None:  # noqa: ARG002
        """Return None: nothing waits for traffic of what others write later."""
        return None

    def first_trouble(self, revision: str, window: Window) -> datetime | None:  # noqa: ARG002
        """Return None: nothing is looked for between two looks."""
        return None
