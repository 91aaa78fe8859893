"""Measures of several hundred small made-up revisions at once, beside the same questions asked row by row in Python."""

import random
from itertools import pairwise

import numpy as np
import polars as pl
import pytest

from pipeline.aggregate.duckdb import DuckDBEngine
from pipeline.stores.local import LocalStore
from tests.sql.test_measures import BASE, SCHEMA, event, request

S = 10**9
REVISIONS = 300


def engine_of(folder, rows):
    """An engine on rows that name their revision."""
    full = [{**BASE, "insert_id": f"id{number:05d}", **row} for number, row in enumerate(rows)]
    store = LocalStore(folder)
    store.write("events", "00000000", pl.DataFrame(full, schema=SCHEMA))
    return DuckDBEngine(store.slices("events"))


def times(dice, most):
    """Distinct ns within a few minutes, often close to the end of one."""
    found = set()
    for _ in range(dice.randint(1, most)):
        minute = dice.randrange(5) * 60 * S
        found.add(
            minute + dice.choice([dice.randrange(60 * S), dice.randrange(1000), 60 * S - 1 - dice.randrange(1000)])
        )
    return sorted(found)


def by_revision(rows):
    """Rows by their revision, in order of time."""
    whole = {}
    for row in sorted(rows, key=lambda row: row["timestamp_ns"]):
        whole.setdefault(row["revision"], []).append(row)
    return whole


