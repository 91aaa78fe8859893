"""What the judge gets to know of a revision, counted by hand."""

import pytest

from pipeline.judge.revision_data import EventTotal
from tests.assess.test_baseline import ready
from tests.conftest import check, entry, line, ndjson, request, stamp


def test_the_share_of_traffic_counts_from_the_revisions_first_request(tmp_path):
    """The old one had 60 requests before, and 20 beside the new one's 60: the new one had three quarters."""
    old = [request(second, revision="00041-abc") for second in range(0, 600, 10)]
    beside = [request(second, revision="00041-abc", insertId=f"b{second}") for second in range(605, 1205, 30)]
    new = [request(second, revision="00042-abc") for second in range(600, 1200, 10)]
    found = check(tmp_path / "store", ndjson(tmp_path / "x.ndjson", [*old, *beside, *new]))
    newest = found.verdicts[0][1]
    deployment, window = newest.deployment, {one.id: one for one in newest.checks}["evidence.window"]
    # The window is that of the service: both revisions' entries, from the first of any.
    assert (window.observed.n, newest.window.covered_start) == (140, "2026-01-15T09:00:00Z")
    assert (deployment.traffic_ratio, deployment.first_request) == (0.75, stamp(600).replace(".000000", ""))


def test_a_runs_volume_is_that_of_the_service(tmp_path):
    """Ten user requests of one revision, five of the other, a health check apart, from the first to the last entry."""
    old = [request(second, revision="00041-abc") for second in range(0, 100, 10)]
    new = [request(second, revision="00042-abc") for second in range(600, 650, 10)]
    rows = [*old, *new, request(900, path="/health", revision="00042-abc")]
    found = check(tmp_path / "store", ndjson(tmp_path / "x.ndjson", rows))
    start_ns = 1_768_467_600 * 10**9  # 2026-01-15T09:00:00Z
    assert found.assessments[0].data.volume_by_run == ((start_ns, start_ns + 900 * 10**9, 15),)


@pytest.mark.parametrize(("until", "status"), [(1200, "PASS"), (1730, "PASS"), (1740, "WARN")])
def test_an_older_revision_that_outlives_it_took_the_traffic_back(tmp_path, until, status):
    """The new one's last requests are of minute 19; ten minutes later, by whole minutes, it is a rollback."""
    old = [request(second, revision="00041-abc") for second in range(0, until + 1, 10)]
    new = [request(second, revision="00042-abc", insertId=f"n{second}") for second in range(600, 1200, 10)]
    found = check(tmp_path / "store", ndjson(tmp_path / "x.ndjson", [*old, *new]))
    assert {one.id: one.status for one in found.verdicts[0][1].checks}["deployment.traffic"] == status
    assert found.assessments[0].data.outlived_ns == max(until // 60 - 19, 0) * 60 * 10**9


def test_a_refused_deployment_is_told_by_its_entry(tmp_path):
    """It belongs to the service, to no revision; the first one is the reason."""
    log = "cloudaudit.googleapis.com%2Factivity"
    refused = [
        entry(
            second,
            revision=None,
            log=log,
            severity="ERROR",
            protoPayload={
                "methodName": "google.cloud.run.v2.Services.UpdateService",
                "status": {"code": 7, "message": f"Permission 'run.services.{right}' denied on resource 'shop-api'."},
            },
            insertId=f"refused{second}",
        )
        for second, right in ((70, "get"), (50, "update"))
    ]
    rows = [request(second) for second in range(0, 120, 2)]
    ((_, found),) = check(tmp_path / "store", ndjson(tmp_path / "x.ndjson", [*rows, *refused])).verdicts
    ready = {one.id: one for one in found.checks}["deployment.ready"]
    assert ready.status == "WARN"
    assert "'run.services.update' denied" in ready.reason
    assert [one.insert_id for one in ready.evidence] == ["refused50", "refused70"]


@pytest.mark.parametrize(("bad", "outcome"), [(2, "ok"), (3, "ok"), (4, "failure")])
def test_the_outcome_of_an_event_is_its_most_frequent(tmp_path, bad, outcome):
    """Three good exits a minute apart, and bad ones of one minute; of as many, the last by name."""
    exits = [(at, 0) for at in (60, 120, 180)] + [(200 + n, 1) for n in range(bad)]
    system = "run.googleapis.com%2Fvarlog%2Fsystem"
    rows = [line(at, f"Container called exit({code}).", log=system, insertId=f"exit{at}") for at, code in exits]
    (found,) = check(tmp_path / "store", ndjson(tmp_path / "x.ndjson", [request(1), *rows])).assessments
    assert found.data.events["platform.exit"] == EventTotal(3 + bad, outcome)


def called(second):
    """The audit entry of a call that deploys the service; it names no revision."""
    log, payload = "cloudaudit.googleapis.com%2Factivity", {"methodName": "google.cloud.run.v2.Services.UpdateService"}
    return entry(second, revision=None, log=log, protoPayload=payload, insertId=f"call{second}", labels=None)


@pytest.mark.parametrize(
    ("rows", "deployed", "became_ready", "ready_ms"),
    [
        ([called(100), called(190), ready(200, "00042-abc"), called(300)], 190, 200, 9500),
        ([called(100), called(300)], 100, None, None),
        ([called(240)], 240, None, None),
        ([], None, None, None),
    ],
    ids=[
        "the last call before it was ready",
        "the last call before its first entry",
        "at its first entry",
        "no audit log",
    ],
)
def test_a_deployment_has_its_times(tmp_path, rows, deployed, became_ready, ready_ms):
    """The revision's first request came at 240 s."""
    requests = [request(second, revision="00042-abc") for second in range(240, 360, 5)]
    ((_, found),) = check(tmp_path / "store", ndjson(tmp_path / "x.ndjson", [*rows, *requests])).verdicts
    times = found.deployment
    wanted = [None if second is None else stamp(second).replace(".000000", "") for second in (deployed, became_ready)]
    assert ([times.deployed, times.ready], times.ready_ms) == (wanted, ready_ms)


def test_severities_are_those_of_the_service(tmp_path):
    """The new revision wrote errors alone, and the export is still not filtered by severity."""
    old = [request(second, revision="00041-abc") for second in range(0, 300, 10)]
    new = [request(second, 500, revision="00042-abc") for second in range(300, 600, 10)]
    found = check(tmp_path / "store", ndjson(tmp_path / "x.ndjson", [*old, *new]))
    data = found.assessments[0].data
    assert (data.revision, data.severities, data.filtered) == ("shop-api-00042-abc", {"INFO", "ERROR"}, False)
