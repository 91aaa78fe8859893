"""`make test-live` as far as an emulator can tell: it runs to its end, and says what it could not see."""

import re

import pytest

from tests.bigquery.live import main


@pytest.mark.full
@pytest.mark.xdist_group("bqemulator")
def test_every_claim_is_looked_at(addresses, monkeypatch, tmp_path, capsys):
    """Two of them hold here, those about bytes cannot be seen; each statement stands in the table."""
    rest, grpc = addresses
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", rest)
    monkeypatch.setenv("BIGQUERY_STORAGE_EMULATOR_HOST", grpc)
    monkeypatch.setenv("RUNVERDICT_BIGQUERY_PROJECT", "demo")
    monkeypatch.setenv("RUNVERDICT_PSEUDONYM_KEY", "k")
    out = tmp_path / "live.md"
    assert main(["--gb", "0.0001", "--packs", "requests", "--out", str(out)]) == 0
    report = out.read_text()
    assert report in capsys.readouterr().out
    claims = dict(re.findall(r"^\| ([^|]+) \| (yes|\*\*no\*\*|not to be seen here) \|", report, re.M))
    assert claims == {
        "each entry is read once": "yes",
        "the planner takes the classification in one statement": "yes",
        "and in three parts": "yes",
        "a dry run is within 10 % of what is billed": "not to be seen here",
        "a sink's table is read by the day": "not to be seen here",
        "stored entries are read by the hour": "not to be seen here",
        "and merged by the hour": "not to be seen here",
        "a run's events are read by their side of the window": "not to be seen here",
        "the Storage Read API gives an hour alone": "yes",
    }
    steps = re.findall(r"^\| ([a-z-]+)(?:, in parts)? \| [0-9]+ \|", report, re.M)
    assert {"classify", "kinds", "origins", "step-requests", "measure-evidence", "gather", "search"} <= set(steps)


def test_without_a_project_it_says_so(monkeypatch):
    """Nothing is made anywhere."""
    monkeypatch.delenv("RUNVERDICT_BIGQUERY_PROJECT", raising=False)
    with pytest.raises(SystemExit, match="names no project"):
        main([])
