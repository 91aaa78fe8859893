"""A small deployment in LogEntry form, and the two ways to run the tool on it: in this process, and as a process."""

import fcntl
import gc
import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import settings

from parsers.model import load as load_catalogue
from pipeline import run
from pipeline.cli import cli
from pipeline.judge.policy import load as load_policy
from pipeline.sources.base import Request, open_sources
from pipeline.stores.local import LocalStore
from pipeline.window import Window

# Compiled modules are kept: without them each process of the program that a test starts compiles them all again.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# The same examples in every run; HYPOTHESIS_PROFILE=explore looks for new ones.
settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("explore", deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))

ROOT = Path(__file__).parents[1]
RUNVERDICT = Path(sys.executable).with_name("runverdict")
START = datetime(2026, 1, 15, 9, tzinfo=UTC)


def stamp(second, digits="000000"):
    """RFC 3339, so many seconds after the start."""
    return (START + timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%S.") + digits + "Z"


def entry(second=0, *, service="shop-api", revision="00042-abc", log="run.googleapis.com%2Fstderr", **more):
    """One entry of the shop; a keyword given as None leaves its key out."""
    labels = {"project_id": "demo", "location": "europe-west1", "service_name": service}
    if revision:
        labels["revision_name"] = f"{service}-{revision}"
    whole = {
        "insertId": f"{service}{revision}{second}",
        "labels": {"instanceId": "00aa"},
        "logName": f"projects/demo/logs/{log}",
        "receiveTimestamp": stamp(second, "500000"),
        "resource": {"type": "cloud_run_revision", "labels": labels},
        "timestamp": stamp(second),
        **more,
    }
    return {key: value for key, value in whole.items() if value is not None}


def line(second, text, **more):
    """One line of stderr."""
    return entry(second, **{"textPayload": text, "insertId": f"line{second}{text[:20]}{more.get('service')}", **more})


def request(second, status=200, path="/api/orders", client="192.0.2.7", **more):
    """One row of the request log."""
    row = {
        "requestMethod": "GET",
        "requestUrl": f"https://shop.example.com{path}",
        "status": status,
        "latency": f"0.{second % 90 + 10:03d}s",
        "userAgent": "Mozilla/5.0",
        "remoteIp": client,
    }
    severity = "INFO" if status < 400 else "WARNING" if status < 500 else "ERROR"
    log = "run.googleapis.com%2Frequests"
    whole = {
        "httpRequest": row,
        "severity": severity,
        "insertId": f"request{second}{status}{path}{more.get('service')}",
        **more,
    }
    return entry(second, log=log, **whole)


def healthy(**more):
    """Two minutes of a service without a fault: PASS."""
    start = line(0, "Application startup complete.", **more)
    return [start, *(request(second, **more) for second in range(1, 121, 3))]


def failing(**more):
    """The same with one request in four failing: FAIL."""
    return [healthy(**more)[0], *(request(s, 500 if s % 4 == 0 else 200, **more) for s in range(1, 121, 3))]


def ndjson(path, entries):
    """Write entries as lines and return the path."""
    texts = [one if isinstance(one, str) else json.dumps(one) for one in entries]
    path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    return path


def hard_to_tell_apart():
    """Entries whose order or identity is hard: of one key, without one, of nobody. Two of the keys are of two each."""
    same = {"timestamp": stamp(30), "insertId": "same"}
    return [
        entry(30, textPayload="first content of one key", **same),
        entry(30, textPayload="second content of one key", severity="ERROR", **same),
        entry(31, textPayload="in microseconds", insertId="both"),
        entry(31, textPayload="in nanoseconds", insertId="both", timestamp=stamp(31, "000000123")),
        entry(32, insertId=None, textPayload="no insertId, client 192.0.2.1"),
        entry(32, insertId=None, textPayload="no insertId, client 192.0.2.2"),
        entry(33, timestamp=None, textPayload="no timestamp"),
        entry(34, logName=None, textPayload="no logName"),
        entry(36, revision=None, textPayload="of the service"),
        {"timestamp": stamp(37), "severity": "ERROR", "textPayload": "of nobody", "insertId": "x"},
    ]


def small_batches(monkeypatch, records):
    """Let a batch end after so many records, in small files too, which are otherwise read at once and are one batch."""
    monkeypatch.setattr("pipeline.sources.files.reader.BATCH_RECORDS", records)
    monkeypatch.setattr("pipeline.sources.files.reader._HEADER", 2048)
    monkeypatch.setattr("pipeline.sources.files.reader._CHUNK", 256)


def call(*arguments, stdin=None):
    """Run the command line in this process."""
    return CliRunner().invoke(cli, [str(argument) for argument in arguments], input=stdin)


def process(*arguments, **more):
    """Run the command line as a process; its output as bytes."""
    command = [RUNVERDICT, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, timeout=60, **more)


@cache
def rules():
    """The catalogue and the policy as they are shipped."""
    return load_catalogue(), load_policy()


def check(store, *sources, **more):
    """Run the job on files with the shipped rules, in a store."""
    catalogue, policy = rules()
    request = Request(more.pop("window", Window()), service=more.pop("service", None))
    opened = open_sources([str(one) for one in sources])
    return run.check(run.Job(opened, catalogue, policy, request, **more), LocalStore(Path(store)))


def extracted(store, *sources, window=None):
    """Read files into a store, without judging them."""
    with store.writing():
        return run.extract(open_sources([str(one) for one in sources]), store, Request(window or Window()))


def documents(found):
    """The verdict documents of a run by their path, as the bytes that are written."""
    return {path: one.model_dump_json(indent=2) for path, one in found.verdicts}


def made_once(tmp_path_factory, name, make):
    """A folder that `make` fills once for all modules and processes of a test run. Tests only read it."""
    shared = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        shared = shared.parent  # each worker has a folder of its own in it
    folder, unfinished = shared / name, shared / f"{name}.unfinished"
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir()
            make(unfinished)
            unfinished.rename(folder)
    return folder


def report_of(tmp_path_factory, scenario):
    """The folder of all forms of the report on ten minutes of a scenario, `out/shop-api/REVISION` beside x.ndjson."""

    def make(folder):
        assert call("simulate", scenario, "--minutes", "10", "--out", folder / "x.ndjson").exit_code == 0
        call("check", folder / "x.ndjson", "--out", folder / "out")

    return max((made_once(tmp_path_factory, scenario, make) / "out" / "shop-api").iterdir())


def pytest_collection_finish() -> None:
    """Modules and collected tests are never garbage, so they are not searched for it again and again."""
    gc.freeze()


@pytest.fixture(scope="module")
def collected():
    """What a library leaves to the garbage collector goes before another module's tests."""
    yield
    gc.collect()
