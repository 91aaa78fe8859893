"""What is new in a revision, and what fell silent."""

import re
from collections.abc import Sequence
from functools import lru_cache

from pipeline.judge.compare import Comparison, exposures
from pipeline.judge.model import Check, Observed, SignatureChange, Status
from pipeline.judge.policy import Policy, Rule
from pipeline.judge.result import count, result, worst
from pipeline.judge.revision_data import SEVERE, Profile, RevisionData, SignatureRow
from pipeline.judge.stats import poisson_interval

#: A baseline with less than this share of the revision's traffic is much smaller.
_MUCH_SMALLER = 0.5

_WORD = re.compile(r"[A-Za-z]{3,}")

#: Successes that come with a start, a deployment or a request row, not with each request of a user.
_PER_START = ("platform.", "audit.", "http.", "container.", "database.ready", "websocket.readiness", "python.", "node.")
_NOT_PER_REQUEST = (*_PER_START, "java.", "go.", "expected.")


def changes(data: RevisionData, policy: Policy, comparisons: Sequence[Comparison]) -> list[SignatureChange]:
    """Return the signatures that are new, more frequent, renamed or gone, in that order."""
    if data.baseline is None:
        return []
    rule = policy["novelty.errors"]
    renamed = _renames(data.signatures.new, data.signatures.gone, rule["rename_similarity"])
    more = {one.what for one in comparisons if one.decided == "WARN"}
    found = [
        _change("renamed" if row.signature in renamed else "new", row)
        for row in data.signatures.new
        if _comparable(data.baseline, row)
    ]
    found += [_change("more", row) for row in data.signatures.both if row.signature in more]
    gone = [_change("gone", row) for row in data.signatures.gone if row.signature not in renamed.values()]
    order = ("new", "more", "renamed")
    return sorted(found, key=lambda one: order.index(one.change)) + gone


def errors(data: RevisionData, policy: Policy, comparisons: Sequence[Comparison]) -> Check:
    """No kind of warning, error or failure that the baseline did not have, or had less often."""
    rule = policy["novelty.errors"]
    limit = f"any new or more frequent line is WARN, {rule['fail_lines']:g} FAIL"
    baseline = data.baseline
    if baseline is None:
        return no_baseline(rule)
    found = changes(data, policy, comparisons)
    told = {one.signature: one for one in found if one.change != "gone"}
    lines, started = 0.0, 0
    for row in (*data.signatures.new, *data.signatures.both):
        change = told.get(row.signature)
        if change is None or change.change == "renamed":
            continue
        if row.startup and not baseline.starts:
            started += row.n
            continue
        lines += row.n * _shown(data, baseline, row) if change.change == "new" else row.n
    low, high = poisson_interval(int(lines))
    observed = Observed(value=round(lines, 3), unit="lines", n=data.parsed, low=round(low, 3), high=round(high, 3))
    status: Status = "FAIL" if lines >= rule["fail_lines"] else "WARN" if lines >= 1 or started else "PASS"
    renamed = sum(one.change == "renamed" for one in found)
    if renamed:
        status = worst(status, "WARN")
    kinds = [f"{sum(one.change == kind for one in found)} {kind}" for kind in ("new", "more", "renamed", "gone")]
    text = "signatures of warnings and failures: " + ", ".join(kind for kind in kinds if not kind.startswith("0 "))
    if not found:
        text = "no warning or failure that the baseline did not have"
    elif leading := next((one for one in found if one.change in ("new", "more")), None):
        text += f"; first {leading.signature[:120]!r} in {count(leading.n, 'line')}"
    if started:
        text += f"; {count(started, 'line')} at start-up, which the baseline does not show"
    proof = [entry for one in found if one.change != "gone" for entry in one.evidence][:5]
    return result(rule, status, text, observed=observed, limit=limit, evidence=proof)


def silent(data: RevisionData, policy: Policy, _comparisons: Sequence[Comparison]) -> Check:
    """What succeeded before, and often enough to be missed, succeeds still."""
    rule = policy["novelty.silent"]
    baseline = data.baseline
    if baseline is None:
        return no_baseline(rule)
    limit = f"none of {rule['min_expected']:g} expected, of an event seen {rule['min_n']:g} times before: FAIL"
    if not baseline.requests.eligible:
        return result(rule, "NOT_OBSERVABLE", "the baseline had no request of a user to measure by", limit=limit)
    share = data.requests.eligible / baseline.requests.eligible
    gone, renamed, thin, watched = [], [], 0, 0
    for name, total in baseline.events.items():
        if total.outcome != "ok" or total.n < rule["min_n"] or name.startswith(_NOT_PER_REQUEST):
            continue
        watched += 1
        expected = total.n * share
        if name in data.events:
            continue
        if expected < rule["min_expected"]:
            thin += 1
        elif _fresh_wording(data, name, expected, rule["rename_similarity"]):
            renamed.append((name, expected))
        else:
            gone.append((name, expected))
    observed = Observed(value=len(gone), unit="events", n=watched)
    if not watched:
        return result(rule, "NOT_APPLICABLE", "no event of success often enough in the baseline", limit=limit)
    if gone or renamed:
        told = [f"{name} ({expected:,.0f} expected, none seen)" for name, expected in gone]
        told += [f"{name} (a new wording takes its place)" for name, _ in renamed]
        return result(rule, "FAIL" if gone else "WARN", "silent: " + ", ".join(told), observed=observed, limit=limit)
    if thin:
        text = f"{count(thin, 'event')} not seen, but too few requests to expect {rule['min_expected']:g}"
        return result(rule, "NOT_OBSERVABLE", text, observed=observed, limit=limit)
    text = f"{count(watched, 'event')} of success that the baseline had often, all seen again"
    return result(rule, "PASS", text, observed=observed, limit=limit)


def no_baseline(rule: Rule) -> Check:
    """Return the check of a rule that has nothing to compare with."""
    return result(rule, "NOT_APPLICABLE", "there is no baseline to compare with")


def similarity(first: str, second: str) -> float:
    """Return how alike two texts are: the share of common words in all their words (Jaccard 1901), 0 to 1.

    >>> similarity("cache is cold", "the cache is cold")
    0.6666666666666666
    """
    one, other = _words(first), _words(second)
    return len(one & other) / len(one | other) if one | other else 0.0


@lru_cache(maxsize=4096)
def _words(text: str) -> frozenset[str]:
    return frozenset(map(str.lower, _WORD.findall(text)))


def _shown(data: RevisionData, baseline: Profile, row: SignatureRow) -> float:
    """The share of new lines that the baseline could have shown: what a much smaller one lacks is no news."""
    here, there = exposures(data, baseline, row)
    share = there / here if here else 1.0
    return 1.0 if share >= _MUCH_SMALLER else share


def _comparable(baseline: Profile, row: SignatureRow) -> bool:
    """A line of the start-up is news only beside another start-up, or where it is an error."""
    return not row.startup or baseline.starts > 0 or row.level in SEVERE or row.outcome in ("failure", "critical")


def _renames(new: Sequence[SignatureRow], gone: Sequence[SignatureRow], least: float) -> dict[str, str]:
    """New signatures that say what a vanished one said, of like frequency: new to old."""
    found: dict[str, str] = {}
    for row in new:
        for old in gone:
            if old.signature in found.values() or not old.baseline_n / 3 <= row.n <= old.baseline_n * 3:
                continue
            if similarity(row.signature, old.signature) >= least:
                found[row.signature] = old.signature
                break
    return found


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
