"""The layout of a store in a folder."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from pipeline.errors import StoreError
from pipeline.stores.slices import reported

#: 2 has a workload beside each entry.
VERSION = 2


def refuse_other_versions(address: str, manifest: Mapping[str, Any], slices: Sequence[Path]) -> None:
    """Raise StoreError where a store is of another layout than this one. slices: of its entries."""
    written = manifest.get("version")
    if isinstance(written, int) and written > VERSION:
        raise StoreError(address, f"a newer runverdict wrote it (layout {written}); install that one")
    if written == VERSION or not slices:
        return
    if written is not None or _lacks_workload(slices[0]):
        raise StoreError(
            address,
            "runverdict 0.1 wrote it, and it has no workloads; rebuild it: "
            f"runverdict extract {address} --store {address}.new",
        )


def _lacks_workload(path: Path) -> bool:
    """Whether a slice without a manifest is of the old layout."""
    with reported(path):
        return "workload" not in pl.read_parquet_schema(path)
