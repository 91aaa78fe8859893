"""Two revisions side by side: numbers counted by hand, the same on the terminal, in Markdown, HTML and JSON."""

import json
import re

import pytest
from click.testing import CliRunner

from pipeline.cli import cli
from pipeline.report.compare import tables
from tests.conftest import line, ndjson, request
from tests.report.made_up import full

OLD, NEW = "shop-api-00041-xyz", "shop-api-00042-abc"


def timed(second, revision, path, ms, status=200):
    row = request(second, status, revision=revision, path=path, insertId=f"{revision}{second}{path}")
    row["httpRequest"]["latency"] = f"{ms / 1000}s"
    return row


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    """One endpoint gets four times as slow, one begins to fail, one stays; one line is new and one is gone."""
    rows = []
    for place in range(40):
        for revision, first, slow, status in (("00041-xyz", 0, 100, 200), ("00042-abc", 200, 400, 500)):
            second = first + place * 4
            rows.append(timed(second, revision, "/slow", slow))
            rows.append(timed(second + 1, revision, "/fails", 100, status if place < 10 else 200))
            rows.append(timed(second + 2, revision, "/same", 50))
    rows += [
        line(3, "old <trouble> & more", severity="ERROR", revision="00041-xyz", insertId=f"o{n}") for n in range(4)
    ]
    rows += [line(203, "new | trouble", severity="ERROR", revision="00042-abc", insertId=f"n{n}") for n in range(6)]
    return ndjson(tmp_path_factory.mktemp("logs") / "x.ndjson", rows)


def compare(logs, *arguments):
    result = CliRunner().invoke(cli, ["compare", str(logs), "--revision", OLD, "--revision", NEW, *map(str, arguments)])
    assert result.exit_code == 0, result.output
    return result.stdout


def words(text, start):
    """The words of the first line that starts so."""
    return next(found.split() for found in text.splitlines() if found.startswith(start))


def test_the_terminal(logs):
    """Headings, both numbers and their change; failures before latency before what stayed."""
    text = compare(logs)
    assert text.startswith(f"shop-api: {NEW} compared with {OLD}\n")
    assert words(text, "user requests") == ["user", "requests", "120", "120"]
    assert words(text, "failed (5xx)")[2:] == ["0", "%", "8.33", "%", "+8.33", "points"]
    assert words(text, "p50") == ["p50", "100", "ms", "100", "ms", "±0", "ms", "(+0", "%)"]
    assert words(text, "p95")[:7] == ["p95", "100", "ms", "400", "ms", "+300", "ms"]
    assert words(text, "GET /fails")[2:8] == ["40", "→", "40", "0", "→", "10"]
    assert words(text, "GET /slow")[8:] == [
        "100",
        "→",
        "400",
        "ms",
        "100",
        "→",
        "400",
        "ms",
        "+300",
        "ms",
        "(+300",
        "%)",
    ]
    order = [found.split()[1] for found in text.splitlines() if found.startswith("GET ")]
    assert order == ["/fails", "/slow", "/same"]
    assert words(text, "new ")[:4] == ["new", "0", "6", "ERROR"]
    assert words(text, "gone ")[:4] == ["gone", "4", "0", "ERROR"]
    assert max(map(len, text.splitlines())) <= 100


def test_every_form_says_the_same(logs, tmp_path):
    """The cells of the page are those of Markdown; the JSON has the numbers behind them; bytes are the same twice."""
    compare(logs, "--out", tmp_path / "a")
    compare(logs, "--out", tmp_path / "b", "--format", "html,md")
    folder = tmp_path / "a/shop-api" / NEW
    assert sorted(path.name for path in folder.iterdir()) == ["compare.html", "compare.json", "compare.md"]
    assert not (tmp_path / "b/shop-api" / NEW / "compare.json").exists()
    for name in ("compare.html", "compare.md"):
        assert (folder / name).read_bytes() == (tmp_path / "b/shop-api" / NEW / name).read_bytes()
    page, plain = (folder / "compare.html").read_text(), (folder / "compare.md").read_text()
    assert "old &lt;trouble&gt; &amp; more" in page
    assert "old &lt;trouble&gt; &amp; more" in plain
    assert "new \\| trouble" in plain
    assert " style=" not in page
    cells = re.findall(r"<t[dh][^>]*>([^<]*)</t[dh]>", page)
    assert "100 → 400 ms" in cells
    assert "| GET /slow | 40 → 40 | 0 → 0 | 100 → 400 ms | 100 → 400 ms |" in plain
    found = json.loads((folder / "compare.json").read_text())
    assert (found["revision"], found["baseline"]) == (NEW, OLD)
    assert (found["requests"]["eligible"], found["requests"]["eligible_5xx"]) == (120, 10)
    assert (found["compared"]["eligible"], found["compared"]["p95_ms"]) == (120, 100.0)
    assert json.loads(compare(logs, "--format", "json")) == found


def test_an_endpoint_without_user_requests_is_compared_too(tmp_path):
    """Health checks, OPTIONS and what one user asked among them: rows on both sides, as many as there are."""
    rows = []
    for place in range(30):
        for revision, first, times in (("00041-xyz", 0, 1), ("00042-abc", 300, 2)):
            rows.append(timed(first + place * 4, revision, "/api", 100))
            for n in range(times):
                probe = timed(first + place * 4 + 1 + n, revision, "/health", 20 * times)
                probe["httpRequest"]["userAgent"] = "GoogleStackdriverMonitoring-UptimeChecks(https://cloud.google.com)"
                rows.append(probe)
    rows.append(timed(500, "00042-abc", "/new", 70))
    logs = ndjson(tmp_path / "x.ndjson", rows)
    text = compare(logs)
    assert words(text, "GET /health")[2:] == [
        "30",
        "→",
        "60",
        "0",
        "→",
        "0",
        "20",
        "→",
        "40",
        "ms",
        "20",
        "→",
        "40",
        "ms",
        "+20",
        "ms",
        "(+100",
        "%)",
    ]
    assert words(text, "GET /api")[2:5] == ["30", "→", "30"]
    assert words(text, "GET /new")[2:5] == ["–", "→", "1"]
    found = json.loads(compare(logs, "--format", "json"))
    assert found["endpoints_before"]["GET /health"] == {"n": 30, "errors_5xx": 0, "p50": 20.0, "p95": 20.0}
    before = {endpoint["endpoint"]: endpoint["before"] for endpoint in found["requests"]["by_endpoint"]}
    assert before["GET /health"] is None
    assert before["GET /api"]["n"] == 30


@pytest.mark.parametrize("arguments", [["--format", "pdf"], ["--format", "text", "--out", "x"]])
def test_unknown_forms_are_refused(logs, arguments):
    """Before anything is read."""
    result = CliRunner().invoke(cli, ["compare", str(logs), "--revision", OLD, "--revision", NEW, *arguments])
    assert (result.exit_code, "--format" in result.stderr) == (2, True)


def test_many_endpoints_are_cut_and_counted():
    """Fifty rows, the most changed, and how many more there are."""
    base = full().requests.by_endpoint[0]
    many = [base.model_copy(update={"endpoint": f"GET /{place}", "n": 1 + place}) for place in range(70)]
    verdict = full()
    verdict = verdict.model_copy(update={"requests": verdict.requests.model_copy(update={"by_endpoint": many})})
    (table,) = [table for table in tables(verdict) if table.title.startswith("Endpoints")]
    assert (len(table.rows), table.left_out) == (50, 20)
    assert table.rows[0][0] == "GET /69"
