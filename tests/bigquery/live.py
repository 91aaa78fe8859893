"""What only a real project can show of BigQuery, once: bytes, slot time, pruning, and whether the planner takes it all.

    RUNVERDICT_BIGQUERY_PROJECT=my-project python -m tests.bigquery.live [--gb 10] [--out live.md]

A table as a sink writes it, of so many GB over three days, is made of made-up logs in a dataset of its own, which goes
at the end; then it is judged whole, so that each statement meets all of it. Costs about 0.60 USD at 10 GB. The table
that it prints says what each statement was billed; the exit code is 1 where one of the claims does not hold.
"""

import argparse
import logging
import os
import sys
import uuid
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from parsers.model import load
from pipeline import googlesql
from pipeline.aggregate.bigquery import BigQueryEngine
from pipeline.judge.policy import load as load_policy
from pipeline.run import Job, check
from pipeline.run_tables import AFTER, EVENTS_TABLE, RunTables
from pipeline.simulate import simulate
from pipeline.sources.base import Access, Request, open_sources
from pipeline.sources.records import SourceReport
from pipeline.stores.base import StoreOptions, open_store
from pipeline.warehouse import parse, price_usd
from pipeline.window import Window
from tests.bigquery.sink import sink

LOG, BASE = "run_googleapis_com_stderr", "base"
DAYS = 3
#: Bytes of an entry in a sink's table, about.
ENTRY_BYTES = 950

COPIES = """
insert into `{dataset}.{log}` ({names})
select {values}
from `{dataset}.{base}` as t
cross join unnest(generate_array(0, {n} - 1)) as k
"""
MOVED = {
    "insertId": "concat(t.insertId, '-', cast(k as string))",
    "timestamp": "timestamp_micros(unix_micros(t.timestamp) + {offset_us} + div((k * {span_us}), {n}))",
}


@dataclass(frozen=True)
class Claim:
    """What was claimed, whether it held (None: it cannot be seen here), and what was seen."""

    text: str
    holds: bool | None
    seen: str


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gb", type=float, default=10.0)
    parser.add_argument("--out", help="write the report there, too")
    parser.add_argument("--packs", help="packs of the catalogue, by commas; default: all")
    options = parser.parse_args(arguments)
    if not (project := os.environ.get("RUNVERDICT_BIGQUERY_PROJECT")):
        raise SystemExit("RUNVERDICT_BIGQUERY_PROJECT names no project")
    os.environ.setdefault("RUNVERDICT_PSEUDONYM_KEY", uuid.uuid4().hex)
    catalogue = load(options.packs.split(",")) if options.packs else load()
    with dataset_of(project) as (client, place):
        report, claims = measured(client, place, catalogue, options.gb)
    print(report)
    if options.out:
        Path(options.out).write_text(report, encoding="utf-8")
    return 1 if any(claim.holds is False for claim in claims) else 0


@contextmanager
def dataset_of(project):
    """A dataset of its own, gone at the end."""
    emulated = os.environ.get("BIGQUERY_EMULATOR_HOST")
    client = bigquery.Client(project, AnonymousCredentials() if emulated else None)
    name = f"runverdict_live_{uuid.uuid4().hex[:12]}"
    client.create_dataset(f"{project}.{name}")
    try:
        yield client, f"bigquery://{project}.{name}"
    finally:
        client.delete_dataset(f"{project}.{name}", delete_contents=True, not_found_ok=True)
        client.close()


def measured(client, place, catalogue, gb):
    """The report as Markdown, and its claims."""
    window, n_entries = fill(client, place, gb)
    (source,) = open_sources([f"{place}.{LOG}"], Access(is_store_in_bigquery=True))
    store = open_store(place, StoreOptions())
    request = Request(window)
    coming = [source.estimate(request)]
    expected = coming[0].bytes_read + sum(step.bytes_read for step in store.estimate(window, coming))
    with Jobs() as jobs:
        run = check(Job([source], catalogue, load_policy(), request), store)
    steps = jobs.steps(store.warehouse)
    with Jobs() as jobs:
        in_parts(store, source, catalogue, request)
    parts = jobs.steps(store.warehouse)
    billed = sum(step["billed"] for step in steps.values())
    claims = [
        Claim("each entry is read once", run.totals["read"] == n_entries, f"{run.totals['read']:,} of {n_entries:,}"),
        Claim("the planner takes the classification in one statement", "gather" not in steps, first(steps)),
        Claim("and in three parts", "search" in parts, first(parts)),
        about("a dry run is within 10 % of what is billed", expected, billed),
        *pruned(client, place, store, source, catalogue, window),
        streamed(place, window, n_entries),
    ]
    return rendered(gb, n_entries, steps, parts, claims), claims


