"""Drawn windows: the entries of two revisions as one frame, of any size, without a JSON object per entry."""

import re
from dataclasses import dataclass

import numpy as np
import polars as pl

from pipeline.schema import ENTRIES, polars_schema
from tests.benchmarks.judgement.styles import STYLES, standard_library

SERVICE = "shop-api"
OLD, NEW = f"{SERVICE}-00041-old", f"{SERVICE}-00042-new"
SECOND_NS = 10**9
START_NS = 1_768_467_600 * SECOND_NS  # 2026-01-15T09:00:00Z
CUT_MS = 60_000.0  # no request takes longer
SYSTEM, STDERR, REQUESTS = (f"run.googleapis.com/{name}" for name in ("varlog/system", "stderr", "requests"))

#: Method, path ({} is a number), share of requests, median latency in ms.
ENDPOINTS = (
    ("GET", "/api/orders", 0.4, 180.0),
    ("GET", "/api/orders/{}", 0.3, 170.0),
    ("GET", "/api/search", 0.2, 240.0),
    ("POST", "/api/checkout", 0.1, 300.0),
)

#: The lines of a checked request; {user} and {ms} are filled in.
CHECKING = (
    "🔑 AUTH SERVICE DEPENDENCY: Starting token validation (token_length: 388, auth_service_endpoint:"
    " https://auth.example.com, service_timeout: 5s, reuse_check: passed)"
)
VALID = (
    "✅ AUTH SERVICE SUCCESS: Token validated successfully (user_id: {user}..., role: customer, response_time: {ms}ms,"
    " service_status: auth_service_healthy, golden_path_status: user_authenticated)"
)
UNREACHABLE = (
    "🚨 AUTH SERVICE EXCEPTION: Auth service communication failed (exception_type: ConnectTimeout, exception_message:"
    " timed out, response_time: {ms}ms, service_status: auth_service_unreachable)"
)
FOUND = (
    "✅ DATABASE USER FOUND: User {user}... exists in database (response_time: {ms}ms, service_status:"
    " database_healthy, action: syncing JWT claims)"
)
LOOKUP_FAILED = (
    "🚨 DATABASE SERVICE FAILURE: User database lookup failed (user_id: {user}..., exception_type: TimeoutError,"
    " response_time: {ms}ms, service_status: database_unreachable)"
)
READY = "Ready condition status changed to True for Revision {} with message: Deploying revision succeeded in 16.7s."


@dataclass(frozen=True)
class Line:
    """A kind of line: so many of them (`count`), or so many per request (`rate`, drawn), within a share of the time.

    ms: the median of the lognormal time that stands for `{ms}` in the text.
    """

    text: str
    severity: str = "WARNING"
    count: int = 0
    rate: float = 0.0
    span: tuple[float, float] = (0.05, 0.95)
    log: str = STDERR
    ms: float = 0.0


