"""What was pulled of one log: spans that were listed to their end, and the listing that is under way.

It is the checkpoint of a Cloud Logging source, a JSON document that the store keeps beside the entries.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace

from pipeline.errors import SourceError
from pipeline.sources.base import Checkpoint

#: So long after it is received an entry can be found for certain, in ns.
VISIBLE_NS = 600 * 10**9

#: A clock may be set back by so much, in ns, without having been wrong before.
STEP_NS = 60 * 10**9


@dataclass(frozen=True)
class Span:
    """A half-open span of time whose entries were listed to the end. All in ns since 1970.

    listed: what was received until then was read; see `Listing.span`.
    """

    scope: str
    start: int
    end: int
    listed: int


@dataclass(frozen=True)
class Listing:
    """A listing under way, over [start, end), in ns since 1970.

    received: only what was received from then on, or None. since: the start in the filter that `token` belongs to.
    position: the largest timestamp read. seen: fingerprints of the entries read at that timestamp, for a listing that
    starts there anew. newest: the largest receiveTimestamp read. done: the last page was read.
    """

    scope: str
    start: int
    end: int
    listed: int
    received: int | None = None
    since: int = 0
    token: str | None = None
    position: int = 0
    seen: tuple[str, ...] = ()
    rows: int = 0
    newest: int = 0
    done: bool = False

    def answered(self, server_ns: int | None) -> "Listing":
        """Return the listing after an answer of the server: it began at the server's time, if that is the earlier."""
        return self if server_ns is None else replace(self, listed=min(self.listed, server_ns))

    def span(self, end: int | None = None) -> Span | None:
        """Return what is listed once it was read to `end`, by default to its own end; None for nothing.

        No clock is trusted further than need be. Nothing after the beginning of the listing is covered, by the clock of
        this machine or of the server, whichever is behind. Where the listing goes up to about then, what was received
        after the newest entry read is asked for again; it is little, and right whatever the clocks say.
        """
        end = min(self.end if end is None else end, self.listed)
        if end <= self.start:
            return None
        listed = self.listed
        if end > listed - VISIBLE_NS:
            before = self.start if self.received is None else self.received + VISIBLE_NS
            listed = min(listed, max(before, self.newest))
        return Span(self.scope, self.start, end, listed)


@dataclass
class Pulled:
    """The spans and the listing of one log."""

    spans: list[Span] = field(default_factory=list)
    open: Listing | None = None

    def checkpoint(self) -> Checkpoint:
        """Return it as a document, of which `load` makes it again."""
        return {"spans": [asdict(span) for span in self.spans], "open": asdict(self.open) if self.open else None}

    def forget_future(self, now: int) -> int:
        """Drop what a clock wrote down that was ahead, so that it is read again; return by how much it was, in ns."""
        moments = [moment for span in self.spans for moment in (span.end, span.listed)]
        if self.open:
            moments.append(self.open.listed)
        ahead = max([0, *(moment - now for moment in moments)])
        if ahead <= STEP_NS:
            return 0
        self.spans = [span for span in self.spans if max(span.end, span.listed) <= now + STEP_NS]
        if self.open and self.open.listed > now + STEP_NS:
            self.open = None
        return ahead

    def cover(self, new: Span | None) -> None:
        """Count a span as listed; what older spans say of its time no longer holds."""
        if new is None:
            return
        kept = [piece for span in self.spans for piece in _without(span, new)]
        merged: list[Span] = []
        for span in sorted([*kept, new], key=lambda span: (span.scope, span.start)):
            last = merged[-1] if merged else None
            if last and (last.scope, last.end, last.listed) == (span.scope, span.start, span.listed):
                merged[-1] = replace(last, end=span.end)
            else:
                merged.append(span)
        self.spans = merged

    def plan(self, scope: str, start: int, end: int, now: int) -> list[Listing]:
        """Return the listings that complete [start, end): gaps as a whole, of the rest what was received since then.

        A listing under way goes first, and needs nothing more: its rest is a part of what is wanted, or it was closed.
        """
        going = [self.open] if self.open else []
        covered = [span for span in self.spans if span.scope == scope and span.start < end and span.end > start]
        gaps = _gaps(start, end, [*covered, *going])
        if any(listing.received is not None for listing in going) or not covered:
            late = []
        else:
            first = max(start, min(span.start for span in covered))
            last = min(end, max(span.end for span in covered))
            since = min(span.listed for span in covered) - VISIBLE_NS
            late = [Listing(scope, first, last, now, received=since, since=first, position=first)]
        full = [Listing(scope, low, high, now, since=low, position=low) for low, high in gaps]
        return [*going, *full, *late]


def load(source: str, checkpoint: Checkpoint | None) -> Pulled:
    """Return what a checkpoint says. Raises SourceError for a document that is none."""
    if checkpoint is None:
        return Pulled()
    try:
        listing = checkpoint["open"]
        return Pulled(
            [Span(**span) for span in checkpoint["spans"]],
            Listing(**{**listing, "seen": tuple(listing["seen"])}) if listing else None,
        )
    except (TypeError, KeyError, AttributeError) as error:
        raise SourceError(source, f"its checkpoint cannot be used ({error})", "use another --store") from error


def _without(span: Span, taken: Span) -> list[Span]:
    """The pieces of a span outside of another one of its scope."""
    if span.scope != taken.scope or span.end <= taken.start or span.start >= taken.end:
        return [span]
    pieces = [replace(span, end=taken.start), replace(span, start=taken.end)]
    return [piece for piece in pieces if piece.start < piece.end]


def _gaps(start: int, end: int, taken: Iterable[Span | Listing]) -> list[tuple[int, int]]:
    """The parts of [start, end) that no span takes."""
    gaps = []
    for span in sorted(taken, key=lambda span: span.start):
        if span.start > start:
            gaps.append((start, min(span.start, end)))
        start = max(start, span.end)
        if start >= end:
            break
    if start < end:
        gaps.append((start, end))
    return gaps
