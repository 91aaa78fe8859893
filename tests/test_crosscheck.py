"""What Cloud Monitoring and the Run Admin API know: used where it can be read, named where not, never waited for."""

import json
import socket
import threading
import time
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import partial

import pytest

from pipeline.sources import optional
from pipeline.sources.base import Access
from pipeline.sources.monitoring import request_count
from pipeline.sources.run_admin import describe
from tests.conftest import START, call, entry, line, ndjson, request
from tests.servers.cloud_logging import CloudLogging
from tests.servers.monitoring import Monitoring
from tests.servers.run_admin import RunAdmin
from tests.sources.test_deployments import call as deploy_call
from tests.sources.test_deployments import ready

NEW, OLD, NEXT = "shop-api-00042-abc", "shop-api-00041-old", "shop-api-00043-nxt"
WINDOW = ("--since", "2026-01-15T09:00:00Z", "--until", "2026-01-15T09:06:00Z")


def served(first=2, last=358, **more):
    """One request a second."""
    return [request(second, **more) for second in range(first, last)]


def deployed(at=-20, revision=NEW):
    return [deploy_call(at), ready(at + 20, revision)]


SHOWN = "the traffic split, the image and who deployed it"


class Google:
    """The three APIs at one address."""

    def __init__(self, entries, counted=None):
        self.logging = CloudLogging(entries)
        self.monitoring = Monitoring()
        self.monitoring.count(entries if counted is None else counted)
        self.run = RunAdmin()
        self.run.deploy("shop-api", NEW, "2026-01-15T08:59:30.123456789Z")
        self.logging.others = [self.monitoring, self.run]

    def check(self, *more, window=WINDOW):
        """The exit code and the verdict."""
        with self.logging.running() as url:
            words = ("check", "logging://demo", "--service", "shop-api", "--format", "json", "--api-endpoint", url)
            found = call(*words, *window, *more)
        verdicts = json.loads(found.stdout)
        judged = verdicts if isinstance(verdicts, list) else [verdicts]
        return found.exit_code, next(one for one in judged if one["revision"] == NEW)


def complete(verdict, check="evidence.complete"):
    """Status and reason of a check."""
    return next((one["status"], one["reason"]) for one in verdict["checks"] if one["id"] == check)


def test_every_request_that_was_counted_is_logged():
    """Minutes 0 to 5 have 356 requests, the last ends before 09:06:00; the configuration stands in the deployment."""
    code, verdict = Google([*deployed(), *served()]).check()
    assert code == 0
    assert verdict["completeness"] == {"counted": 356, "logged": 356}
    assert complete(verdict) == (
        "PASS",
        "of 356 requests that Cloud Monitoring counted in 6 minutes, 356 are in the log (100 %)",
    )
    assert verdict["deployment"]["configuration"] == {
        "image": "europe-docker.pkg.dev/demo/run/shop-api@sha256:ab12",
        "commit": "5c2d7a1",
        "deployer": "service account ci-deployer",
        "timeout_s": 300.0,
        "traffic": [{"revision": NEW, "percent": 100}],
        "is_ready": True,
        "message": "",
        "url": "https://shop-api-ab12-ew.a.run.app",
        "memory": "512Mi",
        "cpu": "1",
        "concurrency": 80,
    }


@pytest.mark.parametrize(("dropped", "status"), [(7, "PASS"), (8, "INCONCLUSIVE"), (300, "INCONCLUSIVE")])
def test_requests_that_are_missing_from_the_log(dropped, status):
    """Below 98 % of 356 are 348.88: with 8 missing it is 97.8 %, and nothing passes."""
    rows = served()
    code, verdict = Google([*deployed(), *rows[dropped:]], counted=rows).check()
    assert verdict["completeness"] == {"counted": 356, "logged": 356 - dropped}
    assert complete(verdict)[0] == status
    assert (code, verdict["verdict"]) == ((0, "PASS") if status == "PASS" else (3, "INCONCLUSIVE"))
    if status != "PASS":
        assert "an exclusion filter or sampling drops the rest" in verdict["headline"]


def test_what_reaches_no_container_fills_no_gap():
    """50 rows of the platform's own refusals do not stand for 50 requests that are missing."""
    rows = served()
    refused = [
        request(
            s, 429, textPayload="The request was aborted because there was no available instance.", insertId=f"r{s}"
        )
        for s in range(100, 150)
    ]
    _, verdict = Google([*deployed(), *rows[50:], *refused], counted=[*rows, *refused]).check()
    assert verdict["completeness"] == {"counted": 356, "logged": 306}


