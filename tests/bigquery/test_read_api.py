"""A sink's tables by the real client of the Storage Read API, from a server on this machine: the entries as logged."""

import json
from datetime import UTC, datetime, timedelta

import grpc
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from pipeline.errors import BigQueryError
from pipeline.googlesql import LogTable
from pipeline.sources.bigquery.read_api import RefusedError, Sessions
from pipeline.sources.log_entry import EntryReader
from pipeline.warehouse import Address, Budget, Warehouse
from pipeline.window import Window
from tests.bigquery.recorded import bigquery_with_tables
from tests.bigquery.sink import sink_row
from tests.conftest import START, entry, line, request
from tests.servers.storage_read import StorageRead, table_of

NAME = "projects/demo/datasets/logs/tables/stderr"
TABLE = LogTable("`demo.logs.stderr`")
WINDOW = Window(START, START + timedelta(hours=1))
REPORTED = "type.googleapis.com/google.devtools.clouderrorreporting.v1beta1.ReportedErrorEvent"
AUDIT = {"methodName": "Services.ReplaceService", "resourceName": "namespaces/demo/services/shop-api", "status": {}}
ENTRIES = [
    entry(1, jsonPayload={"message": "user 10146348", "level": "warn", "a": {"b": "c"}}),
    entry(2, jsonPayload={"msg": 'quotes " and \\ and ,"x":null} in a text', "logger": "shop.é"}, severity="error"),
    entry(3, jsonPayload={"event": "jane@example.com", "n": 12, "f": 1.5}, labels=None),
    entry(4, protoPayload=AUDIT, revision=None, log="cloudaudit.googleapis.com%2Factivity"),
    entry(5, protoPayload={**AUDIT, "status": {"message": "Ready condition"}}, revision=None),
    entry(6, textPayload="\x1b[31mred\x1b[0m {", trace="projects/p/traces/0af7", spanId="1"),
    entry(7, textPayload="", revision="00001-abc"),
    line(8, "Container called exit(3).", log="run.googleapis.com%2Fvarlog%2Fsystem"),
    entry(9, jsonPayload={"@type": REPORTED, "message": "panic: nil map"}, severity="ERROR"),
    entry(10, jsonPayload={"textPayload": "inner"}),
    *(request(second, status, path) for second in (11, 12) for status in (200, 503) for path in ("/a/1?q=s", "/é")),
]


@pytest.fixture
def warehouse():
    with bigquery_with_tables({}) as made:
        yield made


def columns(table):
    return LogTable(TABLE.path, tuple(table.column_names))


def read(warehouse, monkeypatch, server, table, service=None, window=WINDOW):
    with server.running() as address:
        monkeypatch.setenv("BIGQUERY_STORAGE_EMULATOR_HOST", address)
        frames = list(Sessions(warehouse, [table], window, service).frames())
        return pl.concat(frames) if frames else None


def test_every_kind_of_entry_as_it_was_logged(warehouse, monkeypatch):
    """Payloads in columns of their types, labels and requests in a sink's spelling, what other rows have left out."""
    table = table_of([sink_row(one) for one in ENTRIES])
    server = StorageRead({NAME: table})
    theirs = read(warehouse, monkeypatch, server, columns(table))
    with EntryReader() as reader:
        ours = reader.read([json.dumps(one).encode() for one in ENTRIES])
    spelled = ("payload", "labels")
    assert_frame_equal(theirs.drop(spelled), ours.drop(spelled))
    assert [json.loads(text or "null") for text in theirs["payload"]] == [
        json.loads(text or "null") for text in ours["payload"]
    ]
    assert theirs["labels"][0] == '{"instanceId":"00aa"}'


def test_columns_and_window_are_sent(warehouse, monkeypatch):
    """And whose rows are wanted, so that BigQuery reads no others."""
    table = table_of([sink_row(one) for one in ENTRIES])
    names = ("logName", "timestamp", "textPayload")
    wanted = LogTable(TABLE.path, names, condition="t.resource.labels.service_name = 'x'")
    server = StorageRead({NAME: table})
    read(warehouse, monkeypatch, server, wanted)
    (asked,) = server.sessions
    assert asked.parent == "projects/demo"
    assert asked.max_stream_count == 1
    assert list(asked.read_session.read_options.selected_fields) == list(names)
    assert asked.read_session.read_options.row_restriction == (
        "resource.labels.service_name = 'x' and timestamp >= timestamp '2026-01-15 09:00:00.000000+00:00' "
        "and timestamp < timestamp '2026-01-15 10:00:00.000000+00:00'"
    )


