"""`runverdict sql`, and what BigQuery's options do without BigQuery."""

import re

import pytest
import sqlglot

from pipeline import googlesql as sql
from pipeline import statements
from pipeline.schema import ENTRIES, HISTORY
from tests.conftest import call, healthy, ndjson

NAMES = [name for name, _ in statements.questions()]


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
    if not name.startswith("create/") and re.search("_events`|entries`", found.output) and name != "kinds":
        assert "1768467600" in found.output
    if name not in ("classify", "source", "events"):  # sqlglot takes some seconds for these
        assert len(sqlglot.parse(found.output, read="bigquery")) == 1


def test_the_window_leaves_other_hours_unread():
    """By a condition on the column of the partitions alone; rows without a timestamp are another branch."""
    assert sql.branches("select *\nfrom t", None, None) == "select *\nfrom t"
    assert sql.branches("select *\nfrom t", 1_000_000_500, 7_000_000_000) == (
        "select *\nfrom t\n"
        "where timestamp >= timestamp_micros(1000000) and timestamp <= timestamp_micros(7000000)"
        " and timestamp_ns >= 1000000500 and timestamp_ns < 7000000000\n"
        "union all\nselect *\nfrom t\nwhere timestamp is null"
    )
    for text in (sql.branches("select *\nfrom t", 1, 2), sql.merge("t", "select * from s", 1, 2)):
        assert not re.search(r"timestamp is null\s+or|or\s+(?:stored[.])?timestamp ", text)


def test_a_merge_compares_whole_microseconds():
    """Else an entry with nanoseconds would not meet the one without."""
    text = sql.merge("t", "select * from s", 1_000_000_123, 1_000_000_124)
    assert "stored.timestamp >= timestamp_micros(1000000)" in text
    assert "stored.timestamp <= timestamp_micros(1000001)" in text


def test_a_merge_that_replaces_nothing_inserts_alone():
    """It is billed what it reads; one that updates is billed the whole hours that it changes, too."""
    assert "update set" in sql.merge("t", "select * from s", 1, 2, updates=True)
    text = sql.merge("t", "select * from s", 1, 2, updates=False)
    assert "update" not in text
    assert "delete" not in text


def test_tables_are_declared_as_the_schema_says():
    """Type, unit and meaning of each column; a partition per hour, ordered by service and revision."""
    for table, columns, unit in (("entries", ENTRIES, "hour"), ("watches", HISTORY["watches"], "day")):
        text = sql.create(table, "`p.d.t`", 90)
        for column in columns:
            assert f"    {column.name} {column.bigquery} options (description = " in text
        assert f", {unit})\ncluster by service, revision" in text
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
