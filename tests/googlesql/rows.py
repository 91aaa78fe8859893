"""Rows for the tests of two engines: from logs, from the catalogue, broken on purpose, and made up."""

import polars as pl
from hypothesis import strategies as st

from parsers.check import as_entries
from parsers.model import Example
from pipeline.schema import ENTRIES, polars_schema
from pipeline.stores.local import LocalStore
from tests.conftest import ROOT, extracted, rules
from tests.parsers.test_second_engine import with_mutations

WINDOWS = ROOT.parent / "shared" / "data" / "windows"
SCHEMA = polars_schema(ENTRIES)


def of_windows(folder):
    """All entries of the recorded windows, as a store has them."""
    store = LocalStore(folder)
    extracted(store, *sorted(WINDOWS.iterdir()))
    return pl.concat([store.read("entries", path.stem) for path in store.slices("entries")]).select(SCHEMA.names())


def of_catalogue():
    """Every example and near miss of the catalogue."""
    catalogue, _ = rules()
    examples = [example for event in catalogue.events for example in event.example]
    examples += [Example(line=text) for event in catalogue.events for text in event.near_misses]
    return entries(as_entries(examples).rename({"text": "message"}))


def of_mutations(n=1):
    """The same lines with letters flipped, taken out or put in."""
    return entries(pl.DataFrame({"message": with_mutations(of_catalogue()["message"].drop_nulls().to_list(), n)}))


def entries(frame):
    """Whole entries of the columns given: others null, severity as it is where none was written."""
    nothing = pl.DataFrame(schema=SCHEMA).clear(frame.height)
    return nothing.with_columns(severity=pl.lit("DEFAULT")).with_columns(frame.cast(frame_types(frame)))


def frame_types(frame):
    return {name: SCHEMA[name] for name in frame.columns}


def of_rows(rows):
    return entries(pl.DataFrame(rows, schema={name: SCHEMA[name] for name in rows[0]}))


SPICE = ["", " ", "\n", "é", "日本", "\u2028", "\u00a0", "\x00", "\x1b[31m", '"', "\\", "'", "{}", "<*>", "\u0085"]
WORDS = [
    *("Container called exit(3).", "Traceback (most recent call last)", "\nValueError: no", "ERROR: ", "INFO - "),
    "Truncated response body. Usually implies that the request timed out ",
    *("closed with code 1008: ", "user 10146348", "9" * 25, "1.5e300s", "12ms", "request_id=abc-1", "level=warn "),
    *('{"a": {"level": "x"}, "severity": "error", ', '{"severityNumber":17,"b":"', '{"s":"E","c":"x","ctx":"y"}'),
    *("2026-01-15 09:00:00,123 - shop - ERROR - ", '{"level": 30, "a": {"level": "warn"}}', "/api/orders/17", "-0"),
]
TEXTS = st.lists(st.sampled_from([*SPICE, *WORDS]) | st.text(max_size=6), max_size=5).map("".join)
PAYLOADS = st.sampled_from(
    [
        None,
        "{}",
        '{"level": "warn", "message": "é"}',
        '{"level":30,"inner":{"level":"error"}}',
        '{"inner":{"level":"error"},"severity":"notice"}',
        '{"level":{"a":1},"lvl":"info","x":[{"y":1}]}',
        '{"logger":"shop.é","level":null}',
        '{"levelname":"WARNING","items":[{"a":1}]}',
        '{"level":{"name":"error"},"levelno":30}',
        '{"record":{"level":{"name":"WARNING","no":30}},"text":"x"}',
        '{"body":"x","a":{"severityNumber":9},"severityNumber":17}',
        '{"short_message":"x","level":3}',
        '{"s":"E","c":"NETWORK","ctx":"a"}',
        '{"priority":"ERROR"}',
        '{"@t":"2026-01-05","@mt":"x"}',
    ]
)
ROW = st.fixed_dictionaries(
    {
        "message": st.none() | TEXTS,
        "payload": PAYLOADS,
        "raw": st.none() | st.just("{broken"),
        "severity": st.sampled_from(["DEFAULT", "INFO", "ERROR", "CRITICAL"]),
        "log_id": st.sampled_from([None, "run.googleapis.com/stderr", "run.googleapis.com/varlog/system"]),
        "http_status": st.none() | st.integers(-(2**63), 2**63 - 1) | st.sampled_from([101, 200, 403, 500, 503]),
        "http_latency_ms": st.none() | st.floats(0, 1e9),
        "http_path": st.none() | st.sampled_from(["/ws", "/health", "/é", ""]),
    }
)
