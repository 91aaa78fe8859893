"""What a revision's data takes from each measure, counted by hand on a few rows of two revisions."""

import numpy as np
import pytest

from pipeline.aggregate.measures import measure
from pipeline.assess.document import _signatures
from pipeline.assess.revision_data import View, answered, beside, revision_data
from pipeline.assess.revisions import Target
from pipeline.judge.counts import Closes
from pipeline.judge.revision_data import EndpointCounts, EventTotal
from pipeline.window import Window
from tests.sql.test_made_up_rows import engine_of
from tests.sql.test_measures import event, request

OLD, NEW = "shop-api-00041-old", "shop-api-00042-abc"
S = 10**9


def sample(rows, folder, revision=NEW):
    """The view of a revision of `shop-api` on rows."""
    with engine_of(folder, [{"revision": NEW, **row} for row in rows]) as engine:
        measures = measure(engine)
    return View(measures, Target("p", "europe-west1", "service", "shop-api", revision, "x", older=(OLD,)))


@pytest.fixture(scope="module")
def views(tmp_path_factory):
    """Requests, events and instances of the newest revision, and requests of the one before."""
    rows = [
        *(request(second, 500 if second in (10, 70) else 200) for second in (10, 20, 70, 80, 200)),
        *(request(second, revision=OLD) for second in (5, 65, 300)),
        event("platform.instance_started", 1, fields='{"reason":"AUTOSCALING"}'),
        event("platform.probe_succeeded", 4, outcome="ok"),
        event("platform.instance_started", 50, instance_id="i2", fields='{"reason":"DEPLOYMENT_ROLLOUT"}'),
        event("platform.probe_succeeded", 50.5, outcome="ok", instance_id="i2"),
        event("platform.instance_started", 60, instance_id="i3", fields='{"reason":"AUTOSCALING"}'),
        event("platform.probe_succeeded", 59, outcome="ok", instance_id="i3"),
        *(event("platform.exit", second, code=1) for second in (30, 31, 90)),
        event("websocket.close", 40, code=1008),
        event("websocket.readiness_failed", 6),
        event("websocket.readiness_failed", 7, instance_id="i9"),
        event("x.failed", 5),
        {"timestamp_ns": 8 * S, "level": "ERROR", "severity": "ERROR", "message": "what?"},
        {"timestamp_ns": 9 * S, "raw": "{", "severity": "DEFAULT", "level": "DEFAULT"},
    ]
    rows = [{**row, "timestamp_ns": round(row["timestamp_ns"])} for row in rows]
    folder = tmp_path_factory.mktemp("views")
    return sample(rows, folder), sample(rows, folder, OLD)


def test_requests_that_were_answered(views):
    """Five without the two that failed, and three."""
    assert [answered(view) for view in views] == [3, 3]


def test_the_numbers_of_a_revision(views):
    """Each from its measure."""
    data = revision_data(views[0], window=Window(), listed=False, endpoints=("GET /api/orders",))
    assert (data.entries, data.parsed, data.explained, data.unexplained_errors) == (20, 19, 18, 1)
    assert (data.service_entries, data.service_first_ns, data.service_last_ns) == (23, S, 300 * S)
    assert (data.starts, data.instances.n, data.instances.starts_by_reason) == (
        *(3, 4),
        {"AUTOSCALING": 2, "DEPLOYMENT_ROLLOUT": 1},
    )
    assert data.instances.start_up_ms == (3000.0, 500.0)  # a probe before the start is another one's
    assert (data.first_ns, data.last_ns, data.volume_by_run) == (S, 200 * S, ((S, 300 * S, 8),))
    assert (data.fastest_three_exits_ns, data.closes) == (60 * S, (Closes(1008, 1, 0),))
    assert data.readiness_ages_ns == pytest.approx([2 * S, np.nan], nan_ok=True)
    assert (data.minutes.n.tolist(), data.minutes.errors_5xx.tolist()) == ([2, 2, 1], [1, 1, 0])
    assert data.endpoint_minutes["GET /api/orders"].n.tolist() == [2, 2, 1]
    assert data.service_max_gap_ns == 110 * S  # from 90 to 200 s
    assert (data.asked_start_ns, data.asked_end_ns) == (None, None)


def test_the_traffic_of_a_revision_beside_an_older_one(views):
    """Five of eight requests since minute 0; the older one had its last two minutes after it."""
    data = revision_data(views[0], window=Window(), listed=False)
    assert (data.first_request_ns, data.traffic_ratio, data.outlived_ns) == (0, 5 / 8, 120 * S)
    assert beside(data, *views).shared_minutes == 2
    assert sorted(data.severities) == ["DEFAULT", "ERROR", "INFO"]


def test_evidence_keeps_its_time_and_its_order(views):
    """By topic; of several topics the first in time come first, those without a time before all."""
    data = revision_data(views[0], window=Window(), listed=False)
    assert [at for at, _ in data.evidence["event/platform.exit/1"]] == [30 * S, 31 * S, 90 * S]
    proof = data.proof("event/platform.exit/1", "event/x.failed/", "event/websocket.close/1008", "unexplained")
    assert [one.timestamp[-3:-1] for one in proof] == ["05", "08", "30", "31", "40"]


def test_an_unknown_line_is_listed_from_its_first_on(tmp_path):
    """One of a start, and one of the steady phase."""
    plain = {"level": "WARNING", "severity": "WARNING", "message": "m", "signature": "s", "instance_id": "i1"}
    rows = [event("platform.instance_started", 1), *({**plain, "timestamp_ns": at * S} for at in (30, 100))]
    listed, left_out = _signatures(sample(rows, tmp_path))
    assert [(one.signature, one.n, one.first) for one in listed] == [("s", 2, "1970-01-01T00:00:30Z")]
    assert left_out == 0


def test_what_a_profile_keeps_by_name(views):
    """Endpoints, events, codes, latencies; of times those of three requests from a minute after the start on."""
    data = revision_data(views[0], window=Window(), listed=False)
    assert data.endpoints == {"GET /api/orders": EndpointCounts(5, 2, 0)}
    assert (data.events["platform.exit"], data.events["x.failed"]) == (
        *(EventTotal(3, "failure"), EventTotal(1, "failure")),
    )
    assert data.codes == {("platform.exit", 1): 3, ("websocket.close", 1008): 1}
    assert {name: one.n for name, one in data.latency.items()} == {"all": 5, "eligible": 5, "GET /api/orders": 5}
    assert data.latency["all"].p50_ms == 10.0
    assert data.statuses == {"GET /api/orders": {"": {200: 3, 500: 2}}}
    assert {key: one.total for key, one in data.times.items()} == {("endpoint", "(others)"): 3}
    assert (data.bodies, data.clients, data.executions) == ({}, {}, ())
