"""Reports in a browser: nothing is asked for, nothing overflows, the keyboard and a screen reader get everywhere."""

import re
import subprocess

import pytest

from pipeline.judge.model import Observed, SignatureCount
from pipeline.report.html import html
from tests.conftest import ROOT, RUNVERDICT, entry, failing, line, ndjson, request
from tests.report.browser import opened
from tests.report.hostile import HOSTILE
from tests.report.made_up import PROOF, TIME, checks, full
from tests.report.runs import twelve

pytestmark = [pytest.mark.full, pytest.mark.filterwarnings("default")]
AXE = ROOT / ".venv/axe/node_modules/axe-core/axe.min.js"
WIDTHS = (360, 768, 1440)


def report(folder, *arguments):
    """The report of the newest revision that a command writes."""
    subprocess.run([RUNVERDICT, *map(str, arguments), "--out", folder], capture_output=True, timeout=120)
    return max(folder.rglob("report.html"), key=lambda path: path.parent.name)


def hostile():
    """A log that wants to be more than text: markup in every place, 10,000 signatures, a line of 1 MB."""
    entries = failing()
    for second, text in enumerate(HOSTILE):
        plain = text.encode(errors="replace").decode()
        entries += [
            line(second, plain, severity="ERROR", insertId=f"<{second}>"),
            request(second, 500, path=f"/{plain[:40]}"),
        ]
    words = [f"{chr(97 + place % 26)}{chr(97 + place // 26 % 26)}{chr(97 + place // 676)}" for place in range(10_000)]
    entries += [
        line(place % 60, f"unknown {word} trouble", severity="WARNING", insertId=word)
        for place, word in enumerate(words)
    ]
    return [*entries, line(9, "<b>" + "long " * 200_000, severity="ERROR", insertId="long"), line(10, "x" * 1_000_000)]


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """A report of each kind."""
    folder = tmp_path_factory.mktemp("pages")
    subprocess.run([RUNVERDICT, "simulate", "slow-database", "--out", folder / "slow.ndjson"], check=True)
    empty = ndjson(folder / "empty.ndjson", [entry(1, textPayload="one line")])
    large = folder / "large.html"
    base = checks("WARN", "r" * 200, evidence=[PROOF] * 5, observed=Observed(value=1, unit="ms", n=3))
    many = [base[place % len(base)].model_copy(update={"id": f"group.check_{place}"}) for place in range(200)]
    one = SignatureCount(signature="", level="ERROR", n=1, first=TIME)
    lines = [one.model_copy(update={"signature": f"{place} {'<n> word ' * 30}"}) for place in range(5000)]
    large.write_text(html(full(checks=many, signatures=lines), {}))
    everything = folder / "full.html"
    everything.write_text(html(full(), {}))
    subprocess.run([RUNVERDICT, "check", folder / "slow.ndjson", "--store", folder / "store"], capture_output=True)
    twelve(folder / "store", folder / "many")
    subprocess.run([RUNVERDICT, "history", "--store", folder / "many", "--out", folder / "over"], capture_output=True)
    sides = ("--revision", "shop-api-00041-5h6", "--revision", "shop-api-00042-w9r")
    arguments = ("compare", folder / "slow.ndjson", *sides, "--out", folder / "compared")
    subprocess.run([RUNVERDICT, *map(str, arguments)], check=True, capture_output=True)
    return {
        "compare": next((folder / "compared").rglob("compare.html")),
        "demo": report(folder / "demo", "demo"),
        "history": folder / "over/shop-api/history.html",
        "index": folder / "over/index.html",
        "slow": report(folder / "slow", "check", folder / "slow.ndjson"),
        "empty": report(folder / "empty", "check", empty),
        "hostile": report(folder / "hostile", "check", ndjson(folder / "hostile.ndjson", hostile())),
        "large": large,
        "full": everything,
    }


