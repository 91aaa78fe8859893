"""The scenarios: windows of known truth, as a table. Harm is twice the least effect that the policy names."""

from collections.abc import Iterable
from dataclasses import dataclass
from dataclasses import replace as but
from typing import Literal

from pipeline.simulate.deployment import App
from pipeline.simulate.frameworks import FLASK, GO, NEXT
from pipeline.simulate.shop import SHOP
from pipeline.simulate.stream import NO_FAULTS, Faults
from tests.benchmarks.judgement.traffic import SYSTEM, Line, Traffic

Kind = Literal["no harm", "harm", "not enough"]


@dataclass(frozen=True)
class Drawn:
    """A window of two revisions from numbers; filtered: only entries at WARNING and above are left."""

    old: Traffic
    new: Traffic
    beside: bool = False
    filtered: bool = False


@dataclass(frozen=True)
class Simulated:
    """A window of `pipeline.simulate` in a file, read as a user's would be.

    order: ascending is NDJSON, descending a JSON array, as `gcloud logging read` gives it. until: share of the window
    that is there. cut: the file ends so many bytes early. since_s: the window asked for begins so long before it.
    """

    app: App = SHOP
    faults: Faults = NO_FAULTS
    style: str = "mixed"
    order: Literal["ascending", "descending"] = "ascending"
    minutes: float = 15.0
    per_minute: float = 40.0
    until: float = 1.0
    cut: int = 0
    since_s: float = 0.0
    filtered: bool = False
    empty: bool = False


@dataclass(frozen=True)
class Scenario:
    """A window, what is true of it, the verdicts that say so, and the checks of which one must have noticed."""

    name: str
    kind: Kind
    source: Drawn | Simulated
    want: tuple[str, ...]
    checks: tuple[str, ...] = ()
    runs: int = 8
    big: bool = False  # a run takes seconds


def _quiet(name: str, source: Drawn | Simulated, runs: int = 12, *, big: bool = False) -> Scenario:
    return Scenario(name, "no harm", source, ("PASS",), runs=runs, big=big)


def _warns(name: str, source: Drawn | Simulated, *checks: str, runs: int = 8, big: bool = False) -> Scenario:
    return Scenario(name, "harm", source, ("WARN", "FAIL"), checks, runs, big)


def _fails(name: str, source: Drawn | Simulated, *checks: str, runs: int = 8, big: bool = False) -> Scenario:
    return Scenario(name, "harm", source, ("FAIL",), checks, runs, big)


def _unknown(name: str, source: Drawn | Simulated, runs: int = 5) -> Scenario:
    return Scenario(name, "not enough", source, ("INCONCLUSIVE",), runs=runs)


def _same(traffic: Traffic) -> Drawn:
    """Both revisions alike: nothing changed."""
    return Drawn(traffic, traffic)


def _changed(traffic: Traffic, **changes: object) -> Drawn:
    """The new revision differs in this."""
    return Drawn(traffic, but(traffic, **changes))


def _in_all_styles() -> Iterable[Scenario]:
    for style in ("mixed", "raw", "masked", "seed", "mojibake", "ascii", "older text"):
        for order in ("ascending", "descending"):
            yield _quiet(f"shop, {style}, {order}", Simulated(style=style, order=order), runs=3)
    for app in (FLASK, NEXT, GO):
        for order in ("ascending", "descending"):
            yield _quiet(f"{app.service}, {order}", Simulated(app, order=order), runs=3)


USUAL = Traffic()
FEW = Traffic(requests=500, minutes=30, checked=0.4)
MANY = Traffic(requests=20_000, checked=0.02)
MOST = Traffic(requests=200_000, checked=0.005)
NOISY = but(USUAL, phi=0.8, minute_sd=0.3)  # AR(1): whole stretches are slow, on both sides alike
LOGNORMAL = but(USUAL, sigma=1.5)
PARETO = but(USUAL, pareto=1.5)

SOCKETS = (
    Line('169.254.169.126:40311 - "WebSocket /ws" [accepted]', "INFO", rate=0.05),
    Line("Disconnected user 4f0c1a2b with code 1000: normal closure", "INFO", rate=0.03),
    Line("Disconnected user 4f0c1a2b with code 1001: going away", "INFO", rate=0.02),
)
WARNINGS = (
    Line("payment gateway answered slowly, trying again", rate=0.004),
    Line("price list is older than a day", rate=0.006),
    Line("basket of an unknown currency was ignored", rate=0.01),
)
RARE = (Line("voucher store answered slowly, trying again", rate=0.001),)
EXPECTED = (
    Line(
        "Session access failed (middleware not installed?): SessionMiddleware must be installed to access"
        " request.session",
        rate=0.02,
    ),
)
NEW_ERROR = "could not reserve stock for a basket, the warehouse gave no answer"
EXIT = "Container called exit(3)."
MEMORY = "Memory limit of 512 MiB exceeded with 530 MiB used. Consider increasing the memory limit."
CLOSE = "Disconnected user 4f0c1a2b with code {}"

