"""Imports run one way, and light commands stay light."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, line, ndjson

OURS = ("parsers", "pipeline", "tests")
STANDARD = frozenset(sys.stdlib_module_names)

#: The ground below the steps: what each of its modules may import of ours. Text strips the escapes that lines have.
GROUND = {
    "pipeline.errors": {"parsers.errors"},
    "pipeline.schema": set(),
    "pipeline.text": {"parsers.lines"},
    "pipeline.window": {"pipeline.errors"},
    "pipeline.settings": {"pipeline.errors", "pipeline.judge.expectations"},
    "pipeline.googlesql": {"pipeline.schema", "pipeline.errors", "parsers"},
    "pipeline.run_tables": {"pipeline.schema", "pipeline.googlesql", "pipeline.window", "parsers"},
    "pipeline.statements": {"pipeline.errors", "pipeline.googlesql", "pipeline.run_tables", "parsers"},
    "pipeline.endpoints": {"pipeline.errors"},
    "pipeline.objects": {"pipeline.errors", "pipeline.endpoints"},
    "pipeline.warehouse": {"pipeline.errors", "pipeline.endpoints", "pipeline.text"},
    "pipeline.whole_file": set(),
    "pipeline.limited": set(),
    "pipeline.database": set(),
}
STEPS = {
    "pipeline.sources",
    "pipeline.extract",
    "pipeline.classify",
    "pipeline.aggregate",
    "pipeline.stores",
    "pipeline.judge",
    "pipeline.assess",
    "pipeline.report",
}
#: What each layer may import of ours, and from outside; the first prefix that fits a module holds.
LAYERS = [
    ("parsers.redact", {"parsers"}, {"polars", "pyarrow"}),
    ("parsers", {"parsers"}, {"pydantic", "polars", "tomli"}),
    ("pipeline.database", set(), {"duckdb"}),
    *(
        (name, ours, {"polars", "google", "google_crc32c", "requests", "pydantic", "tomli"})
        for name, ours in GROUND.items()
    ),
    # Test results are a part of the verdict's document, and names of tests are redacted where they are read.
    ("pipeline.sources.junit", {"parsers.redact", "pipeline.judge.model", *GROUND}, {"defusedxml"}),
    # Which keys of a payload have its text stands with the formats of lines.
    (
        "pipeline.sources",
        {"pipeline.sources", "parsers.formats", *GROUND},
        {"polars", "duckdb", "pyarrow", "google", "grpc", "requests", "zstandard", "yaml"},
    ),
    ("pipeline.extract", {"pipeline.sources", "parsers", *GROUND}, {"polars"}),
    ("pipeline.classify", {"pipeline.schema", "parsers"}, {"polars"}),
    ("pipeline.aggregate", {"pipeline.aggregate", "parsers.model", *GROUND}, {"polars", "duckdb", "sqlglot", "google"}),
    (
        "pipeline.stores",
        {"pipeline.stores", "pipeline.sources.base", "pipeline.sources.records", "pipeline.sources.stored"}
        | {"pipeline.extract"}
        | {"pipeline.classify", "pipeline.aggregate", "parsers", *GROUND},
        {"polars", "duckdb", "google"},
    ),
    ("pipeline.judge", {"pipeline.judge"}, {"numpy", "scipy", "pydantic", "tomli"}),
    (
        "pipeline.assess",
        {"pipeline.assess", "pipeline.judge", "pipeline.aggregate.measures", *GROUND},
        {"polars", "numpy", "pydantic"},
    ),
    (
        "pipeline.report",
        {
            "pipeline.report",
            "pipeline.judge.model",
            "pipeline.judge.crosscheck",
            "pipeline.judge.numbers",
            "parsers.redact",
            *GROUND,
        },
        {"polars", "matplotlib", "jinja2", "markupsafe", "rich"},
    ),
    (
        "pipeline.notify",
        {"pipeline.notify", "pipeline.judge.model", *GROUND},
        {"requests", "urllib3"},
    ),
    ("pipeline.simulate", {"pipeline.simulate", "pipeline.errors"}, set()),
    ("pipeline.trace", GROUND, {"polars"}),
    ("pipeline.propose", {"parsers", *GROUND}, {"polars"}),
    (
        "pipeline.explain",
        {"pipeline.sources", "pipeline.extract", "pipeline.classify", "parsers", *GROUND},
        {"polars", "pydantic"},
    ),
    (
        "pipeline.crosscheck",
        {"pipeline.sources", "pipeline.assess", "pipeline.judge", "pipeline.aggregate.measures", *GROUND},
        {"polars"},
    ),
    ("pipeline.reasons", {"pipeline.extract", "pipeline.judge.numbers", "parsers", *GROUND}, {"polars"}),
    ("pipeline.run", {"pipeline.crosscheck", "pipeline.reasons", *STEPS, "parsers", *GROUND}, {"polars"}),
    ("pipeline.watch", {"pipeline.sources", "pipeline.stores.watches", *GROUND}, set()),
    ("pipeline.looks", {"pipeline.watch", "pipeline.run", *STEPS, *GROUND}, set()),
    ("pipeline.api", {"pipeline", "parsers"}, {"polars", "matplotlib"}),
    ("pipeline.cli", {"pipeline", "parsers"}, {"click"}),
    ("pipeline.commands", {"pipeline", "parsers"}, {"click", "rich"}),
    ("pipeline", set(), set()),
]


def modules():
    """Every module of ours with its file."""
    found = {}
    for package in ("parsers", "pipeline"):
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts).removesuffix(".__init__")] = path
    return found


MODULES = modules()


def imports(path):
    """Every module that a file imports, anywhere in it; a name of a package counts as its module, if it is one."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in MODULES else node.module


