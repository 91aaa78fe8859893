"""Every number of a verdict document, counted by hand on two minutes of a revision; percentiles are R type 7."""

import pytest

from tests.conftest import check, entry, line, ndjson, request

EXIT = "Container called exit(3)."
SYSTEM = "run.googleapis.com%2Fvarlog%2Fsystem"


def timed(second, ms, status=200, path="/api/orders"):
    row = request(second, status, path)
    row["httpRequest"]["latency"] = f"{ms / 1000:.3f}s"
    return row


def start(second, instance, took_s):
    """An instance that starts and answers its probe."""
    more = {"log": SYSTEM, "labels": {"instanceId": instance}, "severity": "INFO"}
    reason = "Starting new instance. Reason: AUTOSCALING - Instance started due to traffic."
    probe = 'STARTUP HTTP probe succeeded after 1 attempt for container "shop-1" on port 8080 path "/".'
    return [
        line(second, reason, **more, insertId=f"start {instance}"),
        line(second + took_s, probe, **more, insertId=f"probe {instance}"),
    ]


@pytest.fixture(scope="module")
def document(tmp_path_factory):
    """Two starts, seven requests, seven lines that nothing explains, two exits, and a line of no revision."""
    rows = [
        *start(0, "i1", 4),
        *start(60, "i2", 2),
        *(timed(10 + n, 10 * (n + 1)) for n in range(3)),
        timed(20, 40, 500),
        *(timed(70 + n, 50 + 10 * n, 404, "/api/cart") for n in range(2)),
        timed(80, 5, 200, "/health"),
        *(line(30 + n, "the shelf is empty", severity="WARNING", insertId=f"w{n}") for n in range(3)),
        line(40, "a parcel is late", severity="ERROR"),
        line(41, "stock counted", severity="INFO"),
        line(42, "no level here"),
        *(
            line(at, "Container called exit(3).", log=SYSTEM, severity="WARNING", insertId=f"x{at}")
            for at in (100, 110)
        ),
        entry(50, revision=None, textPayload="of the service", severity="NOTICE"),
        entry(120, jsonPayload={"message": "bye"}, severity="DEBUG"),
    ]
    folder = tmp_path_factory.mktemp("document")
    ((_, found),) = check(folder / "store", ndjson(folder / "x.ndjson", rows)).verdicts
    return found


def test_the_revisions_own_entries(document):
    """Twenty of them; the line of no revision stands apart."""
    assert document.inputs.model_dump() == {
        "entries": 20,
        "parsed": 20,
        "unparsed": 0,
        "explained": 13,
        "unexplained": 7,
        "by_log": {
            "run.googleapis.com/requests": 7,
            "run.googleapis.com/stderr": 7,
            "run.googleapis.com/varlog/system": 6,
        },
        "by_severity": {"DEBUG": 1, "DEFAULT": 1, "ERROR": 2, "INFO": 9, "WARNING": 7},
        "by_level": {"DEBUG": 1, "DEFAULT": 1, "ERROR": 2, "INFO": 9, "WARNING": 7},
    }
    of_the_service = document.service_level
    assert (of_the_service.entries, of_the_service.unexplained, of_the_service.by_level) == (1, 1, {"NOTICE": 1})


def test_its_window(document):
    """Two minutes, which end as the file does: not settled."""
    assert document.window.model_dump() == {
        "start": None,
        "end": None,
        "settled": False,
        "filtered": False,
        "covered_start": "2026-01-15T09:00:00Z",
        "covered_end": "2026-01-15T09:02:00Z",
    }


def percentiles(*values):
    return dict(zip(("p50", "p95", "p99", "max"), values, strict=True))


def test_its_requests(document):
    """All seven, and the six of users; R: binom.test(1, 7)$conf.int."""
    requests = document.requests
    assert (requests.n, requests.errors_5xx, requests.eligible, requests.eligible_5xx) == (7, 1, 6, 1)
    assert (requests.rate, requests.low, requests.high) == pytest.approx((1 / 7, 0.003610297, 0.578723197), abs=1e-9)
    assert requests.latency_ms.model_dump() == percentiles(30, 57, 59.4, 60)
    assert requests.user_latency_ms.model_dump() == percentiles(35, 57.5, 59.5, 60)
    rows = [(one.endpoint, one.n, one.errors_4xx, one.errors_5xx, one.latency_ms) for one in requests.by_endpoint]
    assert [(*row, times.model_dump()) for *row, times in rows] == [
        ("GET /api/orders", 4, 0, 1, percentiles(25, 38.5, 39.7, 40)),
        ("GET /api/cart", 2, 2, 0, percentiles(55, 59.5, 59.9, 60)),
        ("GET /health", 1, 0, 0, percentiles(5, 5, 5, 5)),
    ]


def test_its_events_and_codes(document):
    """By name; only requests took time."""
    rows = [(one.event, one.cause, one.outcome, one.n, one.lines, one.duration_ms) for one in document.events]
    assert [row[:5] for row in rows] == [
        ("http.request", "http.request", "info", 7, 7),
        ("platform.exit", "platform.exit", "failure", 2, 2),
        ("platform.instance_started", "platform.instance_started", "info", 2, 2),
        ("platform.probe_succeeded", "platform.probe_succeeded", "info", 2, 2),
    ]
    assert rows[0][5].model_dump() == {**percentiles(30, 57, 59.4, 60), "n": 7}
    assert [row[5] for row in rows[1:]] == [None, None, None]
    assert [(one.event, one.code, one.n) for one in document.codes] == [
        *(("http.request", 200, 4), ("http.request", 404, 2), ("http.request", 500, 1), ("platform.exit", 3, 2)),
    ]


def test_its_unknown_lines(document):
    """The most severe first, each with its first time; none is left out."""
    assert [(one.signature, one.level, one.n, one.first[14:]) for one in document.signatures] == [
        ("a parcel is late", "ERROR", 1, "00:40Z"),
        ("the shelf is empty", "WARNING", 3, "00:30Z"),
        ("stock counted", "INFO", 1, "00:41Z"),
        ("no level here", "DEFAULT", 1, "00:42Z"),
        ("bye", "DEBUG", 1, "02:00Z"),
    ]
    assert document.signatures_left_out == 0


def test_its_instances(document):
    """i1 took 4 s to start, i2 2 s; the lines of the service's own code are of a third one."""
    deployment = document.deployment
    assert (deployment.instances, deployment.starts_by_reason) == (3, {"AUTOSCALING": 2})
    assert deployment.start_up_ms.model_dump() == {**percentiles(3000, 3900, 3980, 4000), "n": 2}
    assert (deployment.first_request, deployment.traffic_ratio) == ("2026-01-15T09:00:00Z", 1.0)
    assert (deployment.deployed, deployment.ready, deployment.ready_ms) == (None, None, None)


def test_its_evidence_leads_to_the_entry(document):
    """The first exit: its time, its id, and the page of Logs Explorer that shows it."""
    (check_,) = [one for one in document.checks if one.id == "platform.exits"]
    first, second = check_.evidence
    assert (first.timestamp, first.insert_id, first.excerpt) == (
        "2026-01-15T09:01:40Z",
        "x100",
        EXIT,
    )
    assert second.insert_id == "x110"
    assert first.url == (
        "https://console.cloud.google.com/logs/query;query=insertId%3D%22x100%22%0A"
        "timestamp%3D%222026-01-15T09%3A01%3A40Z%22?project=demo"
    )
