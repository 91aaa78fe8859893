"""The simulated windows have the laws of real ones, and each scenario has what it says."""

import ipaddress
import json
import re
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from statistics import median
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import RunverdictError, StoreError, UsageError
from pipeline.simulate import SCENARIOS, simulate, write

Entry = dict[str, Any]
START = datetime(2026, 1, 15, 9, tzinfo=UTC)
SHOP = [name for name in SCENARIOS if not name.endswith("-errors")]
FRAMEWORKS = {
    "flask-errors": ("catalog-web", "Traceback (most recent call last):"),
    "next-errors": ("storefront", " ⨯ TypeError: "),
    "go-errors": ("ledger-go", " panic: runtime error: "),
}
WINDOWS = {
    "scenario": st.sampled_from(sorted(SCENARIOS)),
    "seed": st.integers(0, 2**63),
    "minutes": st.floats(0.1, 6),
    "requests_per_minute": st.sampled_from([0, 1, 40, 400]),
}
DOCUMENTATION = [
    ipaddress.ip_network(n) for n in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")
]


@lru_cache(maxsize=32)
def window(scenario: str) -> list[Entry]:
    return list(simulate(scenario))


def ns(stamp: str) -> int:
    """RFC 3339 with six or nine fraction digits, as nanoseconds since 1970."""
    match = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{6}|\d{9})Z", stamp)
    assert match, stamp
    return int(datetime.fromisoformat(match[1] + "+00:00").timestamp()) * 10**9 + int(match[2].ljust(9, "0"))


def latency_ns(entry: Entry) -> int:
    match = re.fullmatch(r"(\d+)\.(\d{9})s", entry["httpRequest"]["latency"])
    assert match
    return int(match[1]) * 10**9 + int(match[2])


def log_of(entry: Entry) -> str:
    return str(entry["logName"]).rpartition("/")[2]


def message(entry: Entry) -> str:
    for key, name in (("textPayload", ""), ("jsonPayload", "message"), ("protoPayload", "status")):
        if key in entry:
            found = entry[key].get(name, "") if name else entry[key]
            return found["message"] if isinstance(found, dict) else found
    return ""  # a request row


def having(entries: list[Entry], text: str) -> list[Entry]:
    return [entry for entry in entries if text in message(entry)]


def revisions(entries: list[Entry]) -> tuple[list[Entry], list[Entry]]:
    """The entries of the old revision and those of the new one."""
    by_name: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        by_name[entry["resource"]["labels"]["revision_name"]].append(entry)
    by_name.pop("")
    (_, old), (_, new) = sorted(by_name.items())
    return old, new


def by_instance(entries: list[Entry]) -> dict[str, list[Entry]]:
    instances: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        if "labels" in entry:
            instances[entry["labels"]["instanceId"]].append(entry)
    return instances


def rows(entries: list[Entry], *, path: str = "", status: int = 0) -> list[Entry]:
    """Request rows, of paths that begin so and of that status."""
    return [
        entry
        for entry in entries
        if "httpRequest" in entry
        and urlsplit(entry["httpRequest"]["requestUrl"]).path.startswith(path)
        and status in (0, entry["httpRequest"]["status"])
    ]


def response_times(entries: list[Entry], text: str) -> list[float]:
    times = [re.search(r"response_time: ([0-9.]+)ms", message(entry)) for entry in having(entries, text)]
    return [float(found[1]) for found in times if found]


# Laws of every window


@settings(max_examples=25, deadline=None)
@given(**WINDOWS)
def test_same_arguments_give_the_same_bytes(scenario, seed, minutes, requests_per_minute):
    """A window is a function of its arguments, and of the seed among them."""
    more = {"minutes": minutes, "requests_per_minute": requests_per_minute}
    first = [json.dumps(entry) for entry in simulate(scenario, seed=seed, **more)]
    assert first == [json.dumps(entry) for entry in simulate(scenario, seed=seed, **more)]
    other = [json.dumps(entry) for entry in simulate(scenario, seed=seed + 1, **more)]
    assert first != other


