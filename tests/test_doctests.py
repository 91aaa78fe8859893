"""The examples in docstrings hold: their numbers are from outside."""

import doctest
from importlib import import_module
from pathlib import Path

import pytest

from tests.conftest import ROOT

EXAMPLES = [
    path.relative_to(ROOT).as_posix()
    for package in ("parsers", "pipeline")
    for path in sorted(Path(ROOT, package).rglob("*.py"))
    if ">>> " in path.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("path", EXAMPLES)
def test_examples(path):
    """Every one of a module."""
    module = import_module(path.removesuffix(".py").removesuffix("/__init__").replace("/", "."))
    found = doctest.testmod(module)
    assert found.failed == 0
    assert found.attempted > 0