KINDS = ("demo", "slow", "empty", "hostile", "large", "full", "history", "index", "compare")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("width", WIDTHS)
def test_it_opens_in_silence_and_fits(pages, kind, width):
    """No message on the console, no request but for the file, no sideways scrolling, all folds open or not."""
    messages, requests = [], []

    def listen(page):
        page.on("console", lambda message: messages.append(message.text))
        page.on("pageerror", lambda error: messages.append(str(error)))
        page.on("request", lambda asked: requests.append(asked.url))
        page.on("dialog", lambda dialog: messages.append(dialog.message))

    with opened(pages[kind], width=width, dark=width == 768, before=listen) as page:
        for _ in range(2):
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width
            page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true })")
        assert page.locator("h1").is_visible()
        for figure in page.locator("figure svg").all():
            box = figure.bounding_box()
            assert box["height"] > 80
            assert box["x"] + box["width"] <= width  # whole, on a phone too
    assert messages == []
    assert [url.partition(":")[0] for url in requests] == ["file"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_no_fault(pages, kind, dark):
    """Contrast, names, landmarks, focus: with every fold open."""
    rules = AXE.read_text(encoding="utf-8")
    with opened(pages[kind], dark=dark) as page:
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true })")
        if kind in ("large", "hostile"):  # the rest of ten thousand rows is like the first
            page.evaluate("document.querySelectorAll('tr:nth-child(n + 40)').forEach((row) => row.remove())")
            page.evaluate("document.querySelectorAll('.check:nth-of-type(n + 20)').forEach((one) => one.remove())")
        page.evaluate(rules)
        faults = page.evaluate("axe.run({ resultTypes: ['violations'] }).then((found) => found.violations)")
    found = [(fault["id"], fault["impact"], [node["html"][:200] for node in fault["nodes"][:3]]) for fault in faults]
    assert found == []


@pytest.mark.parametrize("kind", ["demo", "large", "hostile"])
def test_the_filter_works_by_keyboard(pages, kind):
    """Reached by Tab, it hides what does not fit while one types, tells how many are left, and Escape clears it."""
    with opened(pages[kind]) as page:
        total = page.locator(".check").count()
        page.locator("summary:has(#checks)").focus()
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.id") == "filter-checks"
        page.keyboard.type("NO such word")
        assert page.locator(".check:visible").count() == 0
        page.keyboard.press("Escape")
        assert page.locator(".check:visible").count() == total
        page.keyboard.type("check_7" if kind == "large" else "memory")
        left = page.locator(".check:visible").count()
        assert 0 < left < total
        assert page.locator("output[for=filter-checks]").text_content() == f"{left} of {total}"
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        opened_ = page.evaluate("document.activeElement.parentElement.open")
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.parentElement.open") != opened_


def test_a_link_to_a_check_opens_it(pages):
    """From a reason to its numbers, though they are folded away or filtered out."""
    with opened(pages["slow"]) as page:
        page.locator("summary:has(#checks)").click()
        page.locator("#filter-checks").fill("no such word")
        page.locator("summary:has(#claims)").click()
        page.locator("#section-security summary").click()
        page.locator("#section-security a").last.press("Enter")
        target = page.locator(f"[id='{page.evaluate('location.hash.slice(1)')}']")
        assert target.is_visible()
        assert target.evaluate("(one) => one.open")


def test_it_prints(pages, tmp_path):
    """On paper every fold is open and no filter is there."""
    with opened(pages["demo"]) as page:
        page.emulate_media(media="print")
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert page.locator("details:not([open])").count() == 0
        assert page.locator(".filter:visible").count() == 0
        page.evaluate("dispatchEvent(new Event('afterprint'))")
        assert page.locator("details:not([open])").count() > 5
        page.pdf(path=tmp_path / "report.pdf")
    assert len(re.findall(rb"/Type /Page\b", (tmp_path / "report.pdf").read_bytes())) >= 3


def test_a_large_report_is_filtered(pages):
    """200 checks and 5,000 signatures: what is typed leaves one."""
    with opened(pages["large"]) as page:
        page.locator("summary:has(#signatures)").click()
        page.locator("#filter-signatures").fill("4999")
        page.locator("output[for=filter-signatures]").filter(has_text=re.compile("^1 of ")).wait_for()


def test_nothing_runs_that_a_log_brings(pages):
    """No element of a hostile log, and the policy refuses what another script would add."""
    with opened(pages["hostile"]) as page:
        assert page.locator("script").count() == 1
        assert page.locator("img, iframe, object, failure").count() == 0
        page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.ran = 1\">')")
        page.evaluate(
            "document.body.append(Object.assign(document.createElement('script'), { text: 'window.ran = 1' }))"
        )
        page.wait_for_timeout(200)
        assert page.evaluate("window.ran") is None
