"""A server that speaks entries.list over a real socket, with every way to fail that the service and what is between
have: its quota, its tokens (bound to their request), its order, and faults by the number of the call.

A fault is a function `(server, handler, request) -> bool`: True where it has answered. `None` answers as it should.
"""

import json
import random
import socket
import struct
import threading
import time
from collections import deque
from contextlib import contextmanager
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl

from tests.servers.log_filter import compiled, nanoseconds

MAX_PAGE = 1000


class Time:
    """A clock that stands still until somebody sleeps."""

    def __init__(self):
        self.seconds = 0.0

    def now(self):
        return self.seconds

    def sleep(self, seconds):
        self.seconds += seconds


class RefusalError(Exception):
    def __init__(self, code, status, message, details=()):
        self.code, self.status, self.details = code, status, list(details)
        super().__init__(message)


class CloudLogging:
    """The entries of projects, and what was asked for.

    entries: dicts, or raw bytes together with the dict they are found by: (bytes, dict). per_minute: the quota, or
    None. page_limit: the most entries on a page. faults: call number (from 1) to fault; `fault` for the others.
    shuffle: entries of equal timestamp come in another order in every listing. date: the server's clock, for the header
    Date of its answers, a time or a function; None for answers without one.
    """

    def __init__(self, entries=(), *, project="demo", per_minute=None, page_limit=MAX_PAGE, clock=time.monotonic):
        self.project = project
        self.per_minute = per_minute
        self.page_limit = page_limit
        self.clock = clock
        self.others = []  # further APIs at the same address: answer(path, params) gives a status and an object, or None
        self.resources = set()  # further names that may be read: of organizations, folders, views …
        self.held = {}  # of such a name: the projects whose entries it holds; all where it is not named here
        self.denied = set()
        self.faults = {}
        self.fault = None
        self.shuffle = False
        self.date = None
        self.calls = []  # the requests, in their order
        self.pages = []  # (filter, offset) of every page given
        self.refused = 0  # calls above the quota
        self._entries = []
        self._tokens = {}
        self._listings = {}
        self._sent = deque()
        self._lock = threading.Lock()
        self.add(entries)

    def add(self, entries):
        """Put entries in; both lists and tokens that are out do not see them."""
        for one in entries:
            raw, value = one if isinstance(one, tuple) else (json.dumps(one, ensure_ascii=False).encode(), one)
            self._entries.append((nanoseconds(value["timestamp"]), value.get("insertId", ""), value, raw))
        if entries:
            self._entries.sort(key=lambda one: one[:2])
            self._listings.clear()

    @contextmanager
    def running(self):
        """Serve on a port of this machine; yields the address."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(self))
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    def answer(self, request):
        """The response to one request as (entries as raw bytes, token)."""
        with self._lock:
            self._spend()
            token = request.get("pageToken")
            asked = {key: value for key, value in request.items() if key != "pageToken"}
            if token is None:
                self._check(asked)
                listing, offset = self._list(asked), 0
            else:
                bound, listing, offset = self._tokens.get(token, (None, [], 0))
                if bound != asked:
                    raise RefusalError(400, "INVALID_ARGUMENT", "page_token is not valid, or is not of this request")
            size = min(asked.get("pageSize", 50), self.page_limit)
            page = listing[offset : offset + size]
            self.pages.append((asked["filter"], offset))
            following = None
            if offset + size < len(listing):
                following = self.token(asked, listing, offset + size)
            return page, following

    def token(self, asked, listing, offset):
        name = f"token-{len(self._tokens)}-{random.getrandbits(64):x}"
        self._tokens[name] = (asked, listing, offset)
        return name

    def forget_tokens(self):
        """All tokens that are out expire."""
        self._tokens.clear()

    def _spend(self):
        if self.per_minute is None:
            return
        now = self.clock()
        while self._sent and now - self._sent[0] >= 60:
            self._sent.popleft()
        if len(self._sent) >= self.per_minute:
            self.refused += 1
            raise RefusalError(429, "RESOURCE_EXHAUSTED", QUOTA, [RATE_LIMIT])
        self._sent.append(now)

    def _check(self, asked):
        for name in asked.get("resourceNames") or [None]:
            if name in self.denied:
                raise RefusalError(403, "PERMISSION_DENIED", f"Permission denied on {name} (or it may not exist)")
            if name not in (f"projects/{self.project}", *self.resources):
                raise RefusalError(404, "NOT_FOUND", f"{name} does not exist")
        if not 0 <= asked.get("pageSize", 50) <= MAX_PAGE:
            raise RefusalError(400, "INVALID_ARGUMENT", "page_size is out of range")
        if len(asked.get("filter", "")) > 20_000:
            raise RefusalError(400, "INVALID_ARGUMENT", "the filter is too long")
        if asked.get("orderBy", "timestamp asc") not in ("timestamp asc", "timestamp desc"):
            raise RefusalError(400, "INVALID_ARGUMENT", "order_by is not known")

    def _list(self, asked):
        names = tuple(asked.get("resourceNames", ()))
        key = (asked.get("filter", ""), asked.get("orderBy", "timestamp asc"), names)
        if key not in self._listings or self.shuffle:
            try:
                holds = compiled(key[0])
            except (ValueError, IndexError) as error:
                raise RefusalError(400, "INVALID_ARGUMENT", f"Unparseable filter: {error}") from error
            found = [one for one in self._entries if holds(one[2]) and self._is_held(one[2], names)]
            if self.shuffle:
                random.shuffle(found)
                found.sort(key=lambda one: one[0])
            if key[1].endswith("desc"):
                found.reverse()
            self._listings[key] = [raw for *_, raw in found]
        return self._listings[key]

    def _is_held(self, value, names):
        if not self.held:
            return True
        project = value["logName"].split("/")[1]
        held = {name: {name.removeprefix("projects/")} for name in names if name.startswith("projects/")} | self.held
        return any(project in held[name] for name in names if name in held)


QUOTA = "Quota exceeded for quota metric 'Read requests' and limit 'Read requests per minute' of service 'logging'"
RATE_LIMIT = {
    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
    "reason": "RATE_LIMIT_EXCEEDED",
    "metadata": {"quota_limit": "ReadRequestsPerMinutePerProject", "quota_limit_value": "60"},
}


def handler_of(server):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def log_message(self, *_):
            pass

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path.partition("?")[0] != "/v2/entries:list":
                self.send(404, b"{}")
                return
            request = json.loads(body)
            server.calls.append(request)
            fault = server.faults.get(len(server.calls), server.fault)
            if fault and fault(server, self, request):
                return
            try:
                self.page(*server.answer(request))
            except RefusalError as error:
                self.refuse(error)

        def do_GET(self):
            path, _, query = self.path.partition("?")
            answers = (api.answer(path, dict(parse_qsl(query))) for api in server.others)
            code, found = next((answer for answer in answers if answer is not None), (501, {}))
            self.send(code, json.dumps(found).encode())

        def page(self, entries, token):
            tail = b',"nextPageToken":' + json.dumps(token).encode() if token else b""
            self.send(
                200, b'{"entries":[' + b",".join(entries) + b"]" + tail + b"}" if entries else b"{" + tail[1:] + b"}"
            )

        def refuse(self, error, **headers):
            found = {"code": error.code, "message": str(error), "status": error.status, "details": error.details}
            self.send(error.code, json.dumps({"error": found}).encode(), **headers)

        def send_response(self, code, message=None):
            self.send_response_only(code, message)
            if server.date:
                moment = server.date() if callable(server.date) else server.date
                self.send_header("Date", format_datetime(moment, usegmt=True))

        def send(self, code, body, *, kind="application/json; charset=UTF-8", **headers):
            self.send_response(code)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            self.wfile.write(body)

    return Handler


# Faults


def refusal(code, status, message="said the service", details=(), **headers):
    """An error of the API."""

    def fault(_server, handler, _request):
        handler.refuse(RefusalError(code, status, message, details), **headers)
        return True

    return fault


def retry_info(seconds):
    """429 that says when to come back, as the documentation has it."""
    info = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{seconds}s"}
    return refusal(429, "RESOURCE_EXHAUSTED", QUOTA, [RATE_LIMIT, info])


def html(code):
    """A proxy's page."""

    def fault(_server, handler, _request):
        handler.send(code, b"<html><body>Please sign in to the guest network</body></html>", kind="text/html")
        return True

    return fault


