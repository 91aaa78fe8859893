"""Does a test fail when the code is wrong? Small changes drawn by a seed, each with the tests that should notice it.

    python -m tests.mutation [--n 60] [--seed 1] [--jobs 2] [--only pipeline/judge]

A change is one operator, comparison, bound or constant of one line, in a copy of the checkout; it is caught where the
tests of its folder fail. Survivors are printed with their line: each is a test to write, or changes nothing. What is
known to change nothing stands in `SAME` with its reason; it is printed and not counted.
"""

import argparse
import io
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tokenize
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from tests.conftest import ROOT

#: What changes are drawn of, as many of each.
FOLDERS = ("pipeline/judge", "pipeline/assess", "pipeline/aggregate", "pipeline/sources", "sql")
#: The tests that see a folder, the quickest first; those named like the changed file are run before all others.
TESTS = {
    "pipeline/judge": ["tests/judge", "tests/assess/test_baseline.py", "tests/test_jobs.py"],
    "pipeline/assess": [
        *("tests/assess/test_document.py", "tests/assess/test_endings.py", "tests/assess/test_histograms.py"),
        *("tests/assess/test_profiles.py", "tests/assess/test_revision_data.py", "tests/assess/test_revisions.py"),
        *("tests/assess/test_signatures.py", "tests/assess/test_totals.py", "tests/assess/test_baseline.py"),
        *("tests/test_bounds.py", "tests/test_watch.py::test_a_newer_deployment_supersedes_it", "tests/test_jobs.py"),
    ],
    "pipeline/aggregate": ["tests/sql", "tests/test_sql_command.py", "tests/assess/test_revision_data.py"],
    "pipeline/sources/cloud_logging": [
        *("tests/sources/test_deployments.py", "tests/sources/test_log_filter.py", "tests/sources/test_pages.py"),
        *("tests/sources/test_cloud_logging.py", "tests/test_doctor.py", "tests/test_live.py"),
        "tests/sources/test_pull.py",
    ],
    "pipeline/sources/files": [
        *("tests/sources/test_foreign.py", "tests/sources/test_explorer_csv.py", "tests/sources/test_files.py"),
        *("tests/sources/test_other_forms.py", "tests/sources/test_all_forms.py"),
    ],
    "pipeline/sources/base": ["tests/sources/test_stored.py", "tests/sources/test_pull.py"],
    "pipeline/sources/cloud_storage": ["tests/sources/test_cloud_storage.py"],
    "pipeline/sources/monitoring": ["tests/test_crosscheck.py"],
    "pipeline/sources/optional": ["tests/test_crosscheck.py"],
    "pipeline/sources/run_admin": ["tests/test_crosscheck.py", "tests/sources/test_configured.py"],
    "pipeline/sources": [
        *("tests/sources/test_log_entry.py", "tests/sources/test_field_names.py", "tests/sources/test_junit.py"),
        *("tests/sources/test_stored.py", "tests/sources/test_foreign.py", "tests/sources/test_explorer_csv.py"),
        "tests/sources/test_files.py",
    ],
    "sql": ["tests/sql", "tests/assess/test_document.py", "tests/assess/test_revision_data.py", "tests/test_jobs.py"],
}
#: What only the group `full` runs: in ZetaSQL and an emulator of BigQuery.
LEFT_OUT = ("pipeline/aggregate/bigquery.py", "pipeline/sources/bigquery/", "sql/staging/entries.sql", "sql/bigquery")
#: Changes that change nothing that anyone can see, as (file, line as it becomes): why.
SAME = {
    (
        "pipeline/sources/files/json_values.py",
        "end = end if end > 0 else len(self._data)",
    ): "a line that has text ends behind its first character",
    (
        "sql/measures/pace.sql",
        "min(if(place = least(2 + div((95 * (n - 1)), 100), n), latency_ns, null)) as p95_high",
    ): "one row of a group has the place",
    ("sql/measures/signatures.sql", "min(if("): "one row of a group has the place",
    ("sql/measures/durations.sql", "min(n_latency) as n_latency,"): "all rows of a group have the same",
    ("sql/measures/latency.sql", "min(n_latency) as n_latency,"): "all rows of a group have the same",
    (
        "pipeline/judge/instances.py",
        "if share_p((peer.errors_5xx, peer.n, effect), (k, n, effect)) < alpha:",
    ): "a p-value of counts is never the very number of its limit",
    (
        "pipeline/assess/revisions.py",
        "return int(found[1]) if found else -2",
    ): "any number below 0 stands before those of revisions",
    (
        "pipeline/judge/power.py",
        "least = bisect_left(counts, True, key=lambda x: bool(special.bdtrc(x - 1, total, limit_ratio) <= tail))",
    ): "a binomial tail is never the very number that is chosen for it",
}
SWAPS = {
    "<": "<=",
    "<=": "<",
    ">": ">=",
    ">=": ">",
    "==": "!=",
    "!=": "==",
    "+": "-",
    "-": "+",
    "*": "/",
    "and": "or",
    "or": "and",
    "min": "max",
    "max": "min",
    "True": "False",
    "False": "True",
    "first": "last",
    "last": "first",
}
SQL_SWAPS = [(r" < ", " <= "), (r" >= ", " > "), (r"\bmin\(", "max("), (r"\bmax\(", "min("), (r"\band\b", "or")]
TIMEOUT_S = 600
SNAPSHOTS = "from pathlib import Path; from pipeline.aggregate.snapshots import write; write(Path('sql/duckdb'))"


