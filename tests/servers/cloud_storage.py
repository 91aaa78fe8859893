"""A server that speaks the JSON API of Cloud Storage over a real socket: lists, ranges, generations, uploads, faults.

A fault is a function `(server, handler) -> bool`: True where it has answered. `None` answers as it should.
"""

import base64
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

import google_crc32c


class CloudStorage:
    """The objects of buckets by (bucket, name): (generation, content, content encoding).

    page_limit: the most names on a page of a list. faults: number of the call (from 1) to fault. calls: (method, path
    with its query) of each. denied: buckets that refuse. requester_pays: a call has to name the project that pays.
    """

    def __init__(self, objects=(), *, bucket="logs", page_limit=1000):
        self.bucket = bucket
        self.page_limit = page_limit
        self.objects = {}
        self.faults = {}
        self.denied = set()
        self.requester_pays = False
        self.calls = []
        self.ranges = 0  # reads of content, in all
        self.at_once = self.most_at_once = 0
        self.meet = 0  # a read waits until so many are there at once, or for five seconds
        self._generation = 1_700_000_000_000_000
        self._lock = threading.Lock()
        self._arrived = threading.Condition(self._lock)
        for name, content in dict(objects).items():
            self.put(name, content)

    def put(self, name, content, *, bucket=None, only_new=False):
        """Write an object; False where there is one and `only_new` asks for none."""
        with self._lock:
            key = (bucket or self.bucket, name)
            if only_new and key in self.objects:
                return False
            self._generation += 1
            self.objects[key] = (self._generation, bytes(content))
            return True

    def names(self, bucket=None):
        return sorted(name for owner, name in self.objects if owner == (bucket or self.bucket))

    @contextmanager
    def running(self):
        """Serve on a port of this machine; yields the address."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    def listing(self, bucket, query):
        """One page as items and prefixes of names, and the token of the next."""
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter")
        names = [
            name
            for name in self.names(bucket)
            if name.startswith(prefix) and query.get("startOffset", "") <= name < query.get("endOffset", "\U0010ffff")
        ]
        found = {}
        for name in names:
            rest = name[len(prefix) :]
            is_folder = delimiter and delimiter in rest
            found[prefix + rest.partition(delimiter)[0] + delimiter if is_folder else name] = is_folder
        offset = int(query.get("pageToken", 0))
        page = list(found.items())[offset : offset + self.page_limit]
        token = str(offset + self.page_limit) if offset + self.page_limit < len(found) else None
        return [n for n, folder in page if not folder], [n for n, folder in page if folder], token

    def resource(self, bucket, name):
        generation, content = self.objects[bucket, name]
        return {
            "kind": "storage#object",
            "name": name,
            "bucket": bucket,
            "generation": str(generation),
            "size": str(len(content)),
            "crc32c": base64.b64encode(google_crc32c.Checksum(content).digest()).decode(),
        }


def status(code, *, message="try again"):
    """A fault: an answer with an error status."""

    def answer(server, handler):
        handler.say(code, {"error": {"code": code, "message": message}})
        return True

    return answer


def cut(server, handler):
    """A fault: half of the content, and the connection closes."""
    handler.half = True
    return False


def wrong(server, handler):
    """A fault: other bytes of the same length."""
    handler.flipped = True
    return False


def _handler_of(server):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        half = flipped = False

        def log_message(self, *args):
            pass

        def do_GET(self):
            self._answer(self._get)

        def do_POST(self):
            self._answer(self._post)

        def _answer(self, method):
            parts = urlsplit(self.path)
            self.query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
            self.half = self.flipped = False
            with server._lock:
                server.calls.append((self.command, self.path))
                fault = server.faults.get(len(server.calls))
            words = parts.path.split("/")
            bucket = words[words.index("b") + 1]
            if fault and fault(server, self):
                return
            if bucket in server.denied:
                self.say(403, {"error": {"code": 403, "message": f"no storage.objects.list access to {bucket}"}})
                return
            if server.requester_pays and "userProject" not in self.query:
                message = "Bucket is a requester pays bucket but no user project provided."
                self.say(400, {"error": {"code": 400, "message": message, "errors": [{"reason": "required"}]}})
                return
            method(parts.path, bucket)

        def _get(self, path, bucket):
            if path.endswith("/o"):
                names, prefixes, token = server.listing(bucket, self.query)
                items = [server.resource(bucket, name) for name in names]
                self.say(200, {"items": items, "prefixes": prefixes, **({"nextPageToken": token} if token else {})})
                return
            name = unquote(path.partition("/o/")[2])
            if (bucket, name) not in server.objects:
                self.say(404, {"error": {"code": 404, "message": f"No such object: {bucket}/{name}"}})
                return
            generation, content = server.objects[bucket, name]
            if self.query.get("generation", str(generation)) != str(generation):
                self.say(404, {"error": {"code": 404, "message": f"No such object: {name}#{self.query['generation']}"}})
            elif self.query.get("alt") != "media":
                self.say(200, server.resource(bucket, name))
            else:
                self._content(content)

        def _content(self, content):
            code, headers = 200, {}
            with server._lock:
                server.ranges += 1
                server.at_once += 1
                server.most_at_once = max(server.most_at_once, server.at_once)
                server._arrived.notify_all()
                server._arrived.wait_for(lambda: server.most_at_once >= server.meet, timeout=5)
            if given := self.headers.get("Range"):
                first, _, last = given.removeprefix("bytes=").partition("-")
                whole = len(content)
                content = content[int(first) : int(last) + 1 if last else None]
                code, headers = 206, {"Content-Range": f"bytes {first}-{int(first) + len(content) - 1}/{whole}"}
            if self.flipped and content:
                content = bytes([content[0] ^ 1]) + content[1:]
            self.send_response(code)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content[: len(content) // 2] if self.half else content)
            with server._lock:
                server.at_once -= 1
            self.close_connection = self.half

        def _post(self, path, bucket, *, answer=True):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            border = b"--" + self.headers["Content-Type"].partition("boundary=")[2].strip('"').encode()
            parts = body.split(border)
            metadata = json.loads(parts[1].partition(b"\r\n\r\n")[2])
            content = parts[2].partition(b"\r\n\r\n")[2].removesuffix(b"\r\n")
            name = metadata["name"]
            if not server.put(name, content, bucket=bucket, only_new=self.query.get("ifGenerationMatch") == "0"):
                self.say(412, {"error": {"code": 412, "message": "At least one of the pre-conditions did not hold."}})
                return
            if answer:
                self.say(200, server.resource(bucket, name))

        def say(self, code, value):
            if self.command == "POST" and code >= 400 and not self.rfile.closed and self.headers.get("Content-Length"):
                self.close_connection = True
            content = json.dumps(value).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    return Handler