def least_gap(at, step):
    """The shortest time in us, as ns, from one to the one so many places later."""
    us = [ns // 1000 for ns in at]
    return min((1000 * (later - one) for one, later in zip(us, us[step:], strict=False)), default=None)


@pytest.fixture(scope="module")
def requests(tmp_path_factory):
    """Requests of users and of health checks, many of them failing, and the frame of `requests` by revision."""
    dice = random.Random(1)
    rows = []
    for number in range(REVISIONS):
        share = dice.choice([0.3, 0.7, 0.95])
        rows += [
            request(
                0, dice.choice([500, 503]) if dice.random() < share else 200, dice.choice(["/api", "/api", "/health"])
            )
            | {"timestamp_ns": at, "revision": f"r{number}"}
            for at in times(dice, 14)
        ]
    dice.shuffle(rows)
    with engine_of(tmp_path_factory.mktemp("requests"), rows) as engine:
        found = {row["revision"]: row for row in engine.measure("requests").to_dicts()}
    return by_revision(rows), found


def test_the_fastest_three_failures_in_a_row(requests):
    """From one to the second after it, where all three failed and nothing came between."""
    rows, found = requests
    wanted = {}
    for revision, of in rows.items():
        spans = [
            least_gap([one["timestamp_ns"] for one in three], 2)
            for three in zip(of, of[1:], of[2:], strict=False)
            if all(one["http_status"] >= 500 for one in three)
        ]
        wanted[revision] = min(spans, default=None)
    assert {revision: row["fastest_three_5xx_ns"] for revision, row in found.items()} == wanted
    assert 50 < sum(span is None for span in wanted.values()) < 250


def test_the_longest_silence_of_users(requests):
    """From one of their requests to the next; with a single one there is none."""
    rows, found = requests
    users = {name: [row["timestamp_ns"] for row in of if row["http_path"] == "/api"] for name, of in rows.items()}
    silences = {
        name: max((1000 * (b // 1000 - a // 1000) for a, b in pairwise(at)), default=None) for name, at in users.items()
    }
    assert {revision: row["longest_silence_ns"] for revision, row in found.items()} == silences
    assert {name: row["last_eligible_ns"] for name, row in found.items()} == {
        name: max(at, default=None) for name, at in users.items()
    }


def test_the_fastest_three_exits_of_a_wording(tmp_path):
    """Of exits with an error that are told in the same words; each wording for itself."""
    dice = random.Random(2)
    rows = [
        event("platform.exit", 0, wording=dice.randrange(2), code=code, outcome="failure" if code else "ok")
        | {"timestamp_ns": at, "revision": f"r{number}"}
        for number in range(REVISIONS)
        for at in times(dice, 12)
        for code in [dice.choice([0, 1, 1, 1])]
    ]
    dice.shuffle(rows)
    with engine_of(tmp_path, rows) as engine:
        found = {row["revision"]: row["fastest_three_ns"] for row in engine.measure("exits").to_dicts()}
    wanted = {}
    for revision, of in by_revision(rows).items():
        at = [[row["timestamp_ns"] for row in of if row["code"] and row["wording"] == wording] for wording in (0, 1)]
        if any(at):
            wanted[revision] = min((gap for one in at if (gap := least_gap(one, 2)) is not None), default=None)
    assert found == wanted


def test_an_event_counts_by_the_wording_with_most_lines(tmp_path):
    """In each minute; of as many lines one that tells a code, then the first. Times are of all."""
    dice = random.Random(7)
    rows = [
        event("websocket.close", 0, wording=dice.randrange(3), code=dice.choice([None, 1008, 1011]))
        | {"timestamp_ns": at, "revision": f"r{number}"}
        for number in range(REVISIONS)
        for at in times(dice, 9)
    ]
    dice.shuffle(rows)
    with engine_of(tmp_path, rows) as engine:
        measured = engine.measure("events").to_dicts()
    found = {
        (row["revision"], row["minute"], row["code"]): (row["n"], row["n_code"], row["first_ns"], row["last_ns"])
        for row in measured
    }
    wanted = {}
    for revision, of in by_revision(rows).items():
        for minute in {row["timestamp_ns"] // (60 * S) for row in of}:
            own = [row for row in of if row["timestamp_ns"] // (60 * S) == minute]
            told = [[row["code"] for row in own if row["wording"] == wording] for wording in range(3)]
            chosen = min(told, key=lambda codes: (-len(codes), not {1008, 1011} & {*codes}))
            for code in {row["code"] for row in own}:
                at = [row["timestamp_ns"] for row in own if row["code"] == code]
                most = max(codes.count(code) for codes in told)
                wanted[revision, minute, code] = (chosen.count(code), most, at[0], at[-1])
    assert found == wanted


def test_what_instances_tell_first_and_last(tmp_path):
    """The first start, the first good probe, the first and last entry, and exits with an error."""
    dice = random.Random(3)
    kinds = ["platform.instance_started", "platform.probe_succeeded", "python.server_started", "platform.exit", "x.y"]
    rows = []
    for number in range(REVISIONS):
        for at in times(dice, 8):
            kind = dice.choice(kinds)
            rows.append(event(kind, 0, code=1) | {"timestamp_ns": at, "revision": f"r{number}"})
    dice.shuffle(rows)
    with engine_of(tmp_path, rows) as engine:
        found = {row["revision"]: row for row in engine.measure("instances").to_dicts()}
        totals = {row["revision"]: row for row in engine.measure("revisions").to_dicts()}
    for revision, of in by_revision(rows).items():
        at = {kind: [row["timestamp_ns"] for row in of if row["event"] == kind] for kind in kinds}
        row, whole = found[revision], totals[revision]
        first, last = of[0]["timestamp_ns"], of[-1]["timestamp_ns"]
        assert (row["first_ns"], row["last_ns"]) == (whole["first_ns"], whole["last_ns"]) == (first, last)
        assert row["scaled_ns"] == min(at[kinds[0]], default=None)
        assert row["ready_ns"] == min(at[kinds[1]], default=None)
        assert row["start_ns"] == min(at[kinds[0]] + at[kinds[1]] + at[kinds[2]], default=None)
        assert row["bad_exits"] == whole["bad_exits"] == len(at[kinds[3]])


def test_the_longest_gap_of_each_service(tmp_path):
    """Between entries of whatever revision, of one service in one project, location and workload."""
    dice = random.Random(4)
    rows = [
        event("x.y", 0) | {"timestamp_ns": at, "service": f"s{number}", "revision": dice.choice("ab")}
        for number in range(REVISIONS)
        for at in times(dice, 8)
    ]
    wanted = {}
    for row in sorted(rows, key=lambda row: row["timestamp_ns"]):
        wanted.setdefault(row["service"], []).append(row["timestamp_ns"] // 1000)
    dice.shuffle(rows)
    with engine_of(tmp_path, rows) as engine:
        found = {row["service"]: row["max_gap_ns"] for row in engine.measure("gaps").to_dicts()}
    assert found == {name: 1000 * max(np.diff(at)) if len(at) > 1 else None for name, at in wanted.items()}


@pytest.mark.parametrize(("measure", "name"), [("latency", "n_latency"), ("durations", "n")])
def test_percentiles_of_many_small_samples(tmp_path, measure, name):
    """R type 7, which numpy calls linear, of 1 to 45 whole ms each, many of them equal."""
    dice = random.Random(5)
    ms = {f"r{number}": [dice.randint(1, 60) for _ in range(dice.randint(1, 45))] for number in range(200)}
    rows = [
        (request(1, latency_ms=float(one)) if measure == "latency" else event("x.y", 1, duration_ms=float(one)))
        | {"revision": revision}
        for revision, values in ms.items()
        for one in values
    ]
    with engine_of(tmp_path, rows) as engine:
        found = [row for row in engine.measure(measure).to_dicts() if row.get("scope", "all") == "all"]
    assert len(found) == len(ms)
    for row in found:
        values = ms[row["revision"]]
        assert row[name] == len(values)
        wanted = [*np.percentile(values, [50, 95, 99]), max(values)]
        assert [row[f"{of}_ms"] for of in ("p50", "p95", "p99", "max")] == pytest.approx(wanted)


@pytest.mark.parametrize("measure", ["requests", "histograms", "executions"])
def test_rows_of_another_identity_change_nothing(tmp_path, measure):
    """Five that differ in one thing each, and one without a revision: all together as each by itself."""
    identities = [
        {},
        *({key: "other"} for key in ("project", "location", "service", "revision")),
        {"workload": "worker_pool"},
        {"revision": None},
    ]
    parts = []
    for number, identity in enumerate(identities):
        more = {"instance_id": f"i{number}", **({"workload": "job"} if measure == "executions" else {}), **identity}
        rows = [request(second, client=f"c{second}") for second in range(0, 20 + number, 3)]
        rows += [event("platform.exit", number + second, code=second) for second in range(number + 1)]
        labels = [f'{{"run.googleapis.com/task_index":"{task}"}}' for task in range(number + 2)]
        rows += [event("platform.exit", 30, code=0, labels=text, outcome="ok") for text in labels]
        parts.append([row | more for row in rows])
    found = [engine_rows(tmp_path / str(number), part, measure) for number, part in enumerate(parts)]
    together = engine_rows(tmp_path / "all", [row for part in parts for row in part], measure)
    assert together == sorted((row for rows in found for row in rows), key=repr)
    assert len(together) >= len(identities) - (2 if measure == "executions" else 0)


def engine_rows(folder, rows, measure):
    """The rows of a measure, in any order."""
    with engine_of(folder, rows) as engine:
        return sorted(engine.measure(measure).rows(), key=repr)
