"""What is new, more frequent, renamed or gone; and successes that fell silent."""

import pytest

from pipeline.judge.decide import judge
from pipeline.judge.novelty import similarity
from pipeline.judge.revision_data import (
    EndpointCounts,
    EventTotal,
    RequestCounts,
    SignatureRow,
    Signatures,
    SteadyLine,
)
from tests.judge.conftest import MINUTE_NS, START_NS, judged, minutes, occurrences, profile


def row(text="pool exhausted", n=1, baseline_n=0, level="ERROR", **more):
    whole = {"event": "", "outcome": "", "startup": False, "slots": more.get("minutes", 1), **more}
    return SignatureRow(text, level, n=n, baseline_n=baseline_n, **whole)


@pytest.mark.parametrize(("n", "wanted"), [(1, "PASS"), (5, "PASS"), (6, "WARN"), (7, "WARN"), (8, "FAIL")])
def test_new_lines_count_by_their_minutes(pair, policy, n, wanted):
    """Beside as many requests, a kind in m minutes has p = 2 (1/2)^m: 1/16 at 5, 1/32 at 6, 1/64 at 7, 1/128 at 8."""
    check = judged(pair(signatures=Signatures(new=(row(n=n, minutes=n),))), policy, "novelty.errors")
    assert check.status == wanted
    assert check.reason.startswith(f"1 new kind of warnings and errors, 'pool exhausted' ({n} line")


def test_the_reason_is_a_sentence(pair, policy):
    """How many kinds changed in which way, and the most frequent new one, wherever it stands."""
    new = (row("disk is slow", minutes=9), row("pool exhausted", n=74, minutes=9))
    lines = Signatures(new=new, gone=(row("a", n=0, baseline_n=3), row("b", n=0, baseline_n=3)))
    check = judged(pair(signatures=lines), policy, "novelty.errors")
    wanted = "2 new kinds of warnings and errors, most often 'pool exhausted' (74 lines); 2 kinds are gone"
    assert check.reason.startswith(wanted)


@pytest.mark.parametrize("event", ["", "python.traceback"])
def test_a_change_names_its_event(pair, policy, event):
    """None where nothing explains the line."""
    (change,) = judge(pair(signatures=Signatures(new=(row(event=event, outcome="failure"),))), policy).changes
    assert (change.change, change.event) == ("new", event or None)


def test_lines_of_one_minute_are_one_occurrence(pair, policy):
    """A hundred lines within a minute: one bad minute, which the baseline's hour may have missed by chance."""
    check = judged(pair(signatures=Signatures(new=(row(n=100, minutes=1),))), policy, "novelty.errors")
    assert (check.status, check.observed.value) == ("PASS", 100)
    # R: poisson.test(100)$conf.int is 81.36399 and 121.62679
    assert (check.observed.low, check.observed.high) == (81.364, 121.627)
    nine = judged(pair(signatures=Signatures(new=(row(n=9, minutes=1),))), policy, "novelty.errors").observed
    assert (nine.low, nine.high) == (4.115, 17.085)  # R: 4.115373 and 17.084803


def test_many_new_kinds_are_news_where_few_are_gone(pair, policy):
    """Five kinds new and none gone: 2 * (1/2)^5 = 1/16; six: 1/32. With six gone too it is the logger's long tail."""
    kinds = tuple(row(f"kind {name}") for name in "abcdef")
    assert judged(pair(signatures=Signatures(new=kinds[:5])), policy, "novelty.errors").status == "PASS"
    assert judged(pair(signatures=Signatures(new=kinds)), policy, "novelty.errors").status == "WARN"
    gone = tuple(row(f"once {name}", n=0, baseline_n=1) for name in "abcdef")
    assert judged(pair(signatures=Signatures(new=kinds, gone=gone)), policy, "novelty.errors").status == "PASS"


def test_runs_that_passed_before_make_new_lines_news_sooner(pair, policy):
    """With three times the requests before: p = 2 (1/4)^m, 1/32 at 3 minutes."""
    new = Signatures(new=(row(n=3, minutes=3),))
    assert judged(pair(signatures=new), policy, "novelty.errors").status == "PASS"
    pooled = profile(requests=RequestCounts(n=3000, eligible=3000))
    assert judged(pair(signatures=new, pooled=pooled), policy, "novelty.errors").status == "WARN"