#: Kinds of lines that come now and then on both sides, more and less often: none of them is news.
LONG_TAIL = tuple(
    Line(f"warning of kind {chr(97 + n // 26)}{chr(97 + n % 26)}: retrying", rate=0.02 / (n + 1)) for n in range(120)
)
OFTEN = tuple(Line(f"job of kind {chr(97 + n)} was late", rate=0.0005) for n in range(10))
LIVENESS = (
    'LIVENESS HTTP probe failed 3 times consecutively for container "shop-api-1" on port 8080 path "/livez". '
    "The instance has been shut down."
)
CHECKOUT = "/api/checkout"
TASK = ("Google-Cloud-Tasks", "/tasks/send", 40, 200)

GATEWAY = Line("payment gateway answered in {ms} ms", "INFO", rate=0.1, ms=60)
#: Kinds of lines that name a time.
STEPS = tuple(Line(f"step {chr(97 + n)} took {{ms}} ms", "INFO", rate=0.05, ms=80) for n in range(26))
BEATS = (Line("still here", "INFO", 120),)

NO_HARM: tuple[Scenario, ...] = (
    _quiet("long-tailed warnings", _same(but(USUAL, lines=LONG_TAIL)), runs=16),
    _quiet("ten kinds of warnings, once an hour", _same(but(USUAL, lines=OFTEN)), runs=16),
    _quiet("a crawler", _changed(USUAL, ends=(("", 404, 0.02),), one_client=0.0)),
    _quiet("one client with a wrong password", _changed(USUAL, one_client=0.9), runs=12),
    _quiet("404 on both sides", _same(but(USUAL, ends=(("/api/orders/{}", 404, 0.3),))), runs=12),
    _quiet("a slow tail on both sides", _same(but(USUAL, slow=(0.05, 10.0, 0.0))), runs=16),
    _quiet("starts on both sides", _same(but(USUAL, starts=20, waiting=1)), runs=12),
    _quiet("twenty instances", _same(but(USUAL, requests=4_000, instances=20)), runs=12),
    _quiet("WebSockets, some rejected, on both sides", _same(but(USUAL, sockets=(200, 0.05, 150.0))), runs=12),
    _quiet("calls of Cloud Tasks on both sides", _same(but(USUAL, calls=(TASK,))), runs=8),
    _quiet("a fast service", _same(but(USUAL, median=0.01)), runs=12),
    _quiet("half of the bodies small, on both sides", _same(but(USUAL, empty=0.45)), runs=12),
    _quiet("lines that name times, on both sides", _same(but(NOISY, lines=STEPS)), runs=12),
    _quiet("ten times the clients", _changed(USUAL, clients=600, requests=6_000), runs=8),
)

