"""New, reworded and silent lines at the very borders of their rules."""

import pytest

from pipeline.judge.decide import judge
from pipeline.judge.novelty import new_kinds_p
from pipeline.judge.rates import signatures
from pipeline.judge.revision_data import EndpointCounts, EventTotal, RequestCounts, Signatures
from tests.judge.conftest import MINUTE_NS, START_NS, judged, minutes, occurrences
from tests.judge.test_novelty import row


@pytest.mark.parametrize(("n", "wanted"), [(2, "new"), (3, "renamed"), (9, "renamed"), (27, "renamed"), (28, "new")])
def test_a_reworded_line_comes_about_as_often(pair, policy, n, wanted):
    """A third to three times as often as the nine of before."""
    new, old = row("cache is cold now", n=n, minutes=9), row("cache is cold", n=0, baseline_n=9)
    data = pair(signatures=Signatures(new=(new,), gone=(old,)))
    assert next(one.change for one in judge(data, policy).changes) == wanted


@pytest.mark.parametrize(("text", "wanted"), [("one two three six", "renamed"), ("one two six seven", "new")])
def test_a_reworded_line_shares_three_words_of_five(pair, policy, text, wanted):
    """Three of the five words of both are common, or two of six."""
    new, old = row(text, n=9, minutes=9), row("one two three four", n=0, baseline_n=9)
    data = pair(signatures=Signatures(new=(new,), gone=(old,)))
    assert next(one.change for one in judge(data, policy).changes) == wanted


def test_a_vanished_line_explains_one_new_line_only(pair, policy):
    """Two new lines that say what one did: the second is new; both stand before what is gone."""
    new = (row("one two three six", n=9), row("one two three nine", n=9))
    gone = (row("one two three four", n=0, baseline_n=9), row("another line", n=0, baseline_n=9))
    data = pair(signatures=Signatures(new=new, gone=gone))
    assert [(one.change, one.signature) for one in judge(data, policy).changes] == [
        ("new", "one two three nine"),
        ("renamed", "one two three six"),
        ("gone", "another line"),
    ]


@pytest.mark.parametrize(("n", "wanted"), [(24, "FAIL"), (25, "WARN"), (100, "WARN"), (101, "FAIL")])
def test_a_new_wording_comes_about_as_often_as_expected(pair, policy, n, wanted):
    """50 expected: half to twice as many lines in other words."""
    data = pair(
        base={"events": {"auth.success": EventTotal(50, "ok")}},
        signatures=Signatures(fresh=(("token was accepted", n),), wordings={"auth.success": "token accepted"}),
    )
    assert judged(data, policy, "novelty.silent").status == wanted


@pytest.mark.parametrize(("text", "wanted"), [("one two three", "WARN"), ("one three four", "FAIL")])
def test_a_new_wording_shares_half_of_the_words(pair, policy, text, wanted):
    """Two of the four words of both, or one of five."""
    data = pair(
        base={"events": {"auth.success": EventTotal(50, "ok")}},
        signatures=Signatures(
            fresh=((text, 50),), wordings={"auth.success": "one two four" if wanted == "WARN" else "one two five"}
        ),
    )
    assert judged(data, policy, "novelty.silent").status == wanted


@pytest.mark.parametrize(("n", "eligible", "wanted"), [(30, 3000, "WARN"), (29, 3000, "PASS"), (20, 2000, "WARN")])
def test_lines_that_speak_of_failure_come_with_one_request_in_a_hundred(pair, policy, n, eligible, wanted):
    """20 lines, and 30 of 3,000 requests."""
    counts = RequestCounts(n=eligible, eligible=eligible)
    data = pair(requests=counts, signatures=Signatures(fresh=(("payment failed", n),)))
    assert judged(data, policy, "novelty.errors").status == wanted


@pytest.mark.parametrize(("n", "wanted"), [(5, "FAIL"), (4, "WARN")])
def test_a_new_kind_fails_from_five_lines_on(pair, policy, n, wanted):
    """In nine minutes, p of two kinds is 2 * 2 / 2^9, 1/128. Lines in other words are not counted."""
    new = (row(n=n, minutes=9), row("renamed line two", n=9))
    gone = (row("renamed line too", n=0, baseline_n=9), row("renamed line", n=0, baseline_n=9))
    assert judged(pair(signatures=Signatures(new=new, gone=gone)), policy, "novelty.errors").status == wanted


@pytest.mark.parametrize(("minutes_long", "wanted"), [(29, 2 * 0.5**6), (30, 2 * 0.5**2)])
def test_short_windows_count_by_ten_seconds(pair, minutes_long, wanted):
    """Lines in 2 minutes and 6 times ten seconds: below half an hour p is 2 (1/2)^6."""
    data = pair(first_ns=START_NS, last_ns=START_NS + minutes_long * MINUTE_NS)
    assert new_kinds_p(data, data.baseline, [row(n=6, minutes=2, slots=6)], 0) == pytest.approx(wanted)


def test_without_requests_new_kinds_are_weighed_by_time(pair):
    """20 minutes beside 60: q is 1/4, and a line in one ten seconds has 2 * 1/4."""
    none = RequestCounts()
    data = pair(base={"requests": none}, requests=none, first_ns=START_NS, last_ns=START_NS + 20 * MINUTE_NS)
    assert new_kinds_p(data, data.baseline, [row()], 0) == pytest.approx(2 * 20 / 80)
    assert new_kinds_p(data, data.baseline, [row(minutes=3)], 0) == pytest.approx(2 * 0.25**3)
    one_sided = pair(base={"requests": none}, first_ns=START_NS, last_ns=START_NS + 20 * MINUTE_NS)
    assert new_kinds_p(one_sided, one_sided.baseline, [row(minutes=3)], 0) == pytest.approx(2 * 0.25**3)


