"""Numbers and texts for reading, at the borders of their units."""

import pytest

from pipeline.judge.numbers import count, cut, duration, minutes_long, number, percent, signed


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (999.4, "999"),
        (999.5, "1,000"),
        (-999.5, "-1,000"),
        (99.95, "100"),
        (0.0, "0"),
        (1e15, "1,000,000,000,000,000"),
        (12345.5, "12,346"),
        (0.00012345, "0.000123"),
    ],
)
def test_three_significant_digits(value, text):
    """Never in powers of ten."""
    assert number(value) == text


def test_so_many_digits_as_are_asked_for():
    """Two of 99.6 are 100."""
    assert (number(2.345, 2), number(99.5, 2), number(99.4, 2)) == ("2.3", "100", "99")


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (999, "999 ms"),
        (1_000, "1 s"),
        (119_999, "120 s"),
        (120_000, "2 min"),
        (7_199_000, "120 min"),
        (7_200_000, "2 h"),
        (3 * 86_400_000 - 1, "72 h"),
        (3 * 86_400_000, "3 days"),
        (-1_500, "-1.5 s"),
    ],
)
def test_the_unit_that_reads_best(milliseconds, text):
    """To a second ms, to two minutes s, to two hours min, to three days h."""
    assert duration(milliseconds) == text


def test_signs():
    """A plus, a minus, and what is neither."""
    assert (signed(0.0), signed(1.0), signed(-1.0)) == ("±0 ms", "+1 ms", "−1 ms")


def test_nouns():
    """One, and any other number."""
    assert (count(0, "exit"), count(1, "exit"), count(2, "exit")) == ("0 exits", "1 exit", "2 exits")
    assert (count(1, "entry", "entries"), count(1000, "entry", "entries")) == ("1 entry", "1,000 entries")


@pytest.mark.parametrize(
    ("text", "limit", "wanted"),
    [
        ("abcdef", 6, "abcdef"),
        ("abcdefg", 6, "abcde…"),
        ("abcde fgh", 7, "abcde…"),  # five letters are more than two thirds of seven
        ("abcd efgh", 7, "abcd e…"),
        ("ab, cdefgh", 4, "ab…"),
    ],
)
def test_a_text_is_cut_between_words_where_that_costs_little(text, limit, wanted):
    """At most so many characters with the dots; no comma stays at the end."""
    assert cut(text, limit) == wanted


def test_shares_and_times():
    """A percent of a percent, and minutes from one ns to another."""
    assert (percent(0.5), percent(1.0), percent(0.29)) == ("50 %", "100 %", "29 %")
    assert (minutes_long(0, 90 * 10**9), minutes_long(None, 1), minutes_long(1, None)) == (1.5, 0.0, 0.0)
