"""When the newest revision became ready, and how long its requests may take: from the audit entry that says so."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from pipeline.errors import SourceError
from pipeline.sources import stored
from pipeline.sources.cloud_logging.access import Access
from pipeline.sources.cloud_logging.filter import Scope, quoted, windowed
from pipeline.sources.files import reader as files
from pipeline.sources.log_entry import EntryReader
from pipeline.sources.records import SourceReport

_READY = "Ready condition status changed to True for Revision "
_LOG = "cloudaudit.googleapis.com/system_event"

#: How far back a deploy is searched, in ns: first where it likely is, then as far as logs are usually kept.
DAY_NS = 24 * 3600 * 10**9
_MONTH_NS = 30 * DAY_NS


@dataclass(frozen=True)
class Deploy:
    """The newest revision's first Ready entry. ready_ns: since 1970; timeout_s: its request time-out, if it says."""

    revision: str
    ready_ns: int
    timeout_s: float | None


def newest_deploy(source: str, access: Access, service: str | None, *, end_ns: int, far: bool = False) -> Deploy | None:
    """Return the newest deploy that a project's log holds in the day before `end_ns`, in ns since 1970.

    far: where there is none, of the month before. Raises SourceError.
    """
    from pipeline.sources.cloud_logging.api import Api

    api = Api(source, access)
    text = f"{Scope(service, logs=(_LOG,)).text()} AND protoPayload.status.message:{quoted(_READY)}"
    found: Deploy | None = None
    with EntryReader() as reader:
        for back_ns in (DAY_NS, _MONTH_NS) if far else (DAY_NS,):
            pages = api.pages(windowed(text, end_ns - back_ns, end_ns), None, SourceReport(source))
            rows = [reader.read(page.lines) for page in pages if page.lines]
            if found := _newest(rows, service):
                break
    return found


def newest_deploy_of_files(sources: list[str], service: str | None) -> Deploy | None:
    """Return the newest deploy that files hold, which are read for that from end to end.

    Raises SourceError for standard input, which cannot be read twice; a file that fails is left out.
    """
    if files.STDIN in sources:
        raise SourceError(files.STDIN, "--since deploy reads its source twice", "write it to a file first")
    with EntryReader() as reader:
        return _newest([rows for source in sources for rows in _ready_rows(source, reader)], service)


def _ready_rows(source: str, reader: EntryReader) -> Iterator[pl.DataFrame]:
    try:
        if stored.is_stored(source):
            yield from (rows.filter(_ready()) for rows in stored.read(source, report=SourceReport(source)))
            return
        for batch in files.read(source, report=SourceReport(source)):
            if lines := [line for line in batch.lines if _READY.encode() in line]:
                yield reader.read(lines)
    except SourceError:
        return  # the extraction says it


def _ready() -> pl.Expr:
    return pl.col("message").str.starts_with(_READY) & pl.col("timestamp_ns").is_not_null()


def _newest(frames: list[pl.DataFrame], service: str | None) -> Deploy | None:
    """The revision whose first Ready entry is the latest."""
    columns = ("service", "revision", "timestamp_ns", "payload")
    rows = pl.concat([frame.filter(_ready()).select(columns) for frame in frames]) if frames else pl.DataFrame()
    if service and rows.height:
        rows = rows.filter(pl.col("service") == service)
    if rows.is_empty():
        return None
    first = rows.sort("timestamp_ns", "revision").unique(["service", "revision"], keep="first", maintain_order=True)
    last = first.row(-1, named=True)
    return Deploy(str(last["revision"]), last["timestamp_ns"], _timeout_s(last["payload"]))


def _timeout_s(payload: str | None) -> float | None:
    """The revision's request time-out in s, from the resource in its Ready entry."""
    try:
        found = json.loads(payload or "{}")["response"]["spec"]["timeoutSeconds"]
    except (ValueError, KeyError, TypeError):
        return None
    return float(found) if isinstance(found, int) and found > 0 else None
