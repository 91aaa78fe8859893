"""The report as Markdown: what decided first, then every number with its count, interval and proof."""

import re
from collections.abc import Mapping, Sequence
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from pipeline.judge.model import Check, Verdict
from pipeline.judge.numbers import cut, number
from pipeline.report.claims import UNPROVABLE, Claim, counts
from pipeline.report.first_screen import answers, tiles
from pipeline.report.inputs import inputs as sources_read
from pipeline.report.numbers import effect, observed
from pipeline.report.sections import next_steps, sections
from pipeline.text import shown

_MARKS = {
    "PASS": "✅",
    "WARN": "⚠️",
    "FAIL": "❌",
    "INCONCLUSIVE": "❔",
    "NOT_APPLICABLE": "–",
    "NOT_OBSERVABLE": "◌",
}

_STANDINGS = {"PROVEN": "✅", "REFUTED": "❌", "NO EVIDENCE": "◌"}

_HTML: dict[str, str | int | None] = {"<": "&lt;", ">": "&gt;", "&": "&amp;"}

#: Characters that mean something in Markdown wherever they stand (CommonMark 2.4: any punctuation can be escaped);
#: others do so only at the edge of a word or the beginning of a text, and stay readable where Markdown is shown raw.
_SPECIAL = str.maketrans(_HTML | {sign: f"\\{sign}" for sign in "\\`*[]|~$"})
_AT_AN_EDGE = re.compile(r"(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
_AT_THE_START = re.compile(r"^([#+=-])(?=[\s#+=-]|$)|^([0-9]{1,9})([.)])(?=\s|$)")
_ENTITIES = str.maketrans({sign: f"&#{ord(sign)};" for sign in "<>&\\`*_{}[]()#+!|~$@:"})


def escaped(text: object) -> str:
    """Return a text as it must stand in Markdown to be shown as it is, in a table too.

    >>> escaped("<b> | *x*")
    '&lt;b&gt; \\\\| \\\\*x\\\\*'
    """
    plain = _AT_AN_EDGE.sub(r"\_", shown(str(text)).strip().translate(_SPECIAL))
    plain = _AT_THE_START.sub(lambda sign: f"\\{sign[1]}" if sign[1] else f"{sign[2]}\\{sign[3]}", plain)
    return plain.replace("://", ":&#8203;//").replace("@", "&#64;").replace("www.", "www&#46;")


def html(text: object) -> str:
    """Return a text as it must stand within a block of HTML, where Markdown means nothing."""
    return shown(str(text)).translate(str.maketrans(_HTML))


def code(text: object) -> str:
    """Return a text as a code span; backquotes inside cannot end it (CommonMark 6.1).

    A bar ends a cell of a table even there, and how to escape one behind a backslash depends on the reader: such texts
    are written in entities.
    """
    plain = shown(str(text))
    if "|" in plain:
        return f"<code>{plain.translate(_ENTITIES)}</code>"
    fence = "`"
    while fence in plain:
        fence += "`"
    pad = " " if plain.startswith("`") or plain.endswith("`") else ""
    return f"{fence}{pad}{plain}{pad}{fence}" if plain else ""


def markdown(verdict: Verdict, inputs: Sequence[Mapping[str, object]] = ()) -> str:
    """Return the report of one verdict as Markdown: its first 60 lines tell what matters, the rest is folded.

    inputs: what was read of each source (`pipeline.run.Run.inputs`).
    """
    *subjects, checklist, _ = sections(verdict)
    return (
        _environment()
        .get_template("report.md")
        .render(
            v=verdict,
            answers=answers(verdict),
            tiles=tiles(verdict),
            sections=subjects,
            checklist=checklist,
            steps=next_steps(verdict),
            deciding=[check for check in verdict.checks if check.status in ("FAIL", "WARN", "INCONCLUSIVE")],
            unseen=[check for check in verdict.checks if check.status == "NOT_OBSERVABLE"],
            inputs=sources_read(inputs),
            unprovable=UNPROVABLE,
            proven=[check for check in verdict.checks if check.evidence],
        )
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("pipeline.report"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # noqa: S701 - Markdown, not HTML: the filters escape
    )
    environment.filters.update(
        md=escaped, html=html, code=code, number=number, observed=observed, effect=effect, mark=_mark
    )
    environment.filters.update(standing=_standing, counts=counts, cut=cut)
    return environment


def _mark(check: Check) -> str:
    return f"{_MARKS[check.status]} {check.status.replace('_', ' ').lower()}"


def _standing(claim: Claim) -> str:
    return f"{_STANDINGS[claim.standing]} {claim.standing.lower()}"
