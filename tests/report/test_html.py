"""One HTML file that asks for nothing: a strict policy, everything escaped, every statement and check in it."""

import base64
import hashlib
import re
from html.parser import HTMLParser
from urllib.parse import unquote

import pytest

from pipeline.judge.model import Look, Observed, SignatureCount
from pipeline.report.files import rendered
from pipeline.report.html import html, inline
from pipeline.report.sections import sections
from tests.conftest import call, failing, healthy, ndjson
from tests.report.hostile import HOSTILE
from tests.report.made_up import PROOF, TIME, checks, empty, event, full


class Page(HTMLParser):
    """Elements with their attributes, and the text of each id-less element by tag."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.text, self.open = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self.open.append(tag)

    def handle_endtag(self, tag):
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data):
        if "script" not in self.open and "style" not in self.open:
            self.text.append(data)


def test_the_policy_allows_its_own_style_and_script_alone():
    """Two digests, nothing else: no element loads anything, no attribute runs or styles anything."""
    text = html(full(), {})
    policy = re.search('Content-Security-Policy" content="([^"]*)"', text)[1]
    for kind in ("style", "script"):
        (body,) = re.findall(f"<{kind}>(.*?)</{kind}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    for tag, attributes in Page(text).elements:
        assert tag not in ("link", "img", "iframe", "object", "embed", "form", "base", "video", "audio")
        assert not [name for name in attributes if name.startswith("on") or name in ("style", "src", "srcset")]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_texts_are_text(hostile):
    """Wherever a text stands, it makes no element and no attribute, and hides nothing."""

    def page(told):
        """A page that shows a text in every place."""
        proof = PROOF.model_copy(update={"excerpt": told, "log_name": told, "insert_id": told})
        places = dict.fromkeys(("service", "revision", "location", "headline"), told)
        requests = full().requests
        endpoint = requests.by_endpoint[0].model_copy(update={"endpoint": f"GET {told}/health"})
        verdict = empty(
            checks=checks("FAIL", told, evidence=[proof], limit=told),
            signatures=[SignatureCount(signature=told, level=told, n=1, first=TIME)],
            events=[event(told, outcome=told)],
            requests=requests.model_copy(update={"by_endpoint": [endpoint]}),
            notes=[told],
            **places,
        )
        return html(verdict, {}).encode(errors="replace").decode()

    def shape(text):
        return [(tag, sorted(attributes)) for tag, attributes in Page(text).elements]

    text = page(hostile)
    assert shape(text) == shape(page("tame"))
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\u200b]", text)


def test_every_statement_and_check_is_in_the_page():
    """Claims with their sentences and references, checks with numbers, interval, baseline, effect and links."""
    verdict = full()
    page = Page(html(verdict, {}))
    text = re.sub(r"\s+", " ", " ".join(page.text))
    *subjects, checklist, _ = sections(verdict)
    for section in (*subjects, checklist):
        assert section.title in text
        for one in section.claims:
            assert one.claim in text
            assert one.text in text
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for check in verdict.checks:
        assert f"check-{check.id}" in ids
    targets = {
        attributes["href"][1:] for tag, attributes in page.elements if tag == "a" and attributes["href"][0] == "#"
    }
    assert {unquote(target) for target in targets} <= set(ids)
    links = {attributes["href"] for tag, attributes in page.elements if tag == "a"} - {f"#{one}" for one in targets}
    assert links == {PROOF.url}
    for told in ("1.88 % (95 %: 0.613 to 4.33 %), n = 266", "0.1 % (95 %: 0.01 to 0.5 %), n = 1,000", "+1.78 points"):
        assert told in text
    for one in verdict.events:
        assert one.event in text
    assert "3 more signatures are counted and not listed" in text
    assert "crash loop: exit(3): 15 failures" in text


def test_looks_of_a_watch_are_a_table():
    """A row each, only where there were some."""
    look = Look(
        at=TIME,
        minute=5.0,
        settled_until=TIME,
        requests=40,
        errors_5xx=3,
        design_effect=1.0,
        evidence=9.0,
        failed=["a.b"],
    )
    text = re.sub(r"\s+", " ", " ".join(Page(html(full(looks=[look]), {})).text))
    assert "Failed checks" in text
    assert re.search(r" 5 40 3 a\.b ", text)
    assert "Failed checks" not in html(full(), {})


def test_a_large_verdict_is_a_small_file():
    """200 checks with five entries each and 5,000 signatures stay below 3 MB."""
    proof = PROOF.model_copy(update={"excerpt": "e" * 400, "url": f"https://console.cloud.google.com/{'u' * 340}"})
    base = checks("WARN", "r" * 200, evidence=[proof] * 5, observed=Observed(value=1, unit="ms", n=3))
    many = [base[place % len(base)].model_copy(update={"id": f"group.check_{place}"}) for place in range(200)]
    lines = [
        SignatureCount(signature=f"{place} {'<n> word ' * 30}", level="ERROR", n=place, first=TIME)
        for place in range(5000)
    ]
    assert len(html(full(checks=many, signatures=lines), {}).encode()) < 3_000_000


def test_the_page_of_a_run_is_the_same_bytes_and_leaks_nothing(tmp_path):
    """Twice the same entries, twice the same files, charts too; each has passed the leak scan."""
    logs = ndjson(tmp_path / "x.ndjson", failing())
    found = []
    for name in ("one", "two"):
        assert call("check", logs, "--out", tmp_path / name).exit_code == 1
        files = {path.relative_to(tmp_path / name): path for path in (tmp_path / name).rglob("*") if path.is_file()}
        found.append({name: path.read_bytes() for name, path in files.items()})
    assert found[0] == found[1]
    names = {path.name for path in found[0]}
    assert {
        "report.html",
        "report.md",
        "junit.xml",
        "verdict.json",
        "latency.svg",
        "latency.png",
        "minutes.svg",
    } <= names
    page = call("check", logs, "--format", "html").stdout
    assert page.startswith("<!doctype html>")
    charts = [content.decode() for name, content in found[0].items() if name.suffix == ".svg"]
    assert page.count("<svg ") == len(charts) == 4
    assert all(inline(chart) in page for chart in charts)


def test_a_page_is_one_revision(tmp_path):
    """Several verdicts need a folder for their pages; Markdown and JUnit become one document."""
    logs = ndjson(tmp_path / "x.ndjson", [*healthy(), *healthy(service="other")])
    refused = call("check", logs, "--format", "html")
    assert (refused.exit_code, "these are 2: add --out DIR" in refused.stderr) == (2, True)
    suites = call("check", logs, "--format", "junit").stdout
    assert suites.count("<testsuite ") == 2
    assert suites.startswith("<?xml")
    assert "<testsuites>" in suites


def test_no_verdict_has_no_evidence_link():
    """A page of an empty window renders and says so."""
    text = rendered(empty(), "html")
    assert "No request row" in text
    assert "console.cloud.google.com" not in text
