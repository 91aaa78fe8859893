"""A sink that is still written to: deployments by its audit log's tables alone, and what `--for` and `--wait` ask."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from pipeline.sources.base import Access, open_sources
from pipeline.sources.request import DeploymentLog, asked
from pipeline.warehouse import parse
from pipeline.window import Window
from tests.bigquery.sink import sink
from tests.conftest import START, call, entry, healthy, line
from tests.conftest import request as log_request

OLD, NEW = "shop-api-00041-old", "shop-api-00042-abc"


def audit(second, revision, log="system_event"):
    """The platform says that a revision is ready."""
    text = f"Ready condition status changed to True for Revision {revision} with message: Deploying succeeded."
    payload = {"methodName": "/Services.ReplaceService", "status": {"message": text}}
    more = {"insertId": f"ready{second}", "protoPayload": payload}
    return entry(second, revision="", log=f"cloudaudit.googleapis.com%2F{log}", **more)


@pytest.fixture
def source(dataset):
    """A sink with two deployments of one service, and what it served."""
    place, client = dataset
    name = parse(place).dataset
    audits = [audit(-86_400 * 3, OLD), audit(0, NEW)]
    sink(client, name, [audits[0]], "cloudaudit_googleapis_com_system_event_20260112")
    sink(client, name, [audits[1]], "cloudaudit_googleapis_com_system_event_20260115")
    sink(client, name, [audit(5, "shop-api-00043-not")], "cloudaudit_googleapis_com_data_access_20260115")
    requests = [log_request(20, 404), log_request(12), log_request(30, 503), log_request(8, revision="00041-old")]
    sink(client, name, requests, "run_googleapis_com_requests")
    warned = line(25, "x", log="run.googleapis.com%2Fvarlog%2Fsystem", severity="WARNING")
    sink(client, name, [warned], "run_googleapis_com_varlog_system")
    sink(client, name, [line(1, "x", severity="ERROR")], "run_googleapis_com_stderr")
    (opened,) = open_sources([place], Access(now=lambda: START + timedelta(minutes=10)))
    return opened


def test_the_newest_deployment_is_the_window(source):
    """With its lookback, settled by the default; the audit log's data accesses are no deployments."""
    meant = asked([source], now=source.now(), service="shop-api", since="deploy")
    assert meant.request.window == Window(START, START + timedelta(minutes=10))
    assert meant.request.lookback_start == START - timedelta(hours=1)
    assert meant.settle_s == 300
    assert meant.deployments["shop-api"].revision == NEW
    (older,) = DeploymentLog([source], "shop-api").until(START - timedelta(days=1), far=True)
    assert older.revision == OLD
    assert DeploymentLog([source], "cart").until(source.now()) == []


def test_the_first_request_and_the_first_trouble(source):
    """Of a revision alone; a line of its own is none of the platform's."""
    window = Window(START, START + timedelta(hours=1))
    assert source.first_request(NEW, window) == START + timedelta(seconds=12)
    assert source.first_request("shop-api-00099-xyz", window) is None
    assert source.first_trouble(NEW, window) == START + timedelta(seconds=25)
    assert source.first_trouble(NEW, Window(START, START + timedelta(seconds=25))) is None
    assert source.first_trouble(NEW, Window(START + timedelta(seconds=26), window.end)) == START + timedelta(seconds=30)


def test_a_table_of_one_log_says_nothing_of_deployments(source):
    """Nothing else is read."""
    (stderr,) = open_sources([f"{source.address}.run_googleapis_com_stderr"], Access(now=lambda: START))
    assert stderr.audit_entries("shop-api", Window(START, START + timedelta(hours=1))) == []
    assert stderr.first_request(NEW, Window(START, START + timedelta(hours=1))) is None


def moved(entries, minutes):
    """The same entries, from so many minutes ago on."""
    offset = datetime.now(UTC) - timedelta(minutes=minutes) - START
    names = ("timestamp", "receiveTimestamp")
    return [
        {**one, **{name: f"{datetime.fromisoformat(one[name]) + offset:%Y-%m-%dT%H:%M:%S.%fZ}" for name in names}}
        for one in entries
    ]


@pytest.fixture
def deployed(dataset, request):
    """A deployment that became ready some minutes ago, with traffic since and before: the arguments of a check."""

    def arguments(minutes):
        place, client = dataset
        if "demo" not in place:
            pytest.skip("its hosts are BigQuery's")
        name = parse(place).dataset
        readies = [*moved([audit(0, OLD)], minutes + 50), *moved([audit(0, NEW)], minutes)]
        sink(client, name, readies, "cloudaudit_googleapis_com_system_event")
        served = [*moved(healthy(revision="00041-old")[1:], minutes + 40), *moved(healthy()[1:], minutes)]
        sink(client, name, served, "run_googleapis_com_requests")
        more = ("--settle", "1s", "--api-endpoint", request.getfixturevalue("emulator"), "--format", "json")
        return (place, "--since", "deploy", *more), readies[1]["timestamp"], served[-40]["timestamp"]

    return arguments


def spelled(timestamp):
    """A time as verdict.json writes it."""
    return f"{datetime.fromisoformat(timestamp):%Y-%m-%dT%H:%M:%S.%fZ}"


def test_a_check_since_the_deployment(deployed):
    """On the command line, from the Storage Read API: the new revision, compared with the one before it; no other host
    is asked.
    """
    arguments, ready, _ = deployed(20)
    found = call("check", *arguments, "--wait")
    assert found.exit_code in (0, 3), found.output
    document = json.loads(found.stdout)
    assert (document["revision"], document["baseline"]) == (NEW, OLD)
    assert (document["window"]["start"], document["window"]["settled"]) == (spelled(ready), True)
    assert document["requests"]["n"] == 40
    assert {check["id"]: check["status"] for check in document["checks"]}["evidence.deployed"] == "PASS"
    assert "read by a query" not in found.stderr


@pytest.mark.parametrize("watch", [(), ("--watch",)], ids=["", "watch"])
def test_a_check_for_some_seconds(deployed, tmp_path, watch):
    """The job after a deployment: its window ends so long after the first request as `--for` says."""
    arguments, ready, first = deployed(0.5)
    found = call("check", *arguments, "--for", "20s", "--store", tmp_path / "store", *watch)
    assert found.exit_code in (0, 3), found.output
    document = json.loads(found.stdout)
    assert (document["revision"], document["baseline"]) == (NEW, OLD)
    end = datetime.fromisoformat(first) + timedelta(seconds=20)
    assert (document["window"]["start"], document["window"]["end"]) == (spelled(ready), spelled(end.isoformat()))
    assert document["requests"]["n"] == 7
