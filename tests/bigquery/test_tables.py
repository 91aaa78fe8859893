"""Which tables of a sink are read, and what of their rows."""

from datetime import UTC, datetime

import pytest

from pipeline.sources.base import Request
from pipeline.sources.bigquery.source import _share_of_days
from pipeline.sources.bigquery.tables import _condition, _read, log_tables
from pipeline.sources.records import SourceReport
from pipeline.warehouse import Address
from pipeline.window import Window
from tests.bigquery.recorded import bigquery_with_tables

DAY = datetime(2026, 1, 15, tzinfo=UTC)


def of(*names):
    """Columns as a table's schema gives them, some with fields below."""
    columns = {}
    for name in names:
        top = name.split(".")[0]
        columns[top] = columns.get(top, frozenset([top])) | {name}
    return columns


def test_only_the_columns_of_an_entry_are_read():
    """Payloads of any type among them, in either spelling."""
    names = (
        "logName",
        "timestamp",
        "operation",
        "jsonPayload",
        "jsonpayload_v1_x",
        "split",
        "httpRequest",
        "text_payload",
    )
    read = ("logName", "timestamp", "jsonPayload", "jsonpayload_v1_x", "httpRequest", "text_payload")
    assert _read(of(*names)) == read


def test_rows_of_one_service_by_the_columns_that_there_are():
    """By a label, its revision, or the resource that an audit entry is about."""
    columns = of("resource.type", "resource.labels.service_name", "resource.labels.revision_name")
    assert _condition(columns, None) == "starts_with(coalesce(t.resource.type, 'cloud_run'), 'cloud_run')"
    condition = _condition(columns, "shop-api")
    assert "t.resource.labels.service_name = 'shop-api'" in condition
    assert "t.resource.labels.job_name" not in condition
    assert "resourceName" not in condition
    assert _condition(of("timestamp"), "shop-api") == "true"


@pytest.mark.parametrize(("hours", "share"), [((9, 10), 1 / 24), ((0, 24), 1.0), ((23, 25), 2 / 48), ((None, 1), 1.0)])
def test_the_part_of_the_days_that_is_in_the_window(hours, share):
    """A sink's partitions are days."""
    start, end = (None if hour is None else DAY.replace(day=15 + hour // 24, hour=hour % 24) for hour in hours)
    assert _share_of_days(Window(start, end)) == pytest.approx(share)


def test_a_thousand_shards_are_one_table(monkeypatch):
    """Each log is named once, with the first and last day of the window."""
    sink = ["timestamp", "logName", "textPayload"]
    shards = [f"run_googleapis_com_stderr_{year}{day:04}" for year in range(2020, 2026) for day in range(101, 301)]
    tables = dict.fromkeys(shards, sink) | {"run_googleapis_com_stdout": sink, "other": ["a"]}
    tables |= {"export_errors_20250102": ["timestamp", "logEntry"]}
    report = SourceReport("x")
    with bigquery_with_tables(tables) as warehouse:
        request = Request(Window(datetime(2023, 1, 1, tzinfo=UTC), None))
        read = list(log_tables(warehouse, Address("demo", "logs"), request, report))
    assert [(table.path, table.shards) for table in read] == [
        ("`demo.logs.export_errors_20250102`", None),
        ("`demo.logs.run_googleapis_com_stderr_*`", ("20230101", "20250300")),
        ("`demo.logs.run_googleapis_com_stdout`", None),
    ]
    assert "t.logEntry" in read[0].line
    assert report.notes == [
        "export_errors holds entries that the sink could not write; those of the window are read from there"
    ]


def test_few_shards_are_read_each_with_its_own_columns():
    """A field that has another type, or is missing, on another day loses nothing of any."""
    sink = ["timestamp", "logName"]
    shards = {f"run_googleapis_com_stderr_202601{day:02}": [*sink, f"jsonPayload_{day}"] for day in range(1, 10)}
    address = Address("demo", "logs")
    with bigquery_with_tables(shards) as warehouse:
        request = Request(Window(datetime(2026, 1, 2, tzinfo=UTC), None))
        read = list(log_tables(warehouse, address, request, SourceReport("x")))
        assert [table.path for table in read] == [address.path(name) for name in list(shards)[1:]]
        assert [table.columns for table in read] == [(*sink, f"jsonPayload_{day}") for day in range(2, 10)]
        (whole,) = log_tables(warehouse, address, Request(), SourceReport("x"))
    assert whole.shards == ("20260101", "20260109")
    assert "jsonPayload_9" in whole.columns
