"""Every measure on rows counted by hand."""

import json
import math
from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.aggregate.duckdb import DuckDBEngine
from pipeline.schema import EVENTS, polars_schema
from pipeline.stores.local import LocalStore

SCHEMA = polars_schema(EVENTS)
MINUTE_NS = 60 * 10**9
BASE = {
    **dict.fromkeys(SCHEMA),
    "project": "p",
    "location": "europe-west1",
    "workload": "service",
    "service": "shop-api",
    "revision": "shop-api-00042-abc",
    "instance_id": "i1",
    "severity": "INFO",
    "level": "INFO",
    "log_id": "run.googleapis.com/stderr",
    "n_matches": 1,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("store")


def measured(folder, name, rows, *window):
    """The rows of one measure over hand-made events, without the identity that all share. window: as of the engine."""
    full = [{**BASE, "insert_id": f"id{number}", **row} for number, row in enumerate(rows)]
    frame = pl.DataFrame(full, schema=SCHEMA)
    store = LocalStore(folder)
    store.write("events", "00000000", frame)
    with DuckDBEngine(store.slices("events"), *window) as engine:
        return engine.measure(name).drop("project", "location", "workload", "service", "revision", strict=False)


def event(name, second, wording=0, cause=None, **more):
    return {
        "event": name,
        "cause": cause or name,
        "wording": wording,
        "outcome": "failure",
        "timestamp_ns": second * 10**9,
        **more,
    }


def totals(frame):
    return {
        row["event"]: (row["n"], row["counted"], row["lines"])
        for row in frame.group_by("event").agg(pl.col("n", "counted", "lines").sum()).to_dicts()
    }


def test_one_happening_told_in_three_wordings_counts_once(folder):
    """A rejected handshake leaves an access line, a server line and an app line: one rejection, three lines."""
    rows = [event("websocket.handshake_rejected", 1, wording=w) for w in (0, 1, 2)]
    assert totals(measured(folder, "events", rows)) == {"websocket.handshake_rejected": (1, 1, 3)}


def test_a_wording_with_a_code_and_one_without_are_one_happening(folder):
    """Twice `"WebSocket /ws" 403` with a code, twice `connection rejected` without: two rejections, twice code 403."""
    rows = [event("websocket.handshake_rejected", s, wording=0, code=403) for s in (1, 2)]
    rows += [event("websocket.handshake_rejected", s, wording=1) for s in (1, 2)]
    found = measured(folder, "events", rows)
    assert totals(found) == {"websocket.handshake_rejected": (2, 2, 4)}
    assert found.filter(code=403)["n_code"].to_list() == [2]


def test_other_instances_and_minutes_add_up(folder):
    """The same wording on two instances, and in two minutes, happened each time."""
    rows = [
        event("auth.failure", 1),
        event("auth.failure", 2),
        event("auth.failure", 61),
        event("auth.failure", 3, instance_id="i2"),
    ]
    found = measured(folder, "events", rows)
    assert totals(found) == {"auth.failure": (4, 4, 4)}
    assert found.select("minute", "first_ns", "last_ns").sort("minute").rows() == [
        (0, 10**9, 3 * 10**9),
        (1, 61 * 10**9, 61 * 10**9),
    ]


def test_an_echo_counts_only_where_nothing_else_told(folder):
    """Two failures with two echoes are two; an echo alone in its minute is one more of the cause."""
    rows = [event("auth.failure", s) for s in (1, 2)]
    rows += [event("auth.failure_echo", s, cause="auth.failure") for s in (1, 2, 61)]
    found = totals(measured(folder, "events", rows))
    assert found["auth.failure"] == (2, 2, 2)
    assert found["auth.failure_echo"] == (3, 1, 3)


def test_more_echoes_than_causes_tell_of_more(folder):
    """One failure and three echoes in a minute: three failures, two of whose own lines are missing."""
    rows = [event("auth.failure", 1)]
    rows += [event("auth.failure_echo", s, cause="auth.failure") for s in (1, 2, 3)]
    found = totals(measured(folder, "events", rows))
    assert found["auth.failure"][:2] == (3, 3)


def request(second, status=200, path="/api/orders", latency_ms=10.0, **more):
    return {
        "timestamp_ns": int(second * 10**9),
        "http_status": status,
        "http_path": path,
        "http_method": "GET",
        "http_latency_ms": latency_ms,
        "event": "http.request",
        "cause": "http.request",
        "outcome": "info",
        "wording": 0,
        **more,
    }


@pytest.mark.parametrize(
    ("more", "eligible", "health", "handshake"),
    [
        ({}, 1, 0, 0),
        ({"http_method": "OPTIONS"}, 0, 0, 0),
        ({"path": "/health"}, 0, 1, 0),
        ({"path": "/api/v1/healthz/"}, 0, 1, 0),
        ({"path": "/healthy-food"}, 1, 0, 0),
        ({"path": "/api/health/report"}, 1, 0, 0),
        ({"http_user_agent": "GoogleStackdriverMonitoring-UptimeChecks(https://x)"}, 0, 0, 0),
        ({"path": "/.git/config", "status": 404}, 0, 0, 0),
        ({"path": "/.git/config", "status": 500}, 1, 0, 0),
        ({"path": "/index.php", "status": 200}, 1, 0, 0),
        ({"path": "/ws", "status": 403}, 0, 0, 1),
        ({"path": "/chat", "status": 101}, 0, 0, 1),
        ({"path": "/api/websocket/events", "status": 404}, 1, 0, 0),
    ],
)
def test_which_requests_count_as_traffic_of_users(folder, more, eligible, health, handshake):
    """No handshake, preflight, health path, uptime check or scanner."""
    row = measured(folder, "requests", [request(1, **more)]).to_dicts()[0]
    assert (row["eligible"], row["health"], row["handshakes"]) == (eligible, health, handshake)


def test_health_checks_that_fail_are_counted_by_themselves(folder):
    """One of two health checks failed, and one of two user requests."""
    rows = [request(1, 500, "/health"), request(2, path="/health"), request(3, 500), request(4)]
    row = measured(folder, "requests", rows).to_dicts()[0]
    assert [row[name] for name in ("n", "errors_5xx", "health", "health_5xx", "eligible", "eligible_5xx")] == [
        *(4, 2, 2, 1, 2, 1)
    ]


def test_uptime_checks_are_counted_by_themselves(folder):
    """Three of the home page, of which two failed; one of a health path is that, and users' requests are none."""
    uptime = {"http_user_agent": "GoogleStackdriverMonitoring-UptimeChecks(https://cloud.google.com/monitoring)"}
    rows = [request(s, status, "/", **uptime) for s, status in enumerate((200, 500, 503))]
    rows += [request(4, 500, "/health", **uptime), request(5, 500), request(6)]
    row = measured(folder, "requests", rows).to_dicts()[0]
    assert [row[name] for name in ("synthetic", "synthetic_5xx", "health", "eligible")] == [3, 2, 1, 2]


def test_a_path_that_was_upgraded_once_is_a_websocket_whatever_its_name(folder):
    """/chat answered 101 to one, 403 and 400 to two others: all are handshakes; a fourth met a 500 elsewhere."""
    rows = [request(1, 101, "/chat", client="c0"), request(2, 403, "/chat", client="c1"), request(3, 500, client="c2")]
    rows.append(request(4, 400, "/chat", client="c3"))
    row = measured(folder, "requests", rows).to_dicts()[0]
    assert (row["handshakes"], row["upgraded"], row["handshakes_rejected"], row["handshake_clients"]) == (3, 1, 2, 2)


def test_a_run_of_5xx_ends_at_any_other_request(folder):
    """5xx at 0, 10, 20 s with a 200 between are no run; at 20, 30, 40 s they are one of 20 s."""
    rows = [request(0, 503), request(10, 503), request(15, 200), request(20, 500)]
    assert measured(folder, "requests", rows)["fastest_three_5xx_ns"].to_list() == [None]
    rows += [request(30, 500), request(40, 500)]
    assert measured(folder, "requests", rows)["fastest_three_5xx_ns"].to_list() == [20 * 10**9]


@pytest.mark.parametrize(
    ("path", "endpoint"),
    [
        ("/api/orders/17", "GET /api/orders/{id}"),
        ("/a/1/2/3/b", "GET /a/{id}/{id}/{id}/b"),
        ("/u/0123456789abcdef", "GET /u/{id}"),
        ("/u/5f0c6a2e-0000-4a4a-8b8b-123456789abc/x", "GET /u/{id}/x"),
        ("/orders/01ARZ3NDEKTSV4RRFFQ69G5FAV/items", "GET /orders/{id}/items"),
        ("/users/kQ0xZ7bTtVgq1YpLw3mNcR5sHd2J", "GET /users/{id}"),
        ("/charges/ch_3MmlLrLkdIwHu7ix/refund", "GET /charges/{id}/refund"),
        ("/a/order_history/internationalization/b", "GET /a/order_history/internationalization/b"),
        ("/facade/v2", "GET /facade/v2"),
        ("/users/<user>/cart", "GET /users/{id}/cart"),
    ],
)
def test_endpoints_hide_variable_segments(folder, path, endpoint):
    """Digits, eight or more hexadecimal digits, UUIDs, ULIDs and other long ids, and what redaction left are {id}."""
    found = measured(folder, "latency", [request(1, path=path)])
    assert found.filter(pl.col("scope") == "endpoint")["endpoint"].to_list() == [endpoint]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=40))
