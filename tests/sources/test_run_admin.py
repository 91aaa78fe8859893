"""What the Run Admin API's answers say, part by part."""

from datetime import UTC, datetime

import pytest

from pipeline.sources.base import Access
from pipeline.sources.run_admin import _last, _moment, _ready, _traffic, commit_of, deployer_of, describe, seconds_of
from tests.servers.cloud_logging import CloudLogging
from tests.servers.run_admin import RunAdmin

OLD, NEW = "shop-api-00041-old", "shop-api-00042-new"
AT = "2026-01-15T09:00:00Z"


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
        (
            {"traffic": [{"revision": "b", "percent": 30}, {"revision": "a", "percent": 30}]},
            {"a": 30, "b": 30},
        ),
        (
            {"traffic": [{"revision": f"r{n:02d}", "percent": 2} for n in range(21)]},
            {f"r{n:02d}": 2 for n in range(20)},
        ),
        ({"traffic": [{"revision": "a", "percent": 1}, {"revision": "b", "percent": 0}, "x"]}, {"a": 1}),
        ({"traffic": [{"revision": "a", "percent": "9"}, {"revision": "b", "percent": -1}]}, {}),
    ],
)
def test_where_traffic_is_sent(service, wanted):
    """As it is served, else as it is wanted; the largest share first, of equal ones by name, twenty at most."""
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


@pytest.fixture
def admin():
    """A service with one revision."""
    admin = RunAdmin()
    admin.deploy("shop-api", OLD, "2026-01-14T09:00:00Z")
    return admin


def described(admin, revision=OLD):
    """What is read of a revision of the service."""
    cloud = CloudLogging()
    cloud.others.append(admin)
    with cloud.running() as url:
        return describe(Access(url), project="demo", location="europe-west1", service="shop-api", revision=revision)


def test_the_only_revision(admin):
    """All that the API says of it; nothing is newer."""
    found = described(admin)
    assert (found.commit, found.timeout_s, found.memory, found.cpu) == ("5c2d7a1", 300.0, "512Mi", "1")
    assert (found.traffic, found.newest, found.is_ready, found.message) == ({OLD: 100}, None, True, "")
    assert (found.deployer, found.concurrency) == ("service account ci-deployer", 80)


@pytest.mark.parametrize(
    ("ready", "created", "wanted"),
    [
        ("CONDITION_SUCCEEDED", AT, (NEW, datetime(2026, 1, 15, 9, tzinfo=UTC))),
        ("CONDITION_FAILED", AT, None),
        ("CONDITION_PENDING", AT, None),
        ("CONDITION_SUCCEEDED", "soon", None),
    ],
)
def test_a_newer_revision_counts_once_it_is_ready(admin, ready, created, wanted):
    """With the time of its creation; the newest itself has none that is newer."""
    admin.deploy("shop-api", NEW, created, ready=ready)
    assert described(admin).newest == wanted
    assert described(admin, NEW).newest is None


@pytest.mark.parametrize(
    ("state", "is_ready"), [("CONDITION_SUCCEEDED", True), ("CONDITION_FAILED", False), ("CONDITION_PENDING", None)]
)
def test_whether_a_revision_is_ready(admin, state, is_ready):
    """And why not, in the words of the API."""
    admin.deploy("shop-api", NEW, AT, ready=state, message="It did not listen.")
    found = described(admin, NEW)
    assert (found.is_ready, found.message) == (is_ready, "It did not listen.")


def test_who_deployed_a_revision(admin):
    """Its creator; without one, who changed the service last, as long as nothing newer was deployed."""
    admin.deploy("shop-api", NEW, AT)
    assert (described(admin).deployer, described(admin, NEW).deployer) == (None, "service account ci-deployer")
    admin.revisions["shop-api", OLD]["creator"] = "somebody@example.com"
    admin.revisions["shop-api", NEW]["creator"] = "other@demo.iam.gserviceaccount.com"
    assert (described(admin).deployer, described(admin, NEW).deployer) == ("a person", "service account other")


@pytest.mark.parametrize(
    ("containers", "image"),
    [
        ([{"image": "a"}, {"image": "b"}], "a"),
        ([{"image": "a"}, {"image": "b", "ports": [{}]}], "b"),
        (["x", {"image": "b"}], "b"),
        ([], None),
        (None, None),
    ],
)
def test_the_container_that_takes_requests(admin, containers, image):
    """The one with a port, else the first; what is missing is not said."""
    admin.revisions["shop-api", OLD] |= {"containers": containers, "labels": None}
    found = described(admin)
    assert (found.image, found.commit, found.memory) == (image, None, None)
