"""The real captures and labelled lines, where they are present: nothing of them is in the repository."""

import re
import subprocess
import sys

import pytest

from tests.conftest import ROOT, RUNVERDICT

SHARED = ROOT.parent / "shared"
SCORE = SHARED / "tools" / "score.py"

pytestmark = pytest.mark.skipif(not (SHARED / "data").is_dir() or not SCORE.is_file(), reason="no shared data here")


def score(*arguments):
    command = [sys.executable, SCORE, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


@pytest.mark.full
def test_every_window_has_its_verdict_and_figures():
    """Verdicts, counts, percentiles and proofs equal what was counted by other means."""
    found = score("windows", RUNVERDICT, SHARED / "data/windows", SHARED / "data/truth")
    assert found.returncode == 0, found.stdout[-3000:] + found.stderr[-1000:]
    line = found.stdout.splitlines()[-1]
    pairs = re.findall(r"(\d+) of (\d+)", line)
    assert len(pairs) == 3
    assert all(have == want != "0" for have, want in pairs), line


def test_the_vocabulary_is_known():
    """Real wordings of every family are explained with duration and code; no near miss is caught."""
    found = score("vocabulary", RUNVERDICT, SHARED / "data/vocabulary/examples.jsonl", "")
    line = found.stdout.splitlines()[-1]
    numbers = {name: int(n) for name, n in re.findall(r"(explained|durations|codes|levels): (\d+) of \d+", line)}
    whole = {name: int(n) for name, n in re.findall(r"(explained|durations|codes|levels): \d+ of (\d+)", line)}
    assert (numbers["explained"], whole["explained"]) >= (186, 187), line
    assert numbers["durations"] >= 35, line
    assert (numbers["codes"], numbers["levels"]) == (whole["codes"], whole["levels"]), line
    assert "negatives caught wrongly: 0 []" in line
