"""What a check costs in BigQuery, by the statements that it sends."""

import pytest

from pipeline.stores.bigquery import ENTRY_BYTES, MEASURED_BYTES
from pipeline.warehouse import price_usd
from tests.benchmarks.bigquery_cost import VOLUMES, measured


@pytest.mark.full
def test_all_but_the_scan_of_the_sink_costs_at_most_50_usd_at_100_tb_a_day():
    """Of an hour and the hour before it; and `--dry-run` counts with the same figures."""
    costs, stored, raw = measured()
    entries = 2 * VOLUMES["100 TB"] / 24 / raw
    assert price_usd(int(entries * sum(costs.values()))) <= 50
    assert stored == pytest.approx(ENTRY_BYTES, rel=0.05)
    assert sum(costs.values()) == pytest.approx(MEASURED_BYTES, rel=0.05)
