"""The whole `check` on broken exports, and what must hold then."""

import signal
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import polars as pl

from pipeline.errors import RunverdictError
from pipeline.report.files import FORMATS, rendered
from pipeline.stores.local import LocalStore
from tests.conftest import check
from tests.fuzz.exports import export

#: Seconds after which a check of files this small hangs.
_PATIENCE_S = 120


def problems_of(seeds: Iterable[int]) -> list[str]:
    """Return what is wrong with one check of the exports of some seeds: crashes, losses, wrong counts; or nothing.

    A hang ends the process.
    """
    made = [export(seed) for seed in seeds]
    with tempfile.TemporaryDirectory(prefix="runverdict-fuzz-") as folder:
        paths = [Path(folder, one.name) for one in made]
        for path, one in zip(paths, made, strict=True):
            path.write_bytes(one.data)
        names = f"{made[0].name} to {made[-1].name}"
        signal.alarm(_PATIENCE_S)
        try:
            found = check(Path(folder, "store"), *paths)
            _ = [rendered(verdict, form) for _, verdict in found.verdicts for form in FORMATS]
        except RunverdictError as error:
            return [f"{names}: refused: {error}"]
        except BaseException as error:  # noqa: BLE001 - a panic of polars is none of Exception's
            return [f"{names}: crash: {type(error).__name__}: {error}"]
        finally:
            signal.alarm(0)
        store = LocalStore(Path(folder, "store"))
        rows = [store.read("entries", path.stem).select("insert_id") for path in store.slices("entries")]
        ids = Counter(pl.concat(rows)["insert_id"].to_list()) if rows else Counter()
    problems = [str(error) for error in found.extraction.failed]
    for one in made:
        if missing := sorted(one.intact - ids.keys()):
            problems.append(f"{one.name}: {len(missing)} of {len(one.intact)} intact are lost, such as {missing[0]}")
        # A byte that is another can make of one id another's: such a line keeps it, unparsed.
        if "flipped" not in one.name and (twice := sorted(name for name in one.intact if ids[name] > 1)):
            problems.append(f"{one.name}: {len(twice)} intact stand twice, such as {twice[0]}")
    totals = found.totals
    if totals["read"] != totals["kept"] + totals["duplicates"] or totals["kept"] != sum(ids.values()):
        problems.append(f"{names}: totals {totals}, and {sum(ids.values())} rows")
    return problems
