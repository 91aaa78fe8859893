"""What history keeps of a verdict: rows of its tables."""

import hashlib
from collections.abc import Sequence
from datetime import datetime

import polars as pl

from pipeline.assess import profiles, signatures
from pipeline.assess.assess import Assessment
from pipeline.schema import HISTORY, RUN, polars_schema
from pipeline.window import rfc3339_ns


def history_rows(assessment: Assessment) -> tuple[str, dict[str, pl.DataFrame]]:
    """Return the run's name, and its rows of each table of history; the verdict last: a run counts when it is there.

    The name is a digest of identity and covered time, so that a window judged again replaces what was said of it.
    """
    target, window = assessment.target, assessment.verdict.window
    identity = target.identity
    text = "\n".join(part or "" for part in (*identity.values(), window.covered_start, window.covered_end))
    run = hashlib.sha256(text.encode()).hexdigest()[:16]
    keys = [pl.lit(value, pl.String).alias(key) for key, value in {**identity, "run": run}.items()]
    end = pl.lit(_moment(window.covered_end), pl.Datetime("us")).dt.replace_time_zone("UTC").alias("window_end")
    own = {
        "signatures": assessment.signatures.select(*signatures.KEY, "n", "n_startup"),
        "verdicts": pl.DataFrame([_verdict(assessment)], schema=_own("verdicts"), orient="row"),
    }
    return run, {table: _cast(table, rows.select(*keys, end, pl.all())) for table, rows in own.items()}


def _cast(table: str, rows: pl.DataFrame) -> pl.DataFrame:
    return rows.cast(dict(polars_schema(HISTORY[table])))  # type: ignore[arg-type]


def _moment(text: str | None) -> datetime | None:
    """RFC 3339 in UTC, with up to nine digits, cut to microseconds."""
    return datetime.fromisoformat(text[:26].rstrip("Z")) if text else None


def _own(table: str) -> pl.Schema:
    """The columns of a table beside who and which run."""
    return pl.Schema({column.name: column.dtype for column in HISTORY[table][len(RUN) :]})


def _verdict(assessment: Assessment) -> Sequence[object]:
    verdict = assessment.verdict
    data, requests = assessment.data, verdict.requests
    return (
        None if data.first_ns is None else rfc3339_ns(data.first_ns),
        None if data.last_ns is None else rfc3339_ns(data.last_ns),
        verdict.verdict,
        verdict.headline,
        verdict.baseline,
        requests.n,
        requests.eligible,
        requests.eligible_5xx / requests.eligible if requests.eligible else None,
        requests.user_latency_ms.p50,
        requests.user_latency_ms.p95,
        verdict.tool.catalogue,
        verdict.tool.policy,
        verdict.model_dump_json(),
        profiles.dump(assessment.data),
    )
