"""What is written stays where it belongs, for its user alone, and nothing printed is a command of a workflow."""

import json
import os
import shutil
import stat

import pytest

from tests.conftest import call, failing, healthy, line, ndjson, process


def modes(folder):
    """The permissions of a folder and all below it, folders and files apart."""
    paths = [folder, *folder.rglob("*")]
    return [{stat.S_IMODE(path.stat().st_mode) for path in paths if path.is_dir() == kind} for kind in (True, False)]


def test_store_and_outputs_are_for_their_user_alone(tmp_path):
    """Whatever the umask is; --group opens them, but not the key of the digests."""
    logs = ndjson(tmp_path / "x.ndjson", healthy())
    for more, folders, files in (([], {0o700}, {0o600}), (["--group"], {0o750}, {0o640})):
        store, out = tmp_path / f"store{len(more)}", tmp_path / f"out{len(more)}"
        arguments = ["check", logs, "--store", store, "--out", out, "--format", "md,json", *more]
        assert process(*arguments, preexec_fn=lambda: os.umask(0)).returncode == 0
        assert modes(out) == [folders, files]
        assert modes(store) == [folders, files | {0o600}]


def test_no_link_below_the_outputs_is_followed(tmp_path):
    """Temporary names cannot be foretold, a link in a file's place is replaced, a linked folder refused."""
    logs = ndjson(tmp_path / "x.ndjson", healthy())
    victim, out = tmp_path / "victim", tmp_path / "out"
    victim.write_text("mine")
    out.mkdir()
    for name in (".summary.json.tmp", "summary.json"):
        (out / name).symlink_to(victim)
    arguments = ["check", logs, "--out", out, "--format", "json"]
    assert process(*arguments).returncode == 0
    assert victim.read_text() == "mine"
    assert json.loads((out / "summary.json").read_text())["verdict"] == "PASS"
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "shop-api").symlink_to(tmp_path / "elsewhere")
    found = process("check", logs, "--out", tmp_path / "other", "--format", "json")
    assert (found.returncode, b"is a link" in found.stderr) == (4, True)
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.fixture(scope="module")
def neighbour(tmp_path_factory):
    """A store of another revision."""
    folder = tmp_path_factory.mktemp("neighbour")
    logs = ndjson(folder / "y.ndjson", failing(revision="00041-old"))
    assert call("check", logs, "--store", folder / "store").exit_code == 1
    return folder / "store"


@pytest.mark.parametrize("name", ["a*b", "a[1]b", "a?b", "~z", "service=x", "{a,b}", "it's", "a\nb"])
def test_a_store_path_is_never_a_pattern(neighbour, tmp_path, monkeypatch, name):
    """The entries of a store whose name fits it are not read."""
    logs = ndjson(tmp_path / "x.ndjson", healthy())
    for other in ("axb", "a1b", "a", "b"):
        shutil.copytree(neighbour, tmp_path / other)
    found = call("check", logs, "--store", tmp_path / name, "--format", "json")
    assert (found.exit_code, found.stderr) == (0, "")
    monkeypatch.chdir(tmp_path)
    again = call("check", logs, "--store", name, "--format", "json")
    assert json.loads(again.stdout)["inputs"] == json.loads(found.stdout)["inputs"]


def test_a_service_of_a_file_s_name(tmp_path):
    """The folder of a service called summary.json stands beside the file."""
    logs = ndjson(tmp_path / "x.ndjson", healthy(service="summary.json"))
    assert process("check", logs, "--out", tmp_path / "out", "--format", "json").returncode == 0
    document = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert document["services"][0]["path"].startswith("summary%2Ejson/")
    assert (tmp_path / "out" / document["services"][0]["path"]).is_file()


HOSTILE = "##[error]boom ::add-mask::x"


@pytest.mark.parametrize(
    "arguments",
    [
        ["check", "{logs}", "--explain-policy"],
        ["check", "{logs}", "--format", "json"],
        ["check", "{logs}", "--format", "md"],
        ["check", "{logs}", "--format", "junit"],
        ["check", "{logs}", "--format", "html"],
        ["check", "{logs}{hostile}"],
        ["trace", "trace1", "{logs}"],
        ["explain", "{hostile}"],
        ["explain", "--format", "json", "{hostile}"],
        ["compare", "{logs}", "--revision", "{hostile}", "--revision", "b"],
        ["calibrate", "{logs}"],
    ],
)
def test_nothing_printed_is_a_command_of_github(tmp_path, arguments):
    """In a workflow no text of a log, a file or an argument is printed so that its runner acts on it."""
    lines = [line(n, f"{HOSTILE} {n}", severity="ERROR", trace="projects/demo/traces/trace1") for n in range(5)]
    logs = ndjson(tmp_path / "x.ndjson", [*failing(), *lines])
    command = [argument.format(logs=logs, hostile=HOSTILE) for argument in arguments]
    found = process(*command, env={**os.environ, "GITHUB_ACTIONS": "true"})
    printed = (found.stdout + b"\n" + found.stderr).decode().splitlines()
    own = [text for text in printed if text.startswith(("::error title=", "::warning title="))]
    others = [text for text in printed if text not in own]
    assert not any("##[" in text or "::" in text for text in others), others
    assert not any("##[" in text or "::" in text.split("::", 2)[2] for text in own)
    if "json" in command:
        json.loads(found.stdout)


def test_a_name_that_is_masked_has_its_charts(tmp_path):
    """Charts are drawn by the names as they are stored, and show them as all else does."""
    logs = ndjson(tmp_path / "x.ndjson", healthy(revision="anna.smith@example.com"))
    found = process("check", logs, "--out", tmp_path / "out", "--format", "html")
    assert found.returncode == 0, found.stderr
    (page,) = (tmp_path / "out").rglob("report.html")
    charts = {path.name for path in page.parent.glob("charts/*.svg")}
    assert {"latency.svg", "minutes.svg"} <= charts
    assert "anna.smith" not in page.read_text()
