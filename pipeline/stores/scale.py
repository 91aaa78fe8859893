"""Extract, classify and measure with BigQuery as the store: entries go in, and only measures come back."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from parsers.model import Catalogue
from pipeline.aggregate.bigquery import BigQueryEngine
from pipeline.aggregate.measures import Measures, measure
from pipeline.errors import BigQueryError, SourceError
from pipeline.extract import Extraction, extract
from pipeline.googlesql import measures as measure_names
from pipeline.sources.bigquery import bounds, query
from pipeline.sources.cloud_logging.pull import Live
from pipeline.sources.records import SourceReport
from pipeline.stores.bigquery import BigQueryStore
from pipeline.stores.local import LocalStore
from pipeline.warehouse import Place, Warehouse, is_bigquery, parse
from pipeline.window import Window


def fill(
    dataset: BigQueryStore,
    sources: Sequence[str],
    window: Window,
    live: Live | None,
    on_progress: Callable[[str, int], None],
) -> Extraction:
    """Read sources into a store in BigQuery, and return what was met; files and services by way of slices here.

    A source in BigQuery goes there without leaving it. A source that fails does not stop the others.
    """
    stored = dataset.count(bounds(window))
    with tempfile.TemporaryDirectory(prefix="runverdict-") as folder:
        local = LocalStore(Path(folder))
        others = [one for one in sources if not is_bigquery(one)]
        found = extract(others, local, window=window, live=live, on_progress=on_progress)
        for path in local.slices("entries"):
            dataset.add_slice(path)
    found.stored = stored
    for source in sources:
        if is_bigquery(source):
            report = SourceReport(source)
            found.reports.append(report)
            try:
                place = parse(source)
                text = query(_beside(dataset, place), place, window, report)
                report.records = dataset.add_rows(text, bounds(window))
                found.read += report.records
            except BigQueryError as error:
                found.failed.append(SourceError(source, error.reason, error.hint))
            except SourceError as error:
                found.failed.append(error)
    found.duplicates = stored + found.read - dataset.count(bounds(window))
    return found


def measures(
    dataset: BigQueryStore, catalogue: Catalogue, window: Window, requests_until_ns: int | None = None
) -> Measures:
    """Classify the window's entries in the store, and return its measures.

    requests_until_ns: request rows from then on are no requests yet, as they may still run.
    """
    engine = BigQueryEngine(dataset.warehouse, dataset.place, bounds(window), requests_until_ns)
    engine.classify(catalogue)
    engine.start()
    return measure(engine)


def estimate(
    store: str | None, sources: Sequence[str], catalogue: Catalogue, window: Window
) -> Iterator[tuple[str, int]]:
    """Yield what a run would have BigQuery read: each step with its bytes; nothing is run.

    Of a store without tables only the sources are known.
    """
    for source in sources:
        if is_bigquery(source):
            place = parse(source)
            warehouse = Warehouse(place)
            text = query(warehouse, place, window, SourceReport(source))
            yield f"read {source}", warehouse.estimate(text, "source", {"pseudonym_key": "estimate"})
    if store and is_bigquery(store):
        dataset = BigQueryStore(store)
        if dataset.exists():
            engine = BigQueryEngine(dataset.warehouse, dataset.place, bounds(window))
            yield "classify the entries", dataset.warehouse.estimate(engine.classification(catalogue), "classify")
            yield (
                "measure the events",
                sum(dataset.warehouse.estimate(engine.query(one), one) for one in measure_names()),
            )


def _beside(dataset: BigQueryStore, place: Place) -> Warehouse:
    """The source's dataset, which must be in the store's location: no query spans two."""
    warehouse = Warehouse(place)
    if warehouse.location != dataset.warehouse.location:
        reason = f"is in {warehouse.location}, and the store in {dataset.warehouse.location}"
        raise SourceError(str(place), reason, "copy one of them, or use a store in the source's location")
    return warehouse
