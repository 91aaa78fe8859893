"""Files, folders, patterns and standard input as batches of raw log entries, in bounded memory.

Layers, each a generator over the one before: stored bytes, decompressed bytes, UTF-8, records (`framing.py`), batches.
"""

import codecs
import glob
import hashlib
import os
import stat
import sys
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import IO

import zstandard

from pipeline.errors import SourceError
from pipeline.sources import stored
from pipeline.sources.files.explorer_csv import is_table, table_records
from pipeline.sources.files.foreign import refuse_foreign
from pipeline.sources.files.framing import frame
from pipeline.sources.files.otlp import is_otlp, otlp_records
from pipeline.sources.files.text_tables import layout_of, rows_of
from pipeline.sources.files.yaml_documents import is_yaml, yaml_records
from pipeline.sources.records import Batch, SourceReport

__all__ = ["BATCH_BYTES", "STDIN", "Batch", "SourceReport", "read", "resolve", "size"]

STDIN = "-"
BATCH_BYTES = 32 << 20
#: So many records end a batch too: a row takes a kilobyte or so, however little there is in it.
BATCH_RECORDS = 100_000

_CHUNK = 256 << 10
_HEADER = 64 << 10
_LOG_NAMES = (".json", ".ndjson", ".jsonl", ".log", ".txt", ".csv", ".yaml", ".yml")
#: Bytes of zstd that are expanded at a time: 4 of them can be 128 KiB, so 16 MiB come out at the most.
_SMALL = 512
#: Seconds for somebody to open the other end of a named pipe.
_PATIENCE_S, _STEP_S = 3.0, 0.05
_UTF16 = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


def resolve(arguments: Sequence[str]) -> list[str]:
    """Return the files that arguments name, each once, in the order of the arguments and sorted within each.

    An argument is a file, a folder (the files below it that are named like logs; hidden ones are skipped), a pattern
    (`*`, `?`, `[…]`, `**`; a folder that it matches counts as a folder), or "-" for standard input. A folder may give
    nothing. Raises SourceError where an argument is missing, a pattern matches no file or a folder cannot be read.
    """
    files: dict[str, str] = {}
    for argument in arguments:
        for path in _files_of(argument):
            files.setdefault(path if path == STDIN else os.path.realpath(path), path)
    return list(files.values())


def size(source: str) -> int | None:
    """Return the bytes a source takes on disk; None for what is no regular file, and where it cannot be told."""
    if source == STDIN:
        return None
    try:
        return _regular_size(Path(source).stat())
    except OSError:
        return None


def digest(source: str) -> str | None:
    """Return the digest and size of a regular file; None for what is none, and where it cannot be read."""
    if size(source) is None:
        return None
    try:
        with open(source, "rb") as file:  # noqa: PTH123 - file_digest wants the file itself
            return f"{hashlib.file_digest(file, 'sha256').hexdigest()}-{file.tell()}"
    except OSError:
        return None


def read(source: str, *, report: SourceReport, batch_bytes: int = BATCH_BYTES) -> Iterator[Batch]:
    """Yield the records of one file in their order, in batches of about `batch_bytes` or `BATCH_RECORDS`.

    Lines, JSON arrays, concatenated values, wrapper objects around lists of entries, YAML, OTLP, CSV and gcloud's
    columns; gzip, UTF-16 and byte order marks are seen by their bytes, not by the name. A regular file is read to the
    size it has when it is opened.
    A batch is as large as one record where that is larger than batch_bytes. The report is complete when the iterator
    ends, and true for what was given so far before.

    Raises SourceError, while it is iterated, where the file is missing, denied, a folder, an archive or another form
    that is not read, a device, a pipe that nobody writes to, or fails to be read.
    """
    stored = _stored(source, report, min(_CHUNK, batch_bytes))
    lines: list[bytes] = []
    held = 0
    for framed in records_of(stored, report):
        lines += framed
        held += sum(map(len, framed))
        if held >= batch_bytes or len(lines) >= BATCH_RECORDS:
            report.records += len(lines)
            yield Batch(source, _taken(lines))
            held = 0
    if lines:
        report.records += len(lines)
        yield Batch(source, _taken(lines))


def _taken(lines: list[bytes]) -> list[bytes]:
    """All lines, which the list then no longer keeps in memory."""
    taken = lines.copy()
    lines.clear()
    return taken


def records_of(stored: Iterator[bytes], report: SourceReport) -> Iterator[list[bytes]]:
    """Yield the records of bytes as they are stored, some at a time; raises SourceError for a form that is not read."""
    head, text = _head(_utf8(_decompressed(stored, report), report), _HEADER)
    if layout := layout_of(head):
        report.form = layout.form
        return rows_of(text, layout, report)
    refuse_foreign(report.source, head)
    if is_yaml(head):
        report.form = "YAML"
        return yaml_records(text, report)
    if is_otlp(head):
        report.form = "OTLP"
        return otlp_records(frame(text, report), report)
    if is_table(head):
        report.form = "CSV"
        return table_records(text, report)
    report.form = "JSON"
    return frame(text, report)


