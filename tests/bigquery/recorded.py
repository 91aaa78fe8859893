"""BigQuery's REST API as far as one query needs it: answers that the service is known to give, over HTTP."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from pipeline.warehouse import Address, Warehouse


@contextmanager
def bigquery_that_answers(errors, row=None, project="demo") -> Iterator[tuple[str, list[str]]]:
    """Serve queries: each takes the next of `errors` (reason, message) or None for success, the last for ever; each
    gives the one row of whole numbers.

    Yields the address and the texts of the queries that came.
    """
    came: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            if "/datasets/" in self.path:
                reference = {"datasetReference": {"projectId": project, "datasetId": "logs"}}
                return self.answer(reference | {"location": "US"})
            fields = [{"name": name, "type": "INTEGER"} for name in row or {}]
            rows = [{"f": [{"v": str(value)} for value in row.values()]}] if row else []
            answer = {"jobComplete": True, "totalRows": str(len(rows)), "schema": {"fields": fields}, "rows": rows}
            return self.answer(answer)

        def do_POST(self):
            job = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            error = errors[min(len(came), len(errors) - 1)]
            came.append(job["configuration"]["query"]["query"])
            status = {"state": "DONE"}
            if error:
                fault = {"reason": error[0], "message": error[1]}
                status |= {"errorResult": fault, "errors": [fault]}
            job["configuration"]["query"]["destinationTable"] = {
                "projectId": project, "datasetId": "logs", "tableId": "t"
            }  # fmt: skip
            job |= {"status": status, "statistics": {"query": {"statementType": "SELECT"}}}
            return self.answer(job)

        def answer(self, body):
            text = json.dumps(body).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", came
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def bigquery_with_tables(tables, project="demo"):
    """Yield a warehouse whose dataset `logs` has tables of these columns, all texts; only looking is answered."""
    reference = {"projectId": project, "datasetId": "logs"}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            path = self.path.partition("?")[0].rstrip("/")
            if path.endswith("/logs"):
                body = {"datasetReference": reference, "location": "US"}
            elif path.endswith("/tables"):
                listed = [{"tableReference": reference | {"tableId": name}, "type": "TABLE"} for name in tables]
                body = {"tables": listed, "totalItems": len(listed)}
            else:
                name = path.rpartition("/")[2]
                fields = [{"name": column, "type": "STRING"} for column in tables[name]]
                body = {"tableReference": reference | {"tableId": name}, "schema": {"fields": fields}}
            text = json.dumps(body).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BIGQUERY_EMULATOR_HOST", f"http://127.0.0.1:{server.server_address[1]}")
        yield Warehouse(Address(project, "logs"))
    server.shutdown()
    server.server_close()
