"""Three services of other frameworks (Flask, Next.js, Go), each with the text logs and the errors that are theirs."""

from datetime import UTC, datetime

from pipeline.simulate.deployment import App, probe_succeeded
from pipeline.simulate.shop import server_line
from pipeline.simulate.stream import MILLISECOND_US, PROXY, SECOND_US, Call, Endpoint, Instance, Stream

SCANNER = Endpoint("GET", "/.env", 3, 1.2, 0.3, status=404, kind="plain", response_bytes=160)
EDGE_US = 2_000  # from the edge to the app
_SLOW_US = 4 * SECOND_US


def _fails(instance: Instance, call: Call) -> bool:
    """Return whether this API call is one of those that the revision fails."""
    faults = instance.revision.faults
    return call.endpoint.path == faults.broken_path or _is_nth(instance, call, faults.failed_request_every)


def _is_nth(instance: Instance, call: Call, every: int) -> bool:
    """Return whether this API call is one in so many of the revision's; never for 0."""
    revision = instance.revision
    if call.endpoint.kind != "api" or not every:
        return False
    revision.requests += 1
    return revision.requests % every == 0


def _work(stream: Stream, instance: Instance, call: Call) -> tuple[int, int, int]:
    """Return how a call goes: its status, the app's time in microseconds, and when the app is done."""
    status = 500 if _fails(instance, call) else call.endpoint.status
    app_us = stream.lognormal_us(call.endpoint.median_ms, call.endpoint.sigma)
    if _is_nth(instance, call, instance.revision.faults.slow_request_every):
        app_us += _SLOW_US
    return status, app_us, call.start_us + EDGE_US + app_us


# Flask: gunicorn's sync workers; the framework's logger names the failed call, the traceback follows as one entry

FLASK_HEALTH = Endpoint("GET", "/healthz", 5, 0.7, 0.3, kind="plain", response_bytes=60)
FLASK_ENDPOINTS = (
    Endpoint("GET", "/products", 40, 55, response_bytes=18_000),
    Endpoint("GET", "/products/{number}", 42, 30),
    Endpoint("POST", "/products/{number}/reviews", 10, 80, status=201),
    FLASK_HEALTH,
    SCANNER,
)
FLASK_TRACEBACK = (
    "Traceback (most recent call last):\n"
    '  File "/usr/local/lib/python3.12/site-packages/flask/app.py", line 1511, in wsgi_app\n'
    "    response = self.full_dispatch_request()\n"
    "               ^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n"
    '  File "/usr/local/lib/python3.12/site-packages/flask/app.py", line 919, in full_dispatch_request\n'
    "    rv = self.handle_user_exception(e)\n"
    "         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n"
    '  File "/app/catalog/prices.py", line 74, in converted\n'
    '    price = row["price"] * rates[currency]\n'
    "                           ~~~~~^^^^^^^^^^\n"
    "KeyError: 'CHF'"
)


def _boot_flask(stream: Stream, instance: Instance, now_us: int) -> int:
    us = now_us + 1_300 * MILLISECOND_US
    for number, (pid, text) in enumerate(
        (
            (1, "Starting gunicorn 23.0.0"),
            (1, "Listening at: http://0.0.0.0:8080 (1)"),
            (1, "Using worker: sync"),
            (4, "Booting worker with pid: 4"),
        )
    ):
        stream.text(instance, us + number * 800, "stderr", server_line(us, pid, "INFO", text))
    probe_succeeded(stream, instance, us + 2_000, 8080)
    return us + 2 * SECOND_US


def _stop_gunicorn(stream: Stream, instance: Instance, now_us: int) -> None:
    for number, (pid, text) in enumerate(
        ((1, "Handling signal: term"), (4, "Worker exiting (pid: 4)"), (1, "Shutting down: Master"))
    ):
        stream.text(instance, now_us + number * 90_000, "stderr", server_line(now_us, pid, "INFO", text))


