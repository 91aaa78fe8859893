"""BigQuery's Storage Read API as far as one client needs it, over gRPC: sessions and streams of tables in memory."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime

import grpc
import pyarrow as pa
from google.cloud.bigquery_storage_v1 import types

_SERVICE = "/google.cloud.bigquery.storage.v1.BigQueryRead/"


class StorageRead:
    """tables: by `projects/P/datasets/D/tables/T`. refused: a status for every session; not_understood: words for which
    a row restriction is refused. Streams of `batch` rows break once after their first answer where `breaks`.

    sessions: the requests that came; offsets: those that streams were read from.
    """

    def __init__(self, tables, *, refused=None, not_understood=None, batch=3, breaks=False):
        self._tables, self._refused, self._not_understood = tables, refused, not_understood
        self._batch, self._breaks = batch, breaks
        self.sessions, self.offsets = [], []

    @contextmanager
    def running(self):
        """Serve on a port of this machine; yields HOST:PORT."""
        server = grpc.server(ThreadPoolExecutor(2))
        server.add_generic_rpc_handlers((_Handlers(self),))
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        try:
            yield f"127.0.0.1:{port}"
        finally:
            server.stop(None).wait()

    def create(self, body, context):
        """One session, as CreateReadSession gives it."""
        request = types.CreateReadSessionRequest.deserialize(body)
        self.sessions.append(request)
        wanted = request.read_session
        if self._refused:
            context.abort(self._refused, "request failed: the user does not have 'bigquery.readsessions.create'")
        if self._not_understood and self._not_understood in wanted.read_options.row_restriction:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "request failed: row filter is invalid")
        if wanted.table not in self._tables:
            context.abort(grpc.StatusCode.NOT_FOUND, f"Not found: Table {wanted.table}")
        table = self._selected(wanted)
        answer = types.ReadSession(
            name="s",
            table=wanted.table,
            data_format=wanted.data_format,
            read_options=wanted.read_options,
            arrow_schema=types.ArrowSchema(serialized_schema=table.schema.serialize().to_pybytes()),
            streams=[types.ReadStream(name=f"{len(self.sessions) - 1}")] if table.num_rows else [],
            estimated_total_bytes_scanned=table.nbytes,
        )
        return types.ReadSession.serialize(answer)

    def rows(self, body, context):
        """The answers of one stream, as ReadRows gives them."""
        request = types.ReadRowsRequest.deserialize(body)
        self.offsets.append(request.offset)
        table = self._selected(self.sessions[int(request.read_stream)].read_session)
        for number, batch in enumerate(table.slice(request.offset).to_batches(max_chunksize=self._batch)):
            if self._breaks and number == 1 and len(self.offsets) == 1:
                context.abort(grpc.StatusCode.UNAVAILABLE, "the connection was reset")
            data = types.ArrowRecordBatch(serialized_record_batch=batch.serialize().to_pybytes())
            yield types.ReadRowsResponse.serialize(
                types.ReadRowsResponse(arrow_record_batch=data, row_count=batch.num_rows)
            )

    def _selected(self, wanted):
        return self._tables[wanted.table].select(list(wanted.read_options.selected_fields)).combine_chunks()


class _Handlers(grpc.GenericRpcHandler):
    def __init__(self, server):
        self._server = server

    def service(self, details):
        method = details.method.removeprefix(_SERVICE)
        if method == "CreateReadSession":
            return grpc.unary_unary_rpc_method_handler(self._server.create)
        return grpc.unary_stream_rpc_method_handler(self._server.rows) if method == "ReadRows" else None


def table_of(rows):
    """A sink's table as Arrow: each column that some row has, times as times."""
    names = sorted({name for row in rows for name in row})
    times = ("timestamp", "receiveTimestamp")
    return pa.Table.from_pylist(
        [
            {
                name: datetime.fromisoformat(row[name]) if name in times and row.get(name) else row.get(name)
                for name in names
            }
            for row in rows
        ]
    )
