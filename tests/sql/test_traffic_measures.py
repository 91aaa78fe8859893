"""The measures of statuses, clients, instances, tails and sizes, on rows counted by hand."""

import math

import polars as pl
import pytest

from tests.sql.test_measures import event, measured, request

UPTIME = "GoogleStackdriverMonitoring-UptimeChecks(https://cloud.google.com/monitoring)"
SCHEDULER, TASKS = "Google-Cloud-Scheduler", "Google-Cloud-Tasks/1.0"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("store")


def rows_of(frame, *columns):
    return sorted(frame.select(columns).rows())


def test_statuses_by_endpoint_caller_and_ten_seconds(folder):
    """Of users and Cloud Scheduler; and apart from them a handshake, health checks, a preflight and a scan."""
    rows = [request(1), request(2), request(3, 404), request(11), request(4, 503, "/job", http_user_agent=SCHEDULER)]
    rows += [request(5, 403, "/ws"), request(6, path="/health"), request(7, path="/", http_user_agent=UPTIME)]
    rows += [request(8, 204, "/cart", http_method="OPTIONS"), request(9, 404, "/wp-login.php")]
    rows += [
        request(12, 404, "/health", http_method="OPTIONS"),
        request(13, 404, "/backup.sql"),
        request(14, 200, "/x.php"),
    ]
    found = measured(folder, "statuses", rows)
    assert rows_of(found, "endpoint", "caller", "status", "slot", "n") == [
        ("GET /", "health", 200, 0, 1),
        ("GET /api/orders", "", 200, 0, 2),
        ("GET /api/orders", "", 200, 1, 1),
        ("GET /api/orders", "", 404, 0, 1),
        ("GET /backup.sql", "scan", 404, 1, 1),
        ("GET /health", "health", 200, 0, 1),
        ("GET /job", "Cloud Scheduler", 503, 0, 1),
        ("GET /wp-login.php", "scan", 404, 0, 1),
        ("GET /ws", "websocket", 403, 0, 1),
        ("GET /x.php", "", 200, 1, 1),
        ("OPTIONS /cart", "preflight", 204, 0, 1),
        ("OPTIONS /health", "preflight", 404, 1, 1),
    ]


@pytest.mark.parametrize(
    ("agent", "caller"),
    [
        (SCHEDULER, "Cloud Scheduler"),
        (TASKS, "Cloud Tasks"),
        ("CloudPubSub-Google", "Pub/Sub or Eventarc"),
        ("APIs-Google; (+https://developers.google.com/webmasters/APIs-Google.html)", "Pub/Sub or Eventarc"),
        ("Mozilla/5.0 Google-Cloud-Tasks", ""),
        (None, ""),
    ],
)
def test_callers_are_told_by_their_user_agent(folder, agent, caller):
    """At its start: what a browser appends is no caller."""
    found = measured(folder, "statuses", [request(1, http_user_agent=agent)])
    assert found["caller"].to_list() == [caller]


def test_requests_end_in_a_minute_and_in_a_container(folder):
    """Begun at 59 s, 2 s long: minute 1. What found no instance, was refused by the platform, or is no request log's
    row, is not what Cloud Monitoring counts."""
    rows = [request(1), request(59, latency_ms=2000.0), request(60), request(61, latency_ms=None)]
    rows += [request(2, 429, cause="platform.no_instance"), request(3, 403, cause="platform.unauthenticated")]
    logged = [{**row, "log_id": "run.googleapis.com/requests"} for row in rows]
    logged.append(request(4, log_id="run.googleapis.com/stdout"))
    assert rows_of(measured(folder, "ended", logged), "minute", "n") == [(0, 1), (1, 3)]


def test_clients_count_once_a_status(folder):
    """Two clients, one with three of four requests; c1 met a 404 twice. Unknown clients are left out."""
    rows = [request(1, client="c1"), request(2, 404, client="c1"), request(3, 404, client="c1")]
    rows += [request(4, client="c2"), request(5, client=None), request(6, path="/b", client="c3")]
    found = measured(folder, "clients", rows)
    assert rows_of(found, "endpoint", "status", "clients", "most") == [
        ("", 0, 3, 3),
        ("", 200, 3, 1),
        ("", 404, 1, 2),
        ("GET /api/orders", 0, 2, 3),
        ("GET /api/orders", 200, 2, 1),
        ("GET /api/orders", 404, 1, 2),
        ("GET /b", 0, 1, 1),
        ("GET /b", 200, 1, 1),
    ]


