"""What is new in a revision, and what fell silent."""

import re
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from pipeline.judge import special
from pipeline.judge.comparison import Comparison
from pipeline.judge.failure_words import speaks_of_failure
from pipeline.judge.model import Check, Observed, SignatureChange, Status
from pipeline.judge.numbers import count, cut, minutes_long, percent
from pipeline.judge.policy import Policy, Rule
from pipeline.judge.rates import SHORT_MINUTES
from pipeline.judge.result import result, worst
from pipeline.judge.revision_data import (
    SEVERE,
    EndpointCounts,
    Profile,
    RevisionData,
    SignatureRow,
    SteadyLine,
    is_grave,
)
from pipeline.judge.stats import poisson_exact, poisson_interval

#: Events of a process that ended, by the end of their names.
_CRASHES = (".crashed", ".panic", ".fatal", ".worker_failed", ".startup_failed", ".out_of_memory")

_WORD = re.compile(r"[A-Za-z]{3,}")

#: Successes that come with a start, a deployment or a request row, not with each user request.
_PER_START = ("platform.", "audit.", "http.", "container.", "database.ready", "websocket.readiness", "python.", "node.")
#: Entries that are none of the revision's own lines.
_NOT_OWN = ("platform.", "audit.", "http.request")

_NOT_PER_REQUEST = (*_PER_START, "java.", "go.", "expected.")


def changes(data: RevisionData, policy: Policy, comparisons: Sequence[Comparison]) -> list[SignatureChange]:
    """Return the signatures that are new, more frequent, renamed or gone, in that order."""
    if data.baseline is None:
        return []
    rule = policy["novelty.errors"]
    renamed = _renames(data.signatures.new, data.signatures.gone, rule["rename_similarity"])
    more = {comparison.what for comparison in comparisons if comparison.decided in ("WARN", "FAIL")}
    changed = [
        _change("renamed" if row.signature in renamed else "new", row)
        for row in data.signatures.new
        if _comparable(data.pooled or data.baseline, row)
    ]
    changed += [_change("more", row) for row in data.signatures.both if row.signature in more]
    gone = [_change("gone", row) for row in data.signatures.gone if row.signature not in renamed.values()]
    order = ("new", "more", "renamed")
    return sorted(changed, key=lambda comparison: order.index(comparison.change)) + gone


def errors(data: RevisionData, policy: Policy, comparisons: Sequence[Comparison]) -> Check:
    """No kind of warning, error or failure that the baseline did not have, or had less often."""
    rule = policy["novelty.errors"]
    limit = (
        f"new kinds of lines: p at most {rule['warn_p']:g} WARN, {rule['fail_p']:g} and {rule['fail_lines']:g} lines "
        f"FAIL; the first crash WARN; {rule['more_times']:g} times as many of a known kind WARN"
    )
    baseline = data.pooled or data.baseline
    if baseline is None:
        return no_baseline(rule)
    changed = changes(data, policy, comparisons)
    kinds = {change.signature: change.change for change in changed if change.change != "gone"}
    new = [row for row in data.signatures.new if kinds.get(row.signature) in ("new", "renamed")]
    started = [row for row in new if row.startup and not baseline.starts]
    new = [row for row in new if row not in started]
    chance = new_kinds_p(data, baseline, new, len(data.signatures.gone))
    lines = sum(row.n for row in new if kinds[row.signature] == "new")
    statuses: list[Status] = [change.decided for change in comparisons if change.decided in ("WARN", "FAIL")]
    notes = []
    if new and chance <= rule["warn_p"]:
        statuses.append("FAIL" if chance <= rule["fail_p"] and lines >= rule["fail_lines"] else "WARN")
    kinds_decide = bool(statuses)
    if started:
        statuses.append("WARN")
        notes.append(f"{count(sum(row.n for row in started), 'line')} at start-up, and the baseline shows no start")
    if crash := next((row for row in new if row.event.endswith(_CRASHES)), None):
        statuses.append("WARN")
        notes.append(f"a crash that the baseline did not have ({crash.event})")
    clean = baseline.runs >= rule["first_runs"] and not data.signatures.grave_before
    if clean and (first := next((row for row in new if is_grave(row.level, row.event)), None)):
        statuses.append("WARN")
        notes.append(f"the first {first.event or first.level} line in {baseline.runs:,} runs")
    if told := _speaks_of_failure(data, rule):
        statuses.append("WARN")
        notes.append(f"{count(told[1], 'new line')} below WARNING that may report a failure: {cut(told[0], 120)!r}")
    low, high = poisson_interval(lines)
    observed = Observed(value=lines, unit="lines", n=data.parsed, low=round(low, 3), high=round(high, 3))
    spoken = _spoken(changed)
    if new and chance > rule["warn_p"]:
        spoken.append(f"so few that chance can explain them (p = {chance:.2g})")
    parts = [*spoken, *notes] if kinds_decide else [*notes, *spoken]
    text = "; ".join(parts) or "no warning or error that the baseline did not have"
    proof = [entry for change in changed if change.change != "gone" for entry in change.evidence][:5]
    return result(rule, worst("PASS", *statuses), text, observed=observed, limit=limit, evidence=proof)


