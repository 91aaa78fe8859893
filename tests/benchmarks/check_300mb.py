"""Time and memory of `check` on generated entries, beside DuckDB's own read_json of the same columns to Parquet.

    python -m tests.benchmarks.check_300mb [MEGABYTES]

Both run as processes of their own on the same file, one after the other, the better of two runs each. The limit of
DESIGN.md section 10 is a ratio of 3 and a peak of 1 GiB; `check` does more than its peer, which only stores columns.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pipeline.simulate import simulate, write

PEER = """
import sys, duckdb
text = dict.fromkeys("logName insertId timestamp receiveTimestamp severity textPayload trace spanId".split(), "VARCHAR")
json = dict.fromkeys("jsonPayload protoPayload httpRequest resource labels".split(), "JSON")
connection = duckdb.connect()
connection.execute("set preserve_insertion_order = false")
rows = connection.read_json(sys.argv[1], format="newline_delimited", columns=text | json)
rows.write_parquet(sys.argv[2], compression="zstd")
"""


def measured(command: list[str]) -> tuple[float, float]:
    """Return the seconds and the peak MiB of a process; raises where it fails in another way than a verdict."""
    best = (float("inf"), float("inf"))
    for _ in range(2):
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        errors = process.stderr.read().decode() if process.stderr else ""
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        if os.waitstatus_to_exitcode(status) not in (0, 1, 3):
            raise SystemExit(f"{command[0]} failed: {errors}")
        best = min(best, (seconds, usage.ru_maxrss / 1024))
    return best


def main() -> None:
    """Generate, measure both, print one table."""
    megabytes = float(sys.argv[1]) if len(sys.argv) > 1 else 300.0
    with tempfile.TemporaryDirectory(prefix="runverdict-bench-") as folder:
        logs = Path(folder) / "logs.ndjson"
        entries = write(simulate("healthy", requests_per_minute=4090 * megabytes / 300), logs)
        size = logs.stat().st_size / 1e6
        print(f"{size:,.0f} MB, {entries:,} entries, {os.cpu_count()} cores")
        peer = measured([sys.executable, "-c", PEER, str(logs), str(Path(folder) / "peer.parquet")])
        ours = measured([str(Path(sys.executable).with_name("runverdict")), "check", str(logs)])
        print(f"{'':24s}{'seconds':>10s}{'MB/s':>10s}{'peak MiB':>10s}")
        for name, (seconds, peak) in (("DuckDB to Parquet", peer), ("runverdict check", ours)):
            print(f"{name:24s}{seconds:10.2f}{size / seconds:10.0f}{peak:10.0f}")
        print(f"ratio of times {ours[0] / peer[0]:.1f} (limit 3)")


if __name__ == "__main__":
    main()