def test_peers_add_up_their_buckets(folder):
    """i1 answered thrice in bucket 816 (10.25395 ms), once with 500, once with 400; a latency of zero takes no time."""
    rows = [request(1, latency_ms=10.25395), request(2, 500, latency_ms=10.25395), request(4, 400, latency_ms=10.25395)]
    rows += [request(3, latency_ms=0.0, instance_id="i2")]
    found = measured(folder, "peers", rows)
    columns = ("instance_id", "endpoint", "n", "errors_5xx", "n_steady", "bucket_sum", "bucket_squares")
    assert rows_of(found, *columns) == [("i1", "(others)", 3, 1, 1, 816, 816 * 816), ("i2", "(others)", 1, 0, 0, 0, 0)]


def test_peers_by_endpoint_where_it_has_fifty_requests(folder):
    """49 of one endpoint are among the others, 50 of another have a row of their own on each instance."""
    rows = [request(s, path="/rare") for s in range(49)]
    rows += [request(s, path="/often", instance_id="i1" if s < 30 else "i2") for s in range(50)]
    found = measured(folder, "peers", rows)
    assert rows_of(found, "instance_id", "endpoint", "n") == [
        ("i1", "(others)", 49),
        ("i1", "GET /often", 30),
        ("i2", "GET /often", 20),
    ]


def test_tails_hold_twenty_buckets_a_step(folder):
    """Bucket 816 is in step 40, of buckets 801 to 820; 1.02^820 ns are 11.3 ms, so 11.4 ms is in step 41."""
    assert math.ceil(math.log(11.4e6) / math.log(1.02)) == 821
    rows = [request(1, latency_ms=10.25395), request(59, latency_ms=10.25395), request(60, latency_ms=11.4)]
    found = measured(folder, "tails", rows)
    assert rows_of(found, "name", "minute", "step", "n") == [
        ("GET /api/orders", 0, 40, 2),
        ("GET /api/orders", 1, 41, 1),
    ]


def test_bodies_by_size(folder):
    """Of answers at 200 to 299 with a size: empty ones at 0; 1.02^385 is 2,046.8 bytes. A 204 is empty, told or not."""
    rows = [request(s, http_response_bytes=size) for s, size in ((1, 0), (2, 1), (3, 2046), (4, 2047), (5, None))]
    rows += [request(6, 404, http_response_bytes=2048), request(6, 300, http_response_bytes=2048)]
    rows += [request(7, 204, http_response_bytes=None), request(8, 299, http_response_bytes=2046)]
    found = measured(folder, "bodies", rows)
    assert rows_of(found, "size", "n") == [(0, 3), (385, 2), (386, 1)]


def test_probes_by_kind(folder):
    """One start-up probe and two liveness probes failed."""
    kinds = ("STARTUP", "LIVENESS", "LIVENESS")
    rows = [event("platform.probe_failed", s, fields=f'{{"kind":"{kind}"}}') for s, kind in enumerate(kinds)]
    found = measured(folder, "probes", rows)
    assert rows_of(found, "kind", "n") == [("LIVENESS", 2), ("STARTUP", 1)]


def test_requests_that_wait_for_their_instance(folder):
    """i1 started at 100 s and answered its probe at 106 s: the request of 105 s waited, that of 107 s did not."""
    rows = [event("platform.instance_started", 100), event("platform.probe_succeeded", 106)]
    rows += [request(99), request(105), request(107), request(105, instance_id="i2")]
    assert measured(folder, "requests", rows)["eligible_waited"].to_list() == [2]


def test_the_longest_pause_of_users(folder):
    """Requests at 0, 10 and 310 s, a health check between; two clients."""
    rows = [request(0, client="c1"), request(10, client="c2"), request(310, client="c1"), request(100, path="/health")]
    (row,) = measured(folder, "requests", rows).to_dicts()
    assert (row["longest_silence_ns"], row["last_eligible_ns"]) == (300 * 10**9, 310 * 10**9)
    assert row["eligible_clients"] == 2


