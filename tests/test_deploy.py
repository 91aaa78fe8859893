"""What `deploy/` holds runs as it stands there: commands against a server, the script against a gcloud that notes."""

import os
import re
import shlex
import subprocess
from datetime import UTC, datetime, timedelta

import pytest
import yaml

from tests.conftest import ROOT, healthy, process
from tests.servers.cloud_logging import CloudLogging
from tests.test_live import moved, ready

DEPLOY = ROOT / "deploy"
WORDS = {"PROJECT_ID": "demo", "REGION": "europe-west1", "SERVICE": "shop-api"}
IMAGE = "europe-west1-docker.pkg.dev/demo/tools/runverdict:"


def text_of(name):
    """A file with its capitals filled in."""
    text = (DEPLOY / name).read_text(encoding="utf-8")
    for word, value in WORDS.items():
        text = re.sub(rf"\b{word}\b", value, text)
    return text


def job():
    container = yaml.safe_load(text_of("job.yaml"))["spec"]["template"]["spec"]["template"]["spec"]["containers"][0]
    return container["image"], container["args"]


def verify():
    container = yaml.safe_load(text_of("skaffold.yaml"))["verify"][0]["container"]
    assert container["command"] == ["runverdict"]
    return container["image"], container["args"]


def action():
    steps = yaml.safe_load((DEPLOY / "github-actions.yml").read_text(encoding="utf-8"))["jobs"]["verdict"]["steps"]
    (script,) = [step["run"] for step in steps if step.get("name") == "Judge the deployment"]
    values = {"PROJECT": "demo", "REGION": "europe-west1", "SERVICE": "shop-api"}
    script = script.replace("\\\n", " ")
    words = shlex.split(re.sub(r"\$(PROJECT|REGION|SERVICE)\b", lambda found: values[found[1]], script))
    at = next(at for at, word in enumerate(words) if word.startswith(IMAGE))
    return words[at], words[at + 1 :]


@pytest.mark.parametrize("given", [job, verify, action])
def test_the_commands_judge_a_deployment(tmp_path, given):
    """As they stand in the file, but for the address of the API, the folder, and a shorter wait."""
    image, arguments = given()
    assert image.startswith(IMAGE)
    entries = moved([*healthy(), ready(10, "00042-abc")], datetime.now(UTC) - timedelta(seconds=130))
    arguments = [word.replace("/reports", str(tmp_path)) for word in arguments]
    with CloudLogging(entries).running() as url:
        found = process(*arguments, "--api-endpoint", url, "--settle", "1s")
    assert found.returncode == 0, found.stderr
    assert b"PASS" in found.stdout
    if given is not verify:
        assert list(tmp_path.rglob("report.md"))


def noted(tmp_path, *, there):
    """The calls of gcloud that setup.sh makes; `describe` finds what it asks for, or does not."""
    gcloud = tmp_path / "gcloud"
    calls = tmp_path / "calls"
    gcloud.write_text(
        f'#!/bin/sh\nprintf "%s\\n" "$*" >> {calls}\n'
        f'case "$*" in *" describe "*) exit {0 if there else 1};; *" replace "*) cat "$4" >> {tmp_path}/job;; esac\n'
    )
    gcloud.chmod(0o755)
    environment = {"PROJECT": "demo", "REGION": "europe-west1", "SERVICE": "shop-api"}
    whole = {**os.environ, **environment, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    found = subprocess.run([DEPLOY / "setup.sh"], env=whole, capture_output=True, text=True, timeout=60)
    assert found.returncode == 0, found.stderr
    return calls.read_text().splitlines()


ROLES = {
    ("runverdict", "roles/logging.viewer"),
    ("runverdict", "roles/storage.objectUser"),
    ("runverdict-start", "roles/run.invoker"),
    ("runverdict-start", "roles/eventarc.eventReceiver"),
    ("runverdict-start", "roles/workflows.invoker"),
}


@pytest.mark.parametrize("there", [False, True])
def test_setup_makes_what_is_missing_with_these_roles_alone(tmp_path, there):
    """A second run makes nothing twice; the roles are those of the README."""
    calls = noted(tmp_path, there=there)
    bound = re.compile(r"add-iam-policy-binding .*--member=serviceAccount:([a-z-]+)@demo\S* .*--role=(\S+)")
    assert {found.groups() for call in calls if (found := bound.search(f"{call} "))} == ROLES
    text = (DEPLOY / "README.md").read_text(encoding="utf-8")
    assert all(f"`{role}`" in text for _, role in ROLES)
    assert bool([call for call in calls if " create " in f" {call} "]) is not there
    assert yaml.safe_load((tmp_path / "job").read_text())["metadata"]["name"] == "runverdict"
    assert not re.search(r"PROJECT_ID|REGION|SERVICE", (tmp_path / "job").read_text().partition("\n")[2])


def test_the_image_is_pinned_and_not_root():
    """Every base by its version, every package by the constraints; the user by number."""
    lines = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").splitlines()
    bases = [line.split()[1] for line in lines if line.startswith("FROM ")]
    assert bases
    assert all(re.fullmatch(r"python:3\.\d+\.\d+-slim-[a-z]+", base) for base in bases)
    assert "--constraint constraints.txt" in "\n".join(lines)
    assert [line for line in lines if line.startswith("USER ")][-1] == "USER 10001"


def test_the_files_say_what_they_have_to():
    """A job that fails is not tried again, a rollout is verified by an account that may only read logs."""
    spec = yaml.safe_load(text_of("job.yaml"))["spec"]["template"]["spec"]["template"]["spec"]
    assert (spec["maxRetries"], spec["serviceAccountName"]) == (0, "runverdict@demo.iam.gserviceaccount.com")
    pipeline, target = yaml.safe_load_all(text_of("clouddeploy.yaml"))
    assert pipeline["serialPipeline"]["stages"][0]["strategy"] == {"standard": {"verify": True}}
    assert target["executionConfigs"][1] == {"usages": ["VERIFY"], "serviceAccount": spec["serviceAccountName"]}
    workflow = yaml.safe_load(text_of("workflow.yaml"))
    name = workflow["main"]["steps"][0]["run"]["args"]["name"]
    assert name == "projects/demo/locations/europe-west1/jobs/runverdict"
