"""A sink's tables over BigQuery's Storage Read API: columns and rows as they are, without a query and its limits.

What it gives is redacted here, as what the API of Cloud Logging gives. It reads tables, not views, so Log Analytics is
left to a query.
"""

import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any

import polars as pl

from pipeline.googlesql import LogTable
from pipeline.schema import WORKLOADS
from pipeline.sources.log_entry import EntryReader
from pipeline.warehouse import Warehouse
from pipeline.window import Window

if TYPE_CHECKING:
    from google.cloud import bigquery_storage_v1

#: On-demand price in the multi-regions US and EU: cloud.google.com/bigquery/pricing, October 2026; the first 300 TiB a
#: month are free.
USD_PER_TIB = 1.10

#: Where an emulator answers, HOST:PORT; BigQuery itself needs none.
EMULATOR = "BIGQUERY_STORAGE_EMULATOR_HOST"

#: How long a session is asked for, in s; a network that lets no gRPC through answers nothing.
_PATIENCE_S = 30.0

#: So many tables are read each for itself, the shards of a year with five logs; more are left to a query.
MAX_TABLES = 2000

#: So many rows are made entries at a time.
_BATCH_ROWS = 10_000

_RIGHT = "grant roles/bigquery.readSessionUser for the Storage Read API, which has no limit of 10 GB and costs less"

#: What the names of a request's fields are to LogEntry.
_HTTP = ("requestMethod", "requestUrl", "status", "requestSize", "responseSize", "userAgent", "remoteIp")

_EXECUTION = "run_googleapis_com_"


class RefusedError(Exception):
    """The Storage Read API does not give these tables; the message says why, and what helps."""


