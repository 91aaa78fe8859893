"""A clock that runs a simulated service and the LogEntry objects it leaves, in the order Cloud Logging receives them.

Times are integers: `_us` is microseconds since 1970, as in `timestamp`; `_ns` is nanoseconds, as in `receiveTimestamp`.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from heapq import heappop, heappush
from typing import Any, NamedTuple

Entry = dict[str, Any]

PROJECT = "example-project"
LOCATION = "europe-west1"
SECOND_US = 1_000_000
MILLISECOND_US = 1_000
FLUSH_US = 330_000  # an instance hands its lines over in batches, three a second
PROXY = "169.254.169.126"  # the platform's proxy, as an app in Cloud Run sees its caller


class Endpoint(NamedTuple):
    """One kind of call. `weight` is its share of calls in percent, `median_ms` and `sigma` the lognormal app time."""

    method: str
    path: str  # {number} and {word} are filled in
    weight: float
    median_ms: float
    sigma: float = 0.4
    status: int = 200
    kind: str = "api"
    response_bytes: int = 1_200


class Client(NamedTuple):
    """Someone who calls: an address, a browser, an account of 21 digits and the digest of its token."""

    ip: str
    agent: str
    user: str
    token_hash: str


class Call(NamedTuple):
    """One HTTP call as the edge sees it; `start_us` is when it arrived there."""

    start_us: int
    endpoint: Endpoint
    path: str  # with its query string
    client: Client


@dataclass(frozen=True)
class Faults:
    """What is wrong with a revision; the default is nothing."""

    gets_traffic: bool = True
    boots: bool = True
    latency_factor: float = 1.0  # of the database and of the API's own work
    failed_lookup_every: int = 0  # database lookups; 0 is never
    failed_request_every: int = 0  # API requests; 0 is never
    slow_request_every: int = 0  # API requests that take 4 s more; 0 is never
    broken_path: str = ""  # an endpoint that answers 500
    auth_down: tuple[float, float] = (0.0, 0.0)  # from and until, as shares of the time that the revision serves
    rejects_handshakes: bool = False
    killed_after_s: int = 0  # an instance's life until it exceeds its memory limit; 0 is never


NO_FAULTS = Faults()


@dataclass
class Revision:
    """A revision of a service, the instances that take its requests now, and when it serves."""

    service: str
    name: str
    host: str
    faults: Faults
    from_us: int
    until_us: int
    instances: list["Instance"] = field(default_factory=list)
    lookups: int = 0
    requests: int = 0

    def auth_is_down(self, now_us: int) -> bool:
        """Return whether the revision cannot reach its auth service at that time."""
        first, last = self.faults.auth_down
        span_us = self.until_us - self.from_us
        return self.from_us + first * span_us <= now_us < self.from_us + last * span_us


@dataclass
class Instance:
    """One container instance; `stops_us` is when it will be gone, by shutdown or by kill."""

    revision: Revision
    id: str
    flush_us: int  # phase of its batches
    stops_us: int


class Stream:
    """The clock, the dice and the log of one simulated service.

    Actions run in time order and log entries that are received at the action's time or later. That is why
    an entry can be handed out as soon as the clock has passed its receiveTimestamp, and memory stays small.
    """

    def __init__(self, rng: random.Random, start_us: int, end_us: int) -> None:
        self.rng = rng
        self.start_us = start_us
        self.end_us = end_us
        self._actions: list[tuple[int, int, Callable[[int], None]]] = []
        self._received: list[tuple[int, int, int, Entry]] = []
        self._count = 0
        self._salt = rng.getrandbits(32)

    def at(self, when_us: int, action: Callable[[int], None]) -> None:
        """Run an action at a time; it is called with that time."""
        self._count += 1
        heappush(self._actions, (when_us, self._count, action))

    def run(self) -> Iterator[Entry]:
        """Yield what has been received before `end_us`, in the order of receiveTimestamp."""
        while self._actions and self._actions[0][0] < self.end_us:
            when_us, _, action = heappop(self._actions)
            yield from self._received_before(when_us * 1000)
            action(when_us)
        yield from self._received_before(self.end_us * 1000)

    def _received_before(self, now_ns: int) -> Iterator[Entry]:
        received = self._received
        while received and received[0][0] < now_ns:
            yield heappop(received)[3]

    def new_instance(self, revision: Revision, stops_us: int) -> Instance:
        """Return an instance with an id of its own; it takes no requests yet."""
        name = f"00{self.rng.getrandbits(608):0152x}"
        return Instance(revision, name, self.rng.randrange(FLUSH_US), stops_us)

    def lognormal_us(self, median_ms: float, sigma: float, factor: float = 1.0) -> int:
        """Return a duration in microseconds; the long tail is cut at 2.5 s."""
        return int(min(median_ms * factor * self.rng.lognormvariate(0.0, sigma), 2_500.0) * MILLISECOND_US) + 1

    def text(self, instance: Instance, us: int, log: str, text: str) -> None:
        """Log a line of plain text, which has no severity."""
        entry = self._entry(instance, us, us, f"run.googleapis.com%2F{log}", "")
        entry["textPayload"] = text
        self._keep(us, batch_ns(instance, us), entry)

    def stack(self, instance: Instance, us: int, text: str, group: str) -> None:
        """Log a stack trace of several lines: the platform recognises it, makes it one ERROR and gives it a group."""
        entry = self._entry(instance, us, us, "run.googleapis.com%2Fstderr", "ERROR")
        entry["errorGroups"] = [{"id": group}]
        entry["textPayload"] = text
        self._keep(us, batch_ns(instance, us), entry)

    def system(self, instance: Instance, us: int, severity: str, text: str, **labels: str) -> None:
        """Log a line of the platform's own."""
        entry = self._entry(instance, us, us, "run.googleapis.com%2Fvarlog%2Fsystem", severity)
        entry["labels"] |= labels
        entry["textPayload"] = text
        self._keep(us, us * 1000 + self.rng.randrange(3_000_000, 9_000_000), entry)

    def json(self, instance: Instance, us: int, severity: str, message: str, source: str, **more: object) -> None:
        """Log a structured line to stderr; `source` is "module:function:line"."""
        module, function, line = source.split(":")
        payload = more | {
            "labels": {"function": function, "line": line, "module": module},
            "message": message,
            "timestamp": rfc3339(us - 400)[:-1] + "+00:00",
        }
        entry = self._entry(instance, us, us, "run.googleapis.com%2Fstderr", severity)
        entry["jsonPayload"] = payload
        self._keep(us, batch_ns(instance, us), entry)

    def validated_json(self, instance: Instance, us: int, severity: str, message: str, logger: str) -> None:
        """Log a structured line to stdout, with the filler fields that such a logger adds: its `error` is none."""
        stamp = rfc3339(us - 500)
        entry = self._entry(instance, us, us, "run.googleapis.com%2Fstdout", severity)
        entry["jsonPayload"] = {
            "error": {
                "message": "Missing field",
                "severity": "ERROR",
                "timestamp": stamp,
                "traceback": "",
                "type": "str",
            },
            "logger": logger,
            "message": message,
            "service": instance.revision.service,
            "textPayload": message,
            "timestamp": stamp,
            "validation": {
                "message_length": len(message),
                "severity": severity,
                "validated_at": stamp,
                "zero_empty_guarantee": True,
            },
        }
        self._keep(us, batch_ns(instance, us), entry)

    def request(self, instance: Instance, call: Call, latency_us: int, status: int, text: str = "") -> None:
        """Log the platform's row of a call: it carries the call's START and is written at its END."""
        rng = self.rng
        latency_ns = latency_us * 1000 + rng.randrange(1000)
        severity = "INFO" if status < 400 else "WARNING" if status < 500 else "ERROR"
        end_us = call.start_us + latency_us
        entry = self._entry(instance, call.start_us, end_us, "run.googleapis.com%2Frequests", severity)
        method, client, host = call.endpoint.method, call.client, instance.revision.host
        entry["httpRequest"] = {
            "latency": f"{latency_ns // 10**9}.{latency_ns % 10**9:09d}s",
            "protocol": "HTTP/1.1",
            "remoteIp": client.ip,
            "requestMethod": method,
            "requestSize": str(rng.randrange(260, 1_900)),
            "requestUrl": f"https://{host}{call.path}",
            "responseSize": str(int(call.endpoint.response_bytes * (0.8 + 0.4 * rng.random()))),
            "serverIp": "192.0.2.80",
            "status": status,
            "userAgent": client.agent,
        }
        if client.user:
            entry["httpRequest"]["referer"] = "https://www.example.com/"
        entry["spanId"] = f"{rng.getrandbits(64):016x}"
        entry["trace"] = f"projects/{PROJECT}/traces/{rng.getrandbits(128):032x}"
        if text:
            entry["textPayload"] = text
        received_ns = call.start_us * 1000 + latency_ns + rng.randrange(4_000_000, 280_000_000)
        self._keep(call.start_us, received_ns, entry)

    def audit(self, us: int, log: str, severity: str, labels: dict[str, str], payload: Entry) -> None:
        """Log an audit entry; `labels` are those of the resource that are not empty."""
        resource = {"configuration_name": "", "revision_name": "", "service_name": ""} | labels
        entry: Entry = {
            "insertId": base36(self.rng.getrandbits(56)),
            "logName": f"projects/{PROJECT}/logs/cloudaudit.googleapis.com%2F{log}",
            "protoPayload": {"@type": "type.googleapis.com/google.cloud.audit.AuditLog"} | payload,
            "resource": {
                "labels": resource | {"location": LOCATION, "project_id": PROJECT},
                "type": "cloud_run_revision",
            },
            "severity": severity,
            "timestamp": rfc3339(us),
        }
        self._keep(us, us * 1000 + self.rng.randrange(300_000_000, 900_000_000), entry)

    def _entry(self, instance: Instance, us: int, written_us: int, log: str, severity: str) -> Entry:
        """Return an entry without its payload; its insertId says when it was written, and is used once."""
        self._count += 1
        suffix = (self._count * 0x9E3779B1 + self._salt) & 0xFFFFFFFF
        revision = instance.revision
        entry: Entry = {
            "insertId": f"{written_us // SECOND_US:08x}{written_us % SECOND_US:08x}{suffix:08x}",
            "labels": {"instanceId": instance.id},
            "logName": f"projects/{PROJECT}/logs/{log}",
            "resource": {
                "labels": {
                    "configuration_name": revision.service,
                    "location": LOCATION,
                    "project_id": PROJECT,
                    "revision_name": revision.name,
                    "service_name": revision.service,
                },
                "type": "cloud_run_revision",
            },
            "timestamp": rfc3339(us),
        }
        if severity:
            entry["severity"] = severity
        return entry

    def _keep(self, us: int, received_ns: int, entry: Entry) -> None:
        seconds, nanos = divmod(received_ns, 10**9)
        entry["receiveTimestamp"] = f"{_second(seconds)}.{nanos:09d}Z"
        self._count += 1
        heappush(self._received, (received_ns, us, self._count, entry))


def batch_ns(instance: Instance, us: int) -> int:
    """Return when the batch with a line of that time is received: up to a third of a second later, the same for all."""
    batch = (us - instance.flush_us) // FLUSH_US + 1
    return (batch * FLUSH_US + instance.flush_us) * 1000 + batch * 7_919 % 1000


def rfc3339(us: int) -> str:
    """Return a time with six fraction digits.

    >>> rfc3339(1_768_467_600_000_042)
    '2026-01-15T09:00:00.000042Z'
    """
    seconds, micros = divmod(us, SECOND_US)
    return f"{_second(seconds)}.{micros:06d}Z"


@lru_cache(maxsize=4096)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()[:19]


def base36(number: int) -> str:
    """Return a number as the insertId of an audit entry has it.

    >>> base36(35), base36(36)
    ('z', '10')
    """
    digits = ""
    while True:
        number, rest = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[rest] + digits
        if not number:
            return digits
