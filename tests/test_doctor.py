"""`doctor` and `config show`: what is wrong and how to fix it, and what could not be reached."""

import json
import threading
import tomllib
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from pipeline.settings import load
from pipeline.sources.cloud_logging.probes import probes
from tests.conftest import call

QUOTA = {
    "metrics": [
        {
            "metric": "logging.googleapis.com/read_requests",
            "consumerQuotaLimits": [{"unit": "1/min/{project}", "quotaBuckets": [{"effectiveLimit": "60"}]}],
        }
    ]
}
SINKS = {"sinks": [{"name": "runs", "destination": "bigquery.googleapis.com/projects/p/datasets/logs"}]}
GOOD = {
    "/v1/projects/p/services/logging.googleapis.com": {"state": "ENABLED"},
    "/v1/projects/p/services/bigquery.googleapis.com": {"state": "ENABLED"},
    "/v1/projects/p/services/monitoring.googleapis.com": {"state": "ENABLED"},
    "/v1/projects/p/services/run.googleapis.com": {"state": "ENABLED"},
    "/v1/projects/p/services/bigquerystorage.googleapis.com": {"state": "ENABLED"},
    "/v1/projects/p:testIamPermissions": {
        "permissions": [
            *("logging.logEntries.list", "bigquery.jobs.create"),
            *("monitoring.timeSeries.list", "run.services.get", "bigquery.readsessions.create"),
        ]
    },
    "/v1beta1/projects/p/services/logging.googleapis.com/consumerQuotaMetrics": QUOTA,
    "/v2/projects/p/sinks": SINKS,
    "/bigquery/v2/projects/p/datasets/logs": {"id": "p:logs"},
}


@pytest.fixture
def google():
    """A server that answers as Google's APIs do: an object is 200, a number that status; anything else is 404."""
    answers = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            answer = answers.get(self.path, 404)
            body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(answer if isinstance(answer, int) else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.do_GET()

        def log_message(self, *_):
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    answers["url"] = f"http://127.0.0.1:{server.server_port}"
    yield answers
    server.shutdown()
    server.server_close()


def doctor(google, *more, **answers):
    """The command against the server, with some answers that are not good."""
    google |= GOOD | answers
    return call("doctor", "--project", "p", "--dataset", "p.logs", "--api-endpoint", google["url"], *more)


def test_all_is_well(google):
    """Each probe says what it found."""
    found = doctor(google)
    assert (found.exit_code, found.stderr) == (0, "")
    optional = ("Cloud Monitoring", "Run Admin API", "Storage Read API")
    assert [line.split(":")[0].split(maxsplit=1) for line in found.stdout.splitlines()] == [
        ["ok", name]
        for name in ("settings", "credentials", "APIs", "roles", *optional, "quota", "sink", "dataset", "clock")
    ]
    assert "60 reads a minute, so 60,000 entries" in found.stdout
    assert "runs to bigquery.googleapis.com/projects/p/datasets/logs" in found.stdout


@pytest.mark.parametrize(
    ("path", "answer", "told", "fix"),
    [
        (
            "/v1/projects/p/services/logging.googleapis.com",
            {"state": "DISABLED"},
            "bad      APIs: not enabled: logging.googleapis.com",
            "fix: gcloud services enable logging.googleapis.com",
        ),
        (
            "/v1/projects/p:testIamPermissions",
            {},
            "bad      roles: without logging.logEntries.list, bigquery.jobs.create",
            "--role=roles/logging.viewer",
        ),
        (
            "/v1beta1/projects/p/services/logging.googleapis.com/consumerQuotaMetrics",
            json.loads(json.dumps(QUOTA).replace("60", "10")),
            "bad      quota: 10 reads a minute",
            "--reads-per-minute 10",
        ),
        ("/bigquery/v2/projects/p/datasets/logs", 404, "bad      dataset: p.logs does not exist", "bq mk"),
        ("/bigquery/v2/projects/p/datasets/logs", 403, "dataset: p.logs may not be seen", "roles/bigquery.dataEditor"),
    ],
)
def test_what_is_wrong_is_said_with_its_cure(google, path, answer, told, fix):
    """Exit code 4, the finding and the command that mends it."""
    found = doctor(google, **{path: answer})
    assert found.exit_code == 4
    assert told in found.stdout
    assert fix in found.stdout


@pytest.mark.parametrize("answer", [403, 500, b"<html>", {}])
def test_what_forbids_to_look_is_unknown(google, answer):
    """A refusal, an outage, a proxy's page or an answer without what was asked is no finding."""
    google |= dict.fromkeys(GOOD, answer)
    found = call("doctor", "--project", "p", "--api-endpoint", google["url"])
    assert "bad      quota" not in found.stdout
    assert "unknown  quota" in found.stdout
    if answer != {}:
        assert found.exit_code == 0
        assert "unknown  roles" in found.stdout


def test_no_sink_is_a_hint(google):
    """An export is a choice: nothing is wrong without one, or with one elsewhere or switched off."""
    sinks = [{"name": "x", "destination": "pubsub.googleapis.com/x"}, {**SINKS["sinks"][0], "disabled": True}]
    found = doctor(google, **{"/v2/projects/p/sinks": {"sinks": sinks}})
    assert found.exit_code == 0
    assert "hint: for more than an hour of a busy service: gcloud logging sinks create" in found.stdout


def test_a_right_that_only_adds_is_a_hint(google):
    """Nothing is wrong without it; what it would show stands beside the command."""
    rights = {"permissions": ["logging.logEntries.list", "bigquery.jobs.create", "run.services.get"]}
    disabled = {"/v1/projects/p/services/run.googleapis.com": {"state": "DISABLED"}}
    found = doctor(google, **{"/v1/projects/p:testIamPermissions": rights}, **disabled)
    assert found.exit_code == 0
    assert "ok       Cloud Monitoring: not used: without monitoring.timeSeries.list" in found.stdout
    assert "hint: to prove that no log is missing: gcloud projects add-iam-policy-binding p" in found.stdout
    assert "--role=roles/monitoring.viewer" in found.stdout
    assert "ok       Run Admin API: not used: run.googleapis.com is not enabled" in found.stdout
    assert "gcloud services enable run.googleapis.com" in found.stdout
    assert "ok       Storage Read API: not used: without bigquery.readsessions.create" in found.stdout
    assert "--role=roles/bigquery.readSessionUser" in found.stdout


def test_a_clock_that_is_off_is_wrong(google):
    """More than a minute from Google's."""
    google |= GOOD
    for off, state, told in ((0, "ok", "within"), (3600, "bad", "ahead of"), (-3600, "bad", "behind")):
        at = datetime.now(UTC) + timedelta(seconds=off)
        found = list(probes(project="p", endpoint=google["url"], clock=lambda at=at: at))[-1]
        assert (found.name, found.state) == ("clock", state)
        assert told in found.found


def test_nothing_can_be_reached(monkeypatch, tmp_path):
    """Without credentials the rest is unknown; without an answer too; neither takes long or fails."""
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "nothing.json"))
    found = call("doctor", "--project", "p")
    assert found.exit_code == 4
    assert "bad      credentials: File" in found.stdout
    assert "fix: gcloud auth application-default login" in found.stdout
    assert found.stdout.count("unknown") == 7
    gone = call("doctor", "--project", "p", "--api-endpoint", "http://127.0.0.1:9")
    assert gone.exit_code == 0
    assert "unknown  roles: cloudresourcemanager.googleapis.com was not reached: ConnectionError" in gone.stdout
    assert "add --project" in call("doctor", "--api-endpoint", "http://127.0.0.1:9").stdout


