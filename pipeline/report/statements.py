"""Claims about a revision, each proven, refuted or without evidence, each naming the facts behind it.

A reference is a path into the verdict document: `checks/requests.error_rate`, `events/auth.success`,
`codes/websocket.close/1008`, `endpoints/GET /health`, `incidents/0`, or a field such as `requests`. A statement that
something is absent refers to the field that would hold it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pipeline.judge.model import Check, CodeCount, EventCount, Verdict
from pipeline.report.numbers import duration

Standing = Literal["PROVEN", "REFUTED", "NO EVIDENCE"]

STANDINGS: dict[str, Standing] = {
    "PASS": "PROVEN",
    "WARN": "REFUTED",
    "FAIL": "REFUTED",
    "INCONCLUSIVE": "NO EVIDENCE",
    "NOT_APPLICABLE": "NO EVIDENCE",
    "NOT_OBSERVABLE": "NO EVIDENCE",
}


@dataclass(frozen=True)
class Statement:
    """A claim, whether it stands, the sentence with the numbers, and references to the facts behind it."""

    standing: Standing
    claim: str
    text: str
    refs: tuple[str, ...]


@dataclass(frozen=True)
class Section:
    """Statements about one subject."""

    id: str
    title: str
    statements: tuple[Statement, ...]


@dataclass(frozen=True)
class Step:
    """What to do next, and the facts that ask for it."""

    text: str
    refs: tuple[str, ...]


class Facts:
    """A verdict document by name."""

    def __init__(self, verdict: Verdict) -> None:
        self.verdict = verdict
        self.checks = {check.id: check for check in verdict.checks}

    def events(self, *names: str) -> list[EventCount]:
        """Events by name; a name that ends in a dot means its family."""
        return [one for one in self.verdict.events if any(_is(one.event, name) for name in names)]

    def code(self, event: str, code: int) -> CodeCount | None:
        """How often an event happened with a code."""
        return next((one for one in self.verdict.codes if (one.event, one.code) == (event, code)), None)

    def check(self, claim: str, name: str) -> Statement:
        """What a check says of a claim."""
        check = self.checks.get(name)
        if check is None:
            return Statement("NO EVIDENCE", claim, f"The policy has no check {name}.", ("checks",))
        return Statement(STANDINGS[check.status], claim, sentence(check.reason), (check_ref(check),))

    def happened(self, claim: str, *names: str) -> Statement:
        """A claim that stands if the events happened; that no line tells of them proves nothing."""
        found = self.events(*names)
        if not found:
            unseen = " or ".join(names)
            return Statement("NO EVIDENCE", claim, f"No line tells of {unseen}.", ("inputs",))
        return Statement("PROVEN", claim, told(found), event_refs(found))

    def absent(self, claim: str, *names: str, seen: Sequence[EventCount]) -> Statement:
        """A claim that the events' lines refute; their absence counts only where the same family was seen."""
        if found := self.events(*names):
            return Statement("REFUTED", claim, told(found), event_refs(found))
        unseen = " or ".join(names)
        if not seen:
            return Statement("NO EVIDENCE", claim, f"No line tells of {unseen}, nor of what surrounds it.", ("inputs",))
        text = f"No line of {unseen} beside {sum(one.n for one in seen):,} events of its family."
        return Statement("PROVEN", claim, text, event_refs(seen))


def told(found: Sequence[EventCount]) -> str:
    """Events with their counts, and the times of those that measure themselves."""
    parts = []
    for one in found:
        text = f"{one.event} × {one.n:,}"
        if one.duration_ms and one.duration_ms.n:
            times = one.duration_ms
            text += f" (p50 {duration(times.p50)}, p95 {duration(times.p95)}, n = {times.n:,})"
        parts.append(text)
    return ", ".join(parts) + "."


def event_refs(found: Sequence[EventCount]) -> tuple[str, ...]:
    """References to events."""
    return tuple(dict.fromkeys(f"events/{one.event}" for one in found))


def _is(event: str, name: str) -> bool:
    return event.startswith(name) if name.endswith(".") else event == name


def check_ref(check: Check) -> str:
    """A reference to a check."""
    return f"checks/{check.id}"


def sentence(text: str) -> str:
    """A reason as a sentence: a capital first, a full stop last.

    >>> sentence("no request of a user")
    'No request of a user.'
    """
    if not text:
        return ""
    return text[0].upper() + text[1:] + ("" if text[-1] in ".!?…" else ".")


def counts(section: Section) -> str:
    """Return how many statements of a section are proven, refuted, without evidence."""
    standings = [one.standing for one in section.statements]
    told = (("PROVEN", "proven"), ("REFUTED", "refuted"), ("NO EVIDENCE", "without evidence"))
    return ", ".join(f"{standings.count(kind)} {words}" for kind, words in told if kind in standings)
