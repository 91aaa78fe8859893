"""The report as one HTML file: it asks for nothing, runs one script of ours, and shows logs as text."""

import base64
import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING
from urllib.parse import unquote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from pipeline.judge.model import Check, Verdict
from pipeline.judge.numbers import cut, duration, number, percent
from pipeline.report.claims import DECIDING, UNPROVABLE, counts, sentence, standings
from pipeline.report.figures import TIMELINE
from pipeline.report.first_screen import answers, by_harm, tiles
from pipeline.report.inputs import inputs as sources_read
from pipeline.report.numbers import effect, interval, observed, value
from pipeline.report.sections import next_steps, sections
from pipeline.text import shown

if TYPE_CHECKING:
    from pipeline.report.drawing import Drawing

#: Longer texts are cut here; verdict.json has them whole.
_MAX_TEXT = 400
_MAX_SIGNATURE = 160

#: So many checks that decided are shown with their numbers and lines; the rest is folded among the others.
_MAX_OPENED = 8

#: The colours that figures are drawn with, as ones that follow a dark page.
_PAGE_COLOURS = {
    "#010203": "currentColor",
    "#ffffff": "var(--page)",
    "#0072b2": "var(--now)",
    "#85858d": "var(--before)",
    "#d55e00": "var(--bad)",
    "#5a5a63": "var(--soft)",
}

#: Where a reference of a claim leads.
_ANCHORS = {
    "events": "events",
    "codes": "codes",
    "endpoints": "requests",
    "requests": "requests",
    "incidents": "incidents",
    "checks": "checks",
}


def html(verdict: Verdict, drawings: "Mapping[str, Drawing]", inputs: Sequence[Mapping[str, object]] = ()) -> str:
    """Return the report of one verdict as HTML, with drawings inline.

    inputs: what was read of each source (`pipeline.run.Run.inputs`).
    """
    *subjects, checklist, _ = sections(verdict)
    drawn = {name: shown_inline(drawing) for name, drawing in drawings.items()}
    deciding = sorted(
        (check for check in verdict.checks if check.status in DECIDING), key=lambda check: DECIDING.index(check.status)
    )
    timeline = [drawn.pop(name) for name in TIMELINE if name in drawn]
    if timeline and len(timeline) < len(TIMELINE) and "latency" in drawn:
        timeline.append(drawn.pop("latency"))
    return page(
        "report.html",
        v=verdict,
        sections=subjects,
        claimed={claim.text for section in subjects for claim in section.claims},
        standings=standings(subjects),
        checklist=checklist,
        steps=next_steps(verdict),
        deciding=deciding[:_MAX_OPENED],
        others=[check for check in verdict.checks if check not in deciding[:_MAX_OPENED]],
        compared=[check for check in verdict.checks if check.baseline and check.effect],
        excludes=[check for check in verdict.checks if check.excludes],
        unseen=[check for check in verdict.checks if check.status == "NOT_OBSERVABLE"],
        endpoints=by_harm(verdict.requests.by_endpoint),
        answers=answers(verdict),
        tiles=tiles(verdict),
        timeline=timeline,
        figures=drawn,
        inputs=sources_read(inputs),
        unprovable=UNPROVABLE,
    )


def page(template: str, **values: object) -> str:
    """Return a template of ours as a page that asks for nothing: its style and script are inline, named by digest."""
    style, script = _packaged("report.css"), _packaged("report.js")
    policy = (
        f"default-src 'none'; style-src 'sha256-{_digest(style)}'; script-src 'sha256-{_digest(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    ours = {"policy": Markup(policy), "style": Markup(style), "script": Markup(script)}  # noqa: S704 - texts of ours
    return _environment().get_template(template).render(**ours, **values)


def shown_inline(drawing: "Drawing") -> dict[str, str]:
    """Return a drawing as the templates take it."""
    return {"text": drawing.text, "svg": Markup(inline(drawing.svg))}  # noqa: S704 - matplotlib escapes texts


def inline(text: str) -> str:
    """Return matplotlib's SVG to stand in a page: style attributes, which the page's policy refuses, as attributes.

    Its size is the page's choice, its black and white follow the page.
    """
    body = text[text.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>\s*|<style.*?</style>\s*", "", body, flags=re.DOTALL)
    body = re.sub(r' (?:width|height)="[0-9.]+pt"', "", body, count=2)
    body = re.sub(r"<[a-zA-Z][^<>]*>", lambda tag: re.sub(r' style="([^"]*)"', _attributes, tag[0]), body)
    return body.replace("<svg ", '<svg aria-hidden="true" focusable="false" ', 1).rstrip()


def _attributes(style: re.Match[str]) -> str:
    pairs = [pair.partition(":") for pair in style[1].split(";") if ":" in pair]
    named = ((name.strip(), value.strip()) for name, _, value in pairs)
    return "".join(f' {name}="{_PAGE_COLOURS.get(value, value)}"' for name, value in named)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("pipeline.report"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=True,
        finalize=_visible,
    )
    environment.filters.update(number=number, percent=percent, duration=duration, observed=observed, effect=effect)
    environment.filters.update(value=value, interval=interval, sentence=sentence, tally=_tally)
    environment.filters.update(anchor=_anchor, cut=_cut, words=_words, clock=_clock, log_id=_log_id, counts=counts)
    environment.globals["max_signature"] = _MAX_SIGNATURE
    return environment


def _visible(value: object) -> object:
    """Every text that is printed, without what would hide or reorder it."""
    return shown(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _cut(text: str, limit: int = _MAX_TEXT) -> str:
    return cut(text, limit)


def _anchor(ref: str) -> str:
    kind, _, name = ref.partition("/")
    return f"check-{name}" if kind == "checks" and name else _ANCHORS.get(kind, "summary")


def _tally(checks: Sequence[Check]) -> str:
    """How many checks have each status."""
    statuses = Counter(check.status for check in checks)
    return ", ".join(f"{n:,} {_words(status)}" for status, n in statuses.most_common())


def _words(status: str) -> str:
    return status.replace("_", " ").lower()


def _clock(time: str | None) -> str:
    """A time to the second; a dash for none."""
    return f"{time[:10]} {time[11:19]}" if time else "–"


def _log_id(log_name: str | None) -> str:
    """The last part of a log's name, decoded; a dash for none."""
    return _cut(unquote((log_name or "–").rpartition("/logs/")[2]), 80)


@cache
def _packaged(name: str) -> str:
    return (resources.files("pipeline.report") / "templates" / name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
