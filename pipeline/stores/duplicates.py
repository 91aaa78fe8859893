"""Entries that stand twice in the slices of a local store."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from pipeline.aggregate.duckdb import duckdb_path
from pipeline.database import opened
from pipeline.schema import ENTRIES, UNMEASURED


def duplicates(slices: Sequence[Path], spill: Path) -> dict[str, pl.Series]:
    """Return the rows to drop of each slice, by its name: places from 0.

    Equal are entries of one key (log_name, timestamp_ns, insert_id); at equal microseconds a row that has no
    nanoseconds gives way to one that has. Without insertId or timestamp only equal content counts. Which of two rows of
    one key stays depends on their content, not on the order they were read in, and first on what measures read of it,
    so that a store without the rest chooses alike. spill: a folder for what needs room.
    """
    files = [duckdb_path(path) for path in slices]
    if not files or _are_few_and_differ(slices):
        return {}
    with opened(spill, "600MB") as database:
        rows = pl.DataFrame(database.sql(_DUPLICATES, params=[files, files]))
    groups = rows.group_by("filename", maintain_order=True)
    return {Path(str(file)).stem: group["row"] for (file,), group in groups}


def _are_few_and_differ(slices: Sequence[Path]) -> bool:
    """Whether no key stands twice, of so few entries that a DuckDB of its own takes far longer to start than to ask."""
    keys = pl.scan_parquet(list(slices), hive_partitioning=False, glob=False).select(
        "log_name", pl.col("timestamp_ns") // 1000, "insert_id"
    )
    n = keys.select(pl.len()).collect().item()
    return bool(n <= _FEW and keys.collect().n_unique() == n)


#: So many keys are compared in memory: some 10 MB.
_FEW = 100_000

#: Columns that make no difference between two rows of one key, or are compared by themselves.
_NOT_SHOWN = ("source", "client", "subject", "raw")

#: What redaction leaves in a payload, as far as it is counted as a leak.
LEFT_OVER = ["<token>", "<key>", "<secret>", "<email>", "<user>"]
_IS_TOLD = "workload is not distinct from 'job'"
#: What measures read of columns that they do not read whole.
_PARTS = {
    "payload": f"if({_IS_TOLD} or payload is null or regexp_matches(payload, '{'|'.join(LEFT_OVER)}'), payload, '')",
    "labels": f"if({_IS_TOLD}, labels, null)",
}
_SHOWN = [column.name for column in ENTRIES if column.name not in _NOT_SHOWN]
_MEASURED = [f"{name} := {_PARTS.get(name, name)}" for name in _SHOWN if name not in UNMEASURED]
_REST = [name for name in _SHOWN if name in UNMEASURED or name in _PARTS]

#: Rows to drop. A first pass over the keys alone finds the few that repeat; only their rows are compared whole.
_DUPLICATES = """
with repeated as (
  select hash(log_name, timestamp_ns // 1000, insert_id) as key_hash
  from read_parquet(?, hive_partitioning = false)
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
      MEASURED
    ))::varchar || coalesce(md5(raw), '')) as shown,
    md5(to_json(struct_pack(
      REST
    ))::varchar) as rest
  from read_parquet(?, filename = true, file_row_number = true, hive_partitioning = false)
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
      partition by log_name, timestamp_ns, insert_id, own order by shown, rest, filename, row
    ) as place
  from keyed
)
select filename, row
from ranked
where place > 1 or (has_ns and not keyless and timestamp_ns % 1000 = 0)
order by filename, row
""".replace("MEASURED", ", ".join(_MEASURED)).replace("REST", ", ".join(_REST))
