"""`python -m tests.fuzz.bounded`: what inputs without measure cost `check`, in peak memory and time, as one table.

Each case is a process of its own. Exit code 1 where one ends by a signal, or above the memory that is promised.
"""

import gzip
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import zstandard

from tests.conftest import line, request

#: Promised for every case (MiB): a GiB, and what allocators keep beside it; and seconds after which a case hangs.
_PEAK_MIB = 1100
_PATIENCE_S = 600


def _bomb(folder: Path) -> list[Path]:
    """4 GiB of blanks in less than a MB."""
    compressor = zstandard.ZstdCompressor().compressobj()
    with (folder / "bomb.json.zst").open("wb") as file:
        for _ in range(4096):
            file.write(compressor.compress(b" " * (1 << 20)))
        file.write(compressor.flush())
    return [folder / "bomb.json.zst"]


def _tiny(folder: Path) -> list[Path]:
    """2 million records of a byte."""
    (folder / "ones.json.gz").write_bytes(gzip.compress(b"1\n" * 2_000_000))
    return [folder / "ones.json.gz"]


def _long(folder: Path) -> list[Path]:
    """A line of 64 MiB."""
    (folder / "long.log").write_bytes(b"x" * (64 << 20) + b"\n")
    return [folder / "long.log"]


def _entries(folder: Path, entries: Iterable[dict[str, object]]) -> list[Path]:
    with (folder / "x.ndjson").open("w") as file:
        file.writelines(json.dumps(row) + "\n" for row in entries)
    return [folder / "x.ndjson"]


def _files(folder: Path) -> list[Path]:
    """30,000 files of an entry."""
    for n in range(30_000):
        (folder / f"{n:05d}.json").write_text(json.dumps(line(n % 3000, "x", insertId=f"i{n}")))
    return [folder]


def _services(folder: Path) -> list[Path]:
    """10,000 services of an entry."""
    return _entries(folder, (line(n % 3000, "x", service=f"s{n}") for n in range(10_000)))


