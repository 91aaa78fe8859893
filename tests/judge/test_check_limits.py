"""Absolute checks at the very border of their limits, and what each of their numbers is made of."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.judge.counts import Closes, Execution
from pipeline.judge.crosscheck import Counted, Crosscheck, Newest
from pipeline.judge.decide import CHECKS
from pipeline.judge.dependencies import failures_by_minute
from pipeline.judge.deployed import Deployed
from pipeline.judge.policy import load
from pipeline.judge.revision_data import Instances, Latency, RequestCounts, Times
from tests.judge.conftest import MINUTE_NS, START_NS, judged, minutes, occurrences, profile
from tests.judge.test_checks import status
from tests.judge.test_deployment import NAME, results


def checked(check, data):
    return CHECKS[check](data, load())


@pytest.mark.parametrize(
    ("events", "probes", "wanted", "n"), [(1, 1, "WARN", 2), (1, 2, "FAIL", 3), (0, 3, "FAIL", 3), (0, 0, "PASS", 0)]
)
def test_failed_probes_of_a_start_are_failed_starts(healthy, events, probes, wanted, n):
    """Both add up to three."""
    rows = [("platform.could_not_start", 0, events)] if events else []
    check = checked("platform.could_not_start", healthy(occurrences=occurrences(*rows), probes={"STARTUP": probes}))
    assert (check.status, check.observed.value) == (wanted, n)


def test_exits_are_told_by_code(healthy):
    """Three of code 1 and two of code 137; those without an error do not count."""
    rows = [("platform.exit", 0, 2, "failure", 1), ("platform.exit", 1, 1, "failure", 1)]
    rows += [("platform.exit", 1, 2, "failure", 137), ("platform.exit", 2, 9, "ok", 0)]
    check = checked("platform.exits", healthy(occurrences=occurrences(*rows)))
    assert check.reason == "containers crashed: exit(1) × 3, exit(137) × 2"
    assert check.observed.value == 5


def test_malformed_responses_without_any_request(healthy):
    """Two of none are no share."""
    two = occurrences(("platform.malformed_response", 0, 2, "failure", -1))
    assert checked("platform.malformed", healthy(occurrences=two, requests=RequestCounts())).status == "WARN"


@pytest.mark.parametrize(
    ("level", "severities", "wanted"),
    [
        ("ERROR", {"ERROR"}, "PASS"),
        ("ERROR", {"WARNING"}, "PASS"),
        ("ERROR", {"CRITICAL"}, "NOT_OBSERVABLE"),
        ("WARNING", {"ERROR"}, "NOT_OBSERVABLE"),
        ("WARNING", {"WARNING"}, "PASS"),
        ("WARNING", {"DEFAULT"}, "PASS"),
    ],
)
def test_what_could_have_been_seen(healthy, level, severities, wanted):
    """Lines at a level are seen where something at it, or below, was logged."""
    check = {"ERROR": "platform.memory", "WARNING": "platform.exits"}[level]
    assert checked(check, healthy(severities=frozenset(severities))).status == wanted


def test_debug_lines_are_seen_where_one_was(healthy):
    """A line without a severity is like INFO; the baseline's severities count too."""
    assert not healthy(severities=frozenset({"DEFAULT"})).shows("DEBUG")
    assert healthy(severities=frozenset({"DEBUG"})).shows("DEBUG")
    assert healthy(severities=frozenset(), baseline=profile(severities=frozenset({"INFO"}))).shows("INFO")


@pytest.mark.parametrize(
    ("starts", "successes", "refusals", "failures", "wanted"),
    [(0, 90, 5, 5, 100), (300, 90, 5, 5, 300), (100, 90, 5, 6, 101)],
)
def test_attempts_are_starts_or_answers(healthy, starts, successes, refusals, failures, wanted):
    """The larger number of calls that began, and of calls that ended well, with a no, or not at all."""
    rows = [("auth.dependency", 0, starts, "info", -1), ("auth.success", 1, successes, "ok", -1)]
    rows += [("auth.failure", 1, refusals, "degraded", -1), ("auth.unreachable", 2, failures)]
    data = healthy(occurrences=occurrences(*(row for row in rows if row[2])))
    assert checked("auth.unreachable", data).observed.n == wanted
    assert failures_by_minute(data, "auth.unreachable").tolist() == [failures]


