"""A store is a source: its entries are read again as they are."""

import json

import polars as pl
import pytest

from pipeline.errors import SourceError
from pipeline.sources.base import Request
from pipeline.sources.files.reader import resolve
from pipeline.sources.records import SourceReport
from pipeline.sources.stored import StoredSource
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
