"""ZetaSQL's reference implementation of GoogleSQL, which PyPI's `zetasql` carries as WebAssembly: frames in, frame out.

Where it and BigQuery differ nobody here can see; it is written by the same people, and shares no code with DuckDB,
polars or sqlglot.
"""

import ctypes
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import polars as pl
from google.protobuf.message import DecodeError
from zetasql.core.local_service import ZetaSqlLocalService
from zetasql.types import LanguageOptions
from zetasql.wasi._pb2.zetasql.local_service import local_service_pb2 as service_pb2
from zetasql.wasi._pb2.zetasql.proto import options_pb2, simple_catalog_pb2
from zetasql.wasi._pb2.zetasql.public import type_pb2, value_pb2

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
KINDS = {
    pl.String: (type_pb2.TYPE_STRING, "string_value"),
    pl.Int64: (type_pb2.TYPE_INT64, "int64_value"),
    pl.Float64: (type_pb2.TYPE_DOUBLE, "double_value"),
    pl.Boolean: (type_pb2.TYPE_BOOL, "bool_value"),
    pl.Datetime("us", "UTC"): (type_pb2.TYPE_TIMESTAMP, "timestamp_value"),
}
DTYPES = {kind: dtype for dtype, (kind, _) in KINDS.items()}


class Reference:
    """One instance takes half a minute and 1 GB: make one a session."""

    def __init__(self):
        self._service = ZetaSqlLocalService.get_instance()
        client = self._service.wasm_client
        # The package copies byte by byte.
        client.write_bytes = lambda at, data: ctypes.memmove(address(client) + at, data, len(data))
        client.read_bytes = lambda at, size: ctypes.string_at(address(client) + at, size)
        self._language = LanguageOptions().enable_maximum_language_features().to_proto()

    def query(self, sql, tables=None, params=None):
        """Return the rows of a query over frames; params: name to text."""
        tables, params = tables or {}, params or {}
        request = service_pb2.PrepareQueryRequest(
            sql=sql,
            options=self._options(params),
            simple_catalog=self._catalog(tables),
            table_content={name: content(frame) for name, frame in tables.items()},
        )
        prepared = self._call("PrepareQuery", request, service_pb2.PrepareQueryResponse).prepared
        try:
            request = service_pb2.EvaluateQueryRequest(
                prepared_query_id=prepared.prepared_query_id,
                params=[
                    {"name": name, "value": value_pb2.ValueProto(string_value=text)} for name, text in params.items()
                ],
            )
            rows = self._call("EvaluateQuery", request, service_pb2.EvaluateQueryResponse).content.table_data.row
        finally:
            done = service_pb2.UnprepareQueryRequest(prepared_query_id=prepared.prepared_query_id)
            self._service.wasm_client.call_grpc_func("ZetaSqlLocalService_UnprepareQuery", done)
        schema = {column.name: DTYPES[column.type.type_kind] for column in prepared.columns}
        cells = [[value(cell) for cell in row.cell] for row in rows]
        return pl.DataFrame(cells, schema=schema, orient="row")

    def analyze(self, statement, tables=None, params=None):
        """Resolve a statement of any kind; raises zetasql's ServerError where GoogleSQL refuses it."""
        options = self._options(params or {})
        options.language_options.supported_statement_kinds.clear()
        request = service_pb2.AnalyzeRequest(
            sql_statement=statement, options=options, simple_catalog=self._catalog(tables or {})
        )
        # What was resolved can be nested deeper than its answer may be read; an error comes before there is one.
        with suppress(DecodeError):
            self._call("Analyze", request, service_pb2.AnalyzeResponse)

    def _catalog(self, tables):
        found = simple_catalog_pb2.SimpleCatalogProto(name="c")
        found.builtin_function_options.language_options.CopyFrom(self._language)
        for name, frame in tables.items():
            table = found.table.add(name=name)
            for column, dtype in frame.schema.items():
                table.column.add(name=column, type=type_pb2.TypeProto(type_kind=KINDS[dtype][0]))
        return found

    def _options(self, params):
        text = type_pb2.TypeProto(type_kind=type_pb2.TYPE_STRING)
        return options_pb2.AnalyzerOptionsProto(
            language_options=self._language,
            default_timezone="UTC",
            prune_unused_columns=True,
            query_parameters=[{"name": name, "type": text} for name in params],
        )

    def _call(self, name, request, response):
        return self._service.wasm_client.call_grpc_func(f"ZetaSqlLocalService_{name}", request, response)


def address(client):
    return ctypes.addressof(client.memory.data_ptr().contents)


def content(frame):
    fields = [KINDS[dtype][1] for dtype in frame.dtypes]
    found = service_pb2.TableContent()
    found.table_data.SetInParent()  # an empty table is one too
    for row in frame.iter_rows():
        cells = found.table_data.row.add().cell
        for field, given in zip(fields, row, strict=True):
            cell = cells.add()
            if given is None:
                continue
            if field == "timestamp_value":
                micros = (given - EPOCH) // timedelta(microseconds=1)
                cell.timestamp_value.seconds, cell.timestamp_value.nanos = micros // 10**6, micros % 10**6 * 1000
            else:
                setattr(cell, field, given)
    return found


def value(cell):
    field = cell.WhichOneof("value")
    if field is None:
        return None
    found = getattr(cell, field)
    if field == "timestamp_value":
        return EPOCH + timedelta(seconds=found.seconds, microseconds=found.nanos // 1000)
    return found
