"""How requests end, endpoint by endpoint and caller by caller, compared with the baseline."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import median

from pipeline.judge.comparison import Comparison, finite, minutes_needed, proportion, rounded, share_p, worst_of
from pipeline.judge.counts import Clients
from pipeline.judge.model import Check, Effect, Observed, Status
from pipeline.judge.numbers import count, percent
from pipeline.judge.policy import Policy, Rule
from pipeline.judge.power import more_requests_to_compare_rates
from pipeline.judge.result import result, worst
from pipeline.judge.revision_data import Profile, RevisionData
from pipeline.judge.stats import INDEPENDENT, fisher_exact

#: Statuses that are looked at as one: a browser is sent elsewhere, whichever way (304 is an answer from a cache).
REDIRECTS = (300, 301, 302, 303, 305, 307, 308)

#: The caller of handshakes in `statuses`; they have checks of their own.
HANDSHAKE = "websocket"

#: Callers in `statuses` of what is no user traffic: what a browser asks before, health checks, and scans for holes.
PREFLIGHT, HEALTH, SCAN = ASIDE = ("preflight", "health", "scan")


def groups(profile: Profile) -> dict[str, tuple[int, ...]]:
    """Return the statuses to look at by their name: redirects, and each 4xx that was seen."""
    seen = {status for by in profile.statuses.values() for ends in by.values() for status in ends}
    return {"redirects": REDIRECTS, **{str(status): (status,) for status in sorted(seen) if 400 <= status < 500}}


def ended(profile: Profile, endpoint: str, statuses: Sequence[int] | None = None, caller: str | None = None) -> int:
    """Return how many requests of an endpoint ended in one of these statuses, all if None.

    caller: of users and Google's services if None; no handshakes.
    """
    return sum(
        n
        for by, ends in profile.statuses.get(endpoint, {}).items()
        if (by not in (HANDSHAKE, *ASIDE) if caller is None else by == caller != HANDSHAKE)
        for status, n in ends.items()
        if statuses is None or status in statuses
    )


def comparisons(data: RevisionData, baseline: Profile, policy: Policy) -> list[Comparison]:
    """Return the shares of 5xx by endpoint, and of failures by caller."""
    return [] if data.filtered else [*_errors(data, baseline, policy), *_calls(data, baseline, policy)]


def endpoints(data: Profile, baseline: Profile) -> list[str]:
    """Return the endpoints that both sides served: a new one has nothing to be compared with."""
    return sorted(served(data) & served(baseline))


def served(profile: Profile) -> set[str]:
    """Return the endpoints that users or Google's services asked for."""
    return {name for name, by in profile.statuses.items() if by.keys() - {HANDSHAKE, *ASIDE}}


def _errors(data: RevisionData, baseline: Profile, policy: Policy) -> Iterator[Comparison]:
    """5xx by endpoint."""
    for name in endpoints(data, baseline):
        k, base_k = (_failed(side, name, None, 500) for side in (data, baseline))
        if k:
            here, there = (k, ended(data, name)), (base_k, ended(baseline, name))
            sides = (*here, design(data, "5xx", name)), (*there, design(baseline, "5xx", name))
            topics = tuple(f"ended/{status}/{name}" for status in range(500, 600))
            yield share(policy["requests.endpoint_errors"], name, f"5xx on {name}", *sides, data, topics, 0.0)


def _calls(data: RevisionData, baseline: Profile, policy: Policy) -> Iterator[Comparison]:
    """What fails, 4xx too, by caller: nobody sees the answer of a scheduled call, so any failure is one."""
    rule = policy["requests.endpoint_errors"]
    for name, caller in sorted(callers(data) & callers(baseline)):
        k, base_k = (_failed(side, name, caller, 400) for side in (data, baseline))
        if k:
            here, there = (k, ended(data, name, caller=caller)), (base_k, ended(baseline, name, caller=caller))
            sides = (*here, design(data, caller, name)), (*there, design(baseline, caller, name))
            words = f"failed calls of {caller} to {name}"
            topics = tuple(f"ended/{status}/{name}" for status in range(400, 600))
            yield share(rule, f"{caller} {name}", words, *sides, data, topics, 0.0)


def callers(profile: Profile) -> set[tuple[str, str]]:
    """Return endpoints and who of Google's services called them."""
    return {(name, by) for name, ends in profile.statuses.items() for by in ends if by not in ("", HANDSHAKE, *ASIDE)}


def _failed(profile: Profile, endpoint: str, caller: str | None, least: int) -> int:
    return ended(profile, endpoint, range(least, 600), caller)


def design(profile: Profile, group: str, endpoint: str) -> float:
    """Return the design effect of what ended in a group of statuses; of all endpoints if it is ""."""
    return profile.design_effects.get(f"ended {group} {endpoint}", INDEPENDENT).value


