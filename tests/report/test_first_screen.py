"""The first screen answers five questions by itself: did it fail, why, since when, what changed, what now."""

import json
import re
from html import unescape

import pytest

from pipeline.report.claims import DECIDING
from pipeline.report.markdown import escaped
from tests.conftest import call, report_of

LONG = 60


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """For each verdict a page, its document and its Markdown, made by the program from made-up logs."""
    found = {}
    for scenario in ("healthy", "slow-database", "crash-loop", "no-traffic"):
        newest = report_of(tmp_path_factory, scenario)
        page = (newest / "report.html").read_text(encoding="utf-8")
        found[scenario] = page, json.loads((newest / "verdict.json").read_text()), (newest / "report.md").read_text()
    assert {document["verdict"] for _, document, _ in found.values()} == {"PASS", "FAIL", "INCONCLUSIVE"}
    return found


def plain(html):
    """The texts of a page, one per element."""
    body = re.sub(r"<(style|script)>.*?</\1>|<svg.*?</svg>", "", html, flags=re.DOTALL)
    blocks = re.split(r"</?(?!b|a|strong|code|span)[^>]*>", body)
    texts = [re.sub(r"\s+", " ", unescape(re.sub("<[^>]*>", "", block))).strip() for block in blocks]
    return [text for text in texts if text]


def test_five_questions_are_answered_before_anything_else(reports):
    """The verdict, its cause, when it began, which revision replaced which, and the command that undoes it."""
    page, document, _ = reports["crash-loop"]
    first = " ".join(plain(page.split("<main>")[0]))
    assert " FAIL Crash loop: exit(3) × " in first
    assert f"{document['revision']} replaced {document['baseline']}" in first
    assert f"Roll back to {document['baseline']}." in first
    assert document["advice"]["command"] in first
    assert re.search(r"Since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC: platform.exit × ", first)
    assert re.search(r"User requests 0 before [1-9]", first)
    quiet = " ".join(plain(reports["healthy"][0].split("<main>")[0]))
    assert " PASS No check found a problem." in quiet
    assert "Nothing to do." in quiet
    thin = " ".join(plain(reports["no-traffic"][0].split("<main>")[0]))
    assert "INCONCLUSIVE 0 user requests" in thin
    assert "Too little evidence to decide" in thin


def test_what_no_log_line_shows_is_said_once(reports):
    """In the page and in the Markdown, in the one section about what was not looked at."""
    for page, _, text in reports.values():
        assert (page.count("What no log line shows: "), text.count("What no log line shows: ")) == (1, 1)


def test_a_log_with_addresses_is_no_reason_to_take_traffic_away(tmp_path, tmp_path_factory):
    """The one warning is of e-mail addresses: the logging is to be fixed."""
    logs = tmp_path / "logs.ndjson"
    healthy = report_of(tmp_path_factory, "healthy").parents[2] / "x.ndjson"
    lines = healthy.read_text(encoding="utf-8").splitlines()
    entry = json.loads(next(line for line in reversed(lines) if "textPayload" in line))
    lines.append(json.dumps({**entry, "insertId": "mail", "textPayload": "Login of jane.roe@gmail.com is done"}))
    logs.write_text("\n".join(lines), encoding="utf-8")
    text = call("check", logs, "--format", "md").stdout
    assert text.startswith("# WARN")
    assert "What now: Fix the logging" in text


def test_the_first_lines_of_the_markdown_fit_a_chat(reports):
    """Verdict, cause, command, since when, first line, what changed and the numbers, within 15 lines."""
    _, document, text = reports["crash-loop"]
    first = "\n".join(text.splitlines()[:15])
    for wanted in (
        "# FAIL: crash loop",
        document["advice"]["command"],
        "- Since: ",
        "- First line: ",
        "- What changed: ",
    ):
        assert wanted in first, wanted
    assert "User requests 0 (before " in first


def test_numbers_of_the_first_screen_are_those_of_the_document(reports):
    """Requests, p50 and p95 with those of the baseline, by their own digits."""
    page, document, _ = reports["slow-database"]
    first = " ".join(plain(page.split("<main>")[0]))
    now, before = document["requests"], document["compared"]
    assert f"User requests {now['eligible']} before {before['eligible']}" in first
    assert f"p50 {now['user_latency_ms']['p50']:.0f} ms before {before['p50_ms']:.0f} ms" in first
    p95 = now["user_latency_ms"]["p95"]
    assert f"p95 {f'{p95 / 1000:.3g} s' if p95 >= 1000 else f'{p95:,.0f} ms'} before {before['p95_ms']:.0f} ms" in first


def test_no_long_sentence_stands_twice(reports):
    """Nor does a claim contradict a check: the reason of each finding stands once, in its place."""
    for page, document, text in reports.values():
        long = [sentence for sentence in plain(page) if len(sentence) > LONG and "{" not in sentence]
        evidence = {entry["excerpt"] for check in document["checks"] for entry in check["evidence"]}
        evidence |= {entry["excerpt"] for incident in document["incidents"] for entry in incident["evidence"]}
        evidence |= {check["limit"] or "" for check in document["checks"]}  # two checks may have the same limits
        twice = {
            sentence
            for sentence in long
            if long.count(sentence) > 1
            and not any(text.startswith(sentence.removeprefix("Limit: ").rstrip("…")) for text in evidence)
        }
        assert not twice, twice
        for check in document["checks"]:
            if check["status"] in DECIDING and len(check["reason"]) > LONG:
                assert text.count(escaped(check["reason"])) == 1, check["reason"]


def test_a_warning_is_no_proof_of_health(reports):
    """Where a check did not pass, the claim that none found a problem is refuted or open, never proven."""
    for _, document, text in reports.values():
        (row,) = re.findall(r"^\| No check found a problem \| (.*?) \|", text, re.MULTILINE)
        assert ("proven" in row) == (document["verdict"] == "PASS")