@settings(max_examples=40, deadline=None)
@given(**WINDOWS)
def test_entries_have_the_laws_of_a_real_window(scenario, seed, minutes, requests_per_minute):
    """Shape, order, keys and times are those of Cloud Logging; all names and addresses are made for documentation."""
    end_ns = (int(START.timestamp() * 10**6) + int(minutes * 60 * 10**6)) * 1000
    more = {"minutes": minutes, "requests_per_minute": requests_per_minute}
    keys = set()
    names: dict[str, set[str]] = defaultdict(set)
    count, before = 0, 0
    for entry in simulate(scenario, seed=seed, **more):
        count += 1
        at, received = ns(entry["timestamp"]), ns(entry["receiveTimestamp"])
        assert int(START.timestamp()) * 10**9 <= at < received < end_ns
        assert received >= before, "not in the order of receiveTimestamp"
        before = received
        keys.add((entry["logName"], entry["timestamp"], entry["insertId"]))

        labels = entry["resource"]["labels"]
        assert entry["resource"]["type"] == "cloud_run_revision"
        assert set(labels) == {"configuration_name", "location", "project_id", "revision_name", "service_name"}
        assert labels["project_id"] == "example-project"
        names[labels["service_name"]].add(labels["revision_name"])
        assert entry["logName"].startswith("projects/example-project/logs/")

        payloads = [key for key in entry if key.endswith("Payload")]
        log = log_of(entry)
        if log == "run.googleapis.com%2Frequests":
            check_row(entry, at, received)
        else:
            assert len(payloads) == 1
        if log.startswith("cloudaudit"):
            assert re.fullmatch(r"[0-9a-z]{1,12}", entry["insertId"])
            assert "labels" not in entry
        else:
            written = at + (latency_ns(entry) if "httpRequest" in entry else 0)
            assert re.fullmatch(r"[0-9a-f]{24}", entry["insertId"])
            written_id = int(entry["insertId"][:8], 16) * 10**9 + int(entry["insertId"][8:16], 16) * 1000
            assert abs(written_id - written) < 2_000_000
            assert re.fullmatch(r"[0-9a-f]{154}", entry["labels"]["instanceId"])
        if "severity" not in entry:
            assert payloads == ["textPayload"]
            assert log in ("run.googleapis.com%2Fstdout", "run.googleapis.com%2Fstderr")
        else:
            assert entry["severity"] in ("INFO", "NOTICE", "WARNING", "ERROR", "CRITICAL")
        if "jsonPayload" in entry:
            check_json(entry, at)
    assert len(keys) == count
    assert len(names) == 1, "one service"
    assert len(names.popitem()[1] - {""}) <= 2


def check_row(entry: Entry, at: int, received: int) -> None:
    http = entry["httpRequest"]
    assert received >= at + latency_ns(entry)
    assert isinstance(http["requestSize"], str)
    assert isinstance(http["responseSize"], str)
    assert int(http["requestSize"]) > 0
    assert type(http["status"]) is int
    expected = "INFO" if http["status"] < 400 else "WARNING" if http["status"] < 500 else "ERROR"
    assert entry["severity"] == expected
    host = urlsplit(http["requestUrl"]).hostname or ""
    assert host.endswith(".example.com")
    assert any(ipaddress.ip_address(http["remoteIp"]) in network for network in DOCUMENTATION)
    assert re.fullmatch(r"projects/example-project/traces/[0-9a-f]{32}", entry["trace"])
    assert re.fullmatch(r"[0-9a-f]{16}", entry["spanId"])


def check_json(entry: Entry, at: int) -> None:
    """The two shapes of structured lines: one on stderr, one with filler fields on stdout."""
    payload = entry["jsonPayload"]
    stamp = payload["timestamp"]
    if log_of(entry).endswith("stderr"):
        assert set(payload) - {"context", "error"} == {"labels", "message", "timestamp"}
        assert set(payload["labels"]) == {"function", "line", "module"}
        assert payload["labels"]["line"].isdigit()
        assert stamp.endswith("+00:00")
        stamp = stamp.removesuffix("+00:00") + "Z"
    else:
        assert payload["textPayload"] == payload["message"]
        assert payload["validation"]["message_length"] == len(payload["message"])
        assert payload["error"]["message"] == "Missing field"
    assert 0 <= at - ns(stamp) < 2_000_000