@dataclass(frozen=True)
class Change:
    """One line of a file, as it is and as it becomes."""

    path: str
    line: int
    before: str
    after: str

    @property
    def why_same(self) -> str:
        """Why it changes nothing; empty where it is to be tried."""
        return SAME.get((self.path, self.after.strip()), "")


def of_python(path: str, text: str) -> list[Change]:
    """Every change of a Python file: one token of code each, none of text, comments or annotations of types."""
    lines, changes = text.splitlines(), []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        row, start = token.start
        line = lines[row - 1] if row <= len(lines) else ""
        if token.type not in (tokenize.OP, tokenize.NAME, tokenize.NUMBER) or line.lstrip().startswith(
            ("def ", "from ", "@")
        ):
            continue
        new = SWAPS.get(token.string)
        if token.type == tokenize.NUMBER and token.string.isdigit():
            new = str(int(token.string) + 1)
        if new is None or (token.string in "*-" and not re.match(r"\s", line[start + 1 : start + 2])):
            continue
        changes.append(Change(path, row, line, line[:start] + new + line[token.end[1] :]))
    return changes


def of_sql(path: str, text: str) -> list[Change]:
    """Every change of a SQL file, comments left out."""
    rows = [(n, line) for n, line in enumerate(text.splitlines(), 1) if not line.lstrip().startswith("--")]
    return [
        Change(path, n, line, line[: match.start()] + new + line[match.end() :])
        for n, line in rows
        for pattern, new in SQL_SWAPS
        for match in re.finditer(pattern, line)
    ]


