"""The wheel holds all that runs: catalogue, policy, SQL, templates."""

import compileall
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import version
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
    compileall.compile_dir(target, quiet=1)  # as pip does
    return target


def test_the_wheel_has_no_top_level_package_sql(installed):
    """`sql` is a name that notebook packages own; ours ships as pipeline/_sql."""
    assert {path.name for path in installed.iterdir() if path.is_dir() and "." not in path.name} == {
        "parsers",
        "pipeline",
    }
    assert (installed / "pipeline/_sql/measures/events.sql").exists()


@pytest.mark.full
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


def test_version_changelog_and_tags_agree():
    """A tag has its heading in the changelog, and no heading is newer than the project's version."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert version("runverdict") == project
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## (?:\[?([0-9.]+)\]?.*|Unreleased)$", text, re.MULTILINE)
    released = [heading for heading in headings if heading]
    numbers = [tuple(map(int, heading.split("."))) for heading in released]
    assert numbers == sorted(numbers, reverse=True)
    assert all(number <= tuple(map(int, project.split("."))) for number in numbers)
    tags = subprocess.run(["git", "tag", "--list", "v*"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert {tag.removeprefix("v") for tag in tags.stdout.split()} <= set(released)
    assert f"runverdict:{project}" in (ROOT / "deploy/README.md").read_text(encoding="utf-8")


def wheel_of(project, folder):
    """The wheel of a project."""
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir"]
    subprocess.run([*build, str(folder), str(project)], check=True)
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.mark.full
def test_pipx_installs_it_beside_another_package_of_the_same_name(tmp_path):
    """`pipeline` is a name that others have: in their environment one takes the other's files, with pipx neither does.

    Which is why README.md and deploy/README.md name pipx and the container.
    """
    other = tmp_path / "other"
    (other / "pipeline").mkdir(parents=True)
    (other / "pipeline/__init__.py").write_text('OWNER = "etl-tools"\n')
    (other / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
        '[project]\nname = "etl-tools"\nversion = "1.0"\n'
        '[tool.hatch.build.targets.wheel]\npackages = ["pipeline"]\n'
    )
    wheels = [wheel_of(project, tmp_path / name) for project, name in ((other, "theirs"), (ROOT, "ours"))]
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    python = venv / "bin" / "python"
    owner = [python, "-c", "import pipeline; print(getattr(pipeline, 'OWNER', 'runverdict'))"]

    def install(wheel):
        into = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps"]
        subprocess.run([*into, str(wheel)], check=True)
        return subprocess.run(owner, cwd=tmp_path, capture_output=True, text=True, check=True).stdout.strip()

    assert install(wheels[0]) == "etl-tools"
    program = pipx_install(wheels[1], tmp_path)
    said = subprocess.run([program, "--version"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert version("runverdict") in said.stdout
    found = subprocess.run(owner, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "etl-tools"
    assert install(wheels[1]) == "runverdict"  # pip says nothing, and the other one's users are broken
    for name in ("README.md", "deploy/README.md"):
        text = " ".join((ROOT / name).read_text(encoding="utf-8").split())
        assert "`pipx install .`" in text
        assert "container" in text
        assert "`pipeline` and `parsers`" in text


def pipx_install(wheel, folder):
    """Install a wheel with pipx into a folder; the path of the program."""
    environment = {
        **os.environ,
        "PIPX_HOME": str(folder / "pipx"),
        "PIPX_BIN_DIR": str(folder / "bin"),
        "PIP_CONSTRAINT": str(ROOT / "constraints.txt"),
    }
    subprocess.run([sys.executable, "-m", "pipx", "install", "--quiet", str(wheel)], env=environment, check=True)
    return folder / "bin" / "runverdict"


@pytest.mark.full
def test_pipx_installs_it_apart(tmp_path):
    """`pipeline` and `parsers` are names that other packages have: pipx keeps them in an environment of their own."""
    program = pipx_install(wheel_of(ROOT, tmp_path), tmp_path)
    said = subprocess.run([program, "--version"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert version("runverdict") in said.stdout
    (target,) = {path.parent for path in tmp_path.glob("pipx/venvs/*/bin/runverdict")}
    assert "runverdict" in str(target)
