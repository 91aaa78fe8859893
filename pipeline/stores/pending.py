"""Entries of a pull that are in no slice yet, and the checkpoints of the sources that gave them.

A batch is a part at first; parts become a slice when there are `SLICE_ROWS` rows, cut where the time changes, sorted.
So slices depend on the entries alone: not on how they came in pages, on where a token expired, or on where a run was
killed. STORE/pulls.json names the parts and holds the checkpoints; it is written by rename after each batch.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

import polars as pl

from pipeline.errors import StoreError
from pipeline.schema import CONTENT, ENTRIES, KEY, polars_schema
from pipeline.sources.base import Checkpoint

if TYPE_CHECKING:
    from pipeline.stores.local import LocalStore

SLICE_ROWS = 10_000

_FILE = "pulls.json"

#: A column of parts: the time that an entry is sorted by, in ns since 1970.
_AT = "at"
_PART = pl.Schema({**polars_schema(ENTRIES), CONTENT: pl.String(), _AT: pl.Int64()})


@dataclass(frozen=True)
class _State:
    """What pulls.json holds.

    parts: names, in order. complete: nothing comes behind them. writing: the slice that they are being made to.
    """

    checkpoints: dict[str, Checkpoint]
    parts: tuple[str, ...] = ()
    next_part: int = 0
    complete: bool = False
    writing: str | None = None


class Pending:
    """The parts and checkpoints of one store; one process has them at a time."""

    def __init__(self, store: "LocalStore") -> None:
        """Read what there is, and take back what a killed run left half-done."""
        self._store = store
        document = store.document(_FILE)
        try:
            self._state = _State(**{"checkpoints": {}, **document, "parts": tuple(document.get("parts", ()))})
        except TypeError as error:
            raise StoreError(str(store.path / _FILE), f"cannot be used ({error}); remove it to rebuild it") from error
        if writing := self._state.writing:
            for table in ("events", "entries"):
                store.drop(table, writing)
            self._save(writing=None)
        for path in store.slices("parts"):
            if path.stem not in self._state.parts:
                store.drop("parts", path.stem)
        self._rows = sum(store.count_rows("parts", name) for name in self._state.parts)
        if self._state.complete:
            for _ in self.slices():
                pass

    def checkpoint(self, source: str) -> Checkpoint | None:
        """Return where a source stood at its last batch that is safe."""
        return self._state.checkpoints.get(source)

    def forget(self, source: str | None = None) -> None:
        """Forget where a source stood, all of them for None, so that it is read again."""
        kept = {name: known for name, known in self._state.checkpoints.items() if source not in (None, name)}
        if kept != self._state.checkpoints:
            self._save(checkpoints=kept)

    def add(
        self, source: str, rows: pl.DataFrame, at: pl.Series, checkpoint: Checkpoint, *, complete: bool = False
    ) -> None:
        """Keep a batch of a source, and then its checkpoint. at: the time that each row is sorted by."""
        parts, next_part = self._state.parts, self._state.next_part
        if rows.height:
            name = f"{next_part:08d}"
            part = rows.with_columns(at.alias(_AT)).select(_PART.names()).cast(dict(_PART))  # type: ignore[arg-type]
            self._store.write("parts", name, part)
            parts, next_part = (*parts, name), next_part + 1
            self._rows += rows.height
        checkpoints = {**self._state.checkpoints, source: checkpoint}
        self._save(checkpoints=checkpoints, parts=parts, next_part=next_part, complete=complete)

    def slices(self) -> Iterator[pl.DataFrame]:
        """Make slices of the parts, of all once they are complete.

        Yields the rows of each when it is written, with those that were given twice.
        """
        final = self._state.complete
        while self._state.parts and (final or self._rows >= SLICE_ROWS):
            parts = self._state.parts
            rows = pl.concat([self._store.read("parts", part) for part in parts])
            given = rows.sort(_AT, *KEY, CONTENT, nulls_last=True, maintain_order=True)
            rows, again = self._once(given)
            self._rows = rows.height
            border = rows[_AT].slice(min(SLICE_ROWS, rows.height) - 1, 1).max()
            later = pl.lit(False) if rows.is_empty() else pl.col(_AT) > border  # all of them can stand there already
            rest = rows.filter(later)
            if not final and (rest.is_empty() or rows.height < SLICE_ROWS):  # more of this timestamp may come
                return
            whole = rows.filter(~later).drop(_AT)
            if whole.height:
                name = self._store.next_name()
                self._save(writing=name)
                self._store.write("entries", name, whole)
            left: tuple[str, ...] = ()
            next_part = self._state.next_part
            if rest.height:
                left = (f"{next_part:08d}",)
                self._store.write("parts", left[0], rest)
            self._save(parts=left, next_part=next_part + len(left), writing=None)
            self._store.write_manifest(self._store.manifest())  # from here on the slice would be missed
            self._rows = rest.height
            for part in parts:
                self._store.drop("parts", part)
            yield pl.concat([whole, again.drop(_AT)])

    def _once(self, rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Split rows: each once, and those that stand there again, or in the slice before; a server may repeat some."""
        same = [name for name in rows.columns if name not in (_AT, "source")]
        numbered = rows.with_row_index("row")
        once = numbered.unique(subset=same, keep="first", maintain_order=True)
        if last := self._store.slices("entries")[-1:]:
            before = self._store.read("entries", last[0].stem).select(same)
            once = once.join(before, on=same, how="anti", nulls_equal=True, maintain_order="left")
        return once.drop("row"), numbered.join(once, on="row", how="anti", maintain_order="left").drop("row")

    def _save(self, **changes: object) -> None:
        self._state = replace(self._state, **changes)  # type: ignore[arg-type]
        self._store.write_document(_FILE, asdict(self._state))
