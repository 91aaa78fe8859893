"""What a store has of a service's log: spans that were listed to their end, and the listing that is under way.

STORE/pulls.json is the checkpoint of a pull, written by rename after each page, so that a run killed anywhere goes on
with the next one.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace

from pipeline.errors import StoreError
from pipeline.stores.local import LocalStore

_FILE = "pulls.json"


@dataclass(frozen=True)
class Span:
    """A half-open span of time whose entries were listed to the end. listed: when that began. All in ns since 1970."""

    scope: str
    start: int
    end: int
    listed: int


@dataclass(frozen=True)
class Listing:
    """A listing under way, over [start, end), in ns since 1970.

    received: only what was received from then on, or None. since: the start in the filter that `token` belongs to.
    position: the largest timestamp read. parts: names of the pages read that are in no slice yet. writing: the slice
    that they are being made to. done: the last page was read.
    """

    scope: str
    start: int
    end: int
    listed: int
    received: int | None = None
    since: int = 0
    token: str | None = None
    position: int = 0
    parts: tuple[str, ...] = ()
    next_part: int = 0
    rows: int = 0
    writing: str | None = None
    done: bool = False


@dataclass
class Coverage:
    """The spans and the listing of one store; `save` after each change that must outlive the process."""

    store: LocalStore
    spans: list[Span] = field(default_factory=list)
    open: Listing | None = None

    def save(self) -> None:
        """Write the checkpoint."""
        document = {"spans": [asdict(span) for span in self.spans], "open": asdict(self.open) if self.open else None}
        self.store.write_document(_FILE, document)

    def cover(self, new: Span) -> None:
        """Count a span as listed; what older spans say of its time no longer holds."""
        kept = [piece for span in self.spans for piece in _without(span, new)]
        merged: list[Span] = []
        for span in sorted([*kept, new], key=lambda one: (one.scope, one.start)):
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
        if any(one.received is not None for one in going) or not covered:
            late = []
        else:
            first, last = max(start, min(one.start for one in covered)), min(end, max(one.end for one in covered))
            since = min(one.listed for one in covered) - VISIBLE_NS
            late = [Listing(scope, first, last, now, received=since, since=first, position=first)]
        full = [Listing(scope, low, high, now, since=low, position=low) for low, high in gaps]
        return [*going, *full, *late]


#: So long after it is received an entry can be found for certain, in ns.
VISIBLE_NS = 600 * 10**9


def load(store: LocalStore) -> Coverage:
    """Return what a store has, with what a killed run left half-done taken back."""
    document = store.document(_FILE)
    try:
        spans = [Span(**span) for span in document.get("spans", [])]
        given = document.get("open")
        going = Listing(**{**given, "parts": tuple(given["parts"])}) if given else None
    except (TypeError, KeyError, AttributeError) as error:
        raise StoreError(str(store.path / _FILE), f"cannot be used ({error}); remove it to rebuild it") from error
    found = Coverage(store, spans, going)
    if going and going.writing:
        for table in ("events", "entries"):
            store.drop(table, going.writing)
        found.open = replace(going, writing=None)
        found.save()
    for path in store.slices("parts"):
        if not going or path.stem not in going.parts:
            store.drop("parts", path.stem)
    return found


def _without(span: Span, taken: Span) -> list[Span]:
    """The pieces of a span outside of another one of its scope."""
    if span.scope != taken.scope or span.end <= taken.start or span.start >= taken.end:
        return [span]
    pieces = [replace(span, end=taken.start), replace(span, start=taken.end)]
    return [piece for piece in pieces if piece.start < piece.end]


def _gaps(start: int, end: int, taken: Iterable[Span | Listing]) -> list[tuple[int, int]]:
    """The parts of [start, end) that no span takes."""
    gaps = []
    for one in sorted(taken, key=lambda span: span.start):
        if one.start > start:
            gaps.append((start, min(one.start, end)))
        start = max(start, one.end)
        if start >= end:
            break
    if start < end:
        gaps.append((start, end))
    return gaps
