"""Slices of entries that are gone, damaged, or shorter than the manifest says: found, read again, or named.

Counts, no checksums: these would add bits that flipped and that Parquet still decodes. Who writes to the store can
write its manifest too.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl

from pipeline.errors import StoreError
from pipeline.sources.stored import rows_of
from pipeline.window import Window, moment_of, rfc3339


@dataclass(frozen=True)
class Origin:
    """What a slice holds: rows, the sources they came from, and their first and last timestamp in ns since 1970."""

    rows: int
    sources: tuple[str, ...] = ()
    first_ns: int | None = None
    last_ns: int | None = None


@dataclass(frozen=True)
class Loss:
    """A slice that holds fewer rows than it did: how many it has now, and what it was."""

    name: str
    rows: int
    origin: Origin

    def is_within(self, window: Window) -> bool:
        """Return whether reading a window again gives all that was in the slice."""
        start_ns, end_ns = window.bounds
        first_ns, last_ns = self.origin.first_ns, self.origin.last_ns
        starts = start_ns is None or (first_ns is not None and start_ns <= first_ns)
        return starts and (end_ns is None or (last_ns is not None and last_ns < end_ns))

    @property
    def words(self) -> str:
        """What is missing of it."""
        return f"entries/{self.name}.parquet had {self.origin.rows:,} entries and has {self.rows:,}"


def origin_of(rows: pl.DataFrame) -> Origin:
    """Return what a slice of these rows holds."""
    first, last = rows["timestamp_ns"].min(), rows["timestamp_ns"].max()
    return Origin(
        rows.height,
        tuple(sorted(rows["source"].drop_nulls().unique())),
        first if isinstance(first, int) else None,
        last if isinstance(last, int) else None,
    )


def origins(manifest: Mapping[str, Any]) -> dict[str, Origin]:
    """Return what a manifest says of the slices. Raises ValueError where it is none."""
    try:
        return {
            name: Origin(**{"rows": int(rows), **manifest.get("origins", {}).get(name, {})})
            for name, rows in manifest.get("slices", {}).items()
        }
    except (TypeError, AttributeError) as error:
        raise ValueError(str(error)) from error


def documents(known: Mapping[str, Origin]) -> dict[str, Any]:
    """Return the same as the members of a manifest."""
    return {
        "slices": {name: origin.rows for name, origin in known.items()},
        "origins": {name: {**asdict(origin), "sources": list(origin.sources)} for name, origin in known.items()},
    }


def losses(folder: Path, known: Mapping[str, Origin]) -> list[Loss]:
    """Return the slices in a folder that hold fewer rows than a manifest says."""
    counts = {name: rows_of(folder / f"{name}.parquet") or 0 for name in known}
    return [Loss(name, counts[name], origin) for name, origin in known.items() if counts[name] < origin.rows]


def refusal(store: str, lost: Iterable[Loss]) -> StoreError:
    """Return the error that names what is lost, and the command that reads it again."""
    first, *others = lost
    more = f", and {len(others):,} more like it" if others else ""
    origin = first.origin
    command = f"runverdict extract {' '.join(origin.sources) or 'SOURCE'} --store {store}"
    if origin.first_ns is not None and origin.last_ns is not None:
        since, until = moment_of(origin.first_ns), moment_of(origin.last_ns + 1_000_000)
        command += f" --since {rfc3339(since)} --until {rfc3339(until)}"
    return StoreError(
        store,
        f"entries are lost: {first.words}{more}; read them again: {command}; or remove {store}/manifest.json to go on "
        "without them",
    )


def is_readable(path: Path) -> bool:
    """Return whether a slice can be read whole."""
    try:
        pl.read_parquet(path, hive_partitioning=False, glob=False)
    except (OSError, pl.exceptions.PolarsError):
        return False
    return True
