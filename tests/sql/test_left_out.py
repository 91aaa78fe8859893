"""What each measure leaves out, one reason at a time: beside rows that count, such rows change nothing."""

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tests.sql.test_measures import event, measured, request

LOG = "run.googleapis.com/requests"
STDOUT = "run.googleapis.com/stdout"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("store")


def user(second=1, **more):
    """A request of a user that every measure of requests counts."""
    return request(second, **{"client": "c1", "http_response_bytes": 9, "log_id": LOG, **more})


HEALTH = user(path="/health")
WITHOUT_TIME = user(timestamp_ns=None)
TIMED = ("tails", "histograms", "slots", "pace")


@pytest.mark.parametrize(
    ("measure", "row"),
    [
        *((measure, HEALTH) for measure in ("peers", "minutes", "clients", "bodies", "tails", "histograms")),
        *((measure, HEALTH) for measure in ("slots", "pace")),
        *((measure, WITHOUT_TIME) for measure in ("minutes", "statuses", "ended", *TIMED)),
        *((measure, user(instance_id=None, path="/health")) for measure in ("peers", "clients")),
        ("peers", user(instance_id=None)),
        ("clients", user(client=None)),
        ("bodies", user(status=404)),
        ("bodies", user(http_response_bytes=None)),
        ("bodies", user(status=404, http_response_bytes=None)),
        *(
            (measure, user(latency_ms=latency))
            for measure in ("tails", "histograms", "pace")
            for latency in (0.0, None)
        ),
        ("ended", user(log_id=STDOUT)),
        ("ended", user(log_id=STDOUT, cause="platform.no_instance")),
        ("ended", user(cause="platform.unauthenticated")),
        ("pace", user(latency_ms=0.0, timestamp_ns=None)),
        ("slots", user(path="/health", timestamp_ns=None)),
    ],
)
def test_requests_that_a_measure_leaves_out(folder, measure, row):
    """Health checks, and what has no time, instance, client, size or latency where these are asked for."""
    same(folder, measure, user(), row)


def same(folder, measure, row, beside):
    """Assert that a row changes nothing beside one that counts."""
    alone, both = (measured(folder, measure, rows) for rows in ([row], [row, beside]))
    assert not alone.is_empty()
    assert_frame_equal(alone, both, check_row_order=False)


PLAIN = {"event": None, "cause": None, "outcome": None, "level": "INFO"}


@pytest.mark.parametrize(
    ("measure", "row", "beside"),
    [
        ("exits", event("platform.exit", 1), event("platform.exit", 2, outcome="info")),
        ("exits", event("platform.exit", 1), event("x.y", 2)),
        ("closes", event("websocket.close", 1, code=1000), event("websocket.close", 2)),
        ("closes", event("websocket.close", 1, code=1000), event("x.y", 2, code=1000)),
        ("ages", event("x.y", 1), event("x.y", 2, outcome="ok")),
        ("ages", event("x.y", 1), {"timestamp_ns": 5, "outcome": "failure"}),
        ("durations", event("x.y", 1, duration_ms=5.0), event("x.y", 2)),
        ("leaks", {"message": "<token>"}, {"message": "<token>", "log_id": LOG}),
        ("leaks", {"message": "<token>"}, {"message": "token", "log_id": None}),
        ("leaks", {"message": "<token>"}, {"message": "token", "log_id": STDOUT}),
        ("instances", event("x.y", 1), event("x.y", 9, instance_id=None)),
        ("gaps", event("x.y", 1), event("x.y", 0, timestamp_ns=None)),
        ("histograms", event("x.y", 1, duration_ms=5.0), event("x.y", 1, duration_ms=0.0)),
        ("histograms", event("x.y", 1, duration_ms=5.0), event("http.access", 1, duration_ms=5.0)),
        ("histograms", event("x.y", 1, duration_ms=5.0), event("x.y", 1, duration_ms=5.0, timestamp_ns=None)),
        (
            "histograms",
            event("x.y", 1, signature="s", message="took 5 ms") | PLAIN,
            event("x.y", 1, signature=None, message="took 5 ms") | PLAIN,
        ),
    ],
)
def test_entries_that_a_measure_leaves_out(folder, measure, row, beside):
    """Other events and outcomes, and what lacks what is asked for."""
    same(folder, measure, row, beside)


UNKNOWN = {"timestamp_ns": 1, "level": "ERROR", "message": "what?", "insert_id": "unknown", "log_id": LOG}
LINE = {"timestamp_ns": 1, "level": "INFO", "message": "m", "log_id": STDOUT}