def test_a_row_can_be_received_long_after_lines_of_later_timestamps():
    """As in real windows, the order of receipt is not the order of timestamps."""
    stamps = [entry["timestamp"] for entry in window("healthy")]
    assert sum(later < earlier for earlier, later in pairwise(stamps)) > 100


def test_the_window_is_what_has_been_received_by_its_end():
    """Calls that are still running at the end have lines, but no row."""
    opened, closed = having(window("healthy"), "[accepted]"), rows(window("healthy"), path="/ws", status=101)
    assert len(opened) > len(closed)


@pytest.mark.parametrize("minutes", [1, 5])
def test_rates_are_the_ones_asked_for(minutes):
    """Calls come at the asked rate, six uptime checks a minute on top."""
    asked = list(simulate("no-traffic", minutes=minutes, requests_per_minute=600))
    checks = [row for row in rows(asked) if "UptimeChecks" in row["httpRequest"]["userAgent"]]
    assert len(checks) == pytest.approx(6 * minutes, abs=1)
    assert len(rows(asked)) - len(checks) == pytest.approx(600 * minutes, rel=0.12)
    assert not rows(list(simulate("healthy", minutes=minutes, requests_per_minute=0)), path="/api/")


def test_a_window_starts_where_it_is_asked_to():
    """Any time zone will do."""
    east = datetime(2027, 3, 1, 1, 30, 0, 250_000, tzinfo=UTC).astimezone(tz=None)
    first = next(simulate("healthy", start=east))
    assert timedelta(0) < datetime.fromisoformat(first["timestamp"]) - east < timedelta(seconds=5)


def test_a_long_window_is_made_as_it_is_read():
    """The first entries of ten years come at once."""
    long = simulate("healthy", minutes=5_000_000)
    assert len([next(long) for _ in range(10)]) == 10


# The deploy


@pytest.mark.parametrize("scenario", sorted(SCENARIOS))
def test_the_deploy_runs_in_order(scenario):
    """Old revision, ReplaceService, a start and its probe, Ready of the revision, Ready of the service."""
    entries = window(scenario)
    old, new = revisions(entries)
    activity = [entry for entry in entries if log_of(entry).endswith("%2Factivity")]
    assert [entry["severity"] for entry in activity] == ["NOTICE"]
    assert activity[0]["protoPayload"]["methodName"] == "google.cloud.run.v1.Services.ReplaceService"
    assert activity[0]["resource"]["labels"]["revision_name"] == ""
    ready = [entry for entry in entries if log_of(entry).endswith("%2Fsystem_event")]
    assert [entry["protoPayload"]["methodName"] for entry in ready] == ["/Services.ReplaceService"] * 2

    start, probe = having(new, "Starting new instance. Reason: ")[0], having(new, "probe succeeded")[0]
    times = [ns(entry["timestamp"]) for entry in (old[0], activity[0], start, probe, *ready)]
    assert times == sorted(times)
    assert start["labels"]["scaling_reason"] in message(start)

    service, revision = new[0]["resource"]["labels"]["service_name"], new[0]["resource"]["labels"]["revision_name"]
    took_s = (times[-2] - times[1]) / 10**9
    succeeded = f"Deploying revision succeeded in {took_s:.2f}s."
    assert [message(entry) for entry in ready] == [
        f"Ready condition status changed to True for Revision {revision} with message: {succeeded}",
        f"Ready condition status changed to True for Service {service}.",
    ]
    assert ready[0]["resource"]["labels"]["revision_name"] == revision


