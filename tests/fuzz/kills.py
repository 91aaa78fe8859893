"""`check` and a pull killed at random moments: in the end the store has the rows of an undisturbed run."""

import json
import os
import random
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import polars as pl

from pipeline.schema import CONTENT
from pipeline.stores.base import KEY_VARIABLE
from tests.conftest import RUNVERDICT, failing, line, ndjson, stamp
from tests.servers.cloud_logging import CloudLogging

#: So often a run into one store is killed before one is left to end.
_IN_A_ROW = 5

#: Seconds from its start until a process begins its work.
_START_S = 0.6


def killed(kills: int, seed: int) -> tuple[int, list[str]]:
    """Kill half of so many runs of `check`, half of a pull; return how many ended by it, and what was wrong."""
    rng = random.Random(seed)
    entries = [
        line(n % 280, f"a line {n} " + "x" * 300, insertId=f"n{n}", receiveTimestamp=stamp(n % 280))
        for n in range(8000)
    ]
    with tempfile.TemporaryDirectory(prefix="runverdict-kills-") as folder:
        paths = [
            str(ndjson(Path(folder, f"{n}.ndjson"), [*failing(), *entries[n * 2000 - 100 * (n > 0) : n * 2000 + 2000]]))
            for n in range(4)
        ]
        cloud = CloudLogging(entries, page_limit=500)
        cloud.fault = lambda *_: time.sleep(0.05)
        with cloud.running() as url:
            window = ["--since", stamp(0), "--until", stamp(300), "--settle", "1m"]
            pull = ["extract", "logging://demo", "--api-endpoint", url, *window]
            done = [
                _kills(Path(folder, name), command, kills // 2, rng)
                for name, command in (("check", ["check", *paths]), ("pull", pull))
            ]
    return sum(count for count, _ in done), [problem for _, problems in done for problem in problems]


def _kills(folder: Path, command: list[str], kills: int, rng: random.Random) -> tuple[int, list[str]]:
    began = time.monotonic()
    want = _rows(_ended(command, folder / "undisturbed"))
    length_s = time.monotonic() - began
    count, problems = 0, []
    while count < kills:
        store = folder / str(count)
        first, tries = count, 0
        while count < min(first + _IN_A_ROW, kills) and tries < 2 * _IN_A_ROW:
            process = [RUNVERDICT, *command, "--store", store]
            quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            running = subprocess.Popen(process, **quiet, env=_environment())
            time.sleep(rng.uniform(_START_S, max(length_s, 2 * _START_S)))
            running.send_signal(signal.SIGKILL)
            count += running.wait() == -signal.SIGKILL
            tries += 1
        if not _rows(_ended(command, store)).equals(want):
            problems.append(f"{command[0]}: rows differ after kills {first} to {count - 1}")
        if left := [path.name for path in store.rglob(".*.tmp")]:
            problems.append(f"{command[0]}: {left} are left")
    return count, problems


def _ended(command: list[str], store: Path) -> Path:
    """A run that nobody kills."""
    found = subprocess.run(
        [RUNVERDICT, *command, "--store", store], capture_output=True, timeout=120, env=_environment()
    )
    assert found.returncode in (0, 1, 3), found.stderr.decode(errors="replace")
    return store


def _environment() -> dict[str, str]:
    return {**os.environ, KEY_VARIABLE: "the same in all stores"}


def _rows(store: Path) -> pl.DataFrame:
    """All entries and events, and what the manifest says of them."""
    tables = []
    for table in ("entries", "events"):
        paths = sorted((store / table).glob("*.parquet"))
        rows = [
            pl.read_parquet(path, hive_partitioning=False, glob=False).drop("source", CONTENT, strict=False)
            for path in paths
        ]
        if rows:
            tables.append(pl.concat(rows).select(pl.lit(table).alias("table"), pl.all()))
    slices = json.loads((store / "manifest.json").read_text())["slices"]
    assert sum(slices.values()) == tables[0].height
    return pl.concat(tables, how="diagonal").sort(pl.all())