def odd_json(code):
    """JSON of a proxy that is no error of the API."""

    def fault(_server, handler, _request):
        handler.send(code, b'{"error": "bad gateway"}')
        return True

    return fault


def drop(_server, handler, _request):
    """The connection is reset before an answer."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()
    handler.close_connection = True
    return True


def answered(server, handler, request):
    """The bytes of the answer that would have been given."""
    sent = []
    send, handler.send = handler.send, lambda _code, body, **_: sent.append(body)
    try:
        handler.page(*server.answer(request))
    except RefusalError as error:
        handler.refuse(error)
    finally:
        handler.send = send
    return sent[0]


def hang_up(server, handler, request):
    """The connection ends in the middle of the answer."""
    body = answered(server, handler, request)
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body[: len(body) // 2])
    handler.close_connection = True
    return True


def cut_body(server, handler, request):
    """An answer that ends in the middle of an entry, but says that it is whole."""
    body = answered(server, handler, request)
    handler.send(200, body[: len(body) // 2])
    return True


def cut_at_an_end(server, handler, request):
    """The same, ending with brackets as a page does; each time elsewhere."""
    body = answered(server, handler, request)
    at = len(body) * (1 + len(server.calls) % 5) // 6
    handler.send(200, body[: body.rindex(b"}", 0, at)] + b'"}]}')
    return True


def empty(server, handler, request):
    """A page without an entry and with a token, which goes on where this one would have."""
    token = request.get("pageToken")
    asked = {key: value for key, value in request.items() if key != "pageToken"}
    bound, listing, offset = server._tokens.get(token, (asked, None, 0))
    if bound != asked:
        return False
    if listing is None:
        listing = server._list(asked)
    handler.page([], server.token(asked, listing, offset))
    return True


def same_token(server, handler, request):
    """The page, with the token that was sent."""
    if "pageToken" not in request:
        return False
    page, _ = server.answer(request)
    handler.page(page, request["pageToken"])
    return True


def short_page(server, handler, request):
    """Fewer entries than were asked for."""
    whole, server.page_limit = server.page_limit, 3
    try:
        handler.page(*server.answer(request))
    except RefusalError as error:
        handler.refuse(error)
    finally:
        server.page_limit = whole
    return True


def expire(server, _handler, _request):
    """All tokens expire just now."""
    server.forget_tokens()
    return False


#: Faults that pass, so that every entry has to be there in the end.
PASSING = {
    "429": refusal(429, "RESOURCE_EXHAUSTED", QUOTA, [RATE_LIMIT]),
    "429 with RetryInfo": retry_info(1),
    "429 with Retry-After": refusal(429, "RESOURCE_EXHAUSTED", QUOTA, Retry_After="1"),
    "ABORTED": refusal(409, "ABORTED"),
    "CANCELLED": refusal(499, "CANCELLED"),
    "UNAVAILABLE": refusal(503, "UNAVAILABLE"),
    "INTERNAL": refusal(500, "INTERNAL"),
    "UNKNOWN": refusal(500, "UNKNOWN"),
    "DEADLINE_EXCEEDED": refusal(504, "DEADLINE_EXCEEDED"),
    "a proxy's page": html(200),
    "a proxy's 502": html(502),
    "a proxy's JSON": odd_json(502),
    "reset": drop,
    "hang up": hang_up,
    "cut": cut_body,
    "cut at an end": cut_at_an_end,
    "empty page": empty,
    "same token": same_token,
    "short page": short_page,
    "expired token": expire,
}