@pytest.mark.parametrize("scenario", sorted(set(SCENARIOS) - {"crash-loop", "no-traffic"}))
def test_traffic_moves_and_the_old_instances_end(scenario):
    """After Ready the new revision serves; the old instances shut down and say no more."""
    old, new = revisions(window(scenario))
    moved = ns(having(window(scenario), "True for Service")[0]["timestamp"])
    assert all(ns(row["timestamp"]) <= moved for row in rows(old))
    assert all(ns(row["timestamp"]) >= moved for row in rows(new))
    assert len(rows(old)) > 100
    assert len(rows(new)) > 100
    assert len(by_instance(old)) == 2
    for entries in by_instance(old).values():
        [end] = having(entries, "Shutting down user disabled instance")
        assert all(ns(entry["timestamp"]) <= ns(end["timestamp"]) + 10**9 for entry in entries)
        if scenario in SHOP:
            assert len(having(entries, "[ERROR] Worker (pid:12) was sent SIGTERM!")) == 1


@pytest.mark.parametrize("scenario", ["crash-loop", "no-traffic"])
def test_without_traffic_the_old_revision_serves_on(scenario):
    """No request reaches the new revision, the old one serves to the end and does not stop."""
    old, new = revisions(window(scenario))
    assert rows(new) == []
    assert ns(rows(old)[-1]["timestamp"]) > ns(having(new, "True for Revision")[0]["timestamp"]) + 300 * 10**9
    assert having(old, "Shutting down") == []


# What each scenario shows


def test_scenarios_say_what_they_show():
    """Each has one sentence that ends with the verdict."""
    assert set(SCENARIOS) == {
        "healthy",
        "crash-loop",
        "auth-outage",
        "slow-database",
        "rejected-handshakes",
        "memory-kill",
        "no-traffic",
        "flask-errors",
        "next-errors",
        "go-errors",
    }
    for shows in SCENARIOS.values():
        assert re.fullmatch(r"[A-Z].+: (PASS|FAIL|INCONCLUSIVE)\.", shows)


@pytest.mark.parametrize("scenario", sorted(set(SHOP) - {"auth-outage", "slow-database", "memory-kill"}))
def test_requests_do_not_fail_where_the_scenario_is_about_something_else(scenario):
    """No 5xx, no failed check, no exit."""
    entries = window(scenario)
    assert [row for row in rows(entries) if row["httpRequest"]["status"] >= 500] == []
    assert having(entries, "EXCEPTION") == []
    assert having(entries, "DATABASE SERVICE FAILURE") == []
    assert bool(having(entries, "Container called exit")) == (scenario == "crash-loop")


def test_healthy_has_both_wordings_of_its_auth_chain():
    """The start of a check is CRITICAL and routine; as many checks succeed as start."""
    entries = window("healthy")
    raw = having(entries, "AUTH SERVICE DEPENDENCY: Starting token validation (token_hash: ")
    masked = having(entries, "AUTH=REDACTED DEPENDENCY: Starting token=REDACTED (token_hash: ")
    assert {entry["severity"] for entry in raw + masked} == {"CRITICAL"}
    assert len(raw) > len(masked) > 30
    succeeded = having(entries, "AUTH SERVICE SUCCESS: Token validated successfully (user_id: ")
    succeeded_masked = having(entries, "AUTH=REDACTED SUCCESS: Token=REDACTED successfully (user_id: ")
    assert len(raw) - len(succeeded) in (0, 1)
    assert len(masked) - len(succeeded_masked) in (0, 1)
    assert {entry["severity"] for entry in succeeded + succeeded_masked} == {"INFO"}
    found = having(entries, "DATABASE USER FOUND: User ")
    assert len(raw) + len(masked) - len(found) in (0, 1)
    assert {message(entry).rpartition("action: ")[2] for entry in found} == {
        "syncing JWT claims)",
        "syncing JWT=REDACTED",
    }


