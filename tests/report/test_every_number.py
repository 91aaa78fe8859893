"""Every number that a page shows stands in verdict.json, as it is or by the one way in which numbers are written."""

import json
import re

import pytest

from pipeline.judge.numbers import duration, number, percent, signed
from tests.conftest import report_of
from tests.report.test_first_screen import plain

#: A number, its sign and separators apart.
NUMBER = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?(?:e[-−+]?\d+)?")

#: What the program says whatever the logs hold: the level of intervals, the percentiles, the status codes of HTTP.
WORDS = {"95", "50", "99", "4", "5", "1008", "1011", "0"}


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """A page and its document for each of several deployments."""
    found = {}
    for scenario in ("healthy", "slow-database", "crash-loop"):
        newest = report_of(tmp_path_factory, scenario)
        summary = json.loads((newest.parents[1] / "summary.json").read_text())
        document = json.loads((newest / "verdict.json").read_text())
        found[scenario] = (newest / "report.html").read_text(), document, summary["inputs"]
    return found


def values(part):
    """Every number of a document, and every number within its texts; the lengths of its lists."""
    if isinstance(part, bool) or part is None:
        return
    if isinstance(part, int | float | str):
        yield part
    elif isinstance(part, dict):
        yield len(part)
        for inner in part.values():
            yield from values(inner)
    else:
        yield len(part)
        for inner in part:
            yield from values(inner)


def tokens(text):
    return {token.replace("−", "-") for token in NUMBER.findall(text)}


def allowed(document, inputs):
    """What a page may show: numbers as they are written, in each unit, and what follows from them by one division."""
    shown = set(WORDS)
    for value in values([document, inputs]):
        if isinstance(value, str):
            shown |= tokens(value) | tokens(re.sub(r"(T[0-9:]{8})\.[0-9]+", r"\1", value))  # times to the second
            continue
        for written in (number(value), percent(value), duration(value), signed(value), number(abs(value) * 100)):
            shown |= tokens(written)
    statuses = [check["status"] for check in document["checks"]]
    counts = [statuses.count(status) for status in set(statuses)]
    counts += [sum(counts), len(statuses), statuses.count("NOT_APPLICABLE") + statuses.count("NOT_OBSERVABLE")]
    for part, whole in ((document["requests"], "eligible"), (document["compared"], "eligible")):
        if part and part[whole]:
            shown |= tokens(percent(part["eligible_5xx"] / part[whole]))
    if minutes := document["requests"]["minutes"]:
        good = minutes - document["requests"]["minutes_5xx"]
        shown |= {f"{good:,}"} | tokens(percent(good / minutes))
    shown |= {f"{n:,}" for n in counts}
    shown |= {f"{sum(code['n'] for code in document['codes'] if code['event'] == 'websocket.close'):,}"}
    families = {event["event"].partition(".")[0] for event in document["events"]}
    for family in families:
        shown.add(f"{sum(one['n'] for one in document['events'] if one['event'].startswith(f'{family}.')):,}")
    shown.add(f"{len(document['signatures']) + document['signatures_left_out']:,}")
    return shown


def test_every_number_of_a_page_is_of_its_document(pages):
    """But for how many claims stand, which is counted from the page itself."""
    for page, document, inputs in pages.values():
        shown = allowed(document, inputs)
        claims = {f"{page.count(f'status {name}')}" for name in ("PROVEN", "REFUTED", "NO EVIDENCE")}
        for text in plain(page):
            if re.search("proven|refuted|without evidence|not applicable", text) and re.match(r"\D*\d+ \w", text):
                continue
            strange = tokens(text) - shown - claims
            assert not strange, (text, strange)


def test_a_number_that_is_not_of_the_document_is_noticed(pages):
    """The walk finds a wrong count, a wrong percentage and a wrong duration."""
    _, document, inputs = pages["slow-database"]
    shown = allowed(document, inputs)
    for wrong in ("98,765", "47.31 %", "6.66 min"):
        assert tokens(wrong) - shown, wrong


def test_charts_say_the_counts_of_the_document(pages):
    """In their title and in the words for those who do not see them: user requests now and before, and their 5xx."""
    page, document, _ = pages["slow-database"]
    now, before = document["requests"], document["compared"]
    labels = re.findall(r'role="img" aria-label="([^"]*)"', page)
    counts = f"(n = {now['eligible']:,}, before {before['eligible']:,})"
    assert labels[0].startswith(f"User requests a minute {counts}: before {before['eligible']:,}, at most ")
    assert labels[1].startswith(
        f"Failed a minute, 5xx (n = {now['eligible_5xx']:,}, before {before['eligible_5xx']:,})"
    )
    assert labels[2].startswith("p95 by minute (n = ")
    for title in (f"User requests a minute {counts}", "p95 by minute"):
        assert title in page.split("<svg ", 1)[1]