@dataclass(frozen=True)
class Traffic:
    """What a revision is asked and how it answers; the default is a healthy one.

    sigma: of the lognormal latency; pareto: index of its tail where it is a Pareto's. minute_sd, phi: a minute slows
    all of its requests by exp(AR(1) noise) of this spread and memory; error_sd: likewise for its error rate.
    added_ms: to all requests, or to those of `slow_path`; drift_ms: reached at the end, from 0; cold_ms: to those of
    the first half minute. bad_minute: so many 5xx in the middle one. checked: share of requests with an auth and a
    database chain in the log; auth_success: whether its success is told, auth_told: in what share. auth_down,
    database_down: from and until, as shares of the time.

    ends: of a share of the requests of a path ("" for all) with another status. slow: a share takes `times` as long and
    `ms` more, within a span of the time. until: share of the time after which nobody comes. instances: how many; sick:
    of the first, a share of 5xx and a factor of latency. starts: of further instances, each with `waiting` requests
    that wait 6 s. clients: how many; one_client: the share of its own requests that are 401. sockets: handshakes, with
    the share rejected and the seconds they live. empty: share of the answers without a body. calls: a caller's path,
    number, and status. median: a factor of all medians.
    """

    requests: int = 2000
    minutes: int = 60
    mix: tuple[float, ...] = tuple(share for _, _, share, _ in ENDPOINTS)
    sigma: float = 0.5
    pareto: float = 0.0
    minute_sd: float = 0.05
    phi: float = 0.5
    added_ms: float = 0.0
    slow_path: str = ""
    drift_ms: float = 0.0
    cold_ms: float = 0.0
    error_ratio: float = 0.001
    error_sd: float = 0.0
    bad_minute: int = 0
    denied_ratio: float = 0.01
    checked: float = 0.2
    auth_ms: float = 40.0
    database_ms: float = 40.0
    auth_down: tuple[float, float] = (0.0, 0.0)
    database_down: tuple[float, float] = (0.0, 0.0)
    auth_success: bool = True
    style: str = "raw"
    lines: tuple[Line, ...] = ()
    auth_told: float = 1.0
    ends: tuple[tuple[str, int, float], ...] = ()
    slow: tuple[float, float, float] = (0.0, 1.0, 0.0)
    slow_span: tuple[float, float] = (0.0, 1.0)
    until: float = 1.0
    instances: int = 2
    sick: tuple[float, float] = (0.0, 1.0)
    starts: int = 0
    waiting: int = 0
    clients: int = 60
    one_client: float = 0.0
    sockets: tuple[int, float, float] = (0, 0.0, 150.0)
    empty: float = 0.0
    calls: tuple[tuple[str, str, int, int], ...] = ()
    median: float = 1.0