@pytest.mark.parametrize(
    ("failed_in", "succeeded_in", "wanted"),
    [
        ((1, 2, 3), None, "FAIL"),
        ((1, 2), None, "WARN"),
        ((1, 2, 3), 0, "FAIL"),  # a success before
        ((1, 2, 3), 2, "WARN"),
        ((1, 2, 3), 1, "WARN"),  # within the minute of the first failure: its last line is later
    ],
)
def test_three_minutes_without_a_success_after_the_first(healthy, failed_in, succeeded_in, wanted):
    """One failure in each, of a thousand calls."""
    rows = [("database.unavailable", minute, 1) for minute in failed_in]
    rows += [("database.user_found", succeeded_in, 1, "ok", -1)] if succeeded_in is not None else []
    rows.append(("database.dependency", 0, 1000, "info", -1))
    assert checked("database.failures", healthy(occurrences=occurrences(*rows))).status == wanted


def test_a_success_in_the_moment_of_the_first_failure_is_none_after_it(healthy):
    """The same nanosecond is not later."""
    rows = [("database.unavailable", minute, 1) for minute in (1, 2, 3)]
    rows += [("database.user_found", 1, 1, "ok", -1), ("database.dependency", 0, 1000, "info", -1)]
    found = occurrences(*rows)
    assert checked("database.failures", healthy(occurrences=found)).status == "WARN"
    moment = replace(found, last_ns=found.first_ns)
    assert checked("database.failures", healthy(occurrences=moment)).status == "FAIL"


@pytest.mark.parametrize(
    ("rows", "wanted"),
    [
        ([("startup.failed", 0, 3, "critical", -1)], "FAIL"),
        ([("startup.failed", 0, 2, "critical", -1), ("python.traceback", 0, 9)], "WARN"),
        ([("startup.failed", 0, 9, "degraded", -1)], "PASS"),
    ],
)
def test_three_critical_failures(healthy, rows, wanted):
    """Others warn, however many."""
    check = checked("application.failures", healthy(occurrences=occurrences(*rows)))
    assert check.status == wanted


@pytest.mark.parametrize(("n", "shown"), [(3, ["a start"]), (2, ["a start", "a trace"])])
def test_a_fail_is_proved_by_what_is_critical_alone(healthy, entry, n, shown):
    """A WARN by every failure."""
    rows = [("startup.failed", 0, n, "critical", -1), ("python.traceback", 0, 9)]
    evidence = {"event/startup.failed/": [entry(1, "a start")], "event/python.traceback/": [entry(2, "a trace")]}
    check = checked("application.failures", healthy(occurrences=occurrences(*rows), evidence=evidence))
    assert [one.excerpt for one in check.evidence] == shown


def test_other_failures_are_listed_by_number(healthy):
    """The most frequent first, then by name."""
    rows = [("b.failed", 0, 2), ("a.failed", 0, 2), ("c.failed", 0, 2), ("c.failed", 1, 3)]
    check = checked("application.failures", healthy(occurrences=occurrences(*rows)))
    assert check.reason == "failures in the log: c.failed × 5, a.failed × 2, b.failed × 2"
    assert (check.observed.value, check.observed.n) == (9, 3)


@pytest.mark.parametrize(
    ("rows", "n", "wanted"),
    [
        ([(7, 100, 5)], 10_000, "PASS"),
        ([(7, 99, 5)], 10_000, "WARN"),
        ([(7, 20, 4)], 10_000, "PASS"),
        ([(9, 10, 5), (8, 10, 6)], 10_000, "WARN"),
    ],
)
def test_bad_minutes_are_counted_from_the_first(healthy, rows, n, wanted):
    """5 failures that are more than 5 % of a minute."""
    first = START_NS // MINUTE_NS
    failed = sum(row[2] for row in rows)
    data = healthy(
        requests=RequestCounts(n=n, errors_5xx=failed, eligible=n, eligible_5xx=failed),
        minutes=minutes(*((first + at, of, k) for at, of, k in sorted(rows))),
    )
    check = checked("requests.error_rate", data)
    assert check.status == wanted
    if len(rows) == 2:
        assert "2 bad minutes, the first at 2026-01-15T09:08Z" in check.reason


