"""BigQuery as the engine: one statement classifies the window's entries, then the files of `sql/` run as written."""

from typing import TYPE_CHECKING

import polars as pl

from parsers.model import Catalogue
from pipeline import googlesql
from pipeline.warehouse import Address, Warehouse
from pipeline.window import Bounds

if TYPE_CHECKING:
    from google.cloud import bigquery


class BigQueryEngine:
    """Classifies and measures a window of a store. The entries are read once; measures read the events' columns.

    bounds: the half-open window in ns since 1970, None for an open side; rows without a timestamp belong to every
    window. requests_until_ns: request rows from then on are no requests yet; as events they count. Every method raises
    BigQueryError where BigQuery refuses.
    """

    def __init__(
        self, warehouse: Warehouse, address: Address, bounds: Bounds, requests_until_ns: int | None = None
    ) -> None:
        self._warehouse = warehouse
        self._address = address
        self._bounds = bounds
        self._until_ns = requests_until_ns
        self._jobs: dict[str, bigquery.QueryJob] = {}

    def classify(self, catalogue: Catalogue) -> None:
        """Replace the window's events by what the catalogue makes of its entries now, in one step."""
        self._warehouse.run(self.classification(catalogue), "classify")

    def classification(self, catalogue: Catalogue) -> str:
        """Return the statement that `classify` runs."""
        return googlesql.classify(catalogue, self._address.path("entries"), self._address.path("events"), *self._bounds)

    def start(self) -> None:
        """Start all measures, so that they run side by side."""
        for name in googlesql.measures():
            self._jobs[name] = self._warehouse.start(self.query(name), f"measure-{name}")

    def query(self, name: str) -> str:
        """Return the query of one measure."""
        return googlesql.measure(name, self._address.path("events"), googlesql.within(*self._bounds), self._until_ns)

    def measure(self, name: str) -> pl.DataFrame:
        """Return the rows of `sql/measures/NAME.sql`, sorted, for BigQuery gives them in any order."""
        job = self._jobs.pop(name, None) or self._warehouse.start(self.query(name), f"measure-{name}")
        rows = self._warehouse.frame(self._warehouse.wait(job))
        return rows.sort(rows.columns)
