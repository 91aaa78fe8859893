"""Does a test fail when the code is wrong? Small changes drawn by a seed, each with the tests that execute its line.

    python -m tests.mutation [--n 60 | --all] [--seed 1] [--jobs 2] [--only pipeline/judge] [--kept FOLDER]

A change is one operator, comparison, bound or constant of one line, in a copy of the checkout. First each test module
is run once under coverage.py, which says which tests execute which line; a change is caught where one of these fails.
What tests do in processes of their own is not seen: of a line that only these execute, all tests of its folder are run.
Survivors are printed with their line: each is a test to write, or changes nothing. What is known to change nothing
stands in `same.py` with its reason; it is printed and not counted. With `--kept`, what was recorded of a
module is kept in a folder until the module or the code changes, which saves most of the time of a second run.
"""

import argparse
import ast
import hashlib
import io
import random
import re
import tempfile
import time
import tokenize
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path
from queue import SimpleQueue

from tests.mutation.runs import ROOT, Checkout, recorded
from tests.mutation.same import AMOUNTS, SAME

#: What changes are drawn of, as many of each.
FOLDERS = ("pipeline/judge", "pipeline/assess", "pipeline/aggregate", "pipeline/sources", "sql")
#: What only the group `full` runs: in ZetaSQL and an emulator of BigQuery.
LEFT_OUT = ("pipeline/aggregate/bigquery.py", "pipeline/sources/bigquery/", "sql/staging/entries.sql", "sql/bigquery")
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
#: The tests that are run: the others start processes, or look at pages and texts.
TESTS = (
    *("tests/judge", "tests/assess", "tests/sql", "tests/sources", "tests/report/test_trend.py"),
    *("tests/test_bounds.py", "tests/test_crosscheck.py"),
    *("tests/test_doctests.py", "tests/test_doctor.py", "tests/test_inputs.py", "tests/test_jobs.py"),
    *("tests/test_sql_command.py", "tests/test_trace.py"),
)
#: Not drawn, for it only guards against mistakes of ours, or says how much is kept in memory.
GUARDS = re.compile(r"(?:strict|frozen)=True|@dataclass\(.*|@(?:lru_)?cache.*|^from .*")
#: So many seconds of tests are tried, the nearest first: what only later ones see is taken for not caught.
LIMIT_S = 200


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
        if re.split(" = |, ", self.after.strip())[0] in AMOUNTS.get(self.path, ()):
            return "how much or how often at once changes no result"
        return SAME.get((self.path, self.after.strip()), "")


def of_python(path: str, text: str) -> list[Change]:
    """Every change of a Python file: one token of code each, none of text, comments or annotations of types."""
    lines, changes = text.splitlines(), []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        row, start = token.start
        line = lines[row - 1] if row <= len(lines) else ""
        if token.type not in (tokenize.OP, tokenize.NAME, tokenize.NUMBER):
            continue
        if any(found.start() <= start < found.end() for found in GUARDS.finditer(line)):
            continue
        new = SWAPS.get(token.string)
        if token.type == tokenize.NUMBER and token.string.isdigit():
            new = str(int(token.string) + 1)
        if new is None or (token.string in "*-" and not re.match(r"\s", line[start + 1 : start + 2])):
            continue
        if token.string in ("first", "last") and line[start - 1 : start] != ".":
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


def all_changes(folder: str) -> list[Change]:
    """Every change of the files of a folder, or of one file."""
    changes = []
    found = Path(ROOT, folder)
    for path in [found] if found.is_file() else sorted([*found.rglob("*.py"), *found.rglob("*.sql")]):
        name = path.relative_to(ROOT).as_posix()
        if not name.startswith((*LEFT_OUT, "sql/duckdb")):
            changes += (of_sql if path.suffix == ".sql" else of_python)(name, path.read_text(encoding="utf-8"))
    return changes


