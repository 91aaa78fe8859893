"""Claims about a revision, each proven, refuted or without evidence, each naming the facts behind it.

A reference is a path into the verdict document: `checks/requests.error_rate`, `events/auth.success`,
`codes/websocket.close/1008`, `endpoints/GET /health`, `incidents/0`, or a field such as `requests`. A claim that
something is absent refers to the field that would hold it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pipeline.judge.model import Check, CodeCount, EventCount, Verdict
from pipeline.judge.numbers import duration

Standing = Literal["PROVEN", "REFUTED", "NO EVIDENCE"]

#: What the status of a check, or of the whole verdict, makes of a claim.
STANDINGS: dict[str, Standing] = {
    "PASS": "PROVEN",
    "WARN": "REFUTED",
    "FAIL": "REFUTED",
    "INCONCLUSIVE": "NO EVIDENCE",
    "NOT_APPLICABLE": "NO EVIDENCE",
    "NOT_OBSERVABLE": "NO EVIDENCE",
}

#: Statuses that are reported with their reason before the claims, so that no claim repeats it.
DECIDING = ("FAIL", "INCONCLUSIVE", "WARN")

#: What people ask of a deployment and no log line can show; said in this one list.
UNPROVABLE = "memory and processor time in use, cost, image size, build time, and whether a page looks right"


@dataclass(frozen=True)
class Claim:
    """A claim by its id, whether it stands, the sentence with the numbers, and references to the facts behind it."""

    id: str
    claim: str
    standing: Standing
    text: str
    refs: tuple[str, ...]


@dataclass(frozen=True)
class Section:
    """Claims about one subject."""

    id: str
    title: str
    claims: tuple[Claim, ...]


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
        return [event for event in self.verdict.events if any(_is(event.event, name) for name in names)]

    def code(self, event: str, code: int) -> CodeCount | None:
        """How often an event happened with a code."""
        return next((count for count in self.verdict.codes if (count.event, count.code) == (event, code)), None)

    def check(self, claim_id: str, claim: str, name: str, *, seen: bool = True) -> Claim:
        """A claim that a check decides. seen: whether something was logged that could have refuted it."""
        check = self.checks.get(name)
        if check is None:
            return Claim(claim_id, claim, "NO EVIDENCE", f"The policy has no check {name}.", ("checks",))
        refs = (check_ref(check),)
        if check.status == "PASS" and not seen:
            return Claim(claim_id, claim, "NO EVIDENCE", "Nothing was logged that could have shown the opposite.", refs)
        text = f"See {check.id} above." if check.status in DECIDING else sentence(check.reason)
        return Claim(claim_id, claim, STANDINGS[check.status], text, refs)

    def happened(self, claim_id: str, claim: str, *names: str) -> Claim:
        """A claim that stands if the events happened; that they were not logged proves nothing."""
        events = self.events(*names)
        if not events:
            return Claim(claim_id, claim, "NO EVIDENCE", f"No {_either(names)} was logged.", ("inputs",))
        return Claim(claim_id, claim, "PROVEN", occurrences(events), event_refs(events))

    def absent(self, claim_id: str, claim: str, *names: str, seen: Sequence[EventCount]) -> Claim:
        """A claim that the events refute; their absence counts only where events of the same family were seen."""
        if events := self.events(*names):
            return Claim(claim_id, claim, "REFUTED", occurrences(events), event_refs(events))
        if not seen:
            text = f"No {_either(names)} was logged, nor anything of its kind."
            return Claim(claim_id, claim, "NO EVIDENCE", text, ("inputs",))
        text = f"No {_either(names)} among {sum(event.n for event in seen):,} events of its kind."
        return Claim(claim_id, claim, "PROVEN", text, event_refs(seen))


def occurrences(events: Sequence[EventCount]) -> str:
    """Events with their counts, and their own durations where they have some."""
    parts = []
    for event in events:
        text = f"{event.event} × {event.n:,}"
        if event.duration_ms and event.duration_ms.n:
            times = event.duration_ms
            text += f" (p50 {duration(times.p50)}, p95 {duration(times.p95)}, n = {times.n:,})"
        parts.append(text)
    return ", ".join(parts) + "."


def event_refs(events: Sequence[EventCount]) -> tuple[str, ...]:
    """References to events."""
    return tuple(dict.fromkeys(f"events/{event.event}" for event in events))


def _is(event: str, name: str) -> bool:
    return event.startswith(name) if name.endswith(".") else event == name


def _either(names: Sequence[str]) -> str:
    return " or ".join(f"{name}*" if name.endswith(".") else name for name in names)


def check_ref(check: Check) -> str:
    """A reference to a check."""
    return f"checks/{check.id}"


def sentence(text: str) -> str:
    """A reason as a sentence: a capital first, a full stop last.

    >>> sentence("no user requests")
    'No user requests.'
    """
    if not text:
        return ""
    return text[0].upper() + text[1:] + ("" if text[-1] in ".!?…" else ".")


def counts(section: Section) -> str:
    """Return how many claims of a section are proven, refuted, without evidence."""
    return standings([section])


def standings(sections: Sequence[Section]) -> str:
    """Return how many claims of some sections are proven, refuted, without evidence."""
    found = [claim.standing for section in sections for claim in section.claims]
    words = (("PROVEN", "proven"), ("REFUTED", "refuted"), ("NO EVIDENCE", "without evidence"))
    return ", ".join(f"{found.count(kind)} {word}" for kind, word in words if kind in found)
