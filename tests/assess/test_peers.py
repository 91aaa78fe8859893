"""Instances as if all had the same mix of endpoints."""

import polars as pl
import pytest

from pipeline.assess.endings import peers


def rows(*given):
    """Rows of the measure, from (instance, endpoint, n, errors_5xx, bucket) each; all latencies in that bucket."""
    names = ("instance_id", "endpoint", "n", "errors_5xx", "n_steady", "bucket_sum", "bucket_squares")
    full = [(one, on, n, bad, n, n * bucket, n * bucket**2) for one, on, n, bad, bucket in given]
    return pl.DataFrame(full, schema=list(names), orient="row")


def test_an_instance_that_only_gets_what_is_slow_is_not_slow():
    """Each serves one endpoint alone, of 100 and 900: both have the mean of all, 500, and no failure to compare."""
    found = peers(rows(("a", "GET /fast", 50, 0, 100), ("b", "GET /slow", 50, 10, 900)))
    assert [(peer.mean, peer.variance, peer.n, peer.errors_5xx) for peer in found] == [(500, 0, 0, 0)] * 2


def test_an_instance_that_is_slow_on_every_endpoint_is_slow():
    """57 buckets more on both, whatever the mix: of 20 and 60, 60 and 20 requests, they are apart by 57 weighted."""
    given = [(name, on, n, 0, bucket) for name, n in (("a", 40), ("b", 40)) for on, bucket in (("x", 100), ("y", 900))]
    sick = [(name, on, n, bad, bucket + 57 * (name == "b")) for name, on, n, bad, bucket in given]
    first, second = peers(rows(*sick))
    assert second.mean - first.mean == pytest.approx(57)
    assert (first.n_steady, first.variance, second.variance) == (80, 0, 0)


def test_failures_are_compared_with_the_others_on_the_same_endpoints():
    """a has 30 of x and 10 of y; b fails 5 of 50 on x (0.1), 5 of 10 on y (0.5): (30 0.1 + 10 0.5) / 40 = 0.2."""
    found = peers(rows(("a", "x", 30, 1, 9), ("a", "y", 10, 2, 9), ("b", "x", 50, 5, 9), ("b", "y", 10, 5, 9)))
    assert (found[0].n, found[0].errors_5xx, found[0].usual_5xx) == (40, 3, pytest.approx(0.2))


def test_no_instance_has_no_peers():
    """Nothing in, nothing out."""
    assert peers(rows()) == ()
