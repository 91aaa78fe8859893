"""A log sink's export in Cloud Storage: objects by log and hour, read for the hours of a window alone.

    gs://BUCKET/PREFIX/LOG_ID/2026/01/15/09:00:00_09:59:59_S0.json      shards of the hour, S0, S1 …
    gs://BUCKET/PREFIX/LOG_ID/2026/01/15/09:00:00_09:59:59_A0:1768….json  addenda: entries that came late

The hour is that of an entry's timestamp. A log's id has slashes, which are folders here. Objects appear 2 to 3 hours
after their hour (cloud.google.com/logging/docs/export/storage), so the last hours are never complete.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import polars as pl

from pipeline.errors import ObjectsError, SourceError
from pipeline.objects import Bucket, Object
from pipeline.sources.base import Access, Checkpoint, EntryBatch, Estimate, Query, Request, Source
from pipeline.sources.cloud_logging.deployments import audit_lines, audit_rows
from pipeline.sources.files.reader import BATCH_BYTES, BATCH_RECORDS, records_of
from pipeline.sources.log_entry import EntryReader
from pipeline.sources.records import SourceReport
from pipeline.window import Window, nanoseconds, rfc3339

#: An hour's first objects appear so long after its end.
LAG = timedelta(hours=3)

_HOUR = timedelta(hours=1)
_YEAR = re.compile(r"[0-9]{4}/$")
#: LOG_ID/YYYY/MM/DD/HH:…; the part before the first colon is the hour.
_OBJECT = re.compile(r"(?P<log>.*?)(?P<hour>[0-9]{4}/[0-9]{2}/[0-9]{2}/[0-9]{2}):[^/]*\.json[^/]*$", re.DOTALL)

#: Folders of logs stand so deep at the most: the id's own slashes.
_DEPTH = 5

_AUDIT = "cloudaudit.googleapis.com"

#: An object that is replaced while it is read is listed anew so many times.
_MOST_TRIES = 3


def open_source(address: str, access: Access) -> list[Source]:
    """Return the source of an address. Raises UsageError where it names no bucket, SourceError without credentials."""
    with _as_source(address):
        return [CloudStorageSource(address, Bucket(address, access.endpoint, access.billing_project), access)]


class CloudStorageSource:
    """The export below one prefix."""

    remote = True
    size: int | None = None

    def __init__(self, address: str, bucket: Bucket, access: Access) -> None:
        self.address = address
        self._bucket = bucket
        self._access = access
        self._logs: list[str] | None = None

    def now(self) -> datetime | None:
        """Return the time of day: the window is in the past, and its last hours may be missing."""
        return self._access.now()

    def batches(
        self, request: Request, report: SourceReport, checkpoint: Checkpoint | None = None
    ) -> Iterator[EntryBatch]:
        """Yield the entries of the window's hours, an object after the other, with a checkpoint of those that are read.

        An object that was read before is read again where it was replaced since. Raises SourceError.
        """
        window = request.read_window
        scope = request.service or ""
        read = dict((checkpoint or {}).get(scope, {}))
        with _as_source(self.address), EntryReader() as reader:
            self._say_lag(window, report)
            objects = [item for item in self._objects(window) if read.get(item.name) != item.generation]
            lines: list[bytes] = []
            held = 0
            for number, (item, records) in enumerate(self._records(objects, report)):
                for record in records:
                    lines += record
                    held += sum(map(len, record))
                    if held >= BATCH_BYTES or len(lines) >= BATCH_RECORDS:
                        yield self._batch(reader.read(lines), request, {**(checkpoint or {}), scope: dict(read)}, item)
                        report.records += len(lines)
                        lines, held = [], 0
                read[item.name] = item.generation
                report.share = (number + 1) / len(objects)
            report.records += len(lines)
            last = objects[-1] if objects else None
            rows = reader.read(lines)
            yield self._batch(rows, request, {**(checkpoint or {}), scope: read}, last, complete=True)

    def _batch(
        self, rows: pl.DataFrame, request: Request, done: Checkpoint, item: Object | None, *, complete: bool = False
    ) -> EntryBatch:
        """Rows of the wanted service, and those of none, which may be about it."""
        if request.service is not None:
            rows = rows.filter(pl.col("service").is_null() | (pl.col("service") == request.service))
        hour = nanoseconds(_hour(item.name)) if item else 0
        return EntryBatch(rows, checkpoint=done, at=rows["timestamp_ns"].fill_null(hour), complete=complete)

    def query(self, request: Request, report: SourceReport) -> Query | None:  # noqa: ARG002
        """Return None: objects are no table."""
        return None

    def estimate(self, request: Request) -> Estimate:
        """Return how many objects and bytes the window's hours have."""
        window = request.read_window
        with _as_source(self.address):
            objects = self._objects(window)
        size = sum(item.size for item in objects)
        step = f"{self.address} from {rfc3339(window.start)} to {rfc3339(window.end)}"  # type: ignore[arg-type]
        advice = "out of the bucket's region Cloud Storage bills them as egress" if size > 1 << 30 else ""
        return Estimate(step, f"{len(objects):,} objects, {size / 1e6:,.1f} MB", advice=advice)

    def audit_entries(self, service: str | None, window: Window) -> list[pl.DataFrame]:  # noqa: ARG002
        """Return the entries of the exported audit log that report deployments; none where it is not exported."""
        frames = []
        with _as_source(self.address), EntryReader() as reader:
            objects = [item for item in self._objects(window) if _AUDIT in item.name]
            for _, records in self._records(objects, SourceReport(self.address)):
                frames += [audit_rows(reader.read(lines)) for record in records if (lines := audit_lines(record))]
        return frames

    def first_request(self, revision: str, window: Window) -> datetime | None:  # noqa: ARG002
        """Return None: an export is hours old, so nothing waits for traffic in it."""
        return None

    def first_trouble(self, revision: str, window: Window) -> datetime | None:  # noqa: ARG002
        """Return None: nothing is looked for between two looks."""
        return None

    def _objects(self, window: Window) -> list[Object]:
        """The objects of a window's hours, by hour, then by name. Raises SourceError where there is no export."""
        if window.start is None or window.end is None:
            raise SourceError(self.address, "needs a window", "name one: --since T --until T")
        first = window.start.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        last = window.end.astimezone(UTC) + _HOUR - timedelta(microseconds=1)
        objects = [
            item
            for log in self._folders()
            for item in self._bucket.objects(log, f"{log}{first:%Y/%m/%d/%H}", f"{log}{last:%Y/%m/%d/%H}")
            if _OBJECT.fullmatch(item.name)
        ]
        return sorted(objects, key=lambda item: (_hour(item.name), item.name))

    def _folders(self) -> list[str]:
        """The folders of the logs: those that hold years."""
        if self._logs is None:
            folders = [f"{self._bucket.prefix}/" if self._bucket.prefix else ""]
            logs = []
            for _ in range(_DEPTH):
                below = {folder: self._bucket.names_below(folder) for folder in folders}
                logs += [folder for folder, names in below.items() if any(map(_YEAR.search, names))]
                folders = [name for names in below.values() for name in names if not _YEAR.search(name)]
            if not logs:
                raise SourceError(
                    self.address,
                    "has no export of a log sink below it (LOG_ID/YYYY/MM/DD/HH:…)",
                    "name the sink's prefix; other objects, such as what gcloud logging copy wrote, are read as files: "
                    "gcloud storage cp -r",
                )
            self._logs = logs
        return self._logs

    def _records(self, objects: list[Object], report: SourceReport) -> Iterator[tuple[Object, Iterator[list[bytes]]]]:
        """Each object with its records. One that is replaced meanwhile is read again as it is then."""
        for item, content in self._bucket.read(objects):
            yield item, self._framed(item, content, report)

    def _framed(self, item: Object, content: Iterator[bytes], report: SourceReport) -> Iterator[list[bytes]]:
        for attempt in range(1, _MOST_TRIES + 1):
            met = SourceReport(item.name)
            try:
                yield from records_of(_counted(content, met), met)
            except ObjectsError:
                newer = [other for other in self._bucket.objects(item.name) if other.name == item.name]
                if attempt == _MOST_TRIES or not newer or newer[0].generation == item.generation:
                    raise
                report.note(f"{item.name} was replaced while it was read; it is read as it is now")
                reading = self._bucket.read(newer)  # kept: its readers end with it
                _, content = next(reading)
            else:
                report.absorb(met)
                return

    def _say_lag(self, window: Window, report: SourceReport) -> None:
        """Note that an export lags, and say where hours of the window may be missing."""
        assert window.end
        complete = (self._access.now() - LAG).replace(minute=0, second=0, microsecond=0)
        if window.end > complete:
            report.incomplete = (
                f"a sink writes by the hour, 2 to 3 hours late: what is younger than {rfc3339(complete)} may be "
                f"missing in {self.address}"
            )
            report.note("an export to Cloud Storage is no source for a gate; logging:// is")


def _counted(content: Iterator[bytes], report: SourceReport) -> Iterator[bytes]:
    for data in content:
        report.bytes_read += len(data)
        yield data


def _hour(name: str) -> datetime:
    """The hour that an object's name has."""
    match = _OBJECT.fullmatch(name)
    assert match
    return datetime.strptime(match["hour"], "%Y/%m/%d/%H").replace(tzinfo=UTC)


@contextmanager
def _as_source(address: str) -> Iterator[None]:
    """Turn what Cloud Storage refuses into a SourceError."""
    try:
        yield
    except ObjectsError as error:
        reason = (
            error.reason if error.place == address else f"{error.place.removeprefix(f'{address}: ')}: {error.reason}"
        )
        raise SourceError(address, reason, error.hint) from error