def one_client_p(data: RevisionData, baseline: Profile, endpoint: str, statuses: Sequence[int]) -> float:
    """Return the chance that no more clients met these statuses than before: 1 where it is one client's doing.

    0 where clients are not known, or where one of them had so many of the baseline's requests that it is a proxy.
    """
    here, there = data.clients.get(endpoint, {}), baseline.clients.get(endpoint, {})
    known, before = here.get(0, Clients()), there.get(0, Clients())
    whole = baseline.clients.get("", {}).get(0, Clients())
    if not known.n or not before.n or whole.most > 0.2 * baseline.requests.eligible:
        return 0.0
    k = min(sum(here[status].n for status in statuses if status in here), known.n)
    base_k = min(sum(there[status].n for status in statuses if status in there), before.n)
    if k - base_k * known.n / before.n < 3:
        return 1.0
    return fisher_exact(
        control_k=base_k, control_n=before.n, experiment_k=k, experiment_n=known.n, alternative="greater"
    )


def share(
    rule: Rule,
    what: str,
    words: str,
    here: tuple[int, int, float],
    there: tuple[int, int, float],
    data: RevisionData,
    topics: tuple[str, ...],
    one_client: float,
) -> Comparison:
    """Compare two shares of requests, each given as count, number and design effect, by count and by points."""
    (k, n, _), (base_k, base_n, _) = here, there
    p = share_p(here, there)
    difference = k / n - base_k / base_n
    large: Status = "PASS"
    for status, size in (("WARN", "warn"), ("FAIL", "fail")):
        if difference >= rule[f"{size}_points"] and k - base_k * n / base_n >= rule[f"{size}_count"]:
            large = status  # type: ignore[assignment]
    text = f"{words}: {k:,} of {count(n, 'request')} ({percent(k / n)}); baseline {base_k:,} of {base_n:,}"
    if large != "PASS" and one_client == 1.0:
        large, text = "PASS", f"{text}; all from one or two clients"
    needed = None
    if large != "PASS":
        needed = more_requests_to_compare_rates(
            control_k=base_k, control_n=base_n, experiment_k=k, experiment_n=n, alpha=rule["alpha"], power=0.9
        )
    ratio = (k / n) / (base_k / base_n) if base_k else float("inf") if k else 1.0
    effect = Effect(
        kind="difference",
        value=rounded(difference),
        unit="ratio",
        relative=finite(ratio - 1),
        p=max(p, one_client),
        needed_requests=needed or None,
        needed_minutes=minutes_needed(needed, n, data),
    )
    return Comparison(rule.id, what, large, text, proportion(k, n), proportion(base_k, base_n), effect, topics)


def status(data: RevisionData, policy: Policy, comparisons: Sequence[Comparison]) -> Check:
    """No endpoint answers with more 4xx or redirects than before; without a baseline, not nearly all of them."""
    rule = policy["requests.status"]
    limit = (
        f"above the baseline by {rule['warn_count']:g} requests and {rule['warn_points'] * 100:g} points WARN, "
        f"{rule['fail_count']:g} and {rule['fail_points'] * 100:g} points FAIL; without a baseline, "
        f"{percent(rule['most_ratio'])} of at least {rule['most_requests']:g} user requests in 4xx FAIL, "
        f"{percent(rule['warn_points'])} in 429 WARN"
    )
    if data.filtered:
        text = "the export is filtered by severity, so successful requests are missing"
        return result(rule, "NOT_OBSERVABLE", text, limit=limit)
    by_status = {
        codes[0]: sum(ended(data, name, codes) for name in data.statuses)
        for group, codes in groups(data).items()
        if group != "redirects"
    }
    rejected, n = sum(by_status.values()), data.requests.eligible
    if data.baseline is None or not data.baseline.requests.eligible:
        if not n:
            return result(rule, "NOT_APPLICABLE", "no user requests", limit=limit)
        observed = Observed(value=rejected / n, unit="ratio", n=n)
        kinds = ", ".join(f"{code} × {k:,}" for code, k in sorted(by_status.items(), key=lambda pair: -pair[1])[:3])
        text = f"{rejected:,} of {count(n, 'user request')} ended in 4xx" + (f" ({kinds})" if kinds else "")
        enough, throttled = n >= rule["most_requests"], by_status.get(429, 0)
        status: Status = "PASS"
        if enough and rejected >= rule["most_ratio"] * n:
            status = "FAIL"
        elif enough and throttled >= max(rule["warn_count"], rule["warn_points"] * n):
            status = "WARN"  # an answer of the service or the platform about itself, not about the request
        proof = data.proof("requests/4xx") if status != "PASS" else []
        return result(rule, status, text, observed=observed, limit=limit, evidence=proof)
    return _reported(
        data, rule, comparisons, limit, "no endpoint answers with more 4xx or redirects than in the baseline"
    )


