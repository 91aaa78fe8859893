"""shop-api: gunicorn, uvicorn and FastAPI with an auth service, a database and WebSockets; some text is masked."""

from datetime import UTC, datetime

from pipeline.simulate.deployment import App, probe_succeeded
from pipeline.simulate.stream import MILLISECOND_US, PROXY, SECOND_US, Call, Endpoint, Instance, Stream

PORT = 8080
MASTER, WORKER = 2, 12  # process ids
MASKED = 0.25  # share of auth chains whose text went through the app's own mask
CHECKED = 0.7  # share of API calls whose token is not in the cache
SESSION_WARNING_SHARE = 0.03
BUFFER_WARNING_SHARE = 0.015
EDGE_US = 1_400  # from the edge to the app, at least
RETRIES = 2  # of a client whose handshake was rejected
AUTH_URL = "https://auth.example.com"

HEALTH = Endpoint("GET", "/health", 5, 0.9, 0.3, kind="plain", response_bytes=420)
ENDPOINTS = (
    Endpoint("GET", "/api/orders", 26, 70, response_bytes=5_200),
    Endpoint("GET", "/api/orders/{number}", 24, 45),
    Endpoint("GET", "/api/search?q={word}", 19, 140, response_bytes=8_900),
    Endpoint("POST", "/api/checkout", 10, 260, status=201),
    Endpoint("OPTIONS", "/api/checkout", 6, 0.8, 0.3, kind="plain", response_bytes=180),
    HEALTH,
    Endpoint("GET", "/ws", 6, 40_000, kind="websocket", response_bytes=2_600),
    Endpoint("GET", "/.git/config", 2, 1.2, 0.3, status=404, kind="plain", response_bytes=160),
    Endpoint("GET", "/wp-login.php", 1, 1.2, 0.3, status=404, kind="plain", response_bytes=160),
    Endpoint("GET", "/.env", 1, 1.2, 0.3, status=404, kind="plain", response_bytes=160),
)

# Where a structured line says it comes from: module, function, line number.
REQUESTS = "shop.core.request_context:log_request:81"
AUTH = "shop.auth.dependency:validate_token:214"
DATABASE = "shop.auth.dependency:load_user:302"
SESSIONS = "shop.middleware.sessions:session_data:67"
SOCKETS = "shop.websocket.endpoint:serve:118"
BRIDGE = "logging:callHandlers:1706"

# What a start logs: seconds after the instance started, severity, text; first to stdout, then to stderr.
CONFIGURATION = (
    (3.30, "INFO", "Loading configuration for environment: staging", "shop.config"),
    (3.31, "INFO", "Database URL built from the parts in the environment", "shop.config"),
    (3.32, "INFO", "Session secret loaded from Secret Manager", "shop.config"),
    (3.34, "INFO", "Configuration complete: 12 of 12 settings present", "shop.config"),
    (3.61, "INFO", "Cache pool ready (size: 20)", "shop.cache"),
    (3.62, "INFO", "Payment methods registered: card, invoice, voucher", "shop.payments"),
    (3.90, "INFO", "WebSocket hub loaded - CRITICAL SECURITY UPDATE applied, one hub per user", "shop.websocket.hub"),
)
MIDDLEWARE = (
    (4.20, "INFO", "Telemetry enabled but no exporters configured - traces stay in the process"),
    (4.21, "WARNING", "Sentry SDK not available - error reports go to the log only"),
    (4.22, "INFO", "Circuit breaker 'payments' initialized: threshold=5"),
    (4.23, "INFO", "uvicorn-compatible SessionMiddleware installed"),
)
JOINS_S = 8.4

