"""A store is a source: its entries are read again as they are."""

import json

import polars as pl
import pytest

from pipeline.errors import SourceError
from pipeline.sources import stored
from pipeline.sources.files.reader import SourceReport, resolve
from tests.conftest import call, failing


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
        list(stored.read(str(path), report=SourceReport(str(path))))
