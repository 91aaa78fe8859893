"""`check` on organizations, folders, billing accounts, log buckets and views, as their user runs it."""

import json

import pytest

from tests.conftest import call, failing, healthy
from tests.servers.cloud_logging import CloudLogging

VIEW = "projects/demo/locations/eu/buckets/central/views/team"
ALL_LOGS = "projects/demo/locations/eu/buckets/central/views/_AllLogs"
BILLING = "billingAccounts/01AB23-45CD67-89EF01"

#: The names that the server has, and the projects whose entries each holds: `demo` with a service that passes, `pay`
#: with another that fails.
HELD = {
    "organizations/7": {"demo", "pay"},
    "folders/9": {"pay"},
    BILLING: {"demo", "pay"},
    VIEW: {"demo"},
    ALL_LOGS: {"demo", "pay"},
    "projects/pay": {"pay"},
}
WINDOW = ("--since", "2026-01-15T09:00:00Z", "--until", "2026-01-15T09:02:00Z")
SHOP, PAY = ("shop-api", "PASS"), ("pay-api", "FAIL")


@pytest.fixture
def cloud():
    """A log of two projects."""
    pay = [
        json.loads(json.dumps(one).replace("projects/demo/", "projects/pay/").replace('"demo"', '"pay"'))
        for one in failing(service="pay-api")
    ]
    cloud = CloudLogging([*healthy(), *pay])
    cloud.resources, cloud.held = set(HELD), HELD
    return cloud


def check(cloud, source, *more):
    """The run of a user on an address."""
    with cloud.running() as url:
        return call("check", f"logging://{source}", "--api-endpoint", url, *WINDOW, *more)


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("demo", [SHOP]),
        ("organizations/7", [PAY, SHOP]),
        ("folders/9", [PAY]),
        (BILLING, [PAY, SHOP]),
        (VIEW, [SHOP]),
        ("demo/locations/eu/buckets/central", [PAY, SHOP]),
        ("demo,pay", [PAY, SHOP]),
        (f"{VIEW},folders/9", [PAY, SHOP]),
    ],
)
def test_every_resource_gives_the_verdicts_of_what_it_holds(cloud, source, wanted):
    """Those of the projects below it and of no other; a FAIL among them is the exit code."""
    found = check(cloud, source, "--format", "json")
    document = json.loads(found.stdout)
    verdicts = document if isinstance(document, list) else [document]
    assert sorted((one["service"], one["verdict"]) for one in verdicts) == wanted
    assert found.exit_code == (1 if PAY in wanted else 0)


@pytest.mark.parametrize(
    ("source", "denied", "role"),
    [
        ("demo", "projects/demo", "roles/logging.viewer on project demo"),
        ("organizations/7", "organizations/7", "roles/logging.viewer on organization 7"),
        ("folders/9", "folders/9", "roles/logging.viewer on folder 9"),
        (BILLING, BILLING, "roles/logging.viewer on billing account 01AB23-45CD67-89EF01"),
        (VIEW, VIEW, f"roles/logging.viewAccessor on project demo, for the view {VIEW}"),
        (
            "demo/locations/eu/buckets/central",
            ALL_LOGS,
            f"roles/logging.viewAccessor on project demo, for the view {ALL_LOGS}",
        ),
        ("demo,folders/9", "folders/9", "roles/logging.viewer on folder 9"),
    ],
)
@pytest.mark.parametrize("command", [["check"], ["check", "--since", "deploy", "--for", "1m"], ["extract", "--store"]])
def test_a_denied_resource_is_4_with_the_role_that_is_missing(tmp_path, cloud, source, denied, role, command):
    """Of the resource that was denied, whatever is done; nothing of the others is judged instead."""
    cloud.denied = {denied}
    store = [tmp_path / "store"] if command[-1] == "--store" else []
    with cloud.running() as url:
        found = call(*command, *store, f"logging://{source}", "--api-endpoint", url)
    assert found.exit_code == 4
    assert f"logging://{source}: permission denied: " in found.stderr
    assert f"ask for {role}" in found.stderr
    assert "Traceback" not in found.stderr
    assert "PASS" not in found.stdout
