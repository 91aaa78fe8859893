"""Each side of a comparison weighs by its own design effect."""

import pytest
from scipy.stats import fisher_exact

from pipeline.judge.compare import compare
from pipeline.judge.revision_data import RequestCounts
from pipeline.judge.stats import DesignEffect


def test_errors_of_the_revision_alone_come_in_bursts(pair, policy):
    """16 errors of 400 in bursts of 8 tell as much as 2 of 50; the baseline's 2 of 400 are independent."""
    data = pair(
        base={"requests": RequestCounts(n=400, eligible=400, eligible_5xx=2)},
        requests=RequestCounts(n=400, eligible=400, eligible_5xx=16),
        design_effects={"errors": DesignEffect(8.0)},
    )
    (rate,) = compare(data, policy)["requests.error_rate"]
    want = fisher_exact([[2, 48], [2, 398]], alternative="greater").pvalue
    assert rate.effect.p == pytest.approx(want)
