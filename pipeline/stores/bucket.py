"""History in Cloud Storage.

PREFIX/TABLE/RUN-NUMBER.parquet     the rows of a run; of one run the largest number holds
"""

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count

import polars as pl

from pipeline.errors import StoreError
from pipeline.objects import Bucket, Object
from pipeline.schema import HISTORY
from pipeline.stores.slices import nothing

_OBJECT = re.compile(r"(?P<run>[0-9a-f]+)-(?P<number>[0-9]{4,})\.parquet")


class BucketHistory:
    """History in Cloud Storage: an object per run and table, created only where there is none, and never changed.

    So runs side by side need no lock. A run that is judged again with another result becomes one more object.
    """

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self.address = bucket.address
        self._read: dict[str, bytes] = {}

    def exists(self) -> bool:
        """Return whether an object of it is there."""
        return any(self._newest(table) for table in HISTORY)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Look whether the bucket can be listed."""
        self._newest("verdicts")
        yield

    def save(self, table: str, run: str, rows: pl.DataFrame) -> None:
        """Create the object of a run; none where the newest holds the same rows."""
        content = io.BytesIO()
        rows.write_parquet(content, compression="zstd")
        newest = self._newest(table).get(run)
        for number in count(newest[0] if newest else 1):
            name = f"{self._folder(table)}{run}-{number:04d}.parquet"
            if self._bucket.create(name, content.getvalue(), "application/vnd.apache.parquet"):
                return

    def create(self, table: str, run: str, rows: pl.DataFrame) -> bool:
        """Create the first object of a run, and return whether this call did; the rows have to differ from others'."""
        content = io.BytesIO()
        rows.write_parquet(content, compression="zstd")
        name = f"{self._folder(table)}{run}-0001.parquet"
        return self._bucket.create(name, content.getvalue(), "application/vnd.apache.parquet")

    def load(self, table: str, runs: Sequence[str] | None = None, columns: Sequence[str] | None = None) -> pl.DataFrame:
        """Return some columns, or all, of the rows of some runs, or of all; an object is fetched once."""
        newest = self._newest(table)
        objects = [newest[run][1] for run in sorted(newest) if runs is None or run in runs]
        for item, content in self._bucket.read([item for item in objects if item.name not in self._read]):
            self._read[item.name] = b"".join(content)
        frames = [nothing(table, columns)]
        for item in objects:
            try:
                frames.append(pl.read_parquet(self._read[item.name], columns=list(columns) if columns else None))
            except pl.exceptions.PolarsError as error:
                raise StoreError(f"{self.address}: {item.name}", "is no Parquet file; delete it") from error
        return pl.concat(frames)

    def _newest(self, table: str) -> dict[str, tuple[int, Object]]:
        """The newest object of each run of a table, with its number."""
        folder = self._folder(table)
        newest: dict[str, tuple[int, Object]] = {}
        for item in self._bucket.objects(folder):
            match = _OBJECT.fullmatch(item.name.removeprefix(folder))
            if match and int(match["number"]) > newest.get(match["run"], (0, None))[0]:
                newest[match["run"]] = (int(match["number"]), item)
        return newest

    def _folder(self, table: str) -> str:
        return f"{self._bucket.prefix}/{table}/" if self._bucket.prefix else f"{table}/"
