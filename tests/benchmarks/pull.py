"""Time and memory of a pull beside what the quota takes: `python -m tests.benchmarks.pull [ENTRIES] [PER_MINUTE]`.

A server in a process of its own makes entries up as they are asked for; the pull runs in another one. By default two
million entries at 60 reads a minute, which is 33 minutes of waiting; 60000 600 gives an answer in a minute.
"""

import json
import multiprocessing
import resource
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

START = datetime(2026, 1, 15, 9, tzinfo=UTC)
STEP_US = 1000
PAGE = 1000
LIMIT_MIB, LIMIT_OVER = 400, 1.10
TEXTS = (
    '127.0.0.1:0 - "GET /api/orders/{n} HTTP/1.1" 200',
    "2026-01-15 09:00:00,000 - shop.orders - INFO - Order {n} for user 10146348... took 12.5ms",
    "WebSocket connection closed with code 1000",
    "GCP WebSocket readiness validation SUCCESS (1.24s)",
)
LABELS = '{"location":"europe-west1","project_id":"demo","revision_name":"shop-00042-abc","service_name":"shop"}'


def raw(number):
    """The bytes of one entry, of about 900."""
    at = (START + timedelta(microseconds=number * STEP_US)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    payload = json.dumps({"message": TEXTS[number % 4].format(n=number), "extra": "x" * 400, "n": number})
    return (
        f'{{"insertId":"{number:024x}","jsonPayload":{payload},"labels":{{"instanceId":"{number % 7:064x}"}},'
        f'"logName":"projects/demo/logs/run.googleapis.com%2Fstdout","receiveTimestamp":"{at}",'
        f'"resource":{{"labels":{LABELS},"type":"cloud_run_revision"}},"severity":"INFO","timestamp":"{at}"}}'
    )


class Handler(BaseHTTPRequestHandler):
    """Pages by number: the token is where the next one starts."""

    protocol_version = "HTTP/1.1"
    count = 0

    def log_message(self, *_):
        """Say nothing."""

    def do_POST(self):
        """Answer entries.list for the whole window."""
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        start = int(request.get("pageToken", 0))
        end = min(start + PAGE, self.count)
        tail = f',"nextPageToken":"{end}"' if end < self.count else ""
        body = f'{{"entries":[{",".join(map(raw, range(start, end)))}]{tail}}}'.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def serve(count, port):
    """Serve so many entries, and tell the port."""
    Handler.count = count
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    port.put(server.server_port)
    server.serve_forever()


def pull(count, per_minute, port, answer):
    """Pull all of it into a new store, and tell seconds, MiB, entries and reads."""
    from pipeline.run import extract
    from pipeline.sources.base import Access, Request, open_sources
    from pipeline.stores.local import LocalStore
    from pipeline.window import Window

    until = START + timedelta(microseconds=count * STEP_US)
    sources = open_sources(["logging://demo"], Access(f"http://127.0.0.1:{port}", per_minute))
    request = Request(Window(START, until), now=until + timedelta(days=1))
    with tempfile.TemporaryDirectory() as folder:
        store = LocalStore(Path(folder))
        began = time.monotonic()
        with store.writing():
            found = extract(sources, store, request)
        seconds = time.monotonic() - began
    answer.put((seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, found.read, found.reports[0].reads))


def main():
    """Run it, print the figures, and fail where one is above its limit."""
    count, per_minute = (int(given) for given in (sys.argv[1:] + ["2000000", "60"][len(sys.argv) - 1 :]))
    context = multiprocessing.get_context("spawn")
    port, answer = context.Queue(), context.Queue()
    server = context.Process(target=serve, args=(count, port), daemon=True)
    server.start()
    puller = context.Process(target=pull, args=(count, per_minute, port.get(), answer))
    puller.start()
    seconds, mib, read, reads = answer.get()
    server.terminate()
    pages = -(-count // PAGE)
    quota_s = (pages - 1) // per_minute * 60.0
    print(f"{read:,} entries in {reads:,} reads ({pages:,} pages), {seconds:.1f} s; the quota alone: {quota_s:.0f} s")
    print(f"time: {seconds / max(quota_s, 1):.3f} of the quota's (limit {LIMIT_OVER}); peak memory: {mib:.0f} MiB")
    assert (read, reads) == (count, pages)
    assert mib < LIMIT_MIB
    assert seconds < quota_s * LIMIT_OVER or quota_s == 0


if __name__ == "__main__":
    main()
