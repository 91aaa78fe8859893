"""The local store: Parquet slices that appear whole or not at all, and a manifest of them.

STORE/manifest.json             what is there, and the rules of the events; written by rename
STORE/pulls.json                what was listed of a service's log, and how far a listing is (`coverage.py`)
STORE/parts/NAME.parquet        entries of a listing under way, a page each; no slice yet, so nobody judges them
STORE/entries/NAME.parquet      one slice of entries, keys unique over all slices; `content`: see `CONTENT`
STORE/events/NAME.parquet       the same rows, classified
STORE/history/…                 verdicts and measures of runs (`pipeline/stores/history.py`)
STORE/known.json, measures/…    what need not be read, compared or measured again (`known.py`)
STORE/pseudonym.key             the key of the digests (0600), unless the environment has one
"""

import fcntl
import json
import logging
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import polars as pl

from parsers.model import Catalogue
from parsers.redact import redact_text
from parsers.to_polars import Classifier
from pipeline.aggregate.duckdb import DuckDBEngine
from pipeline.aggregate.measures import Measures, measure
from pipeline.classify import classify
from pipeline.errors import StoreBusyError, StoreError
from pipeline.extract import count, entries, inside
from pipeline.sources.base import EntryBatch, Estimate, Request, Source
from pipeline.sources.records import SourceReport
from pipeline.sources.stored import rows_of
from pipeline.stores.base import KEY_VARIABLE, Progress, StoreOptions
from pipeline.stores.duplicates import duplicates
from pipeline.stores.known import Known
from pipeline.stores.layout import VERSION, refuse_other_versions
from pipeline.stores.losses import Loss, Origin, documents, is_readable, losses, origin_of, origins, refusal
from pipeline.stores.pending import Pending
from pipeline.stores.slices import create, nothing, read, reported
from pipeline.stores.workers import Workers
from pipeline.whole_file import write_whole
from pipeline.window import Window

log = logging.getLogger(__name__)

#: So many lost slices are named.
_MAX_NAMES = 3


def open_store(address: str, options: StoreOptions) -> "LocalStore":  # noqa: ARG001
    """Return the store in a folder, which is made if it is missing."""
    return LocalStore(Path(address))


