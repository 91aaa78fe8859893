"""Bytes and price of one `check` in BigQuery at 1 GB, 1 TB and 100 TB of logs a day, from the layout of the tables.

    python -m tests.benchmarks.bigquery_cost [--statements]

A check of the last hour with the hour before as its baseline, all services, the first and the last of a day. The sink's
tables have a partition per day, so the scan grows with the day; nothing else does, nor with what the store holds, here
30 days. Made-up logs are classified, and the tables of the run made of them by the statements themselves, in DuckDB:
each statement is billed the columns that it names of the partitions that it reads, as BigQuery counts them: 8 bytes for
a number or a time, 1 for a truth, 2 and its UTF-8 bytes for a text, nothing for null. No statement updates or deletes,
so nothing beside what it reads is billed (https://cloud.google.com/bigquery/docs/reference/standard-sql/dml-syntax).
"before" is what the same check took with days as partitions, entries copied and events replaced.
"""

import argparse
import json
import re

import duckdb
import polars as pl
import sqlglot
from sqlglot import exp

from parsers.model import load
from parsers.to_polars import Classifier
from pipeline import googlesql as sql
from pipeline.classify import classify
from pipeline.extract import content, to_entries
from pipeline.run_tables import AFTER, BEFORE, STEPS, RunTables, Scope
from pipeline.simulate import simulate
from pipeline.sources.log_entry import EntryReader
from pipeline.warehouse import price_usd

VOLUMES = {"1 GB": 10**9, "1 TB": 10**12, "100 TB": 10**14}
TABLES = RunTables("run_{}".format)

#: USD for each hour of 100 TB a day that a day's partitions hold: what each MERGE read and wrote anew, of entries and
#: of events, and what all measures read, of the window and once more of its baseline.
BEFORE_PER_HOUR = {"merge": 25.46, "classify": 46.9, "measures": 238.26}


def logs():
    """A deployment, ten minutes of each revision, as entries and events; and their bytes as JSON."""
    lines = [json.dumps(entry).encode() for entry in simulate("healthy", seed=1, minutes=10, requests_per_minute=60)]
    with EntryReader() as reader:
        rows = reader.read(lines)
    entries = to_entries(rows, "bigquery://demo.logs.run_googleapis_com_stderr", b"k")
    entries = entries.with_columns(content(rows, b"k"))
    return entries, classify(entries.drop("content"), Classifier(load())), sum(map(len, lines))


def run_tables(events):
    """The tables of a run that judges the later half, in DuckDB."""
    cut = int(events["timestamp_ns"].median())
    database = duckdb.connect()
    database.execute("create macro farm_fingerprint(text) as (hash(text) >> 1)::bigint")
    database.register("stored", events.with_columns(copies_1=pl.lit(1, pl.Int64)).to_arrow())
    database.execute(translated(narrow(cut)))
    return database, cut


def narrow(cut):
    """The last steps of the classification, over events."""
    whole = TABLES.classify(load(["cloud_run"]), "stored", ["select 1"], (None, None), cut)
    before = whole[: whole.index("with\n")]
    return f"{before}with events as (select * from stored),\n\nweighed as ({whole.partition('weighed as (')[2]}"


def translated(text):
    """A statement in DuckDB's dialect, without what says how BigQuery keeps a table."""
    text = re.sub(r"(?m)^(?:partition by|options) .*\n", "", text)
    return sqlglot.transpile(text, read="bigquery", write="duckdb")[0]


def statements(cut):
    """Every statement of a check after the classification, in its order."""
    yield "kinds", TABLES.kinds()
    yield "origins", TABLES.origins((cut, None), 1)
    for name, scope in (("window", Scope(cut, None, (AFTER,))), ("baseline", Scope(None, cut, (BEFORE,)))):
        for step in STEPS:
            yield f"table {step} of the {name}", TABLES.step(step, scope)
        for measure in sql.measures():
            yield f"{measure} of the {name}", TABLES.measure(measure, scope)


