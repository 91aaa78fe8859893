"""What a store remembers of its verdicts: enough to compare with later, without the logs.

STORE/history/verdicts/RUN.parquet     one row: who, when, the verdict, its document and the revision's profile as JSON
STORE/history/signatures/RUN.parquet   signature, level, event, outcome, n
"""

from collections.abc import Iterable, Iterator, Mapping

import polars as pl

from pipeline.schema import HISTORY
from pipeline.stores.base import History, Store

#: What is read of every run; the rest is read of those that are compared with.
LISTED = tuple(
    column.name for column in HISTORY["verdicts"] if column.name not in ("document", "profile", "window_end")
)

#: So many documents are read at once: one of 250 endpoints takes a MB of memory meanwhile.
_AT_ONCE = 200


def append(store: Store, run: str, tables: Mapping[str, pl.DataFrame]) -> None:
    """Keep the rows of a run, in place of those there were of it; a killed run leaves whole tables only."""
    for table, rows in tables.items():
        store.save(table, run, rows)


def listed(store: History) -> pl.DataFrame:
    """Return all rows of the table `verdicts` without documents and profiles, the oldest first."""
    return store.load("verdicts", columns=LISTED).sort("service", "started", "revision")


def documents(store: History, verdicts: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Yield run and document of rows of `listed`, some at a time."""
    for rows in verdicts.iter_slices(_AT_ONCE):
        yield store.load("verdicts", rows["run"].to_list(), ("run", "document"))


def profiles(store: Store, chosen: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Return run and profile of all runs of some rows of `listed`, read at once: in BigQuery each time is a query."""
    runs = sorted({run for rows in chosen for run in rows["run"]})
    return store.load("verdicts", runs, ("run", "profile")) if runs else pl.DataFrame(schema={"run": pl.String})


def runs_before(verdicts: pl.DataFrame, identity: Mapping[str, str | None], *, runs: int, wanted: str) -> pl.DataFrame:
    """Return the last runs of other revisions of a service that passed, in order of time; maybe none.

    verdicts: of `listed`. identity: of the revision to judge. wanted: `previous`; `none`, which gives none;
    or the name of a revision, whose last run it is, passed or not.
    """
    service = [pl.col(key).eq_missing(pl.lit(value, pl.String)) for key, value in identity.items() if key != "revision"]
    others = verdicts.filter(*service, pl.col("revision") != identity["revision"]).sort("ended", "run")
    if wanted == "none":
        return others.clear()
    if wanted == "previous":
        served = (pl.col("eligible") > 0) | (pl.col("workload") != "service")
        return others.filter(pl.col("verdict").is_in(["PASS", "WARN"]), served).tail(runs)
    return others.filter(pl.col("revision") == wanted).tail(1)
