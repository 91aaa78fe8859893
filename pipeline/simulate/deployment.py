"""What happens around every simulated service: calls, a deploy, the new revision's start, the old one's end."""

from bisect import bisect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import accumulate

from pipeline.simulate.stream import (
    NO_FAULTS,
    PROJECT,
    SECOND_US,
    Call,
    Client,
    Endpoint,
    Faults,
    Instance,
    Revision,
    Stream,
    rfc3339,
)

HOUR_US = 3600 * SECOND_US
DEPLOY_AT = 0.4  # of the window
UPTIME_CHECK_EVERY_S = 10
CRASH_EVERY_S = 7.0
MALFORMED = (
    "The request failed because either the HTTP response was malformed or connection to the instance had an error."
    " Additional troubleshooting documentation can be found at:"
    " https://cloud.google.com/run/docs/troubleshooting#malformed-response-or-connection-error"
)
REASONS = {
    "DEPLOYMENT_ROLLOUT": "Instance started due to traffic shifting between revisions due to deployment,"
    " traffic split adjustment, or deployment health check.",
    "MANUAL_OR_CUSTOMER_MIN_INSTANCE": "Instance started because of customer-configured min-instances"
    " or manual scaling.",
    "AUTOSCALING": "Instance started due to configured scaling factors (e.g. CPU utilization, request throughput, etc.)"
    " or no existing capacity for current traffic.",
}
AGENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Mozilla/5.0 (Linux; Android 15; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36",
)
UPTIME_AGENT = "GoogleStackdriverMonitoring-UptimeChecks(https://cloud.google.com/monitoring)"
WORDS = ("lamp", "desk", "chair", "shelf", "rug", "mirror", "clock", "vase", "bench", "frame")

Serve = Callable[[Stream, Instance, Call], None]


@dataclass(frozen=True)
class App:
    """A service as its image and its framework make it: what it offers and what it logs when."""

    service: str
    host: str
    port: int
    health: Endpoint
    endpoints: tuple[Endpoint, ...]
    serve: Serve
    boot: Callable[[Stream, Instance, int], int]  # logs a start, returns when the instance takes requests
    stop: Callable[[Stream, Instance, int], None]
    crash: Callable[[Stream, Instance, int], int] = lambda _stream, _instance, now_us: now_us  # returns the exit's time


