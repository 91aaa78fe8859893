"""What `deploy/` holds runs as it stands there: commands against servers, the script against a gcloud that notes."""

import base64
import json
import os
import re
import shlex
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import hcl2
import pytest
import yaml

from pipeline import watch
from pipeline.sources import base
from pipeline.sources.cloud_logging.quota import Clock
from pipeline.stores.elsewhere import open_history
from tests.conftest import ROOT, START, call, healthy, request
from tests.servers.cloud_logging import CloudLogging
from tests.servers.log_filter import compiled
from tests.sources.test_deployments import NEW, OLD
from tests.sources.test_deployments import ready as audited
from tests.test_live import moved, ready
from tests.test_watch import ORDERS, Story, fate, served

DEPLOY = ROOT / "deploy"
IMAGE = f"europe-west1-docker.pkg.dev/demo/tools/runverdict@sha256:{'0' * 64}"
WORDS = {"PROJECT_ID": "demo", "REGION": "europe-west1", "SERVICE": "shop-api", "IMAGE": IMAGE}
RESULTS = "gs://demo-runverdict"


def text_of(name):
    """A file with its capitals filled in."""
    text = (DEPLOY / name).read_text(encoding="utf-8")
    for word, value in WORDS.items():
        text = re.sub(rf"\b{word}\b", value, text)
    return text


def job_spec():
    return yaml.safe_load(text_of("job.yaml"))["spec"]["template"]["spec"]["template"]["spec"]


def job():
    return job_spec()["containers"][0]["args"]


def verify():
    container = yaml.safe_load(text_of("skaffold.yaml"))["verify"][0]["container"]
    assert (container["command"], container["image"]) == (["runverdict"], IMAGE)
    return container["args"]


def action():
    steps = yaml.safe_load((DEPLOY / "github-actions.yml").read_text(encoding="utf-8"))["jobs"]["verdict"]["steps"]
    (script,) = [step["run"] for step in steps if step.get("name") == "Judge the deployment"]
    words = shlex.split(script.replace("\\\n", " "))
    return arguments(words[words.index("$IMAGE") + 1 :])


def gitlab():
    (script,) = [
        line
        for line in yaml.safe_load((DEPLOY / "gitlab-ci.yml").read_text(encoding="utf-8"))["runverdict"]["script"]
        if not line.startswith("#")
    ]
    return arguments(shlex.split(script)[1:])


def workflow(resource="namespaces/demo/services/shop-api"):
    """The arguments that the workflow gives the job for an audit entry of a resource: its expressions, by hand."""
    read, start, _ = yaml.safe_load(text_of("workflow.yaml"))["main"]["steps"]
    assert [next(iter(line.values())) for line in read["read"]["assign"]] == [
        "${json.decode(base64.decode(event.data.message.data))}",
        '${text.split(entry.protoPayload.resourceName, "/")}',
        "${words[len(words) - 1]}",
    ]
    assert start["start"]["args"]["name"] == "projects/demo/locations/europe-west1/jobs/runverdict"
    assert start["start"]["args"]["connector_params"] == {"skip_polling": True}
    (container,) = start["start"]["args"]["body"]["overrides"]["containerOverrides"]
    return [
        word.replace('${"--service=" + service}', f"--service={resource.split('/')[-1]}") for word in container["args"]
    ]


def arguments(words):
    values = {"PROJECT": "demo", "PROJECT_ID": "demo", "SERVICE": "shop-api"}
    return [re.sub(r"\$([A-Z_]+)", lambda match: values[match[1]], word) for word in words]


def deployed():
    """The log of a service that was deployed two minutes ago."""
    rows = [request(second) for second in range(11, 90)]
    return moved([*healthy()[:1], ready(10, "00042-abc"), *rows], datetime.now(UTC) - timedelta(seconds=130))


def run(words, tmp_path, url):
    """The command as it stands in the file, but for the addresses, and a shorter window that has passed."""
    words = [word.replace(RESULTS, str(tmp_path)).replace("/reports", f"{tmp_path}/reports", 1) for word in words]
    words = [word.replace(f"{tmp_path}{tmp_path}", str(tmp_path)) for word in words]
    return call(*words, "--api-endpoint", url, "--settle", "1s", "--for", "61s")


