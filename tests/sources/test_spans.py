"""Spans of time that were listed, beside sets of single moments."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sources.cloud_logging.pulled import STEP_NS, VISIBLE_NS, Listing, Pulled, Span, _gaps, load

BOUNDS = st.tuples(st.integers(0, 20), st.integers(0, 20)).filter(lambda pair: pair[0] < pair[1])


@given(BOUNDS, st.lists(BOUNDS, max_size=5))
def test_gaps_are_what_no_span_takes(window, taken):
    """In order, none empty, and no two that meet."""
    gaps = _gaps(*window, [Span("", *bounds, 0) for bounds in taken])
    assert {at for gap in gaps for at in range(*gap)} == set(range(*window)) - {
        at for one in taken for at in range(*one)
    }
    assert all(low < high for low, high in gaps)
    assert all(one[1] < other[0] for one, other in pairwise(gaps))


@given(st.lists(st.tuples(st.sampled_from("ab"), BOUNDS, st.integers(1, 3)), max_size=8))
def test_of_each_moment_the_last_listing_holds(covered):
    """Of its scope; spans do not overlap, and what meets and was listed to the same time is one."""
    pulled, wanted = Pulled(), {}
    for scope, (start, end), listed in covered:
        pulled.cover(Span(scope, start, end, listed))
        wanted |= {(scope, at): listed for at in range(start, end)}
    found = [(span.scope, at, span.listed) for span in pulled.spans for at in range(span.start, span.end)]
    assert len(found) == len(wanted)
    assert {(scope, at): listed for scope, at, listed in found} == wanted
    assert [(one.scope, one.start) for one in pulled.spans] == sorted((one.scope, one.start) for one in pulled.spans)
    for one, other in pairwise(pulled.spans):
        assert (one.scope, one.end, one.listed) != (other.scope, other.start, other.listed)


def test_nothing_covers_nothing():
    """And a checkpoint gives back what was written."""
    pulled = Pulled([Span("s", 1, 5, 9)], Listing("s", 5, 8, 9, seen=("a",), since=5, position=6, token="t"))
    pulled.cover(None)
    assert load("x", pulled.checkpoint()) == pulled
    assert load("x", None) == Pulled()
    plain = Listing("s", 1, 2, 3)
    assert (plain.received, plain.since, plain.token, plain.position, plain.rows) == (None, 0, None, 0, 0)
    assert (plain.newest, plain.seen, plain.done) == (0, (), False)


NOW = 10 * VISIBLE_NS


def test_how_long_entries_and_clocks_take():
    """Ten minutes until an entry is seen, and a minute that a clock may be off."""
    assert (VISIBLE_NS, STEP_NS) == (600_000_000_000, 60_000_000_000)


def test_a_plan_of_gaps_and_of_what_was_received_since():
    """[10, 30) of which [15, 20) was listed at 5 times the delay of entries, and [22, 40) at 4 times."""
    spans = [Span("s", 15, 20, 5 * VISIBLE_NS), Span("s", 22, 40, 4 * VISIBLE_NS), Span("t", 10, 12, 1)]
    plan = Pulled(spans).plan("s", 10, 30, NOW)
    assert plan == [
        Listing("s", 10, 15, NOW, since=10, position=10),
        Listing("s", 20, 22, NOW, since=20, position=20),
        Listing("s", 15, 30, NOW, received=3 * VISIBLE_NS, since=15, position=15),
    ]


@pytest.mark.parametrize("bounds", [(0, 10), (30, 40)])
def test_spans_that_only_meet_the_window_are_not_of_it(bounds):
    """Half-open on both sides."""
    assert Pulled([Span("s", *bounds, 9)]).plan("s", 10, 30, NOW) == [Listing("s", 10, 30, NOW, since=10, position=10)]


@pytest.mark.parametrize(("received", "late"), [(None, 1), (7, 0)])
def test_a_listing_under_way_goes_first(received, late):
    """What it lists is no gap; one of late entries needs no other."""
    going = Listing("s", 10, 20, NOW, received=received, since=10, position=12)
    plan = Pulled([Span("s", 20, 30, 5 * VISIBLE_NS)], going).plan("s", 10, 30, NOW)
    assert plan[0] is going
    assert len(plan) == 1 + late


@pytest.mark.parametrize(
    ("listing", "end", "wanted"),
    [
        (Listing("s", 10, 20, NOW), None, (10, 20, NOW)),
        (Listing("s", 10, 20, NOW), 15, (10, 15, NOW)),
        (Listing("s", 10, 20, 10), None, None),
        (Listing("s", 10, 20, 11), None, (10, 11, 10)),
        (Listing("s", 10, 20, 11, newest=11), None, (10, 11, 11)),
        (Listing("s", 10, 20, 11, newest=99), None, (10, 11, 11)),
        (Listing("s", 0, NOW - VISIBLE_NS, NOW), None, (0, NOW - VISIBLE_NS, NOW)),  # long enough ago
        (Listing("s", 0, NOW - VISIBLE_NS + 1, NOW), None, (0, NOW - VISIBLE_NS + 1, 0)),
        (Listing("s", 0, NOW, NOW, newest=NOW - 5), None, (0, NOW, NOW - 5)),
        (Listing("s", 0, NOW, NOW, received=2 * VISIBLE_NS), None, (0, NOW, 3 * VISIBLE_NS)),
    ],
)
def test_what_a_listing_covers_and_to_when_it_was_received(listing, end, wanted):
    """Nothing after its beginning; near it, what was received after the newest entry is asked for again."""
    span = listing.span(end)
    assert (None if span is None else (span.start, span.end, span.listed)) == wanted


def test_an_answer_sets_the_beginning_only_back():
    """To the server's time where that is the earlier."""
    listing = Listing("s", 1, 2, 50)
    assert [listing.answered(at).listed for at in (None, 60, 50, 40)] == [50, 50, 50, 40]


@pytest.mark.parametrize(("ahead", "forgotten"), [(STEP_NS, 0), (STEP_NS + 1, 1)])
@pytest.mark.parametrize("place", ["end", "listed", "open"])
def test_what_a_clock_wrote_ahead_is_forgotten(ahead, forgotten, place):
    """By more than a step; what is of the past stays."""
    past, future = Span("s", 1, 5, NOW), NOW + ahead
    spans = {"end": Span("s", 5, future, NOW), "listed": Span("s", 5, 9, future), "open": past}
    pulled = Pulled([past, spans[place]], Listing("s", 9, 12, future if place == "open" else NOW))
    assert pulled.forget_future(NOW) == (ahead if forgotten else 0)
    assert past in pulled.spans
    assert len(pulled.spans) == (1 if forgotten and place != "open" else 2)
    assert (pulled.open is None) == bool(forgotten and place == "open")


def test_what_is_ahead_by_no_more_than_a_step_stays():
    """Beside a span that goes, since it is further ahead."""
    near, far = Span("s", 1, 5, NOW + STEP_NS), Span("s", 6, 9, NOW + STEP_NS + 1)
    pulled = Pulled([near, far], Listing("s", 9, 12, NOW + STEP_NS))
    assert pulled.forget_future(NOW) == STEP_NS + 1
    assert pulled.spans == [near]
    assert pulled.open is not None