def _regular_size(status: os.stat_result) -> int | None:
    return status.st_size if stat.S_ISREG(status.st_mode) else None


@contextmanager
def _plain_errors(source: str) -> Iterator[None]:
    """Turn what the operating system refuses into a SourceError."""
    try:
        yield
    except FileNotFoundError as error:
        raise SourceError(source, "no such file or folder", "check the path; - reads standard input") from error
    except PermissionError as error:
        raise SourceError(source, "may not be read", "ask for the right to read it") from error
    except IsADirectoryError as error:
        raise SourceError(source, "is a folder, not a file", "name a file in it") from error
    except OSError as error:
        raise SourceError(source, f"cannot be read: {error.strerror or error}") from error


def _files_of(argument: str) -> list[str]:
    if argument == STDIN:
        return [STDIN]
    with _plain_errors(argument):
        path = Path(argument)
        if path.is_dir():
            return _logs_below(argument)
        if path.exists():
            return [argument]
        if not glob.has_magic(argument):
            raise FileNotFoundError
        matches = sorted(glob.glob(argument, recursive=True))  # noqa: PTH207 - Path.glob takes no absolute pattern
        files = [file for match in matches for file in (_logs_below(match) if Path(match).is_dir() else [match])]
    if not files:
        raise SourceError(argument, "the pattern matches no file", "** goes into folders, and hidden files are skipped")
    return files


def _logs_below(folder: str) -> list[str]:
    def refuse(error: OSError) -> None:
        raise error

    if stored.is_store(Path(folder)):
        return stored.slices(Path(folder))
    files: list[str] = []
    for parent, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        files += [str(Path(parent, name)) for name in names if _is_log_name(name)]
    return sorted(files)


def _is_log_name(name: str) -> bool:
    plain = name.lower().removesuffix(".gz").removesuffix(".zst")
    return not name.startswith(".") and plain.endswith(_LOG_NAMES)


def _stored(source: str, report: SourceReport, chunk_bytes: int) -> Iterator[bytes]:
    """Yield the bytes as they are stored, up to the size a regular file has at the start."""
    with _opened(source) as (file, first):
        if first:
            report.bytes_read += len(first)
            yield first
        total = None if source == STDIN else _regular_size(os.fstat(file.fileno()))
        yield from _chunks(source, file, total, report, chunk_bytes)


