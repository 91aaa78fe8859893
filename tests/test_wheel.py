"""The wheel holds all that runs: catalogue, policy, SQL, templates."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The wheel, built from the checkout and unpacked into a folder of its own."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir"]
    subprocess.run([*build, str(folder), str(ROOT)], check=True)
    (wheel,) = folder.glob("*.whl")
    target = folder / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target)
    return target


def test_the_wheel_has_no_top_level_package_sql(installed):
    """`sql` is a name that notebook packages own; ours ships as pipeline/_sql."""
    assert {path.name for path in installed.iterdir() if path.is_dir() and "." not in path.name} == {
        "parsers",
        "pipeline",
    }
    assert (installed / "pipeline/_sql/measures/events.sql").exists()


def test_demo_runs_from_the_wheel_in_another_folder(installed, tmp_path):
    """No file of the checkout is needed, and the demo takes no account."""
    code = (
        "import sys; from pathlib import Path; import pipeline; from pipeline.googlesql import sql_folder;"
        f"assert Path(pipeline.__file__).is_relative_to({str(installed)!r}), pipeline.__file__;"
        f"assert Path(str(sql_folder())).is_relative_to({str(installed)!r}), sql_folder();"
        "sys.argv = ['runverdict', 'demo', '--out', 'report'];"
        "from pipeline.cli import main; main()"
    )
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(installed)}
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("FAIL")
    assert sorted(path.name for path in (tmp_path / "report").rglob("*.json")) == [
        "summary.json",
        "verdict.json",
        "verdict.json",
    ]