def drawn(n: int, seed: int, folders: list[str]) -> list[Change]:
    """So many changes, as many of each folder."""
    dice, groups = random.Random(seed), []
    for folder in folders:
        changes = []
        for path in sorted(Path(ROOT, folder).rglob("*.py" if folder.startswith("pipeline") else "*.sql")):
            name = path.relative_to(ROOT).as_posix()
            if not name.startswith((*LEFT_OUT, "sql/duckdb")):
                changes += (of_sql if path.suffix == ".sql" else of_python)(name, path.read_text(encoding="utf-8"))
        groups.append(dice.sample(changes, min(-(-n // len(folders)), len(changes))))
    return [change for group in groups for change in group][:n]


def tests_of(path: str) -> list[str]:
    """The test files that see a file, in the order in which they are run."""
    whole = next(tests for folder, tests in TESTS.items() if path.startswith(folder))
    files = [
        found.relative_to(ROOT).as_posix()
        for test in whole
        for found in (sorted(Path(ROOT, test).glob("test_*.py")) if Path(ROOT, test).is_dir() else [Path(ROOT, test)])
    ]
    stem = Path(path).stem.rstrip("s")
    files.sort(key=lambda name: not Path(name).stem.startswith(f"test_{stem}"))
    has_examples = ">>> " in Path(ROOT, path).read_text(encoding="utf-8") if path.endswith(".py") else False
    return [*([f"tests/test_doctests.py::test_examples[{path}]"] if has_examples else []), *files]


def fails(checkout: Path, tests: list[str]) -> bool:
    """Whether a test fails in a checkout; what never ends has failed."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", "--tb=no"]
    where = {**os.environ, "PYTHONPATH": str(checkout)}
    try:
        done = subprocess.run(
            [*command, "-m", "not full and not live", *tests],
            cwd=checkout,
            env=where,
            capture_output=True,
            timeout=TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        return True
    return done.returncode != 0


def caught(change: Change, checkout: Path) -> bool:
    """Whether a test fails with the change. SQL is changed in both dialects, as `make docs` would."""
    path = checkout / change.path
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines(keepends=True)
    lines[change.line - 1] = change.after + "\n"
    path.write_text("".join(lines), encoding="utf-8")
    try:
        if path.suffix == ".sql":
            where = {**os.environ, "PYTHONPATH": str(checkout)}
            command = [sys.executable, "-c", SNAPSHOTS]
            if subprocess.run(command, cwd=checkout, env=where, capture_output=True).returncode:
                return True
        return fails(checkout, tests_of(change.path))
    finally:
        path.write_text(text, encoding="utf-8")
        shutil.copytree(ROOT / "sql/duckdb", checkout / "sql/duckdb", dirs_exist_ok=True)


def main() -> None:
    """Try the changes, print each survivor and the share that was caught."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", choices=FOLDERS, action="append", help="one folder; can be repeated")
    arguments = parser.parse_args()
    folders = arguments.only or list(FOLDERS)
    changes = drawn(arguments.n, arguments.seed, folders)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="runverdict-mutation-") as folder:
        checkouts: SimpleQueue[Path] = SimpleQueue()
        for number in range(arguments.jobs):
            checkout = Path(folder, f"checkout{number}")
            shutil.copytree(ROOT, checkout, ignore=shutil.ignore_patterns(".venv", ".git", ".*_cache", "__pycache__"))
            checkouts.put(checkout)

        def tried(change: Change) -> bool:
            checkout = checkouts.get()
            try:
                return caught(change, checkout)
            finally:
                checkouts.put(checkout)

        def sound(name: str) -> bool:
            checkout = checkouts.get()
            try:
                return not fails(checkout, tests_of(name))
            finally:
                checkouts.put(checkout)

        with ThreadPoolExecutor(arguments.jobs) as pool:
            for name, passed in zip(TESTS, pool.map(sound, TESTS), strict=True):
                if not passed:
                    sys.exit(f"the tests of {name} fail without any change, so nothing can be said")
            print(f"the tests pass without a change ({time.monotonic() - began:.0f} s)", flush=True)
            results = pool.map(lambda change: bool(change.why_same) or tried(change), changes)
            survivors = same = 0
            for number, (change, is_caught) in enumerate(zip(changes, results, strict=True), 1):
                if is_caught and not change.why_same:
                    continue
                survivors += not is_caught
                same += bool(change.why_same)
                print(f"{'SAME' if change.why_same else 'SURVIVED'} {change.path}:{change.line}")
                print(f"  - {change.before.strip()}\n  + {change.after.strip()}")
                print(f"  {change.why_same or f'({number} of {len(changes)} tried)'}", flush=True)
    counted = len(changes) - same
    print(f"{counted - survivors} of {counted} changes caught ({1 - survivors / counted:.0%}); {same} change nothing")
    print(f"{time.monotonic() - began:.0f} s; not tried, for only make test-full sees it: {', '.join(LEFT_OUT)}")


if __name__ == "__main__":
    main()