@pytest.mark.parametrize(
    ("event", "level", "runs", "before", "wanted"),
    [
        ("python.traceback", "ERROR", 10, False, "WARN"),
        ("python.traceback", "ERROR", 9, False, "PASS"),
        ("python.traceback", "ERROR", 10, True, "PASS"),
        ("", "CRITICAL", 10, False, "WARN"),
        ("", "ERROR", 10, False, "PASS"),
        ("python.worker_failed", "ERROR", 1, True, "WARN"),
    ],
)
def test_the_first_of_what_never_comes_warns(pair, policy, event, level, runs, before, wanted):
    """A traceback or CRITICAL line where ten passed runs had none; a crash at once. One line never fails."""
    new = row(level=level, event=event, outcome="failure" if event else "")
    pooled = profile(runs=runs)
    data = pair(signatures=Signatures(new=(new,), grave_before=before), pooled=pooled)
    assert judged(data, policy, "novelty.errors").status == wanted


@pytest.mark.parametrize(
    ("text", "n", "wanted"),
    [
        ("checkout failed for basket <*>", 20, "WARN"),
        ("checkout failed for basket <*>", 19, "PASS"),
        ("checkout done for basket <*>", 500, "PASS"),
        ("import done, failed: 0", 500, "PASS"),
        ("health: no failures", 500, "PASS"),
    ],
)
def test_new_lines_below_warning_can_speak_of_failure(pair, policy, text, n, wanted):
    """Twenty lines and one in a hundred requests; what denies a failure is none."""
    data = pair(signatures=Signatures(fresh=((text, n),)))
    assert judged(data, policy, "novelty.errors").status == wanted


def test_what_warns_is_told_first(pair, policy):
    """What is gone, or too rare to count, comes behind it; and what nothing is wrong with is not said."""
    told = ("checkout failed for basket <*>", 20)
    check = judged(pair(signatures=Signatures(fresh=(told,))), policy, "novelty.errors")
    assert check.reason == "20 new lines below WARNING that may report a failure: 'checkout failed for basket <*>'"
    gone = Signatures(fresh=(told,), gone=(row("old line", n=0, baseline_n=9),))
    reason = judged(pair(signatures=gone), policy, "novelty.errors").reason
    assert (reason[:12], reason[-13:]) == ("20 new lines", "1 kind is gone"[-13:])
    both = Signatures(new=(row(n=90, minutes=20),), fresh=(told,))
    assert judged(pair(signatures=both), policy, "novelty.errors").reason.startswith("1 new kind of warnings")


def test_nothing_new_passes(pair, policy):
    """The same lines as often as before; what is gone is listed and no fault."""
    found = Signatures(both=(row(n=5, baseline_n=5),), gone=(row("old line", n=0, baseline_n=9),))
    all_of_it = judge(pair(signatures=found), policy)
    assert judged(pair(signatures=found), policy, "novelty.errors").status == "PASS"
    assert [(one.change, one.signature) for one in all_of_it.changes] == [("gone", "old line")]


def test_a_much_smaller_baseline_makes_nothing_new(pair, policy):
    """Six lines in 1,000 requests, none in 50: the baseline would have shown 0.3, and 2 (20/21)^6 is above 1."""
    base = {"requests": RequestCounts(n=50, eligible=50)}
    check = judged(pair(base=base, signatures=Signatures(new=(row(n=6, minutes=6),))), policy, "novelty.errors")
    assert check.status == "PASS"
    assert "chance" in check.reason


def test_start_up_lines_need_a_start_to_compare_with(pair, policy):
    """A warning of the start-up is no news beside a baseline that was not seen to start; an error warns."""
    started = {"startup": True, "n": 50, "minutes": 10}
    warning = Signatures(new=(row(level="WARNING", **started),))
    assert judged(pair(signatures=warning, starts=2), policy, "novelty.errors").status == "PASS"
    error = Signatures(new=(row(**started),))
    assert judged(pair(signatures=error, starts=2), policy, "novelty.errors").status == "WARN"
    both = judged(pair(base={"starts": 1}, signatures=warning, starts=2), policy, "novelty.errors")
    assert both.status == "FAIL"


