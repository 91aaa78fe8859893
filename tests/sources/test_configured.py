"""How a revision is configured, from audit logs in files: in the forms of v1 and v2, and of hostile entries."""

import json

import pytest

from pipeline.sources.cloud_logging.configured import _revision
from pipeline.sources.cloud_logging.deployments import Deployment
from tests.conftest import call, entry, ndjson, request
from tests.sources.test_deployments import NEW, ready

IMAGE = "europe-docker.pkg.dev/demo/run/shop-api@sha256:ab12"
URL = "https://shop-api-ab12-ew.a.run.app"
V2 = "google.cloud.run.v2.Services.UpdateService"
LIMITS = {"limits": {"memory": "512Mi", "cpu": "1"}}
CONTAINERS = [{"image": "proxy", "resources": LIMITS}, {"image": IMAGE, "ports": [{}], "resources": LIMITS}]
SPEC = {"containers": CONTAINERS, "containerConcurrency": 80, "timeoutSeconds": 300}
V1_SERVICE = {"spec": {"template": {"metadata": {"labels": {"commit-sha": "5c2d7a1"}}, "spec": SPEC}}}
TEMPLATE = {
    "containers": CONTAINERS,
    "maxInstanceRequestConcurrency": 80,
    "timeout": "300s",
    "labels": {"commit-sha": "5c2d7a1"},
}
CALLER = {"principalEmail": "ci@demo.iam.gserviceaccount.com"}
WANT = {
    "image": IMAGE,
    "commit": "5c2d7a1",
    "deployer": "service account ci",
    "timeout_s": 300.0,
    "traffic": [],
    "is_ready": None,
    "message": "",
    "url": URL,
    "memory": "512Mi",
    "cpu": "1",
    "concurrency": 80,
}


def asked(second=-20, method="google.cloud.run.v1.Services.ReplaceService", **payload):
    """A call to the API, as the audit log has it."""
    payload = {"methodName": method, "authenticationInfo": CALLER, **payload}
    log = "cloudaudit.googleapis.com%2Factivity"
    return entry(second, revision="", log=log, insertId=f"call{second}", protoPayload=payload)


def configuration(tmp_path, *audit):
    """What verdict.json says of the revision that became ready."""
    logs = ndjson(
        tmp_path / "logs.ndjson", [*audit, ready(-2, NEW), *(request(s, revision="00042-new") for s in range(60))]
    )
    document = json.loads(call("check", logs, "--format", "json").stdout)
    assert document["revision"] == NEW
    return document["deployment"]["configuration"]


@pytest.mark.parametrize(
    ("ready", "at", "wanted"),
    [
        (None, 990, NEW),
        (None, 989, None),
        (None, 1600, NEW),  # ten minutes to become ready
        (None, 1601, None),
        (1030, 1040, NEW),  # ten seconds for an entry that is late
        (1030, 1041, None),
    ],
)
def test_a_call_belongs_to_the_deployment_of_its_time(ready, at, wanted):
    """One that began at second 1,000; a call of another service does not."""
    ready_ns = None if ready is None else ready * 10**9
    known = [Deployment("shop-api", 1000 * 10**9, revision=NEW, ready_ns=ready_ns)]
    row = {"service": "shop-api", "timestamp_ns": at * 10**9}
    assert _revision(row, {}, known) == wanted
    assert _revision({**row, "service": "other"}, {}, known) is None


V1_CREATE = "google.cloud.run.v1.Services.CreateService"
V1_ANSWER = {**V1_SERVICE, "status": {"url": URL}}


@pytest.mark.parametrize(
    "audit",
    [
        [asked(request={"service": V1_SERVICE}, response={"status": {"url": URL}, "spec": {"template": {}}})],
        [asked(method=V1_CREATE, request={"service": V1_SERVICE}, response=V1_ANSWER)],
        [
            asked(method=V2, request={"service": {"template": TEMPLATE}}),
            asked(0, V2, response={"template": {}, "uri": URL}),
        ],
        [asked(method=V2, request={"service": {"template": TEMPLATE}}, response={"template": TEMPLATE, "uri": URL})],
    ],
    ids=["v1", "v1, first", "v2, start and end of an operation", "v2"],
)
def test_both_forms_of_a_call(tmp_path, audit):
    """The container that takes requests counts, not its sidecar."""
    assert configuration(tmp_path, *audit) == WANT


def test_the_revision_itself_comes_before_what_was_asked_for(tmp_path):
    """The Ready entry holds the revision; a call that names another revision, or was refused, says nothing of it."""
    other = {
        "spec": {"template": {"metadata": {"name": "shop-api-00041-old"}, "spec": {"containers": [{"image": "o"}]}}}
    }
    refused = {"request": {"service": {"spec": {"template": {"spec": {"containers": [{"image": "r"}]}}}}}}
    own = ready(-1, NEW)
    own["protoPayload"]["response"] = {"metadata": {"name": NEW}, "spec": {**SPEC, "containerConcurrency": 7}}
    audit = [
        asked(request={"service": V1_SERVICE}, response=V1_ANSWER),
        asked(-900, request={"service": other}),
        asked(-8, status={"code": 7}, **refused),
        own,
    ]
    assert configuration(tmp_path, *audit) == {**WANT, "concurrency": 7}


def test_without_a_deployment_nothing_is_said(tmp_path):
    """The page says that no audit entry of it is there."""
    assert configuration(tmp_path) is None
    logs = ndjson(tmp_path / "plain.ndjson", [request(second, revision="00042-new") for second in range(60)])
    assert json.loads(call("check", logs, "--format", "json").stdout)["deployment"]["configuration"] is None


HOSTILE = "<script>alert(1)</script> jane.roe@gmail.com " + "A" * 5000


def test_hostile_entries_are_redacted_and_cut(tmp_path):
    """An address in an image's name is masked, markup is text, and what is of the wrong type is left out."""
    spec = {"containers": [{"image": HOSTILE, "resources": [1], "ports": 3}], "containerConcurrency": True}
    template = {"metadata": {"labels": ["x"]}, "spec": {**spec, "timeoutSeconds": "1e999"}}
    audit = asked(request={"service": {"spec": {"template": template}}}, response={"status": {"url": {"a": 1}}})
    found = configuration(tmp_path, audit)
    assert "gmail.com" not in found["image"]
    assert len(found["image"]) <= 510
    assert [found[name] for name in ("url", "memory", "cpu", "concurrency", "timeout_s", "commit")] == [None] * 6
    page = call("check", tmp_path / "logs.ndjson", "--format", "html").stdout
    assert "<script>alert" not in page
    assert "gmail.com" not in page
    for strange in (None, [], "text", {"service": []}, {"service": {"spec": {"template": 3}}}):
        found = configuration(tmp_path, asked(request=strange, response=strange))
        assert (found["image"], found["deployer"]) == (None, "service account ci")
