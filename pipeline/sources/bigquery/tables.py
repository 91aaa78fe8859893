"""Which tables of a dataset hold log entries, and which of their rows and columns are wanted.

A sink writes one table per log, partitioned, or a shard per day (`…_20260115`). Which columns a table has depends on
what was logged first. What a sink could not write, it puts into `export_errors…` as it got it.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from pipeline.errors import SourceError
from pipeline.googlesql import LogTable, literal
from pipeline.sources.base import Request
from pipeline.sources.records import SourceReport
from pipeline.warehouse import Address, Warehouse
from pipeline.window import Window

ALL_LOGS = "_AllLogs"

_SHARD = re.compile(r"(.+)_([0-9]{8})")
#: The columns of an entry, as `sql/staging/entries.sql` reads them, but for its payload: in lower case, no underscores.
_READ = frozenset(
    [
        *("logname", "insertid", "timestamp", "receivetimestamp", "resource", "severity", "labels", "httprequest"),
        *("trace", "spanid"),
    ]
)
_PAYLOAD = re.compile(r"(?:text|json|proto)_?payload", re.IGNORECASE)

#: The columns of an audit entry; what is not read of a table is not billed.
_READ_OF_AUDIT = re.compile(r"log_?name|timestamp|insert_?id|severity|resource|proto_?payload", re.IGNORECASE)

#: What a sink's tables of single logs are named, but for its days.
_OF_ONE_LOG = re.compile(r"(?:run|cloudaudit)_googleapis_com_|std(?:out|err)$|export_errors")

#: The time of an entry as JSON, whose nanoseconds are cut.
_NANOSECONDS = r'("(?:timestamp|receiveTimestamp)": ?"[^".]+[.][0-9]{6})[0-9]+'
_MICROSECONDS = r"\1"

_NUMBER = "-[0-9]{5}-[a-z0-9]{3}"
_EXECUTION = "-[a-z0-9]{5}"

#: So many shards of a log are read each with its own columns: a field can have another type, or be missing, on another
#: day. More are read as one table, with the columns of the newest.
NAMED_SHARDS = 8

#: The columns of a table, each with the paths of the fields below it.
Columns = dict[str, frozenset[str]]


def log_tables(
    warehouse: Warehouse, dataset: Address, request: Request, report: SourceReport, named: int = NAMED_SHARDS
) -> Iterator[LogTable]:
    """Yield the tables of log entries that may hold some of a request's window.

    named: more shards of a log are one table. Raises SourceError where the address names no table.
    """
    for log, tables in _by_log(warehouse, dataset, request.read_window).items():
        for table, columns in _read_tables(warehouse, dataset, log, tables, named):
            if log == "export_errors" or "table_invalid_schema" in log:
                yield from _refused(table, columns, log, report)
            elif _has_entries(columns):
                yield replace(table, columns=_read(columns), condition=_condition(columns, request.service))


def tables_of_logs(
    warehouse: Warehouse, dataset: Address, request: Request, log_ids: Sequence[str], *, audit: bool = False
) -> Iterator[tuple[LogTable, Columns]]:
    """Yield the tables that may hold what is wanted of some logs, each limited to these, with its columns.

    They are a sink's tables of these logs, and a table of many. audit: only the columns of audit entries are read.
    """
    wanted = {re.sub("[^A-Za-z0-9]", "_", log_id) for log_id in log_ids}
    for log, tables in _by_log(warehouse, dataset, request.read_window).items():
        of_many = log == ALL_LOGS or (log == dataset.table and not _OF_ONE_LOG.match(log))
        if log not in wanted and not of_many:
            continue
        for table, columns in _read_tables(warehouse, dataset, log, tables, NAMED_SHARDS):
            if not _has_entries(columns):
                continue
            read = tuple(column for column in _read(columns) if not audit or _READ_OF_AUDIT.match(column))
            condition = _condition(columns, request.service)
            if of_many:
                condition += f" and {_of_logs(columns, log_ids)}"
            yield replace(table, columns=read, condition=condition), columns


def _of_logs(columns: Columns, log_ids: Sequence[str]) -> str:
    """That a row of a table of many logs is of one of these."""
    names = "|".join(re.escape(log_id).replace("/", "(?:/|%2F)") for log_id in log_ids)
    name = "log_name" if "log_name" in columns else "logName"
    return f"regexp_contains(t.{name}, {literal(f'/logs/(?:{names})$')})"


def _has_entries(columns: Columns) -> bool:
    return "timestamp" in columns and bool({"logName", "log_name"} & set(columns)) and "timestamp_ns" not in columns


def _by_log(warehouse: Warehouse, dataset: Address, window: Window) -> dict[str, list[str]]:
    """The tables of each log that may hold entries of a window. Raises SourceError where the address names none."""
    with warehouse.errors():
        listed = warehouse.client.list_tables(f"{dataset.project}.{dataset.dataset}")
        names = sorted(table.table_id for table in listed)
    if dataset.table in names:
        names = [dataset.table]
    elif dataset.table:
        names = [name for name in names if (shard := _SHARD.fullmatch(name)) and shard[1] == dataset.table]
        if not names:
            raise SourceError(str(dataset), "no such table, and no shards of one", "bq ls lists what is there")
    elif ALL_LOGS in names:
        names = [ALL_LOGS]
    logs: dict[str, list[str]] = {}
    for name in names:
        shard = _SHARD.fullmatch(name)
        days = logs.setdefault(shard[1] if shard else name, [])
        if not shard or _of_window(shard[2], window):
            days.append(name)
    return {log: tables for log, tables in logs.items() if tables}


def _read_tables(
    warehouse: Warehouse, dataset: Address, log: str, tables: Sequence[str], named: int
) -> Iterator[tuple[LogTable, Columns]]:
    """The tables of a log with their columns, many shards as one."""
    if len(tables) <= named:
        for table in tables:
            yield LogTable(dataset.path(table)), _columns(warehouse, dataset, table)
        return
    first, last = (table.removeprefix(f"{log}_") for table in (tables[0], tables[-1]))
    shards = LogTable(dataset.path(f"{log}_*"), shards=(first, last))
    yield shards, _columns(warehouse, dataset, tables[-1])


def _refused(table: LogTable, columns: Columns, log: str, report: SourceReport) -> Iterator[LogTable]:
    """Yield the table of entries that a sink could not write, mostly for a column of another type: as it got them."""
    if {"logEntry", "timestamp"} <= set(columns):
        report.note(f"{log} holds entries that the sink could not write; those of the window are read from there")
        # BigQuery knows microseconds.
        yield replace(
            table,
            columns=("logEntry",),
            line=f"regexp_replace(t.logEntry, {literal(_NANOSECONDS)}, {literal(_MICROSECONDS)})",
        )
        return
    report.note(f"{log} holds entries that the sink could not write, in a form that is not known; none is read")
    report.incomplete = f"entries that the sink could not write are in {log}"


def _columns(warehouse: Warehouse, dataset: Address, name: str) -> Columns:
    """The columns of a table, each with the paths of all fields below it."""
    with warehouse.errors():
        table = warehouse.client.get_table(f"{dataset.project}.{dataset.dataset}.{name}")
    return {field.name: frozenset(_paths(field)) for field in table.schema}


def _paths(field: Any) -> Iterator[str]:
    yield field.name
    for inner in field.fields:
        yield from (f"{field.name}.{path}" for path in _paths(inner))


def _read(columns: Columns) -> tuple[str, ...]:
    """The columns that are read of a row: those of an entry, whatever the type of their payload."""
    return tuple(name for name in columns if name.lower().replace("_", "") in _READ or _PAYLOAD.match(name))


def _condition(columns: Columns, service: str | None) -> str:
    """That a row is one of Cloud Run's, and of a service where one is named, as far as the table's columns say."""
    paths = {path for column in columns.values() for path in column}
    parts = []
    if "resource.type" in paths:
        parts.append("starts_with(coalesce(t.resource.type, 'cloud_run'), 'cloud_run')")
    labels = [f"resource.labels.{name}" for name in ("service_name", "job_name", "worker_pool_name")]
    if service and any(label in paths for label in labels):
        name = re.escape(service)
        about = (
            f"/((services|jobs|worker[pP]ools)/{name}|revisions/{name}{_NUMBER}"
            f"|executions/{name}{_EXECUTION}|tasks/{name}{_EXECUTION}-task[0-9]+)$"
        )
        matches = [f"t.{label} = {literal(service)}" for label in labels if label in paths]
        patterns = {
            "resource.labels.revision_name": f"^{name}{_NUMBER}$",
            "protopayload_auditlog.resourceName": about,
            "proto_payload.audit_log.resource_name": about,
        }
        matches += [
            f"regexp_contains(t.{path}, {literal(pattern)})" for path, pattern in patterns.items() if path in paths
        ]
        parts.append(f"({' or '.join(matches)})")
    return " and ".join(parts) or "true"


def _of_window(day: str | None, window: Window) -> bool:
    """Whether the shard of a day (YYYYMMDD, UTC) may hold entries of the window; shards are cut by the same time."""
    if day is None:
        return True
    first = window.start.strftime("%Y%m%d") if window.start else "00000000"
    last = window.end.strftime("%Y%m%d") if window.end else "99999999"
    return first <= day <= last