def test_percentiles_are_numpys_linear_ones(folder, nanos):
    """R type 7, which numpy calls linear, on integers of nanoseconds."""
    rows = [request(1, latency_ms=ns / 1e6) for ns in nanos]
    row = measured(folder, "latency", rows).filter(pl.col("scope") == "all").to_dicts()[0]
    wanted = np.percentile(np.array(nanos, dtype=np.float64) / 1e6, [50, 95, 99])
    assert [row["p50_ms"], row["p95_ms"], row["p99_ms"]] == pytest.approx(list(wanted), rel=1e-9, abs=1e-6)
    assert row["max_ms"] == pytest.approx(max(nanos) / 1e6)


def test_a_latency_of_zero_counts_for_all_and_not_for_users(folder):
    """Rows of requests that never reached an instance have latency 0: left out of the checks' latency only."""
    found = measured(folder, "latency", [request(1, 500, latency_ms=0.0), request(2, latency_ms=8.0)])
    rows = {row["scope"]: row for row in found.to_dicts()}
    assert (rows["all"]["n_latency"], rows["all"]["p50_ms"]) == (2, 4.0)
    assert (rows["eligible"]["n"], rows["eligible"]["n_latency"], rows["eligible"]["p50_ms"]) == (2, 1, 8.0)


def test_exits_know_their_fastest_three(folder):
    """Exits at 0, 400, 900 and 1,000 s: the fastest three span 600 s; normal ends do not count."""
    rows = [event("platform.exit", s, code=3) for s in (0, 400, 900, 1000)]
    rows.append(event("platform.exit", 950, code=0) | {"outcome": "ok"})
    assert measured(folder, "exits", rows).to_dicts() == [{"fastest_three_ns": 600 * 10**9}]


