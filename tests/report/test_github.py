"""GitHub Actions: annotations and a summary, and no line of a service is a command."""

import doctest

from pipeline.report import github
from pipeline.report.github import MAX_SUMMARY, annotations, step_summary
from pipeline.report.markdown import markdown
from tests.conftest import call, failing, healthy, line, ndjson
from tests.report.hostile import HOSTILE
from tests.report.made_up import checks, empty, full


def test_an_annotation_per_check_that_decides():
    """Failures are errors, warnings and missing evidence are warnings; ten of a level are shown."""
    assert annotations([full()]) == [
        "::error title=FAIL requests.error_rate::shop-api shop-api-00042-abc: as it should be",
        "::error title=FAIL websocket.closes::shop-api shop-api-00042-abc: as it should be",
        "::warning title=WARN golden_path.deliveries::shop-api shop-api-00042-abc: as it should be",
    ]
    many = [empty(checks=checks("FAIL", "bad")), empty(checks=checks("INCONCLUSIVE", "thin"))]
    assert [one.partition(" ")[0] for one in annotations(many)] == ["::error"] * 10 + ["::warning"] * 10


def test_hostile_texts_make_one_command_each():
    """A line feed or a percent sign in a reason cannot end the command or start another."""
    for text in HOSTILE:
        for command in annotations([empty(checks=checks("FAIL", text), service=text)]):
            assert "\n" not in command
            assert "\r" not in command
            assert command.startswith("::error title=FAIL ")
    assert annotations([empty(checks=checks("FAIL", "100 %0A"))])[0].endswith("100 %250A")
    assert doctest.testmod(github).failed == 0


def test_a_summary_keeps_to_github_s_limit():
    """Whole reports where they fit, else their heads."""
    text = markdown(full())
    assert step_summary([text]) == text
    many = step_summary([text] * 200)
    assert len(many.encode()) <= MAX_SUMMARY
    assert many.count("# FAIL: ") == 200
    assert "<details>" not in many


def test_check_speaks_to_github(tmp_path, monkeypatch):
    """Annotations on stderr, the report in the summary file, results as ever; nothing of it elsewhere."""
    logs = ndjson(tmp_path / "x.ndjson", [*failing(), line(3, "::add-mask::api ##[error]x", severity="ERROR")])
    plain = call("check", logs, "--format", "json")
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    found = call("check", logs, "--format", "json")
    assert (found.stdout, found.exit_code) == (plain.stdout, 1)
    assert found.stderr.splitlines()[0].startswith(
        "::error title=FAIL requests.error_rate::shop-api shop-api-00042-abc"
    )
    assert "::" not in plain.stderr
    text = summary.read_text()
    assert text.startswith("before\n# FAIL")
    many = [line(second, f"{'x' * second} ::add-mask::api ##[error]x", severity="ERROR") for second in range(9)]
    printed = call("check", ndjson(tmp_path / "y.ndjson", [*healthy(), *many])).stdout
    assert "add-mask" in printed
    assert "::" not in printed
    assert "##[" not in printed
