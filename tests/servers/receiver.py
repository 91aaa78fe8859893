"""Servers that are told: a webhook that can fail in any way, and the comments of GitHub's pull requests."""

import json
import re
import socket
import struct
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Receiver:
    """What was sent: (method, path, headers, body). answers: status or fault for the first requests; then 200.

    A fault is `hang` (no answer until the end), `reset` (the connection is reset once the request was read), or a pair
    of a status and headers.
    """

    def __init__(self, *answers):
        self.got = []
        self.answers = list(answers)
        self._ended = threading.Event()
        self._lock = threading.Lock()

    @contextmanager
    def running(self):
        """Serve on a port of this machine; yields the address."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            self._ended.set()
            server.shutdown()
            server.server_close()

    @property
    def bodies(self):
        """The bodies that were sent."""
        return [body for *_, body in self.got]

    def answer(self, method, path, body):
        """The status and the object of an answer."""
        return 200, {"ok": True}

    def handle(self, handler, method):
        length = int(handler.headers.get("Content-Length") or 0)
        body = json.loads(handler.rfile.read(length)) if length else None
        with self._lock:
            self.got.append((method, handler.path, dict(handler.headers), body))
            fault = self.answers.pop(0) if self.answers else None
            if fault == "hang":
                self._lock.release()
                self._ended.wait()
                self._lock.acquire()
                return
            if fault == "reset":
                handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                handler.connection.close()
                handler.close_connection = True
                return
            headers = {}
            if fault is None:
                code, found = self.answer(method, handler.path, body)
            else:
                code, headers = fault if isinstance(fault, tuple) else (fault, {})
                found = {"message": "said the server"}
        text = json.dumps(found).encode()
        handler.send_response(code)
        for name, value in {**headers, "Content-Length": str(len(text))}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(text)


class GitHub(Receiver):
    """The comments of pull requests, in pages."""

    def __init__(self, *answers, comments=(), pulls=()):
        super().__init__(*answers)
        self.comments = {number: {"id": number, "body": body} for number, body in enumerate(comments, 1)}
        self.pulls = list(pulls)

    def answer(self, method, path, body):
        """As the REST reference has it."""
        base = r"/repos/acme/shop"
        if method == "GET" and re.fullmatch(base + r"/commits/[0-9a-f]+/pulls", path):
            return 200, [{"number": number} for number in self.pulls]
        if method == "GET" and (match := re.fullmatch(base + r"/issues/7/comments\?per_page=100&page=(\d+)", path)):
            first = (int(match[1]) - 1) * 100
            return 200, list(self.comments.values())[first : first + 100]
        if method == "POST" and path == "/repos/acme/shop/issues/7/comments":
            number = len(self.comments) + 1
            self.comments[number] = {"id": number, **body}
            return 201, self.comments[number]
        if method == "PATCH" and (match := re.fullmatch(base + r"/issues/comments/(\d+)", path)):
            self.comments[int(match[1])] |= body
            return 200, self.comments[int(match[1])]
        return 404, {"message": "Not Found"}


def _handler_of(receiver):
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def do_GET(self):
            receiver.handle(self, "GET")

        def do_POST(self):
            receiver.handle(self, "POST")

        def do_PATCH(self):
            receiver.handle(self, "PATCH")

    return Handler