def test_an_exit_told_twice_is_no_crash_loop(folder):
    """Two crashes, each told as `Uncaught signal` and `Container terminated on signal`: no three of one wording."""
    rows = [event("platform.exit", s, wording=w, code=137) for s in (0, 5) for w in (1, 2)]
    assert measured(folder, "exits", rows).to_dicts() == [{"fastest_three_ns": None}]


def test_readiness_is_timed_from_its_own_instances_start(folder):
    """i1 started at 100 s, i2 never: failures at 103 s, 400 s and on i2."""
    rows = [
        event("platform.instance_started", 100),
        event("websocket.readiness_failed", 103),
        event("websocket.readiness_failed", 400),
        event("websocket.readiness_failed", 401, instance_id="i2"),
    ]
    ages = measured(folder, "readiness", rows).sort("timestamp_ns")["age_ns"].to_list()
    assert ages == [3 * 10**9, 300 * 10**9, None]


def test_closes_tell_stated_limits_apart(folder):
    """Of three 1008 in one wording two name a rate limit."""
    limited = '{"code":"1008","reason":"Rate limit exceeded"}'
    rows = [event("websocket.close", s, code=1008, fields=limited) for s in (1, 2)]
    rows.append(event("websocket.close", 3, code=1008, fields='{"code":"1008"}'))
    assert measured(folder, "closes", rows).to_dicts() == [{"code": 1008, "n": 3, "limited": 2}]


def test_minutes_have_their_denominator(folder):
    """Minute 0: 1 of 2 failed; minute 1: one denied; health paths do not count."""
    rows = [request(1, 500), request(2), request(61, 401), request(3, 503, "/health")]
    found = measured(folder, "minutes", rows).sort("minute").rows()
    assert found == [("GET /api/orders", 0, 2, 1, 0), ("GET /api/orders", 1, 1, 0, 1)]


