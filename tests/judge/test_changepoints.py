"""Lasting changes: a published series, the published statistic by its definition, and how often nothing is found."""

import doctest

import numpy as np
import pytest

from pipeline.judge import changepoints
from pipeline.judge.changepoints import MIN_RUNS, change_points

#: Flow of the Nile at Aswan, 1871 to 1970, in 10^8 m3; it fell in 1899 (Cobb, Biometrika 65, 1978).
NILE = """
1120 1160 963 1210 1160 1160 813 1230 1370 1140 995 935 1110 994 1020 960 1180 799 958 1140 1100 1210 1150 1250 1260
1220 1030 1100 774 840 874 694 940 833 701 916 692 1020 1050 969 831 726 456 824 702 1120 1100 832 764 821 768 845 864
862 698 845 744 796 1040 759 781 865 845 944 984 897 822 1010 771 676 649 846 812 742 801 1040 860 874 848 890 744 749
838 1050 918 986 797 923 975 815 1020 906 901 1170 912 746 919 718 714 740
"""


def test_the_nile_fell_in_1899():
    """One change, where everybody has found it since 1978; the medians on its sides by numpy."""
    series = [float(word) for word in NILE.split()]
    assert len(series) == 100
    (change,) = change_points(series)
    assert 1871 + change.index == 1899
    assert change.before == np.median(series[:28])
    assert change.after == np.median(series[28:])
    assert change.p == 0.001


def test_the_statistic_is_the_published_one():
    """Equation (5) of Matteson and James, written as sums over pairs."""
    values = np.random.Generator(np.random.PCG64(1)).lognormal(size=13)
    want = []
    for split in range(MIN_RUNS, 13 - MIN_RUNS + 1):
        x, y = values[:split], values[split:]
        n, m = len(x), len(y)
        across = sum(abs(a - b) for a in x for b in y) * 2 / (n * m)
        own = [
            sum(abs(s[i] - s[j]) for i in range(len(s)) for j in range(i)) * 2 / (len(s) * (len(s) - 1)) for s in (x, y)
        ]
        want.append(n * m / (n + m) * (across - own[0] - own[1]))
    assert changepoints._energies(np.abs(values[:, None] - values[None, :])) == pytest.approx(want)


def test_noise_is_one_level():
    """Twenty runs that vary by half, ten times: a change of level would be a p of 1 in 100 at the most."""
    random = np.random.Generator(np.random.PCG64(7))
    assert [change_points(list(random.lognormal(5, 0.5, 20))) for _ in range(10)] == [[]] * 10


@pytest.mark.full
def test_what_never_changes_is_seldom_split():
    """At most 3 of 100 series of twenty runs; alpha is 1 in 100, and 4 of 100 would come once in fifty times."""
    random = np.random.Generator(np.random.PCG64(7))
    assert sum(bool(change_points(list(random.lognormal(5, 0.5, 20)))) for _ in range(100)) <= 3


@pytest.mark.parametrize(
    ("values", "indices"),
    [
        ([], []),
        ([5.0] * 40, []),
        ([100.0, 101, 99, 9000, 98, 100, 102, 101, 99, 100, 103, 98], []),  # one bad run is no level
        ([100.0, 101, 99, 100, 102, 98, 103, 104, 106, 105, 107, 103], []),  # 5 % is no change that anybody acts on
        ([100.0] * 6 + [110.0] * 6, []),  # nor is a tenth
        ([100.0] * 6 + [110.1] * 6, [6]),
        ([0.0] * 6 + [0.05] * 6, [6]),
        ([100.0, 101, 99, 100, 102, 98, 150, 151, 149, 152, 148, 153, 220, 221, 223, 219, 222, 218], [6, 12]),
        ([300.0, 310, 305, 299, 303, 301, 200, 201, 205, 199, 202, 198], [6]),  # what became better shows too
    ],
)
def test_levels(values, indices):
    """Where levels change, and where they do not."""
    assert [change.index for change in change_points(values)] == indices


def test_the_examples_hold():
    """Those of the docstring."""
    assert doctest.testmod(changepoints).failed == 0