def test_a_condition_that_is_not_understood_is_applied_here(warehouse, monkeypatch):
    """All rows of the window come, and only Cloud Run's, and the service's, are taken."""
    vm = {**entry(3, textPayload="of a machine"), "resource": {"type": "gce_instance", "labels": {}}}
    rows = [sink_row(one) for one in [*ENTRIES, line(1, "of another", service="cart", revision="00001-abc"), vm]]
    table = table_of(rows)
    server = StorageRead({NAME: table}, not_understood="regexp")
    wanted = LogTable(TABLE.path, tuple(table.column_names), condition="regexp_contains(t.resource.type, 'x')")
    found = read(warehouse, monkeypatch, server, wanted, "cart")
    assert found["message"].to_list() == ["of another"]
    assert [one.read_session.read_options.row_restriction.startswith("regexp") for one in server.sessions] == [
        *(True, False)
    ]
    whole = read(warehouse, monkeypatch, StorageRead({NAME: table}, not_understood="regexp"), wanted)
    assert whole.height == len(rows) - 1


def test_rows_without_a_known_payload_are_kept_raw(warehouse, monkeypatch):
    """A status that is none, a payload that is no object, and a row that has nothing but its key."""
    whole = sink_row(request(1))
    rows = [
        {**whole, "httpRequest": {**whole["httpRequest"], "status": "often"}},
        {**whole, "httpRequest": None, "jsonpayload_v1_text": "no object"},
        {**whole, "httpRequest": None, "textPayload": None},
    ]
    table = table_of(rows)
    found = read(warehouse, monkeypatch, StorageRead({NAME: table}), columns(table))
    assert found["raw"].is_not_null().all()
    assert found["service"].to_list() == ["shop-api"] * 3
    assert found["severity"].to_list() == ["DEFAULT"] * 3


def test_what_a_sink_could_not_write(warehouse, monkeypatch):
    """Lines as they came."""
    table = table_of([{"logEntry": json.dumps(one), "timestamp": one["timestamp"]} for one in ENTRIES])
    found = read(warehouse, monkeypatch, StorageRead({NAME: table}), LogTable(TABLE.path, ("logEntry",)))
    with EntryReader() as reader:
        assert_frame_equal(found, reader.read([json.dumps(one).encode() for one in ENTRIES]))


def test_a_connection_that_breaks_goes_on_where_it_was(warehouse, monkeypatch):
    """Each row once."""
    table = table_of([sink_row(one) for one in ENTRIES])
    server = StorageRead({NAME: table}, breaks=True)
    found = read(warehouse, monkeypatch, server, columns(table))
    assert server.offsets == [0, 3]
    assert found["insert_id"].to_list() == [one["insertId"] for one in ENTRIES]


@pytest.mark.parametrize(
    ("server", "table", "words"),
    [
        (StorageRead({}, refused=grpc.StatusCode.PERMISSION_DENIED), TABLE, "grant roles/bigquery.readSessionUser"),
        (StorageRead({}, refused=grpc.StatusCode.UNIMPLEMENTED), TABLE, "does not have"),
        (StorageRead({}, refused=grpc.StatusCode.INVALID_ARGUMENT), TABLE, "request failed"),
        (StorageRead({}), LogTable("`demo.logs._AllLogs`", ("log_name",)), "Log Analytics is a view"),
        (StorageRead({}), LogTable("`demo.logs.x_*`", shards=("20260101", "20260131")), "more tables"),
    ],
)
def test_what_it_does_not_give_is_said(warehouse, monkeypatch, server, table, words):
    """So that a query reads it instead."""
    with pytest.raises(RefusedError, match=words):
        read(warehouse, monkeypatch, server, table)


def test_without_an_address_an_emulator_has_none(warehouse):
    """Nothing asks BigQuery itself."""
    with pytest.raises(RefusedError, match="no address"):
        Sessions(warehouse, [TABLE], WINDOW)


def test_what_is_missing_is_an_error_and_nothing_is_read_above_the_budget(warehouse, monkeypatch):
    """A query would not do better."""
    with pytest.raises(BigQueryError, match="Not found: Table"):
        read(warehouse, monkeypatch, StorageRead({}), TABLE)
    table = table_of([sink_row(one) for one in ENTRIES])
    server = StorageRead({NAME: table})
    dear = Warehouse(Address("demo", "logs"), budget=Budget(table.nbytes - 1))
    with pytest.raises(BigQueryError, match="left of --max-bytes"):
        read(dear, monkeypatch, server, columns(table))
    assert server.offsets == []
    budget = Budget(2 * table.nbytes)
    payer = Warehouse(Address("demo", "logs"), budget=budget, billing_project="payer")
    assert read(payer, monkeypatch, server, columns(table)).height == len(ENTRIES)
    assert budget.left < 2 * table.nbytes
    assert server.sessions[-1].parent == "projects/payer"


def test_a_window_with_open_ends(warehouse, monkeypatch):
    """Nothing restricts the rows."""
    table = table_of([sink_row(one) for one in ENTRIES])
    server = StorageRead({NAME: table})
    assert read(warehouse, monkeypatch, server, columns(table), window=Window()).height == len(ENTRIES)
    read(warehouse, monkeypatch, server, columns(table), window=Window(datetime(2026, 1, 15, tzinfo=UTC), None))
    assert [one.read_session.read_options.row_restriction for one in server.sessions] == [
        "",
        "timestamp >= timestamp '2026-01-15 00:00:00.000000+00:00'",
    ]