@pytest.mark.parametrize("given", [job, verify, action, gitlab, workflow])
def test_the_commands_judge_a_deployment(tmp_path, given, monkeypatch):
    monkeypatch.setattr(watch, "LATE_S", 600.0)  # the deployment, two minutes ago, is the job's
    monkeypatch.chdir(tmp_path)
    words = given()
    assert any(re.fullmatch("--for(=15m)?", word) for word in words)
    with CloudLogging(deployed()).running() as url:
        found = run(words, tmp_path, url)
    assert found.exit_code == 0, found.stderr
    assert "PASS" in found.stdout
    if given is not verify:
        assert list(tmp_path.rglob("report.md"))


def test_a_doubled_event_gives_the_same_answer(tmp_path, monkeypatch):
    """Two audit entries of one deployment, the second delivered while the first run has ended."""
    monkeypatch.setattr(watch, "LATE_S", 600.0)
    with CloudLogging(deployed()).running() as url:
        first, second = (run(workflow(), tmp_path, url) for _ in range(2))
    assert (first.exit_code, second.exit_code) == (0, 0), second.stderr
    assert len(list(tmp_path.rglob("verdict.json"))) == 1
    assert first.stdout.splitlines()[0] == second.stdout.splitlines()[0]


@pytest.fixture
def story_time(monkeypatch):
    """The process's clock and sleep are a story's: sleeping lets its log go on."""

    def follow(story):
        class Now(datetime):
            @classmethod
            def now(cls, tz=None):
                return story.now()

        monkeypatch.setattr(base, "datetime", Now)
        monkeypatch.setattr(time, "sleep", story.sleep)
        monkeypatch.setattr(Clock.__init__, "__defaults__", (story.seconds, story.sleep))

    return follow


@pytest.mark.full
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("kind", ["healthy", "crashing"])
def test_each_event_of_a_deployment_starts_a_job_that_judges_it(tmp_path, story_time, order, kind):
    """In the audit log's orders: each call that the sink takes is delivered twice, and each delivery starts a job.

    With the arguments of the workflow; the jobs start 5 and 25 s after the call's entry. All give the new revision's
    verdict, and of it there is one report and one row of history.
    """
    (text,) = [w for words in setup(tmp_path)[1] for w in words if w.startswith("--log-filter=")]
    takes = compiled(text.partition("=")[2].rpartition("NOT protoPayload.status.code>0")[0].replace("demo-1", "demo"))
    named = {"resourceName": "namespaces/demo/services/shop-api"}
    calls = {
        one["insertId"]: one | {"protoPayload": one["protoPayload"] | named}
        for one in ORDERS[order]
        if takes(one | {"protoPayload": one["protoPayload"] | named})
    }
    assert list(calls) == [one["insertId"] for one in ORDERS[order] if one["insertId"].startswith("call")]
    events = [calls.get(one["insertId"], one) for one in ORDERS[order]]
    entries = [audited(-3600, OLD), *served(OLD, -1800, 22), *events, *fate(kind, until=1500)]
    code, verdict = {"healthy": (0, "PASS"), "crashing": (1, "FAIL")}[kind]
    for event in calls.values():
        called_s = (datetime.fromisoformat(event["timestamp"]) - START).total_seconds()
        for delay_s in (5, 25):
            story = Story(entries, called_s + delay_s)
            story_time(story)
            words = [word.replace(RESULTS, str(tmp_path)) for word in workflow(event["protoPayload"]["resourceName"])]
            with story.cloud.running() as url:
                found = call(*words, "--api-endpoint", url)
            assert found.exit_code == code, found.output
            assert story.seconds() > 22 + 15 * 60
    (report,) = tmp_path.glob("reports/**/verdict.json")
    document = json.loads(report.read_text())
    assert (document["revision"], document["verdict"]) == (NEW, verdict)
    history = open_history(str(tmp_path / "history")).load("verdicts")
    assert history.select("revision", "verdict").rows() == [(NEW, verdict)]


