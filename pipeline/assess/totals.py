"""Totals of a run, and whether they reconcile: nothing is lost between the files and the verdict."""

from collections.abc import Iterable

import polars as pl

from pipeline.judge.model import Verdict


def totals(revisions: pl.DataFrame, *, read: int, duplicates: int) -> dict[str, int]:
    """Return the totals of a run: entries read, kept, parsed, explained, and those of no service.

    read, duplicates: as the extraction counted them; the others are counted from the events.
    """
    kept, unparsed = int(revisions["entries"].sum()), int(revisions["unparsed"].sum())
    return {
        "read": read,
        "kept": kept,
        "duplicates": duplicates,
        "parsed": kept - unparsed,
        "unparsed": unparsed,
        "explained": int(revisions["explained"].sum()),
        "unexplained": int(revisions["unexplained"].sum()),
        "unattributed": int(revisions.filter(pl.col("service").is_null())["entries"].sum()),
    }


def unreconciled(numbers: dict[str, int], verdicts: Iterable[Verdict]) -> list[str]:
    """Return every sum that does not hold, in words; empty where all totals reconcile."""
    sums = [
        ("read = kept + duplicates", numbers["read"], numbers["kept"] + numbers["duplicates"]),
        ("kept = parsed + unparsed", numbers["kept"], numbers["parsed"] + numbers["unparsed"]),
        ("parsed = explained + unexplained", numbers["parsed"], numbers["explained"] + numbers["unexplained"]),
    ]
    for one in verdicts:
        name = f"{one.service} {one.revision}"
        for inputs in (one.inputs, one.service_level):
            sums += [
                (f"{name}: parsed = explained + unexplained", inputs.parsed, inputs.explained + inputs.unexplained),
                (f"{name}: entries = parsed + unparsed", inputs.entries, inputs.parsed + inputs.unparsed),
                (f"{name}: entries by log", inputs.entries, sum(inputs.by_log.values())),
                (f"{name}: entries by severity", inputs.entries, sum(inputs.by_severity.values())),
                (f"{name}: entries by level", inputs.entries, sum(inputs.by_level.values())),
            ]
        lines = sum(event.lines for event in one.events)
        sums.append((f"{name}: explained = lines of its events", one.inputs.explained, lines))
        rows = sum(endpoint.n for endpoint in one.requests.by_endpoint)
        sums.append((f"{name}: requests by endpoint", one.requests.n, rows))
    return [f"{text}: {left:,} and {right:,}" for text, left, right in sums if left != right]