class Sessions:
    """Sessions over tables, at one moment, to be read once. Raises RefusedError where they cannot be had.

    service: the rows of one service; None: all. Raises BigQueryError for what a query would not do better.
    """

    def __init__(
        self, warehouse: Warehouse, tables: Sequence[LogTable], window: Window, service: str | None = None
    ) -> None:
        self._warehouse = warehouse
        self._service = service
        self._client = _client(warehouse)
        if not tables or len(tables) > MAX_TABLES or any(table.shards for table in tables):
            raise RefusedError("these are more tables than it reads at a time")
        if any("log_name" in table.columns for table in tables):
            raise RefusedError("Log Analytics is a view, which it does not read")
        with warehouse.errors():
            self._sessions = [self._open(table, window) for table in tables]
        self.n_bytes = sum(int(opened.estimated_total_bytes_scanned) for opened in self._sessions)

    def frames(self) -> Iterator[pl.DataFrame]:
        """Yield the rows of all tables as those of `pipeline.sources.log_entry`. Raises BigQueryError."""
        self._warehouse.spend(self.n_bytes, "read")
        with self._warehouse.errors(), EntryReader() as reader:
            for opened in self._sessions:
                for rows in _batches(self._client, opened):
                    yield self._wanted(_entries(rows, reader))

    def _open(self, table: LogTable, window: Window) -> Any:
        """Open the session of a table: with its condition, or where that is not understood, with the window alone."""
        from google.api_core.exceptions import InvalidArgument

        bounds = [
            f"timestamp {sign} timestamp '{_literal(bound)}'"
            for bound, sign in ((window.start, ">="), (window.end, "<"))
            if bound is not None
        ]
        condition = re.sub(r"\bt\.", "", table.condition)
        with suppress(InvalidArgument):
            return self._session(table, [condition, *bounds] if condition != "true" else bounds)
        try:
            return self._session(table, bounds)
        except InvalidArgument as error:
            raise RefusedError(_said(error)) from error

    def _session(self, table: LogTable, conditions: Sequence[str]) -> Any:
        from google.api_core import exceptions
        from google.cloud.bigquery_storage_v1 import types

        project, dataset, name = table.path.strip("`").rsplit(".", 2)
        wanted = types.ReadSession(
            table=f"projects/{project}/datasets/{dataset}/tables/{name}",
            data_format=types.DataFormat.ARROW,
            read_options=types.ReadSession.TableReadOptions(
                selected_fields=list(table.columns), row_restriction=" and ".join(conditions)
            ),
        )
        parent = f"projects/{self._warehouse.client.project}"
        try:
            made = self._client.create_read_session(
                parent=parent, read_session=wanted, max_stream_count=1, timeout=_PATIENCE_S, retry=None
            )
        except (
            exceptions.Forbidden,
            exceptions.MethodNotImplemented,
            exceptions.ServiceUnavailable,
            exceptions.DeadlineExceeded,
        ) as error:
            raise RefusedError(f"{_said(error)}; {_RIGHT}") from error
        return made

    def _wanted(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows of Cloud Run, and of the service; where the condition was sent, all are."""
        workload = pl.col("workload")
        rows = rows.filter(workload.is_null() | workload.is_in(WORKLOADS) | workload.str.starts_with("cloud_run"))
        return rows if self._service is None else rows.filter(pl.col("service") == self._service)


def _client(warehouse: Warehouse) -> "bigquery_storage_v1.BigQueryReadClient":
    try:
        from google.cloud import bigquery_storage_v1 as storage
        from google.cloud.bigquery_storage_v1.services.big_query_read.transports import BigQueryReadGrpcTransport
    except ImportError as error:
        raise RefusedError("google-cloud-bigquery-storage is not installed") from error
    if emulator := os.environ.get(EMULATOR):
        import grpc

        channel = grpc.insecure_channel(emulator, options=[("grpc.max_receive_message_length", -1)])
        return storage.BigQueryReadClient(transport=BigQueryReadGrpcTransport(channel=channel))
    if not warehouse.is_google:
        raise RefusedError("the server that stands for BigQuery has no address for it")
    with warehouse.errors():
        return storage.BigQueryReadClient()


def _batches(client: "bigquery_storage_v1.BigQueryReadClient", session: Any) -> Iterator[pl.DataFrame]:
    """The rows of a session, a few pages at a time."""
    import pyarrow as pa

    schema = pa.ipc.read_schema(pa.py_buffer(session.arrow_schema.serialized_schema))
    batches: list[pa.RecordBatch] = []
    for stream in session.streams:
        for answer in client.read_rows(stream.name):  # goes on where a connection broke
            batches.append(pa.ipc.read_record_batch(answer.arrow_record_batch.serialized_record_batch, schema))
            if sum(batch.num_rows for batch in batches) >= _BATCH_ROWS:
                yield pl.DataFrame(pl.from_arrow(pa.Table.from_batches(batches)))
                batches = []
    if any(batch.num_rows for batch in batches):
        yield pl.DataFrame(pl.from_arrow(pa.Table.from_batches(batches)))


def _said(error: Any) -> str:
    return str(getattr(error, "message", None) or error).split("\n")[0].strip()


def _literal(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S.%f+00:00")


def _entries(rows: pl.DataFrame, reader: EntryReader) -> pl.DataFrame:
    """Rows of a sink's table as entries. One in which no payload is found was not understood, and is kept raw."""
    if rows.columns == ["logEntry"]:
        return reader.read([text.encode() for text in rows["logEntry"].fill_null("null")])
    payloads = [name for name in rows.columns if "payload" in name.lower()]
    given = [name for name in ("httpRequest", *payloads) if name in rows.columns]
    lines = rows.select(_line(rows)).to_series()
    read = reader.read([line.encode() for line in lines])
    lost = rows.select(pl.all_horizontal(pl.lit(True), *(pl.col(name).is_null() for name in given))).to_series()
    if not lost.any():
        return read
    lost = lost & read["raw"].is_null()
    unknown = ("receive_timestamp", "instance_id", "labels", "trace", "span_id")
    return read.with_columns(
        pl.when(lost).then(lines).otherwise(pl.col("raw")).alias("raw"),
        pl.when(lost).then(pl.lit("DEFAULT")).otherwise(pl.col("severity")).alias("severity"),
        *(pl.when(~lost).then(pl.col(name)).alias(name) for name in unknown),
    )


def _line(rows: pl.DataFrame) -> pl.Expr:
    """A row as the JSON of a LogEntry, in the API's spelling; what is null is left out."""
    members: list[pl.Expr] = []
    for name, dtype in rows.schema.items():
        column = pl.col(name)
        if name in ("timestamp", "receiveTimestamp"):
            members.append(_member(name, pl.format('"{}"', column.dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ")), column))
        elif name == "httpRequest" and isinstance(dtype, pl.Struct):
            members.append(_member(name, _json(_request(column, dtype)), column))
        elif name == "labels" and isinstance(dtype, pl.Struct):
            members.append(_member(name, _json(_renamed(column, dtype, _label)), column))
        elif "payload" not in name.lower():
            members.append(_member(name, _json(column), column))
    for prefix, own in (("text", "textPayload"), ("json", "jsonPayload"), ("proto", "protoPayload")):
        names = [name for name in rows.columns if name.lower().startswith(f"{prefix}payload")]
        if names:
            texts = [pl.when(pl.col(name).is_not_null()).then(_payload(name, rows.schema[name])) for name in names]
            value = pl.coalesce(texts)
            members.append(_member(own, value, value))
    return pl.concat_str(pl.lit("{"), pl.concat_str(members, separator=",", ignore_nulls=True), pl.lit("}"))


def _member(name: str, value: pl.Expr, given: pl.Expr) -> pl.Expr:
    return pl.when(given.is_not_null()).then(pl.concat_str(pl.lit(f'"{name}":'), value))


def _json(value: pl.Expr) -> pl.Expr:
    """A value as JSON; a field that other rows have is null here, and no part of it."""
    text = pl.struct(value.alias("v")).struct.json_encode().str.strip_prefix('{"v":').str.strip_suffix("}")
    return text.str.replace_all(r',"[^"\\]*":null', "").str.replace_all(r'\{"[^"\\]*":null,?', "{")


def _payload(name: str, dtype: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if isinstance(dtype, pl.Struct):
        return _json(_renamed(column, dtype, lambda field: "textPayload" if field == "textpayload" else field))
    return _json(column)


def _renamed(column: pl.Expr, dtype: pl.Struct, name_of: Callable[[str], str]) -> pl.Expr:
    return column.struct.rename_fields([name_of(field.name) for field in dtype.fields])


def _label(name: str) -> str:
    """The name of a label that a sink has in lower case, without dots and slashes."""
    if name == "instanceid":
        return "instanceId"
    return f"run.googleapis.com/{name.removeprefix(_EXECUTION)}" if name.startswith(_EXECUTION) else name


def _request(column: pl.Expr, dtype: pl.Struct) -> pl.Expr:
    """A request with the latency in the API's form: of seconds, or of seconds and nanoseconds."""
    fields = {field.name: field.dtype for field in dtype.fields}
    parts = [column.struct.field(name) for name in _HTTP if name in fields]
    if "latency" in fields:
        latency = column.struct.field("latency")
        if fields["latency"].is_numeric():
            ns = (latency * 1e9 + 0.5).floor().cast(pl.Int64, strict=False)
            text = pl.format("{}.{}s", ns // 10**9, (ns % 10**9).cast(pl.String).str.zfill(9))
            latency = pl.when(latency.is_not_null()).then(pl.coalesce(text, latency.cast(pl.String)))
        parts.append(latency.alias("latency"))
    return pl.struct(parts)