def test_an_error_in_other_words_is_a_rename(pair, policy):
    """Nine lines that say what nine others said: a warning to look at, not nine new errors."""
    old = row("Order service: payment gateway did not answer within <*> s", n=0, baseline_n=9)
    new = row("Payment gateway did not answer within <*> s (order service)", n=9, minutes=9)
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
    """Measured by user requests: those of the baseline were 1,000."""
    events = {"auth.success": EventTotal(now, "ok")} if now else {}
    data = pair(
        base={"events": {"auth.success": EventTotal(before, "ok")}},
        events=events,
        requests=RequestCounts(n=eligible, eligible=eligible),
    )
    assert judged(data, policy, "novelty.silent").status == wanted


@pytest.mark.parametrize(
    ("seen", "mix", "wanted"), [(24, 0.0, "WARN"), (61, 0.0, "PASS"), (24, 0.5, "PASS")], ids=["rare", "a third", "mix"]
)
def test_a_success_that_became_rare_is_seen(pair, policy, seen, mix, wanted):
    """24 where 200 were expected; not where half of the requests ask for something else."""
    at = START_NS // MINUTE_NS
    elsewhere = round(mix * 1000)
    data = pair(
        base={
            "events": {"auth.success": EventTotal(200, "ok")},
            "endpoints": {"GET /": EndpointCounts(1000)},
        },
        events={"auth.success": EventTotal(seen, "ok")},
        endpoints={"GET /": EndpointCounts(1000 - elsewhere), "GET /static": EndpointCounts(elsewhere)},
        occurrences=occurrences(*(("auth.success", minute, 1, "ok", -1) for minute in range(seen))),
        minutes=minutes(*((at + minute, 15, 0) for minute in range(66))),
    )
    assert judged(data, policy, "novelty.silent").status == wanted


@pytest.mark.parametrize(("a_minute", "wanted"), [(1, "WARN"), (3, "PASS")], ids=["evenly", "in bursts of three"])
def test_a_rare_success_is_counted_by_its_bursts(pair, policy, a_minute, wanted):
    """15 where 50 were expected. In bursts of three the design effect is 3, so it is 5 where 17 were.

    R: poisson.test(c(15, 50), alternative = "less")$p.value is 7.9e-06; of c(5, 17) it is 0.0085, above 0.001.
    """
    at = START_NS // MINUTE_NS
    rows = [("auth.success", minute, a_minute, "ok", -1) for minute in range(0, 60, 4 * a_minute)]
    data = pair(
        base={"events": {"auth.success": EventTotal(50, "ok")}},
        events={"auth.success": EventTotal(15, "ok")},
        occurrences=occurrences(*rows),
        minutes=minutes(*((at + minute, 15, 0) for minute in range(60))),
    )
    assert judged(data, policy, "novelty.silent").status == wanted


def test_a_rare_success_that_comes_evenly_is_not_taken_for_bursts(pair, policy):
    """13 where 50 were expected, one or two in each of ten minutes: the design effect is 1, and chance gives 1.5e-06.

    scipy: binom.cdf(13, 63, .5). With the sum in place of the difference it would be 6: binom.cdf(2, 10, .5) is 0.055.
    """
    at = START_NS // MINUTE_NS
    rows = [("auth.success", minute, 1 if minute < 7 else 2, "ok", -1) for minute in range(10)]
    data = pair(
        base={"events": {"auth.success": EventTotal(50, "ok")}},
        events={"auth.success": EventTotal(13, "ok")},
        occurrences=occurrences(*rows),
        minutes=minutes(*((at + minute, 100, 0) for minute in range(10))),
    )
    assert judged(data, policy, "novelty.silent").status == "WARN"


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
    half = {"parsed": 1000, "explained": 500}  # 0.5 - 0.3 is 0.2 in binary too
    for explained, wanted in ((301, "PASS"), (300, "INCONCLUSIVE")):
        data = pair(base=half, parsed=1000, explained=explained)
        assert judged(data, policy, "evidence.explained").status == wanted
    assert profile().explained_ratio == 1.0


def test_a_new_logger_at_info_hides_nothing(pair, policy):
    """As many known lines a request as before, and twice as many unknown ones beside them."""
    assert judged(pair(parsed=15000, explained=5000), policy, "evidence.explained").status == "PASS"
    assert judged(pair(parsed=15000, explained=3900), policy, "evidence.explained").status == "INCONCLUSIVE"


QUIET_HOUR = {"requests": RequestCounts(), "events": {"celery.task_succeeded": EventTotal(600, "ok")}}


