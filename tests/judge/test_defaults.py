"""What is not said of a revision is none of it."""

from dataclasses import fields

import pytest

from pipeline.assess.revisions import Target
from pipeline.judge.counts import Clients, Execution
from pipeline.judge.crosscheck import Configuration, Counted, Crosscheck
from pipeline.judge.deployed import Deployed
from pipeline.judge.policy import Rule
from pipeline.judge.revision_data import (
    EndpointCounts,
    Instances,
    Profile,
    RequestCounts,
    RevisionData,
    Signatures,
    Times,
)
from pipeline.judge.stats import INDEPENDENT
from tests.judge.conftest import a_healthy_sample, profile


@pytest.mark.parametrize(
    "made",
    [
        *(RequestCounts(), Clients(), Execution("e"), EndpointCounts(), Instances(), Counted(), Crosscheck()),
        *(Deployed(0), Target(None, None, "service", "s", "r", "p")),
    ],
    ids=lambda made: type(made).__name__,
)
def test_counts_begin_at_none(made):
    """Every number is 0, every mark is off, every list is empty."""
    given = {"name", "started_ns", "workload", "service", "revision", "path"}
    plain = {field.name: getattr(made, field.name) for field in fields(made) if field.name not in given}
    assert {name for name, value in plain.items() if value} <= {"ending"}


def test_a_profile_is_of_one_run_with_nothing_in_it():
    """But for what names it."""
    found = Profile(revision="r", severities=frozenset(), requests=RequestCounts())
    said = {field.name: getattr(found, field.name) for field in fields(Profile) if getattr(found, field.name)}
    assert said.pop("requests") == RequestCounts()
    assert said.pop("instances") == Instances()
    assert said == {"revision": "r", "origin": "window", "runs": 1}


def test_a_revision_has_no_more_than_what_is_given():
    """Neither requests before the window nor minutes shared; of its lines nothing is new, and nothing is known."""
    data = a_healthy_sample()
    own = {field.name for field in fields(RevisionData)} - {field.name for field in fields(Profile)}
    unset = own - {
        *("service", "service_first_ns", "service_last_ns", "service_max_gap_ns", "service_entries", "workload"),
        "service_settled_ns",
        *("service_below_notice", "occurrences", "minutes", "readiness_ages_ns"),
    }
    assert {name for name in unset if getattr(data, name)} == {"signatures", "crosscheck"}
    assert (data.signatures, data.signatures.grave_before, data.crosscheck) == (Signatures(), True, Crosscheck())


def test_what_a_rule_and_a_histogram_are_without_words():
    """Not required; its entries are independent."""
    rule = Rule(id="x", title="X", severity="minor")
    assert (rule.required, rule.next, rule.limits) == (False, None, {})
    assert Times(*([] for _ in range(3))).design == INDEPENDENT
    assert {name for name, field in Configuration.model_fields.items() if not field.is_required()} == {
        *("url", "memory", "cpu", "concurrency")
    }


def test_the_share_that_is_explained():
    """Of the parsed entries; of none there is no share."""
    assert profile(parsed=4, explained=1).explained_ratio == 0.25
    assert profile(parsed=0, explained=0).explained_ratio is None


@pytest.mark.parametrize(
    ("answered", "before", "serves"), [((5, 4), 0, True), ((5, 5), 0, False), ((5, 5), 1, True), ((0, 0), 0, False)]
)
def test_a_revision_that_answered_one_request_serves(healthy, answered, before, serves):
    """In the window, or before it; 5xx are no answers."""
    n, failed = answered
    assert healthy(requests=RequestCounts(n=n, errors_5xx=failed), answered_before=before).serves == serves


@pytest.mark.parametrize(
    ("eligible", "synthetic", "wanted"), [(0, 1, True), (0, 0, False), (1, 1, False), (1, 0, False)]
)
def test_uptime_checks_stand_for_users_where_none_came(healthy, eligible, synthetic, wanted):
    """One of them is enough."""
    data = healthy(requests=RequestCounts(n=9, eligible=eligible, synthetic=synthetic))
    assert data.synthetic_only == wanted


@pytest.mark.parametrize(("entries", "below", "wanted"), [(1, 0, True), (1, 1, False), (0, 0, False)])
def test_an_export_of_which_nothing_is_below_notice_is_filtered(healthy, entries, below, wanted):
    """Where it has an entry."""
    assert healthy(service_entries=entries, service_below_notice=below).filtered == wanted