HARM: tuple[Scenario, ...] = (
    _fails("all requests 404", _changed(FEW, ends=(("", 404, 1.0),)), "requests.status"),
    _fails("all requests 403", _changed(FEW, ends=(("", 403, 1.0),)), "requests.status", "auth.failure_rate"),
    *(
        _warns(f"{status} on 30 % of checkout", _changed(USUAL, ends=((CHECKOUT, status, 0.3),)), "requests.status")
        for status in (400, 404, 422, 429, 499, 302)
    ),
    _fails("404 on all of checkout", _changed(USUAL, ends=((CHECKOUT, 404, 1.0),)), "requests.status"),
    _warns("checkout is dead", _changed(USUAL, ends=((CHECKOUT, 500, 1.0),)), "requests.endpoint_errors"),
    _warns("10 % ten times as slow", _changed(USUAL, slow=(0.1, 10.0, 0.0)), "requests.tail_latency"),
    _warns("15 % twenty times as slow", _changed(USUAL, slow=(0.15, 20.0, 0.0)), "requests.tail_latency"),
    _warns("2 % take 30 s", _changed(USUAL, slow=(0.02, 1.0, 30_000.0)), "requests.tail_latency"),
    _warns(
        "10 % four times as slow", _changed(but(USUAL, requests=4_000), slow=(0.1, 4.0, 0.0)), "requests.tail_latency"
    ),
    _warns("2 % end in 504", _changed(USUAL, ends=(("", 504, 0.02),)), "requests.error_rate"),
    _warns("20 % take 3 s", _changed(USUAL, slow=(0.2, 1.0, 3_000.0)), "requests.tail_latency"),
    _warns("a fast service four times as slow", _changed(but(USUAL, median=0.02), median=0.08), "requests.latency"),
    _warns("slow in the first ten minutes", _changed(USUAL, slow=(1.0, 5.0, 0.0), slow_span=(0.0, 0.17))),
    _warns("slow in the last third", _changed(USUAL, slow=(1.0, 3.0, 0.0), slow_span=(0.67, 1.0))),
    _warns(
        "half of the handshakes rejected",
        _changed(but(USUAL, sockets=(200, 0.01, 150.0)), sockets=(200, 0.5, 150.0)),
        "websocket.handshakes",
    ),
    _warns(
        "sockets live a second",
        _changed(but(USUAL, sockets=(200, 0.01, 150.0)), sockets=(200, 0.01, 1.0)),
        "websocket.handshakes",
    ),
    _warns(
        "one instance of twenty fails",
        _changed(but(USUAL, requests=4_000, instances=20), sick=(0.15, 1.0)),
        "platform.instances",
    ),
    _warns(
        "one instance of twenty is slow",
        _changed(but(USUAL, requests=4_000, instances=20), sick=(0.0, 10.0)),
        "platform.instances",
    ),
    _warns("one request in twelve waits for a start", _changed(USUAL, starts=180, waiting=1), "platform.restarts"),
    _warns(
        "a nightly call fails 4 of 4",
        _changed(
            but(USUAL, calls=(("Google-Cloud-Scheduler", "/nightly", 4, 200),)),
            calls=(("Google-Cloud-Scheduler", "/nightly", 4, 500),),
        ),
        "requests.endpoint_errors",
    ),
    _warns("Cloud Tasks stopped coming", _changed(but(USUAL, calls=(TASK,)), calls=()), "requests.endpoint_errors"),
    _warns("traffic ends midway", _changed(but(USUAL, lines=BEATS), until=0.5), "requests.volume"),
    _warns("a retry storm", _changed(USUAL, requests=8_000), "requests.volume"),
    _warns("all bodies empty", _changed(USUAL, empty=1.0), "requests.bodies"),
    _warns("85 % of auth successes gone", _changed(but(USUAL, requests=4_000), auth_told=0.15), "novelty.silent"),
    _warns(
        "errors in lines of INFO",
        _changed(USUAL, lines=(Line("checkout failed for a basket", "INFO", rate=0.05),)),
        "novelty.errors",
    ),
    _warns(
        "an unknown dependency takes 900 ms",
        _changed(but(USUAL, lines=(GATEWAY,)), lines=(but(GATEWAY, ms=900),)),
        "novelty.durations",
    ),
    _warns(
        "one kind of line of 26 takes twice as long",
        _changed(but(USUAL, lines=STEPS), lines=(but(STEPS[0], ms=160), *STEPS[1:])),
        "novelty.durations",
    ),
    _warns(
        "liveness kills",
        _changed(
            USUAL,
            lines=(
                Line(
                    LIVENESS,
                    "ERROR",
                    4,
                    log=SYSTEM,
                ),
            ),
        ),
        "platform.restarts",
    ),
)

