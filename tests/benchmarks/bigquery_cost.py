"""Bytes and price of one `check` in BigQuery at 1 GB, 1 TB and 100 TB of logs a day, from the layout of the tables.

    python -m tests.benchmarks.bigquery_cost [--hours 1]

Made-up entries give the average bytes of each column, as BigQuery counts them: 8 for a number or a time, 2 and its
UTF-8 bytes for a text, nothing for null. A day is a partition, so a check of an hour reads one day of the sink, two
around midnight. The store holds the windows that were checked: here this one. Of each statement the columns count that
it names.
"""

import argparse
import json
import re

import polars as pl

from parsers.model import load
from parsers.to_polars import Classifier
from pipeline import googlesql as sql
from pipeline.classify import classify
from pipeline.extract import content, to_entries
from pipeline.schema import EVENTS
from pipeline.simulate import simulate
from pipeline.sources.log_entry import EntryReader
from pipeline.warehouse import price_usd

VOLUMES = {"1 GB": 10**9, "1 TB": 10**12, "100 TB": 10**14}


def column_bytes(frame):
    """Average bytes per row of each column."""
    return {
        name: frame.select(
            (pl.col(name).str.len_bytes() + 2).fill_null(0).mean()
            if dtype == pl.String
            else pl.col(name).is_not_null().mean() * 8
        ).item()
        for name, dtype in frame.schema.items()
    }


def layout():
    """Bytes per entry: as JSON in the log, and of each column of entries and events."""
    lines = [json.dumps(one).encode() for one in simulate("healthy", seed=1, minutes=10, requests_per_minute=60)]
    with EntryReader() as reader:
        rows = reader.read(lines)
    entries = to_entries(rows, "bigquery://demo.logs.run_googleapis_com_stderr", b"k")
    entries = entries.with_columns(content(rows, b"k"))
    events = classify(entries.drop("content"), Classifier(load()))
    return sum(map(len, lines)) / len(lines), column_bytes(entries), column_bytes(events)


def named(text, columns):
    """The columns that a statement names."""
    words = set(re.findall(r"[a-z_]+", re.sub(r"--[^\n]*", "", text)))
    return [name for name in columns if name in words]


def steps(hours):
    """Each step of a check, with the bytes that it reads per byte of a day's logs."""
    raw, entries, events = layout()
    share = hours / 24
    key = ("log_name", "timestamp_ns", "insert_id", "timestamp", "content")
    columns = [column.name for column in EVENTS]
    queries = [sql.measure(name, "events", "timestamp timestamp_ns") for name in sql.measures()]
    yield "read the sink", 1.0
    yield "merge into entries", share * (sum(entries[name] for name in key) + sum(entries.values())) / raw
    yield "classify", share * (sum(entries.values()) + events["timestamp"]) / raw
    yield "measures", share * sum(events[name] for text in queries for name in named(text, columns)) / raw


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=1.0, help="length of the window, within one day")
    hours = parser.parse_args().hours
    print(f"one check of {hours:g} h, bytes read and price on demand, of logs per day:")
    shares = list(steps(hours))
    for volume, day in VOLUMES.items():
        total = 0
        for step, part in shares:
            read = int(day * part)
            total += read
            print(f"  {volume:>6}  {step:20} {read:>22,} bytes  {price_usd(read):>12,.4f} USD")
        print(f"  {volume:>6}  {'in all':20} {total:>22,} bytes  {price_usd(total):>12,.4f} USD")


if __name__ == "__main__":
    main()
