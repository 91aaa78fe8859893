"""Writes `sql/duckdb/`: every measure and staging table in DuckDB's dialect. `make docs` runs it."""

from pathlib import Path

from pipeline.aggregate.duckdb import snapshot
from pipeline.googlesql import STAGING, measures


def names() -> list[str]:
    """Return the files that have a snapshot."""
    return [*(f"staging/{name}" for name in STAGING), *(f"measures/{name}" for name in measures())]


def write(folder: Path) -> None:
    """Write every snapshot into a folder, and remove what no file is made to."""
    wanted = {folder / f"{name}.sql": snapshot(name) for name in names()}
    for path in folder.rglob("*.sql"):
        if path not in wanted:
            path.unlink()
    for path, text in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
