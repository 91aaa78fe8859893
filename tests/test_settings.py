"""The settings file: one model, nothing guessed."""

from pathlib import Path

import pytest

from pipeline.errors import SettingsError
from pipeline.settings import Settings, load


def test_nothing_is_needed(tmp_path, monkeypatch):
    """Without a file the defaults hold."""
    monkeypatch.chdir(tmp_path)
    assert load(None) == Settings()
    assert (load(None).exit.WARN, load(None).exit.INCONCLUSIVE) == (0, 3)
    assert load(None).catalogue.packs is None


def test_a_whole_file(tmp_path):
    """Every key; folders are relative to the file, absolute ones stay."""
    path = tmp_path / "deep" / "runverdict.toml"
    path.parent.mkdir()
    path.write_text(
        '[catalogue]\npacks = ["general"]\npaths = ["packs", "/srv/packs"]\n[exit]\nWARN = 1\nINCONCLUSIVE = 0\n'
        '[policy."requests.error_rate"]\nmax_ratio = 0.02\nfail_count = 5\n'
    )
    found = load(path)
    assert found.catalogue.packs == ["general"]
    assert found.catalogue.paths == [path.parent / "packs", Path("/srv/packs")]
    assert (found.exit.WARN, found.exit.INCONCLUSIVE) == (1, 0)
    assert found.policy == {"requests.error_rate": {"max_ratio": 0.02, "fail_count": 5}}


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        (b"a = 1\nb = 2", ["unknown key 'a'", "unknown key 'b'"]),
        (b"[exit]\nwarn = 1", ["unknown key 'exit.warn'"]),
        (b"[exit]\nWARN = -1", ["exit.WARN: Input should be greater than or equal to 0"]),
        (b"[exit]\nWARN = '1'\nINCONCLUSIVE = 126", ["exit.INCONCLUSIVE: Input should be less than or equal to 125"]),
        (b"[catalogue]\npacks = 'general'", ["catalogue.packs: Input should be a valid list"]),
        (b"exit = 1", ["exit: Input should be a valid dictionary or instance of ExitSettings"]),
        (b"a = [", ["not TOML: Invalid value (at end of document)"]),
        (b"\xff", ["not TOML: 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"]),
    ],
)
def test_every_problem_is_named_at_once(tmp_path, text, problems):
    """With the file and the key."""
    path = tmp_path / "x.toml"
    path.write_bytes(text)
    with pytest.raises(SettingsError) as caught:
        load(path)
    assert caught.value.problems == problems
    assert str(caught.value).startswith(f"{path}: ")


def test_a_file_that_is_named_must_be_there(tmp_path):
    """A missing or unreadable file is an error, not a default."""
    for path in (tmp_path / "gone.toml", tmp_path):
        with pytest.raises(SettingsError, match=str(path)):
            load(path)
