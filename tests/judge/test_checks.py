"""Each rule of DESIGN.md section 6 at its border: the last value that passes and the first that does not."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.judge.counts import Closes
from pipeline.judge.decide import CHECKS, RELATIVE, decide, judge, worse
from pipeline.judge.policy import load
from pipeline.judge.revision_data import Latency, RequestCounts
from tests.judge.conftest import MINUTE_NS, START_NS, judged, minutes, occurrences


def status(check, data, policy):
    return CHECKS[check](data, policy).status


def test_a_healthy_hour_passes(healthy, policy):
    """Nothing wrong, enough of everything: PASS, risk LOW."""
    decision = decide(judge(healthy(), policy).checks, policy)
    assert (decision.verdict, decision.risk, decision.headline) == ("PASS", "LOW", "PASS")


def test_every_check_of_the_policy_is_answered_once_and_in_order(healthy, policy):
    """A report has every check, those without a baseline too: worst first, then by severity, else as in the policy."""
    checks = judge(healthy(), policy).checks
    order = list(policy.rules)
    assert sorted(check.id for check in checks) == sorted(order)
    ranked = [
        (
            ["FAIL", "INCONCLUSIVE", "WARN", "PASS", "NOT_OBSERVABLE", "NOT_APPLICABLE"].index(check.status),
            ("critical", "major", "minor").index(check.severity),
            order.index(check.id),
        )
        for check in checks
    ]
    assert ranked == sorted(ranked)
    alone = ("platform.restarts", "requests.status", "websocket.handshakes")  # these say something without a baseline
    unanswered = [check for check in checks if check.id in RELATIVE and check.id not in alone]
    assert {check.status for check in unanswered} == {"NOT_APPLICABLE"}
    assert all("baseline" in check.reason for check in unanswered)


@pytest.mark.parametrize(("span_s", "wanted"), [(0.25, "INCONCLUSIVE"), (59.9, "INCONCLUSIVE"), (60, "PASS")])
def test_a_window_must_span_a_minute(healthy, policy, span_s, wanted):
    """Ten entries in a quarter of a second say nothing."""
    data = healthy(service_last_ns=START_NS + int(span_s * 1e9))
    assert status("evidence.window", data, policy) == wanted


@pytest.mark.parametrize(
    ("missing_minutes", "gap_minutes", "wanted"),
    [(7, 1, "INCONCLUSIVE"), (5, 1, "PASS"), (6, 1, "PASS"), (7, 2, "PASS"), (10, 2, "PASS")],
    ids=["cut", "below a tenth", "a tenth", "its own silences explain it", "five times its longest silence"],
)
def test_a_missing_head_is_a_cut_export(healthy, policy, missing_minutes, gap_minutes, wanted):
    """More than 10 % of the window and more than 5 times the largest inner gap must be missing."""
    data = healthy(
        asked_start_ns=START_NS - missing_minutes * MINUTE_NS,
        asked_end_ns=START_NS - missing_minutes * MINUTE_NS + 60 * MINUTE_NS,
        service_max_gap_ns=gap_minutes * MINUTE_NS,
    )
    assert status("evidence.window", data, policy) == wanted


def test_a_truncated_source_is_inconclusive(healthy, policy):
    """A file that ends in the middle of an entry may have ended anywhere."""
    check = CHECKS["evidence.window"](healthy(incomplete=("logs.json",)), policy)
    assert check.status == "INCONCLUSIVE"
    assert "logs.json" in check.reason


@pytest.mark.parametrize(("n", "wanted"), [(0, "INCONCLUSIVE"), (19, "INCONCLUSIVE"), (20, "PASS")])
def test_twenty_requests_of_users_are_needed(healthy, policy, n, wanted):
    """Health checks and probes do not count."""
    data = healthy(requests=RequestCounts(n=n + 500, eligible=n, health=500))
    assert status("evidence.traffic", data, policy) == wanted


def test_a_filtered_sample_has_no_rates_but_its_failures_count(healthy, policy):
    """No entry below NOTICE: rates are not estimable, yet three exits are a crash loop."""
    data = healthy(
        service_below_notice=0,
        severities=frozenset({"ERROR", "WARNING"}),
        fastest_three_exits_ns=14 * 10**9,
        occurrences=occurrences(("platform.exit", 0, 3, "failure", 3)),
    )
    checks = judge(data, policy).checks
    assert next(check for check in checks if check.id == "evidence.unfiltered").status == "INCONCLUSIVE"
    assert decide(checks, policy).verdict == "FAIL"


@pytest.mark.parametrize(
    ("errors", "fastest_s", "wanted"),
    [(9, None, "INCONCLUSIVE"), (10, None, "FAIL"), (3, 61, "INCONCLUSIVE"), (3, 60, "FAIL")],
)
def test_a_filtered_sample_fails_by_many_or_by_a_burst(healthy, policy, errors, fastest_s, wanted):
    """10 5xx, or 3 within 60 s with no other request between; fewer prove no rate."""
    counts = RequestCounts(
        n=errors, errors_5xx=errors, fastest_three_5xx_ns=None if fastest_s is None else fastest_s * 10**9
    )
    data = healthy(service_below_notice=0, requests=counts)
    assert status("requests.error_rate", data, policy) == wanted


@pytest.mark.parametrize(
    ("k", "n", "wanted"),
    [
        (0, 1000, "PASS"),
        (10, 1000, "PASS"),  # 1.0 % is not above 1 %
        (11, 1000, "WARN"),  # R: binom.test(11, 1000)$conf.int[1] = 0.0055
        (17, 1000, "WARN"),  # R: binom.test(17, 1000)$conf.int[1] = 0.00993
        (18, 1000, "FAIL"),  # R: binom.test(18, 1000)$conf.int[1] = 0.0107
        (1, 20, "PASS"),  # one failure is no rate
        (2, 20, "WARN"),  # R: binom.test(2, 20)$conf.int[1] = 0.0123, but two failures do not fail
        (3, 20, "FAIL"),
        (3, 3, "FAIL"),  # R: binom.test(3, 3)$conf.int[1] = 0.292
        (2, 19, "INCONCLUSIVE"),
        (0, 0, "INCONCLUSIVE"),
    ],
)
def test_error_rate_by_its_exact_interval(healthy, policy, k, n, wanted):
    """FAIL needs the interval above 1 % and three 5xx; a point above 1 % warns."""
    data = healthy(requests=RequestCounts(n=n, errors_5xx=k, eligible=n, eligible_5xx=k))
    assert status("requests.error_rate", data, policy) == wanted


@pytest.mark.parametrize(
    ("n", "errors", "wanted"), [(99, 5, "WARN"), (100, 5, "PASS"), (60, 4, "PASS")], ids=["5 of 99", "5 %", "4"]
)
def test_one_bad_minute_is_an_incident(healthy, policy, n, errors, wanted):
    """At least 5 5xx that are above 5 % of the minute's requests, whatever the hour's rate."""
    data = healthy(
        requests=RequestCounts(n=10_000, errors_5xx=errors, eligible=10_000, eligible_5xx=errors),
        minutes=minutes((START_NS // MINUTE_NS + 7, n, errors)),
    )
    check = CHECKS["requests.error_rate"](data, policy)
    assert check.status == wanted
    assert ("2026-01-15T09:07Z" in check.reason) == (wanted == "WARN")


@pytest.mark.parametrize(
    ("health_5xx", "p95", "n", "wanted"),
    [
        (0, 900, 10, "PASS"),
        (1, 9, 10, "WARN"),
        (10, 9, 10, "FAIL"),
        (0, 1000, 10, "PASS"),
        (0, 1001, 10, "WARN"),
        (0, 5000, 10, "WARN"),
        (0, 5001, 10, "FAIL"),
        (0, 9000, 4, "PASS"),
        (0, 9000, 5, "FAIL"),
    ],
)
def test_health_endpoints(healthy, policy, health_5xx, p95, n, wanted):
    """Any 5xx warns, all fail; p95 above 1 s warns, above 5 s fails, from five rows on."""
    data = healthy(
        requests=RequestCounts(n=1100, eligible=1000, health=n, health_5xx=health_5xx),
        latency={"health": Latency(n, 1.0, float(p95), float(p95), float(p95))},
    )
    assert status("requests.health", data, policy) == wanted


@pytest.mark.parametrize(
    ("n", "fastest_s", "wanted"), [(0, None, "PASS"), (1, None, "WARN"), (3, 601, "WARN"), (3, 600, "FAIL")]
)
def test_three_exits_within_ten_minutes_are_a_crash_loop(healthy, policy, n, fastest_s, wanted):
    """Any exit with an error warns; the loop fails, whatever the probes say."""
    data = healthy(
        fastest_three_exits_ns=None if fastest_s is None else fastest_s * 10**9,
        occurrences=occurrences(
            *([("platform.exit", 0, n, "failure", 3)] if n else []),
            ("platform.probe_succeeded", 0, 15, "ok", -1),
        ),
    )
    assert status("platform.exits", data, policy) == wanted


def test_no_exit_in_a_sample_that_could_show_none_proves_nothing(healthy, policy):
    """An export of ERROR lines alone cannot hold `Container called exit`, which is a WARNING."""
    data = healthy(severities=frozenset({"ERROR"}), service_below_notice=0)
    assert status("platform.exits", data, policy) == "NOT_OBSERVABLE"


@pytest.mark.parametrize(
    ("check", "event", "n", "wanted"),
    [
        ("platform.memory", "platform.memory_limit", 1, "FAIL"),
        ("platform.could_not_start", "platform.could_not_start", 2, "WARN"),
        ("platform.could_not_start", "platform.could_not_start", 3, "FAIL"),
        ("platform.no_instance", "platform.no_instance", 2, "WARN"),
        ("platform.no_instance", "platform.no_instance", 3, "FAIL"),
        ("platform.malformed", "platform.malformed_response", 2, "WARN"),
        ("platform.malformed", "platform.malformed_response", 3, "FAIL"),
    ],
)
def test_platform_failures_by_count(healthy, policy, check, event, n, wanted):
    """1, 3, 3 and 3 fail; fewer warn."""
    data = healthy(occurrences=occurrences((event, 0, n, "critical", -1)))
    assert status(check, data, policy) == wanted


def test_two_broken_connections_of_few_requests_fail(healthy, policy):
    """2 of 200 is one in a hundred; 2 of 201 is below."""
    two = occurrences(("platform.malformed_response", 0, 2, "failure", -1))
    assert status("platform.malformed", healthy(occurrences=two, requests=RequestCounts(n=200)), policy) == "FAIL"
    assert status("platform.malformed", healthy(occurrences=two, requests=RequestCounts(n=201)), policy) == "WARN"
    assert status("platform.malformed", healthy(occurrences=two, requests=RequestCounts(n=1)), policy) == "FAIL"


@pytest.mark.parametrize(
    ("rejected", "upgraded", "clients", "wanted"),
    [(5, 0, 2, "FAIL"), (5, 0, 1, "WARN"), (5, 1, 5, "PASS"), (4, 0, 4, "INCONCLUSIVE"), (0, 0, 0, "NOT_APPLICABLE")],
)
def test_handshakes(healthy, policy, rejected, upgraded, clients, wanted):
    """All of five or more rejected: FAIL if more than one client says so."""
    counts = RequestCounts(
        n=100,
        handshakes=rejected + upgraded,
        upgraded=upgraded,
        handshakes_rejected=rejected,
        handshake_clients=clients,
    )
    assert judged(healthy(requests=counts), policy, "websocket.handshakes").status == wanted


def test_closes_by_policy_or_by_the_server_are_proved(healthy, policy, entry):
    """1008 and 1011, not those that a client chose."""
    codes = (1000, 1008, 1011, 1012)
    data = healthy(
        closes=tuple(Closes(code, 5, 0) for code in codes),
        evidence={f"event/websocket.close/{code}": [entry(code % 60, f"{code}")] for code in codes},
    )
    assert {one.excerpt for one in judged(data, policy, "websocket.closes").evidence} == {"1008", "1011"}


@pytest.mark.parametrize("fail_count", [2, 1])
def test_the_limit_of_a_count_is_said(healthy, fail_count):
    """That of fewer, where there is any."""
    check = judged(healthy(), load({"platform.memory": {"fail_count": fail_count}}), "platform.memory")
    assert check.limit == ("FAIL from 2, fewer WARN" if fail_count == 2 else "any is FAIL")


@pytest.mark.parametrize(
    ("closes", "upgraded", "wanted"),
    [
        ((), 0, "NOT_OBSERVABLE"),
        ((Closes(1000, 50, 0), Closes(1001, 9, 0)), 60, "PASS"),
        ((Closes(1008, 1, 0),), 60, "FAIL"),
        ((Closes(1008, 2, 2),), 60, "WARN"),
        ((Closes(1008, 2, 1),), 60, "FAIL"),
        ((Closes(1011, 1, 0),), 60, "WARN"),
        ((Closes(1011, 2, 0),), 200, "FAIL"),
        ((Closes(1011, 2, 0),), 201, "WARN"),
        ((Closes(1011, 3, 0),), 10_000, "FAIL"),
    ],
)
def test_closes_by_code(healthy, policy, closes, upgraded, wanted):
    """1008 fails unless a limit is stated; 1011 fails from three, or two that are 1 % of connections."""
    counts = RequestCounts(n=upgraded, handshakes=upgraded, upgraded=upgraded)
    assert status("websocket.closes", healthy(closes=closes, requests=counts), policy) == wanted


@pytest.mark.parametrize(
    ("ages_s", "wanted"),
    [([], "NOT_APPLICABLE"), ([1, 240], "PASS"), ([1, 241], "FAIL"), ([np.nan, 3], "WARN"), ([np.nan, 999], "FAIL")],
)
def test_readiness_may_fail_while_an_instance_starts(healthy, policy, ages_s, wanted):
    """Within 240 s expected, later FAIL, no start seen WARN."""
    data = healthy(readiness_ages_ns=np.array(ages_s, dtype=np.float64) * 1e9)
    assert status("websocket.readiness", data, policy) == wanted


@pytest.mark.parametrize(
    ("rows", "wanted"),
    [
        ([], "NOT_OBSERVABLE"),
        ([("auth.success", 0, 50, "ok", -1)], "PASS"),
        ([("auth.success", 9, 298, "ok", -1), ("auth.unreachable", 0, 2)], "WARN"),
        ([("auth.success", 9, 297, "ok", -1), ("auth.unreachable", 0, 3)], "FAIL"),  # 3 of 300 are 1 %
        ([("auth.success", 9, 298, "ok", -1), ("auth.unreachable", 0, 3)], "WARN"),  # 3 of 301 are less
        ([("auth.dependency", 0, 1000, "info", -1), ("auth.unreachable", 0, 3)], "FAIL"),  # only the starts are many
        (
            [("auth.dependency", 0, 1000, "info", -1), ("auth.success", 9, 900, "ok", -1), ("auth.unreachable", 0, 3)],
            "WARN",
        ),
    ],
)
def test_dependency_failures_by_share(healthy, policy, rows, wanted):
    """Three failures that are one in a hundred attempts fail; attempts are what starts, or what was answered."""
    if wanted == "FAIL" and rows[0][0] == "auth.dependency":
        rows = [("auth.dependency", 0, 300, "info", -1), rows[1]]
    assert status("auth.unreachable", healthy(occurrences=occurrences(*rows)), policy) == wanted


def test_failing_to_the_end_is_an_outage_whatever_the_share(healthy, policy):
    """Failures in three minutes with no success after the first fail; one success after it saves the share rule."""
    start = ("database.user_found", 0, 1000, "ok", -1)
    failures = [("database.unavailable", minute, 1) for minute in (1, 2, 3)]
    assert status("database.failures", healthy(occurrences=occurrences(start, *failures)), policy) == "FAIL"
    late = ("database.user_found", 2, 1, "ok", -1)
    assert status("database.failures", healthy(occurrences=occurrences(start, late, *failures)), policy) == "WARN"


@pytest.mark.parametrize(
    ("lost", "delivered", "wanted"), [(0, 9, "PASS"), (1, 9, "WARN"), (3, 57, "FAIL"), (3, 58, "WARN")]
)
def test_deliveries(healthy, policy, lost, delivered, wanted):
    """One lost event warns; three that are one in twenty fail."""
    rows = occurrences(
        ("agent.started", 0, delivered, "ok", -1), *([("agent.delivery_failed", 0, lost)] if lost else [])
    )
    assert status("golden_path.deliveries", healthy(occurrences=rows), policy) == wanted


@pytest.mark.parametrize(
    ("lines", "requests", "wanted"), [(4, 1000, "PASS"), (5, 1000, "WARN"), (1, 100, "WARN"), (1, 101, "PASS")]
)
def test_unexplained_errors_warn(healthy, policy, lines, requests, wanted):
    """From five lines, or one per hundred requests."""
    data = healthy(unexplained_errors=lines, requests=RequestCounts(n=requests, eligible=requests))
    assert status("evidence.explained", data, policy) == wanted


def test_evidence_is_the_first_five_over_all_topics(healthy, policy, entry):
    """Entries of several topics are merged by time, not topic by topic."""
    topics = {
        "event/platform.exit/3": tuple(entry(s) for s in (5, 1, 9)),
        "event/platform.exit/1": tuple(entry(s) for s in (2, 8, 7)),
    }
    data = healthy(
        occurrences=occurrences(("platform.exit", 0, 3, "failure", 3), ("platform.exit", 0, 3, "failure", 1)),
        evidence=topics,
    )
    found = CHECKS["platform.exits"](data, policy).evidence
    assert [one.insert_id for one in found] == ["id1", "id2", "id5", "id7", "id8"]


def test_an_echo_proves_only_where_nothing_else_told():
    """The second half of a line that was cut in two says nothing by itself."""
    rows = occurrences(("database.unavailable", 0, 1), ("database.unavailable_rest", 0, 1), ("auth.failure_echo", 0, 1))
    causes = np.array(["database.unavailable", "database.unavailable", "auth.failure"])
    assert replace(rows, cause=causes).topics == ["event/auth.failure_echo/", "event/database.unavailable/"]


def test_the_verdict_takes_severity_and_need_into_account(healthy, policy):
    """FAIL by a major check; else INCONCLUSIVE by a required one; else WARN, also for a minor check that fails."""
    checks = judge(healthy(), policy).checks

    def changed(check_id, **changes):
        return [check.model_copy(update=changes) if check.id == check_id else check for check in checks]

    assert decide(changed("requests.health", status="FAIL"), policy).verdict == "FAIL"
    assert decide(changed("requests.health", status="FAIL", severity="minor"), policy).verdict == "WARN"
    assert decide(changed("requests.error_rate", status="INCONCLUSIVE"), policy).verdict == "PASS"
    both = [
        check.model_copy(update={"status": "WARN"}) if check.id == "requests.health" else check
        for check in changed("evidence.traffic", status="INCONCLUSIVE", reason="too few")
    ]
    decision = decide(both, policy)
    assert (decision.verdict, decision.risk) == ("INCONCLUSIVE", "MEDIUM")
    assert decision.headline == "INCONCLUSIVE: too few (and 1 warning)"


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        ("too slow; the p is 0.01", "too slow"),
        ("a line that ends", "a line that ends"),
        ("one new kind, 'pay; then ship' (5 lines); one is gone", "one new kind, 'pay; then ship' (5 lines)"),
        ('one new kind, "it\'s; late"; one is gone', 'one new kind, "it\'s; late"'),
        (r"kind 'a\'; \"b\"' came; gone", r"kind 'a\'; \"b\"' came"),
        ("the service's own; its users' too", "the service's own"),
        ("cut 'in the middle; of it", "cut 'in the middle"),
    ],
)
def test_the_headline_is_the_first_part_of_a_reason(healthy, policy, reason, cause):
    """To its first semicolon, quoted lines whole."""
    checks = judge(healthy(), policy).checks
    failed = [
        check.model_copy(update={"status": "FAIL", "reason": reason}) if check.id == "requests.error_rate" else check
        for check in checks
    ]
    assert decide(failed, policy).headline == f"FAIL: {cause}"


def test_the_worse_of_two_verdicts():
    """FAIL, then INCONCLUSIVE, then WARN, then PASS."""
    assert worse("WARN", "INCONCLUSIVE") == "INCONCLUSIVE"
    assert worse("FAIL", "INCONCLUSIVE") == "FAIL"
    assert worse("PASS", "WARN") == "WARN"


def test_critical_lines_that_are_healthy_raise_nothing(healthy, policy):
    """Severity is no outcome: 200 CRITICAL lines of an ok event change no check but the counts."""
    rows = occurrences(("auth.dependency", 0, 200, "info", -1), ("auth.success", 1, 200, "ok", -1))
    data = replace(healthy(occurrences=rows), severities=frozenset({"DEFAULT", "INFO", "CRITICAL"}))
    assert decide(judge(data, policy).checks, policy).verdict == "PASS"


def test_leaks_are_told_by_kind_and_count_and_warn(healthy, policy):
    """A minor check: it warns, and names no value."""
    check = CHECKS["security.leaks"](healthy(leaks={"tokens": 2, "e-mail addresses": 1}), policy)
    assert (check.status, check.severity) == ("WARN", "minor")
    assert check.reason == "the logs contain e-mail addresses in 1 entry, tokens in 2 entries"
    assert status("security.leaks", healthy(), policy) == "PASS"


def test_scanners_are_listed(healthy, policy):
    """They were rejected: nothing to warn of."""
    assert status("security.attacks", healthy(requests=RequestCounts(n=9, scans=3)), policy) == "PASS"
    assert status("security.attacks", healthy(), policy) == "NOT_APPLICABLE"


@pytest.mark.parametrize(
    ("rows", "wanted"),
    [
        ([], "PASS"),
        ([("python.traceback", 0, 9)], "WARN"),
        ([("startup.failed", 0, 2, "critical", -1)], "WARN"),
        ([("startup.failed", 0, 2, "critical", -1), ("java.out_of_memory", 1, 1, "critical", -1)], "FAIL"),
        ([("audit.not_ready", 0, 1)], "WARN"),
        ([("auth.failure", 0, 9), ("platform.exit", 0, 1)], "PASS"),  # other checks judge these
    ],
)
def test_failures_that_no_other_check_judges(healthy, policy, rows, wanted):
    """Any warns; three critical ones fail."""
    assert status("application.failures", healthy(occurrences=occurrences(*rows)), policy) == wanted


def test_where_no_user_came_uptime_checks_are_judged(healthy, policy):
    """40 uptime checks of `/`, 39 in 5xx: FAIL by them alone, and the reasons say so; all well is PASS."""
    for failed, wanted in ((39, "FAIL"), (0, "PASS")):
        data = healthy(requests=RequestCounts(n=40, errors_5xx=failed, synthetic=40, synthetic_5xx=failed))
        rate, traffic = (CHECKS[name](data, policy) for name in ("requests.error_rate", "evidence.traffic"))
        assert (rate.status, traffic.status) == (wanted, "PASS")
        assert rate.reason.startswith(f"{failed} of 40 synthetic requests ended in 5xx")
        assert traffic.reason == "no user requests; 40 synthetic requests (uptime checks) are judged instead"
    with_users = healthy(requests=RequestCounts(n=41, errors_5xx=39, eligible=1, synthetic=40, synthetic_5xx=39))
    assert status("evidence.traffic", with_users, policy) == "INCONCLUSIVE"


@pytest.mark.parametrize(
    ("errors", "n", "told"),
    [
        (
            0,
            270,
            "about 101 more requests would decide",
        ),  # R: binom.test(0, 368)$conf.int ends at 0.00997, of 367 at 0.01000
        (0, 368, None),
        (40, 1000, None),
    ],
)
def test_an_undecided_rate_says_how_many_more_requests_decide_it(healthy, policy, errors, n, told):
    """None failed of 270 does not show that fewer than one in a hundred does."""
    data = healthy(requests=RequestCounts(n=n, eligible=n, eligible_5xx=errors))
    reason = CHECKS["requests.error_rate"](data, policy).reason
    assert ("would decide" in reason) == bool(told)
    assert (told or "") in reason