@pytest.mark.parametrize(("n", "p95", "k", "wanted"), [(5, 1001.0, 0, "WARN"), (4, 1001.0, 0, "PASS")])
def test_a_filtered_export_says_nothing_of_a_health_endpoints_speed(healthy, n, p95, k, wanted):
    """Its failed rows are all that is there."""
    counts = RequestCounts(n=n, health=n, health_5xx=k)
    latency = {"health": Latency(n, 1.0, p95, p95, p95)}
    assert checked("requests.health", healthy(requests=counts, latency=latency)).status == wanted
    filtered = {"service_below_notice": 0, "latency": {"health": Latency(9, 1.0, 9999.0, 9999.0, 9999.0)}}
    failed = RequestCounts(n=9, health=9, health_5xx=9)
    assert checked("requests.health", healthy(requests=failed, **filtered)).status == "WARN"


@pytest.mark.parametrize(("started", "wanted"), [("2026-01-15T09:00:00Z", "PASS"), ("2026-01-15T08:59:59Z", "WARN")])
def test_tests_may_start_in_the_second_in_which_the_revision_is_ready(healthy, policy, started, wanted):
    """Ready at 9:00."""
    assert status("tests.results", healthy(ready_ns=START_NS, tests=results(started=started)), policy) == wanted


def test_how_many_tests_failed_is_told(healthy):
    """Failures and errors together; the first five names, and three of those that were too quick."""
    names = [f"t{n}" for n in range(7)]
    failed = results(n=9, passed=2, failed=4, errors=3, failures=names)
    check = checked("tests.results", healthy(tests=failed))
    assert check.reason == "2 of 9 tests passed, 7 failed, 0 skipped: t0, t1, t2, t3, t4"
    assert check.observed.value == 7
    quick = checked("tests.results", healthy(tests=results(suspicious=names)))
    assert quick.reason.startswith("7 too quick to have called the service (t0, t1, t2); ")


def test_ready_is_one_moment(healthy):
    """1.5 s after the call."""
    check = checked("deployment.ready", healthy(ready_ns=START_NS, ready_ms=1500.0))
    assert (check.observed.value, check.observed.unit, check.observed.n) == (1500.0, "ms", 1)


def test_a_refusal_in_the_moment_of_ready_is_before_it(healthy, policy):
    """The last refusal counts; a nanosecond after Ready it fails."""
    refused = occurrences(("audit.not_ready", 5, 1))
    last = int(refused.last_ns[0])
    assert status("deployment.ready", healthy(occurrences=refused, ready_ns=last), policy) == "PASS"
    assert status("deployment.ready", healthy(occurrences=refused, ready_ns=last - 1), policy) == "FAIL"


@pytest.mark.parametrize(
    ("now_ms", "before_ms", "wanted"),
    [(20_000, 10_000, "WARN"), (19_999, 10_000, "PASS"), (30_000, 15_001, "PASS"), (12_000, 2_000, "WARN")],
)
def test_a_start_up_at_its_limits(healthy, policy, now_ms, before_ms, wanted):
    """Twice as long, and ten seconds more."""
    base = profile(instances=Instances(n=1, start_up_ms=(before_ms,)))
    data = healthy(instances=Instances(n=2, start_up_ms=(now_ms - 1, now_ms + 1)), baseline=base)
    assert status("deployment.start_up", data, policy) == wanted