def _serve_flask(stream: Stream, instance: Instance, call: Call) -> None:
    status, app_us, done_us = _work(stream, instance, call)
    moment = datetime.fromtimestamp(done_us // SECOND_US, UTC)
    if status >= 500:
        milliseconds = done_us % SECOND_US // MILLISECOND_US
        where = f"Exception on {call.path} [{call.endpoint.method}]"
        stream.text(
            instance,
            done_us - 900,
            "stderr",
            f"[{moment:%Y-%m-%d %H:%M:%S},{milliseconds:03d}] ERROR in app: {where}",
        )
        stream.stack(instance, done_us - 800, FLASK_TRACEBACK, "CJ7Qp9W2zbbGFA")
    stream.text(
        instance,
        done_us,
        "stdout",
        f'{PROXY} - - [{moment:%d/%b/%Y:%H:%M:%S} +0000] "{call.endpoint.method} {call.path} HTTP/1.1" {status}'
        f' {call.endpoint.response_bytes} "-" "{call.client.agent}"',
    )
    stream.request(instance, call, EDGE_US + app_us + 900, status)


# Next.js: no access log; the stack of an error is one entry, the digest after it two more

NEXT_HEALTH = Endpoint("GET", "/api/health", 5, 1.5, 0.3, kind="plain", response_bytes=40)
NEXT_ENDPOINTS = (
    Endpoint("GET", "/", 30, 40, response_bytes=31_000),
    Endpoint("GET", "/products/{word}", 40, 65, response_bytes=24_000),
    Endpoint("GET", "/api/cart", 16, 35),
    Endpoint("GET", "/_next/static/chunks/main-{number}.js", 6, 2, 0.3, kind="plain", response_bytes=90_000),
    NEXT_HEALTH,
    SCANNER,
)
NEXT_BOOT = (
    (0.90, "   ▲ Next.js 15.3.2"),
    (0.90, "   - Local:        http://localhost:3000"),
    (0.90, "   - Network:      http://0.0.0.0:3000"),
    (0.91, " ✓ Starting..."),
    (1.33, " ✓ Ready in 421ms"),
)
NEXT_STACK = (
    " ⨯ TypeError: Cannot read properties of undefined (reading 'amount')\n"
    "    at PriceTag (/app/.next/server/app/products/[slug]/page.js:1:5127)\n"
    "    at renderWithHooks (/app/node_modules/next/dist/compiled/next-server/app-page.runtime.prod.js:12:48210)\n"
    "    at async renderToResponse (/app/node_modules/next/dist/server/base-server.js:1184:23) {"
)


def _boot_next(stream: Stream, instance: Instance, now_us: int) -> int:
    for number, (offset_s, text) in enumerate(NEXT_BOOT):
        stream.text(instance, now_us + int(offset_s * SECOND_US) + number * 200, "stdout", text)
    probe_succeeded(stream, instance, now_us + 1_400 * MILLISECOND_US, 3000)
    return now_us + 2 * SECOND_US


def _serve_next(stream: Stream, instance: Instance, call: Call) -> None:
    status, app_us, done_us = _work(stream, instance, call)
    if status >= 500:
        stream.stack(instance, done_us - 900, NEXT_STACK, "CNrW4-mB6tbLXQ")
        stream.text(instance, done_us - 800, "stderr", f"  digest: '{stream.rng.randrange(10**9, 4 * 10**9)}'")
        stream.text(instance, done_us - 700, "stderr", "}")
    stream.request(instance, call, EDGE_US + app_us + 900, status)


# Go: net/http and log/slog; a recovered panic is one entry with its goroutine's stack

GO_HEALTH = Endpoint("GET", "/healthz", 5, 0.2, 0.3, kind="plain", response_bytes=2)
GO_ENDPOINTS = (
    Endpoint("GET", "/accounts", 30, 12),
    Endpoint("GET", "/accounts/{number}/entries", 42, 25, response_bytes=6_400),
    Endpoint("POST", "/transfers", 20, 48, status=201),
    GO_HEALTH,
    SCANNER,
)
GO_STACK = (
    "runtime/debug.Stack()\n"
    "\t/usr/local/go/src/runtime/debug/stack.go:26 +0x5e\n"
    "main.recovered.func1.1()\n"
    "\t/src/middleware.go:41 +0x4c\n"
    "panic({0x8a1f40?, 0xc00021a018?})\n"
    "\t/usr/local/go/src/runtime/panic.go:787 +0x132\n"
    "main.(*Ledger).Balance(...)\n"
    "\t/src/ledger.go:118\n"
    "net/http.HandlerFunc.ServeHTTP(0xc0001b2f00?, {0x9f3a28?, 0xc0002460e0?}, 0x0?)\n"
    "\t/usr/local/go/src/net/http/server.go:2294 +0x29"
)


def _go_line(us: int, text: str) -> str:
    return f"{datetime.fromtimestamp(us // SECOND_US, UTC):%Y/%m/%d %H:%M:%S} {text}"


def _boot_go(stream: Stream, instance: Instance, now_us: int) -> int:
    us = now_us + 180 * MILLISECOND_US
    stream.text(instance, us, "stderr", _go_line(us, "INFO ledger-go listening addr=:8080"))
    probe_succeeded(stream, instance, us + 2_000, 8080)
    return us + SECOND_US


def _stop_go(stream: Stream, instance: Instance, now_us: int) -> None:
    stream.text(instance, now_us + 1_000, "stderr", _go_line(now_us, 'INFO shutting down signal="terminated"'))


def _serve_go(stream: Stream, instance: Instance, call: Call) -> None:
    status, app_us, done_us = _work(stream, instance, call)
    if status >= 500:
        goroutine = stream.rng.randrange(30, 9_000)
        panic = (
            f"panic: runtime error: index out of range [3] with length 3\ngoroutine {goroutine} [running]:\n{GO_STACK}"
        )
        stream.stack(instance, done_us - 300, _go_line(done_us, panic), "CKzf3tLw8sLaHg")
    took = f"duration={app_us / MILLISECOND_US:.3f}ms"
    line = f"INFO request method={call.endpoint.method} path={call.path} status={status} {took}"
    stream.text(instance, done_us, "stderr", _go_line(done_us, line))
    stream.request(instance, call, EDGE_US + app_us + 900, status)


def _no_stop_lines(stream: Stream, instance: Instance, now_us: int) -> None:
    """Log nothing: the platform's line is all there is."""


FLASK = App(
    "catalog-web", "catalog.example.com", 8080, FLASK_HEALTH, FLASK_ENDPOINTS, _serve_flask, _boot_flask, _stop_gunicorn
)
NEXT = App("storefront", "www.example.com", 3000, NEXT_HEALTH, NEXT_ENDPOINTS, _serve_next, _boot_next, _no_stop_lines)
GO = App("ledger-go", "ledger.example.com", 8080, GO_HEALTH, GO_ENDPOINTS, _serve_go, _boot_go, _stop_go)
