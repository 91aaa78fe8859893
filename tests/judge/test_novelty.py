"""What is new, more frequent, renamed or gone; and successes that fell silent."""

import pytest

from pipeline.judge.decide import judge
from pipeline.judge.novelty import similarity
from pipeline.judge.revision_data import EventTotal, RequestCounts, SignatureRow, Signatures
from tests.judge.conftest import judged, profile


def row(text="pool exhausted", n=1, baseline_n=0, level="ERROR", **more):
    whole = {"event": "", "outcome": "", "startup": False, **more}
    return SignatureRow(text, level, n=n, baseline_n=baseline_n, **whole)


@pytest.mark.parametrize(("n", "wanted"), [(1, "WARN"), (4, "WARN"), (5, "FAIL")])
def test_new_lines_warn_and_five_fail(pair, policy, n, wanted):
    """One to four lines can be one request's bad luck."""
    check = judged(pair(signatures=Signatures(new=(row(n=n),))), policy, "novelty.errors")
    assert check.status == wanted
    assert "1 new" in check.reason
    # R: poisson.test(c(1, 4, 5)[i])$conf.int
    ends = {1: (0.02531781, 5.571643), 4: (1.089865, 10.24159), 5: (1.623486, 11.66833)}[n]
    assert (check.observed.low, check.observed.high) == pytest.approx(ends, abs=5e-4)


def test_nothing_new_passes(pair, policy):
    """The same lines as often as before; what is gone is listed and no fault."""
    found = Signatures(both=(row(n=5, baseline_n=5),), gone=(row("old line", n=0, baseline_n=9),))
    all_of_it = judge(pair(signatures=found), policy)
    assert judged(pair(signatures=found), policy, "novelty.errors").status == "PASS"
    assert [(one.change, one.signature) for one in all_of_it.changes] == [("gone", "old line")]


def test_a_much_smaller_baseline_makes_nothing_new(pair, policy):
    """Six lines in 1,000 requests, none in 50: the baseline would have shown 0.3."""
    base = {"requests": RequestCounts(n=50, eligible=50)}
    check = judged(pair(base=base, signatures=Signatures(new=(row(n=6),))), policy, "novelty.errors")
    assert (check.status, check.observed.value) == ("PASS", 0.3)


def test_start_up_lines_need_a_start_to_compare_with(pair, policy):
    """A warning of the start-up is no news beside a baseline that was not seen to start; an error warns."""
    started = {"startup": True, "n": 50}
    warning = Signatures(new=(row(level="WARNING", **started),))
    assert judged(pair(signatures=warning, starts=2), policy, "novelty.errors").status == "PASS"
    error = Signatures(new=(row(**started),))
    assert judged(pair(signatures=error, starts=2), policy, "novelty.errors").status == "WARN"
    both = judged(pair(base={"starts": 2}, signatures=warning, starts=2), policy, "novelty.errors")
    assert both.status == "FAIL"


def test_an_error_in_other_words_is_a_rename(pair, policy):
    """Six lines that say what six others said: a warning to look at, not six new errors."""
    old = row("Order service: payment gateway did not answer within <*> s", n=0, baseline_n=6)
    new = row("Payment gateway did not answer within <*> s (order service)", n=6)
    data = pair(signatures=Signatures(new=(new,), gone=(old,)))
    assert judged(data, policy, "novelty.errors").status == "WARN"
    assert [one.change for one in judge(data, policy).changes] == ["renamed"]


# Silence: a success seen 20 times and more, 10 expected, none seen.


@pytest.mark.parametrize(
    ("before", "eligible", "now", "wanted"),
    [
        (200, 1000, None, "FAIL"),
        (200, 1000, 1, "PASS"),
        (19, 1000, None, "NOT_APPLICABLE"),
        (20, 500, None, "FAIL"),
        (20, 499, None, "NOT_OBSERVABLE"),  # 9.98 expected
    ],
)
def test_a_success_that_stopped_is_seen(pair, policy, before, eligible, now, wanted):
    """Measured by requests of users: those of the baseline were 1,000."""
    events = {"auth.success": EventTotal(now, "ok")} if now else {}
    data = pair(
        base={"events": {"auth.success": EventTotal(before, "ok")}},
        events=events,
        requests=RequestCounts(n=eligible, eligible=eligible),
    )
    assert judged(data, policy, "novelty.silent").status == wanted


@pytest.mark.parametrize("name", ["platform.probe_succeeded", "http.access", "python.startup_complete", "audit.ready"])
def test_what_comes_with_a_start_is_not_missed(pair, policy, name):
    """It does not grow with requests."""
    data = pair(base={"events": {name: EventTotal(500, "ok")}})
    assert judged(data, policy, "novelty.silent").status == "NOT_APPLICABLE"


@pytest.mark.parametrize(("n", "wanted"), [(190, "WARN"), (20, "FAIL")])
def test_a_new_wording_explains_a_silence(pair, policy, n, wanted):
    """New lines say nearly the same, as often: renamed. Far fewer: silent all the same."""
    old = "AUTH SUCCESS: Token validated successfully (user_id: <user>..., response_time: 12 ms)"
    data = pair(
        base={"events": {"auth.success": EventTotal(200, "ok")}},
        signatures=Signatures(
            fresh=(("AUTH OK: Token validated successfully (user_id: <*>, response_time: <*> ms)", n),),
            wordings={"auth.success": old},
        ),
    )
    assert judged(data, policy, "novelty.silent").status == wanted


def test_similarity_is_of_words():
    """Jaccard of the words of three letters and more, whatever their case and order."""
    assert similarity("Cache miss for KEY", "for key: cache miss") == 1.0
    assert similarity("", "x") == 0.0
    assert similarity("one two three", "one two four") == 0.5


def test_a_drop_of_the_explained_share_is_inconclusive(pair, policy):
    """The catalogue knew all, now three in four: below the limit of a fifth less it does not matter."""
    assert judged(pair(parsed=1000, explained=801), policy, "evidence.explained").status == "PASS"
    check = judged(pair(parsed=1000, explained=790), policy, "evidence.explained")
    assert (check.status, policy["evidence.explained"].required) == ("INCONCLUSIVE", True)
    assert profile().explained_ratio == 1.0