@pytest.mark.parametrize(
    ("counted", "logged", "wanted"),
    [(100, 98, "PASS"), (100, 97, "INCONCLUSIVE"), (99, 0, "NOT_OBSERVABLE"), (None, 0, "NOT_OBSERVABLE")],
)
def test_requests_that_are_missing_at_the_limits(healthy, policy, counted, logged, wanted):
    """98 % of 100 and more."""
    data = healthy(crosscheck=Crosscheck(Counted(counted, logged, 5, "why")))
    assert status("evidence.complete", data, policy) == wanted


@pytest.mark.parametrize(("after_ns", "wanted"), [(0, "PASS"), (-1, "INCONCLUSIVE")])
def test_a_revision_created_before_the_windows_end_is_newer(healthy, policy, after_ns, wanted):
    """One that was created at its end, or later, is another window's."""
    end = START_NS + 60 * MINUTE_NS
    data = healthy(
        asked_end_ns=end,
        deployed=Deployed(started_ns=START_NS, revision=NAME, ready_ns=START_NS),
        crosscheck=Crosscheck(newest=Newest("shop-api-00043-new", end + after_ns)),
    )
    assert status("evidence.deployed", data, policy) == wanted


@pytest.mark.parametrize(
    ("workload", "endings", "wanted"),
    [
        ("service", [], "INCONCLUSIVE"),
        ("job", ["succeeded"], "NOT_APPLICABLE"),
        ("job", ["unknown"], "INCONCLUSIVE"),
        ("service", ["succeeded"], "INCONCLUSIVE"),
    ],
)
def test_a_filtered_export_of_a_job_shows_how_it_ended(healthy, policy, workload, endings, wanted):
    """No rate is asked of it."""
    executions = tuple(Execution(f"e{n}", ending=ending) for n, ending in enumerate(endings))
    data = healthy(workload=workload, executions=executions, service_below_notice=0)
    assert status("evidence.unfiltered", data, policy) == wanted


def test_a_short_job_is_long_enough(healthy, policy):
    """A window of a second of a service is too short."""
    short = {"service_last_ns": START_NS + 10**9}
    assert status("evidence.window", healthy(**short), policy) == "INCONCLUSIVE"
    assert status("evidence.window", healthy(workload="job", **short), policy) == "PASS"


@pytest.mark.parametrize(
    ("codes", "upgraded", "value"),
    [(((1000, 5), (1001, 4), (1006, 2), (1011, 1)), 400, 3), (((1000, 5), (1001, 4)), 400, 0)],
)
def test_closes_but_for_normal_ones_are_counted(healthy, codes, upgraded, value):
    """1000 and 1001 are normal."""
    counts = RequestCounts(n=upgraded, handshakes=upgraded, upgraded=upgraded)
    check = checked("websocket.closes", healthy(closes=tuple(Closes(c, n, 0) for c, n in codes), requests=counts))
    assert (check.observed.value, check.observed.n) == (value, sum(n for _, n in codes))


def test_two_server_errors_of_no_known_connection_warn(healthy):
    """They are no share of anything."""
    assert checked("websocket.closes", healthy(closes=(Closes(1011, 2, 0),))).status == "WARN"


@pytest.mark.parametrize(("here", "there", "wanted"), [(20, 20, True), (19, 20, False), (20, 19, False)])
def test_lives_of_connections_are_compared_from_twenty_on(pair, policy, here, there, wanted):
    """A tenth as long is a WARN."""

    def times(bucket, n):
        return {("socket", "websocket"): Times(np.array([bucket]), np.array([0]), np.array([n]))}

    counts = RequestCounts(n=100, eligible=100, handshakes=100, upgraded=100)
    data = pair(base={"requests": counts, "times": times(1300, there)}, requests=counts, times=times(1300 - 117, here))
    check = judged(data, policy, "websocket.handshakes")
    assert (check.status == "WARN") == wanted
    assert ("connections last" in check.reason) == wanted


@pytest.mark.parametrize(("n", "wanted"), [(20, "PASS"), (19, "INCONCLUSIVE")])
def test_uptime_checks_that_stand_for_users_are_twenty(healthy, policy, n, wanted):
    """As many as of users."""
    assert status("evidence.traffic", healthy(requests=RequestCounts(n=n, synthetic=n)), policy) == wanted
