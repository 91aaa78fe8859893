"""Entries to events: what the catalogue explains, the effective level, and signatures of what it does not."""

import polars as pl

from parsers import lines
from parsers.json_levels import payload_level
from parsers.quoted import LOW
from parsers.signature import NOTABLE, signatures
from parsers.to_polars import INPUT, Classifier
from pipeline.schema import EVENTS, polars_schema

#: What decides what an entry is where it is classified with others; `alone` is null there. An unparsed entry may have
#: a message beside its raw text, and then has a signature. What is below WARNING by its payload only quotes failures.
_DECIDES = ("text", "log_id", "severity", "low", "has_message", "alone")


def classify(entries: pl.DataFrame, classifier: Classifier, *, whole: bool = True) -> pl.DataFrame:
    """Return entries as events: one row per entry, in order; event null where no block explains it.

    whole: with the logger that a payload names.

    Unparsed entries have no text, so no block explains them. Request rows have no signature. What repeats is
    classified once.
    """
    text = lines.strip_ansi(entries["message"])
    # An unparsed entry is not an empty one: it has a text, which is just not known.
    known = pl.when(pl.col("raw").is_null()).then(text).otherwise(pl.lit("?"))
    given = entries.with_columns(known.alias("text")).select(INPUT)
    stated = _stated(entries)
    first, at = _distinct(given, stated.is_in(LOW), entries["message"].is_not_null(), classifier)
    distinct = _classified(given[first], text.gather(first), entries["message"].gather(first), classifier)
    rows = entries.hstack(distinct[at]).with_columns(
        pl.coalesce(pl.lit(lines.payload_logger(entries["payload"]) if whole else None), "component").alias(
            "component"
        ),
        pl.coalesce(pl.lit(stated), pl.lit(distinct["level"].gather(at)), pl.lit("DEFAULT")).alias("level"),
    )
    return rows.select(polars_schema(EVENTS).names()).cast(dict(polars_schema(EVENTS)))  # type: ignore[arg-type]


def _distinct(
    given: pl.DataFrame, low: pl.Series, has_message: pl.Series, classifier: Classifier
) -> tuple[pl.Series, pl.Series]:
    """The first row of each kind of entry, and for each row the place of its kind among them."""
    numbered = given.with_row_index("row").with_columns(
        classifier.alone(given), low.alias("low"), has_message.alias("has_message")
    )
    numbered = numbered.with_columns(pl.when("alone").then("row").alias("alone"))
    firsts = numbered.select(pl.col("row").first().over(_DECIDES)).to_series()
    first = (firsts == numbered["row"]).arg_true()
    places = pl.repeat(0, given.height, dtype=pl.UInt32, eager=True)
    return first, places.scatter(first, pl.int_range(len(first), dtype=pl.UInt32, eager=True)).gather(firsts)


def _classified(given: pl.DataFrame, text: pl.Series, message: pl.Series, classifier: Classifier) -> pl.DataFrame:
    """What is known of each kind of entry; level and component as its text has them."""
    read = lines.read_texts(text)
    rows = classifier.classify(given).with_columns(read["level"], read["logger"].alias("component"))
    signature = pl.Series("signature", [None], dtype=pl.String).new_from_index(0, given.height)
    notable = pl.col("event").is_null() | pl.col("outcome").is_in(NOTABLE)
    signed = rows.select(
        pl.lit(message.is_not_null())
        # A request row counts by its status; that its answer was cut stands in its text alone.
        & pl.when(pl.lit(given["http_status"].is_null())).then(notable).otherwise(pl.col("outcome") == "degraded")
    ).to_series()
    where = signed.arg_true()
    if len(where):
        signature = signature.scatter(where, signatures(read["body"].gather(where), text.gather(where)))
    return rows.with_columns(signature.alias("signature"))


def _stated(entries: pl.DataFrame) -> pl.Series:
    """The severity as given, else that of the payload, else null: then the text has the level."""
    severity = entries["severity"].fill_null("DEFAULT")
    where = (severity == "DEFAULT").arg_true()
    return severity.scatter(where, payload_level(entries["payload"].gather(where))) if len(where) else severity
