"""Runs of tests in copies of the checkout, each in a process that is forked from one with the libraries loaded."""

import hashlib
import json
import multiprocessing
import os
import shutil
import signal
import sys
from collections import defaultdict
from pathlib import Path

import coverage
import pytest

# Nothing of ours is imported here: in the processes that run tests, it is to come from the copy.
ROOT = Path(__file__).parents[2]
#: A test, and a run of tests, is ended after so many seconds: it does not end with the change.
TEST_S, RUN_S = 60, 300
# One thread for each process that runs tests: there are as many of these as are to be busy.
os.environ |= {"POLARS_MAX_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["hypothesis", "polars", "duckdb", "pyarrow.parquet", "scipy.stats", "pydantic"])


class Recorder:
    """A plugin of pytest: which test executes which lines, and how long it takes.

    What a fixture of a module does is of all tests of the module: "*"; what is done by importing is of the test "".
    """

    def __init__(self) -> None:
        self.coverage = coverage.Coverage(data_file=None, include=["pipeline/*"], config_file=False)
        self.seconds: dict[str, float] = defaultdict(float)
        self.sql: dict[str, set[str]] = defaultdict(set)
        self.test = ""
        self.coverage.start()

        from pipeline.aggregate import duckdb

        translated = duckdb.translated

        def noted(name: str) -> str:
            self.sql[f"sql/{name}.sql"].add(self.test)
            return translated(name)

        noted.__wrapped__ = translated.__wrapped__  # as functools.cache has it
        duckdb.translated = noted

    def switch(self, test: str) -> str:
        """Let what follows be of a test; returns the one before."""
        before, self.test = self.test, test
        self.coverage.switch_context(test)
        return before

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self.switch(nodeid)

    def pytest_runtest_logfinish(self) -> None:
        self.switch("")

    def pytest_runtest_logreport(self, report) -> None:
        self.seconds[report.nodeid] += report.duration

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef):
        before = self.switch(self.test if fixturedef.scope == "function" else "*")
        try:
            return (yield)
        finally:
            self.switch(before)

    def result(self, checkout: Path) -> dict:
        self.coverage.stop()
        data, lines = self.coverage.get_data(), {}
        for name in data.measured_files():
            path = Path(name).relative_to(checkout).as_posix()
            lines[path] = {str(line): tests for line, tests in data.contexts_by_lineno(name).items()}
        sql = {path: sorted(tests) for path, tests in self.sql.items()}
        return {"seconds": self.seconds, "lines": lines | {path: {"0": tests} for path, tests in sql.items()}}


class Chosen:
    """A plugin of pytest: only some tests, in their order."""

    def __init__(self, tests: list[str]) -> None:
        self.place = {test: place for place, test in enumerate(tests)}

    def pytest_collection_modifyitems(self, items) -> None:
        items[:] = sorted((item for item in items if item.nodeid in self.place), key=lambda one: self.place[one.nodeid])


def in_checkout(checkout: Path, tests: list[str], sql: str, record: Path | None) -> None:
    """Run tests of a checkout, as a process of its own; its exit code is pytest's."""
    os.setsid()
    os.chdir(checkout)
    sys.path[:] = [str(checkout), *(path for path in sys.path if path not in ("", str(ROOT)))]
    os.environ["PYTHONPATH"] = str(checkout)
    log = os.open(f"{checkout}.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)
    plugin = Recorder() if record else Chosen(tests)
    if sql:  # as `make docs` would, so that no test of the snapshots fails for the wrong reason
        from pipeline.aggregate.duckdb import snapshot

        Path("sql/duckdb", sql).write_text(snapshot(sql.removesuffix(".sql")), encoding="utf-8")
    modules = dict.fromkeys(test.partition("::")[0] for test in tests)
    options = ["-x", "--tb=short", "-p", "no:cacheprovider", "-p", "no:xdist", f"--basetemp={checkout}-tmp"]
    # What is loaded before pytest starts has no rewritten asserts, which only our own need.
    options += ["-W", "ignore::pytest.PytestAssertRewriteWarning", "-m", "not full and not live"]
    options += ["-o", f"faulthandler_timeout={TEST_S}", "-o", "faulthandler_exit_on_timeout=true"]
    code = pytest.main([*options, *modules], plugins=[plugin])
    if isinstance(plugin, Recorder):
        record.write_text(json.dumps(plugin.result(checkout)), encoding="utf-8")
    sys.stdout.flush()
    os._exit(int(code))


class Checkout:
    """A copy of the checkout, in which one thing at a time is run."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.writes = folder, 0
        shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(".*", "__pycache__"))

    def run(self, tests: list[str], limit_s: float, sql: str = "", record: Path | None = None) -> int:
        """Run tests; pytest's exit code, 1 where they do not end."""
        process = PROCESSES.Process(target=in_checkout, args=(self.folder, tests, sql, record))
        process.start()
        process.join(limit_s)
        if process.exitcode is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.join()
        return 1 if process.exitcode < 0 else process.exitcode

    def write(self, path: str, text: str) -> None:
        """Write a file with a time that no version of it had: by time and size compiled modules are told to be old."""
        self.writes += 1
        Path(self.folder, path).write_text(text, encoding="utf-8")
        os.utime(Path(self.folder, path), (self.writes, self.writes))

    def catches(self, path: str, line: int, after: str, portions: list[list[str]]) -> bool:
        """Whether a test fails with the change. SQL is changed in both dialects.

        Where no test could even begin, one must pass without the change: else the checkout is broken, and nothing that
        it says holds.
        """
        text = Path(ROOT, path).read_text(encoding="utf-8")
        lines = text.splitlines(keepends=True)
        lines[line - 1] = after + "\n"
        sql = path.removeprefix("sql/") if path.endswith(".sql") else ""
        self.write(path, "".join(lines))
        code = next(filter(None, (self.run(tests, RUN_S, sql) for tests in portions)), 0)
        self.write(path, text)
        if sql:
            shutil.copy(ROOT / "sql/duckdb" / sql, self.folder / "sql/duckdb" / sql)
        if code > 1 and self.run(portions[0][:1], RUN_S):
            raise SystemExit(f"fails without a change too: {Path(f'{self.folder}.log').read_text()[-2000:]}")
        return code > 0


def recorded(module: str, checkout: Checkout, kept: Path, code: bytes) -> dict:
    """What the tests of a module execute; ends everything where one fails without any change."""
    digest = hashlib.sha256(code + Path(ROOT, module).read_bytes()).hexdigest()[:16]
    path = kept / f"{module.replace('/', '-')}-{digest}.json"
    if not path.exists() and checkout.run([module], 1200, record=path) not in (0, pytest.ExitCode.NO_TESTS_COLLECTED):
        path.unlink(missing_ok=True)
        raise SystemExit(f"{module} fails without any change: {Path(f'{checkout.folder}.log').read_text()[-2000:]}")
    return json.loads(path.read_text(encoding="utf-8"))