def layer(module):
    return next(found for found in LAYERS if module == found[0] or module.startswith(f"{found[0]}."))


def within(module, allowed):
    return any(module == one or module.startswith(f"{one}.") for one in allowed)


@pytest.mark.parametrize("module", MODULES)
def test_imports_run_one_way(module):
    """A module imports what its layer may, wherever in the file the import stands."""
    _, ours, others = layer(module)
    for name in imports(MODULES[module]):
        top = name.partition(".")[0]
        allowed = within(name, ours) if top in OURS else top in STANDARD or top in others
        assert allowed, f"{module} imports {name}"


def test_the_table_notices_what_it_forbids(tmp_path):
    """The reader of imports sees every form, nested ones too."""
    path = tmp_path / "x.py"
    path.write_text(
        "import os.path, polars as pl\ndef f():\n    from pipeline import run\n    from click import echo\n"
    )
    assert set(imports(path)) == {"os.path", "polars", "pipeline.run", "click"}
    assert not within("pipeline.run", layer("pipeline.judge.stats")[1])
    assert not within("pipelines", {"pipeline"})
    assert layer("pipeline.stores.local")[0] == "pipeline.stores"


def test_no_module_is_exempt():
    """Every module but the package itself has a layer of its own."""
    assert {name for name in MODULES if layer(name)[0] == "pipeline"} == {"pipeline"}


def test_nobody_but_the_command_line_imports_click():
    """And nobody ends the process."""
    for name, path in MODULES.items():
        if not within(name, {"pipeline.cli", "pipeline.commands"}):
            assert "click" not in {one.partition(".")[0] for one in imports(path)}
            assert "sys.exit" not in path.read_text(encoding="utf-8")


def imported(*arguments):
    """The modules that a command has imported when it ends."""
    script = (
        "import sys\nfrom pipeline.cli import cli\n"
        f"try: cli({list(arguments)!r})\nexcept SystemExit: pass\n"
        "print('\\n'.join(sys.modules), file=sys.stderr); sys.stdout.flush(); sys.stderr.flush()\n"
        "import os; os._exit(0)"
    )
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, cwd=ROOT)
    assert found.returncode == 0
    return {name.partition(".")[0] for name in found.stderr.split()}, found.stdout


HEAVY = {
    "polars",
    "duckdb",
    "pydantic",
    "numpy",
    "scipy",
    "sqlglot",
    "jinja2",
    "matplotlib",
    "pyarrow",
    "google",
    "requests",
}


def test_help_imports_nothing_heavy():
    """`--help` and the help of a command start at once."""
    for arguments in (["--help"], ["check", "--help"]):
        names, text = imported(*arguments)
        assert "Usage:" in text
        assert not names & HEAVY
        assert "rich" not in names


def test_explain_imports_what_it_needs():
    """A line needs the catalogue and polars: no statistics, no SQL, no templates, and DuckDB for an entry alone."""
    names, text = imported("explain", "Container called exit(3).", "--log", "varlog/system")
    assert text.startswith("platform.exit")
    assert "polars" in names
    assert not names & (HEAVY - {"polars", "pydantic", "numpy", "pyarrow"})


def test_a_check_of_few_entries_imports_what_it_needs(tmp_path):
    """No statistics, no SQL, no templates, no pyarrow: they take longer than the check."""
    names, text = imported("check", str(ndjson(tmp_path / "logs.ndjson", [line(0, "Application startup complete.")])))
    assert text.startswith("INCONCLUSIVE")
    assert names & HEAVY == {"polars", "duckdb", "pydantic", "numpy"}


def test_no_module_is_longer_than_400_lines():
    """What is longer holds two things."""
    lengths = {name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in MODULES.items()}
    assert {name: n for name, n in lengths.items() if n > 400} == {}


def test_every_module_of_a_package_is_found():
    """The test reads the checkout that is installed."""
    import pipeline

    assert Path(pipeline.__file__).parent == ROOT / "pipeline"
    assert len(MODULES) > 40