def window(seed: str, old: Traffic, new: Traffic, *, beside: bool = False) -> pl.DataFrame:
    """Return the entries of a window in which `new` follows `old`, or serves beside it, in the order of time."""
    rng = np.random.default_rng(list(seed.encode()))
    deployed_ns = START_NS if beside else START_NS + old.minutes * 60 * SECOND_NS
    frames = [
        *_revision(rng, old, OLD, START_NS, starts_ns=None),
        *_revision(rng, new, NEW, deployed_ns, starts_ns=deployed_ns - 10 * SECOND_NS),
        _deployment(deployed_ns),
    ]
    rows = pl.concat(frames, how="diagonal").sort("timestamp_ns", maintain_order=True)
    latency_ns = (pl.col("http_latency_ms").fill_null(0.0) * 1e6).cast(pl.Int64)
    rows = rows.with_columns(
        pl.from_epoch("timestamp_ns", time_unit="ns").cast(pl.Datetime("us", "UTC")).alias("timestamp"),
        pl.from_epoch(pl.col("timestamp_ns") + latency_ns + SECOND_NS // 5, time_unit="ns")
        .cast(pl.Datetime("us", "UTC"))
        .alias("receive_timestamp"),
        pl.int_range(pl.len()).cast(pl.String).alias("insert_id"),
        pl.format("projects/example-project/logs/{}", pl.col("log_id").str.replace_all("/", "%2F", literal=True)).alias(
            "log_name"
        ),
        pl.lit("example-project").alias("project"),
        pl.lit("europe-west1").alias("location"),
        pl.lit(SERVICE).alias("service"),
        pl.lit("service").alias("workload"),
        pl.lit("drawn").alias("source"),
    )
    schema = polars_schema(ENTRIES)
    missing = [pl.lit(None, dtype).alias(name) for name, dtype in schema.items() if name not in rows.columns]
    return rows.with_columns(missing).select(schema.names()).cast(dict(schema))


def autoregressive(rng: np.random.Generator, n: int, phi: float, sd: float) -> np.ndarray:
    """Return n values of a stationary AR(1) process of mean 0: x[i] = phi x[i-1] + noise, with this sd in all."""
    found = rng.normal(0.0, sd, n)
    for i in range(1, n):
        found[i] = phi * found[i - 1] + np.sqrt(1 - phi**2) * found[i]
    return found


def _revision(
    rng: np.random.Generator, one: Traffic, name: str, from_ns: int, starts_ns: int | None
) -> list[pl.DataFrame]:
    n = one.requests
    at = np.sort(rng.random(n)) * one.until  # share of the time
    minute = np.minimum((at * one.minutes).astype(np.int64), one.minutes - 1)
    endpoint = rng.choice(len(ENDPOINTS), n, p=np.asarray(one.mix) / sum(one.mix))
    times = from_ns + (at * one.minutes * 60 * SECOND_NS).astype(np.int64) + 2 * np.arange(n)
    instances = np.array([f"{name}-{number}" for number in range(one.instances)])
    where = rng.integers(0, one.instances, n)
    instance = instances[where]
    status = _statuses(rng, one, minute)
    paths = np.array([path for _, path, _, _ in ENDPOINTS])[endpoint]
    client = rng.integers(0, one.clients, n)
    for path, other, share in one.ends:
        status[(rng.random(n) < share) & ((path == "") | (paths == path))] = other
    if one.one_client:
        status[(client == 0) & (rng.random(n) < one.one_client)] = 401
    status[(where == 0) & (rng.random(n) < one.sick[0])] = 500
    latency = _latencies(rng, one, at, minute, endpoint) * one.median
    low, high = one.slow_span
    slowed = (rng.random(n) < one.slow[0]) & (low <= at) & (at <= high)
    latency[slowed] = np.minimum(latency[slowed] * one.slow[1] + one.slow[2], CUT_MS)
    latency[where == 0] *= one.sick[1]
    auth_down, database_down = (
        (low <= at) & (at < high) & (low < high) for low, high in (one.auth_down, one.database_down)
    )
    checked = (rng.random(n) < one.checked) | auth_down | database_down
    status[auth_down | database_down] = 503
    requests = pl.DataFrame(
        {
            "timestamp_ns": times,
            "log_id": REQUESTS,
            "revision": name,
            "instance_id": instance,
            "http_method": np.array([method for method, _, _, _ in ENDPOINTS])[endpoint],
            "http_host": "api.shop.example.com",
            "http_path": paths,
            "http_status": status,
            "http_latency_ms": latency,
            "http_response_bytes": np.where(rng.random(n) < one.empty, 180, rng.integers(3_000, 9_000, n)),
            "http_user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            "client": np.array([f"{number:012x}" for number in range(one.clients)])[client],
        },
        schema_overrides=dict.fromkeys(("instance_id", "http_method", "http_path", "client"), pl.String),
    ).with_columns(
        pl.col("http_path").str.replace("{}", "12345", literal=True),
        pl.when(pl.col("http_status") >= 500)
        .then(pl.lit("ERROR"))
        .when(pl.col("http_status") >= 400)
        .then(pl.lit("WARNING"))
        .otherwise(pl.lit("INFO"))
        .alias("severity"),
    )
    lines = [
        _chains(rng, one, requests.filter(checked), auth_down[checked], database_down[checked]),
        *(_lines(rng, one, line, name, instances[0], from_ns) for line in one.lines),
    ]
    if starts_ns is not None:
        lines.append(_starts(name, instances, starts_ns))
    lines += [_restarts(rng, one, name, from_ns), _sockets(rng, one, name, from_ns), *_calls(one, name, from_ns)]
    return [requests, *lines]


def _row(at_ns: int, name: str, instance: str, path: str, status: int, ms: float, agent: str, client: str) -> dict:
    return {
        "timestamp_ns": at_ns,
        "log_id": REQUESTS,
        "revision": name,
        "instance_id": instance,
        "http_method": "GET",
        "http_path": path,
        "http_status": status,
        "http_latency_ms": ms,
        "http_user_agent": agent,
        "client": client,
        "severity": "INFO" if status < 400 else "WARNING" if status < 500 else "ERROR",
    }


def _restarts(rng: np.random.Generator, one: Traffic, name: str, from_ns: int) -> pl.DataFrame:
    """Instances that start during the window, and the requests that wait for them."""
    frames, rows = [], []
    for number in range(one.starts):
        instance, at = f"{name}-late{number}", from_ns + int(rng.random() * one.minutes * 60 * SECOND_NS)
        frames.append(_starts(name, np.array([instance]), at))
        for late in range(one.waiting):
            path = ENDPOINTS[int(rng.integers(0, 4))][1].replace("{}", "12345")
            rows.append(_row(at - late * 1000 - 1, name, instance, path, 200, 6_000.0, "Firefox", f"{late:012x}"))
    frames.append(pl.DataFrame(rows))
    return pl.concat(frames, how="diagonal")


def _sockets(rng: np.random.Generator, one: Traffic, name: str, from_ns: int) -> pl.DataFrame:
    n, rejected, seconds = one.sockets
    at = from_ns + np.sort(rng.integers(0, one.minutes * 60 * SECOND_NS, n))
    lived = rng.exponential(seconds, n) * 1_000
    failed = rng.random(n) < rejected
    return pl.DataFrame(
        [
            _row(
                int(at[i]),
                name,
                f"{name}-0",
                "/ws",
                403 if failed[i] else 101,
                5.0 if failed[i] else lived[i],
                "F",
                f"{i % 30:012x}",
            )
            for i in range(n)
        ]
    )


def _calls(one: Traffic, name: str, from_ns: int) -> list[pl.DataFrame]:
    """Calls of Google's services at equal distances."""
    step = one.minutes * 60 * SECOND_NS
    return [
        pl.DataFrame(
            [
                _row(from_ns + step * i // n + 5, name, f"{name}-0", path, status, 80.0, agent, "f" * 12)
                for i in range(n)
            ]
        )
        for agent, path, n, status in one.calls
    ]


def _statuses(rng: np.random.Generator, one: Traffic, minute: np.ndarray) -> np.ndarray:
    worse = np.exp(autoregressive(rng, one.minutes, one.phi, one.error_sd) - one.error_sd**2 / 2)
    drawn = rng.random(one.requests)
    failed = drawn < one.error_ratio * worse[minute]
    status = np.where(failed, 500, np.where(drawn > 1 - one.denied_ratio, rng.choice((401, 403), one.requests), 200))
    if one.bad_minute:
        bad = np.flatnonzero(minute == one.minutes // 2)
        status[bad[: one.bad_minute]] = 500
    return status


def _latencies(
    rng: np.random.Generator, one: Traffic, at: np.ndarray, minute: np.ndarray, endpoint: np.ndarray
) -> np.ndarray:
    n = one.requests
    median = np.array([ms for _, _, _, ms in ENDPOINTS])[endpoint]
    # A Pareto variable with median 1: ((1 - u) / 0.5) ** (-1 / index).
    shape = (2 * rng.random(n)) ** (-1 / one.pareto) if one.pareto else rng.lognormal(0.0, one.sigma, n)
    slowed = np.exp(autoregressive(rng, one.minutes, one.phi, one.minute_sd))[minute]
    slow = np.array([not one.slow_path or path == one.slow_path for _, path, _, _ in ENDPOINTS])[endpoint]
    cold = one.cold_ms * (at * one.minutes < 0.5)
    return np.minimum(median * shape * slowed + one.added_ms * slow + one.drift_ms * at + cold, CUT_MS)


def _chains(
    rng: np.random.Generator, one: Traffic, requests: pl.DataFrame, auth_down: np.ndarray, database_down: np.ndarray
) -> pl.DataFrame:
    """The lines of requests whose token and user are checked: start, success, user found, or what failed."""
    n, both = requests.height, auth_down | database_down
    user = pl.Series("user", rng.integers(10_000_000, 99_999_999, n)).cast(pl.String)
    base = requests.select("timestamp_ns", "revision", "instance_id").with_columns(user)
    auth = pl.Series("ms", one.auth_ms * rng.lognormal(0.0, 0.35, n)).round(2)
    database = pl.Series("ms", one.database_ms * rng.lognormal(0.0, 0.35, n)).round(2)
    wanted = (
        (np.ones(n, bool), auth, 1, "CRITICAL", CHECKING),
        (~auth_down & one.auth_success & (rng.random(n) < one.auth_told), auth, 2, "INFO", VALID),
        (auth_down, auth, 2, "CRITICAL", UNREACHABLE),
        (~both, database, 3, "INFO", FOUND),
        (database_down, database, 3, "CRITICAL", LOOKUP_FAILED),
    )
    style, frames = STYLES[one.style], []
    for mask, ms, order, severity, raw in wanted:
        text = style.text(raw)
        if style.as_text:
            text = standard_library("2026-01-15 09:00:00", severity, text)
        frames.append(
            base.with_columns(ms)
            .filter(mask)
            .select(
                pl.col("timestamp_ns").cast(pl.Int64) + order * 1_000_000,
                "revision",
                "instance_id",
                pl.lit(STDERR).alias("log_id"),
                pl.lit("DEFAULT" if style.as_text else severity).alias("severity"),
                _filled(text).alias("message"),
            )
        )
    return pl.concat(frames)


def _filled(text: str) -> pl.Expr:
    """A text with the columns `user` and `ms` put in their places."""
    names = re.findall(r"\{(\w+)\}", text)
    return pl.format(re.sub(r"\{\w+\}", "{}", text), *names) if names else pl.lit(text)


def _lines(rng: np.random.Generator, one: Traffic, line: Line, name: str, instance: str, from_ns: int) -> pl.DataFrame:
    n = line.count + int(rng.poisson(line.rate * one.requests))
    low, high = line.span
    at = np.linspace(low, high, n, endpoint=False) if line.count else np.sort(rng.uniform(low, high, n))
    return pl.DataFrame(
        {
            "timestamp_ns": from_ns + (at * one.minutes * 60 * SECOND_NS).astype(np.int64) + 7,
            "log_id": [line.log] * n,
            "revision": [name] * n,
            "instance_id": [instance] * n,
            "severity": [line.severity] * n,
            "message": [line.text.replace("{ms}", f"{ms:.0f}") for ms in line.ms * rng.lognormal(0.0, 0.5, n)]
            if line.ms
            else [line.text] * n,
        },
        schema_overrides={"timestamp_ns": pl.Int64, **dict.fromkeys(("log_id", "revision", "message"), pl.String)},
    ).cast({"instance_id": pl.String, "severity": pl.String})


def _starts(name: str, instances: np.ndarray, starts_ns: int) -> pl.DataFrame:
    texts = (
        "Starting new instance. Reason: DEPLOYMENT_ROLLOUT - Instance started due to traffic shifting.",
        f'Default STARTUP TCP probe succeeded after 1 attempt for container "{SERVICE}-1" on port 8080.',
    )
    return pl.DataFrame(
        [
            {
                "timestamp_ns": starts_ns + number * 4 * SECOND_NS,
                "log_id": SYSTEM,
                "revision": name,
                "instance_id": instance,
                "severity": "INFO",
                "message": text,
            }
            for instance in instances.tolist()
            for number, text in enumerate(texts)
        ]
    )


def _deployment(deployed_ns: int) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "timestamp_ns": [deployed_ns - 20 * SECOND_NS, deployed_ns - 3 * SECOND_NS],
            "log_id": ["cloudaudit.googleapis.com/activity", "cloudaudit.googleapis.com/system_event"],
            "revision": [None, NEW],
            "severity": ["NOTICE", "INFO"],
            "message": ["google.cloud.run.v1.Services.ReplaceService", READY.format(NEW)],
        }
    )
