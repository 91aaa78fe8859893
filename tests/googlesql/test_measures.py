"""Every measure gives the same rows by DuckDB and by GoogleSQL's reference implementation."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from parsers.to_polars import Classifier
from pipeline.aggregate.duckdb import DuckDBEngine
from pipeline.classify import classify
from pipeline.googlesql import STAGING, measure, measures, staged, within
from pipeline.run_tables import AFTER, STEPS, RunTables, Scope
from pipeline.schema import EVENTS, polars_schema
from pipeline.stores.local import LocalStore
from tests.conftest import rules
from tests.googlesql.rows import WINDOWS, of_catalogue, of_windows

SCHEMA = polars_schema(EVENTS)
START = 1_768_467_600 * 10**9


def agree(reference, folder, name, events, start_ns=None, end_ns=None):
    store = LocalStore(folder)
    store.write("events", "00000000", events)
    with DuckDBEngine(store.slices("events"), (start_ns, end_ns)) as engine:
        ours = engine.measure(name)
    theirs = reference.query(measure(name, "stored", within(start_ns, end_ns)), {"stored": events})
    order = ours.columns
    assert_frame_equal(ours.sort(order), theirs.select(order).sort(order), rel_tol=1e-12, abs_tol=0)
    return ours


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """Events of all recorded windows."""
    if not WINDOWS.exists():
        pytest.skip("the recorded windows are not here")
    return classify(of_windows(tmp_path_factory.mktemp("windows")), Classifier(rules()[0]))


@pytest.fixture(scope="module")
def listed():
    """Events of the catalogue's lines, spread over minutes, revisions and instances; some jobs', some with answers."""
    rows = of_catalogue().with_row_index("n").with_columns(pl.col("n").cast(pl.Int64))
    answered = pl.col("n") % 17 == 0
    rows = rows.with_columns(
        workload=pl.when(pl.col("n") % 4 > 0).then(pl.lit("service")).otherwise(pl.lit("job")),
        http_status=pl.coalesce("http_status", pl.when(answered).then(pl.lit(200, pl.Int64))),
        http_method=pl.coalesce("http_method", pl.when(answered).then(pl.lit("GET"))),
        http_response_bytes=pl.when(answered).then(pl.col("n") * 31 % 9000),
        client=pl.when(pl.col("n") % 3 > 0).then(pl.format("c{}", pl.col("n") % 19)),
    )
    rows = rows.with_columns(
        timestamp_ns=START + pl.col("n") * 700_000_001,
        project=pl.lit("p"),
        location=pl.when(pl.col("n") % 7 > 0).then(pl.lit("europe-west1")),
        service=pl.when(pl.col("n") % 11 > 0).then(pl.lit("shop-é")),
        revision=pl.when(pl.col("n") % 13 > 0).then(pl.format("shop-{}", pl.col("n") % 3)),
        instance_id=pl.when(pl.col("n") % 5 > 0).then(pl.format("i{}", pl.col("n") % 2)),
        insert_id=pl.format("id{}", pl.col("n") % 900),
        http_latency_ms=pl.when(pl.col("http_status").is_not_null()).then(pl.col("n") * 1.37),
    )
    rows = rows.with_columns(timestamp=pl.from_epoch(pl.col("timestamp_ns") // 1000, "us").dt.replace_time_zone("UTC"))
    return classify(rows.drop("n"), Classifier(rules()[0]))


@pytest.mark.parametrize("name", measures())
def test_recorded_windows(reference, tmp_path, recorded, name):
    """Real logs."""
    agree(reference, tmp_path, name, recorded)


@pytest.mark.parametrize("name", measures())
def test_all_events(reference, tmp_path, listed, name):
    """Each event of the catalogue, and a window that leaves some out."""
    whole = agree(reference, tmp_path, name, listed)
    start, end = START + 60 * 10**9, START + 400 * 10**9 + 1
    part = agree(reference, tmp_path, name, listed, start, end)
    assert whole.height
    assert name not in ("revisions", "inputs", "events") or not whole.equals(part)


EVENT_NAMES = [
    *("platform.exit", "auth.failure", "auth.failure_echo", "websocket.close", "websocket.readiness_failed"),
    *("platform.instance_started", "audit.ready", "http.request", "http.access", None),
]
STRANGE = st.sampled_from([None, "", "a", "é", "日本", "\x00", "A"])
BIG = st.integers(-(2**62), 2**62) | st.sampled_from([0, 1, START, START + 1, START + 60 * 10**9])
EVENT = st.fixed_dictionaries(
    {
        "project": st.sampled_from([None, "p"]),
        "service": STRANGE,
        "revision": st.sampled_from([None, "r1", "r2"]),
        "instance_id": st.sampled_from([None, "", "i"]),
        "log_name": STRANGE,
        "insert_id": STRANGE,
        "log_id": st.sampled_from([None, "run.googleapis.com/stdout", "x"]),
        "timestamp_ns": st.none() | BIG,
        "severity": st.sampled_from(["DEFAULT", "ERROR", "INFO"]),
        "level": st.sampled_from(["DEFAULT", "ERROR", "CRITICAL"]),
        "message": st.sampled_from([None, "", "<token> é", "<user>... <user>", "日本" * 300]),
        "payload": st.sampled_from([None, '{"a":"<email>"}']),
        "raw": st.sampled_from([None, None, None, "{"]),
        "event": st.sampled_from(EVENT_NAMES),
        "cause": st.sampled_from(["auth.failure", "platform.exit", "websocket.close"]),
        "wording": st.sampled_from([0, 1, 2]),
        "outcome": st.sampled_from(["ok", "failure"]),
        "code": st.sampled_from([None, 0, 1008, -5]),
        "fields": st.sampled_from([None, '{"reason":"Rate limit"}', "{}"]),
        "signature": st.sampled_from([None, "", "<*> é"]),
        "duration_ms": st.none() | st.floats(0, 9e12) | st.sampled_from([0.0, 0.5, 1e-7]),
        "http_status": st.none() | st.sampled_from([101, 200, 401, 404, 500, 503, -1, 2**62]),
        "http_latency_ms": st.none() | st.floats(0, 1e12),
        "http_method": st.sampled_from([None, "GET", "OPTIONS"]),
        "http_path": st.sampled_from([None, "", "/", "/health", "/ws", "/a/1/2/x", "/.git/é", "/users/<user>"]),
        "http_user_agent": st.sampled_from([None, "", "kube-probe/1.2", "GoogleStackdriverMonitoring-UptimeChecks"]),
        "client": st.sampled_from([None, "", "c1"]),
    }
)


@pytest.mark.parametrize("name", measures())
@settings(max_examples=5)
@given(rows=st.lists(EVENT, max_size=25))
def test_made_up_rows(reference, tmp_path_factory, name, rows):
    """Nulls, empty strings, other scripts, negative and huge numbers, equal times."""
    events = pl.DataFrame([{**dict.fromkeys(SCHEMA), "n_matches": 0, **row} for row in rows], schema=SCHEMA)
    agree(reference, tmp_path_factory.mktemp("store"), name, events)


@pytest.mark.parametrize("table", STAGING)
def test_staging(reference, tmp_path, listed, table):
    """What a request row is, when an instance started, what took how long."""
    store = LocalStore(tmp_path)
    store.write("events", "00000000", listed)
    with DuckDBEngine(store.slices("events")) as engine:
        ours = engine.query(f"select * from {table}")
    theirs = reference.query(staged(f"select * from {table}", "stored"), {"stored": listed}).select(ours.columns)
    ours = ours.with_columns(pl.selectors.datetime().cast(pl.Datetime("us", "UTC")))
    assert ours.height
    assert_frame_equal(ours.sort(ours.columns), theirs.sort(ours.columns))


TABLES = RunTables("run_{}".format)
CUT = START + 150 * 10**9


def made(reference, statement, tables):
    """The rows of a table that a statement makes."""
    _, _, rows = statement.partition("\nas\n")
    return reference.query(rows, tables)


@pytest.fixture(scope="module")
def run_tables(reference, listed):
    """The tables of a run, made by its own statements of some events; the classification itself stands apart."""
    events = listed.filter(pl.int_range(pl.len()) % 5 < 2)
    whole = TABLES.classify(rules()[0], "stored", ["select 1"], (None, None), CUT)
    narrow = f"\nas\nwith weighed as ({whole.partition('weighed as (')[2].replace('from events', 'from stored', 1)}"
    tables = {"run_events": made(reference, narrow, {"stored": events.with_columns(copies_1=pl.lit(1, pl.Int64))})}
    tables["run_origins"] = made(reference, TABLES.origins((None, None), 1), tables)
    tables["run_kinds"] = made(reference, TABLES.kinds(), tables)
    return events, tables


@pytest.fixture(scope="module", params=["all", "window"])
def both_forms(request, reference, run_tables, tmp_path_factory):
    """DuckDB over the events themselves, and the tables that a run has for the same window."""
    events, tables = run_tables
    window = Scope(CUT, CUT + 600 * 10**9, (AFTER,), CUT + 300 * 10**9)
    scope = {"all": Scope(), "window": window}[request.param]
    tables = dict(tables)
    for name in STEPS:
        tables[f"run_{name}"] = made(reference, TABLES.step(name, scope), tables)
    store = LocalStore(tmp_path_factory.mktemp("store"))
    store.write("events", "00000000", events)
    with DuckDBEngine(store.slices("events"), (scope.start_ns, scope.end_ns), scope.requests_until_ns) as engine:
        yield engine, tables, scope


@pytest.mark.parametrize("name", measures())
def test_the_form_that_runs(reference, both_forms, name):
    """Over the narrow tables of a run, as BigQuery is sent it, each measure gives what it gives over the events."""
    engine, tables, scope = both_forms
    ours = engine.measure(name)
    query = TABLES.measure(name, scope)
    theirs = reference.query(query, {table: rows for table, rows in tables.items() if table in query})
    assert ours.height or scope != Scope()
    order = ours.columns
    assert_frame_equal(ours.sort(order), theirs.select(order).sort(order), rel_tol=1e-12, abs_tol=0)
