"""Measures to a verdict: the data of one revision with its baseline, judged."""

from dataclasses import dataclass, replace

import polars as pl

from pipeline.aggregate.measures import Measures
from pipeline.assess import signatures
from pipeline.assess.context import Context
from pipeline.assess.document import document
from pipeline.assess.earlier import Earlier, added, from_lookback, seen
from pipeline.assess.executions import executions
from pipeline.assess.revision_data import View, answered, before_in_time, beside, revision_data
from pipeline.assess.revisions import Target, baseline_before, select
from pipeline.judge.counts import Execution
from pipeline.judge.crosscheck import Crosscheck
from pipeline.judge.decide import decide, judge
from pipeline.judge.model import Verdict
from pipeline.judge.policy import Policy
from pipeline.judge.revision_data import RevisionData
from pipeline.window import nanoseconds


@dataclass(frozen=True)
class Assessment:
    """A verdict with what it was judged by: limits and revision data; and the signatures that history keeps."""

    target: Target
    verdict: Verdict
    policy: Policy
    data: RevisionData
    signatures: pl.DataFrame


def assess(measures: Measures, target: Target, context: Context) -> Assessment:
    """Judge one revision."""
    view = View(measures, target)
    given = data_of(view, context)
    policy = context.policy_of(target.service)
    judgement = judge(given, policy, context.expected)
    verdict = document(view, judgement, policy, context)
    return Assessment(target, verdict, policy, given, signatures.signature_totals(view))


def data_of(view: View, context: Context) -> RevisionData:
    """Return the data of a revision with its baseline: of the window or before it, else of history, else none."""
    given = revision_data(
        view,
        window=context.window,
        listed=context.listed,
        incomplete=context.incomplete,
        endpoints=context.expected.endpoints,
        tests=context.tests,
        deployed=context.deployed.get(view.target.service),
    )
    if view.target.workload == "job":
        given = replace(given, earlier=_lookback_executions(view, context), seen_until_ns=_seen_until_ns(context))
    target = view.target
    given = replace(given, crosscheck=context.crosschecks.get(target, Crosscheck()))
    if context.planned_end:
        given = replace(given, planned_end_ns=nanoseconds(context.planned_end))
    if context.lookback:
        given = replace(given, answered_before=answered(View(context.lookback, target)))
    lookback = context.lookback
    if lookback and (name := _in_lookback(lookback, view.measures, target, context)):
        sound = _sound(lookback, target, name, context)
        earlier = from_lookback(lookback, target, sound)
        given = before_in_time(given, View(lookback, target, sound))
    elif name := target.baseline:
        sound = _sound(view.measures, target, name, context)
        before = View(view.measures, target, sound)
        earlier = seen(before)
        given = before_in_time(beside(given, view, before), before)
    elif target in context.history:
        earlier, sound, name = context.history[target], None, None
    else:
        return given
    pooled = _pooled(earlier, context.passed.get(target))
    changed = signatures.signatures(view, pooled.signatures, earlier.wordings, earlier.signatures)
    return replace(
        given,
        baseline=earlier.profile,
        pooled=pooled.profile,
        signatures=changed,
        passed_over=None if sound == name else name,
    )


def _in_lookback(lookback: Measures, measures: Measures, target: Target, context: Context) -> str | None:
    """The baseline that the lookback has for a revision of which the window shows no baseline, or too little."""
    served, baseline = lookback.minutes, context.baseline
    return baseline_before(lookback.revisions, measures.revisions, target, served=served, baseline=baseline)


def _sound(measures: Measures, target: Target, name: str, context: Context) -> str:
    """The newest revision before one that does not fail itself, from its baseline on; the baseline if it was named.

    A second deployment that does not repair what the first one broke is compared with what served before both.
    """
    if context.baseline != "previous" or not context.generations or target.workload == "job":
        return name
    chosen = select(measures.revisions, service=target.service, revision=name, served=measures.minutes)
    before = next((other for other in chosen.targets if other.of_service == target.of_service), None)
    if before is None or before.baseline is None:
        return name
    alone = replace(context, lookback=None, tests=None, deployed={}, crosschecks={}, history={}, passed={})
    given = data_of(View(measures, before), replace(alone, generations=context.generations - 1))
    policy = context.policy_of(target.service)
    if given.baseline is None or decide(judge(given, policy, context.expected).checks, policy).verdict != "FAIL":
        return name
    return given.baseline.revision


def _lookback_executions(view: View, context: Context) -> tuple[Execution, ...]:
    """The executions of a job that the lookback shows, the one to judge left out."""
    if context.lookback is None:
        return ()
    rows = View(context.lookback, view.target).rows(context.lookback.executions, revision=False)
    return executions(rows.filter(pl.col("revision") != view.target.revision))


def _seen_until_ns(context: Context) -> int | None:
    """To when the entries are known: the end of the window, or the time of day at the sources where that is earlier."""
    ends = [context.now_ns, nanoseconds(context.window.end) if context.window.end else None]
    return min((end for end in ends if end is not None), default=None)


def _pooled(earlier: Earlier, passed: Earlier | None) -> Earlier:
    """The baseline with the runs that passed before it; a baseline of history is some of these."""
    if passed is None:
        return earlier
    return passed if earlier.profile.origin == "history" else added(earlier, passed)