def billed(database, text):
    """The bytes that a statement is billed: of each reference to a table the columns named, and its partitions."""
    tree = sqlglot.parse_one(text, read="bigquery")
    return sum(scanned(database, table) for table in tree.find_all(exp.Table) if table.name.startswith("run_")) - (
        scanned(database, tree.this) if isinstance(tree, exp.Create) else 0
    )


def scanned(database, table):
    """The bytes of one reference to a table of the run."""
    select = table.find_ancestor(exp.Select)
    if select is None:
        return 0
    columns = duckdb_columns(database, table.name)
    # those of the other side of a join are taken in too, should they have the same name
    named = {column.name for column in select.find_all(exp.Column)}
    names = list(columns) if select.find(exp.Star) in select.expressions else [n for n in columns if n in named]
    parts = next((f"part between {b.args['low']} and {b.args['high']}" for b in select.find_all(exp.Between)), "true")
    condition = parts if table.name == "run_events" else "true"
    sums = " + ".join(f"coalesce(sum({width(name, columns[name])}), 0)" for name in names) or "0"
    return int(database.execute(f"select {sums} from {table.name} where {condition}").fetchone()[0])


def duckdb_columns(database, table):
    return {row[0]: row[1] for row in database.execute(f"describe {table}").fetchall()}


def width(name, dtype):
    if dtype == "VARCHAR":
        return f"2 + octet_length(encode({name}))"
    return f"if({name} is null, 0, {1 if dtype == 'BOOLEAN' else 8})"


def measured():
    """Bytes per entry of each statement after the classification, of a stored entry, and of one as JSON."""
    entries, events, raw = logs()
    database, cut = run_tables(events)
    costs = {}
    for name, text in statements(cut):
        if text.lower().lstrip("- ").find("create or replace table") >= 0:
            database.execute(translated(text))
        costs[name] = billed(database, text) / events.height
    return costs, column_bytes(entries), raw / events.height


def column_bytes(frame):
    """Average bytes per row of all columns."""
    return sum(
        frame.select(
            (pl.col(name).str.len_bytes() + 2).fill_null(0).mean()
            if dtype == pl.String
            else pl.col(name).is_not_null().mean() * 8
        ).item()
        for name, dtype in frame.schema.items()
    )


def before_usd(volume, hour):
    """What the same check took before in the n-th hour of a day, without the sink."""
    share = volume / VOLUMES["100 TB"]
    return share * hour * (BEFORE_PER_HOUR["merge"] + BEFORE_PER_HOUR["classify"] + 2 * BEFORE_PER_HOUR["measures"])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--statements", action="store_true", help="the bytes of each statement, at 100 TB a day")
    costs, stored, raw = measured()
    entry_hours = {name: day / raw / 24 for name, day in VOLUMES.items()}
    # per entry of both hours together, so twice per entry of one
    after = 2 * sum(costs.values())
    if parser.parse_args().statements:
        for name, each in costs.items():
            n_bytes = int(2 * each * entry_hours["100 TB"])
            print(f"{name:32} {n_bytes:>20,} bytes {price_usd(n_bytes):>10.2f} USD")
    print(f"an entry is {raw:.0f} bytes as JSON, {stored:.0f} stored; then {sum(costs.values()):.0f} are read of it")
    print("\nUSD of a check of the last hour, the hour before its baseline:\n")
    print("| logs a day | check of the day | scan of the sink | all else | all else before |")
    print("|---|---|--:|--:|--:|")
    for volume, day in VOLUMES.items():
        for check, hour in (("first", 1), ("24th", 24)):
            # the first one reads the last hour of the day before, which is a whole partition
            sink = price_usd(day * (hour / 24 + (hour == 1)))
            rest = price_usd(int(after * entry_hours[volume]))
            print(f"| {volume} | {check} | {sink:,.4g} | {rest:,.4g} | {before_usd(day, hour):,.4g} |")


if __name__ == "__main__":
    main()