def _name(n: int, length: int = 4) -> str:
    """A word of its own for each number, without a digit."""
    return "".join(chr(97 + n // 26**k % 26) for k in range(length))


def _endpoints(folder: Path) -> list[Path]:
    """200,000 endpoints of a request."""
    return _entries(folder, (request(n % 3000, path=f"/{_name(n)}/x", insertId=f"i{n}") for n in range(200_000)))


def _signatures(folder: Path) -> list[Path]:
    """A million lines, each with words of its own, at a level that matters."""
    made = (
        line(n / 300, f"the {_name(n, 5)} of {_name(7 * n, 5)} is late", severity="WARNING") for n in range(1_000_000)
    )
    return _entries(folder, made)


def _alike(folder: Path) -> list[Path]:
    """Errors of 240 KB that repeat their text: few bytes in Parquet, and a GB where they are put in order."""
    text = "pay failed " + "x y " * 60_000
    with gzip.open(folder / "alike.json.gz", "wt", compresslevel=1) as file:
        file.writelines(f"{json.dumps(line(n / 10, text, severity='ERROR', insertId=f'i{n}'))}\n" for n in range(4000))
    return [folder / "alike.json.gz"]


def _instances(folder: Path) -> list[Path]:
    """10,000 instances, each with its start, a request and a line."""
    made = (
        {**made, "labels": {"instanceId": f"00{n:06x}"}}
        for n in range(10_000)
        for made in (
            line(
                n / 3,
                "Starting new instance. Reason: AUTOSCALING",
                insertId=f"s{n}",
                log="run.googleapis.com%2Fvarlog%2Fsystem",
            ),
            request(n // 3 + 1, insertId=f"r{n}"),
            line(n / 3 + 2, "ready to serve", insertId=f"l{n}"),
        )
    )
    return _entries(folder, made)


def _revisions(folder: Path) -> list[Path]:
    """1,000 revisions of ten requests."""
    made = (
        request(n * 3 + k // 4, revision=f"{n:05d}-abc", insertId=f"r{n}-{k}") for n in range(1000) for k in range(10)
    )
    return _entries(folder, made)


def _blocks(folder: Path) -> list[str | Path]:
    """20,000 lines, and 1,000 blocks more in the catalogue, half of them with words that stand in every line."""
    pack = ['[pack]\ntitle = "Many"\ngroup = "service"\n']
    for n in range(1000):
        text = f"the order#{n}#" if n % 2 else f"never {n}#"
        pack.append(
            f'["many.n{n}"]\nmeaning = "Block {n}."\noutcome = "info"\nsource = "made"\nnear_misses = ["x"]\n'
            f'[["many.n{n}".match]]\nliteral = "{text.partition("#")[0]}"\npattern = "{text}"\n'
            f'[["many.n{n}".example]]\nline = "{text}"\nwant = {{}}\n'
        )
    (folder / "packs").mkdir()
    (folder / "packs" / "many.toml").write_text("\n".join(pack))
    (folder / "runverdict.toml").write_text(f'[catalogue]\npaths = ["{folder / "packs"}"]\n')
    made = (line(n / 10, f"the order {_name(n)} is late", insertId=f"i{n}") for n in range(20_000))
    return [*_entries(folder, made), "--config", folder / "runverdict.toml"]


def _pipe(folder: Path) -> list[Path]:
    """A pipe that nobody writes to."""
    os.mkfifo(folder / "pipe.log")
    return [folder / "pipe.log"]


CASES: dict[str, Callable[[Path], list[Path] | list[str | Path]]] = {
    "zstd bomb, 4 GiB of blanks": _bomb,
    "2,000,000 records of a byte": _tiny,
    "a line of 64 MiB": _long,
    "30,000 files of an entry": _files,
    "10,000 services": _services,
    "200,000 endpoints": _endpoints,
    "1,000,000 distinct lines": _signatures,
    "4,000 long lines that are alike": _alike,
    "10,000 instances": _instances,
    "1,000 revisions": _revisions,
    "1,000 blocks more": _blocks,
    "a pipe without a writer": _pipe,
    "/dev/zero": lambda _: [Path("/dev/zero")],
}
#: What cannot be read ends with exit code 4, all others with a verdict.
_REFUSED = ("a pipe without a writer", "/dev/zero")


def main() -> int:
    """Print the table; return 1 where a case is not bounded."""
    unbounded = []
    runverdict = str(Path(sys.executable).with_name("runverdict"))
    print(f"{'':32s}{'input MiB':>10s}{'peak MiB':>10s}{'wall s':>8s}{'CPU s':>8s}{'exit':>6s}", flush=True)
    for name, make in CASES.items():
        with tempfile.TemporaryDirectory(prefix="runverdict-bounded-") as folder:
            (inputs := Path(folder, "in")).mkdir()
            paths = make(inputs)
            size = sum(path.stat().st_size for path in inputs.rglob("*") if path.is_file()) / (1 << 20)
            command = [runverdict, "check", *map(str, paths), "--out", f"{folder}/out"]
            began = time.perf_counter()
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            patience = threading.Timer(_PATIENCE_S, process.kill)
            patience.start()
            _, status, usage = os.wait4(process.pid, 0)
            patience.cancel()
            process.returncode = os.waitstatus_to_exitcode(status)
            peak = usage.ru_maxrss / 1024
            print(
                f"{name:32s}{size:10.2f}{peak:10.0f}{time.perf_counter() - began:8.1f}"
                f"{usage.ru_utime + usage.ru_stime:8.1f}{process.returncode:6d}",
                flush=True,
            )
            wanted = (4,) if name in _REFUSED else (0, 1, 3)
            if process.returncode not in wanted or peak > _PEAK_MIB:
                unbounded.append(name)
    return 1 if unbounded else 0


if __name__ == "__main__":
    raise SystemExit(main())