def test_healthy_has_expected_warnings_and_noise():
    """Missing SessionMiddleware, buffer utilization, scanners, preflights and uptime checks."""
    entries = window("healthy")
    for text in ("SessionMiddleware must be installed", "LOW BUFFER UTILIZATION: ", "Sentry SDK not available"):
        assert having(entries, text)
        assert {entry["severity"] for entry in having(entries, text)} == {"WARNING"}
    for path in ("/.git/config", "/.env", "/wp-login.php"):
        assert {row["httpRequest"]["status"] for row in rows(entries, path=path)} == {404}
    assert [row for row in rows(entries) if row["httpRequest"]["requestMethod"] == "OPTIONS"]
    checks = [row for row in rows(entries) if "UptimeChecks" in row["httpRequest"]["userAgent"]]
    assert len(checks) == 90
    assert {urlsplit(row["httpRequest"]["requestUrl"]).path for row in checks} == {"/health"}


def test_a_call_leaves_a_row_an_access_line_and_a_request_line():
    """All three name the same method, path and status; the last calls may lack one."""
    entries = window("healthy")
    from_rows = Counter(
        (
            row["httpRequest"]["requestMethod"],
            urlsplit(row["httpRequest"]["requestUrl"]).path,
            row["httpRequest"]["status"],
        )
        for row in rows(entries)
        if "/ws" not in row["httpRequest"]["requestUrl"]
    )
    line = re.compile(r'169\.254\.169\.126:[0-9]+ - "([A-Z]+) ([^ ?]+)[^ ]* HTTP/1\.1" ([0-9]+)')
    found = [line.fullmatch(message(entry)) for entry in entries if log_of(entry).endswith("stdout")]
    accesses = Counter((m[1], m[2], int(m[3])) for m in found if m)
    line = re.compile(
        r"Request: ([A-Z]+) ([^ ]+) \| Status: ([0-9]+) \| Duration: [0-9]+\.[0-9]{2}ms"
        r" \| Trace: [0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    )
    found = [line.fullmatch(message(entry)) for entry in entries if log_of(entry).endswith("stderr")]
    requests = Counter((m[1], m[2], int(m[3])) for m in found if m)
    assert from_rows.total() > 500
    assert sum(((from_rows - accesses) + (accesses - from_rows)).values()) <= 3
    assert sum(((requests - accesses) + (accesses - requests)).values()) <= 3


def test_endpoints_have_latencies_of_their_own():
    """Medians in milliseconds, health first."""
    medians = [
        median(latency_ns(row) / 10**6 for row in rows(window("healthy"), path=path))
        for path in ("/health", "/api/orders/", "/api/search", "/api/checkout")
    ]
    checkout = [r for r in rows(window("healthy"), path="/api/checkout") if r["httpRequest"]["requestMethod"] == "POST"]
    medians[-1] = median(latency_ns(row) / 10**6 for row in checkout)
    assert medians == sorted(medians)
    assert 2 < medians[0] < 6
    assert 60 < medians[1] < 130 < medians[2] < 230 < medians[3] < 420


def test_websockets_open_and_close_normally():
    """Every row has its acceptance and its close, and lasts as long as the connection."""
    entries = window("healthy")
    closed = rows(entries, path="/ws")
    assert {row["httpRequest"]["status"] for row in closed} == {101}
    assert len(closed) >= 20
    assert median(latency_ns(row) for row in closed) > 10 * 10**9
    codes = Counter(re.findall(r"with code ([0-9]{4}): ", "\n".join(map(message, entries))))
    assert set(codes) == {"1000", "1001", "1012"}
    assert codes.total() == pytest.approx(len(closed), abs=1)


def test_crash_loop_repeats_the_whole_cycle():
    """Per exit: a start, a probe that succeeds, 5 ERROR, 4 [ERROR] without severity, 1 WARNING; about every 7 s."""
    _, new = revisions(window("crash-loop"))
    ended = [entries for entries in by_instance(new).values() if having(entries, "Container called exit")]
    assert len(ended) >= 15
    assert len(by_instance(new)) - len(ended) in (0, 1)
    for entries in ended:
        ordered = sorted(entries, key=lambda entry: ns(entry["timestamp"]))
        assert message(ordered[0]).startswith("Starting new instance. Reason: MANUAL_OR_CUSTOMER_MIN_INSTANCE - ")
        assert message(ordered[-1]) == "Container called exit(3)."
        assert ordered[-1]["severity"] == "WARNING"
        assert ordered[-1]["labels"]["container_name"] == "shop-api-1"
        assert log_of(ordered[-1]) == "run.googleapis.com%2Fvarlog%2Fsystem"
        assert len(having(entries, "probe succeeded after 1 attempt")) == 1
        severities = Counter(entry.get("severity") for entry in entries)
        assert severities["ERROR"] == 5
        assert severities["WARNING"] == 2  # with the missing Sentry SDK
        assert len([entry for entry in having(entries, "[ERROR] ") if "severity" not in entry]) == 4
        tracebacks = having(entries, "Traceback (most recent call last):\n")
        assert len(tracebacks) == 3
        assert all(entry["errorGroups"] for entry in tracebacks)
        assert len(having(tracebacks, "ModuleNotFoundError: No module named")) == 2
        assert len(having(entries, "During handling of the above exception")) == 2
        assert having(entries, "Application startup complete.") == []
        assert re.findall(r"\+0000\] \[[0-9]+\] (.+)", "\n".join(map(message, ordered))) == [
            "[INFO] Starting gunicorn 23.0.0",
            "[INFO] Listening at: http://0.0.0.0:8080 (2)",
            "[INFO] Using worker: uvicorn.workers.UvicornWorker",
            "[INFO] Booting worker with pid: 12",
            "[ERROR] Exception in worker process",
            "[INFO] Worker exiting (pid: 12)",
            "[ERROR] Worker (pid:12) exited with code 3",
            "[ERROR] Shutting down: Master",
            "[ERROR] Reason: Worker failed to boot.",
        ]
    exits = [ns(having(entries, "Container called exit")[0]["timestamp"]) for entries in ended]
    assert all(6.5 < (later - earlier) / 10**9 < 8 for earlier, later in pairwise(sorted(exits)))


def test_auth_outage_fails_every_api_call_while_it_lasts():
    """As many exceptions as API rows with 503 and closes with 1011, over minutes; /health stays 200."""
    old, new = revisions(window("auth-outage"))
    exceptions = having(new, "EXCEPTION: ")
    assert {entry["severity"] for entry in exceptions} == {"CRITICAL"}
    assert having(exceptions, "AUTH SERVICE EXCEPTION: Auth service communication failed (exception_type: ")
    assert having(exceptions, "AUTH=REDACTED EXCEPTION: Auth=REDACTED communication failed (exception_type: ")
    assert all("service_status: auth_service_unreachable" in message(entry) for entry in exceptions)
    assert having(old, "EXCEPTION") == []

    unavailable, closes = rows(new, status=503), having(new, "with code 1011: ")
    assert len(exceptions) == len(unavailable) + len(closes)
    assert len(unavailable) > 50
    assert len(closes) >= 3
    assert all(row["httpRequest"]["requestUrl"].startswith("https://api.shop.example.com/api/") for row in unavailable)
    first, last = ns(unavailable[0]["timestamp"]), ns(unavailable[-1]["timestamp"])
    assert (last - first) / 10**9 > 200
    during = [row for row in rows(new, path="/api/") if first <= ns(row["timestamp"]) <= last]
    assert {r["httpRequest"]["status"] for r in during if r["httpRequest"]["requestMethod"] != "OPTIONS"} == {503}
    assert {row["httpRequest"]["status"] for row in rows(new, path="/health")} == {200}
    successes = having(new, "Token validated successfully")
    assert ns(successes[0]["timestamp"]) < first
    assert ns(successes[-1]["timestamp"]) > last


def test_slow_database_takes_three_times_as_long():
    """Lookups and API calls are slow, auth is not, and one lookup in thirty fails."""
    old, new = revisions(window("slow-database"))

    def ratio(text: str) -> float:
        return median(response_times(new, text)) / median(response_times(old, text))

    assert ratio("DATABASE USER FOUND") == pytest.approx(3, rel=0.15)
    assert ratio("Token validated successfully") == pytest.approx(1, rel=0.15)
    for path in ("/api/orders/", "/api/search"):
        slow, quick = (median(latency_ns(row) for row in rows(part, path=path)) for part in (new, old))
        assert slow / quick == pytest.approx(2.9, rel=0.2)
    failures = having(new, "DATABASE SERVICE FAILURE: User database lookup failed (user_id: ")
    assert len(failures) >= 3
    assert len(having(new, "Starting user lookup")) // 30 - len(failures) in (0, 1)
    assert len(rows(new, path="/api/", status=500)) == len(failures)
    assert having(old, "DATABASE SERVICE FAILURE") == []


def test_rejected_handshakes_leave_four_or_five_lines_each():
    """All handshakes of the new revision are refused, whoever asks; the old one accepts them."""
    old, new = revisions(window("rejected-handshakes"))
    assert {row["httpRequest"]["status"] for row in rows(old, path="/ws")} == {101}
    rejected = rows(new, path="/ws")
    assert {(row["httpRequest"]["status"], row["severity"]) for row in rejected} == {(403, "WARNING")}
    assert len(rejected) >= 15
    assert len({row["httpRequest"]["remoteIp"] for row in rejected}) >= 5
    for text in ('"WebSocket /ws" 403', "connection rejected (403 Forbidden)", "connection closed"):
        assert len(having(new, text)) == pytest.approx(len(rejected), abs=1)
    warnings = having(new, "WebSocket connection rejected in staging: ")
    assert {message(entry).rpartition(": ")[2] for entry in warnings} == {"Invalid JWT=REDACTED", "No JWT=REDACTED"}
    assert len(warnings) == pytest.approx(len(rejected), abs=1)
    assert having(new, "[accepted]") == []


def test_memory_kills_take_calls_with_them():
    """Per kill: the limit, the signal, three rows of calls in flight, a new instance; the killed one says no more."""
    old, new = revisions(window("memory-kill"))
    killed = [entries for entries in by_instance(new).values() if having(entries, "Memory limit of 512 MiB exceeded")]
    assert len(killed) >= 5
    for entries in killed:
        [limit] = having(entries, "Memory limit of 512 MiB exceeded with 5")
        [signal] = having(entries, "Uncaught signal: 9")
        assert (limit["severity"], signal["severity"]) == ("ERROR", "ERROR")
        lost = having(entries, "The request failed because either the HTTP response was malformed")
        assert len(lost) == 3
        assert {row["httpRequest"]["status"] for row in lost} == {503}
        for row in lost:
            end = ns(row["timestamp"]) + latency_ns(row)
            assert 0 < end - ns(limit["timestamp"]) < 20_000_000
        assert all(ns(entry["timestamp"]) <= ns(signal["timestamp"]) for entry in entries)
    restarted = having(new, "Starting new instance. Reason: AUTOSCALING - ")
    assert len(killed) - len(restarted) in (0, 1)
    assert len(rows(new, status=503)) - 3 * len(killed) in (0, 1, 2, 3)
    assert rows(old, status=503) == []


def test_no_traffic_starts_well():
    """The new revision's instances complete their start and then say nothing."""
    _, new = revisions(window("no-traffic"))
    instances = by_instance(new)
    assert len(instances) == 2
    for entries in instances.values():
        assert len(having(entries, "Application startup complete.")) == 1
        assert "ERROR" not in {entry.get("severity") for entry in entries}
        span_ns = ns(entries[-1]["timestamp"]) - ns(entries[0]["timestamp"])
        assert span_ns < 10 * 10**9


@pytest.mark.parametrize("scenario", sorted(FRAMEWORKS))
def test_framework_errors_have_their_stack(scenario):
    """One API call in 25 of the new revision is a 500 with a stack of several lines, grouped; the old one has none."""
    service, marker = FRAMEWORKS[scenario]
    old, new = revisions(window(scenario))
    assert new[0]["resource"]["labels"]["service_name"] == service
    failed = rows(new, status=500)
    assert 5 <= len(failed) <= 20
    assert len(failed) == pytest.approx(len(rows(new)) * 0.84 / 25, abs=3)
    stacks = [entry for entry in having(new, marker) if "errorGroups" in entry]
    assert len(stacks) == len(failed)
    for entry in stacks:
        assert entry["severity"] == "ERROR"
        assert message(entry).count("\n") >= 3
    assert rows(old, status=500) == []
    assert having(old, marker) == []
    assert [entry for entry in old + new if "jsonPayload" in entry] == []


def test_frameworks_write_their_own_lines():
    """Flask names the call before the traceback, Next.js a digest after the stack, Go a goroutine inside it."""
    flask = having(window("flask-errors"), "] ERROR in app: Exception on /")
    assert len(flask) == len(rows(window("flask-errors"), status=500))
    assert having(window("flask-errors"), "[INFO] Booting worker with pid: 4")
    assert having(window("next-errors"), "  digest: '")
    assert having(window("next-errors"), " ✓ Ready in ")
    go = having(window("go-errors"), " panic: ")
    assert all(re.search(r"\ngoroutine [0-9]+ \[running\]:\n", message(entry)) for entry in go)


# Arguments, files


def test_an_unknown_scenario_is_refused_with_the_known_ones():
    """At once, not at the first entry."""
    with pytest.raises(
        UsageError, match=r"unknown scenario 'meltdown'; known: healthy, crash-loop, .*go-errors"
    ) as caught:
        simulate("meltdown")
    assert isinstance(caught.value, RunverdictError)


@pytest.mark.parametrize(
    "arguments",
    [
        {"minutes": 0},
        {"minutes": float("nan")},
        {"minutes": float("inf")},
        {"requests_per_minute": -1},
        {"requests_per_minute": float("nan")},
        {"start": START.replace(tzinfo=None)},
    ],
)
def test_unusable_arguments_are_refused(arguments):
    """Numbers out of range and a start without a time zone."""
    with pytest.raises(UsageError):
        simulate("healthy", **arguments)


def test_write_gives_one_compact_object_a_line(tmp_path):
    """UTF-8, a newline after each, and the count."""
    path = tmp_path / "window.ndjson"
    assert write(simulate("healthy", minutes=3), path) == len(list(simulate("healthy", minutes=3)))
    lines = path.read_bytes().decode().split("\n")
    assert lines.pop() == ""
    assert [json.loads(line) for line in lines] == list(simulate("healthy", minutes=3))
    assert lines[0] == json.dumps(json.loads(lines[0]), ensure_ascii=False, separators=(",", ":"))
    assert "🔑" in "".join(lines)


def test_write_leaves_the_old_file_when_it_cannot_finish(tmp_path):
    """No half file and no temporary one."""
    path = tmp_path / "window.ndjson"
    path.write_text("before")

    def broken() -> Iterator[Entry]:
        yield {"insertId": "1"}
        raise OSError(28, "No space left on device")

    with pytest.raises(StoreError, match="No space left"):
        write(broken(), path)
    assert path.read_text() == "before"
    assert [file.name for file in tmp_path.iterdir()] == ["window.ndjson"]


def test_write_names_the_file_that_it_cannot_make(tmp_path):
    """A missing folder is an error that says where."""
    with pytest.raises(StoreError, match=r"missing/window\.ndjson"):
        write(simulate("healthy", minutes=1), tmp_path / "missing" / "window.ndjson")


def test_entries_share_nothing():
    """Whoever changes an entry changes that entry alone."""
    first, *others = (entry for entry in simulate("healthy", minutes=1) if "jsonPayload" in entry)
    for key in ("labels", "resource", "jsonPayload"):
        first[key].clear()
    assert all(entry["labels"] and entry["resource"] and entry["jsonPayload"] for entry in others)


def test_import_is_light():
    """The standard library and our own errors, nothing that takes long."""
    code = "import sys, pipeline.simulate; print(*{name.partition('.')[0] for name in sys.modules})"
    loaded = set(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    )
    assert not loaded & {"polars", "numpy", "pydantic", "duckdb", "click", "pyarrow", "google"}