#: The flags of the commands that are used, as docs.cloud.google.com/sdk/gcloud/reference has them for the creates of
#: buckets, triggers and scheduler jobs and the update of triggers; of the rest as gcloud is known to have them.
FLAGS = {
    "services enable": "async",
    "iam service-accounts describe": "",
    "iam service-accounts create": "description display-name",
    "storage buckets describe": "additional-headers raw",
    "storage buckets create": "location default-storage-class uniform-bucket-level-access public-access-prevention "
    "retention-period lifecycle-file soft-delete-duration enable-hierarchical-namespace placement",
    "storage buckets add-iam-policy-binding": "member role condition condition-from-file",
    "projects add-iam-policy-binding": "member role condition condition-from-file",
    "run jobs replace": "region async dry-run",
    "run jobs add-iam-policy-binding": "region member role",
    "pubsub topics describe": "",
    "pubsub topics create": "labels kms-key message-retention-duration",
    "pubsub topics add-iam-policy-binding": "member role condition condition-from-file",
    "logging sinks describe": "folder organization billing-account",
    "logging sinks update": "log-filter add-exclusion clear-exclusions description disabled",
    "logging sinks create": "log-filter exclusion description disabled include-children",
    "workflows deploy": "location source service-account async description labels call-log-level",
    "eventarc triggers describe": "location",
    "eventarc triggers create": "location event-filters event-filters-path-pattern destination-workflow "
    "destination-workflow-location destination-run-service destination-run-region destination-run-path async channel "
    "event-data-content-type labels max-retry-attempts service-account transport-topic",
    "eventarc triggers update": "location event-filters event-filters-path-pattern destination-workflow "
    "destination-workflow-location destination-run-service destination-run-region destination-run-path async "
    "event-data-content-type update-labels clear-labels remove-labels max-retry-attempts clear-service-account "
    "service-account",
    "scheduler jobs describe": "location",
    "scheduler jobs create http": "location schedule uri attempt-deadline description headers http-method max-backoff "
    "max-doublings max-retry-attempts max-retry-duration min-backoff time-zone message-body message-body-from-file "
    "oauth-service-account-email oauth-token-scope oidc-service-account-email oidc-token-audience",
    "scheduler jobs update http": "location schedule uri attempt-deadline description http-method max-backoff "
    "max-doublings max-retry-attempts max-retry-duration min-backoff time-zone message-body message-body-from-file "
    "oauth-service-account-email oauth-token-scope oidc-service-account-email oidc-token-audience update-headers",
}
#: What every command takes, of which these are used.
WIDE = {"format", "project", "quiet"}

GCLOUD = """#!{python}
import json, sys
words, kept = sys.argv[1:], {kept!r}
flags, wide = {flags!r}, {wide!r}
command = next((name for name in sorted(flags, key=len, reverse=True) if " ".join(words).startswith(name + " ")), None)
if command is None:
    sys.stderr.write("ERROR: (gcloud) Invalid choice: " + " ".join(words[:4]))
    sys.exit(2)
for word in words[len(command.split()):]:
    if word.startswith("--") and word[2:].partition("=")[0] not in wide | set(flags[command].split()):
        sys.stderr.write("ERROR: (gcloud." + command.replace(" ", ".") + ") unrecognized arguments: " + word)
        sys.exit(2)
with open(kept, "a") as calls:
    calls.write(json.dumps(words) + chr(10))
there, denied, slow = {there!r}, {denied!r}, {slow!r}
if "--format=value(writerIdentity)" in words:
    print("serviceAccount:writer@logging.example")
elif "describe" in words and denied:
    sys.exit("ERROR: PERMISSION_DENIED: the caller has no permission")
elif "describe" in words and not there:
    sys.exit("ERROR: (gcloud) NOT_FOUND: Resource not found")
elif "add-iam-policy-binding" in words and slow:
    done = [json.loads(line) for line in open(kept)].count(words)
    sys.exit(0 if done > 1 else "ERROR: Service account does not exist.")
for word in words:
    if word.endswith("job.yaml") or word.startswith("--source="):
        with open(word.removeprefix("--source=")) as file, open(kept + ".files", "a") as copy:
            copy.write(file.read() + "---" + chr(10))
"""