@pytest.mark.parametrize(
    ("row", "topics"),
    [
        (UNKNOWN, {"unexplained"}),
        (UNKNOWN | {"raw": "{"}, set()),
        (UNKNOWN | {"level": "WARNING"}, set()),
        (UNKNOWN | {"event": "x.y"}, {"event/x.y/"}),
        (LINE | {"message": "<token>"}, {"leaks"}),
        (LINE | {"message": "<token>", "log_id": None}, {"leaks"}),
        (LINE | {"message": "<token>", "log_id": LOG}, set()),
        (LINE, set()),
        (LINE | {"payload": '{"a":"<user>"}'}, {"leaks"}),
        (LINE | {"event": "http.access"}, set()),
        (LINE | {"event": "x.y", "code": 7}, {"event/x.y/7"}),
        (user(status=499), {"requests/4xx", "ended/499/GET /api/orders", "requests/slowest"}),
        (user(status=399, latency_ms=0.0), {"ended/399/GET /api/orders"}),
        (user(status=299, latency_ms=None), set()),
        (user(status=300, latency_ms=None), {"ended/300/GET /api/orders"}),
        (user(status=499, path="/health"), {"ended/499/GET /health"}),
        (user(status=500, path="/health"), {"requests/5xx_all", "requests/health_5xx", "ended/500/GET /health"}),
        (user(status=399, path="/ws"), set()),
        (user(status=400, path="/ws"), {"requests/handshake_rejected"}),
    ],
)
def test_the_topics_of_an_entry(folder, row, topics):
    """What it proves; what events are made of requests prove nothing by their name."""
    found = measured(folder, "evidence", [row])
    assert set(found["topic"]) == topics


@pytest.mark.parametrize(("n", "wanted"), [(49, 0), (50, 5)])
def test_the_slowest_of_an_endpoint_are_shown_from_fifty_on(folder, n, wanted):
    """In several minutes; of all endpoints together the slowest five always are."""
    rows = [user(second, latency_ms=float(second + 1)) for second in range(0, 20 * n, 20)]
    found = measured(folder, "evidence", rows).sort("place")
    slowest = [row["timestamp_ns"] // 10**9 for row in found.filter(topic="requests/slowest").to_dicts()]
    assert slowest == [20 * (n - place) for place in range(1, 6)]
    assert found.filter(topic="slowest/GET /api/orders").height == wanted


def test_entries_of_one_time_are_told_by_log_and_id(folder):
    """The first five of six; a text is cut to 400 characters."""
    rows = [
        event("x.y", 1, log_name=log, insert_id=name, message="m" * 500)
        for log, name in (("b", "1"), ("a", "3"), ("a", "2"), ("b", "0"), ("c", "9"), ("c", "8"))
    ]
    found = measured(folder, "evidence", rows).sort("place")
    assert found.select("log_name", "insert_id").rows() == [("a", "2"), ("a", "3"), ("b", "0"), ("b", "1"), ("c", "8")]
    assert set(found["excerpt"]) == {"m" * 400}


def test_a_close_told_in_two_wordings_counts_once(folder):
    """Three lines of which two name a limit, and one that names none, in a minute; another instance adds one."""
    limited = '{"reason":"Rate limit exceeded"}'
    close = {"code": 1008}
    rows = [event("websocket.close", s, **close, fields=limited if s < 3 else "{}") for s in (1, 2, 3)]
    rows += [event("websocket.close", 4, wording=1, **close), event("websocket.close", 5, instance_id="i2", **close)]
    assert measured(folder, "closes", rows).to_dicts() == [{"code": 1008, "n": 4, "limited": 2}]


def test_readiness_is_timed_from_the_last_start_before(folder):
    """Starts at 100 and 200 s, failures at 150 and 230 s; one start in other words."""
    rows = [event("platform.instance_started", 100), event("python.server_started", 200)]
    rows += [event("websocket.readiness_failed", second) for second in (50, 150, 230)]
    ages = measured(folder, "readiness", rows).sort("timestamp_ns")["age_ns"].to_list()
    assert ages == [None, 50 * 10**9, 30 * 10**9]


def test_a_start_up_is_a_minute_long_to_the_nanosecond(folder):
    """Of requests, events and signatures: the last ns of the minute is of the start, the next is not."""
    start = event("platform.instance_started", 100)
    last = 160 * 10**9 - 1
    rows = [start, user(0) | {"timestamp_ns": last}, user(160)]
    assert measured(folder, "peers", rows)["n_steady"].to_list() == [1]
    assert measured(folder, "tails", rows)["n"].to_list() == [1]
    rows = [start, event("x.y", 0, duration_ms=5.0) | {"timestamp_ns": last}, event("x.y", 160, duration_ms=5.0)]
    found = measured(folder, "histograms", rows)
    assert sorted(found.group_by("phase").agg(pl.col("n").sum()).rows()) == [("startup", 1), ("steady", 1)]


def test_percentiles_have_their_lower_and_upper_neighbours(folder):
    """numpy: percentile(range(1, 303), (50, 95, 99)) is 151.5, 286.95 and 298.99: values stand behind each of them."""
    for values, wanted in ((range(1, 303), (151.5, 286.95, 298.99, 302)), ((1, 2, 4), (2, 3.8, 3.96, 4))):
        rows = [user(latency_ms=float(ms)) for ms in values] + [event("x.y", 1, duration_ms=float(ms)) for ms in values]
        requests = measured(folder, "latency", rows).filter(scope="eligible").to_dicts()[0]
        events = measured(folder, "durations", rows).to_dicts()[0]
        for found in (requests, events):
            assert [found[f"{name}_ms"] for name in ("p50", "p95", "p99", "max")] == pytest.approx(wanted)


def test_statuses_of_latency_count_4xx_and_5xx_apart(folder):
    """400 and 499 are 4xx, 500 is a 5xx, 399 neither."""
    found = measured(folder, "latency", [user(status=status) for status in (399, 400, 499, 500)])
    assert found.filter(scope="all").select("n", "errors_4xx", "errors_5xx").rows() == [(4, 2, 1)]
