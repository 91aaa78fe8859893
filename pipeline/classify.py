"""Entries to events: what the catalogue explains, the effective level, and signatures of what it does not."""

import polars as pl

from parsers import lines
from parsers.signature import NOTABLE, signatures
from parsers.to_polars import INPUT, Classifier
from pipeline.schema import EVENTS, polars_schema


def classify(entries: pl.DataFrame, classifier: Classifier) -> pl.DataFrame:
    """Return entries as events: one row per entry, in order; event null where no block explains it.

    Unparsed entries have no text, so no block explains them. Request rows have no signature.
    """
    text = lines.strip_ansi(entries["message"])
    # An unparsed entry is not an empty one: it has a text, which is just not known.
    known = pl.when(pl.col("raw").is_null()).then(text).otherwise(pl.lit("?"))
    classified = classifier.classify(entries.with_columns(known.alias("text")).select(INPUT))
    read = lines.read(text, entries["payload"])
    rows = entries.hstack(classified).with_columns(
        pl.when(pl.col("severity") != "DEFAULT")
        .then("severity")
        .otherwise(pl.coalesce(read["level"], pl.lit("DEFAULT")))
        .alias("level"),
        read["logger"].alias("component"),
        pl.Series("signature", [None], dtype=pl.String).new_from_index(0, entries.height),
    )
    signed = rows.select(
        pl.col("http_status").is_null()
        & pl.col("message").is_not_null()
        & (pl.col("event").is_null() | pl.col("outcome").is_in(NOTABLE))
    ).to_series()
    where = signed.arg_true()
    if len(where):
        signature = rows["signature"].clone().scatter(where, signatures(read["body"].gather(where), text.gather(where)))
        rows = rows.with_columns(signature.alias("signature"))
    return rows.select(polars_schema(EVENTS).names()).cast(dict(polars_schema(EVENTS)))  # type: ignore[arg-type]
