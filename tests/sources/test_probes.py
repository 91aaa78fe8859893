"""What the probes of Google Cloud find at their borders: quotas, clocks, statuses of a dataset, credentials."""

import json
from datetime import timedelta

import pytest

from pipeline.sources.cloud_logging.probes import probes
from tests.conftest import START
from tests.servers.cloud_logging import CloudLogging

QUOTAS = "/v1beta1/projects/p/services/logging.googleapis.com/consumerQuotaMetrics"
RIGHTS = "/v1/projects/p:testIamPermissions"
SINKS = "/v2/projects/p/sinks"
DATASET = "/bigquery/v2/projects/p/datasets/logs"
MONITORING = "/v1/projects/p/services/monitoring.googleapis.com"


class Answers:
    """Answers to a GET by its path: a status and an object; all others are 404."""

    def __init__(self, answers):
        self.answers = answers

    def answer(self, path, _params):
        return self.answers.get(path, (404, {}))


def found(answers, *, date=START, clock=START, **more):
    """Each probe by its name, where an address answers so at a time."""
    cloud = CloudLogging()
    cloud.date = date
    cloud.others.append(Answers(answers))
    with cloud.running() as url:
        given = {"project": "p", "endpoint": url, "clock": lambda: clock, **more}
        return {probe.name: probe for probe in probes(**given)}


def metric(*limits, name="logging.googleapis.com/read_requests"):
    """A metric of a quota, with a bucket for each limit."""
    return {"metric": name, "consumerQuotaLimits": [{"quotaBuckets": [{"effectiveLimit": str(n)} for n in limits]}]}


@pytest.mark.parametrize(
    ("metrics", "state", "words"),
    [
        ([metric(60)], "ok", "60 reads a minute, so 60,000 entries"),
        ([metric(59)], "bad", "59 reads a minute, so 59,000 entries"),
        ([metric(61)], "ok", "61 reads a minute, so 61,000 entries"),
        ([metric(600, 59)], "bad", "59 reads a minute, so 59,000 entries"),
        ([metric(5, name="other"), metric(60)], "ok", "60 reads a minute, so 60,000 entries"),
        ([metric(5, name="other")], "unknown", "no limit on reads is told; 60 a minute is usual"),
        ([], "unknown", "no limit on reads is told; 60 a minute is usual"),
    ],
)
def test_how_many_reads_a_minute_has(metrics, state, words):
    """The least of all limits; below the usual 60 something is to be done."""
    probe = found({QUOTAS: (200, {"metrics": metrics})})["quota"]
    assert (probe.state, probe.found) == (state, words)


@pytest.mark.parametrize(
    ("off_s", "state", "words"),
    [
        (0, "ok", "within 60 s of Google's"),
        (60, "ok", "within 60 s of Google's"),
        (-60, "ok", "within 60 s of Google's"),
        (61, "bad", "61 s ahead of Google's"),
        (-61, "bad", "61 s behind Google's"),
    ],
)
def test_by_how_much_a_clock_may_be_off(off_s, state, words):
    """A minute."""
    probe = found({SINKS: (200, {})}, clock=START + timedelta(seconds=off_s))["clock"]
    assert (probe.state, probe.found) == (state, words)


def test_an_answer_without_a_time_says_nothing_of_the_clock():
    """It is unknown."""
    assert found({SINKS: (200, {})}, date=None)["clock"].state == "unknown"


@pytest.mark.parametrize(
    ("status", "state", "words"),
    [
        (200, "ok", "p.logs exists"),
        (201, "unknown", "bigquery.googleapis.com answered 201"),
        (403, "bad", "p.logs may not be seen"),
        (404, "bad", "p.logs does not exist"),
        (405, "unknown", "bigquery.googleapis.com answered 405"),
        (500, "unknown", "bigquery.googleapis.com answered 500"),
    ],
)
def test_what_a_dataset_answers(status, state, words):
    """There, denied, missing, or not known."""
    probe = found({DATASET: (status, {})}, dataset="p.logs")["dataset"]
    assert (probe.state, probe.found) == (state, words)


def test_any_other_status_is_no_answer():
    """The body of it counts for nothing."""
    probe = found({QUOTAS: (201, {"metrics": [metric(60)]})})["quota"]
    assert (probe.state, probe.found) == (
        "unknown",
        "serviceusage.googleapis.com answered 201: this account may not look",
    )


@pytest.mark.parametrize(
    ("sink", "is_useful"),
    [
        ({"destination": "bigquery.googleapis.com/projects/p/datasets/logs"}, True),
        ({"destination": "storage.googleapis.com/logs"}, True),
        ({"destination": "storage.googleapis.com/logs", "disabled": True}, False),
        ({"destination": "pubsub.googleapis.com/x"}, False),
        ({}, False),
    ],
)
def test_which_sinks_can_be_read(sink, is_useful):
    """To BigQuery and Cloud Storage, as long as they are not switched off."""
    probe = found({SINKS: (200, {"sinks": [{"name": "runs", **sink}]})})["sink"]
    assert (probe.state, probe.found.startswith("runs to ")) == ("ok", is_useful)


def test_an_optional_api_that_is_not_enabled():
    """It is not used, and nothing is wrong."""
    probe = found({MONITORING: (200, {"state": "DISABLED"})})["Cloud Monitoring"]
    assert (probe.state, probe.found) == ("ok", "not used: monitoring.googleapis.com is not enabled")


def credentials(tmp_path, monkeypatch, **more):
    """What the first probe says of a file of credentials; nothing is sent."""
    key = {"type": "authorized_user", "client_id": "a", "client_secret": "b", "refresh_token": "c", **more}
    (tmp_path / "key.json").write_text(json.dumps(key))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "key.json"))
    return next(probes())


def test_the_kind_of_the_credentials_is_said(tmp_path, monkeypatch):
    """With the project that they are of."""
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "demo")
    probe = credentials(tmp_path, monkeypatch)
    assert (probe.name, probe.state, probe.found) == ("credentials", "ok", "credentials, project demo")


def test_broken_credentials_are_said_in_one_line(tmp_path, monkeypatch):
    """With how to sign in."""
    probe = credentials(tmp_path, monkeypatch, type="nobody's")
    assert (probe.state, "\n" in probe.found, "nobody's" in probe.found) == ("bad", False, True)
    assert probe.fix.startswith("gcloud auth application-default login")
