"""What is in the logs can be without measure; what is made of it is not, and what was left out is counted."""

import json
from itertools import product

import pytest
from polars.testing import assert_frame_equal

from pipeline.assess import bounds, revisions
from pipeline.judge.revision_data import OTHERS
from pipeline.stores.local import LocalStore
from pipeline.window import Window
from tests.conftest import call, check, documents, failing, healthy, line, ndjson, request, rules


@pytest.fixture
def few(monkeypatch):
    """Three endpoints and two services stand for a thousand and two hundred."""
    monkeypatch.setattr(bounds, "MAX_ENDPOINTS", 3)
    monkeypatch.setattr(revisions, "MAX_SERVICES", 2)


def many_endpoints():
    """Forty endpoints of one request, one of thirty, one that fails once."""
    rows = [request(n, path=f"/api/{chr(97 + n % 26)}{n // 26}x", insertId=f"i{n}") for n in range(40)]
    return [*rows, *(request(n, insertId=f"b{n}") for n in range(60, 90)), request(95, 500, "/api/broken")]


def test_endpoints_beyond_a_thousand_count_as_one(tmp_path, few):
    """Those that fail and those with most requests have a row; the sums are whole, and a note says how many are not."""
    found = check(tmp_path / "store", ndjson(tmp_path / "x.ndjson", [line(0, "start"), *many_endpoints()]))
    ((_, verdict),) = found.verdicts
    rows = {row.endpoint: row for row in verdict.requests.by_endpoint}
    assert list(rows) == [OTHERS, "GET /api/orders", "GET /api/a0x", "GET /api/broken"]  # ties by name
    assert rows[OTHERS].n == 39
    assert rows[OTHERS].latency_ms.p50 is None
    assert rows[OTHERS].latency_ms.max == 49.0
    assert sum(row.n for row in rows.values()) == verdict.requests.n == 71
    assert "39 endpoints of shop-api with the fewest failures and requests count together as (others)." in verdict.notes


def test_signatures_beyond_ten_thousand_are_counted(tmp_path):
    """Every line has words of its own, as where a service logs texts of its users."""
    names = ["".join(name) for name in product("bdfghklmnprst", "aeiou", "bdfghklmnprst", "aeiou", "bdfg")]
    lines = [line(n / 100, f"{name} is late", severity="WARNING") for n, name in enumerate(names[:10_002])]
    ((_, verdict),) = check(tmp_path / "store", ndjson(tmp_path / "x.ndjson", lines)).verdicts
    assert (len(verdict.signatures), verdict.signatures_left_out) == (500, 10_002 - 500)
    assert OTHERS not in {one.signature for one in verdict.signatures}
    note = "2 signatures of shop-api with the least severe and rarest lines count together as (others)."
    assert note in verdict.notes


def test_what_is_put_together_adds_up(tmp_path, few):
    """Every frame keeps its sums and its grain."""
    rows = many_endpoints()
    for row in rows:
        del row["resource"]["labels"]["location"]  # what is missing on both sides is the same
    check(tmp_path / "store", ndjson(tmp_path / "x.ndjson", rows))
    store = LocalStore(tmp_path / "store")
    store.classify(rules()[0], Window())
    whole = store.aggregate(Window())
    small, _ = bounds.bounded(whole)
    for name, (column, kind, more) in bounds._FRAMES.items():
        before, after = getattr(whole, name), getattr(small, name)
        assert before.schema == after.schema
        key = ["service", "revision", column, *more, *([kind] if kind else [])]
        assert after.select(key).is_duplicated().sum() == 0
        if "n" in before.columns:
            assert before["n"].sum() == after["n"].sum()
        assert after[column].n_unique() <= 6
    again, _ = bounds.bounded(store.aggregate(Window()))
    assert_frame_equal(again.statuses, small.statuses, check_row_order=False)


def test_a_service_of_few_endpoints_is_left_as_it_is(tmp_path):
    """Not a byte of its measures changes."""
    check(tmp_path / "store", ndjson(tmp_path / "x.ndjson", many_endpoints()))
    store = LocalStore(tmp_path / "store")
    store.classify(rules()[0], Window())
    whole = store.aggregate(Window())
    assert bounds.bounded(whole) == (whole, [])


def test_services_beyond_two_hundred_are_listed_and_nothing_passes(tmp_path, few):
    """Those with most crashes, requests and entries are judged; exit code 3 says that it was not all."""
    entries = [
        *healthy(service="a"),
        *healthy(service="b")[:-1],
        *healthy(service="c")[:-2],
        *failing(service="d")[:22],
    ]
    path = ndjson(tmp_path / "x.ndjson", entries)
    found = call("check", path)
    assert found.exit_code == 3
    assert "2 more services are not judged, 2 are; name one with --service" in found.stdout
    written = call("check", path, "--out", tmp_path / "out")
    summary = json.loads((tmp_path / "out/summary.json").read_text())
    assert written.exit_code == 3
    assert summary["verdict"] == "INCONCLUSIVE"
    assert [one["service"] for one in summary["services"]] == ["a", "b"]
    assert call("check", path, "--service", "a").exit_code == 0


def test_a_fail_among_too_many_services_is_a_fail(tmp_path, few):
    """Exit code 1 stays what it is."""
    path = ndjson(tmp_path / "x.ndjson", [*failing(service="a"), *healthy(service="b"), *healthy(service="c")[:-1]])
    assert call("check", path).exit_code == 1


def test_the_terminal_names_fifty_of_the_services_that_are_listed(tmp_path):
    """And counts the rest."""
    path = ndjson(tmp_path / "x.ndjson", [*healthy(), *(line(n % 60, "x", service=f"s{n:03d}") for n in range(60))])
    found = call("check", path)
    assert "s049 (1 entry) and 10 more" in found.stdout.replace("\n", " ")
    assert found.exit_code == 0


def spread(folder, entries):
    """A file of its own for each entry."""
    folder.mkdir()
    for n, one in enumerate(entries):
        (folder / f"{n:04d}.json").write_text(json.dumps(one))
    return folder


def test_many_small_files_are_read_as_one(tmp_path):
    """The verdict is that of one file, and the store has a slice of them, not one for each."""
    entries = [*healthy(), *(line(n, f"line {n}") for n in range(40))]
    folder = spread(tmp_path / "many", entries)
    found = check(tmp_path / "store", folder)
    assert documents(found) == documents(check(tmp_path / "one", ndjson(tmp_path / "x.ndjson", entries)))
    assert found.totals["read"] == 81
    assert len(LocalStore(tmp_path / "store").slices("entries")) == 1
    assert [report.source for report in found.extraction.reports] == [str(folder)]


def test_of_many_files_a_bad_one_costs_itself(tmp_path):
    """Others are read; the run ends with 4 and names it, and what was repaired is said of its file."""
    folder = spread(tmp_path / "many", healthy())
    for n in range(20):
        (folder / f"x{n}.json").write_bytes(b"PK\x03\x04" + b"\0" * 40 if n == 7 else json.dumps(line(n, "a")).encode())
    (folder / "y.log").write_bytes(b'{"cut": "\xff')
    found = call("check", folder)
    assert found.exit_code == 4
    assert f"{folder}: 1 of its 62 small files could not be read: {folder}/x7.json: " in found.stderr
    assert "invalid UTF-8 in 1 records" in found.stderr
    assert "read 61" in found.stdout
