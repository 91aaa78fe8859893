"""A store for one run: what is read is classified at once, and only events are written.

STORE/classified/NAME.parquet holds the columns of events and `CONTENT`, without what no measure reads (`measured`). A
pull leaves slices as in any other store, for its pages are parts of them.
"""

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from parsers.model import Catalogue
from parsers.to_polars import Classifier
from pipeline.classify import classify
from pipeline.extract import entries, inside
from pipeline.schema import CONTENT, UNMEASURED
from pipeline.sources.base import EntryBatch
from pipeline.stores.duplicates import LEFT_OVER, duplicates
from pipeline.stores.known import Known
from pipeline.stores.local import LocalStore
from pipeline.stores.slices import reported
from pipeline.window import Window

_TABLE = "classified"


def measured(events: pl.DataFrame) -> pl.DataFrame:
    """Return events with no more than what measures read: of a payload what redaction left in it, unless of a job."""
    told = (pl.col("workload") == "job").fill_null(value=False)
    leaks = told | pl.col("payload").str.contains_any(LEFT_OVER)
    return events.with_columns(
        pl.when(pl.col("payload").is_null() | leaks).then("payload").otherwise(pl.lit("")).alias("payload"),
        pl.when(told).then("labels").alias("labels"),
        *(pl.lit(None, events[name].dtype).alias(name) for name in UNMEASURED),
    )


class TemporaryStore(LocalStore):
    """A folder of slices that nobody reads again once the run has ended."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.known = Known(self, kept=False)
        self._classifier: Classifier | None = None

    def prepare(self, catalogue: Catalogue) -> None:
        """Classify by a catalogue whatever is added from now on. `classify` must be given the same."""
        self._classifier = Classifier(catalogue)

    def _keep(self, name: str, batch: EntryBatch, source: str, key: bytes) -> None:
        if self._classifier is None:
            super()._keep(name, batch, source, key)
            return
        rows = entries(batch, source, key, whole=False)
        self.write(_TABLE, name, measured(classify(rows, self._classifier, whole=False)).with_columns(rows[CONTENT]))

    def write(self, table: str, name: str, rows: pl.DataFrame) -> None:
        """Write one slice, whole or not at all; nobody reads it after this process, so it is not synced."""
        path = self.path / table / f"{name}.parquet"
        part = path.with_suffix(".tmp")
        with reported(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            rows.write_parquet(part, compression="lz4", statistics=False)
            part.replace(path)

    def classify(self, catalogue: Catalogue, window: Window) -> None:
        """Classify what was pulled; the rest is."""
        assert self._classifier is None or self._classifier.catalogue.digest == catalogue.digest
        super().classify(catalogue, window)

    def count(self, window: Window) -> int:
        """Return how many entries of a window it has; those that stand twice are removed first."""
        return super().count(window) + sum(
            self.count_rows(_TABLE, path.stem, inside(window)) for path in self.slices(_TABLE)
        )

    def event_slices(self) -> list[Path]:
        """Return the slices that hold events."""
        return [*self.slices("events"), *self.slices(_TABLE)]

    def drop_duplicates(self) -> int:
        """Remove entries that stand twice (`duplicates.py`), and return how many rows went."""
        with reported(self.path):
            losers = duplicates([*self.slices("entries"), *self.slices(_TABLE)], self.path / ".spill")
        return self.remove(losers)

    def remove(self, losers: Mapping[str, pl.Series]) -> int:
        """Remove rows from slices, by their places from 0, and return how many went."""
        own = {path.stem for path in self.slices(_TABLE)}
        super().remove({name: rows for name, rows in losers.items() if name not in own})
        for name in losers.keys() & own:
            kept = self.read(_TABLE, name).with_row_index("row").filter(~pl.col("row").is_in(losers[name].implode()))
            self.drop(_TABLE, name)
            if kept.height:
                self.write(_TABLE, name, kept.drop("row"))
        return sum(map(len, losers.values()))
