"""The condition of a window, as BigQuery's dialect says it, on rows at its borders."""

import duckdb
import pytest
import sqlglot

from pipeline.googlesql import within


@pytest.mark.parametrize(("start", "end"), [(1_000, 9_000), (1_001, 9_001), (1_999, 9_999), (None, 9_500), (500, None)])
def test_a_window_keeps_its_start_and_not_its_end(start, end):
    """In nanoseconds; rows without a time always."""
    values = [None, *range(12_000)]
    condition = sqlglot.transpile(within(start, end), read="bigquery", write="duckdb")[0]
    rows = "select unnest(?::bigint[]) as timestamp_ns"
    text = f"select timestamp_ns, make_timestamptz(timestamp_ns // 1000) as timestamp from ({rows})"
    found = duckdb.execute(f"select timestamp_ns from ({text}) where {condition} order by all", [values]).fetchall()
    inside = [n for n in values[1:] if (start is None or n >= start) and (end is None or n < end)]
    assert [row[0] for row in found if row[0] is not None] == inside
    assert [row[0] for row in found].count(None) == 1
