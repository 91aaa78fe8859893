"""A store is a source: its entries are read again as they are."""

import json
from contextlib import nullcontext

import polars as pl
import pytest

from pipeline.errors import SourceError
from pipeline.schema import CONTENT, ENTRIES, polars_schema
from pipeline.sources.base import Request
from pipeline.sources.files.reader import resolve
from pipeline.sources.records import SourceReport
from pipeline.sources.stored import StoredSource, is_store, slices
from tests.conftest import call, check, failing, ndjson


def test_a_store_gives_the_verdict_of_the_export_it_was_made_from(tmp_path):
    """Byte by byte, and a second read of the same entries adds nothing."""
    logs, store = tmp_path / "logs.ndjson", tmp_path / "store"
    logs.write_text("".join(json.dumps(one) + "\n" for one in failing()))
    first = call("check", logs, "--store", store, "--format", "json")
    again = call("check", store, "--format", "json")
    assert (first.exit_code, again.exit_code) == (1, 1)
    assert again.stdout == first.stdout
    both = call("check", store, logs, "--out", tmp_path / "out", "--format", "json")
    assert both.exit_code == 1
    totals = json.loads((tmp_path / "out" / "summary.json").read_text())["totals"]
    assert totals["read"] == 2 * totals["kept"] == 2 * totals["duplicates"]


def test_a_store_is_its_entries(tmp_path):
    """Not its events, nor its manifest."""
    (tmp_path / "entries").mkdir()
    (tmp_path / "manifest.json").write_text("{}")
    for name in ("entries/00000000.parquet", "other.json"):
        (tmp_path / name).write_text("")
    assert resolve([str(tmp_path)]) == [str(tmp_path / "entries/00000000.parquet")]


@pytest.mark.parametrize("made", ["other columns", "no Parquet"])
def test_other_parquet_is_refused_in_words(tmp_path, made):
    """What is missing, and what to name instead."""
    path = tmp_path / "x.parquet"
    if made == "other columns":
        pl.DataFrame({"a": [1]}).write_parquet(path)
    else:
        path.write_bytes(b"PAR1 no")
    with pytest.raises(SourceError, match=r"log_name is missing|cannot be read as Parquet"):
        list(StoredSource(str(path)).batches(Request(), SourceReport(str(path))))


@pytest.mark.parametrize("n", [1, 2])
def test_with_its_last_entry_all_bytes_are_read(tmp_path, n):
    """Progress ends where the file does, and the whole file is as large as it is."""
    check(tmp_path, ndjson(tmp_path / "x.ndjson", failing()[:n]))
    (path,) = (tmp_path / "entries").iterdir()
    source, report = StoredSource(str(path)), SourceReport(str(path))
    (batch,) = source.batches(Request(), report)
    assert (batch.rows.height, report.records, report.bytes_read) == (n, n, path.stat().st_size)


def made(path, n, **columns):
    """A slice of a store: so many entries without anything but these columns; None leaves one out."""
    schema = {**polars_schema(ENTRIES), CONTENT: pl.String()}
    rows = pl.DataFrame({name: [None] * n for name in schema}, schema=schema)
    rows = rows.with_columns(pl.Series(name, values) for name, values in columns.items() if values is not None)
    rows.drop(name for name, values in columns.items() if values is None).write_parquet(path)
    return StoredSource(str(path))


def test_progress_is_the_share_of_entries(tmp_path, monkeypatch):
    """Of the bytes of the slice, after each portion of its entries; they are redacted already."""
    monkeypatch.setattr("pipeline.sources.stored._ROWS", 2)
    source, report = made(tmp_path / "x.parquet", 5), SourceReport("x")
    size = (tmp_path / "x.parquet").stat().st_size
    batches = source.batches(Request(), report)
    found = [(batch.rows.height, batch.redacted, report.records, report.bytes_read) for batch in batches]
    assert found == [(2, True, 2, size * 2 // 5), (2, True, 4, size * 4 // 5), (1, True, 5, size)]
    assert (source.size, source.remote) == (size, False)


def test_an_empty_slice_has_no_entries(tmp_path):
    """And is no error."""
    source = made(tmp_path / "x.parquet", 0)
    assert sum(batch.rows.height for batch in source.batches(Request(), SourceReport("x"))) == 0


def test_a_slice_that_is_not_there_is_named(tmp_path):
    """It has no size."""
    source = StoredSource(str(tmp_path / "x.parquet"))
    assert source.size is None
    with pytest.raises(SourceError, match="no such file"):
        list(source.batches(Request(), SourceReport("x")))


def test_stores_of_the_first_version_have_services_alone(tmp_path):
    """Their entries lack the kind of the workload, and no other column."""
    source = made(tmp_path / "x.parquet", 2, service=["shop", None], workload=None)
    (batch,) = source.batches(Request(), SourceReport("x"))
    assert batch.rows["workload"].to_list() == ["service", None]
    other = made(tmp_path / "y.parquet", 2, service=None)
    with pytest.raises(SourceError, match="service is missing"):
        list(other.batches(Request(), SourceReport("y")))


@pytest.mark.parametrize(("rows", "lost"), [(1, False), (2, False), (3, True), (1000, True)])
def test_a_slice_with_fewer_entries_than_its_store_knows_is_refused(tmp_path, rows, lost):
    """Two of them."""
    (tmp_path / "entries").mkdir()
    made(tmp_path / "entries" / "a.parquet", 2)
    (tmp_path / "manifest.json").write_text(json.dumps({"slices": {"a": rows}}))
    message = rf"entries are lost: entries/a.parquet had {rows:,} entries and has 2"
    with pytest.raises(SourceError, match=message) if lost else nullcontext():
        assert slices(tmp_path) == [str(tmp_path / "entries" / "a.parquet")]


def test_a_slice_that_is_gone_has_no_entries(tmp_path):
    """Where it had any; one that cannot be read is the same."""
    (tmp_path / "entries").mkdir()
    for rows, lost in ((0, False), (1, True)):
        (tmp_path / "manifest.json").write_text(json.dumps({"slices": {"a": rows}}))
        with pytest.raises(SourceError, match=r"had 1 entries and has 0") if lost else nullcontext():
            assert slices(tmp_path) == []


@pytest.mark.parametrize(("manifest", "entries"), [(True, True), (True, False), (False, True), (False, False)])
def test_what_is_a_store(tmp_path, manifest, entries):
    """A folder with a manifest and with entries."""
    if manifest:
        (tmp_path / "manifest.json").write_text("{}")
    if entries:
        (tmp_path / "entries").mkdir()
    assert is_store(tmp_path) == (manifest and entries)