def test_sockets_are_timed_by_how_long_they_lived(folder):
    """101 rows have the connection's length as their latency, and are no requests of an endpoint."""
    rows = [request(1, 101, "/ws", latency_ms=150_000.0), request(2, latency_ms=10.0)]
    found = measured(folder, "histograms", rows)
    assert dict(found.group_by("kind").agg(pl.col("n").sum()).iter_rows()) == {"socket": 1, "endpoint": 1}


def test_unknown_lines_are_timed_by_what_they_name(folder):
    """In ms or s, once a line, in ms first; versions, sizes, clock times and bare numbers are no times."""
    plain = {"event": None, "cause": None, "outcome": None, "signature": "s", "level": "INFO"}
    texts = {
        "gateway answered in 900 ms": 900.0,
        "took 12.5ms, slept 3 s": 12.5,
        "elapsed_ms=40 size=900": 40.0,
        '{"elapsed_ms": 41}': 41.0,
        "done (1.2s)": 1200.0,
        "3 seconds": 3000.0,
        "v1.2.3 of 900 MB at 10:00:30 s3 bucket 7 items 8 msg 5 stores": None,
        "no number of ms": None,
        # What is announced or configured is not measured; what stands beside it is.
        "retry in 30 s": None,
        "Retrying request after 200 ms (attempt 2)": None,
        "will try again in 5s": None,
        "polls every 5 seconds": None,
        "token expires in 3600 s": None,
        "sleeping for 250 ms": None,
        "timeout of 30 s": None,
        "timeout=30s": None,
        "timeout_ms=500": None,
        '{"retry_after_ms": 300}': None,
        "a 30 s timeout, no answer": None,
        "within 300 ms": None,
        "failed in 510 ms, retry in 30 s": 510.0,
        "retry in 30 s, failed in 560 ms": 560.0,
        "gateway timed out after 610 ms": 610.0,
        "timeout after 670 ms": 670.0,
        "timeout_ms=500 elapsed_ms=730": 730.0,
        "retried and answered in 800 ms": 800.0,
    }
    rows = [event("x", second) | plain | {"message": text} for second, text in enumerate(texts)]
    found = measured(folder, "histograms", rows)
    assert found.filter(pl.col("kind") != "line").is_empty()
    wanted = sorted(math.ceil(math.log(ms * 1e6) / math.log(1.02)) for ms in texts.values() if ms)
    assert sorted(found["bucket"].to_list()) == wanted


def test_signatures_count_their_minutes(folder):
    """Three lines in two minutes, each in ten seconds of its own."""
    plain = {"event": None, "cause": None, "outcome": None, "signature": "s", "level": "WARNING"}
    rows = [event("x", second) | plain for second in (1, 11, 61)]
    assert measured(folder, "signatures", rows).select("n", "minutes", "slots").rows() == [(3, 2, 3)]


def test_signatures_beyond_ten_thousand_count_together(folder):
    """Of 10,007, what matters or is frequent stays; the other seven count by event, with the first of each."""
    plain = {"event": None, "cause": None, "outcome": None, "level": "INFO"}
    rows = [event("x", 10_000 - n) | plain | {"signature": f"s{n:05}"} for n in range(10_003)]
    rows += [event("x", 20_000 + n) | plain | {"signature": "z frequent"} for n in range(2)]
    rows += [event("x", 30_000) | plain | {"signature": "z warned", "level": "WARNING"}]
    rows += [
        event("x", 30_001) | {"event": "x.failed", "outcome": outcome, "signature": f"z {outcome}"}
        for outcome in ("failure", "ok")
    ]
    found = measured(folder, "signatures", rows)
    assert found.height == 10_002
    assert found["n"].sum() == len(rows)
    assert found["signatures"].sum() == 10_007
    names = set(found["signature"])
    assert {"z frequent", "z warned", "z failure", "s09996"} <= names
    assert not {"z ok", "s09997"} & names
    others = (
        found.filter(signature="(others)")
        .sort("event")
        .select("event", "signatures", "n", "minutes", "first_insert_id")
    )
    assert others.rows() == [("", 6, 6, 1, "id10002"), ("x.failed", 1, 1, 1, "id10007")]
    first, last = (found.filter(first_insert_id=f"id{n}")["first_ns"].item() for n in (10_002, 9_996))
    assert first == last - 6 * 10**9


