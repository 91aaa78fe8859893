"""Pages over time: their numbers, their links, the same bytes, and the terminal's and JSON's same rows."""

import json
import re

import pytest
from click.testing import CliRunner

from pipeline.cli import cli
from tests.conftest import call, report_of
from tests.report.runs import VERDICTS, twelve


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """The store of one check."""
    store = tmp_path_factory.mktemp("real") / "store"
    call("check", report_of(tmp_path_factory, "slow-database").parents[2] / "x.ndjson", "--store", store)
    return store


@pytest.fixture(scope="module")
def store(real, tmp_path_factory):
    """Two services of twelve runs; one gets slower."""
    folder = tmp_path_factory.mktemp("many") / "store"
    twelve(real, folder)
    twelve(real, folder, service="billing", factor=1.0)
    return folder


def history(*arguments):
    return CliRunner().invoke(cli, ["history", *map(str, arguments)])


@pytest.fixture(scope="module")
def pages(store, tmp_path_factory):
    """What --out writes."""
    out = tmp_path_factory.mktemp("pages")
    result = history("--store", store, "--out", out)
    assert result.exit_code == 0, result.output
    return out


def text(page):
    """What a reader sees of a page, in one line."""
    body = page.read_text(encoding="utf-8").partition("<body>")[2]
    return " ".join(re.sub(r"<(script|svg).*?</\1>|<[^>]*>", " ", body, flags=re.DOTALL).split())


def test_the_files(pages):
    """One index, two pages a service; every link leads to a file."""
    files = sorted(str(path.relative_to(pages)) for path in pages.rglob("*") if path.is_file())
    own = [f"{service}/{name}.html" for service in ("billing", "shop-api") for name in ("history", "newest")]
    assert files == [*own[:2], "history.json", "index.html", *own[2:]]
    for page in pages.rglob("*.html"):
        for link in re.findall(r'href="([^"#]+)"', page.read_text(encoding="utf-8")):
            assert link.startswith("https://") or (page.parent / link).is_file(), link


def test_a_service_without_verdicts_names_those_that_have_some(store, tmp_path):
    """Exit 3, and no word of an empty store; one that is empty says how it is filled, whatever service is asked for."""
    found = history("--store", store, "--service", "nope")
    assert (found.exit_code, found.stdout) == (3, "")
    assert found.stderr == "runverdict: no verdict on service 'nope'; there are verdicts on: billing, shop-api\n"
    (tmp_path / "empty").mkdir()
    assert "the store remembers no verdict" in history("--store", tmp_path / "empty", "--service", "nope").stderr
    assert history("--store", store, "--service", "billing").exit_code == 0


def test_the_page_of_a_service(pages):
    """What it is now, how runs ended, each lasting change with its numbers, and every run's numbers."""
    shown = text(pages / "shop-api/history.html")
    assert "shop-api: 12 runs of 12 revisions" in shown
    assert "9 PASS, 1 WARN, 1 INCONCLUSIVE, 1 FAIL; 2026-01-05 09:00:00 to 2026-01-11 19:20:00 UTC" in shown
    assert (
        "The p95 latency of user requests went from 301 ms to 452 ms (+50 %) with shop-api-00036-abc, 2026-01-08"
    ) in shown
    assert "The median time of a database lookup went from 101 ms to 152 ms (+50 %)" in shown
    assert "start-up of an instance went" not in shown
    assert "shop-api-00037-abc new fail 2026-01-09 11:00:00 207 5 % 91 ms 452 ms" in shown
    assert "shop-api-00040-abc new inconclusive 2026-01-11 05:00:00 0 – – –" in shown
    calm = text(pages / "billing/history.html")
    assert "None: no measure moved to another level and stayed there." in calm


def test_the_numbers_are_those_of_the_json(pages, store):
    """history.json, the lines of --format json and the frame are one."""
    services = json.loads((pages / "history.json").read_text())["services"]
    lines = [json.loads(line) for line in history("--store", store, "--format", "json").stdout.splitlines()]
    assert [run for service in services for run in service["runs"]] == lines
    assert [run["verdict"] for run in lines[12:]] == VERDICTS
    assert [change["measure"] for change in services[1]["changes"]] == ["p95_ms", "database_p50_ms"]
    assert services[0]["changes"] == []


def test_every_chart_says_its_numbers(pages):
    """The text of each figure has n, first, lowest, highest and last."""
    labels = re.findall(r'role="img" aria-label="([^"]*)"', (pages / "shop-api/history.html").read_text())
    assert labels[0] == (
        "Latency of user requests, 11 runs: p95 first 300 ms, lowest 300 ms, highest 453 ms, last 453 ms; "
        "p50 first 90 ms, lowest 90 ms, highest 92 ms, last 92 ms"
    )
    assert labels[1] == "Failed user requests (5xx), 11 runs: first 0 %, lowest 0 %, highest 5 %, last 0 %"
    assert len(labels) == 5  # no instance crashed


def test_the_index(pages):
    """Each service with its newest run."""
    shown = text(pages / "index.html")
    assert shown.startswith("2 services: 2 PASS")
    assert "shop-api shop-api-00041-abc pass as made up report history 2026-01-11 19:00:00 211 0 % 453 ms 12 2" in shown


def test_the_same_bytes(pages, store, tmp_path):
    """Twice, and every page is small and strict."""
    assert history("--store", store, "--out", tmp_path).exit_code == 0
    for page in pages.rglob("*.*"):
        content = page.read_bytes()
        assert content == (tmp_path / page.relative_to(pages)).read_bytes()
        assert len(content) < 200_000
        if page.suffix == ".html":
            assert b"default-src 'none'" in content
            assert b" style=" not in content


def test_the_terminal_says_what_changed(store):
    """Below the tables, a sentence per lasting change; of one service where one is named."""
    lines = history("--store", store).stdout.splitlines()
    assert [line for line in lines if "went from" in line] == lines[-2:]
    assert lines[-2].startswith("shop-api: The p95 latency of user requests went from 301 ms to 452 ms (+50 %)")
    assert "went from" not in history("--store", store, "--service", "billing").stdout


def test_one_run(real, tmp_path):
    """A page too, without charts and without changes; the newest report is the check's own."""
    assert history("--store", real, "--out", tmp_path).exit_code == 0
    shown = text(tmp_path / "shop-api/history.html")
    assert "shop-api: 1 run of 1 revision" in shown
    assert "Not looked for: that takes eight runs" in shown
    assert "<svg" not in (tmp_path / "shop-api/history.html").read_text()
    assert "shop-api-00042" in text(tmp_path / "shop-api/newest.html")