def test_slots_add_up_the_buckets_of_ten_seconds(folder):
    """1.02^815 < 10,253,950 ns <= 1.02^816, so both requests of the first ten seconds are in bucket 816.

    A latency of zero counts as a request and takes no time; no start is seen, so all are steady.
    """
    rows = [request(1, 500, latency_ms=10.25395), request(2, latency_ms=10.25395), request(61, 401, latency_ms=0.0)]
    rows += [event("auth.success", 5, duration_ms=10.25395)]
    found = measured(folder, "slots", rows).sort("kind", "slot").drop("name").rows()
    want = [("endpoint", 0, 2, 1, 0, 2, 2 * 816), ("endpoint", 6, 1, 0, 1, 0, 0), ("event", 0, 0, 0, 0, 1, 816)]
    assert found == want
    assert math.ceil(math.log(10_253_950) / math.log(1.02)) == 816


def test_requests_of_an_instances_start_stand_apart(folder):
    """i1 started at 100 s: what came before it waited for it; a minute later it is steady. i2's start is not known."""
    rows = [event("platform.instance_started", 100)]
    rows += [request(s, latency_ms=s) for s in (95, 159, 160, 300)] + [request(161, latency_ms=161, instance_id="i2")]
    found = measured(folder, "histograms", rows)
    assert dict(found.group_by("phase").agg(pl.col("n").sum()).iter_rows()) == {"startup": 2, "steady": 3}


def test_what_another_instance_of_the_revision_times_is_steady(folder):
    """Only i1 is known to have started, and only its own first minute is of the start; each line counts once."""
    rows = [event("platform.instance_started", 100)]
    rows += [event("x.y", 110, duration_ms=5.0, instance_id=name) for name in ("i1", "i2", "i2")]
    found = measured(folder, "histograms", rows)
    assert dict(found.group_by("phase").agg(pl.col("n").sum()).iter_rows()) == {"startup": 1, "steady": 2}


def test_requests_wait_until_their_instance_serves(folder):
    """Its probe succeeded at 103 s. Another service with an instance of that name and revision serves from 120 s on."""
    rows = [event("platform.instance_started", 100), event("platform.probe_succeeded", 103)]
    rows += [request(s) for s in (102, 103, 105)]
    later = [event("platform.instance_started", 110), event("platform.probe_succeeded", 120)]
    full = measured(folder, "requests", [*rows, *({**one, "service": "other"} for one in later)])
    assert full["eligible_waited"].to_list() == [1]


def test_histograms_hold_each_entry_once_in_eighths_of_the_time(folder):
    """Requests and events with a duration, by part of the revision's time: 0 to 800 s in eighths of a hundred."""
    rows = [request(s, latency_ms=5.0) for s in (0, 99, 101, 450, 800)]
    rows += [event("auth.success", 799, duration_ms=12.5), event("http.access", 1, duration_ms=3.0)]
    found = measured(folder, "histograms", rows).sort("kind", "part").select("kind", "part", "n").rows()
    want = [("endpoint", 0, 2), ("endpoint", 1, 1), ("endpoint", 4, 1), ("endpoint", 7, 1), ("event", 7, 1)]
    assert found == want


@settings(max_examples=200)
@given(st.integers(1, 10**15))
def test_a_buckets_middle_is_within_one_percent(nanos):
    """Every duration from a nanosecond to eleven days lies within 1 % of its bucket's middle."""
    bucket = math.ceil(math.log(nanos) / math.log(1.02))
    assert abs(2 * 1.02**bucket / 2.02 - nanos) <= 0.01 * nanos


def test_instances_tell_their_start_and_end(folder):
    """Scaled at 10 s, ready at 12 s, exited at 40 s."""
    rows = [
        event("platform.instance_started", 10, fields='{"reason":"AUTOSCALING"}'),
        event("platform.probe_succeeded", 12),
        event("platform.exit", 40, code=3),
        event("platform.instance_started", 50, fields='{"reason":"DEPLOYMENT_ROLLOUT"}'),  # another one of its id
    ]
    (found,) = measured(folder, "instances", rows).to_dicts()
    assert (found["scaled_ns"], found["ready_ns"], found["last_ns"]) == (10 * 10**9, 12 * 10**9, 50 * 10**9)
    assert (found["reason"], found["bad_exits"]) == ("AUTOSCALING", 1)


