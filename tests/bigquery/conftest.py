"""A dataset to work in: of bqemulator, in a virtual environment of its own, or of a real project.

The real one is RUNVERDICT_BIGQUERY_PROJECT's; its tests are the group `live`, and cost some cents.

What bqemulator 1.4 gets wrong, so that no test here relies on it: a dry run reads 0 bytes; maximum_bytes_billed,
require_partition_filter and the uniqueness of job ids are not enforced; a MERGE whose target row matches twice passes;
table partitions, clustering and options of DDL are not kept; a load job or a destination needs a table that is there;
a division of two integers is one of integers, so percentiles are other ones; a view counts as a table; where CTEs stand
over a selection of columns without a condition on a field, their names come in lower case; the generated
classification of the whole catalogue takes minutes, for it is parsed by sqlglot.
"""

import os
import shutil
import socket
import subprocess
import time
import uuid
from contextlib import closing

import pytest

from tests.conftest import ROOT

EMULATOR = ROOT / ".venv" / "bqemulator"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    for item in items:
        if "dataset" in getattr(item, "fixturenames", ()):
            live = "live" in item.callspec.params["dataset"]
            item.add_marker(pytest.mark.live if live else pytest.mark.full)
            item.add_marker(pytest.mark.xdist_group("bqemulator"))


@pytest.fixture(scope="session")
def emulator(addresses):
    """The address of a running emulator."""
    return addresses[0]


@pytest.fixture(scope="session")
def addresses(tmp_path_factory):
    """Where a running emulator answers: REST, and the Storage Read API by gRPC."""
    home = tmp_path_factory.mktemp("bqemulator")
    extension = next(EMULATOR.rglob("spatial.duckdb_extension"))
    target = home / ".duckdb" / "extensions" / extension.parent.name / "linux_amd64"
    target.mkdir(parents=True)
    shutil.copy(extension, target)
    rest, grpc = free_port(), free_port()
    with (home / "log").open("wb") as log:
        command = [EMULATOR / "bin" / "bqemulator", "start", "--rest-port", str(rest), "--grpc-port", str(grpc)]
        server = subprocess.Popen(command, cwd=home, env={**os.environ, "HOME": str(home)}, stdout=log, stderr=log)
    try:
        wait_for(rest, home / "log")
        yield f"http://127.0.0.1:{rest}", f"127.0.0.1:{grpc}"
    finally:
        server.terminate()
        server.wait(20)


def free_port():
    with closing(socket.socket()) as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def wait_for(port, log):
    for _ in range(600):
        with closing(socket.socket()) as one:
            if one.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError(log.read_text(errors="replace")[-2000:])


@pytest.fixture(params=["emulator", "live"])
def dataset(request, monkeypatch):
    """A new dataset as `bigquery://PROJECT.DATASET`, and a client to look into it."""
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import bigquery

    monkeypatch.setenv("RUNVERDICT_PSEUDONYM_KEY", "k")
    name = f"runverdict_test_{uuid.uuid4().hex[:12]}"
    if request.param == "live":
        if not (project := os.environ.get("RUNVERDICT_BIGQUERY_PROJECT")):
            pytest.skip("RUNVERDICT_BIGQUERY_PROJECT names no project")
        client = bigquery.Client(project=project)
    else:
        project = "demo"
        rest, grpc = request.getfixturevalue("addresses")
        monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", rest)
        monkeypatch.setenv("BIGQUERY_STORAGE_EMULATOR_HOST", grpc)
        client = bigquery.Client(project=project, credentials=AnonymousCredentials())
    client.create_dataset(f"{project}.{name}")
    yield f"bigquery://{project}.{name}", client
    client.delete_dataset(f"{project}.{name}", delete_contents=True, not_found_ok=True)
    client.close()
