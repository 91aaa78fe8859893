"""Signatures of a revision beside its baseline's: what is new, what both have, what is gone."""

from collections.abc import Iterable
from typing import Any

import polars as pl

from pipeline.assess.revision_data import View, time_text
from pipeline.judge.revision_data import SignatureRow, Signatures, SteadyLine, is_grave
from pipeline.text import shown

#: So many rows of each kind become objects, the most severe and most frequent first.
_MOST_ROWS = 1000
_MOST_FRESH = 200

#: Lines that matter without an event, and outcomes that matter with one.
_LEVELS = ("WARNING", "ERROR", "CRITICAL", "ALERT", "EMERGENCY")
_OUTCOMES = ("degraded", "failure", "critical")

#: Levels of lines that say what goes well; those of DEBUG come and go with a setting.
_QUIET_LEVELS = ("DEFAULT", "INFO", "NOTICE")

#: A baseline's line is steady from so many on.
_STEADY_LINES = 20

#: Events that report a request: its row is judged already.
_REQUESTS = ("http.request", "http.access")

KEY = ("signature", "level", "event", "outcome")


def signature_totals(view: View) -> pl.DataFrame:
    """Return one row per signature, level, event and outcome: n, minutes, slots, n_startup and its first entry."""
    first = ("first_ns", "first_log_name", "first_insert_id", "first_excerpt")
    rows = view.rows(view.measures.signatures).select(*KEY, "phase", "n", "minutes", "slots", *first)
    return (
        rows.filter(~pl.col("event").is_in(_REQUESTS))
        .sort("first_ns", "first_log_name", "first_insert_id", nulls_last=True)
        .group_by(KEY, maintain_order=True)
        .agg(
            pl.col("n").sum(),
            pl.col("minutes", "slots").sum(),
            pl.col("n").filter(pl.col("phase") == "startup").sum().alias("n_startup"),
            *(pl.col(name).first() for name in first),
        )
    )


def signatures(
    view: View, baseline: pl.DataFrame, wordings: dict[str, str], before: pl.DataFrame | None = None
) -> Signatures:
    """Return how the signatures of a revision differ from its baseline's.

    baseline: the signature_totals of the baseline, of which KEY, n and n_startup are read.
    wordings: event to a line of it in the baseline. before: signature_totals of the hours just before, if known.
    """
    own = signature_totals(view)
    known = baseline.select("signature").unique()
    matters = (
        pl.when(pl.col("event") == "")
        .then(pl.col("level").is_in(_LEVELS))
        .otherwise(pl.col("outcome").is_in(_OUTCOMES))
    )
    theirs = baseline.group_by("signature").agg(pl.col("n").sum().alias("baseline_n"))
    joined = (
        own.filter(matters).join(theirs, on="signature", how="left").with_columns(pl.col("baseline_n").fill_null(0))
    )
    gone = baseline.filter(matters).join(own.select("signature").unique(), on="signature", how="anti")
    fresh = own.filter(pl.col("event") == "").join(known, on="signature", how="anti")
    fresh = fresh.group_by("signature").agg(pl.col("n").sum()).sort(-pl.col("n"), "signature").head(_MOST_FRESH)
    return Signatures(
        new=tuple(_rows(view, joined.filter(pl.col("baseline_n") == 0))),
        both=tuple(_rows(view, joined.filter(pl.col("baseline_n") > 0))),
        gone=tuple(
            _rows(
                view,
                gone.with_columns(
                    *(pl.lit(0).alias(name) for name in ("n", "minutes", "slots")), pl.col("n").alias("baseline_n")
                ),
            )
        ),
        fresh=tuple((shown(signature), n) for signature, n in fresh.iter_rows()),
        wordings=wordings,
        grave_before=any(is_grave(*kind) for kind in baseline.select("level", "event").unique().iter_rows()),
        steady=() if before is None or "minutes" not in before.columns else _steady(own, before),
    )


def _steady(own: pl.DataFrame, before: pl.DataFrame) -> tuple[SteadyLine, ...]:
    """The baseline's frequent lines below WARNING, other than those of starts, with their count in the revision."""
    quiet = before.filter(pl.col("level").is_in(_QUIET_LEVELS), pl.col("outcome").is_in(("", "ok", "info")))
    often = (
        quiet.group_by("signature")
        .agg(pl.col("event").min(), pl.col("n", "minutes", "n_startup").sum())
        .filter(pl.col("n") >= _STEADY_LINES, 2 * pl.col("n_startup") < pl.col("n"), pl.col("signature") != "(others)")
        .join(own.group_by("signature").agg(pl.col("n").sum().alias("here")), on="signature", how="left")
        .sort(-pl.col("n"), "signature")
        .head(_MOST_ROWS)
    )
    rows = often.select("signature", "event", "n", "minutes", pl.col("here").fill_null(0)).iter_rows()
    return tuple(SteadyLine(shown(signature), *rest) for signature, *rest in rows)


def wordings(view: View) -> dict[str, str]:
    """Return a line of every event that the revision has evidence of."""
    rows = view.rows(view.measures.evidence).filter(pl.col("topic").str.starts_with("event/"))
    first = rows.sort("topic", "place").with_columns(pl.col("topic").str.split("/").list.get(1).alias("event"))
    return dict(first.unique("event", keep="first", maintain_order=True).select("event", "excerpt").iter_rows())


def _rows(view: View, rows: pl.DataFrame) -> Iterable[SignatureRow]:
    severe = [*reversed(_LEVELS)]
    rank = pl.col("level").replace_strict(severe, range(len(severe)), default=len(severe), return_dtype=pl.Int64)
    most = pl.max_horizontal("n", "baseline_n")
    for row in rows.sort(rank, -most, *KEY).head(_MOST_ROWS).iter_rows(named=True):
        yield SignatureRow(
            signature=shown(row["signature"]),
            level=row["level"],
            event=row["event"],
            outcome=row["outcome"],
            startup=2 * row["n_startup"] > max(row["n"], row["baseline_n"]),
            n=row["n"],
            baseline_n=row["baseline_n"],
            minutes=row["minutes"],
            slots=row["slots"],
            first=time_text(row["first_ns"]) if row["n"] else None,
            evidence=(_proof(view, row),) if row["n"] else (),
        )


def _proof(view: View, row: dict[str, Any]) -> Any:
    entry = {"timestamp_ns": row["first_ns"], "log_name": row["first_log_name"], "insert_id": row["first_insert_id"]}
    return view.evidence(entry, row["first_excerpt"] or row["signature"])