def first(steps):
    """The names of the first steps."""
    return ", ".join(list(steps)[:6])


def fill(client, place, gb):
    """Make the sink's table; return its window, and how many entries it has."""
    name = parse(place).dataset
    entries = list(simulate("auth-outage", seed=1, minutes=10, requests_per_minute=60))
    entries = [entry for entry in entries if "jsonPayload" not in entry]
    sink(client, name, entries, BASE)
    first = min(datetime.fromisoformat(entry["timestamp"]) for entry in entries)
    last = max(datetime.fromisoformat(entry["timestamp"]) for entry in entries)
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    start = today - timedelta(days=DAYS + 1)
    n = max(int(gb * 1e9 / ENTRY_BYTES / len(entries)), DAYS * 2)
    micro = timedelta(microseconds=1)
    schema = client.get_table(f"{client.project}.{name}.{BASE}").schema
    table = bigquery.Table(f"{client.project}.{name}.{LOG}", schema)
    table.time_partitioning = bigquery.TimePartitioning(field="timestamp")
    client.create_table(table)
    names = [field.name for field in schema]
    numbers = {
        "n": n,
        "offset_us": (start - first) // micro,
        "span_us": (timedelta(days=DAYS) - (last - first)) // micro,
    }
    values = ", ".join(MOVED.get(column, f"t.{column}").format(**numbers) for column in names)
    dataset = f"{client.project}.{parse(place).dataset}"
    copies = COPIES.format(dataset=dataset, log=LOG, base=BASE, names=", ".join(names), values=values, n=n)
    client.query(copies).result()
    client.delete_table(f"{client.project}.{name}.{BASE}")
    return Window(start, start + timedelta(days=DAYS)), n * len(entries)


class Jobs(logging.Handler):
    """The jobs that a warehouse starts, by what it logs of them."""

    def __init__(self):
        super().__init__()
        self.started = []

    def emit(self, record):
        if "started" in record.msg:
            self.started.append(record.args)

    def __enter__(self):
        log = logging.getLogger("pipeline.warehouse")
        log.setLevel(logging.INFO)
        log.addHandler(self)
        return self

    def __exit__(self, *_):
        logging.getLogger("pipeline.warehouse").removeHandler(self)

    def steps(self, warehouse):
        """What each step took: statements, bytes billed, slot milliseconds, seconds."""
        steps = defaultdict(lambda: {"n": 0, "billed": 0, "slot_ms": 0, "s": 0.0})
        for name, job_id in self.started:
            job, step = warehouse.client.get_job(job_id, location=warehouse.location), steps[name]
            step["n"] += 1
            step["billed"] += job.total_bytes_billed or 0
            step["slot_ms"] += job.slot_millis or 0
            step["s"] += (job.ended - job.started).total_seconds() if job.ended and job.started else 0.0
        return dict(steps)


def in_parts(store, source, catalogue, request):
    """The classification as it is sent where the planner refuses it at once."""
    query = source.query(request, SourceReport(source.address))
    engine = BigQueryEngine(store.warehouse, store.dataset, uuid.uuid4().hex[:12])
    parameters = {"pseudonym_key": os.environ["RUNVERDICT_PSEUDONYM_KEY"]}
    try:
        engine._classify_in_parts(catalogue, None, [query.text], request.window.bounds, None, parameters)
    finally:
        engine.drop()