def setup(tmp_path, *, there=False, denied=False, slow=False, **more):
    """Run setup.sh; the process, and the calls of gcloud that it made."""
    gcloud, kept = tmp_path / "gcloud", str(tmp_path / "calls")
    gcloud.write_text(
        GCLOUD.format(python=sys.executable, kept=kept, there=there, denied=denied, slow=slow, flags=FLAGS, wide=WIDE)
    )
    gcloud.chmod(0o755)
    given = {"PROJECT": "demo-1", "REGION": "europe-west1", "SERVICES": "shop-api shop-web", "IMAGE": IMAGE, **more}
    environment = {**os.environ, **given, "RETRY_S": "0", "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    process = subprocess.run([DEPLOY / "setup.sh"], env=environment, capture_output=True, text=True, timeout=60)
    calls = (tmp_path / "calls").read_text().splitlines() if (tmp_path / "calls").exists() else []
    return process, [json.loads(line) for line in calls]


#: From Google's lists of predefined roles: what each is for stands in deploy/README.md.
ROLES = {
    ("runverdict@demo-1", "roles/logging.viewer"),
    ("runverdict@demo-1", "roles/monitoring.viewer"),
    ("runverdict@demo-1", "roles/run.viewer"),
    ("runverdict@demo-1", "roles/storage.objectViewer"),
    ("runverdict@demo-1", "roles/storage.objectCreator"),
    ("runverdict-start@demo-1", "roles/run.jobsExecutorWithOverrides"),
    ("runverdict-start@demo-1", "roles/workflows.invoker"),
    ("runverdict-start@demo-1", "roles/logging.logWriter"),
    ("writer@logging", "roles/pubsub.publisher"),
}


@pytest.mark.parametrize("there", [False, True])
def test_setup_makes_what_is_missing_and_updates_the_rest(tmp_path, there):
    """With these roles alone; for two services; the roles are those of the README."""
    process, calls = setup(tmp_path, there=there)
    assert process.returncode == 0, process.stderr
    text = [" ".join(words) for words in calls]
    bound = re.compile(
        r"--member=serviceAccount:([^.]+)\.\S* .*--role=(\S+)|--role=(\S+) --member=serviceAccount:([^.]+)\."
    )
    assert {match.groups()[:2] for line in text if (match := bound.search(line))} == ROLES
    readme = (DEPLOY / "README.md").read_text(encoding="utf-8")
    assert all(f"`{role}`" in readme for _, role in ROLES)
    made = [line for line in text if re.search(r"(^| )create ", line)]
    assert bool(made) is not there
    assert sum("scheduler jobs update" in line for line in text) == (2 if there else 0)
    assert any("logging sinks update" in line for line in text) is there
    assert any("eventarc triggers update" in line for line in text) is there
    assert not any("eventarc triggers update" in line and "--transport-topic" in line for line in text)
    assert any(line.startswith("services enable run.googleapis.com") for line in text)
    files = list(yaml.safe_load_all((tmp_path / "calls.files").read_text()))
    assert files[0]["spec"]["template"]["spec"]["template"]["spec"]["containers"][0]["image"] == IMAGE
    assert not re.search(r"PROJECT_ID|REGION\b|IMAGE\b", json.dumps([file for file in files if file]))


def test_every_command_that_the_script_knows_is_run(tmp_path):
    """And no other: the gcloud of these tests refuses commands and flags that the reference does not have."""
    run = set()
    for number, there in enumerate((False, True)):
        (tmp_path / str(number)).mkdir()
        _, calls = setup(tmp_path / str(number), there=there)
        run |= {name for name in FLAGS for words in calls if " ".join(words).startswith(f"{name} ")}
    assert run == set(FLAGS)
    gcloud = tmp_path / "0" / "gcloud"
    for words in (["eventarc", "triggers", "update", "x", "--transport-topic=t"], ["run", "jobs", "deploy", "x"]):
        assert subprocess.run([gcloud, *words], capture_output=True).returncode == 2


def test_the_scripts_pass_shellcheck():
    """`.ci/run` too."""
    scripts = [DEPLOY / "setup.sh", ROOT / ".ci" / "run", ROOT / "tests" / "image.sh"]
    command = [Path(sys.executable).with_name("shellcheck"), *scripts]
    process = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert process.returncode == 0, process.stdout


def test_what_the_scheduler_sends_is_the_days_check(tmp_path):
    _, calls = setup(tmp_path)
    bodies = [json.loads(w.partition("=")[2]) for words in calls for w in words if w.startswith("--message-body=")]
    sent = [body["overrides"]["containerOverrides"][0]["args"] for body in bodies]
    assert [words[2] for words in sent] == ["--service=shop-api", "--service=shop-web"]
    wanted = ["--since=24h", "--out=gs://demo-1-runverdict/reports", "--history=gs://demo-1-runverdict/history"]
    assert sent[0][3:] == wanted


def test_rights_that_come_late_are_waited_for(tmp_path):
    process, calls = setup(tmp_path, slow=True)
    assert process.returncode == 0, process.stderr
    assert sum("add-iam-policy-binding" in words for words in calls) == 2 * len(ROLES)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"denied": True}, "PERMISSION_DENIED"),
        ({"IMAGE": "europe-west1-docker.pkg.dev/demo/tools/runverdict:0.1.0"}, "IMAGE has no digest"),
        ({"PROJECT": "a/b&c"}, "PROJECT is no project's id"),
        ({"SERVICES": "shop-api no_service"}, "SERVICES holds what is no service: no_service"),
    ],
)
def test_setup_stops_at_what_is_wrong(tmp_path, more, says):
    process, _ = setup(tmp_path, **more)
    assert process.returncode == 2
    assert says in process.stderr