def _spoken(changed: Sequence[SignatureChange]) -> list[str]:
    """How many kinds of lines changed in which way, with the most frequent one."""
    of = {kind: [row for row in changed if row.change == kind] for kind in ("new", "more", "renamed", "gone")}
    parts = []
    if of["new"]:
        parts.append(f"{count(len(of['new']), 'new kind')} of warnings and errors, {_most(of['new'])}")
    if of["more"]:
        verb = "comes" if len(of["more"]) == 1 else "come"
        parts.append(f"{count(len(of['more']), 'known kind')} {verb} more often, {_most(of['more'])}")
    for kind, change in (("renamed", "reworded"), ("gone", "gone")):
        if of[kind]:
            parts.append(f"{count(len(of[kind]), 'kind')} {'is' if len(of[kind]) == 1 else 'are'} {change}")
    return parts


def _most(rows: Sequence[SignatureChange]) -> str:
    """The most frequent of some kinds of lines, with its count."""
    row = max(rows, key=lambda change: change.n)
    often = "most often " if len(rows) > 1 else ""
    return f"{often}{cut(row.signature, 120)!r} ({count(row.n, 'line')})"


def new_kinds_p(data: RevisionData, baseline: Profile, new: Sequence[SignatureRow], gone: int) -> float:
    """Return the chance that so many kinds of lines are new, or one of them in so many minutes, if nothing changed.

    If nothing changed, each minute of a kind seen on one side alone falls on the revision's with probability
    q = 1 / (1 + H), H the baseline's exposure in units of the revision's: so K new and G gone kinds are binomial, and a
    kind in m minutes has q^m; in a window below half an hour, m counts ten seconds, for minutes are few.
    p = min(1, 2 min(K q^m, P(Binomial(K + G, q) >= K))) (Bonferroni over both).
    """
    if not new:
        return 1.0
    here, there = (
        (float(data.requests.eligible), float(baseline.requests.eligible))
        if data.requests.eligible and baseline.requests.eligible
        else (data.minutes_long, baseline.minutes_long)
    )
    q = here / (here + there) if here + there > 0 else 1.0
    most = max(row.slots if data.minutes_long < SHORT_MINUTES else row.minutes for row in new)
    return float(min(1.0, 2 * min(len(new) * q**most, float(special.bdtrc(len(new) - 1, len(new) + gone, q)))))


def _speaks_of_failure(data: RevisionData, rule: Rule) -> tuple[str, int] | None:
    """The most frequent new line below WARNING that speaks of a failure, with its count."""
    matter = {row.signature for row in data.signatures.new}
    least = max(rule["info_lines"], rule["info_ratio"] * data.requests.eligible)
    lines = [(text, n) for text, n in data.signatures.fresh if n >= least and text not in matter]
    return next(((text, n) for text, n in lines if speaks_of_failure(text)), None)


