"""Why nothing was judged, or not all, in words."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from parsers.redact import redact_text
from pipeline.extract import Extraction
from pipeline.judge.numbers import count

#: A message names so many services or revisions that were seen.
_MAX_NAMES = 20


def incomplete(extraction: Extraction) -> tuple[str, ...]:
    """Return what of the sources is missing or may be, in sentences."""
    cut = sorted({redact_text(Path(met.source).name) for met in extraction.reports if met.truncated})
    sentences = [f"{', '.join(cut)} {'are' if len(cut) > 1 else 'is'} cut off: the rest is missing"] if cut else []
    return (*sentences, *sorted({redact_text(met.incomplete) for met in extraction.reports if met.incomplete}))


def nothing_judged(
    extraction: Extraction,
    numbers: dict[str, int],
    revisions: pl.DataFrame,
    *,
    service: str | None,
    revision: str,
) -> list[str]:
    """Return why nothing was judged, in words, and what was seen in its place.

    numbers: the totals. revisions: the measure. service, revision: those that were asked for.
    """
    if not numbers["kept"]:
        if extraction.outside:
            return [f"none of the {extraction.outside:,} entries is within the window; change --since or --until"]
        if extraction.failed:
            return ["nothing could be read"]
        return ["the sources hold no entry"]
    services = revisions["service"].drop_nulls().unique().sort().to_list()
    if service and service not in services:
        return [f"no entry of service {service!r}; seen were: {names_of(services)}"]
    if revision not in ("newest", "serving", "every"):
        rows = revisions.filter(pl.col("service") == service) if service else revisions
        seen = rows["revision"].drop_nulls().unique().sort().to_list()
        return [f"no entry of revision {revision!r}; seen were: {names_of(seen)}"]
    counted = f"{count(numbers['kept'], 'entry', 'entries')}, {numbers['unparsed']:,} of them unparsed"
    named = f"; the services, jobs and worker pools in them: {names_of(services)}" if services else ""
    return [f"no entry names a revision or an execution ({counted}{named})"]


def names_of(names: Sequence[str]) -> str:
    """Return the first names of a list, in words."""
    more = f" and {len(names) - _MAX_NAMES:,} more" if len(names) > _MAX_NAMES else ""
    return (", ".join(names[:_MAX_NAMES]) or "none") + more