def endpoint_errors(data: RevisionData, policy: Policy, comparisons: Sequence[Comparison]) -> Check:
    """No endpoint and no caller fails more often than before, none fails every time or stopped coming."""
    rule = policy["requests.endpoint_errors"]
    limit = (
        f"above the baseline by {rule['warn_count']:g} failures and {rule['warn_points'] * 100:g} points WARN, "
        f"{rule['fail_count']:g} and {rule['fail_points'] * 100:g} points FAIL; "
        f"a caller that fails {rule['caller_failures']:g} of {rule['caller_failures']:g} times or stops calling WARN"
    )
    if data.filtered:
        text = "the export is filtered by severity, so successful requests are missing"
        return result(rule, "NOT_OBSERVABLE", text, limit=limit)
    checks = [_reported(data, rule, comparisons, limit, "no endpoint or caller fails more often than in the baseline")]
    failing = [
        (name, caller, n)
        for name, caller in sorted(callers(data))
        if (n := ended(data, name, caller=caller)) >= rule["caller_failures"]
        and _failed(data, name, caller, 400) == n
        and not _failed_before(data.baseline, name, caller)
    ]
    for name, caller, n in failing:
        text = f"every call of {caller} to {name} failed ({n:,} of {n:,})"
        topics = [f"ended/{status}/{name}" for status in range(400, 600)]
        checks.append(result(rule, "WARN", text, limit=limit, evidence=data.proof(*topics)))
    for name, caller, expected in _stopped(data, rule):
        text = f"{caller} stopped calling {name}: none seen, {expected:,.0f} expected"
        checks.append(result(rule, "WARN", text, limit=limit))
    status = worst(*(check.status for check in checks))
    if status == "PASS" and data.baseline is None:
        return result(rule, "NOT_APPLICABLE", "no baseline to compare with", limit=limit)
    leading = next(check for check in checks if check.status == status or status == "PASS")
    others = "; ".join(check.reason for check in checks if check is not leading and check.status in ("WARN", "FAIL"))
    return leading.model_copy(update={"reason": "; ".join(part for part in (leading.reason, others) if part)})


def _failed_before(baseline: Profile | None, name: str, caller: str) -> bool:
    """Whether every call failed in the baseline already."""
    n = ended(baseline, name, caller=caller) if baseline else 0
    return baseline is not None and n > 0 and _failed(baseline, name, caller, 400) == n


def _stopped(data: RevisionData, rule: Rule) -> Iterator[tuple[str, str, float]]:
    """Callers that the baseline had, and the revision has not: so many calls were expected, or their schedule was."""
    before = data.baseline
    if before is None or not before.minutes_long or data.traffic_ratio is None or data.traffic_ratio < 0.5:
        return
    for name, caller in sorted(callers(before) - callers(data)):
        n = ended(before, name, caller=caller)
        expected = n * data.minutes_long / before.minutes_long * data.traffic_ratio
        missed = _missed(data, data.baseline_calls.get((name, caller), ()), rule) if data.traffic_ratio >= 0.9 else 0
        if expected >= rule["caller_expected"] or missed >= rule["caller_missed"]:
            yield name, caller, max(expected, missed)


def _missed(data: RevisionData, calls: Sequence[int], rule: Rule) -> int:
    """How many calls of a schedule the revision missed; 0 where the baseline's calls follow none.

    calls: seconds since 1970, in order. On schedule is a call within a tenth of the usual time between two, or 20 s,
    for times are known to ten seconds.
    """
    if len(calls) < rule["caller_starts"] or data.first_ns is None or data.last_ns is None:
        return 0
    gaps = [after - before for before, after in pairwise(calls)]
    usual = median(gaps)
    late = max(0.1 * usual, 20.0)
    if usual < 60 or sum(abs(gap - usual) <= late for gap in gaps) < rule["caller_regular"] * len(gaps):
        return 0
    since = max(calls[-1], data.first_ns / 1e9)
    return max(int((data.last_ns / 1e9 - since - late) / usual), 0)


def _reported(data: RevisionData, rule: Rule, comparisons: Sequence[Comparison], limit: str, nothing: str) -> Check:
    worst = worst_of(comparisons)
    if worst is None or worst.decided == "PASS":
        n = data.requests.eligible
        check = result(rule, "PASS", nothing, observed=Observed(value=0, unit="endpoints", n=n), limit=limit)
        aside = next((other for other in comparisons if "one or two clients" in other.reason), None)
        return check.model_copy(update={"reason": f"{nothing}; {aside.reason}"}) if aside else check
    proof = data.proof(*worst.topics) if worst.decided in ("WARN", "FAIL") else []
    more = sum(other.decided == worst.decided for other in comparisons) - 1
    reason = worst.reason + worst.doubt + (f" (and {more:,} more like it)" if more else "")
    check = result(rule, worst.decided, reason, observed=worst.observed, limit=limit, evidence=proof)
    return check.model_copy(update={"baseline": worst.baseline, "effect": worst.effect})