def audit(method, resource, *, code=0, log="cloudaudit.googleapis.com%2Factivity"):
    status = {"status": {"code": code}} if code else {}
    return {
        "logName": f"projects/demo-1/logs/{log}",
        "protoPayload": {"methodName": method, "resourceName": resource, **status},
    }


V1, V2, FUNCTIONS = (
    *("google.cloud.run.v1.Services", "google.cloud.run.v2.Services"),
    "google.cloud.functions.v2.FunctionService",
)


@pytest.mark.parametrize(
    ("entry", "starts"),
    [
        (audit(f"{V1}.CreateService", "namespaces/demo-1/services/shop-api"), True),
        (audit(f"{V1}.ReplaceService", "namespaces/demo-1/services/shop-web"), True),
        (audit(f"{V2}.CreateService", "projects/demo-1/locations/europe-west1/services/shop-api"), True),
        (audit(f"{V2}.UpdateService", "projects/demo-1/locations/europe-west1/services/shop-api"), True),
        (audit(f"{FUNCTIONS}.UpdateFunction", "projects/demo-1/locations/europe-west1/functions/shop-api"), True),
        (audit(f"{V1}.ReplaceService", "namespaces/demo-1/services/shop-api-two"), False),
        (audit(f"{V1}.ReplaceService", "namespaces/demo-1/services/shop-api", code=7), False),
        (audit(f"{V1}.DeleteService", "namespaces/demo-1/services/shop-api"), False),
        (audit(f"{V1}.SetIamPolicy", "namespaces/demo-1/services/shop-api"), False),
        (audit(f"{V1}.ReplaceService", "namespaces/demo-1/services/shop-api", log="x"), False),
    ],
)
def test_the_sink_takes_the_calls_of_all_ways_to_deploy(tmp_path, entry, starts):
    """The same filter in the script and in the Terraform module, read as the Logging query language is."""
    _, calls = setup(tmp_path)
    (text,) = [w.partition("=")[2] for words in calls for w in words if w.startswith("--log-filter=")]
    compare, _, rest = text.rpartition("NOT protoPayload.status.code>0")
    assert rest == ""
    refused = entry["protoPayload"].get("status", {}).get("code", 0) > 0
    assert (compiled(compare)(entry) and not refused) is starts
    module = (DEPLOY / "terraform" / "main.tf").read_text(encoding="utf-8")
    for line in compare.strip().splitlines():
        filled = line.replace("demo-1", "${var.project}")
        assert filled.replace("(shop-api|shop-web)", '(${join("|", sort(var.services))})') in module
    if starts:
        data = base64.b64encode(json.dumps(entry).encode())
        name = json.loads(base64.b64decode(data))["protoPayload"]["resourceName"]
        assert workflow(name)[2] in ("--service=shop-api", "--service=shop-web")