def test_too_few_are_not_compared():
    """99 are too few, 100 are not."""
    for n, status in ((99, "NOT_OBSERVABLE"), (100, "PASS")):
        _, verdict = Google([*deployed(), *served(10, 10 + n), line(200, "x"), line(355, "y")]).check()
        assert complete(verdict)[0] == status


def test_a_request_that_began_before_the_window_counts_once():
    """It began in the lookback and ended in the window: the log of the window alone does not have it."""
    early = [ready(-3000, NEW)]
    long = [request(-30, insertId="long") | {"httpRequest": request(-30)["httpRequest"] | {"latency": "45s"}}]
    google = Google([*early, *served(-900, -60), *long, *served()])
    _, verdict = google.check()
    assert verdict["completeness"] == {"counted": 357, "logged": 357}
    _, verdict = google.check("--baseline", "none", "--settle", "60s")
    assert verdict["completeness"] == {"counted": 298, "logged": 298}  # from 09:01 on


def test_all_pages_are_read():
    """A list of six minutes in pages of two."""
    google = Google([*deployed(), *served()])
    google.monitoring.page_size = 2
    assert google.check()[1]["completeness"] == {"counted": 356, "logged": 356}
    assert len(google.monitoring.calls) == 3


@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
def test_rights_that_are_missing_are_named(status):
    """The verdict is what the log shows; what a right would add is a note."""
    google = Google([*deployed(), *served()])
    google.monitoring.status = google.run.status = status
    code, verdict = google.check()
    assert (code, verdict["verdict"], verdict["completeness"]) == (0, "PASS", None)
    assert complete(verdict) == ("NOT_OBSERVABLE", f"Cloud Monitoring answered {status}")
    asked = [note for note in verdict["notes"] if "grant" in note]
    assert asked == [
        f"Cloud Monitoring answered {status}; grant roles/monitoring.viewer to prove that no log is missing.",
        f"The Run Admin API answered {status}; grant roles/run.viewer to show {SHOWN}.",
    ]
    assert verdict["deployment"]["configuration"] is None


@pytest.mark.parametrize("missing", ["monitoring", "run"])
def test_a_right_that_is_there_is_used_without_the_other(missing):
    """One note alone, and exit code 0."""
    google = Google([*deployed(), *served()])
    getattr(google, missing).status = 403
    code, verdict = google.check()
    notes = [note for note in verdict["notes"] if "grant" in note]
    assert (code, len(notes)) == (0, 1)
    assert f"grant roles/{missing}.viewer to" in notes[0]
    assert (verdict["completeness"] is None) == (missing == "monitoring")
    assert (verdict["deployment"]["configuration"] is None) == (missing == "run")


@pytest.mark.parametrize("status", [404, 501])
def test_an_api_that_is_not_there_is_no_missing_right(status):
    """Behind another address only Cloud Logging may stand."""
    google = Google([*deployed(), *served()])
    google.monitoring.status = google.run.status = status
    code, verdict = google.check()
    assert (code, complete(verdict)) == (0, ("NOT_OBSERVABLE", f"Cloud Monitoring answered {status}"))
    assert not any("grant" in note for note in verdict["notes"])


def test_files_are_compared_with_nothing(tmp_path):
    """Nothing is asked anywhere."""
    path = ndjson(tmp_path / "x.ndjson", [*deployed(), *served()])
    verdict = json.loads(call("check", path, "--format", "json").stdout)
    assert complete(verdict)[0] == "NOT_APPLICABLE"
    assert verdict["completeness"] is None


@contextmanager
def hanging(drip):
    """An address that takes every request and gives no whole answer; drip: a byte now and then."""
    listener = socket.create_server(("127.0.0.1", 0))
    ended = threading.Event()

    def serve(client):
        client.recv(65536)
        if drip:
            client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while not ended.wait(0.05):
            if drip:
                client.sendall(b" ")
        client.close()

    def accept():
        while not ended.is_set():
            with suppress(OSError):
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        ended.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


