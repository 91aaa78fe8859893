"""Totals of a run, and whether they reconcile: nothing is lost between the files and the verdict."""

from collections.abc import Iterable

import polars as pl

from pipeline.judge.model import Verdict
from pipeline.schema import WORKLOADS

#: Why entries of a type that looks like Cloud Run's are not judged.
_REASONS = {"cloud_function": "Cloud Functions of the first generation, whose log has no revisions and no requests"}


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


def other_types(revisions: pl.DataFrame) -> str:
    """Return what there is of other resource types than Cloud Run's, in words, the most frequent first; maybe empty.

    >>> row = {"workload": "http_load_balancer", "entries": 60, "request_rows": 60, "request_rows_5xx": 9}
    >>> other_types(pl.DataFrame([row]))
    '60 http_load_balancer, of them 9 with a 5xx status'
    >>> counts = {"b": 2, "a": 2, "c": 7}
    >>> rows = [{**row, "workload": name, "entries": n, "request_rows": 0} for name, n in counts.items()]
    >>> other_types(pl.DataFrame(rows))
    '7 c; 2 a; 2 b'
    """
    others = revisions.filter(pl.col("workload").is_not_null() & ~pl.col("workload").is_in(WORKLOADS))
    counts = others.group_by("workload").agg(pl.col("entries", "request_rows", "request_rows_5xx").sum())
    return "; ".join(
        f"{row['entries']:,} {row['workload']}"
        + (f" ({_REASONS[row['workload']]})" if row["workload"] in _REASONS else "")
        + (f", of them {row['request_rows_5xx']:,} with a 5xx status" if row["request_rows"] else "")
        for row in counts.sort("entries", "workload", descending=[True, False]).iter_rows(named=True)
    )


def unreconciled(numbers: dict[str, int], verdicts: Iterable[Verdict]) -> list[str]:
    """Return every sum that does not hold, in words; empty where all totals reconcile."""
    sums = [
        ("read = kept + duplicates", numbers["read"], numbers["kept"] + numbers["duplicates"]),
        ("kept = parsed + unparsed", numbers["kept"], numbers["parsed"] + numbers["unparsed"]),
        ("parsed = explained + unexplained", numbers["parsed"], numbers["explained"] + numbers["unexplained"]),
    ]
    for verdict in verdicts:
        name = f"{verdict.service} {verdict.revision}"
        for inputs in (verdict.inputs, verdict.service_level):
            sums += [
                (f"{name}: parsed = explained + unexplained", inputs.parsed, inputs.explained + inputs.unexplained),
                (f"{name}: entries = parsed + unparsed", inputs.entries, inputs.parsed + inputs.unparsed),
                (f"{name}: entries by log", inputs.entries, sum(inputs.by_log.values())),
                (f"{name}: entries by severity", inputs.entries, sum(inputs.by_severity.values())),
                (f"{name}: entries by level", inputs.entries, sum(inputs.by_level.values())),
            ]
        lines = sum(event.lines for event in verdict.events)
        sums.append((f"{name}: explained = lines of its events", verdict.inputs.explained, lines))
        rows = sum(endpoint.n for endpoint in verdict.requests.by_endpoint)
        sums.append((f"{name}: requests by endpoint", verdict.requests.n, rows))
    return [f"{text}: {left:,} and {right:,}" for text, left, right in sums if left != right]
