"""What is written by hand agrees with what is there; what is generated is current."""

import os
import subprocess
import sys

import click
import pytest

from pipeline.cli import cli
from tests.conftest import ROOT, RUNVERDICT, call, process

README = (ROOT / "README.md").read_text(encoding="utf-8")


def commands(group=cli, path=()):
    """Every command with its words."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


COMMANDS = dict(commands())


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_is_documented(words):
    """In README, and by its own help with an example of itself."""
    assert f"`{' '.join(words)}`" in README or f"runverdict {' '.join(words)}" in README
    text = call(*words, "--help").stdout
    example = text.partition("Example:")[2].partition("Options:")[0]
    assert f"runverdict {' '.join(words)}" in example


def test_the_generated_parts_are_current():
    """`make docs` writes them again."""
    found = subprocess.run([sys.executable, "-m", "cogapp", "--check", "README.md"], cwd=ROOT, capture_output=True)
    assert found.returncode == 0, found.stdout


def test_every_measure_is_listed():
    """By name; `runverdict sql` prints its question."""
    for path in (ROOT / "sql/measures").glob("*.sql"):
        assert f"[`{path.stem}`](sql/measures/{path.name})" in README


def test_the_picture_is_small():
    """And where README says."""
    assert "](.github/report.png)" in README
    assert (ROOT / ".github/report.png").stat().st_size < 150_000


def test_shells_are_told_what_fits():
    """The script for a shell, and the words that can stand where the user is."""
    script = process(env={**os.environ, "_RUNVERDICT_COMPLETE": "bash_source"})
    assert script.returncode == 0
    assert b"complete -o nosort -F _runverdict_completion runverdict" in script.stdout
    asked = {"_RUNVERDICT_COMPLETE": "bash_complete", "COMP_WORDS": "runverdict do", "COMP_CWORD": "1"}
    found = subprocess.run([RUNVERDICT], env={**os.environ, **asked}, capture_output=True, text=True, timeout=60)
    assert (found.returncode, found.stdout.split()) == (0, ["plain,doctor"])