SESSION_WARNING = (
    "Session access failed (middleware not installed?): SessionMiddleware must be installed to access request.session"
)
MISSING = "No module named 'shop.payments.ledger'"
CHAINED = "During handling of the above exception, another exception occurred:"
TRACEBACKS = (
    (
        "Traceback (most recent call last):\n"
        '  File "/app/shop/core/middleware.py", line 141, in add_payment_guard\n'
        "    from shop.payments.ledger import Ledger\n"
        f"ModuleNotFoundError: {MISSING}"
    ),
    (
        "Traceback (most recent call last):\n"
        '  File "/app/shop/core/middleware.py", line 88, in setup_middleware\n'
        "    add_payment_guard(app)\n"
        '  File "/app/shop/core/middleware.py", line 147, in add_payment_guard\n'
        "    add_inline_guard(app)\n"
        '  File "/app/shop/core/middleware.py", line 203, in add_inline_guard\n'
        "    from shop.payments.ledger import Ledger\n"
        f"ModuleNotFoundError: {MISSING}"
    ),
    (
        "Traceback (most recent call last):\n"
        '  File "/usr/local/lib/python3.11/site-packages/gunicorn/arbiter.py", line 608, in spawn_worker\n'
        "    worker.init_process()\n"
        '  File "/usr/local/lib/python3.11/site-packages/uvicorn/workers.py", line 75, in init_process\n'
        "    super().init_process()\n"
        '  File "/usr/local/lib/python3.11/site-packages/gunicorn/workers/base.py", line 135, in init_process\n'
        "    self.load_wsgi()\n"
        '  File "/app/shop/main.py", line 31, in <module>\n'
        "    app = create_app()\n"
        '  File "/app/shop/core/factory.py", line 57, in create_app\n'
        "    setup_middleware(app)\n"
        f"RuntimeError: Application setup failed: {MISSING}"
    ),
)
TRACEBACK_GROUPS = ("CKq3h9TUspvdQg", "CMD1x8rB0ovaTA", "CPuTwq_Wj57lWw")


def server_line(us: int, pid: int, level: str, text: str) -> str:
    """Return a line as gunicorn and its uvicorn worker write it."""
    return f"[{datetime.fromtimestamp(us // SECOND_US, UTC):%Y-%m-%d %H:%M:%S} +0000] [{pid}] [{level}] {text}"


def boot(stream: Stream, instance: Instance, now_us: int) -> int:
    """Log a start up to the end of the application's own; return when the instance takes requests."""
    _begin(stream, instance, now_us)
    started_us = now_us + int((JOINS_S - 0.3) * SECOND_US)
    for number, text in enumerate(
        (f"Started server process [{WORKER}]", "Waiting for application startup.", "Application startup complete.")
    ):
        _server(stream, instance, started_us + number * 90_000, WORKER, "INFO", text)
    return now_us + int(JOINS_S * SECOND_US)


def crash(stream: Stream, instance: Instance, now_us: int) -> int:
    """Log a start that fails while the worker boots, after the probe has succeeded; return when the container exits."""
    us = _begin(stream, instance, now_us)
    stream.json(instance, us + 1_000, "ERROR", f"CRITICAL: Enhanced middleware setup failed: {MISSING}", BRIDGE)
    failure = f"Middleware setup failure details: ModuleNotFoundError: {MISSING}"
    error = {"traceback": None, "type": "ModuleNotFoundError", "value": MISSING}
    stream.json(instance, us + 2_500, "ERROR", failure, BRIDGE, error=error)
    _server(stream, instance, us + 4_000, WORKER, "ERROR", "Exception in worker process")
    for number, (text, group) in enumerate(zip(TRACEBACKS, TRACEBACK_GROUPS, strict=True)):
        if number:
            stream.text(instance, us + 4_000 + 200 * number, "stderr", CHAINED)
        stream.stack(instance, us + 4_100 + 200 * number, text, group)
    _server(stream, instance, us + 5_000, WORKER, "INFO", f"Worker exiting (pid: {WORKER})")
    us += 380 * MILLISECOND_US
    _server(stream, instance, us, MASTER, "ERROR", f"Worker (pid:{WORKER}) exited with code 3")
    _server(stream, instance, us + 600, MASTER, "ERROR", "Shutting down: Master")
    _server(stream, instance, us + 700, MASTER, "ERROR", "Reason: Worker failed to boot.")
    return us + 90 * MILLISECOND_US


def stop(stream: Stream, instance: Instance, now_us: int) -> None:
    """Log a normal end: the [ERROR] about SIGTERM belongs to it."""
    for number, (pid, level, text) in enumerate(
        (
            (MASTER, "INFO", "Handling signal: term"),
            (WORKER, "INFO", "Shutting down"),
            (WORKER, "INFO", "Waiting for application shutdown."),
            (WORKER, "INFO", "Application shutdown complete."),
            (WORKER, "INFO", f"Finished server process [{WORKER}]"),
            (MASTER, "ERROR", f"Worker (pid:{WORKER}) was sent SIGTERM!"),
            (MASTER, "INFO", "Shutting down: Master"),
        )
    ):
        _server(stream, instance, now_us + 40_000 + number * 30_000, pid, level, text)