def silent(data: RevisionData, policy: Policy, _comparisons: Sequence[Comparison]) -> Check:
    """What succeeded before, and often enough to be missed, succeeds still."""
    rule = policy["novelty.silent"]
    baseline = data.baseline
    if baseline is None:
        return no_baseline(rule)
    limit = (
        f"none of {rule['min_expected']:g} expected, of an event seen {rule['min_n']:g} times before: FAIL; "
        f"at most {percent(rule['rare_ratio'])} of {rule['rare_expected']:g} or more expected: WARN; "
        f"a line of most minutes, none of {rule['steady_expected']:g} expected and no new one in its place: WARN"
    )
    by_requests = baseline.requests.eligible > 0
    minutes = _minutes_to_end(data)
    share = (
        data.requests.eligible / baseline.requests.eligible
        if by_requests
        else minutes / baseline.minutes_long
        if baseline.minutes_long
        else 0.0
    )
    alike = not by_requests or _other_endpoints(data, baseline) <= rule["mix_points"]
    comparable = alike and min(minutes, baseline.minutes_long) >= rule["steady_minutes"]
    often = rule["steady_ratio"] * baseline.minutes_long
    steady = [line for line in data.signatures.steady if comparable and line.baseline_minutes >= often]
    usual = {name for name, n in data.baseline_minutes.items() if comparable and n >= often}
    if not by_requests and not usual and not steady:
        return result(rule, "NOT_OBSERVABLE", "the baseline has no user requests to compare with", limit=limit)
    gone, renamed, rare, thin, watched = [], [], [], 0, 0
    for name, total in baseline.events.items():
        if total.outcome != "ok" or total.n < rule["min_n"] or name.startswith(_NOT_PER_REQUEST):
            continue
        if not by_requests and name not in usual:
            continue
        watched += 1
        expected = total.n * share
        if name in data.events:
            if alike and expected >= rule["rare_expected"] and _is_rare(data, baseline, name, expected, rule):
                rare.append((name, expected))
            continue
        if expected < rule["min_expected"]:
            thin += 1
        elif _fresh_wording(data, name, expected, rule["rename_similarity"]):
            renamed.append((name, expected))
        else:
            gone.append((name, expected))
    dropped = _dropped(data, steady, share, rule)
    watched += sum(not line.event for line in steady)
    observed = Observed(value=len(gone) + len(dropped), unit="events", n=watched)
    if not watched:
        return result(rule, "NOT_APPLICABLE", "no success event is frequent enough in the baseline", limit=limit)
    if gone or renamed or rare or dropped:
        parts = [f"{name} stopped ({expected:,.0f} expected, none seen)" for name, expected in gone]
        parts += [f"{name} stopped, and a reworded line takes its place" for name, _ in renamed]
        parts += [
            f"{name} became rare ({data.events[name].n:,} seen, {expected:,.0f} expected)" for name, expected in rare
        ]
        if dropped and _own_lines(data) <= 0:
            parts.append("the revision writes no lines of its own any more, so what is read from them is not checked")
        parts += [f"{cut(text, 120)!r} stopped ({expected:,.0f} expected, none seen)" for text, expected in dropped[:3]]
        # Of work that nobody asks for by a request, none at all may be an empty queue.
        fails = gone and (by_requests or 2 * _own_lines(data) >= max(expected for _, expected in gone))
        return result(rule, "FAIL" if fails else "WARN", "; ".join(parts), observed=observed, limit=limit)
    if thin:
        text = f"{count(thin, 'event')} not seen, but too few requests to expect {rule['min_expected']:g} of them"
        return result(rule, "NOT_OBSERVABLE", text, observed=observed, limit=limit)
    text = f"{count(watched, 'success event')} of the baseline, all seen again"
    return result(rule, "PASS", text, observed=observed, limit=limit)


def _minutes_to_end(data: RevisionData) -> float:
    """Minutes from the revision's first entry to its last, or to when its service writes for sure, or was asked for."""
    ends = (data.last_ns, data.service_settled_ns, data.asked_end_ns)
    return minutes_long(data.first_ns, max((end for end in ends if end is not None), default=None))


def _own_lines(data: RevisionData) -> int:
    """How many lines the revision wrote, without those of the platform and the request rows."""
    return data.parsed - sum(total.n for name, total in data.events.items() if name.startswith(_NOT_OWN))


def _dropped(data: RevisionData, steady: Sequence[SteadyLine], share: float, rule: Rule) -> list[tuple[str, float]]:
    """Steady lines without an event that are gone, with the expected number; nothing where others take their place.

    A new line about as often as an old one may be the same in other words; of many new lines, nobody knows which.
    """
    gone = [(line.signature, line.baseline_n * share) for line in steady if not line.event and not line.n]
    gone = [(text, expected) for text, expected in gone if expected >= rule["steady_expected"]]
    new = [n for _, n in data.signatures.fresh]
    if gone and 2 * sum(n >= min(expected for _, expected in gone) / 2 for n in new) > len(gone):
        return []
    return [(text, expected) for text, expected in gone if not any(expected / 2 <= n <= expected * 2 for n in new)]


