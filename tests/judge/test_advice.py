"""Advice follows from the verdict and what is known; it names what speaks against it, and never acts."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.judge.advice import advice, impact
from pipeline.judge.counts import Clients
from pipeline.judge.decide import decide, judge
from pipeline.judge.model import Effect
from pipeline.judge.policy import load
from pipeline.judge.result import result
from pipeline.judge.revision_data import RequestCounts
from tests.judge.conftest import MINUTE_NS, START_NS, minutes, occurrences

POLICY_CHECKS = ("evidence.explained", "novelty.errors", "requests.latency", "security.leaks")


def advised(data, policy, **place):
    checks = judge(data, policy).checks
    verdict = decide(checks, policy).verdict
    return verdict, advice(data, checks, verdict, **{"project": "p", "location": "europe-west1", **place})


def test_a_fail_is_rolled_back_to_a_revision_that_served(pair, policy):
    """The command can be copied; a migration and a baseline that failed too speak against it."""
    exits = occurrences(("platform.exit", 1, 3, "failure", 1))
    data = pair(occurrences=exits, fastest_three_exits_ns=10**9)
    verdict, found = advised(data, policy)
    assert (verdict, found.action, found.against) == ("FAIL", "ROLL BACK", [])
    assert found.command == (
        "gcloud run services update-traffic shop-api --to-revisions=shop-api-00041-old=100 "
        "--region=europe-west1 --project=p"
    )
    assert "--region" not in advised(data, policy, location=None)[1].command
    bad = RequestCounts(n=100, eligible=100, eligible_5xx=7)
    data = pair(base={"requests": bad}, occurrences=exits, fastest_three_exits_ns=10**9)
    lines = replace(data.signatures, fresh=(("Running database migration <*>", 1),))
    _, found = advised(replace(data, signatures=lines), policy)
    assert len(found.against) == 2
    assert found.against[1] == "7 % of the older revision's user requests failed too"


def test_without_an_older_revision_a_fail_is_held(healthy, policy):
    """There is nothing to roll back to."""
    data = healthy(occurrences=occurrences(("platform.exit", 1, 3, "failure", 1)), fastest_three_exits_ns=10**9)
    verdict, found = advised(data, policy)
    assert (verdict, found.action, found.command) == ("FAIL", "HOLD", None)
    assert advised(healthy(), policy) == ("PASS", None)


@pytest.mark.parametrize("more", [{"base": {"requests": RequestCounts()}}, {"workload": "worker_pool"}])
def test_a_fail_is_held_where_no_traffic_can_go_back(pair, policy, more):
    """The older revision had no request, or the workload takes none."""
    data = pair(occurrences=occurrences(("platform.exit", 1, 3, "failure", 1)), fastest_three_exits_ns=10**9, **more)
    verdict, found = advised(data, policy)
    assert (verdict, found.action, found.command) == ("FAIL", "HOLD", None)


@pytest.mark.parametrize(("minutes", "at"), [((5, 10), "2026-01-15T10:10:00Z"), ((5, 10**9), None), ((), None)])
def test_it_is_looked_at_again_when_all_that_is_missing_should_have_come(healthy, policy, minutes, at):
    """Counted from the last entry, at ten o'clock; nothing is said of years."""
    checks = [
        result(policy["requests.error_rate"], "INCONCLUSIVE", "").model_copy(
            update={"effect": Effect(kind="shift", value=0.0, unit="ms", needed_minutes=needed)}
        )
        for needed in minutes
    ]
    data = healthy(requests=RequestCounts())
    assert advice(data, checks, "INCONCLUSIVE", project="p", location=None).at == at


def warned(*failing):
    """Checks of which these warn."""
    policy = load()
    return [result(policy[name], "WARN" if name in failing else "PASS", "") for name in POLICY_CHECKS]


@pytest.mark.parametrize(
    ("names", "action"),
    [
        (["security.leaks"], "FIX THE LOGGING"),
        (["novelty.errors"], "READ THE LINES"),
        (["novelty.errors", "security.leaks"], "READ THE LINES"),
        (["evidence.explained"], "READ THE LINES"),
        (["requests.latency"], "HOLD"),
        (["requests.latency", "security.leaks"], "HOLD"),
    ],
)
def test_the_advice_of_a_warning_fits_its_check(names, action, healthy):
    """An address in a log line is no reason to take traffic away; latency that rose is one to hold a canary."""
    advised_action = advice(healthy(), warned(*names), "WARN", project=None, location=None).action
    assert advised_action == action