def pruned(client, place, store, source, catalogue, window):
    """That a day of the three is read alone: of a sink's table, of stored entries, and one side of a run's events."""
    day = Window(window.start, window.start + timedelta(days=1))
    whole, part = (source.estimate(Request(asked)).bytes_read for asked in (window, day))
    yield third("a sink's table is read by the day", part, whole)
    entries = store.dataset.path("entries")
    query = source.query(Request(window), SourceReport(source.address))
    names = ", ".join(column.name for column in googlesql.STORED)
    limited = f"select * from (\n{query.text}) where mod(unix_micros(timestamp), 50) = 0"
    parameters = {"pseudonym_key": "k"}
    store.warehouse.run(f"insert into {entries} ({names})\n{limited}", "fill", parameters)
    stored = f"select * from {entries}"
    whole, part = (
        store.warehouse.estimate(googlesql.branches(stored, *asked.bounds), "entries") for asked in (window, day)
    )
    yield third("stored entries are read by the hour", part, whole)
    update = googlesql.merge(entries, f"select * from {entries} where false", *day.bounds, updates=False)
    yield third("and merged by the hour", store.warehouse.estimate(update, "merge"), whole)
    tables = RunTables(lambda table: store.dataset.path(f"run_live_{table}"))
    cut_ns = (window.bounds[0] + window.bounds[1]) // 2
    small = load(["requests"])
    store.warehouse.run(tables.classify(small, entries, [], window.bounds, cut_ns), "fill", parameters)
    columns = "select sum(length(message)) as n, min(timestamp_ns) as first_ns"
    events = store.dataset.path(f"run_live_{EVENTS_TABLE}")
    side = f"part between {4 * AFTER} and {4 * AFTER + 3}"
    whole, part = (
        store.warehouse.estimate(f"{columns} from {events} where {condition}", "events") for condition in ("true", side)
    )
    client.delete_table(events.strip("`"))
    text = "a run's events are read by their side of the window"
    yield Claim(text, shown(part <= 0.7 * whole, whole), f"{part:,} of {whole:,} bytes")


def streamed(place, window, n_entries):
    """That the Storage Read API gives the same entries, and how quickly."""
    (source,) = open_sources([f"{place}.{LOG}"], Access())
    hour = Window(window.start, window.start + timedelta(hours=1))
    report, begin = SourceReport(source.address), datetime.now(UTC)
    rows = sum(batch.rows.height for batch in source.batches(Request(hour), report))
    seconds = (datetime.now(UTC) - begin).total_seconds()
    held = not report.notes and 0 < rows < n_entries
    return Claim(
        "the Storage Read API gives an hour alone", held, f"{rows:,} entries in {seconds:.1f} s; {report.notes}"
    )


def third(text, part, whole):
    return Claim(text, shown(part <= 0.4 * whole, whole), f"{part:,} of {whole:,} bytes")


def about(text, expected, billed):
    """Whether a number of bytes is within a tenth of another."""
    return Claim(text, shown(abs(expected - billed) <= 0.1 * billed, billed), f"{expected:,} and {billed:,} bytes")


def shown(holds, whole):
    """Whether it holds; None where bytes are not counted, as in an emulator."""
    return holds if whole else None


def rendered(gb, n_entries, steps, parts, claims):
    """The report."""
    marks = {True: "yes", False: "**no**", None: "not to be seen here"}
    lines = [
        f"# BigQuery, {datetime.now(UTC):%Y-%m-%d}",
        "",
        f"A sink's table of {n_entries:,} entries ({gb:g} GB) over {DAYS} days, judged whole.",
        "",
        "| claim | holds | seen |",
        "|---|---|---|",
        *(f"| {claim.text} | {marks[claim.holds]} | {claim.seen} |" for claim in claims),
        "",
        "| step | statements | bytes billed | USD | slot ms | s |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for name, step in [*steps.items(), *((f"{name}, in parts", step) for name, step in parts.items())]:
        usd = price_usd(step["billed"])
        lines.append(
            f"| {name} | {step['n']} | {step['billed']:,} | {usd:.4f} | {step['slot_ms']:,} | {step['s']:.1f} |"
        )
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    sys.exit(main())
