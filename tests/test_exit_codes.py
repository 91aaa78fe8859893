"""Exit code 1 is a FAIL and nothing else, whatever happens to the streams, the memory and the libraries."""

import subprocess

import pytest

from tests.conftest import RUNVERDICT, failing, ndjson


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    return ndjson(tmp_path_factory.mktemp("logs") / "failing.ndjson", failing())


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("check {logs} 2>&-", 1),
        ("check {logs} 2>/dev/full", 1),
        ("check {logs} --out {out} >&-", 1),
        ("check {logs} --out {out} >/dev/full", 1),
        ("check {logs} 0<&-", 1),
        ("check {logs} >&-", 4),
        ("check {logs} >&- 2>&-", 4),
        ("check {logs} --format json >/dev/full", 4),
        ("check {logs}.missing 2>/dev/full", 4),
        ("check 2>/dev/full", 2),
        ("--version >&-", 4),
        ("--help >/dev/full", 4),
    ],
)
def test_closed_and_full_streams(logs, tmp_path, command, code):
    """Words on stderr decide nothing; a result that cannot be given to stdout is a failure of the tool."""
    text = command.format(logs=logs, out=tmp_path / "out")
    found = subprocess.run(["/bin/bash", "-c", f"{RUNVERDICT} {text}"], capture_output=True, timeout=60)
    assert found.returncode == code, found.stderr


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ("export POLARS_MAX_THREADS=0", b"PanicException"),  # a BaseException
        ("ulimit -v 500000", b""),
        ("ulimit -v 300000", b""),  # where OpenBLAS may leave the process with 1
    ],
)
def test_panics_and_lack_of_memory(logs, setting, reason):
    """What goes wrong in libraries is a failure of the tool, not a verdict."""
    text = f"{setting}; {RUNVERDICT} check {logs}"
    found = subprocess.run(["/bin/bash", "-c", text], capture_output=True, timeout=60)
    assert (found.returncode, reason in found.stderr) == (4, True), found.stderr