def test_ages_count_from_the_instances_start(folder):
    """i1 started at 100 s: lines at 103 s and two hours later; on i2 no start is known."""
    rows = [event("platform.instance_started", 100) | {"outcome": "info"}]
    rows += [event("x.failed", 103), event("x.failed", 7300), event("x.failed", 104, instance_id="i2")]
    rows += [event("x.worked", 105) | {"outcome": "ok"}]
    found = measured(folder, "ages", rows).sort("age_s").select("event", "age_s", "lines").rows()
    assert found == [("x.failed", None, 1), ("x.failed", 3, 1), ("x.failed", 3600, 1)]


def test_signatures_name_their_first_entry_by_phase(folder):
    """Unexplained lines and failures, start-up apart; the text only of what matters."""
    rows = [event("platform.instance_started", 100)]
    plain = {"event": None, "cause": None, "outcome": None, "signature": "s"}
    rows += [event("", s) | plain | {"message": f"m{s}", "level": "WARNING"} for s in (110, 300, 200)]
    rows += [event("", 400) | plain | {"message": "m", "signature": "t"}]
    found = measured(folder, "signatures", rows).sort("signature", "first_ns")
    wanted = found.select("signature", "phase", "n", "first_insert_id", "first_excerpt").rows()
    assert wanted == [
        ("s", "startup", 1, "id1", "m110"),
        ("s", "steady", 2, "id3", "m200"),
        ("t", "steady", 1, "id4", None),
    ]


def test_the_longest_silence_is_the_services(folder):
    """Entries at 0, 10 and 25 s, of whatever revision: 15 s."""
    rows = [request(0), request(10, revision="other"), request(25)]
    assert measured(folder, "gaps", rows)["max_gap_ns"].to_list() == [15 * 10**9]


def test_a_stray_line_does_not_move_the_end(folder):
    """Entries at 0, 70, 100, 130 and 9,999 s are in the minutes 0, 1, 2 and 166: the third last is 1, until 100 s."""
    rows = [request(second) for second in (0, 70, 100, 130, 9999)]
    assert measured(folder, "gaps", rows)["settled_ns"].to_list() == [100 * 10**9]
    assert measured(folder, "gaps", rows[3:])["settled_ns"].to_list() == [None]


def test_evidence_is_the_first_five_by_time_log_and_id(folder):
    """Seven exits, newest first in the file: the five oldest, in order."""
    rows = [event("platform.exit", s, code=3, message=f"exit {s}") for s in (7, 6, 5, 4, 3, 2, 1)]
    found = measured(folder, "evidence", rows).sort("place")
    assert found["topic"].unique().to_list() == ["event/platform.exit/3"]
    assert found["excerpt"].to_list() == [f"exit {s}" for s in (1, 2, 3, 4, 5)]


def test_revisions_and_inputs_count_every_entry(folder):
    """One explained, one unexplained error, one unparsed: three entries whose parts add up."""
    rows = [
        event("platform.exit", 1, severity="WARNING", level="WARNING"),
        {"timestamp_ns": 2 * 10**9, "level": "ERROR", "severity": "DEFAULT", "message": "what?"},
        {"timestamp_ns": None, "raw": "{", "severity": "DEFAULT", "level": "DEFAULT"},
    ]
    rows[0]["receive_timestamp"] = datetime.fromtimestamp(9, UTC)
    rows[1]["timestamp"] = datetime.fromtimestamp(2, UTC)
    row = measured(folder, "revisions", rows).to_dicts()[0]
    counts = [
        row[name] for name in ("entries", "unparsed", "explained", "unexplained", "unexplained_errors", "below_notice")
    ]
    assert counts == [3, 1, 1, 1, 1, 2]
    assert (row["first_ns"], row["last_ns"], row["bad_exits"]) == (10**9, 2 * 10**9, 1)
    assert row["last_received_us"] == 9 * 10**6
    inputs = measured(folder, "inputs", rows)
    assert inputs.group_by("dimension").agg(pl.col("n").sum()).sort("dimension").rows() == [
        ("level", 3),
        ("log", 3),
        ("severity", 3),
    ]