def drawn(n: int, seed: int, folders: list[str]) -> list[Change]:
    """So many changes, as many of each folder."""
    dice, groups = random.Random(seed), [all_changes(folder) for folder in folders]
    groups = [dice.sample(changes, min(-(-n // len(folders)), len(changes))) for changes in groups]
    return [change for group in groups for change in group][:n]


def statement(path: str, line: int) -> range:
    """The lines of the innermost statement that a line is of; of one with a body, those before the body."""
    found = range(line, line + 1)
    for node in ast.walk(ast.parse(Path(ROOT, path).read_text(encoding="utf-8"))):  # outer ones first
        if isinstance(node, ast.stmt | ast.excepthandler):
            body = getattr(node, "body", None)
            end = max(body[0].lineno - 1, node.lineno) if body else node.end_lineno
            if node.lineno <= line <= end:
                found = range(node.lineno, end + 1)
    return found


def near(module: str, folder: str) -> bool:
    """Whether a test module stands in the folder of the same name as a file."""
    return Path(module).parent.name in folder


def tests_of(change: Change, records: dict[str, dict]) -> list[list[str]]:
    """The tests that execute a changed line, in portions: those of modules named like its file or folder first.

    Of a line that an import executes, those that execute anything of its file before all that import it.
    """
    path, stem = change.path, Path(change.path).stem.rstrip("s")
    folder = path.replace("pipeline/aggregate", "sql")
    lines = range(1) if path.endswith(".sql") else statement(path, change.line)
    groups = []  # of each module: how far it is, its seconds, its tests
    for module, record in records.items():
        of_file, took = record["lines"].get(path, {}), record["seconds"]
        tests = {test for line in lines for test in of_file.get(str(line), [])}
        far = 3 - 2 * near(module, folder)
        by_import = not tests - {""}
        if by_import and tests:
            tests = {test for found in of_file.values() for test in found}
        chosen = sorted((test for test in took if test in tests or "*" in tests), key=took.get)
        groups.append((0 if Path(module).stem.startswith(f"test_{stem}") else far, sum(map(took.get, chosen)), chosen))
        if by_import and tests:
            rest = [test for test in took if test not in chosen]
            groups.append((far + 1, sum(map(took.get, rest)), rest))
    groups = sorted(group for group in groups if group[2])
    if not groups:  # only processes execute it, which are not looked into
        groups = [(0, 0.0, list(record["seconds"])) for name, record in records.items() if near(name, folder)]
    # Two modules, then ten, then all: most changes are caught by the first.
    sizes = list(accumulate((len(group[2]) for group in groups[:12]), initial=0))
    seconds = {test: took for record in records.values() for test, took in record["seconds"].items()}
    tests = [test for group in groups for test in group[2]]
    spent = accumulate(seconds[test] for test in tests)
    tests = [test for test, until in zip(tests, spent, strict=True) if until < LIMIT_S or test == tests[0]]
    cuts = [0, sizes[min(2, len(groups))], sizes[-1], len(tests)]
    return [portion for first, last in pairwise(cuts) if (portion := tests[first:last])]


def state_of_code() -> bytes:
    """A digest of all that tests execute, but for their own modules."""
    digest = hashlib.sha256()
    for folder in ("pipeline", "parsers", "sql", "tests"):
        for path in sorted(Path(ROOT, folder).rglob("*.*")):
            is_own = path.name.startswith("test_") or "mutation" in path.parts
            if path.suffix != ".pyc" and path.is_file() and not is_own:
                digest.update(path.read_bytes())
    return digest.digest()


def main() -> None:
    """Try the changes, print each survivor and the share that was caught."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=60)
    parser.add_argument("--all", action="store_true", help="every change instead of so many")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", action="append", help="one folder or file; can be repeated")
    parser.add_argument("--kept", type=Path)
    arguments = parser.parse_args()
    folders = arguments.only or list(FOLDERS)
    changes = drawn(10**9 if arguments.all else arguments.n, arguments.seed, folders)
    given = {(change.path, change.after.strip()) for folder in FOLDERS for change in all_changes(folder)}
    for path, line in SAME.keys() - given:
        print(f"same.py names a change that the code no longer gives: {path}: {line}")
    began, code = time.monotonic(), state_of_code()
    with tempfile.TemporaryDirectory(prefix="runverdict-mutation-") as folder:
        checkouts: SimpleQueue[Checkout] = SimpleQueue()
        for number in range(arguments.jobs):
            checkouts.put(Checkout(Path(folder, f"checkout{number}")))
        kept = arguments.kept or Path(folder, "kept")
        kept.mkdir(exist_ok=True, parents=True)

        def in_turn(function, *arguments):
            checkout = checkouts.get()
            try:
                return function(checkout, *arguments)
            finally:
                checkouts.put(checkout)

        with ThreadPoolExecutor(arguments.jobs) as pool:
            modules = [path.relative_to(ROOT).as_posix() for path in sorted(Path(ROOT, "tests").rglob("test_*.py"))]
            modules = [module for module in modules if module.startswith(TESTS)]
            found = pool.map(lambda name: in_turn(lambda one: recorded(name, one, kept, code)), modules)
            records = dict(zip(modules, found, strict=True))
            seconds = {test: took for record in records.values() for test, took in record["seconds"].items()}
            print(f"{len(seconds)} tests pass without a change ({time.monotonic() - began:.0f} s)", flush=True)

            def tried(change: Change) -> bool:
                portions = tests_of(change, records)
                return bool(change.why_same) or in_turn(
                    lambda one: one.catches(change.path, change.line, change.after, portions)
                )

            results = []
            for change, is_caught in zip(changes, pool.map(tried, changes), strict=True):
                results.append("SAME" if change.why_same else "CAUGHT" if is_caught else "SURVIVED")
                if results[-1] == "CAUGHT":
                    print(".", end="", flush=True)
                else:
                    tests = f"{sum(map(len, tests_of(change, records)))} tests execute it"
                    print(f"{results[-1]} {change.path}:{change.line} ({len(results)} of {len(changes)} tried)")
                    print(
                        f"  - {change.before.strip()}\n  + {change.after.strip()}\n  {change.why_same or tests}",
                        flush=True,
                    )
    for folder in [*folders, ""]:
        of = [what for change, what in zip(changes, results, strict=True) if change.path.startswith(folder)]
        counted = len(of) - of.count("SAME")
        share = f"{of.count('CAUGHT')} of {counted} changes caught ({of.count('CAUGHT') / max(counted, 1):.0%})"
        print(f"{folder or 'all'}: {share}; {of.count('SAME')} change nothing")
    print(f"{time.monotonic() - began:.0f} s; not tried, for only make test-full sees it: {', '.join(LEFT_OUT)}")


if __name__ == "__main__":
    main()