SCENARIOS: tuple[Scenario, ...] = (
    # Nothing is wrong.
    _quiet("20 requests", _same(but(USUAL, requests=20, minutes=5))),
    _quiet("60 requests", _same(but(USUAL, requests=60, minutes=10, checked=1.0)), runs=16),
    _quiet("200 requests", _same(but(USUAL, requests=200, minutes=20)), runs=16),
    _quiet("2,000 requests", _same(USUAL), runs=30),
    _quiet("20,000 requests", _same(MANY)),
    _quiet("200,000 requests", _same(MOST), runs=3, big=True),
    _quiet("AR(1) minutes, 2,000 requests", _same(NOISY), runs=30),
    _quiet("AR(1) minutes, 20,000 requests", _same(but(MANY, phi=0.8, minute_sd=0.3)), runs=16),
    _quiet("AR(1) minutes, 20 of them", _same(but(NOISY, minutes=20)), runs=24),
    _quiet("AR(1) error rate", _same(but(MANY, phi=0.8, error_sd=0.8, error_ratio=0.003))),
    _quiet("lognormal 1.5, 200 requests", _same(but(LOGNORMAL, requests=200)), runs=16),
    _quiet("lognormal 1.5, 2,000 requests", _same(LOGNORMAL), runs=12),
    _quiet("Pareto, 200 requests", _same(but(PARETO, requests=200)), runs=12),
    _quiet("Pareto, 20,000 requests", _same(but(MANY, pareto=1.5)), runs=6),
    _quiet(
        "ten times the traffic of ten times the clients",
        _changed(but(USUAL, error_ratio=0.005, checked=0.02), requests=20_000, clients=600),
    ),
    Scenario(
        "ten times the traffic of the same clients",
        "no harm",
        _changed(but(USUAL, error_ratio=0.005, checked=0.02), requests=20_000),
        ("PASS", "WARN"),  # nothing tells it from a retry storm, so the policy says that a person should look
        runs=4,
    ),
    _quiet("ten times, from few", _changed(FEW, requests=5_000)),
    _quiet("a tenth of the traffic", _changed(USUAL, requests=200)),
    _quiet("another mix of endpoints", _changed(USUAL, mix=(0.1, 0.1, 0.3, 0.5)), runs=12),
    _quiet("cold start", _changed(USUAL, cold_ms=3_000.0)),
    _quiet("traffic is split", Drawn(but(USUAL, requests=4_000), but(USUAL, requests=400), beside=True)),
    _quiet("success masked from now on", _changed(USUAL, style="masked"), runs=6),
    _quiet("success in another known form", _changed(but(USUAL, style="older text"), style="ascii"), runs=6),
    Scenario(
        "success in an unknown wording",
        "no harm",
        _changed(USUAL, style="unknown"),
        ("PASS", "WARN"),  # the policy says that a person should look
        runs=4,
    ),
    _quiet("errors at the same rate", _same(but(USUAL, error_ratio=0.005))),
    _quiet("refused users at the same rate", _same(but(USUAL, denied_ratio=0.05))),
    _quiet("warnings on both sides", _same(but(USUAL, lines=WARNINGS)), runs=12),
    _quiet("rare warnings on both sides", _same(but(USUAL, lines=RARE)), runs=12),
    _quiet("expected warnings", _changed(USUAL, lines=EXPECTED)),
    _quiet("WebSockets that close normally", _same(but(USUAL, lines=SOCKETS))),
    *_in_all_styles(),
    *NO_HARM,
    # Something is wrong.
    _warns("all requests slower, 500", _changed(FEW, added_ms=100.0), "requests.latency"),
    _warns("all requests slower, 2,000", _changed(USUAL, added_ms=100.0), "requests.latency"),
    _warns("all requests slower, 20,000", _changed(MANY, added_ms=100.0), "requests.latency", runs=5),
    _warns("slower, 200,000", _changed(MOST, added_ms=100.0), "requests.latency", runs=1, big=True),
    _warns("slower, lognormal 1.5", _changed(but(LOGNORMAL, requests=5_000), added_ms=100.0), "requests.latency"),
    _warns("slower, Pareto", _changed(PARETO, added_ms=100.0), "requests.latency"),
    _warns(
        "slower, AR(1) over four hours",
        _changed(but(MANY, minutes=240, phi=0.8, minute_sd=0.15), added_ms=100.0),
        "requests.latency",
    ),
    _fails("three times as slow", _changed(FEW, added_ms=400.0), "requests.latency"),
    _warns(
        "one endpoint slower", _changed(USUAL, added_ms=150.0, slow_path="/api/checkout"), "requests.endpoint_latency"
    ),
    _fails(
        "one endpoint three times as slow",
        _changed(USUAL, added_ms=600.0, slow_path="/api/checkout"),
        "requests.endpoint_latency",
    ),
    _warns("slower and slower", _changed(USUAL, drift_ms=150.0), "requests.latency"),
    _warns("5xx: 0.13 % to 0.53 %", _changed(but(MANY, error_ratio=0.0013), error_ratio=0.0053), "requests.error_rate"),
    _fails("5xx: 0.8 % to 4.8 %", _changed(but(USUAL, error_ratio=0.008), error_ratio=0.048), "requests.error_rate"),
    _warns("one bad minute", _changed(but(USUAL, requests=6_000, checked=0.05), bad_minute=12), "requests.error_rate"),
    _warns(
        "401 and 403: 0.13 % to 0.53 %",
        _changed(but(MANY, denied_ratio=0.0013), denied_ratio=0.0053),
        "auth.failure_rate",
    ),
    _fails(
        "401 and 403: 0.8 % to 4.8 %", _changed(but(USUAL, denied_ratio=0.008), denied_ratio=0.048), "auth.failure_rate"
    ),
    _warns("auth twice as slow", _changed(USUAL, auth_ms=80.0), "auth.latency"),
    _fails("auth by 200 ms", _changed(but(USUAL, auth_ms=100.0), auth_ms=300.0), "auth.latency"),
    _warns("database twice as slow", _changed(USUAL, database_ms=80.0), "database.latency"),
    _fails("database by 200 ms", _changed(but(USUAL, database_ms=100.0), database_ms=300.0), "database.latency"),
    _warns("nine lines of a new error", _changed(USUAL, lines=(Line(NEW_ERROR, "ERROR", 9),)), "novelty.errors"),
    _fails("20 lines of a new error", _changed(USUAL, lines=(Line(NEW_ERROR, "ERROR", 20),)), "novelty.errors"),
    _warns(
        "warnings four times as often",
        _changed(but(USUAL, lines=WARNINGS), lines=tuple(but(one, rate=4 * one.rate) for one in WARNINGS)),
        "novelty.errors",
    ),
    _fails("success fell silent", _changed(USUAL, auth_success=False), "novelty.silent"),
    _fails(
        "crash loop",
        _changed(USUAL, lines=(Line(EXIT, "WARNING", 15, span=(0.0, 0.03), log=SYSTEM),)),
        "platform.exits",
    ),
    _fails("memory limit", _changed(USUAL, lines=(Line(MEMORY, "ERROR", 2, log=SYSTEM),)), "platform.memory", runs=5),
    _fails(
        "close 1008",
        _changed(but(USUAL, lines=SOCKETS), lines=(*SOCKETS, Line(CLOSE.format("1008: policy violation"), "INFO", 2))),
        "websocket.closes",
    ),
    _fails(
        "close 1011",
        _changed(but(USUAL, lines=SOCKETS), lines=(*SOCKETS, Line(CLOSE.format("1011: internal error"), "INFO", 6))),
        "websocket.closes",
    ),
    _fails("auth service away", _changed(USUAL, auth_down=(0.3, 0.36)), "auth.unreachable"),
    _fails("database away", _changed(USUAL, database_down=(0.3, 0.36)), "database.failures"),
    *(
        _fails(
            f"auth service away, {style}",
            _changed(but(FEW, style=style), auth_down=(0.3, 0.5)),
            "auth.unreachable",
            runs=2,
        )
        for style in ("masked", "seed", "ascii", "older text")
    ),
    *(
        _fails(f"{name}, {order}", Simulated(app, faults, order=order), *checks, runs=2)
        for name, app, faults, checks in (
            ("shop crash loop", SHOP, Faults(gets_traffic=False, boots=False), ("platform.exits",)),
            ("shop auth outage", SHOP, Faults(auth_down=(0.3, 0.8)), ("auth.unreachable",)),
            ("shop slow database", SHOP, Faults(latency_factor=3.0), ("database.latency", "requests.latency")),
            ("shop failed lookups", SHOP, Faults(failed_lookup_every=30), ("database.failures",)),
            ("shop rejected handshakes", SHOP, Faults(rejects_handshakes=True), ("websocket.handshakes",)),
            ("shop memory kills", SHOP, Faults(killed_after_s=100), ("platform.memory",)),
            ("Flask errors", FLASK, Faults(failed_request_every=25), ("requests.error_rate",)),
            ("Next.js errors", NEXT, Faults(failed_request_every=25), ("requests.error_rate",)),
            ("Go errors", GO, Faults(failed_request_every=25), ("requests.error_rate",)),
        )
        for order in ("ascending", "descending")
    ),
    *HARM,
    # Nobody can know.
    _unknown("10 requests", _changed(USUAL, requests=10)),
    _unknown("10 requests on both sides", _same(but(USUAL, requests=10, minutes=5))),
    _unknown("the new revision is silent", _changed(USUAL, requests=0)),
    _unknown("shop, no traffic", Simulated(faults=Faults(gets_traffic=False))),
    _unknown("only warnings were exported", but(_same(but(USUAL, lines=WARNINGS)), filtered=True)),
    _unknown("shop, only warnings were exported", Simulated(filtered=True)),
    _unknown("file cut", Simulated(order="descending", cut=700)),
    _unknown("start of the window missing", Simulated(since_s=1_800.0)),
    _unknown("seconds after the deploy", Simulated(until=0.44)),
    _unknown("half a minute", Simulated(minutes=0.5, per_minute=600.0)),
    _unknown("empty file", Simulated(empty=True), runs=1),
)

#: Some of every kind, for a look that takes seconds.
QUICK = tuple(one for one in SCENARIOS if not one.big)[::5]