def test_signatures_count_lines_that_nothing_explains(folder):
    """Grouped by signature and level, with their first time."""
    line = {"signature": "cache <*> cold", "level": "WARNING"}
    rows = [{**line, "timestamp_ns": 5}, {**line, "timestamp_ns": 3}, {**event("x.y", 1), "signature": "told"}]
    found = measured(folder, "signatures", rows).filter(event="")
    assert found.select("signature", "level", "n", "first_ns").rows() == [("cache <*> cold", "WARNING", 2, 3)]


def test_durations_are_percentiles_by_event(folder):
    """numpy.percentile([10, 20, 30, 40], 95) = 38.5 and 99 = 39.7."""
    rows = [event("database.user_found", s, duration_ms=float(ms)) for s, ms in enumerate((10, 20, 30, 40))]
    found = measured(folder, "durations", rows).to_dicts()[0]
    assert found == {
        "event": "database.user_found",
        "n": 4,
        "p50_ms": 25.0,
        "p95_ms": 38.5,
        "p99_ms": 39.7,
        "max_ms": 40.0,
    }


def test_a_window_is_half_open_to_the_nanosecond(folder):
    """From 10 s to 20 s: the entry at its start, the last before its end, and the one without a time."""
    times = (10 * 10**9 - 1, 10 * 10**9, 20 * 10**9 - 1, 20 * 10**9, None)
    rows = [request(0) | {"timestamp_ns": at} for at in times]
    inside = measured(folder, "revisions", rows, (10 * 10**9, 20 * 10**9)).to_dicts()[0]
    assert (inside["entries"], inside["first_ns"], inside["last_ns"]) == (3, 10 * 10**9, 20 * 10**9 - 1)


def test_requests_that_may_still_run_count_as_events_alone(folder):
    """Until 20 s: the requests at 10 s and 19 s; the one at 20 s is an entry, and no request yet."""
    rows = [request(10), request(19), request(20, 500)]
    settled = ((None, None), 20 * 10**9)
    row = measured(folder, "requests", rows, *settled).to_dicts()[0]
    assert (row["n"], row["errors_5xx"]) == (2, 0)
    assert measured(folder, "revisions", rows, *settled)["entries"].to_list() == [3]
    assert measured(folder, "events", rows, *settled)["n"].sum() == 3


def test_counts_and_sums_are_int64_in_both_dialects(folder):
    """In GoogleSQL COUNTIF over nulls alone is 0, and a sum of integers is INT64; DuckDB has null and HUGEINT."""
    measured(folder, "revisions", [event("x", 1), event("x", 2)])
    with DuckDBEngine(LocalStore(folder).slices("events")) as engine:
        found = engine.query("select countif(http_status > 1) as failed, sum(n_matches) as total from events")
    assert (found.rows(), found.dtypes) == ([(0, 2)], [pl.Int64, pl.Int64])


def test_no_event_at_all_gives_empty_measures():
    """An empty store has no slice; every measure is empty, none fails."""
    with DuckDBEngine([]) as engine:
        assert engine.measure("revisions").is_empty()
        assert engine.measure("evidence").is_empty()


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("login of <email> with <token>", {"e-mail addresses": 1, "tokens": 1}),
        ("key <key>, <secret>", {"keys": 1, "passwords and secrets": 1}),
        ("user=<user> (run_id=1)", {"whole user ids": 1}),
        ("ends with <user>", {"whole user ids": 1}),
        ("user_id: <user>..., role: none", {}),
        ("from <ip>", {}),
    ],
)
def test_leaks_are_read_off_what_redaction_left(folder, text, kinds):
    """Truncated ids and addresses of the network are no leak; a request log is not the service's own."""
    row = {"timestamp_ns": 1, "message": text}
    found = measured(folder, "leaks", [row, {**row, "log_id": "run.googleapis.com/requests"}])
    assert dict(found.rows()) == kinds


def test_a_start_is_its_own_revisions(folder):
    """Instance ids can repeat: i1 of the new revision started at 100 s, i1 of the old one is not known to have."""
    rows = [event("platform.instance_started", 100, revision="shop-api-00043-new")]
    rows += [
        request(s, latency_ms=s, revision=r) for s in (110, 300) for r in ("shop-api-00042-abc", "shop-api-00043-new")
    ]
    found = measured(folder, "histograms", rows)
    assert dict(found.group_by("phase").agg(pl.col("n").sum()).iter_rows()) == {"startup": 1, "steady": 3}