class LocalStore:
    """A folder of slices. One process writes at a time; a run killed anywhere leaves whole slices only."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.address = str(path)
        self._duplicates = True
        self._lost: list[Loss] = []
        self._next = 0
        self._origins: dict[str, Origin] = {}
        self._catalogue: Catalogue | None = None
        self.known = Known(self)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Keep other processes from writing, and remove what a killed one left half-written.

        Raises StoreBusyError where another one writes. The lock is the operating system's, so it ends with its process.
        """
        refuse_other_versions(self.address, self.manifest(), self.slices("entries"))
        with reported(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            for table in ("entries", "events", "parts"):
                (self.path / table).mkdir(parents=True, exist_ok=True)
            folder = os.open(self.path, os.O_RDONLY)
        try:
            try:
                fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                reason = "another run is writing to it; wait until that ends, or use another --store"
                raise StoreBusyError(str(self.path), reason) from error
            with reported(self.path):
                for left in [
                    *self.path.glob(".*.tmp"),
                    *self.path.glob("*/.*.tmp"),
                    *self.path.glob("history/*/.*.tmp"),
                ]:
                    left.unlink()
            self._find_losses()
            if self._lost:
                self.known.forget()
            pending = Pending(self)  # takes back a slice that was half made, and makes those that are due
            if not self.manifest() or self._is_emptied():  # nothing says that what was pulled is still there
                self._lost = []
                pending.forget()
                self.known.forget()
                self.write_manifest({})
            yield
            self._refuse_losses()
            self.write_manifest(self.manifest())
        finally:
            os.close(folder)

    def exists(self) -> bool:
        """Return whether the folder is there."""
        return self.path.is_dir()

    def count(self, window: Window) -> int:
        """Return how many entries of a window it has; those that stand twice are removed first."""
        if self._duplicates and not self.known.is_unique():
            self.drop_duplicates()
            self.known.set_unique()
        self._duplicates = False
        return sum(self.count_rows("entries", path.stem, inside(window)) for path in self.slices("entries"))

    def add(self, source: Source, request: Request, report: SourceReport, progress: Progress) -> None:
        """Add what a source has of a request's window, and count it in the report.

        A source with checkpoints leaves parts first, then slices (`pending.py`); of another, what is outside the window
        and its lookback is left out. Entries without a timestamp are kept.
        """
        key = self.pseudonym_key()
        request = replace(request, key=key)
        known = self.known.key(source, request)
        if self.known.fill(known, report):
            log.info("%s is not read again", source.address)
            progress.show(report)
            return
        self._duplicates = True
        pending = Pending(self)
        lost = [loss for loss in self._lost if redact_text(source.address) in loss.origin.sources]
        if lost:
            pending.forget(source.address)
            report.note(f"{', '.join(loss.words for loss in lost[:_MAX_NAMES])}: it is read again")
        with Workers() as workers:
            for batch in source.batches(request, report, pending.checkpoint(source.address)):
                if batch.checkpoint is not None and batch.at is not None:
                    rows = entries(batch, source.address, key)
                    pending.add(source.address, rows, batch.at, batch.checkpoint, complete=batch.complete)
                    for written in pending.slices():
                        count(report, written, request.window)
                else:
                    count(report, batch.rows, request.window)
                    inner = replace(batch, rows=batch.rows.filter(inside(request.read_window)))
                    if inner.rows.height:
                        workers.start(self._keep, self.next_name(), inner, source.address, key)
                    del inner
                progress.show(report)
                del batch  # it needs no memory while the next one is read
        self._lost = [loss for loss in self._lost if loss not in lost or not loss.is_within(request.read_window)]
        if known and known == self.known.key(source, request):  # it did not change while it was read
            self.write_manifest(self.manifest())  # from here on its slices would be missed
            self.known.add(known, report)

    def _keep(self, name: str, batch: EntryBatch, source: str, key: bytes) -> None:
        """Make a slice of a batch."""
        self.write("entries", name, entries(batch, source, key))

    def prepare(self, catalogue: Catalogue) -> None:
        """Do nothing: entries are kept as they are."""

    def classify(self, catalogue: Catalogue, window: Window) -> None:  # noqa: ARG002
        """Classify every slice of entries that has no whole events yet, or had them from other rules.

        Events of other rules go before the manifest names the new ones, so that a run killed anywhere mixes none.
        Raises StoreError where entries are lost.
        """
        self._refuse_losses()
        self._catalogue = catalogue
        rules: dict[str, object] = {"catalogue": catalogue.digest, "tool": version("runverdict")}
        names = [path.stem for path in self.slices("entries")]
        manifest = self.manifest()
        stale = {name: manifest.get(name) for name in rules} != rules
        entries_folder = self.path / "entries"
        for path in self.slices("events"):
            if stale or path.stem not in names or rows_of(path) != rows_of(entries_folder / path.name):
                self.drop("events", path.stem)
        if stale:
            self.write_manifest(rules)
        done = {path.stem for path in self.slices("events")}
        if new := [name for name in names if name not in done]:
            self._classify(new, Classifier(catalogue))
        self.write_manifest({**rules, "written": datetime.now(UTC).isoformat(timespec="seconds")})

    def _classify(self, names: list[str], classifier: Classifier) -> None:
        """Make events of some slices of entries."""

        def classify_slice(name: str) -> None:
            self.write("events", name, classify(self.read("entries", name), classifier))

        with Workers() as workers:
            for name in names:
                workers.start(classify_slice, name)

    def aggregate(self, window: Window, requests_until_ns: int | None = None) -> Measures:
        """Return the measures of a window. Events that cannot be read are made anew from their entries."""
        try:
            return self._measured(window, requests_until_ns)
        except StoreError:
            damaged = [path for path in self.slices("events") if not is_readable(path)]
            if self._catalogue is None or not damaged:
                raise
            for path in damaged:
                log.warning("%s cannot be read; it is made anew", path)
                self.drop("events", path.stem)
            self.classify(self._catalogue, window)
            return self._measured(window, requests_until_ns)

    def _measured(self, window: Window, requests_until_ns: int | None) -> Measures:
        def make() -> Measures:
            with DuckDBEngine(self.event_slices(), window.bounds, requests_until_ns) as engine:
                return measure(engine)

        with reported(self.path / "events"):
            return self.known.measures([window.bounds, requests_until_ns, self.manifest().get("catalogue")], make)

    def event_slices(self) -> list[Path]:
        """Return the slices that hold events."""
        return self.slices("events")

    def estimate(self, window: Window, coming: Sequence[Estimate] = ()) -> list[Estimate]:  # noqa: ARG002
        """Return nothing: work on this machine costs nothing."""
        return []

    def slices(self, table: str) -> list[Path]:
        """Return the table's slices in the order they were written."""
        return sorted((self.path / table).glob("*.parquet"))

    def next_name(self) -> str:
        """Return the name of the next slice of entries, a new one each time."""
        names = [*(path.stem for path in self.slices("entries")[-1:]), *(loss.name for loss in self._lost)]
        number = max([self._next, *(int(name) + 1 for name in names)])
        self._next = number + 1
        return f"{number:08d}"

    def write(self, table: str, name: str, rows: pl.DataFrame) -> None:
        """Write one slice: under a temporary name, synced, renamed."""
        target = self.path / table / f"{name}.parquet"
        with reported(target):
            write_whole(
                target,
                lambda file: rows.write_parquet(file, compression="zstd", compression_level=1, statistics=True),
            )
        if table == "entries":
            self._origins[name] = origin_of(rows)

    def read(self, table: str, name: str, columns: Sequence[str] | None = None) -> pl.DataFrame:
        """Return the rows of one slice, of some columns or of all."""
        return read(self.path / table / f"{name}.parquet", columns)

    def save(self, table: str, run: str, rows: pl.DataFrame) -> None:
        """Write the rows of a run into a table of history, in place of those it had of that run."""
        self.write(f"history/{table}", run, rows)

    def create(self, table: str, run: str, rows: pl.DataFrame) -> bool:
        """Write the rows of a run into a table of history if it has none of that run, and return whether it did."""
        return create(self.path / "history" / table / f"{run}.parquet", rows, below=self.path)

    def load(self, table: str, runs: Sequence[str] | None = None, columns: Sequence[str] | None = None) -> pl.DataFrame:
        """Return some columns, or all, of the rows of some runs, or of all, from a table of history; maybe empty."""
        names = [path.stem for path in self.slices(f"history/{table}")]
        frames = [self.read(f"history/{table}", run, columns) for run in names if runs is None or run in runs]
        return pl.concat([nothing(table, columns), *frames])

    def count_rows(self, table: str, name: str, rows: pl.Expr | None = None) -> int:
        """Return how many rows one slice has, of those that an expression chooses."""
        path = self.path / table / f"{name}.parquet"
        with reported(path):
            scan = pl.scan_parquet(path, hive_partitioning=False, glob=False)
            return int((scan if rows is None else scan.filter(rows)).select(pl.len()).collect().item())

    def drop(self, table: str, name: str) -> None:
        """Remove one slice, if it is there."""
        with reported(self.path):
            (self.path / table / f"{name}.parquet").unlink(missing_ok=True)

    def write_manifest(self, facts: Mapping[str, object]) -> None:
        """Write what the store holds: slices with their rows and origins, and the facts given."""
        names = [path.stem for path in self.slices("entries")]
        for name in names:
            if name not in self._origins:  # of an earlier run, or of another version
                self._origins[name] = origin_of(self.read("entries", name))
        lost = {loss.name: loss.origin for loss in self._lost}
        known = documents({**{name: self._origins[name] for name in names}, **lost})
        self.write_document("manifest.json", {**facts, "version": VERSION, **known})

    def _find_losses(self) -> None:
        """Find slices that hold less than the manifest says; what cannot be read is put aside as NAME.damaged."""
        known = self._origins_of_manifest()
        self._lost = losses(self.path / "entries", known)
        short = {loss.name for loss in self._lost}
        self._origins = {name: origin for name, origin in known.items() if name not in short}
        with reported(self.path):
            for path in self.slices("entries"):
                if path.stem in short and rows_of(path) is None:
                    path.replace(path.with_suffix(".damaged"))

    def _is_emptied(self) -> bool:
        """Whether all entries and all of their events were removed, which is no accident: history can stand alone."""
        return (
            bool(self._lost) and "catalogue" in self.manifest() and not self.slices("entries") + self.slices("events")
        )

    def _refuse_losses(self) -> None:
        """Raise StoreError where entries are lost and were not read again."""
        if self._lost:
            raise refusal(self.address, self._lost)

    def _origins_of_manifest(self) -> dict[str, Origin]:
        try:
            return origins(self.manifest())
        except ValueError as error:
            path = str(self.path / "manifest.json")
            raise StoreError(path, f"cannot be used ({error}); remove it to rebuild it") from error

    def manifest(self) -> dict[str, Any]:
        """Return the manifest, empty where there is none yet."""
        return self.document("manifest.json")

    def write_document(self, name: str, document: Mapping[str, object]) -> None:
        """Write a JSON document: under a temporary name, synced, renamed."""
        text = json.dumps(document, indent=1, sort_keys=True) + "\n"
        with reported(self.path):
            write_whole(self.path / name, text.encode())

    def document(self, name: str) -> dict[str, Any]:
        """Return a JSON document, empty where there is none yet."""
        path = self.path / name
        with reported(path):
            if not path.exists():
                return {}
            try:
                document = json.loads(path.read_text(encoding="utf-8"))
            except ValueError as error:
                raise StoreError(str(path), f"cannot be used ({error}); remove it to rebuild it") from error
        if not isinstance(document, dict):
            raise StoreError(str(path), "cannot be used (no JSON object); remove it to rebuild it")
        return document

    def pseudonym_key(self) -> bytes:
        """Return the key of the digests: the environment's, else the store's own, made on first use."""
        if given := os.environ.get(KEY_VARIABLE):
            return given.encode()
        path = self.path / "pseudonym.key"
        with reported(path):
            if not path.exists():
                write_whole(path, secrets.token_hex(32).encode(), mode=0o600)
            if key := path.read_bytes():
                return key
        raise StoreError(str(path), f"holds no key; remove it, or set {KEY_VARIABLE}")

    def drop_duplicates(self) -> int:
        """Remove entries that stand twice (`duplicates.py`), and return how many rows went."""
        with reported(self.path):
            losers = duplicates(self.slices("entries"), self.path / ".spill")
        return self.remove(losers)

    def remove(self, losers: Mapping[str, pl.Series]) -> int:
        """Remove rows from slices of entries, by their places from 0, and return how many went.

        The manifest promises less before a slice gets shorter, and a slice's events go before its rows do: a run killed
        in between looks like no loss, and leaves no events of rows that are gone.
        """
        if losers:
            known = self._origins_of_manifest()
            for name, rows in losers.items():
                if name in known:
                    known[name] = replace(known[name], rows=known[name].rows - len(rows))
            self.write_document("manifest.json", {**self.manifest(), **documents(known)})
        for name, rows in losers.items():
            kept = self.read("entries", name).with_row_index("row").filter(~pl.col("row").is_in(rows.implode()))
            self.drop("events", name)
            if kept.height:
                self.write("entries", name, kept.drop("row"))
            else:
                self.drop("entries", name)
        return sum(map(len, losers.values()))

    def give_up(self, before_ns: int) -> None:
        """Miss no more what is lost of slices that ended before a time, in ns since 1970."""
        self._lost = [loss for loss in self._lost if (loss.origin.last_ns or before_ns) >= before_ns]