def test_the_terraform_module_makes_what_the_script_makes():
    with (DEPLOY / "terraform" / "main.tf").open(encoding="utf-8") as file:
        module = hcl2.load(file)
    text = (DEPLOY / "terraform" / "main.tf").read_text(encoding="utf-8")
    kinds = {kind.strip('"') for block in module["resource"] for kind in block}
    assert {"google_cloud_run_v2_job", "google_logging_project_sink", "google_eventarc_trigger"} <= kinds
    assert {role for _, role in ROLES} == set(re.findall(r"roles/[A-Za-z.]+", text))
    enabled = re.search(r"apis = \[(.*?)\]", text, re.DOTALL)
    wanted = re.findall(
        r"([a-z]+)\.googleapis\.com", (DEPLOY / "setup.sh").read_text().partition("enable")[2].partition("\n\n")[0]
    )
    assert sorted(re.findall(r'"([a-z]+)"', enabled[1])) == sorted(wanted)
    for word in (
        "--since=deploy",
        "--for=15m",
        "--out=gs://${var.project}",
        "--history=gs://${var.project}",
        '"7200s"',
    ):
        assert word in text


@pytest.mark.parametrize(
    ("name", "schema"), [("github-actions.yml", "vendor.github-workflows"), ("gitlab-ci.yml", "vendor.gitlab-ci")]
)
def test_files_of_ci_keep_their_published_schemas(name, schema):
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, DEPLOY / name]
    process = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert process.returncode == 0, process.stdout


def test_actions_are_pinned_and_the_container_speaks_to_github():
    text = (DEPLOY / "github-actions.yml").read_text(encoding="utf-8")
    used = re.findall(r"uses: (\S+/\S+@\S+)", text)
    assert used
    assert all(re.fullmatch(r"[a-z-]+/[a-z-]+@[0-9a-f]{40}", action) for action in used)
    assert "--env GITHUB_ACTIONS" in text


def test_a_missing_report_is_no_second_failure(tmp_path):
    """The step that shows the report, where nothing was written."""
    steps = yaml.safe_load((DEPLOY / "github-actions.yml").read_text(encoding="utf-8"))["jobs"]["verdict"]["steps"]
    (script,) = [step["run"] for step in steps if step.get("name") == "Show the report"]
    (tmp_path / "reports").mkdir()
    environment = {**os.environ, "GITHUB_STEP_SUMMARY": str(tmp_path / "summary")}
    subprocess.run(["bash", "-e", "-c", script], cwd=tmp_path, env=environment, check=True)
    assert (tmp_path / "summary").read_text() == "no report was written\n"


def test_the_image_is_pinned_and_not_root():
    """Its base by version, every package by the constraints, those of the build too; the user by number."""
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    assert re.search(r"^ARG PYTHON=python:3\.\d+\.\d+-slim-[a-z]+$", text, re.MULTILINE)
    assert re.findall(r"^FROM (\S+)", text, re.MULTILINE) == ["${PYTHON}"] * 2
    assert "ENV PIP_CONSTRAINT=/src/constraints.txt" in text
    assert re.findall(r"^USER (\S+)", text, re.MULTILINE) == ["10001"]
    copied = {word for line in re.findall(r"^COPY ([^-].*) \S+$", text, re.MULTILINE) for word in line.split()}
    assert all((ROOT / name).exists() for name in copied)


def test_there_is_time_for_the_longest_wait():
    """Deployment (10 min), Ready (10), window (15), the longest request time-out of Cloud Run (60): 95 minutes."""
    longest_s = (10 + 10 + 15 + 60) * 60
    assert job_spec()["timeoutSeconds"] > longest_s
    assert job_spec()["maxRetries"] == 0
    pipeline, target = yaml.safe_load_all(text_of("clouddeploy.yaml"))
    assert int(target["executionConfigs"][1]["executionTimeout"].removesuffix("s")) > longest_s
    assert target["executionConfigs"][1]["serviceAccount"] == job_spec()["serviceAccountName"]
    canary = pipeline["serialPipeline"]["stages"][0]["strategy"]["canary"]["canaryDeployment"]
    assert canary == {"percentages": [25], "verify": True}
    action_file = yaml.safe_load((DEPLOY / "github-actions.yml").read_text(encoding="utf-8"))
    assert action_file["jobs"]["verdict"]["timeout-minutes"] * 60 > longest_s


@pytest.mark.parametrize(
    "name", ["README.md", "deploy/README.md", "deploy/job.yaml", "deploy/github-actions.yml", "deploy/gitlab-ci.yml"]
)
def test_an_exit_code_that_is_none_of_ours_counts_as_4(name):
    """Wherever exit codes are explained: a process that was killed is no verdict."""
    assert re.search(
        r"any (other|code above 4)[^.]{0,120}(4|nothing was judged)", (ROOT / name).read_text("utf-8"), re.I
    )