def attempt(second, task, number, name="platform.exit", code=None, **more):
    """The end of an attempt of a task, or another line of it."""
    labels = f'{{"run.googleapis.com/task_attempt":"{number}","run.googleapis.com/task_index":"{task}"}}'
    outcome = "ok" if code == 0 else "failure"
    log = {"log_id": "run.googleapis.com/varlog/system", "workload": "job", "labels": labels}
    return {**event(name, second, outcome=outcome, code=code), **log, **more}


def test_an_execution_is_counted_by_the_last_attempts_of_its_tasks(folder):
    """Task 0 succeeds at once, task 1 after a time-out, task 2 fails twice, task 3 runs still."""
    rows = [
        attempt(1, 0, 0, code=0),
        attempt(2, 1, 0, "job.task_timeout"),
        attempt(9, 1, 1, code=0),
        attempt(5, 2, 1, code=1),
        attempt(3, 2, 0, "platform.memory_limit", fields='{"limit_mib":"512","used_mib":"541"}'),
        attempt(11, 3, 0, None, log_id="run.googleapis.com/stdout"),
        attempt(12, 3, 0, None, log_id="run.googleapis.com/stdout", labels=None),
    ]
    (found,) = measured(folder, "executions", rows).to_dicts()
    counts = ("tasks", "succeeded_tasks", "failed_tasks", "retried_tasks", "attempts_failed", "lines")
    assert [found[name] for name in counts] == [4, 2, 1, 2, 3, 2]
    assert (found["timeouts"], found["memory_kills"], found["used_mib"]) == (1, 1, 541)
    assert (found["first_ns"], found["last_ns"]) == (10**9, 12 * 10**9)


def test_the_most_memory_that_an_execution_was_killed_for(folder):
    """Each attempt says its own."""
    kills = [
        attempt(number, 0, number, "platform.memory_limit", fields=f'{{"limit_mib":"512","used_mib":"{mib}"}}')
        for number, mib in enumerate((520, 541, 530))
    ]
    (found,) = measured(folder, "executions", kills).to_dicts()
    assert (found["memory_kills"], found["used_mib"]) == (3, 541)


def test_an_instance_without_a_revision_starts_with_its_first_line_of_a_start(folder):
    """Two services may have instances of one id."""
    starts = [event("platform.instance_started", 10), event("platform.instance_started", 20, service="shop-web")]
    rows = [{**row, "outcome": "info", "revision": None} for row in starts]
    rows.append(event("x.y", 15, revision=None))
    assert measured(folder, "ages", rows)["age_s"].to_list() == [5]


def test_what_the_audit_log_says_of_an_execution_is_read(folder):
    """Its times and counts, the last of what is said twice; entries of services are no executions."""

    def report(hour, succeeded, tasks, retried, cancelled):
        times = {"startTime": f"2026-01-15T{hour}:00:00Z", "completionTime": f"2026-01-15T{hour}:02:00Z"}
        counts = {"succeededCount": succeeded, "retriedCount": retried, "cancelledCount": cancelled}
        return json.dumps({"response": {"spec": {"taskCount": tasks}, "status": {**times, **counts}}})

    audit = "cloudaudit.googleapis.com/system_event"
    last, before = report("09", 3, 4, 1, 2), report("08", 2, 3, 0, 1)
    said, said_before = '{"succeeded":"3","tasks":"4"}', '{"succeeded":"2","tasks":"3"}'
    rows = [
        attempt(5, 0, 0, "job.execution_failed", log_id=audit, payload=last, labels=None, fields=said),
        attempt(4, 0, 0, "job.execution_failed", log_id=audit, payload=before, labels=None, fields=said_before),
        attempt(900, 0, 0, "job.run_requested", log_id=audit, payload='{"startTime":"2020-01-01T00:00:00Z"}'),
    ]
    (found,) = measured(folder, "executions", rows).to_dicts()
    assert (found["given_started"], found["given_completed"]) == ("2026-01-15T09:00:00Z", "2026-01-15T09:02:00Z")
    counts = ("given_succeeded", "given_tasks", "given_retried", "given_cancelled", "said_succeeded", "said_tasks")
    assert [found[name] for name in counts] == [3, 4, 1, 2, 3, 4]
    assert (found["says_failed"], found["last_ns"], found["tasks"]) == (2, 5 * 10**9, 0)
    assert measured(folder, "executions", [event("platform.exit", 1, code=1)]).is_empty()
