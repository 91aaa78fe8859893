"""Runs of history as a frame: what each document says, and what it leaves open."""

import json

import polars as pl
import pytest

from pipeline.assess.trends import drifts, points, verdict_of
from pipeline.schema import HISTORY, polars_schema
from pipeline.stores.history import append, documents, listed
from pipeline.stores.local import LocalStore
from tests.conftest import check, healthy, ndjson

SCHEMA = polars_schema(HISTORY["verdicts"])


def runs(*rows):
    """The table `verdicts`: rows of which everything else is not known."""
    known = {**dict.fromkeys(SCHEMA), "document": "{}", "run": "ab12"}
    table = pl.DataFrame([{**known, **row} for row in rows], SCHEMA)
    return table.drop("document"), [table.select("run", "document")]


def timed(event, n, p50):
    return {"event": event, "duration_ms": None if n is None else {"n": n, "p50": p50}}


def test_what_a_document_says():
    """Of the events that report the same, the one with most durations; a count of crashes is a whole number."""
    document = {
        "deployment": {"deployed": "2026-01-15T09:00:00Z", "ready": None, "start_up_ms": {"p50": 2100.0}},
        "events": [
            timed("auth.success", None, None),
            timed("http.request", 900, 5.0),
            timed("database.user_found", 3, 50.0),
            timed("database.user_created", 5, 60.0),
            timed("database.user_not_found", 9, None),
        ],
        "checks": [
            {"id": "requests.errors", "observed": {"value": 9}},
            {"id": "platform.exits", "observed": {"value": 3.0}},
        ],
    }
    found = points(*runs({"document": json.dumps(document)})).row(0, named=True)
    names = ("deployed", "ready", "auth_p50_ms", "database_p50_ms", "start_up_p50_ms", "crashes")
    assert [found[name] for name in names] == ["2026-01-15T09:00:00Z", None, None, 60.0, 2100.0, 3]


@pytest.mark.parametrize("document", [{}, {"deployment": None, "checks": [{"id": "platform.exits", "observed": None}]}])
def test_what_a_document_leaves_open_is_null(document):
    """None of its numbers is 0."""
    found = points(*runs({"document": json.dumps(document)})).row(0, named=True)
    assert {found[name] for name in ("auth_p50_ms", "database_p50_ms", "start_up_p50_ms", "crashes")} == {None}


def test_runs_stand_by_service_and_time():
    """What has no project comes last; of one time, by their run."""
    given = [("q", "b", "10"), ("q", "a", "9"), (None, "x", "8"), ("p", "z", "9"), ("p", "y", "9")]
    rows = points(*runs(*({"project": project, "run": run, "started": at} for project, run, at in given)))
    assert rows["run"].to_list() == ["y", "z", "b", "a", "x"]


def test_a_change_of_one_service_is_of_that_service():
    """Five of 24 runs: all but one get three times as slow at their 13th. A run that nobody asked is left out."""
    rows = [
        {
            "service": service,
            "revision": f"r{place:02d}",
            "run": f"{service}{place:02d}",
            "started": f"2026-01-{place + 1:02d}",
            "p95_ms": None if place == 20 else (100.0 + place % 5) * (3 if service != "c" and place >= 12 else 1),
        }
        for service in "ebcad"
        for place in range(24)
    ]
    found = drifts(points(*runs(*rows)))
    assert found.select("service", "measure", "run", "since").rows() == [
        (service, "p95_ms", f"{service}12", "2026-01-13") for service in "abde"
    ]
    assert found["p"].max() < 0.01


def test_the_last_200_runs_are_searched():
    """What came before them changes no p."""
    rows = [
        {
            "service": "a",
            "run": f"{place:03d}",
            "started": f"2026-01-15T{place:03d}",
            "p95_ms": 100.0 + place // 150 * 50,
        }
        for place in range(250)
    ]
    assert drifts(points(*runs(*rows)))["p"].to_list() == drifts(points(*runs(*rows[50:])))["p"].to_list() != []


def test_documents_are_read_some_at_a_time(tmp_path, monkeypatch):
    """Of three runs two, then one, each with its own."""
    monkeypatch.setattr("pipeline.stores.history._AT_ONCE", 2)
    store = LocalStore(tmp_path / "store")
    with store.writing():
        for run in ("a", "b", "c"):
            row = pl.DataFrame([{**dict.fromkeys(SCHEMA), "run": run, "document": f"of {run}"}], SCHEMA)
            append(store, run, {"verdicts": row})
    parts = list(documents(store, listed(store)))
    assert [part.rows() for part in parts] == [[("a", "of a"), ("b", "of b")], [("c", "of c")]]


def test_a_document_of_another_version_is_none(tmp_path):
    """One of this version is what was decided."""
    ((_, verdict),) = check(tmp_path / "store", ndjson(tmp_path / "x.ndjson", healthy())).verdicts
    assert verdict_of(verdict.model_dump_json()) == verdict
    assert verdict_of("{}") is None