def _is_rare(data: RevisionData, baseline: Profile, name: str, expected: float, rule: Rule) -> bool:
    """Whether an event came much less often a request than before, or a minute where there are none.

    Minutes are clusters: the design effect is the variance of n_t around r requests_t, in units of its mean.
    """
    seen = data.events[name].n
    if seen > rule["rare_ratio"] * expected:
        return False
    rows = data.occurrences.where(data.occurrences.event == name)
    minute, requests = data.minutes.minute, data.minutes.n
    exposures = float(baseline.requests.eligible), float(data.requests.eligible)
    if not baseline.requests.eligible:
        exposures = baseline.minutes_long, _minutes_to_end(data)
        minute = (data.first_ns or 0) // (60 * 10**9) + np.arange(int(exposures[1]) + 1)
        requests = np.ones(len(minute), dtype=np.int64)
    if len(minute) < 2:
        return False
    counts = np.array([rows.n[rows.minute == slot].sum() for slot in minute], dtype=np.float64)
    left = ((counts - counts.sum() / requests.sum() * requests) ** 2).sum()
    effect = max(1.0, float(left / max(counts.sum(), 1.0) * len(minute) / (len(minute) - 1)))
    p = poisson_exact(
        control_k=round(baseline.events[name].n / effect),
        control_exposure=exposures[0],
        experiment_k=round(seen / effect),
        experiment_exposure=exposures[1],
        alternative="less",
    )
    return p <= rule["alpha"]


def _other_endpoints(data: RevisionData, baseline: Profile) -> float:
    """The share of requests that go to other endpoints than the baseline's (total variation distance), 0 to 1."""
    n, m = data.requests.eligible, baseline.requests.eligible
    if not n or not m:
        return 1.0
    none = EndpointCounts()
    names = data.endpoints.keys() | baseline.endpoints.keys()
    return sum(abs(data.endpoints.get(e, none).n / n - baseline.endpoints.get(e, none).n / m) for e in names) / 2


def no_baseline(rule: Rule) -> Check:
    """Return the check of a rule that has nothing to compare with."""
    return result(rule, "NOT_APPLICABLE", "no baseline to compare with")


def similarity(first: str, second: str) -> float:
    """Return how alike two texts are: the share of common words in all their words (Jaccard 1901), 0 to 1.

    >>> similarity("cache is cold", "the cache is cold")
    0.6666666666666666
    """
    words, other = _words(first), _words(second)
    return len(words & other) / len(words | other) if words | other else 0.0


@lru_cache(maxsize=4096)
def _words(text: str) -> frozenset[str]:
    return frozenset(map(str.lower, _WORD.findall(text)))


def _comparable(baseline: Profile, row: SignatureRow) -> bool:
    """A line of the start-up is news only beside another start-up, or where it is an error."""
    return not row.startup or baseline.starts > 0 or row.level in SEVERE or row.outcome in ("failure", "critical")


def _renames(new: Sequence[SignatureRow], gone: Sequence[SignatureRow], least: float) -> dict[str, str]:
    """New signatures that say what a vanished one said, of like frequency: new to old."""
    renames: dict[str, str] = {}
    left = list(gone)
    for row in new:
        like = (old for old in left if old.baseline_n / 3 <= row.n <= old.baseline_n * 3)
        old = next((old for old in like if similarity(row.signature, old.signature) >= least), None)
        if old:
            renames[row.signature] = old.signature
            left = [other for other in left if other.signature != old.signature]
    return renames


def _fresh_wording(data: RevisionData, event: str, expected: float, least: float) -> bool:
    """Whether new lines say what the event's line said, and about as often as it should have."""
    wording = data.signatures.wordings.get(event, "")
    return any(
        expected / 2 <= n <= expected * 2 and similarity(wording, text) >= least for text, n in data.signatures.fresh
    )


def _change(kind: str, row: SignatureRow) -> SignatureChange:
    return SignatureChange(
        change=kind,  # type: ignore[arg-type]
        signature=row.signature,
        level=row.level,
        event=row.event or None,
        n=row.n,
        baseline_n=row.baseline_n,
        first=row.first,
        evidence=list(row.evidence),
    )
