"""The local store: Parquet slices that appear whole or not at all, and a manifest of them.

STORE/manifest.json             what is there, and the rules of the events; written by rename
STORE/pulls.json                what was listed of a service's log, and how far a listing is (`coverage.py`)
STORE/parts/NAME.parquet        entries of a listing under way, a page each; no slice yet, so nobody judges them
STORE/entries/NAME.parquet      one slice of entries, keys unique over all slices; `content`: see `CONTENT`
STORE/events/NAME.parquet       the same rows, classified
STORE/history/…                 verdicts and measures of runs (`pipeline/stores/history.py`)
STORE/pseudonym.key             the key of the digests (0600), unless the environment has one
"""

import fcntl
import json
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from pipeline.errors import StoreError
from pipeline.schema import HISTORY, polars_schema

KEY_VARIABLE = "RUNVERDICT_PSEUDONYM_KEY"


class LocalStore:
    """A folder of slices. One process writes at a time; a run killed anywhere leaves whole slices only."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with reported(path):
            for table in ("entries", "events", "parts"):
                (path / table).mkdir(parents=True, exist_ok=True)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Keep other processes from writing, and remove what a killed one left half-written.

        Raises StoreError where another one writes. The lock is the operating system's, so it ends with its process.
        """
        with reported(self.path):
            folder = os.open(self.path, os.O_RDONLY)
        try:
            try:
                fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                reason = "another run is writing to it; wait until that ends, or use another --store"
                raise StoreError(str(self.path), reason) from error
            with reported(self.path):
                for left in [
                    *self.path.glob(".*.tmp"),
                    *self.path.glob("*/.*.tmp"),
                    *self.path.glob("history/*/.*.tmp"),
                ]:
                    left.unlink()
            yield
        finally:
            os.close(folder)

    def slices(self, table: str) -> list[Path]:
        """Return the table's slices in the order they were written."""
        return sorted((self.path / table).glob("*.parquet"))

    def next_name(self) -> str:
        """Return the name of the next slice of entries."""
        last = self.slices("entries")[-1:]
        return f"{int(last[0].stem) + 1 if last else 0:08d}"

    def write(self, table: str, name: str, rows: pl.DataFrame) -> None:
        """Write one slice: under a temporary name, synced, renamed."""
        target = self.path / table / f"{name}.parquet"
        part = target.with_name(f".{name}.tmp")
        try:
            with reported(target):
                target.parent.mkdir(parents=True, exist_ok=True)
                rows.write_parquet(part, compression="zstd", compression_level=1, statistics=True)
                with part.open("rb+") as file:
                    os.fsync(file.fileno())
                part.replace(target)
        finally:
            with suppress(OSError):
                part.unlink()

    def read(self, table: str, name: str) -> pl.DataFrame:
        """Return the rows of one slice."""
        path = self.path / table / f"{name}.parquet"
        with reported(path):
            return pl.read_parquet(path, hive_partitioning=False)

    def keep(self, table: str, run: str, rows: pl.DataFrame) -> None:
        """Write the rows of a run into a table of history, in place of those it had of that run."""
        self.write(f"history/{table}", run, rows)

    def recall(self, table: str, runs: Sequence[str] | None = None) -> pl.DataFrame:
        """Return the rows of some runs, of all for None, from a table of history; empty where there is none."""
        found = [path.stem for path in self.slices(f"history/{table}")]
        frames = [self.read(f"history/{table}", run) for run in found if runs is None or run in runs]
        return pl.concat([pl.DataFrame(schema=polars_schema(HISTORY[table])), *frames])

    def count(self, table: str, name: str, rows: pl.Expr | None = None) -> int:
        """Return how many rows one slice has, of those that an expression chooses."""
        path = self.path / table / f"{name}.parquet"
        with reported(path):
            scan = pl.scan_parquet(path, hive_partitioning=False)
            return int((scan if rows is None else scan.filter(rows)).select(pl.len()).collect().item())

    def drop(self, table: str, name: str) -> None:
        """Remove one slice, if it is there."""
        with reported(self.path):
            (self.path / table / f"{name}.parquet").unlink(missing_ok=True)

    def write_manifest(self, facts: dict[str, object]) -> None:
        """Write what the store holds: slices with their rows, and the facts given."""
        slices = {path.stem: self.count("entries", path.stem) for path in self.slices("entries")}
        self.write_document("manifest.json", {"version": 1, **facts, "slices": slices})

    def facts(self) -> dict[str, object]:
        """Return the manifest, empty where there is none yet."""
        return self.document("manifest.json")

    def write_document(self, name: str, document: Mapping[str, object]) -> None:
        """Write a JSON document: under a temporary name, synced, renamed."""
        part = self.path / f".{name}.tmp"
        with reported(self.path):
            with part.open("w", encoding="utf-8") as file:
                file.write(json.dumps(document, indent=1, sort_keys=True) + "\n")
                file.flush()
                os.fsync(file.fileno())
            part.replace(self.path / name)

    def document(self, name: str) -> dict[str, Any]:
        """Return a JSON document, empty where there is none yet."""
        path = self.path / name
        with reported(path):
            if not path.exists():
                return {}
            try:
                found = json.loads(path.read_text(encoding="utf-8"))
            except ValueError as error:
                raise StoreError(str(path), f"cannot be used ({error}); remove it to rebuild it") from error
        if not isinstance(found, dict):
            raise StoreError(str(path), "cannot be used (no JSON object); remove it to rebuild it")
        return found

    def pseudonym_key(self) -> bytes:
        """Return the key of the digests: the environment's, else the store's own, made on first use."""
        if given := os.environ.get(KEY_VARIABLE):
            return given.encode()
        path = self.path / "pseudonym.key"
        with reported(path):
            if not path.exists():
                part = path.with_name(f".{path.name}.tmp")
                with os.fdopen(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
                    file.write(secrets.token_hex(32))
                    file.flush()
                    os.fsync(file.fileno())
                part.replace(path)
            if key := path.read_bytes():
                return key
        raise StoreError(str(path), f"holds no key; remove it, or set {KEY_VARIABLE}")

    def drop_duplicates(self, counted: pl.Expr | None = None) -> int:
        """Remove entries that stand twice, and return how many rows went, of those that an expression chooses.

        Equal are entries of one key (log_name, timestamp_ns, insert_id); at equal microseconds a row that has no
        nanoseconds gives way to one that has. Without insertId or timestamp only equal content counts. Which of two
        rows of one key stays depends on their content, not on the order they were read in. A slice's events go before
        its rows do, so that a run killed between the two leaves no events of rows that are gone.
        """
        files = [str(path) for path in self.slices("entries")]
        if not files:
            return 0
        with reported(self.path), duckdb.connect(config={"temp_directory": str(self.path / ".spill")}) as connection:
            connection.execute("set memory_limit = '600MB'")
            losers = pl.DataFrame(connection.sql(_DUPLICATES, params=[files, files]))
        gone = 0
        for (file,), rows in losers.group_by("filename", maintain_order=True):
            name = Path(str(file)).stem
            whole = self.read("entries", name).with_row_index("row")
            lost = pl.col("row").is_in(rows["row"].implode())
            gone += whole.filter(lost if counted is None else lost & counted).height
            kept = whole.filter(~lost).drop("row")
            self.drop("events", name)
            if kept.height:
                self.write("entries", name, kept)
            else:
                self.drop("entries", name)
        return gone


#: Rows to drop. A first pass over the keys alone finds the few that repeat; only their rows are compared whole.
_DUPLICATES = """
with repeated as (
  select hash(log_name, timestamp_ns // 1000, insert_id) as key_hash
  from read_parquet(?)
  group by key_hash
  having count(*) > 1
),
candidates as (
  select
    filename,
    file_row_number as row,
    log_name,
    timestamp_ns,
    insert_id,
    content,
    md5(to_json(struct_pack(
      *columns(* exclude (filename, file_row_number, source, client, subject, content))
    ))::varchar) as shown
  from read_parquet(?, filename = true, file_row_number = true)
  where hash(log_name, timestamp_ns // 1000, insert_id) in (select key_hash from repeated)
),
keyed as (
  select
    *,
    insert_id is null or timestamp_ns is null as keyless,
    if(keyless, content, '') as own,
    bool_or(timestamp_ns % 1000 <> 0) over (partition by log_name, timestamp_ns // 1000, insert_id, own) as has_ns
  from candidates
),
ranked as (
  select
    *,
    row_number() over (
      partition by log_name, timestamp_ns, insert_id, own order by shown, filename, row
    ) as place
  from keyed
)
select filename, row
from ranked
where place > 1 or (has_ns and not keyless and timestamp_ns % 1000 = 0)
order by filename, row
"""


@contextmanager
def reported(path: Path) -> Iterator[None]:
    """Turn what the operating system, Parquet and DuckDB refuse into a StoreError."""
    try:
        yield
    except OSError as error:
        raise StoreError(str(path), error.strerror or str(error)) from error
    except (pl.exceptions.PolarsError, duckdb.Error) as error:
        raise StoreError(str(path), f"cannot be used: {str(error).splitlines()[0]}") from error