class Deployment:
    """One service over one window: the old revision serves, the new one is deployed after 40 % of it."""

    def __init__(
        self,
        stream: Stream,
        app: App,
        faults: Faults,
        requests_per_minute: float,
        *,
        names: tuple[str, str] | None = None,
        deploy_at: float = DEPLOY_AT,
    ) -> None:
        """Names: of the old and the new revision; deploy_at: after which share of the window it is deployed."""
        rng = stream.rng
        self.stream = stream
        self.app = app
        self.mean_gap_us = 60 * SECOND_US / requests_per_minute if requests_per_minute else 0.0
        self.size = max(2, min(20, round(requests_per_minute / 300)))  # instances of a revision
        self.weights = list(accumulate(endpoint.weight for endpoint in app.endpoints))
        self.clients = [self._client(number) for number in range(60)]

        self.deploy_us = stream.start_us + int(deploy_at * (stream.end_us - stream.start_us))
        self.ready_us = self.deploy_us + rng.randrange(14 * SECOND_US, 24 * SECOND_US)
        self.moved_us = self.ready_us + rng.randrange(SECOND_US, 2 * SECOND_US)
        old, new = names or (self._name(41), self._name(42))
        self.old = Revision(app.service, old, app.host, NO_FAULTS, stream.start_us, self.moved_us)
        self.new = Revision(app.service, new, app.host, faults, self.moved_us, stream.end_us)
        self.serving = self.old
        stops_us = self.moved_us + 10 * SECOND_US if faults.gets_traffic else stream.end_us + HOUR_US
        self.old.instances = [stream.new_instance(self.old, stops_us + n * SECOND_US) for n in range(self.size)]

    def schedule_calls(self) -> None:
        """Put the calls of users and of uptime checks on the stream's clock."""
        stream, start_us = self.stream, self.stream.start_us
        if self.mean_gap_us:
            stream.at(start_us + self._gap_us(), self._call)
        stream.at(start_us + SECOND_US, self._uptime_check)

    def schedule(self) -> None:
        """Put everything that will happen on the stream's clock."""
        self.schedule_calls()
        stream = self.stream
        stream.at(self.deploy_us, self._replace_service)
        stream.at(self.ready_us, self._revision_ready)
        stream.at(self.moved_us, self._service_ready)
        if not self.new.faults.boots:
            stream.at(self.deploy_us + 3 * SECOND_US, self._crash)
            return
        for number in range(self.size):
            reason = "MANUAL_OR_CUSTOMER_MIN_INSTANCE" if number else "DEPLOYMENT_ROLLOUT"
            delay_us = 3 * SECOND_US + number * SECOND_US // 4
            stream.at(self.deploy_us + delay_us, partial(self._start, reason=reason, number=number))

    # Calls

    def _client(self, number: int) -> Client:
        rng = self.stream.rng
        ip = f"198.51.100.{10 + number}" if number % 3 else f"2001:db8:{rng.getrandbits(16):x}::{number + 1:x}"
        return Client(ip, rng.choice(AGENTS), str(rng.randrange(10**20, 2 * 10**20)), f"{rng.getrandbits(64):016x}")

    def _gap_us(self) -> int:
        return int(self.stream.rng.expovariate(1.0) * self.mean_gap_us) + 1

    def _call(self, now_us: int) -> None:
        rng = self.stream.rng
        endpoint = self.app.endpoints[bisect(self.weights, rng.random() * self.weights[-1])]
        path = endpoint.path
        if "{" in path:
            path = path.format(number=rng.randrange(10_000, 99_999), word=rng.choice(WORDS))
        self._serve(Call(now_us, endpoint, path, rng.choice(self.clients)))
        self.stream.at(now_us + self._gap_us(), self._call)

    def _uptime_check(self, now_us: int) -> None:
        checker = Client(f"203.0.113.{self.stream.rng.randrange(20, 26)}", UPTIME_AGENT, "", "")
        self._serve(Call(now_us, self.app.health, self.app.health.path, checker))
        self.stream.at(now_us + UPTIME_CHECK_EVERY_S * SECOND_US, self._uptime_check)

    def _serve(self, call: Call) -> None:
        self.app.serve(self.stream, self.stream.rng.choice(self.serving.instances), call)

    # The deploy

    def _name(self, number: int) -> str:
        suffix = "".join(self.stream.rng.choices("bcdfghjklmnpqrstvwxz2456789", k=3))
        return f"{self.app.service}-{number:05d}-{suffix}"

    def _replace_service(self, now_us: int, spec: Mapping[str, object] | None = None) -> None:
        name = f"namespaces/{PROJECT}/services/{self.app.service}"
        deployer = f"deployer@{PROJECT}.iam.gserviceaccount.com"
        payload = {
            "authenticationInfo": {"principalEmail": deployer, "principalSubject": f"serviceAccount:{deployer}"},
            "authorizationInfo": [
                {
                    "granted": True,
                    "permission": "run.services.update",
                    "permissionType": "ADMIN_WRITE",
                    "resource": name,
                }
            ],
            "methodName": "google.cloud.run.v1.Services.ReplaceService",
            "request": {
                "@type": "type.googleapis.com/google.cloud.run.v1.ReplaceServiceRequest",
                "name": name,
                **({"service": {"spec": spec}} if spec else {}),
            },
            "requestMetadata": {
                "callerIp": "203.0.113.7",
                "callerSuppliedUserAgent": "google-cloud-sdk gcloud/548.0.0 command/gcloud.run.deploy",
                "requestAttributes": {"auth": {}, "time": rfc3339(now_us + 150_000)},
            },
            "resourceName": name,
            "response": {"@type": "type.googleapis.com/google.cloud.run.v1.Service", "metadata": {"generation": 42}},
            "serviceName": "run.googleapis.com",
        }
        self.stream.audit(now_us, "activity", "NOTICE", {"service_name": self.app.service}, payload)

    def _revision_ready(self, now_us: int) -> None:
        took_s = (now_us - self.deploy_us) / SECOND_US
        what = f"Revision {self.new.name} with message: Deploying revision succeeded in {took_s:.2f}s."
        self._ready(
            now_us, "Revision", self.new.name, what, revision_name=self.new.name, configuration_name=self.app.service
        )

    def _service_ready(self, now_us: int) -> None:
        self._ready(now_us, "Service", self.app.service, f"Service {self.app.service}.")
        if self.new.faults.gets_traffic:
            self.serving = self.new
            for instance in self.old.instances:
                self.stream.at(instance.stops_us, partial(self._stop, instance=instance))

    def _ready(self, now_us: int, kind: str, name: str, what: str, *, is_ready: bool = True, **labels: str) -> None:
        payload = {
            "methodName": "/Services.ReplaceService",
            "resourceName": f"namespaces/{PROJECT}/{kind.lower()}s/{name}",
            "response": {"@type": f"type.googleapis.com/google.cloud.run.v1.{kind}", "metadata": {"name": name}},
            "serviceName": "run.googleapis.com",
            "status": {"message": f"Ready condition status changed to {is_ready} for {what}"},
        }
        self.stream.audit(
            now_us,
            "system_event",
            "INFO" if is_ready else "ERROR",
            {"service_name": self.app.service} | labels,
            payload,
        )

    def _stop(self, now_us: int, instance: Instance) -> None:
        self.stream.system(instance, now_us, "INFO", "Shutting down user disabled instance")
        self.app.stop(self.stream, instance, now_us)

    # The new revision's instances

    def _new_instance(self, now_us: int, reason: str, stops_us: int) -> Instance:
        instance = self.stream.new_instance(self.new, stops_us)
        text = f"Starting new instance. Reason: {reason} - {REASONS[reason]}"
        self.stream.system(instance, now_us, "INFO", text, scaling_reason=reason)
        return instance

    def _start(self, now_us: int, reason: str, number: int) -> None:
        """Start an instance. With a limit on its life, `number` staggers the first ones, so that never all are away."""
        life_s = self.new.faults.killed_after_s
        instance = self._new_instance(now_us, reason, self.stream.end_us + HOUR_US)
        joins_us = self.app.boot(self.stream, instance, now_us)
        if life_s:
            first_us = self.moved_us + life_s * SECOND_US * (number + 1) // self.size
            instance.stops_us = first_us if now_us < self.moved_us else joins_us + life_s * SECOND_US
            self.stream.at(instance.stops_us - 3 * SECOND_US, partial(self._exhaust, instance=instance))
        self.stream.at(joins_us, lambda _: self.new.instances.append(instance))

    def _exhaust(self, now_us: int, instance: Instance) -> None:
        """Take an instance out that runs out of memory: its last three calls hang, then it is killed and replaced."""
        rng, killed_us = self.stream.rng, instance.stops_us
        self.new.instances.remove(instance)
        for _ in range(3):
            start_us = now_us + rng.randrange(SECOND_US)
            call = Call(start_us, self.app.endpoints[0], self.app.endpoints[0].path, rng.choice(self.clients))
            latency_us = killed_us - start_us + rng.randrange(1_000, 9_000)
            self.stream.request(instance, call, latency_us, 503, MALFORMED)
        self.stream.system(
            instance,
            killed_us,
            "ERROR",
            f"Memory limit of 512 MiB exceeded with {rng.randrange(521, 549)} MiB used."
            " Consider increasing the memory limit, see https://cloud.google.com/run/docs/configuring/memory-limits",
        )
        self.stream.system(
            instance,
            killed_us + 1_500,
            "ERROR",
            "Uncaught signal: 9, pid=12, tid=12, fault_addr=0.",
            container_name=f"{self.app.service}-1",
        )
        self.stream.at(killed_us + SECOND_US, partial(self._start, reason="AUTOSCALING", number=0))

    def _crash(self, now_us: int) -> None:
        instance = self._new_instance(now_us, "MANUAL_OR_CUSTOMER_MIN_INSTANCE", now_us)
        exit_us = self.app.crash(self.stream, instance, now_us)
        self.stream.system(
            instance, exit_us, "WARNING", "Container called exit(3).", container_name=f"{self.app.service}-1"
        )
        self.stream.at(now_us + int(CRASH_EVERY_S * SECOND_US) + self.stream.rng.randrange(SECOND_US // 2), self._crash)


def probe_succeeded(stream: Stream, instance: Instance, us: int, app_port: int) -> None:
    """Log the start-up probe's success; it says that a port is open, no more."""
    container = f"{instance.revision.service}-1"
    text = f'Default STARTUP TCP probe succeeded after 1 attempt for container "{container}" on port {app_port}.'
    stream.system(instance, us, "INFO", text)