def test_the_most_severe_of_very_many_signatures_keep_their_own(folder):
    """An error and a critical line, each once, among 10,003 warnings that come twice."""
    plain = {"event": None, "cause": None, "outcome": None}
    rows = [event("x", n % 9000) | plain | {"level": "WARNING", "signature": f"s{n // 2:05}"} for n in range(20_005)]
    rows.append(event("x", 3000) | plain | {"level": "WARNING", "signature": "s10002"})
    rows += [event("x", 9000) | plain | {"level": level, "signature": f"z {level}"} for level in ("ERROR", "CRITICAL")]
    found = measured(folder, "signatures", rows)
    assert {"z ERROR", "z CRITICAL"} < set(found["signature"])
    others = found.filter(signature="(others)").select("level", "signatures", "n", "minutes", "slots")
    assert others.rows() == [("WARNING", 5, 10, 2, 2)]  # the last one stands in two minutes


def test_evidence_proves_each_topic_by_its_own_requests(folder):
    """Eight requests, each of another kind: an instance that starts, a scan, a denied one, a failed health check ..."""
    rows = [
        event("platform.instance_started", 100) | {"outcome": "info", "insert_id": "start"},
        event("platform.probe_succeeded", 106) | {"outcome": "ok", "insert_id": "probe"},
        request(105, insert_id="waited"),
        request(200, insert_id="good", latency_ms=50.0),
        request(201, 500, insert_id="failed", latency_ms=0.0),
        request(202, 503, "/health", insert_id="health"),
        request(203, 404, "/.git/config", insert_id="scan"),
        request(204, 401, insert_id="denied"),
        request(205, 404, insert_id="missing"),
        request(206, 304, insert_id="cached"),
        request(207, 302, insert_id="moved"),
        request(208, 403, "/ws", insert_id="handshake"),
        request(209, 101, "/ws", insert_id="socket"),
        {"timestamp_ns": 5, "level": "ERROR", "message": "what?", "insert_id": "unknown"},
        {"timestamp_ns": 6, "level": "WARNING", "message": "<email>", "insert_id": "leak"},
    ]
    found = measured(folder, "evidence", rows)
    topics = {topic: part["insert_id"].to_list() for (topic,), part in found.sort("place").group_by("topic")}
    orders = "GET /api/orders"
    assert topics == {
        "event/platform.instance_started/": ["start"],
        "event/platform.probe_succeeded/": ["probe"],
        "requests/5xx": ["failed"],
        "requests/5xx_all": ["failed", "health"],
        "requests/health_5xx": ["health"],
        "requests/handshake_rejected": ["handshake"],
        "requests/scan": ["scan"],
        "requests/denied": ["denied"],
        "requests/4xx": ["denied", "missing"],
        "requests/waited": ["waited"],
        f"ended/500/{orders}": ["failed"],
        f"ended/401/{orders}": ["denied"],
        f"ended/404/{orders}": ["missing"],
        f"ended/302/{orders}": ["moved"],
        "ended/404/GET /.git/config": ["scan"],
        "ended/503/GET /health": ["health"],
        "requests/slowest": ["good", "waited", "denied", "missing", "cached"],
        "unexplained": ["unknown"],
        "leaks": ["leak"],
    }


def test_the_p95_of_each_minute(folder):
    """R type 7 of 1 to 21 ms is 20 ms; health checks and latencies of zero do not count, a minute without is no row."""
    rows = [request(1, latency_ms=float(ms)) for ms in range(1, 22)]
    rows += [request(2, latency_ms=0.0), request(3, path="/health", latency_ms=900.0)]
    rows += [request(61, latency_ms=7.0), request(121, latency_ms=None)]
    assert rows_of(measured(folder, "pace", rows), "minute", "n", "p95_ms") == [(0, 21, 20.0), (1, 1, 7.0)]
