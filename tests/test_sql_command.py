"""`runverdict sql`, and what BigQuery's options do without BigQuery."""

import pytest
import sqlglot

from pipeline import googlesql as sql
from pipeline.schema import ENTRIES, EVENTS
from tests.conftest import call, healthy, ndjson

NAMES = [name for name, _ in sql.questions()]


def test_without_a_name_it_lists_them_with_their_questions():
    """One a line."""
    lines = call("sql").output.splitlines()
    assert [line.split()[0] for line in lines] == NAMES
    assert all("?" in line for line in lines)


@pytest.mark.parametrize("name", NAMES)
def test_each_statement_is_printed_whole(name):
    """With the store and the window that are asked for, and one statement to paste."""
    found = call("sql", name, "--store", "bigquery://shop.verdicts", "--since", "2026-01-15T09:00:00Z")
    assert found.exit_code == 0
    assert "`shop.verdicts." in found.output
    if not name.startswith("create/"):
        assert "1768467600" in found.output
    if name not in ("classify", "source"):  # sqlglot takes some seconds for these
        assert len(sqlglot.parse(found.output, read="bigquery")) == 1


def test_the_window_leaves_other_days_unread():
    """By the column of the partitions; rows without a timestamp are in every window."""
    assert sql.within(None, None) == "true"
    assert sql.within(1_000_000_500, None) == (
        "(timestamp is null or (timestamp >= timestamp_micros(1000000) and timestamp_ns >= 1000000500))"
    )
    assert "stored.timestamp_ns < 7" in sql.within(None, 7, "stored.")


def test_a_merge_compares_whole_microseconds():
    """Else an entry with nanoseconds would not meet the one without."""
    text = sql.merge("t", "select * from s", 1_000_000_123, 1_000_000_124)
    assert "stored.timestamp_ns >= 1000000000" in text
    assert "stored.timestamp_ns < 1000001000" in text


def test_tables_are_declared_as_the_schema_says():
    """Type, unit and meaning of each column; a partition per day, ordered by service and revision."""
    for table, columns in (("entries", ENTRIES), ("events", EVENTS)):
        text = sql.create(table, "`p.d.t`", 90)
        for column in columns:
            assert f"    {column.name} {column.bigquery} options (description = " in text
        assert "partition by timestamp_trunc(timestamp, day)\ncluster by service, revision" in text
        assert "partition_expiration_days = 90" in text
    assert "expiration" not in sql.create("entries", "`p.d.t`", None)
    assert "httpRequest.latency [ms]" in sql.create("entries", "`p.d.t`", None)


def test_an_unknown_name_is_refused():
    """Naming those that there are."""
    found = call("sql", "measures/nothing")
    assert found.exit_code == 2
    assert "measures/latency" in found.output


def test_a_store_in_bigquery_needs_the_key(tmp_path, monkeypatch):
    """Before anything is asked of it."""
    monkeypatch.delenv("RUNVERDICT_PSEUDONYM_KEY", raising=False)
    found = call("check", ndjson(tmp_path / "logs.ndjson", healthy()), "--store", "bigquery://shop.verdicts")
    assert found.exit_code == 2
    assert "RUNVERDICT_PSEUDONYM_KEY" in found.output