@pytest.mark.parametrize("drip", [False, True], ids=["silent", "a byte now and then"])
def test_a_server_that_hangs_is_not_waited_for(monkeypatch, drip):
    """All reads together have the limit, which is 5 s; here half a second."""
    assert optional.LIMIT_S == 5
    monkeypatch.setattr(optional, "LIMIT_S", 0.5)
    with hanging(drip) as url:
        who = {"project": "demo", "location": "europe-west1", "service": "shop-api", "revision": NEW}
        minutes = START, START + timedelta(minutes=5)
        reads = {n: partial(request_count, Access(url), minutes, **who) for n in range(9)}
        reads |= {f"described {n}": partial(describe, Access(url), **who) for n in range(9)}
        began = time.monotonic()
        found = optional.within_limit(reads)
        took = time.monotonic() - began
    assert 0.4 < took < 1.5
    reasons = {"gave no whole answer within 0.5 s", "not reached (ReadTimeout)", "not reached (ConnectionError)"}
    assert {str(answer) for answer in found.values()} <= reasons
    assert len(found) == 18


def test_a_revision_that_cloud_run_calls_ready_is_not_pending():
    """Its Ready entry is late: the call alone is in the log, and no request came yet."""
    entries = [ready(-3000, OLD), deploy_call(10, latest=NEW), *served(2, 300, revision="00041-old")]
    entries += [entry(s, insertId=f"e{s}", textPayload="up") for s in (20, 355)]
    google = Google(entries)
    _, verdict = google.check()
    assert complete(verdict, "deployment.ready") == (
        "NOT_OBSERVABLE",
        "Cloud Run says that it is ready, and its Ready entry is not in the log",
    )
    assert complete(verdict, "evidence.deployed") == (
        "INCONCLUSIVE",
        "it is ready, but no request reached it; Cloud Run sends it 100 % of the traffic",
    )
    google.run.deploy(
        "shop-api", NEW, "2026-01-15T09:00:05Z", ready="CONDITION_FAILED", message="No such image. See x."
    )
    code, verdict = google.check()
    assert (code, complete(verdict, "deployment.ready")) == (
        1,
        ("FAIL", "the revision failed to become ready: No such image"),
    )


def test_a_newer_revision_that_the_log_does_not_show():
    """Created within the window: the log lacks its deployment, so the older one passes nothing. Later: superseded."""
    google = Google([*deployed(), *served()])
    google.run.deploy("shop-api", NEXT, "2026-01-15T09:05:00Z")
    code, verdict = google.check()
    assert (code, complete(verdict, "evidence.deployed")) == (
        3,
        ("INCONCLUSIVE", f"{NEXT} was created after it, and the log does not show its deployment"),
    )
    google.run.deploy("shop-api", NEXT, "2026-01-15T09:05:00Z", ready="CONDITION_FAILED")
    assert google.check()[0] == 0  # it took nothing over
    google.run.deploy("shop-api", NEXT, "2026-01-15T09:05:00Z")
    google.run.revisions["shop-api", NEXT]["createTime"] = "2026-01-15T09:07:00Z"
    code, verdict = google.check()
    assert (code, verdict["superseded_by"]) == (0, NEXT)
    assert f"superseded by {NEXT}" in verdict["headline"]


@pytest.mark.parametrize(
    "answer", [{}, [], {"timeSeries": [1]}, {"timeSeries": [{"points": [{"value": {"int64Value": "x"}}]}]}]
)
def test_an_answer_that_is_none_of_the_apis(answer):
    """Whatever stands there, the verdict is the log's."""

    class Odd:
        def answer(self, _path, _params):
            return 200, answer

    google = Google([*deployed(), *served()])
    google.logging.others = [Odd()]
    code, verdict = google.check()
    assert (code, complete(verdict)[0]) == (0, "NOT_OBSERVABLE")


def test_the_report_says_who_deployed_what(tmp_path):
    """On the first screen, and as a claim of its own that no request is missing."""
    google = Google([*deployed(), *served()])
    with google.logging.running() as url:
        call("check", "logging://demo", "--service", "shop-api", "--out", tmp_path, "--api-endpoint", url, *WINDOW)
    page = (tmp_path / f"shop-api/{NEW}/report.html").read_text(encoding="utf-8")
    assert (
        "deployed by service account ci-deployer, commit 5c2d7a1, image "
        "europe-docker.pkg.dev/demo/run/shop-api@sha256:ab12, sent 100 % of the traffic"
    ) in page
    assert "URL https://shop-api-ab12-ew.a.run.app, image europe-docker" in page
    assert "memory 512Mi, CPU 1, requests at a time 80, timeout 5 min." in page
    assert "No request is missing from the log" in page
