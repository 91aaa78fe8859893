"""How much there is to do, and how much is answered: traffic that ends or storms, and answers that become empty."""

from collections.abc import Mapping

import numpy as np

from pipeline.judge.comparison import proportion, rounded, share_p
from pipeline.judge.model import Check, Effect, Observed, Status
from pipeline.judge.numbers import count, duration, number, percent
from pipeline.judge.policy import Policy, Rule
from pipeline.judge.result import result
from pipeline.judge.revision_data import RevisionData
from pipeline.judge.stats import benjamini_hochberg

#: So many sizes of `sql/measures/bodies.sql` make a factor of ten: 1.02^116 is 9.94.
_TENFOLD = 116

_DAY_NS = 86_400 * 10**9


def volume(data: RevisionData, policy: Policy) -> Check:
    """Traffic does not end before the window does, and the same clients do not ask three times as often."""
    rule = policy["requests.volume"]
    limit = (
        f"no user request in the last {duration(rule['silence_s'] * 1000)} or more, {rule['silence_times']:g} times "
        f"the longest pause before (at least {rule['silence_min_n']:g} requests), or so long between requests, WARN; "
        f"{rule['storm_times']:g} times as many requests per client WARN; below {percent(rule['hour_ratio'])} of the "
        f"same hour of at least {rule['hour_days']:g} earlier days, and below all of them, WARN"
    )
    now = data.requests
    if data.filtered or not now.eligible:
        return result(rule, "NOT_OBSERVABLE", "no user requests to count", limit=limit)
    observed = Observed(value=now.eligible, unit="requests", n=now.eligible)
    text = count(now.eligible, "user request")
    if silence := _silence(data, rule) or _hole(data, rule):
        return result(rule, "WARN", f"{silence}; {text} in all", observed=observed, limit=limit)
    now_a_minute, days = _same_hour(data, rule["hour_minutes"])
    if len(days) >= rule["hour_days"]:
        usual_a_minute = float(np.median(days))
        text += (
            f", {number(now_a_minute)} a minute of the service, {number(usual_a_minute)} at the same hour of "
            f"{count(len(days), 'earlier day')}"
        )
        if now_a_minute < min(rule["hour_ratio"] * usual_a_minute, *days):
            return result(rule, "WARN", text, observed=observed, limit=limit)
    before = data.baseline
    if before is None or not before.requests.eligible_clients or not now.eligible_clients or not before.minutes_long:
        if len(days) >= rule["hour_days"]:
            return result(rule, "PASS", text, observed=observed, limit=limit)
        return result(rule, "NOT_OBSERVABLE", f"{text}; no baseline to compare their number with", limit=limit)
    each, usual = now.eligible / now.eligible_clients, before.requests.eligible / before.requests.eligible_clients
    long = min(data.minutes_long, before.minutes_long) >= rule["storm_minutes"]
    alike = long and 0.5 <= data.minutes_long / before.minutes_long <= 2 and before.runs == 1
    # By the middle minute: a burst is no storm.
    minutes = np.zeros(max(round(data.minutes_long), len(data.minutes.n)))
    minutes[: len(data.minutes.n)] = data.minutes.n
    more = float(np.median(minutes)) / (before.requests.eligible / before.minutes_long)
    said = f"{text} of {count(now.eligible_clients, 'client')}: {number(each)} each, {number(usual)} in the baseline"
    enough = min(now.eligible_clients, before.requests.eligible_clients) >= rule["storm_clients"]
    if alike and enough and each >= rule["storm_times"] * usual and more >= rule["storm_times"]:
        return result(rule, "WARN", f"{said}: clients may be retrying", observed=observed, limit=limit)
    return result(rule, "PASS", said, observed=observed, limit=limit)


def _same_hour(data: RevisionData, least_minutes: float) -> tuple[float, list[float]]:
    """User requests of the service a minute, now and at the same hour (30 minutes off at most) of each earlier day.

    Of the runs that passed before, those of at least so many minutes, and half to twice as long as this one.
    """
    if not data.volume_by_run or data.pooled is None:
        return 0.0, []
    first, last, requests = data.volume_by_run[-1]
    length = last - first
    if length < least_minutes * 6e10:
        return 0.0, []
    days: dict[int, float] = {}
    for begin, end, n in data.pooled.volume_by_run:
        apart = (first - begin) / _DAY_NS
        day = round(apart)
        fits = end - begin >= least_minutes * 6e10 and 0.5 <= (end - begin) / length <= 2
        if day >= 1 and abs(apart - day) * 24 <= 0.5 and fits:
            days[day] = n / ((end - begin) / 6e10)
    return requests / (length / 6e10), list(days.values())


def _silence(data: RevisionData, rule: Rule) -> str:
    """In words, that user requests ended before the window; nothing where a newer or older revision took over.

    A revision with few requests of its own is judged by the rate of a baseline of the same hours. Of a silence that is
    longer than a third of what was seen of the traffic before it, so much counts.
    """
    now, before, last = data.requests, data.baseline, data.requests.last_eligible_ns
    end = max(data.service_settled_ns or 0, data.asked_end_ns or 0)
    if last is None or data.outlived_ns or (data.traffic_ratio or 0) < 0.9:
        return ""
    silent, pause = (end - last) / 1e9, max((now.longest_silence_ns or 0) / 1e9, _usual_pause_s(data))
    pauses = f"{duration(silent * 1000)}; the longest pause before was {duration(pause * 1000)}"
    text = f"no user request in the last {pauses}"
    enough = now.eligible >= rule["silence_min_n"]
    counted, n = silent, now.eligible
    if not enough and before and before.origin != "history" and before.minutes_long:
        expected = before.requests.eligible / before.minutes_long * silent / 60
        known = before.minutes_long * 60 + (last - (data.first_request_ns or last)) / 1e9
        counted = min(silent, known / rule["silence_known"])
        n += before.requests.eligible
        enough = n >= rule["silence_min_n"] and expected >= rule["silence_expected"]
        text += f", and at the baseline's rate {expected:,.0f} were expected"
    return text if enough and counted >= max(rule["silence_s"], rule["silence_times"] * pause) else ""


