"""What a store in a folder knows already, so that nothing is read, compared or measured twice.

STORE/known.json         the files whose entries it has, by their content, and the slices that hold no duplicates
STORE/measures/KEY.zip   measures, by all that they depend on; the newest few

Both only spare work: where they are missing it is done again.
"""

import hashlib
import io
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import polars as pl

from parsers.redact import redact_text
from pipeline.aggregate.duckdb import translated
from pipeline.aggregate.measures import Measures
from pipeline.aggregate.snapshots import names
from pipeline.sources.base import Digested, Request, Source
from pipeline.sources.records import SourceReport
from pipeline.whole_file import write_whole

if TYPE_CHECKING:
    from pipeline.stores.local import LocalStore

_FILE = "known.json"

#: So many measures are kept, and so many files are known.
_MEASURES = 4
_FILES = 10_000

#: What a report has of its own, even where its file is not read again.
_OWN = ("source", "share", "position_ns", "reads", "reads_left")


class Known:
    """What one store knows; one process writes at a time. kept: whether anybody asks again."""

    def __init__(self, store: "LocalStore", *, kept: bool = True) -> None:
        self._store = store
        self._kept = kept

    def key(self, source: Source, request: Request) -> str | None:
        """Return what tells the entries of a source in a window apart; None where that cannot be told unread."""
        digest = source.digest() if self._kept and isinstance(source, Digested) else None
        if digest is None:
            return None
        bounds = request.window.bounds, request.read_window.bounds
        return _hash(digest, bounds, version("runverdict"), hashlib.sha256(request.key or b"").digest())

    def fill(self, key: str | None, report: SourceReport) -> bool:
        """Fill the report as reading would, where the store has the entries of a key; return whether it has."""
        kept = self._document().get("files", {}).get(key) if key else None
        if not isinstance(kept, dict):
            return False
        for field in fields(SourceReport):
            if field.name in kept and field.name not in _OWN:
                setattr(report, field.name, kept[field.name])
        report.share = 1.0
        return True

    def add(self, key: str | None, report: SourceReport) -> None:
        """Keep what a source gave, once its entries are safe."""
        if key is None:
            return
        kept = {name: value for name, value in asdict(report).items() if name not in _OWN}
        kept["notes"] = [redact_text(note) for note in report.notes]
        document = self._document()
        files = {**document.get("files", {}), key: kept}
        self._store.write_document(_FILE, {**document, "files": dict(list(files.items())[-_FILES:])})

    def forget(self) -> None:
        """Forget all of it: entries are gone."""
        if self._document():
            self._store.write_document(_FILE, {})
        for path in self._measured():
            path.unlink(missing_ok=True)

    def is_unique(self) -> bool:
        """Return whether no entry stands twice in the slices, as they are."""
        return self._kept and bool(self._document().get("unique") == self._state("entries"))

    def set_unique(self) -> None:
        """Keep that no entry stands twice in the slices, as they are."""
        if self._kept and self._store.slices("entries") and not self.is_unique():
            self._store.write_document(_FILE, {**self._document(), "unique": self._state("entries")})

    def measures(self, facts: Sequence[object], make: Callable[[], Measures]) -> Measures:
        """Return the measures of the events as they are. facts: what else they depend on. make: gives them."""
        if not self._kept:
            return make()
        queries = "".join(translated(name) for name in names())
        key = _hash(self._state("events"), queries, duckdb.__version__, pl.__version__, version("runverdict"), *facts)
        path = self._store.path / "measures" / f"{key}.zip"
        if (kept := _read(path)) is not None:
            return kept
        measures = make()
        write_whole(path, _packed(measures), below=self._store.path)
        for old in sorted(self._measured(), key=lambda other: other.stat().st_mtime_ns)[:-_MEASURES]:
            old.unlink(missing_ok=True)
        return measures

    def _measured(self) -> list[Path]:
        return list((self._store.path / "measures").glob("*.zip"))

    def _document(self) -> Mapping[str, Any]:
        return self._store.document(_FILE)

    def _state(self, table: str) -> str:
        """What tells the slices of a table apart, as they are."""
        stats = [(path.name, path.stat()) for path in self._store.slices(table)]
        return _hash([(name, stat.st_size, stat.st_mtime_ns, stat.st_ino) for name, stat in stats])


def _hash(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]


def _packed(measures: Measures) -> bytes:
    """All frames in one file, for 26 of them cost more to open than to read."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        for field in fields(Measures):
            with file.open(field.name, "w") as frame:
                getattr(measures, field.name).write_ipc_stream(frame, compression="lz4")
    return packed.getvalue()


def _read(path: Path) -> Measures | None:
    """The frames of a file; None where it is not there, or damaged."""
    try:
        with zipfile.ZipFile(path) as file:
            return Measures(**{name.name: pl.read_ipc_stream(file.read(name.name)) for name in fields(Measures)})
    except (OSError, KeyError, ValueError, zipfile.BadZipFile, pl.exceptions.PolarsError):
        return None
