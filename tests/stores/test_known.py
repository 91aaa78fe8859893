"""A store reads no file twice, and measures no window twice; what it cannot be sure of it does again."""

import json
import shutil

import pytest

from pipeline.stores.local import LocalStore
from tests.conftest import call, healthy, line, ndjson

READ_AGAIN = "is not read again"


@pytest.fixture
def logs(tmp_path):
    return ndjson(tmp_path / "a.json", [*healthy(), "no JSON"])


@pytest.fixture
def check(tmp_path, caplog):
    """Check sources in the store: verdict documents and totals, and whether all files were known."""

    def run(*sources, more=()):
        caplog.clear()
        out = tmp_path / "out"
        shutil.rmtree(out, ignore_errors=True)
        with caplog.at_level("INFO"):
            call("check", *sources, "--store", tmp_path / "store", "--out", out, "--format", "json", *more)
        documents = {path.relative_to(out): path.read_text() for path in sorted(out.rglob("verdict.json"))}
        summary = json.loads((out / "summary.json").read_text())
        n_known = sum(READ_AGAIN in record.getMessage() for record in caplog.records)
        return documents, summary, n_known == len(sources)

    return run


def test_a_file_is_read_once(check, logs, tmp_path):
    """By its content: a copy of it is known, and the reports and totals are as if it had been read."""
    first, before, known = check(logs)
    assert not known
    measured = sorted((tmp_path / "store/measures").iterdir())
    again, after, known = check(shutil.copy(logs, tmp_path / "copy.json"))
    assert known
    assert again == first
    assert sorted((tmp_path / "store/measures").iterdir()) == measured
    assert after["totals"] == before["totals"] | {"read": 84, "duplicates": 42}
    assert after["inputs"] == [{**before["inputs"][0], "source": str(tmp_path / "copy.json")}]
    assert after["inputs"][0]["first_unparsed"] == 42


def test_a_file_that_grew_is_read(check, logs):
    before = check(logs)[1]
    with logs.open("a") as file:
        file.write("\n" + json.dumps(line(7, "one more")))
    _, after, known = check(logs)
    assert not known
    assert after["totals"]["kept"] == before["totals"]["kept"] + 1


def test_another_window_is_read(check, logs):
    """Of a file only the window is kept."""
    narrow = check(logs, more=("--since", "2026-01-15T09:01:00Z"))
    whole = check(logs)
    assert not whole[2]
    assert whole[1]["totals"]["kept"] == 42 > narrow[1]["totals"]["kept"]
    assert check(logs, more=("--since", "2026-01-15T09:01:00Z"))[2]


def test_what_was_pruned_is_read_again(check, logs, tmp_path):
    """Nothing of it stays in the measures."""
    first = check(logs)
    call("store", "prune", tmp_path / "store", "--before", "2026-01-16T00:00:00Z")
    assert not list((tmp_path / "store/measures").iterdir())
    again = check(logs)
    assert not again[2]
    assert again[0] == first[0]


@pytest.mark.parametrize("harm", ["measures", "entries", "known.json", "events"])
def test_what_is_damaged_is_made_again(check, logs, tmp_path, harm):
    first = check(logs)[0]
    path = tmp_path / "store" / harm
    for file in [path] if path.is_file() else path.iterdir():
        file.write_bytes(b"{}" if harm == "known.json" else file.read_bytes()[:-9])
    assert check(logs)[0] == first


def test_few_measures_are_kept(check, logs, tmp_path):
    for second in range(10, 16):
        check(logs, more=("--until", f"2026-01-15T09:01:{second}Z"))
    assert len(list((tmp_path / "store/measures").iterdir())) == 4
    assert not LocalStore(tmp_path / "other").known.is_unique()