def serve(stream: Stream, instance: Instance, call: Call) -> None:
    """Log one call: the platform's row and the lines that the app leaves for it."""
    kind = call.endpoint.kind
    if kind == "websocket":
        _websocket(stream, instance, call)
    elif kind == "api":
        _api(stream, instance, call)
    else:
        _answer(stream, instance, call, stream.lognormal_us(call.endpoint.median_ms, call.endpoint.sigma))


def _begin(stream: Stream, instance: Instance, now_us: int) -> int:
    """Log what every start has in common; return the time after it."""
    us = now_us + int(2.1 * SECOND_US)
    _server(stream, instance, us, MASTER, "INFO", "Starting gunicorn 23.0.0")
    _server(stream, instance, us + 200, MASTER, "INFO", f"Listening at: http://0.0.0.0:{PORT} ({MASTER})")
    _server(stream, instance, us + 300, MASTER, "INFO", "Using worker: uvicorn.workers.UvicornWorker")
    probe_succeeded(stream, instance, us + 1_100, PORT)
    _server(stream, instance, us + 2_400, WORKER, "INFO", f"Booting worker with pid: {WORKER}")
    stream.text(instance, us + 60_000, "stdout", "shop-api: running in staging, settings come from Secret Manager")
    for offset_s, severity, text, logger in CONFIGURATION:
        stream.validated_json(instance, now_us + int(offset_s * SECOND_US), severity, text, logger)
    for offset_s, severity, text in MIDDLEWARE:
        stream.json(instance, now_us + int(offset_s * SECOND_US), severity, text, BRIDGE)
    return now_us + int(4.3 * SECOND_US)


def _server(stream: Stream, instance: Instance, us: int, pid: int, level: str, text: str) -> None:
    stream.text(instance, us, "stderr", server_line(us, pid, level, text))


def _answer(stream: Stream, instance: Instance, call: Call, app_us: int, status: int = 0) -> None:
    """Log the end of a call that the app worked on for `app_us`: its two lines and the platform's row."""
    rng, endpoint = stream.rng, call.endpoint
    status = status or endpoint.status
    edge_us = EDGE_US + rng.randrange(1_600)  # until the call reaches the app
    done_us = call.start_us + edge_us + app_us
    path = call.path.partition("?")[0]
    trace = f"{rng.getrandbits(128):032x}"
    stream.json(
        instance,
        done_us + 100,
        "INFO",
        f"Request: {endpoint.method} {path} | Status: {status} | Duration: {app_us / MILLISECOND_US:.2f}ms"
        f" | Trace: {trace[:8]}-{trace[8:12]}-4{trace[13:16]}-a{trace[17:20]}-{trace[20:]}",
        REQUESTS,
        context={"name": "api"},
    )
    access = f'{PROXY}:{rng.randrange(1024, 65536)} - "{endpoint.method} {call.path} HTTP/1.1" {status}'
    stream.text(instance, done_us + 400, "stdout", access)
    stream.request(instance, call, edge_us + app_us + rng.randrange(600, 1_500), status)


def _api(stream: Stream, instance: Instance, call: Call) -> None:
    """Log an API call: token, user, the work itself."""
    rng, revision, endpoint = stream.rng, instance.revision, call.endpoint
    spent_us = 200
    if revision.auth_is_down(call.start_us):
        spent_us += _auth_unreachable(stream, instance, call, spent_us)
        _answer(stream, instance, call, spent_us, 503)
        return
    if rng.random() < CHECKED:
        masked = rng.random() < MASKED
        spent_us += _authenticate(stream, instance, call, spent_us, masked=masked)
        revision.lookups += 1
        every = revision.faults.failed_lookup_every
        if every and revision.lookups % every == 0:
            spent_us += _lookup_failed(stream, instance, call, spent_us)
            _answer(stream, instance, call, spent_us, 500)
            return
        spent_us += _find_user(stream, instance, call, spent_us, masked=masked)
    if rng.random() < SESSION_WARNING_SHARE:
        stream.json(instance, _app_time(call, spent_us), "WARNING", SESSION_WARNING, SESSIONS)
    spent_us += stream.lognormal_us(endpoint.median_ms, endpoint.sigma, revision.faults.latency_factor)
    _answer(stream, instance, call, spent_us)


