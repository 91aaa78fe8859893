"""Time and memory of `check` beside other tools on the same files; one table from one run.

    python -m tests.benchmarks.speed [GIGABYTES...] [--record] [--alone]

Default: 0.1 and 1 GB, generated and repeated. What counts is the CPU time as a ratio to DuckDB's copy of the same
columns to Parquet, for seconds are the machine's: the median of three pairs, each run right behind its copy (of one
pair at 1 GB and more). A ratio more than 20 % above the one in `ratios.json` is a failure; --record writes that file.
--alone: without the other tools. Below `check` stands what of it is starting, reading and redaction: its floor.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.speed import logs, parts, rivals

RATIOS = Path(__file__).with_name("ratios.json")
TOLERANCE = 1.2
#: Budgets: the ratio of `check` to the copy, by gigabytes; and its peak.
LIMITS = {0.3: 6.0, 1.0: 5.0}
PEAK_MIB = 1024

FORMS: dict[str, Callable[[Path, float], int]] = {"generated": logs.generated, "repeated": logs.repeated}


@dataclass(frozen=True)
class Cost:
    """What a process took: CPU and wall in s, peak memory in MiB."""

    cpu_s: float
    wall_s: float
    peak_mib: float


def cost(command: list[str]) -> Cost:
    """Run a command, and return what it took. Raises SystemExit where it fails in another way than by a verdict."""
    start = time.perf_counter()
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in (0, 1, 3):
            errors.seek(0)
            raise SystemExit(f"{command[0]} failed: {errors.read().decode(errors='replace')}")
    return Cost(usage.ru_utime + usage.ru_stime, time.perf_counter() - start, usage.ru_maxrss / 1024)


def main() -> int:
    """Print the table; return 1 where a ratio has grown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sizes", metavar="GIGABYTES", type=float, nargs="*", default=[0.1, 1.0])
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--alone", action="store_true")
    arguments = parser.parse_args()
    recorded: dict[str, float] = json.loads(RATIOS.read_text()) if RATIOS.exists() else {}
    measured: dict[str, float] = {}
    runverdict = str(Path(sys.executable).with_name("runverdict"))
    print(f"{os.cpu_count()} cores\n{'':36s}{'wall s':>9s}{'CPU s':>9s}{'MiB':>8s}{'ratio':>8s}")
    for gigabytes in arguments.sizes:
        for form, make in FORMS.items():
            with tempfile.TemporaryDirectory(prefix="runverdict-bench-") as folder:
                path = Path(folder) / "logs.ndjson"
                entries = make(path, gigabytes * 1000)
                print(f"\n{form}, {path.stat().st_size / 1e6:,.0f} MB, {entries:,} entries")
                copy = [sys.executable, "-c", rivals.COPY, str(path), folder]
                store = str(Path(folder) / "store")
                checks = {
                    "runverdict check": [runverdict, "check", str(path)],
                    "runverdict check --store": [runverdict, "check", str(path), "--store", store],
                    "the same again": [runverdict, "check", str(path), "--store", store],
                }
                others = {} if arguments.alone else rivals.commands(str(path), folder)
                own = parts.commands(runverdict, str(path), folder)
                base = _pairs(copy, None, 1)[0][0]
                _line("DuckDB's copy to Parquet", base, 1.0)
                for name, command in {**checks, **own, **others}.items():
                    if command is None:
                        print(f"{name:36s}{'not installed':>26s}")
                        continue
                    repeats = 3 if name == "runverdict check" and gigabytes < 1 else 1
                    pairs = _pairs(copy, command, repeats)
                    ratio = statistics.median(ours.cpu_s / theirs.cpu_s for theirs, ours in pairs)
                    _line(name, min((ours for _, ours in pairs), key=lambda taken: taken.cpu_s), ratio)
                    if name in checks:
                        measured[f"{form} {gigabytes:g} GB: {name}"] = round(ratio, 1)
                limit = LIMITS.get(gigabytes)
                if limit and measured[f"{form} {gigabytes:g} GB: runverdict check"] > limit:
                    print(f"  above its limit of {limit:g} times the copy")
    worse = [
        f"{name}: {ratio:g} times the copy, was {recorded[name]:g}"
        for name, ratio in measured.items()
        if name in recorded and ratio > TOLERANCE * recorded[name]
    ]
    if arguments.record:
        RATIOS.write_text(json.dumps({**recorded, **measured}, indent=1, sort_keys=True) + "\n")
    print(*(f"\nslower than recorded: {text}" for text in worse), sep="")
    return 1 if worse else 0


def _pairs(copy: list[str], command: list[str] | None, repeats: int) -> list[tuple[Cost, Cost]]:
    pairs = []
    for _ in range(repeats):
        theirs = cost(copy)
        pairs.append((theirs, cost(command) if command else theirs))
    return pairs


def _line(name: str, taken: Cost, ratio: float) -> None:
    over = "  over 1 GiB" if name.startswith("runverdict") and taken.peak_mib > PEAK_MIB else ""
    print(f"{name:36s}{taken.wall_s:9.2f}{taken.cpu_s:9.2f}{taken.peak_mib:8.0f}{ratio:8.1f}{over}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
