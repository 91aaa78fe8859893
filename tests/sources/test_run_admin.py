"""What the Run Admin API's answers say, part by part."""

import pytest

from pipeline.sources.run_admin import _last, _moment, _ready, _traffic, commit_of, deployer_of, seconds_of


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("300s", 300.0),
        ("0.5s", 0.5),
        ("0s", None),
        ("-1s", None),
        ("infs", None),
        ("", None),
        (None, None),
        ("x", None),
    ],
)
def test_durations(value, wanted):
    """Above 0, and finite."""
    assert seconds_of(value) == wanted


@pytest.mark.parametrize(
    ("service", "wanted"),
    [
        ({}, {}),
        ({"traffic": [{"revision": "a", "percent": 100}]}, {"a": 100}),
        (
            {"traffic": [{"revision": "a", "percent": 100}], "trafficStatuses": [{"revision": "b", "percent": 100}]},
            {"b": 100},
        ),
        ({"traffic": [{"percent": 100}], "latestReadyRevision": "projects/p/revisions/c"}, {"c": 100}),
        ({"traffic": [{"percent": 100}]}, {}),
        (
            {
                "traffic": [
                    {"revision": "a", "percent": 30},
                    {"revision": "b", "percent": 50},
                    {"revision": "a", "percent": 20},
                ]
            },
            {"a": 50, "b": 50},
        ),
        ({"traffic": [{"revision": "a", "percent": 1}, {"revision": "b", "percent": 0}, "x"]}, {"a": 1}),
        ({"traffic": [{"revision": "a", "percent": "9"}, {"revision": "b", "percent": -1}]}, {}),
    ],
)
def test_where_traffic_is_sent(service, wanted):
    """As it is served, else as it is wanted; the largest share first."""
    found = _traffic(service)
    assert (found, list(found)) == (wanted, list(wanted))


def test_conditions_names_and_times():
    """The condition Ready; the last part of a name; a time, or none."""
    ready = {"type": "Ready", "state": "CONDITION_SUCCEEDED"}
    assert _ready({"conditions": ["x", {"type": "Active"}, ready]}) == ready
    assert (_ready({"conditions": "x"}), _ready({})) == ({}, {})
    assert (_last("a/b/c"), _last("c"), _last("a/"), _last(None)) == ("c", "c", None, None)
    assert (_moment("soon"), _moment(5)) == (None, None)
    assert _moment("2026-01-15T09:00:00.123456Z").microsecond == 123456
    assert (deployer_of(None), deployer_of("x@y.iam.gserviceaccount.com")) == (None, "service account x")
    assert (commit_of({}), commit_of({"commit-sha": "", "other": "x"})) == (None, None)
