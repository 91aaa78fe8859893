"""Which deployments an audit log tells of, in every order that its entries have."""

import json

import polars as pl
import pytest

from pipeline.sources.cloud_logging.deployments import audit_rows, deployments
from pipeline.sources.log_entry import EntryReader
from tests.conftest import START, entry

OLD, NEW, NEWER = "shop-api-00041-old", "shop-api-00042-new", "shop-api-00043-xyz"
V1 = "google.cloud.run.v1.Services.ReplaceService"
T0 = int(START.timestamp()) * 10**9


def call(second, *, method=V1, template=None, latest=None, code=None, target=None, mask=None):
    """Somebody called the API."""
    request = {"service": {"spec": {}}}
    if template:
        request["service"]["spec"]["template"] = {"metadata": {"name": template}}
    if target:
        request["service"]["spec"]["traffic"] = [{"revisionName": target, "percent": 100}]
    if mask:
        request["updateMask"] = mask
    payload = {"methodName": method, "request": request}
    if latest:
        payload["response"] = {"status": {"latestCreatedRevisionName": latest}}
    if code:
        payload["status"] = {"code": code, "message": "Permission 'run.services.update' denied on resource 'x'."}
    log = "cloudaudit.googleapis.com%2Factivity"
    return entry(second, revision="", log=log, insertId=f"call{second}", protoPayload=payload)


def ready(second, revision, status="True", *, kind="Revision", message="Deploying revision succeeded in 8s."):
    """The platform says what became of a revision, or of the service."""
    name = revision if kind == "Revision" else "shop-api"
    text = f"Ready condition status changed to {status} for {kind} {name} with message: {message}"
    payload = {"methodName": "/Services.ReplaceService", "status": {"message": text}}
    log = "cloudaudit.googleapis.com%2Fsystem_event"
    return entry(second, revision="", log=log, insertId=f"{kind}{second}", protoPayload=payload)


def of(*entries):
    """Each deployment as (revision, seconds of its start, of its Ready, whether it failed)."""
    with EntryReader() as reader:
        rows = reader.read([json.dumps(one).encode() for one in entries])
    found = deployments([audit_rows(rows)])
    seconds = [None if one.ready_ns is None else (one.ready_ns - T0) // 10**9 for one in found]
    return [
        (one.revision, (one.started_ns - T0) // 10**9, second, bool(one.failed), one.rollback)
        for one, second in zip(found, seconds, strict=True)
    ]


BEFORE = ready(-3600, OLD)
FIRST = (OLD, -3600, -3600, False, False)


@pytest.mark.parametrize(
    ("entries", "want"),
    [
        ([call(0), ready(15, NEW)], (NEW, 0, 15, False, False)),
        ([ready(15, NEW), call(21)], (NEW, 15, 15, False, False)),
        ([call(0), ready(8, NEW), call(14, latest=NEW)], (NEW, 0, 8, False, False)),
        ([call(0), call(30), ready(38, NEW)], (NEW, 0, 38, False, False)),
        ([call(0, template=NEW), ready(9, NEW), ready(300, NEW)], (NEW, 0, 9, False, False)),
        ([call(0), ready(300, OLD)], (None, 0, None, False, False)),
        ([call(0, latest=OLD), ready(9, NEW)], (NEW, 0, 9, False, False)),
        ([call(0), ready(9, NEW, "False", message="It did not listen.")], (NEW, 0, None, True, False)),
        (
            [
                call(0),
                ready(9, NEW, "False", kind="Service", message=f"Revision '{NEW}' is not ready and cannot serve"),
            ],
            (NEW, 0, None, True, False),
        ),
        ([call(0), ready(9, NEW, "False"), ready(60, NEW)], (NEW, 0, 60, False, False)),
        ([call(0, method="google.cloud.run.v2.Services.UpdateService"), ready(9, NEW)], (NEW, 0, 9, False, False)),
        (
            [call(0, method="google.cloud.serverless.internal.InternalServices.ReplaceInternalService"), ready(9, NEW)],
            (NEW, 0, 9, False, False),
        ),
        ([call(0, template=NEW)], (NEW, 0, None, False, False)),
        ([call(0), ready(9, NEW), call(700, template=OLD, target=OLD)], (OLD, 700, 700, False, True)),
    ],
    ids=[
        *("call, Ready", "Ready, call", "two calls around Ready", "two calls before Ready", "Ready again"),
        *("an old revision Ready again", "a call that answers with the old one", "failed", "the Service failed"),
        *("failed, then Ready", "v2", "a function", "not ready yet", "rolled back"),
    ],
)
def test_the_newest_deployment(entries, want):
    """Whatever order the audit log has; the revision before it stays a deployment of its own."""
    found = of(BEFORE, *entries)
    assert found[0] == FIRST
    assert found[-1] == want
    assert len(found) == 2 + (want[-1] is True)


@pytest.mark.parametrize(
    "other",
    [
        call(0, code=7),
        call(0, mask="traffic"),
        call(0, template=OLD),
        call(0, method="google.cloud.run.v1.Services.SetIamPolicy"),
        call(0, method="google.cloud.run.v1.Jobs.ReplaceJob"),
        ready(0, OLD, kind="Service"),
    ],
    ids=["refused", "traffic alone, v2", "traffic alone, v1", "IAM", "a job", "the Service is Ready"],
)
def test_what_is_no_deployment(other):
    """Nothing but the one before."""
    assert of(BEFORE, other) == [FIRST]


def test_two_deployments_in_a_row():
    """Each has its own Ready."""
    found = of(call(0), ready(9, NEW), call(60, template=NEWER), ready(70, NEWER))
    assert found == [(NEW, 0, 9, False, False), (NEWER, 60, 70, False, False)]


@pytest.mark.parametrize(("second", "starts"), [(600, [0]), (601, [0, 601])])
def test_calls_of_ten_minutes_are_one_deployment(second, starts):
    """A later one begins another; neither names a revision."""
    assert [row[1] for row in of(call(0), call(second))] == starts


@pytest.mark.parametrize("names", [("request", "response"), ("requestJson", "responseJson")])
def test_bodies_that_a_sink_wrote_as_text(names):
    """They say which revision was made, as objects do; a text that is no JSON says nothing."""
    made, broken = call(0, latest=NEW), call(0, latest=NEW)
    for name, key in zip(("request", "response"), names, strict=True):
        made["protoPayload"][key] = json.dumps(made["protoPayload"].pop(name))
        broken["protoPayload"][key] = json.dumps(broken["protoPayload"].pop(name))[:-3]
    assert of(BEFORE, made) == of(BEFORE, call(0, latest=NEW)) == [FIRST, (NEW, 0, None, False, False)]
    assert of(broken) == [(None, 0, None, False, False)]


def test_entries_without_service_or_time_are_none():
    """And payloads that are no objects break nothing."""
    rows = pl.DataFrame(
        {
            "log_id": ["cloudaudit.googleapis.com/activity"] * 3,
            "project": ["p"] * 3,
            "location": ["europe-west1"] * 3,
            "service": [None, "a", "a"],
            "revision": [None, None, None],
            "timestamp_ns": [1, None, 3],
            "message": [None, None, None],
            "payload": ["{}", "{}", '["methodName"]'],
            "workload": ["service"] * 3,
        }
    )
    assert deployments([audit_rows(rows)]) == []