@pytest.mark.parametrize(
    ("seen", "in_minutes", "lines", "long", "wanted"),
    [
        (None, 48, 300, 60, "FAIL"),  # other lines instead, half as many as were expected
        (None, 48, 299, 60, "WARN"),  # nothing much: the queue may be empty
        (None, 47, 600, 60, "NOT_OBSERVABLE"),  # work that comes in bursts
        (None, 48, 600, 4.9, "NOT_OBSERVABLE"),
        (None, 48, 600, 5, "FAIL"),
        ((0, 30), 48, 600, 60, "WARN"),  # all in one minute weigh as one: 1, and 20 before. R: pbinom(1, 21, .5) 1e-05
        ((0, 60), 48, 600, 60, "PASS"),  # 1, and 10 before: pbinom(1, 11, .5) is 0.006
        ((59, 181), 48, 600, 60, "PASS"),  # 30 % and one more
    ],
)
def test_work_without_requests_is_expected_by_the_minute(pair, policy, seen, in_minutes, lines, long, wanted):
    """600 tasks in the baseline's hour, four minutes in five at least, and so many lines of the revision now."""
    name = "celery.task_succeeded"
    data = pair(
        base=QUIET_HOUR,
        requests=RequestCounts(),
        baseline_minutes={name: in_minutes},
        parsed=lines,
        events={name: EventTotal(seen[1], "ok")} if seen else {},
        occurrences=occurrences((name, *seen, "ok", -1)) if seen else occurrences(),
        first_ns=START_NS,
        last_ns=START_NS + round(long * MINUTE_NS),
        service_settled_ns=None,
    )
    check = judged(data, policy, "novelty.silent")
    assert check.status == wanted, check


@pytest.mark.parametrize(
    ("line", "fresh", "wanted"),
    [
        (SteadyLine("stored", "", 20, 48, 0), (), "WARN"),  # 20 expected
        (SteadyLine("stored", "", 19, 48, 0), (), "PASS"),
        (SteadyLine("stored", "", 20, 47, 0), (), "NOT_APPLICABLE"),  # 47 of 60 minutes
        (SteadyLine("stored", "", 1000, 60, 1), (), "PASS"),
        (SteadyLine("stored", "some.event", 1000, 60, 0), (), "NOT_APPLICABLE"),  # explained: by its event
        (SteadyLine("stored", "", 100, 60, 0), (("saved", 50),), "PASS"),  # another line in its place
        (SteadyLine("stored", "", 100, 60, 0), (("saved", 49),), "WARN"),
    ],
)
def test_a_line_of_most_minutes_that_is_gone(pair, policy, line, fresh, wanted):
    """The baseline had it so often, in so many of 60 minutes; as many requests now. New lines may be its new words."""
    data = pair(
        signatures=Signatures(steady=(line,), fresh=fresh),
        parsed=500,
        first_ns=START_NS,
        last_ns=START_NS + 60 * MINUTE_NS,
    )
    check = judged(data, policy, "novelty.silent")
    assert check.status == wanted, check
    assert (wanted == "WARN") == ("'stored' stopped" in check.reason)
    assert "no lines of its own" not in check.reason


def test_many_lines_that_many_others_replace(pair, policy):
    """Four kinds go and three come, far more often: the logs were rewritten. Two for four are not enough."""
    steady = tuple(SteadyLine(f"old {n}", "", 100, 60, 0) for n in range(4))
    for n, wanted in ((3, "PASS"), (2, "WARN")):
        fresh = tuple((f"fresh {k}", 500) for k in range(n))
        data = pair(
            signatures=Signatures(steady=steady, fresh=fresh),
            parsed=500,
            first_ns=START_NS,
            last_ns=START_NS + 60 * MINUTE_NS,
        )
        assert judged(data, policy, "novelty.silent").status == wanted


def test_where_no_line_is_written_the_check_says_that_it_is_blind(pair, policy):
    """Request rows and lines of the platform are not the revision's own."""
    steady = (SteadyLine("stored", "", 100, 60, 0),)
    events = {"http.request": EventTotal(900, "info"), "platform.exit": EventTotal(100, "ok")}
    data = pair(
        signatures=Signatures(steady=steady),
        parsed=1000,
        events=events,
        first_ns=START_NS,
        last_ns=START_NS + 60 * MINUTE_NS,
    )
    check = judged(data, policy, "novelty.silent")
    assert (check.status, "no lines of its own" in check.reason) == ("WARN", True)
