"""History kept apart from the store: in a folder, in Cloud Storage or in BigQuery.

A scheduled job in a container has no disk that lasts, so its store is a temporary one, and what it remembers goes here.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from parsers.model import Catalogue
from pipeline.aggregate.measures import Measures
from pipeline.endpoints import is_objects
from pipeline.sources.base import Estimate, Request, Source
from pipeline.sources.records import SourceReport
from pipeline.stores.base import History, Progress, Store, StoreOptions, open_store
from pipeline.stores.slices import create, nothing, read, reported
from pipeline.whole_file import write_whole
from pipeline.window import Window


def open_history(address: str, options: StoreOptions | None = None, endpoint: str | None = None) -> History:
    """Return the history at an address. endpoint: an address in place of Cloud Storage's own.

    Raises UsageError where the address cannot be one, ObjectsError and BigQueryError where it cannot be opened.
    """
    if is_objects(address):
        from pipeline.objects import Bucket
        from pipeline.stores.bucket import BucketHistory

        return BucketHistory(Bucket(address, endpoint))
    if "://" in address:
        return open_store(address, options)
    return FolderHistory(Path(address))


class FolderHistory:
    """History in a folder, as a local store has it below `history`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.address = str(path)

    def exists(self) -> bool:
        """Return whether the folder is there."""
        return self.path.is_dir()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Make the folder."""
        with reported(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
        yield

    def save(self, table: str, run: str, rows: pl.DataFrame) -> None:
        """Write the rows of a run into a table."""
        target = self.path / table / f"{run}.parquet"
        with reported(target):
            write_whole(target, lambda file: rows.write_parquet(file, compression="zstd"), below=self.path)

    def create(self, table: str, run: str, rows: pl.DataFrame) -> bool:
        """Write the rows of a run into a table if it has none of that run, and return whether this call did."""
        return create(self.path / table / f"{run}.parquet", rows, below=self.path)

    def load(self, table: str, runs: Sequence[str] | None = None, columns: Sequence[str] | None = None) -> pl.DataFrame:
        """Return some columns, or all, of the rows of some runs, or of all."""
        paths = [path for path in sorted((self.path / table).glob("*.parquet")) if runs is None or path.stem in runs]
        return pl.concat([nothing(table, columns), *(read(path, columns) for path in paths)])


class StoreWithHistory:
    """A store whose history is kept elsewhere: entries and events there, what is remembered here."""

    def __init__(self, store: Store, past: History) -> None:
        self._store = store
        self._past = past
        self.address = store.address

    def exists(self) -> bool:
        """Return whether there is history."""
        return self._past.exists()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Make both ready; history first, for where it is refused nothing needs to be pulled."""
        with self._past.writing(), self._store.writing():
            yield

    def count(self, window: Window) -> int:
        """Return how many entries of a window the store has."""
        return self._store.count(window)

    def add(self, source: Source, request: Request, report: SourceReport, progress: Progress) -> None:
        """Add what a source has to the store."""
        self._store.add(source, request, report, progress)

    def prepare(self, catalogue: Catalogue) -> None:
        """Tell the store which catalogue it is."""
        self._store.prepare(catalogue)

    def classify(self, catalogue: Catalogue, window: Window) -> None:
        """Make events of the store's entries."""
        self._store.classify(catalogue, window)

    def aggregate(self, window: Window, requests_until_ns: int | None = None) -> Measures:
        """Return the store's measures."""
        return self._store.aggregate(window, requests_until_ns)

    def save(self, table: str, run: str, rows: pl.DataFrame) -> None:
        """Keep the rows of a run."""
        self._past.save(table, run, rows)

    def create(self, table: str, run: str, rows: pl.DataFrame) -> bool:
        """Keep the rows of a run if there are none of it, and return whether this call did."""
        return self._past.create(table, run, rows)

    def load(self, table: str, runs: Sequence[str] | None = None, columns: Sequence[str] | None = None) -> pl.DataFrame:
        """Return some columns, or all, of the rows of some runs, or of all."""
        return self._past.load(table, runs, columns)

    def estimate(self, window: Window, coming: Sequence[Estimate] = ()) -> list[Estimate]:
        """Return what classifying and measuring would cost."""
        return self._store.estimate(window, coming)