@contextmanager
def _opened(source: str) -> Iterator[tuple[IO[bytes], bytes]]:
    """Yield an open file, and what had to be read of it to know that somebody writes to it."""
    if source == STDIN:
        if sys.stdin is None:
            raise SourceError(source, "there is no standard input")
        with suppress(OSError, ValueError):  # no file of the operating system, as in a notebook
            _refuse_device(source, sys.stdin.fileno())
        yield sys.stdin.buffer, b""
        return
    with ExitStack() as stack:
        with _plain_errors(source):
            # Without O_NONBLOCK a named pipe that nobody writes to would hold `open` for ever.
            descriptor = os.open(source, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            file = stack.enter_context(open(descriptor, "rb", buffering=0))  # noqa: PTH123 - it is no path
            _refuse_device(source, descriptor)
            first = _first_of_pipe(source, file) if stat.S_ISFIFO(os.fstat(descriptor).st_mode) else b""
            os.set_blocking(descriptor, True)
        yield file, first


def _refuse_device(source: str, descriptor: int) -> None:
    status = os.fstat(descriptor)
    endless = stat.S_ISCHR(status.st_mode) and status.st_rdev != os.stat(os.devnull).st_rdev  # noqa: PTH116
    if stat.S_ISBLK(status.st_mode) or (endless and not os.isatty(descriptor)):
        raise SourceError(source, "is a device, not a file", "name a file; - reads standard input")


def _first_of_pipe(source: str, file: IO[bytes]) -> bytes:
    """Return the first bytes of a pipe if there are some by now; those of a named one without a writer never come."""
    waited = 0.0
    named = os.path.exists(os.path.realpath(source))  # noqa: PTH110 - that of a shell's <(…) leads nowhere
    while (first := file.read(_CHUNK)) == b"" and named:
        if waited >= _PATIENCE_S:
            raise SourceError(
                source, "is a pipe that nobody writes to", "start the command that writes, or name a file"
            )
        time.sleep(_STEP_S)
        waited += _STEP_S
    return first or b""


def _chunks(source: str, file: IO[bytes], total: int | None, report: SourceReport, chunk_bytes: int) -> Iterator[bytes]:
    while total is None or report.bytes_read < total:
        with _plain_errors(source):
            chunk = file.read(chunk_bytes if total is None else min(chunk_bytes, total - report.bytes_read))
        if not chunk:
            break
        report.bytes_read += len(chunk)
        yield chunk
    if total is not None and report.bytes_read < total:
        report.truncated = True
        report.note("the file became shorter while it was read")


def _head(chunks: Iterator[bytes], count: int) -> tuple[bytes, Iterator[bytes]]:
    """Return the first `count` bytes, fewer where there are no more, and all chunks anew."""
    head = b""
    for chunk in chunks:
        head += chunk
        if len(head) >= count:
            break
    return head[:count], chain([head], chunks)


def _decompressed(chunks: Iterator[bytes], report: SourceReport) -> Iterator[bytes]:
    """Yield the bytes behind the compression that the first bytes name."""
    head, chunks = _head(chunks, 4)
    for magic, decompress in _COMPRESSIONS.items():
        if head.startswith(magic):
            return decompress(chunks, report)
    return chunks


def _gunzip(chunks: Iterator[bytes], report: SourceReport) -> Iterator[bytes]:
    """Yield the bytes of all members; of a damaged one as much as can be had, and nothing behind it."""
    inflater = zlib.decompressobj(31)
    for chunk in chunks:
        pending = chunk
        while pending:
            if inflater.eof:
                pending = pending.lstrip(b"\0")  # padding between members
                inflater = zlib.decompressobj(31) if pending else inflater
                continue
            before = inflater.copy()
            try:
                yield inflater.decompress(pending, _CHUNK)
            except zlib.error:
                yield _inflate_bytewise(before, pending)
                report.truncated = True
                report.note("the gzip data is damaged; what stands behind the damage is lost")
                return
            pending = inflater.unused_data if inflater.eof else inflater.unconsumed_tail
    yield inflater.flush()
    if not inflater.eof:
        report.truncated = True
        report.note("the gzip data ends early")


def _inflate_bytewise(inflater: "zlib._Decompress", data: bytes) -> bytes:
    """Return what comes out before the byte that is damaged."""
    out = bytearray()
    with suppress(zlib.error):
        for at in range(len(data)):
            out += inflater.decompress(data[at : at + 1])
    return bytes(out)


def _unzstd(chunks: Iterator[bytes], report: SourceReport) -> Iterator[bytes]:
    """Yield the bytes of all frames; of a damaged one as much as can be had, and nothing behind it."""
    zstd = zstandard.ZstdDecompressor()
    inflater = zstd.decompressobj()
    for pending in (chunk[start : start + _SMALL] for chunk in chunks for start in range(0, len(chunk), _SMALL)):
        while pending:
            if inflater.eof:
                inflater = zstd.decompressobj()
            try:
                out = inflater.decompress(pending)
                yield from (out[at : at + _CHUNK] for at in range(0, len(out), _CHUNK))
            except zstandard.ZstdError:
                report.truncated = True
                report.note("the zstd data is damaged; what stands behind the damage is lost")
                return
            pending = inflater.unused_data
    if not inflater.eof:
        report.truncated = True
        report.note("the zstd data ends early")


#: By the first bytes of a file. The place to add another compression, and its ending to `_is_log_name`.
_COMPRESSIONS: dict[bytes, Callable[[Iterator[bytes], SourceReport], Iterator[bytes]]] = {
    b"\x1f\x8b": _gunzip,
    b"\x28\xb5\x2f\xfd": _unzstd,
}


def _utf8(chunks: Iterator[bytes], report: SourceReport) -> Iterator[bytes]:
    """Yield the text as UTF-8 without a byte order mark."""
    head, chunks = _head(chunks, 3)
    if encoding := _UTF16.get(head[:2]):
        return _from_utf16(_from_byte(2, chunks), encoding, report)
    return _from_byte(3, chunks) if head == codecs.BOM_UTF8 else chunks


def _from_byte(count: int, chunks: Iterator[bytes]) -> Iterator[bytes]:
    return chain([next(chunks)[count:]], chunks)


def _from_utf16(chunks: Iterator[bytes], encoding: str, report: SourceReport) -> Iterator[bytes]:
    """Yield the text as UTF-8; half a pair of surrogates stays one, which is invalid there and repaired as such."""
    decoder = codecs.getincrementaldecoder(encoding)("surrogatepass")
    for chunk in chunks:
        yield decoder.decode(chunk).encode("utf-8", "surrogatepass")
    if decoder.getstate()[0]:
        report.truncated = True
        report.note("the UTF-16 text ends inside a character")
