"""BigQuery as the engine: one statement classifies the window, then the files of `sql/` measure it."""

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import polars as pl

from parsers.model import Catalogue
from pipeline import googlesql
from pipeline.errors import BigQueryError
from pipeline.run_tables import EVENTS_TABLE, KINDS_TABLE, ORIGINS_TABLE, PARTS, STEPS, RunTables, Scope
from pipeline.warehouse import Address, Warehouse, is_too_complex
from pipeline.window import Bounds

if TYPE_CHECKING:
    from google.cloud import bigquery


class BigQueryEngine:
    """Classifies and measures in the tables of one run, which no other run reads or writes.

    run: a name for them that nothing else has. Every method raises BigQueryError where BigQuery refuses.
    """

    def __init__(self, warehouse: Warehouse, address: Address, run: str) -> None:
        self._warehouse = warehouse
        self._address = address
        self._run = run
        self._tables = RunTables(lambda table: address.path(f"run_{run}_{table}"))
        self._jobs: dict[str, bigquery.QueryJob] = {}
        self._scope = Scope()

    def classify(
        self,
        catalogue: Catalogue,
        queries: Sequence[str],
        bounds: Bounds,
        window: Bounds,
        parameters: dict[str, str],
        *,
        stored: bool,
    ) -> tuple[int, list[int]]:
        """Classify the stored entries and those that queries give, each once.

        bounds: of what is read, window: of what is judged, in ns. Returns how many entries the window has, and how many
        rows of it each query gave.
        """
        entries = self._address.path("entries") if stored else None
        cut_ns = window[0] if window[0] != bounds[0] else None
        run, tables = self._warehouse.run, self._tables
        try:
            run(tables.classify(catalogue, entries, queries, bounds, cut_ns), "classify", parameters)
        except BigQueryError as error:
            if not is_too_complex(error):
                raise
            self._classify_in_parts(catalogue, entries, queries, bounds, cut_ns, parameters)
        run(tables.kinds(), "kinds")
        run(tables.origins(window, len(queries)), "origins")
        sums = ", ".join(f"sum({name}) as {name}" for name in ("entries", *_copies(queries)))
        text = f"select {sums} from {tables.path(ORIGINS_TABLE)}"  # noqa: S608 - names of ours
        counts = self._warehouse.frame(run(text, "count")).row(0, named=True)
        return int(counts["entries"] or 0), [int(counts[name] or 0) for name in _copies(queries)]

    def start(self, scope: Scope) -> None:
        """Make the tables that several measures read, and start all measures, so that they run side by side."""
        self._scope = scope
        for name in STEPS:
            self._warehouse.run(self._tables.step(name, scope), f"step-{name}")
        for name in googlesql.measures():
            self._jobs[name] = self._started(name)

    def measure(self, name: str) -> pl.DataFrame:
        """Return the rows of `sql/measures/NAME.sql`, sorted, for BigQuery gives them in any order."""
        job = self._jobs.pop(name, None) or self._started(name)
        rows = self._warehouse.frame(self._warehouse.wait(job))
        return rows.sort(rows.columns)

    def drop(self) -> None:
        """Remove the tables of the run; what cannot be removed now, BigQuery drops within a day."""
        for table in (*PARTS, EVENTS_TABLE, ORIGINS_TABLE, KINDS_TABLE, *STEPS):
            name = f"{self._address.project}.{self._address.dataset}.run_{self._run}_{table}"
            with suppress(BigQueryError), self._warehouse.errors():
                self._warehouse.client.delete_table(name, not_found_ok=True)

    def _started(self, name: str) -> "bigquery.QueryJob":
        return self._warehouse.start(self._tables.measure(name, self._scope), f"measure-{name}")

    def _classify_in_parts(
        self,
        catalogue: Catalogue,
        entries: str | None,
        queries: Sequence[str],
        bounds: Bounds,
        cut_ns: int | None,
        parameters: dict[str, str],
    ) -> None:
        """The same in three statements, each of which asks less of the planner."""
        tables, run = self._tables, self._warehouse.run
        run(tables.gather(entries, queries, bounds), "gather", parameters)
        run(tables.search(catalogue), "search")
        run(tables.classify_searched(catalogue, len(queries), cut_ns), "classify")


def _copies(queries: Sequence[str]) -> list[str]:
    return [f"copies_{number}" for number in range(1, len(queries) + 1)]