def _app_time(call: Call, spent_us: int) -> int:
    """Return the time of a line that the app writes so long after it got the call."""
    return call.start_us + EDGE_US + spent_us


def _starting_check(stream: Stream, instance: Instance, call: Call, spent_us: int, *, masked: bool) -> None:
    """Log the start of a token check: CRITICAL, and routine."""
    what = (
        "AUTH=REDACTED DEPENDENCY: Starting token=REDACTED"
        if masked
        else "AUTH SERVICE DEPENDENCY: Starting token validation"
    )
    fields = f"token_hash: {call.client.token_hash}, token_length: 388, auth_service_endpoint: {AUTH_URL}"
    text = f"🔑 {what} ({fields}, service_timeout: 5s, reuse_check: passed)"
    stream.json(instance, _app_time(call, spent_us), "CRITICAL", text, AUTH, context={"name": "shop.auth"})


def _authenticate(stream: Stream, instance: Instance, call: Call, spent_us: int, *, masked: bool) -> int:
    """Log a token check that succeeds; return how long it took."""
    _starting_check(stream, instance, call, spent_us, masked=masked)
    took_us = stream.lognormal_us(9.0, 0.35)
    what = (
        "AUTH=REDACTED SUCCESS: Token=REDACTED successfully"
        if masked
        else "AUTH SERVICE SUCCESS: Token validated successfully"
    )
    fields = f"user_id: {call.client.user[:8]}..., role: customer, response_time: {took_us / MILLISECOND_US:.2f}ms"
    text = f"✅ {what} ({fields}, service_status: auth_service_healthy, golden_path_status: user_authenticated)"
    done_us = _app_time(call, spent_us + took_us)
    stream.json(instance, done_us, "INFO", text, AUTH, context={"name": "shop.auth"})
    if stream.rng.random() < BUFFER_WARNING_SHARE:
        used = 100 * took_us / (300 * MILLISECOND_US)
        text = f" ALERT:  LOW BUFFER UTILIZATION: {used:.1f}% - Consider a shorter timeout than 0.3s"
        stream.json(instance, done_us + 300, "WARNING", text, AUTH)
    return took_us


def _auth_unreachable(stream: Stream, instance: Instance, call: Call, spent_us: int) -> int:
    """Log a token check that finds no auth service; return how long it took."""
    masked = stream.rng.random() < MASKED
    _starting_check(stream, instance, call, spent_us, masked=masked)
    took_us = 5 * SECOND_US + stream.lognormal_us(2.0, 0.5)
    service = "auth=REDACTED" if masked else "auth service"
    what = (
        "AUTH=REDACTED EXCEPTION: Auth=REDACTED communication failed"
        if masked
        else "AUTH SERVICE EXCEPTION: Auth service communication failed"
    )
    fields = (
        "exception_type: ConnectTimeout, exception_message: timed out,"
        f" response_time: {took_us / MILLISECOND_US:.2f}ms, service_status: auth_service_unreachable,"
        " golden_path_impact: CRITICAL - All authentication blocked,"
        f" dependent_services: ['checkout', 'websocket'], recovery_action: Check {service} health and connectivity"
    )
    done_us = _app_time(call, spent_us + took_us)
    stream.json(instance, done_us, "CRITICAL", f"🚨 {what} ({fields})", AUTH, context={"name": "shop.auth"})
    return took_us


def _starting_lookup(stream: Stream, instance: Instance, call: Call, spent_us: int) -> None:
    fields = f"user_id: {call.client.user[:8]}..., db_session_type: AsyncSession, dependent_service: database"
    text = f"🔍 DATABASE SERVICE DEPENDENCY: Starting user lookup ({fields})"
    stream.json(instance, _app_time(call, spent_us), "INFO", text, DATABASE, context={"name": "shop.auth"})


def _find_user(stream: Stream, instance: Instance, call: Call, spent_us: int, *, masked: bool) -> int:
    """Log a user lookup that finds the user; return how long it took."""
    _starting_lookup(stream, instance, call, spent_us + 150)
    took_us = stream.lognormal_us(35.0, 0.35, instance.revision.faults.latency_factor)
    action = "syncing JWT=REDACTED" if masked else "syncing JWT claims)"
    text = (
        f"✅ DATABASE USER FOUND: User {call.client.user[:8]}... exists in database"
        f" (response_time: {took_us / MILLISECOND_US:.2f}ms, service_status: database_healthy, action: {action}"
    )
    done_us = _app_time(call, spent_us + 150 + took_us)
    stream.json(instance, done_us, "INFO", text, DATABASE, context={"name": "shop.auth"})
    return took_us + 300


