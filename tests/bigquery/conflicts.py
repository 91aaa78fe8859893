"""A proxy before an emulator that refuses MERGE statements as BigQuery does where another job writes to the table."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from urllib.parse import urlsplit

SERIALIZE = "Could not serialize access to table demo:logs.entries due to concurrent update"

_HOP = frozenset(["connection", "content-length", "host", "transfer-encoding", "accept-encoding"])


@contextmanager
def refusing_merges(upstream: str, n: float) -> Iterator[tuple[str, list[str]]]:
    """Yield an address that passes all on to another, but refuses the first n MERGE statements; and their texts."""
    refused: list[str] = []
    lock = Lock()

    class Handler(BaseHTTPRequestHandler):
        def pass_on(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.command == "POST" and self.path.partition("?")[0].endswith("/jobs") and self.refuses(body):
                return
            connection = HTTPConnection(urlsplit(upstream).netloc)
            headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP}
            connection.request(self.command, self.path, body or None, headers)
            answer = connection.getresponse()
            text = answer.read()
            # A load continues at the address that it is given: here, so that all of it comes this way.
            given = [(name, value.replace(upstream, self.address())) for name, value in answer.getheaders()]
            self.answer(answer.status, text, [pair for pair in given if pair[0].lower() not in _HOP])
            connection.close()

        do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = pass_on  # noqa: N815

        def address(self):
            return f"http://{self.headers['Host']}"

        def refuses(self, body):
            job = json.loads(body)
            query = job.get("configuration", {}).get("query", {})
            is_merge = "\nmerge " in f"\n{query.get('query', '')}" and not job["configuration"].get("dryRun")
            with lock:
                if not is_merge or len(refused) >= n:
                    return False
                refused.append(query["query"])
            fault = {"reason": "invalidQuery", "message": SERIALIZE}
            job |= {"status": {"state": "DONE", "errorResult": fault, "errors": [fault]}}
            query["destinationTable"] = {"projectId": "demo", "datasetId": "logs", "tableId": "t"}
            self.answer(200, json.dumps(job).encode(), [("Content-Type", "application/json")])
            return True

        def answer(self, status, text, headers):
            self.send_response(status)
            for name, value in [*headers, ("Content-Length", str(len(text)))]:
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", refused
    finally:
        server.shutdown()
        server.server_close()