def _usual_pause_s(data: RevisionData) -> float:
    """The longest pause between the baseline's user requests, with the one after its last, in seconds."""
    before = data.baseline
    if before is None:
        return 0.0
    last = before.requests.last_eligible_ns
    ends = data.first_request_ns if before.origin == "window" else before.last_ns
    return max(before.requests.longest_silence_ns or 0, (ends - last) if ends and last else 0) / 1e9


def _hole(data: RevisionData, rule: Rule) -> str:
    """In words, that for some minutes between others the service had no user request; since the revision's first.

    A pause is as long as its minutes without a request; the next longest can be a minute longer than these. Both are
    of the whole service, for its revisions take turns.
    """
    served, first = data.service_minutes, data.first_request_ns
    if served is None or first is None or len(served.minute) < 2:
        return ""
    empty = np.diff(served.minute) - 1
    at = int(empty.argmax())
    longest, other = int(empty[at]), int(np.delete(empty, at).max(initial=0))
    begin, end = (int(served.minute[at]) + 1, int(served.minute[at + 1]))
    usual = _usual_pause_s(data) / 60 if data.baseline and data.baseline.origin != "window" else 0.0
    known = int(served.minute[-1] - served.minute[0]) + 1 - longest
    if (
        longest * 60 < rule["silence_s"]
        or longest < rule["silence_times"] * max(other + 1, usual)
        or known < rule["silence_known"] * longest
        or served.n.sum() < rule["silence_min_n"]
        or data.requests.eligible_clients < rule["silence_clients"]
        or end * 6e10 < first
    ):
        return ""
    times = " to ".join(f"{np.datetime64(minute * 60, 's')}Z" for minute in (begin, end))
    return f"no user request from {times}; the longest other pause was below {duration((other + 2) * 60_000)}"


def bodies(data: RevisionData, policy: Policy) -> Check:
    """Answers hold as much as before: no endpoint's become nearly empty."""
    rule = policy["requests.bodies"]
    limit = (
        f"{rule['warn_points'] * 100:g} points more answers below a tenth of the baseline's median size WARN, "
        f"{rule['none_points'] * 100:g} points where the baseline had nearly none"
    )
    before = data.baseline
    if before is None:
        return result(rule, "NOT_APPLICABLE", "no baseline to compare with", limit=limit)
    sizes = []
    for endpoint in sorted(data.bodies.keys() & before.bodies.keys()):
        here, there = data.bodies[endpoint], before.bodies[endpoint]
        n, m = sum(here.values()), sum(there.values())
        if min(n, m) < rule["min_n"]:
            continue
        small = _median(there) - _TENFOLD
        k, base_k = (sum(answers for size, answers in side.items() if size <= small) for side in (here, there))
        sizes.append((endpoint, (k, n, 1.0), (base_k, m, 1.0)))
    if not sizes:
        text = f"no endpoint has {rule['min_n']:g} answers with a size on each side"
        return result(rule, "NOT_APPLICABLE", text, limit=limit)
    q = benjamini_hochberg([share_p(here, there) for _, here, there in sizes])
    judged = [
        (here[0] / here[1] - there[0] / there[1], float(chance), endpoint, here, there)
        for (endpoint, here, there), chance in zip(sizes, q, strict=True)
    ]
    difference, chance, endpoint, few, usual = max(
        judged,
        key=lambda change: (change[1] <= rule["alpha"] and _is_large(change[3], change[4], rule), change[0]),
    )
    emptied = chance <= rule["alpha"] and _is_large(few, usual, rule)
    status: Status = "WARN" if emptied else "PASS"
    text = (
        f"{endpoint}: {percent(few[0] / few[1])} of {count(few[1], 'answer')} are below a tenth of the usual size, "
        f"{percent(usual[0] / usual[1])} in the baseline"
    )
    check = result(rule, status, text, observed=proportion(few[0], few[1]), limit=limit)
    effect = Effect(kind="difference", value=rounded(difference), unit="ratio", q=chance)
    return check.model_copy(update={"baseline": proportion(usual[0], usual[1]), "effect": effect})


def _is_large(here: tuple[int, int, float], there: tuple[int, int, float], rule: Rule) -> bool:
    """Whether small answers, k of n on each side, are many more than before; fewer do where there were nearly none."""
    (k, n, _), (base_k, base_n, _) = here, there
    difference, before = k / n - base_k / base_n, base_k / base_n
    nearly_none = base_n >= rule["none_min_n"] and before <= rule["none_ratio"] and k >= rule["min_n"]
    return difference >= (rule["none_points"] if nearly_none else rule["warn_points"])


def _median(sizes: Mapping[int, int]) -> int:
    """The size of the middle answer."""
    pairs = sorted(sizes.items())
    counts = np.cumsum([n for _, n in pairs])
    return int(pairs[int(np.searchsorted(counts, counts[-1] / 2))][0])