def test_many_new_kinds_by_the_binomial(pair):
    """4 new and 3 gone of equal sides: P(Binomial(7, 1/2) >= 4) is 1/2; 6 and 1: 8/128 (7 + 1 of 128), doubled."""
    data = pair()
    kinds = [row(f"kind {number}") for number in range(6)]
    assert new_kinds_p(data, data.baseline, kinds, 1) == pytest.approx(2 * 8 / 128)
    assert new_kinds_p(data, data.baseline, kinds[:4], 3) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("n", "baseline_n", "wanted"),
    [(10, 5, "WARN"), (9, 5, "PASS"), (50, 5, "FAIL"), (49, 5, "WARN")],
)
def test_more_of_a_known_kind_at_the_limits(pair, policy, n, baseline_n, wanted):
    """Twice as often WARN, ten times FAIL, in as many requests."""
    data = pair(signatures=Signatures(both=(row(n=n, baseline_n=baseline_n),)))
    (comparison,) = signatures(data, data.baseline, policy)
    assert comparison.large == wanted


@pytest.mark.parametrize(("n", "wanted"), [(5, "FAIL"), (4, "WARN")])
def test_more_of_a_known_kind_fails_from_five_lines_on(pair, policy, n, wanted):
    """Beside one line in ten times the requests."""
    base = {"requests": RequestCounts(n=10_000, eligible=10_000)}
    data = pair(base=base, signatures=Signatures(both=(row(n=n, baseline_n=1),)))
    (comparison,) = signatures(data, data.baseline, policy)
    assert comparison.large == wanted


@pytest.mark.parametrize(("long", "n"), [(29, 12), (30, 24)])
def test_lines_of_one_time_are_one_occurrence(pair, policy, long, n):
    """24 lines in 2 minutes or 4 times ten seconds, 12 before: 2 beside 1, or in a short window 4 beside 2.

    R: poisson.test(c(2, 1), alternative = "greater")$p.value is 1/2; of c(4, 2) it is 11/32.
    """
    data = pair(
        signatures=Signatures(both=(row(n=24, baseline_n=12, minutes=2, slots=4),)),
        first_ns=START_NS,
        last_ns=START_NS + long * MINUTE_NS,
    )
    (comparison,) = signatures(data, data.baseline, policy)
    assert comparison.effect.p == pytest.approx(11 / 32 if long == 29 else 1 / 2)


@pytest.mark.parametrize(("elsewhere", "wanted"), [(200, "WARN"), (201, "PASS")])
def test_where_a_fifth_asks_for_something_else(pair, policy, elsewhere, wanted):
    """24 successes where 200 were expected are rare, where at most a fifth of 1,000 requests go elsewhere."""
    at = START_NS // MINUTE_NS
    data = pair(
        base={"events": {"auth.success": EventTotal(200, "ok")}, "endpoints": {"GET /": EndpointCounts(1000)}},
        events={"auth.success": EventTotal(24, "ok")},
        endpoints={"GET /": EndpointCounts(1000 - elsewhere), "GET /static": EndpointCounts(elsewhere)},
        occurrences=occurrences(*(("auth.success", minute, 1, "ok", -1) for minute in range(24))),
        minutes=minutes(*((at + minute, 15, 0) for minute in range(66))),
    )
    assert judged(data, policy, "novelty.silent").status == wanted


@pytest.mark.parametrize(("before", "seen", "wanted"), [(50, 15, "WARN"), (49, 14, "PASS"), (50, 16, "PASS")])
def test_rare_is_three_tenths_of_fifty(pair, policy, before, seen, wanted):
    """15 of 50 expected; of 49 nothing is said."""
    at = START_NS // MINUTE_NS
    data = pair(
        base={"events": {"auth.success": EventTotal(before, "ok")}},
        events={"auth.success": EventTotal(seen, "ok")},
        occurrences=occurrences(*(("auth.success", 4 * minute, 1, "ok", -1) for minute in range(seen))),
        minutes=minutes(*((at + minute, 15, 0) for minute in range(66))),
    )
    assert judged(data, policy, "novelty.silent").status == wanted


def test_a_single_minute_shows_no_design_effect(pair, policy):
    """With requests in one minute only, nothing is called rare; in two minutes it is."""
    at = START_NS // MINUTE_NS
    for busy, wanted in ((1, "PASS"), (2, "WARN")):
        rows = [("auth.success", minute, 2 // busy, "ok", -1) for minute in range(busy)]
        data = pair(
            base={"events": {"auth.success": EventTotal(500, "ok")}},
            events={"auth.success": EventTotal(2, "ok")},
            occurrences=occurrences(*rows),
            minutes=minutes(*((at + minute, 1000 // busy, 0) for minute in range(busy))),
        )
        assert judged(data, policy, "novelty.silent").status == wanted


def test_lines_of_a_single_minute_are_one_occurrence(pair, policy):
    """10 lines in a minute, 100 before: 1 beside 10, so 1 - (1/2)^11 is the chance of one or more of eleven."""
    data = pair(signatures=Signatures(both=(row(n=10, baseline_n=100, minutes=1),)))
    (comparison,) = signatures(data, data.baseline, policy)
    assert comparison.effect.p == pytest.approx(1 - 0.5**11)