def _lookup_failed(stream: Stream, instance: Instance, call: Call, spent_us: int) -> int:
    """Log a user lookup that fails; return how long it took."""
    _starting_lookup(stream, instance, call, spent_us + 150)
    took_us = 5 * SECOND_US + stream.lognormal_us(3.0, 0.5)
    text = (
        f"🚨 DATABASE SERVICE FAILURE: User database lookup failed (user_id: {call.client.user[:8]}...,"
        " exception_type: TimeoutError, exception_message: QueuePool limit of size 5 overflow 10 reached,"
        f" response_time: {took_us / MILLISECOND_US:.2f}ms, service_status: database_unreachable,"
        " golden_path_impact: CRITICAL - User authentication cannot complete,"
        " dependent_services: ['checkout', 'websocket'], recovery_action: Check database connectivity and session pool)"
    )
    done_us = _app_time(call, spent_us + 150 + took_us)
    stream.json(instance, done_us, "CRITICAL", text, DATABASE, context={"name": "shop.auth"})
    return took_us + 300


def _websocket(stream: Stream, instance: Instance, call: Call) -> None:
    """Log a WebSocket from handshake to close; its row is written when it closes."""
    rng, revision = stream.rng, instance.revision
    if revision.faults.rejects_handshakes:
        _reject(stream, instance, call, RETRIES)
        return
    port = rng.randrange(1024, 65536)
    us = call.start_us + rng.randrange(3_000, 9_000)
    _server(stream, instance, us, WORKER, "INFO", f'{PROXY}:{port} - "WebSocket /ws" [accepted]')
    _server(stream, instance, us + 300, WORKER, "INFO", "connection open")
    length_us = int(min(call.endpoint.median_ms * rng.lognormvariate(0.0, 0.7), 280_000) * MILLISECOND_US)
    code, reason = (1000, "normal closure") if rng.random() < 0.6 else (1001, "going away")
    if revision.auth_is_down(call.start_us):
        length_us = _auth_unreachable(stream, instance, call, 5_000) + 20_000
        code, reason = 1011, "Authentication service unavailable"
    cut = call.start_us + length_us >= instance.stops_us
    if cut:
        length_us = max(instance.stops_us - call.start_us, 20_000)
        code, reason = 1012, "service restart"
    if not (cut and revision.faults.killed_after_s):  # a killed process says nothing
        closed_us = call.start_us + length_us
        text = f"Disconnected user {call.client.user[:8]} with code {code}: {reason}"
        stream.json(instance, closed_us - 2_000, "INFO", text, SOCKETS)
        _server(stream, instance, closed_us - 1_000, WORKER, "INFO", "connection closed")
    stream.request(instance, call, length_us, 101)


def _reject(stream: Stream, instance: Instance, call: Call, retries: int) -> None:
    """Log a handshake that is answered with 403; the client tries again after a while."""
    rng = stream.rng
    us = call.start_us + rng.randrange(3_000, 9_000)
    why = "Invalid JWT=REDACTED" if rng.random() < 0.7 else "No JWT=REDACTED"
    stream.json(instance, us, "WARNING", f"WebSocket connection rejected in staging: {why}", SOCKETS)
    port = rng.randrange(1024, 65536)
    _server(stream, instance, us + 500, WORKER, "INFO", f'{PROXY}:{port} - "WebSocket /ws" 403')
    _server(stream, instance, us + 700, WORKER, "INFO", "connection rejected (403 Forbidden)")
    _server(stream, instance, us + 1_000, WORKER, "INFO", "connection closed")
    stream.request(instance, call, us - call.start_us + 3_000, 403)
    if retries:
        later_us = call.start_us + rng.randrange(3 * SECOND_US, 9 * SECOND_US)
        again = call._replace(start_us=later_us)
        stream.at(later_us, lambda _: _reject(stream, instance, again, retries - 1))


SHOP = App("shop-api", "api.shop.example.com", PORT, HEALTH, ENDPOINTS, serve, boot, stop, crash)