def test_too_few_requests_are_looked_at_again(healthy, policy):
    """Five requests in ten minutes: the fifteen that are missing take half an hour."""
    few = RequestCounts(n=5, eligible=5)
    data = healthy(requests=few, first_ns=START_NS, last_ns=START_NS + 10 * MINUTE_NS)
    data = replace(data, service_last_ns=START_NS + 10 * MINUTE_NS)
    verdict, found = advised(data, policy)
    assert (verdict, found.action, found.at) == ("INCONCLUSIVE", "LOOK AGAIN", "2026-01-15T09:40:00Z")


def test_impact_is_what_failed_beyond_the_baseline(pair, healthy):
    """30 of 1,000 failed, 1 % did before: 20 more than usual, of 4 clients in 2 minutes."""
    first = START_NS // MINUTE_NS
    data = pair(
        base={"requests": RequestCounts(n=1000, eligible=1000, eligible_5xx=10)},
        requests=RequestCounts(n=1000, eligible=1000, eligible_5xx=30),
        minutes=minutes((first, 500, 10), (first + 1, 300, 0), (first + 2, 200, 20)),
        clients={"": {0: Clients(9, 200), 500: Clients(3, 20), 503: Clients(1, 10), 404: Clients(5, 9)}},
    )
    found = impact(data)
    assert (found.requests, found.clients, found.minutes) == (20, 4, 2)
    assert impact(healthy()) is None
    assert np.count_nonzero(data.minutes.errors_5xx) == 2


@pytest.mark.parametrize(("failed", "wanted"), [(10, 0), (11, 1)])
def test_an_older_revision_above_one_percent_speaks_against_a_rollback(pair, policy, failed, wanted):
    """1 % is well."""
    base = {"requests": RequestCounts(n=1000, eligible=1000, eligible_5xx=failed)}
    exits = occurrences(("platform.exit", 1, 3, "failure", 1))
    data = pair(base=base, occurrences=exits, fastest_three_exits_ns=10**9)
    assert len(advised(data, policy)[1].against) == wanted


@pytest.mark.parametrize(
    ("eligible", "long", "wanted"),
    [
        (19, 10, "2026-01-15T10:01:00Z"),  # half a minute, but at least one
        (10, 60, "2026-01-15T11:00:00Z"),
        (1, 75, "2026-01-16T09:45:00Z"),  # 19 * 75 minutes are 1,425
        (1, 76, None),  # 1,444 are more than a day
        (2, 160, "2026-01-16T10:00:00Z"),  # 9 * 160 are a day
        (0, 10, None),
    ],
)
def test_the_time_to_look_again_is_near(healthy, eligible, long, wanted):
    """Twenty requests at this traffic, after the last entry of 10:00, within a day."""
    data = healthy(
        requests=RequestCounts(n=eligible, eligible=eligible),
        first_ns=START_NS,
        last_ns=START_NS + long * MINUTE_NS,
    )
    assert advice(data, [], "INCONCLUSIVE", project=None, location=None).at == wanted


@pytest.mark.parametrize(
    ("failed", "eligible", "base_failed", "wanted"),
    [(30, 1000, 0, 30), (30, 500, 10, 25), (1, 1000, 100, 0)],
)
def test_impact_is_never_below_none(pair, failed, eligible, base_failed, wanted):
    """Beyond what the baseline's rate explains; without clients there is no number of them."""
    data = pair(
        base={"requests": RequestCounts(n=1000, eligible=1000, eligible_5xx=base_failed)},
        requests=RequestCounts(n=eligible, eligible=eligible, eligible_5xx=failed),
    )
    found = impact(data)
    assert (found.requests, found.clients) == (wanted, None)


def test_impact_without_a_baseline_is_every_failure(healthy):
    """Clients count from status 500 on."""
    data = healthy(
        requests=RequestCounts(n=100, eligible=100, eligible_5xx=7),
        clients={"": {499: Clients(3, 5), 500: Clients(2, 5)}},
    )
    assert (impact(data).requests, impact(data).clients) == (7, 2)