def test_no_other_machine_is_asked():
    """An endpoint elsewhere, or one with TLS, is refused: nobody shall be told that it is Google."""
    for url in ("http://example.com", "https://localhost", "ftp://127.0.0.1", "nonsense"):
        assert call("doctor", "--api-endpoint", url).exit_code == 2


def test_config_show_is_a_settings_file_that_says_the_same(tmp_path):
    """Read back it gives the same settings; what was changed is marked."""
    config = tmp_path / "mine.toml"
    config.write_text(
        '[policy."requests.error_rate"]\nmax_ratio = 0.02\n[exit]\nWARN = 1\n[catalogue]\npaths = ["packs"]\n'
        '[service."a.b".policy."requests.latency"]\nwarn_ms = 70\n[store]\nexpiration_days = 9\n'
        '[[expected]]\nevent = "auth.success"\nowner = "o"\nreason = "r"\nexpires = 2026-12-31\n'
        '[[required]]\nevent = "auth.success"\nper_requests = 100\n'
        '[[rename]]\nevent = "websocket.close"\nold = 1008\nnew = 1011\nsince = "a-00002-b"\n'
    )
    (tmp_path / "packs").mkdir()
    first = call("config", "show", "--config", config)
    assert first.exit_code == 0
    assert (
        "max_ratio = 0.02  # ratio, 0 to 1: set here; the default is 0.01: one failed request in a hundred"
        in first.stdout
    )
    marked = [line for line in first.stdout.splitlines() if "set here" in line]
    assert len(marked) == 8
    document = tomllib.loads(first.stdout)
    assert document["exit"] == {"WARN": 1, "INCONCLUSIVE": 3}
    assert document["catalogue"]["paths"] == [str(tmp_path / "packs")]
    again = tmp_path / "again.toml"
    again.write_text(first.stdout)
    second = call("config", "show", "--config", again)
    assert tomllib.loads(second.stdout) == document
    mine, theirs = load(config), load(again)
    assert (mine.service, mine.expected, mine.required, mine.rename, mine.store, mine.exit) == (
        *(theirs.service, theirs.expected, theirs.required, theirs.rename, theirs.store, theirs.exit),
    )
    assert second.stdout.splitlines()[1] == first.stdout.splitlines()[1]
    assert call("config", "show", "--config", tmp_path / "nothing.toml").exit_code == 2


VIEW = "organizations/7/locations/eu/buckets/central/views/team"


@pytest.mark.parametrize(
    ("resource", "path", "permission", "hint"),
    [
        ("folders/9", "/v3/folders/9", "logging.logEntries.list", "roles/logging.viewer on folder 9"),
        ("organizations/7", "/v3/organizations/7", "logging.logEntries.list", "roles/logging.viewer on organization 7"),
        (VIEW, f"/v2/{VIEW}", "logging.views.access", "roles/logging.viewAccessor on organization 7"),
    ],
)
def test_the_right_is_asked_for_on_the_resource_that_is_read(google, resource, path, permission, hint):
    """Not on the project, whose roles may be missing."""
    no_role = {"/v1/projects/p:testIamPermissions": {"permissions": ["bigquery.jobs.create"]}}
    asked = f"{path}:testIamPermissions"
    found = doctor(google, f"logging://{resource}", **no_role, **{asked: {"permissions": [permission]}})
    assert (found.exit_code, f"ok       right on {resource}: allowed: {permission}" in found.stdout) == (0, True)
    found = doctor(google, f"logging://{resource}", **no_role, **{asked: {}})
    assert found.exit_code == 4
    assert f"bad      right on {resource}: without {permission}" in found.stdout
    assert hint in found.stdout
