"""Deleting from a store in a folder for good: what is older than a time, or one person's entries."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from parsers.redact import IDENTIFIERS
from pipeline.errors import UsageError
from pipeline.schema import HISTORY
from pipeline.stores.local import LocalStore
from pipeline.stores.slices import reported
from pipeline.window import nanoseconds

#: A digest as the store has it: alone in `client` and `subject`, behind `#` in an id that was redacted.
_DIGEST = re.compile(r"(?:<[a-z0-9]+>[^#]*#)?([0-9a-f]{12})")


@dataclass(frozen=True)
class Pruned:
    """What went: entries, of so many slices, and verdicts of history; left: entries that stay."""

    entries: int
    slices: int
    verdicts: int
    left: int


def digest_of(text: str) -> str:
    """Return the digest in what redaction writes (`<email>#0123456789ab`), or alone. Raises UsageError without one.

    >>> digest_of("<email>#0123456789ab")
    '0123456789ab'
    """
    match = _DIGEST.fullmatch(text)
    if not match:
        raise UsageError(f"--person {text!r} is not a digest; write its 12 hexadecimal digits, or <email>#0123456789ab")
    return match[1]


def prune(
    store: LocalStore,
    *,
    before: datetime | None = None,
    person: str | None = None,
    history: bool = False,
    dry_run: bool = False,
) -> Pruned:
    """Delete the entries that are older than a time and of a person, as far as either is given, and say what went.

    An entry is as old as its timestamp, else as the time it was received; one that has neither stays. Slices that were
    put aside as damaged go too. person: the digest of a client, of a user, or of an id that was redacted. history:
    verdicts whose window ended before the time go too. dry_run: nothing is deleted. Raises StoreError.
    """
    chosen = pl.lit(True)
    if before is not None:
        chosen &= pl.coalesce("timestamp", "receive_timestamp") < before
    if person is not None:
        chosen &= _is_of(person)
    with store.writing():
        if before is not None and person is None and not dry_run:
            store.give_up(nanoseconds(before))
        rows = {path.stem: _places(store, "entries", path.stem, chosen) for path in store.slices("entries")}
        rows = {name: indices for name, indices in rows.items() if len(indices)}
        parts = {path.stem: _places(store, "parts", path.stem, chosen) for path in store.slices("parts")}
        went = sum(map(len, [*rows.values(), *parts.values()]))
        runs = {table: _runs(store, table, before) for table in HISTORY} if before and history else {}
        if not dry_run:
            store.known.forget()
            store.remove(rows)
            for name, indices in parts.items():
                part = store.read("parts", name).with_row_index("row")
                store.write("parts", name, part.filter(~pl.col("row").is_in(indices.implode())).drop("row"))
            for table, names in runs.items():
                for name in names:
                    store.drop(f"history/{table}", name)
            with reported(store.path):
                for path in store.path.glob("entries/*.damaged"):
                    path.unlink()
        left = sum(store.count_rows(table, path.stem) for table in ("entries", "parts") for path in store.slices(table))
    return Pruned(went, len(rows), len(runs.get("verdicts", [])), left - went if dry_run else left)


def _is_of(person: str) -> pl.Expr:
    ids: Callable[[str], pl.Expr] = lambda name: pl.col(name).str.ends_with(f"#{person}")  # noqa: E731
    columns = [*(ids(name) for name in IDENTIFIERS), pl.col("client") == person, pl.col("subject") == person]
    return pl.any_horizontal(column.fill_null(value=False) for column in columns)


def _places(store: LocalStore, table: str, name: str, chosen: pl.Expr) -> pl.Series:
    """The rows of a slice that are chosen, counted from 0."""
    return store.read(table, name).with_row_index("row").filter(chosen.fill_null(value=False))["row"]


def _runs(store: LocalStore, table: str, before: datetime) -> list[str]:
    """The runs of a table of history whose window ended before a time."""
    names = [path.stem for path in store.slices(f"history/{table}")]
    return [name for name in names if (store.read(f"history/{table}", name)["window_end"] < before).all()]
