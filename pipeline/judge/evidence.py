"""Is there enough to judge at all? The required checks."""

from pipeline.judge.model import Check, Observed
from pipeline.judge.policy import Policy
from pipeline.judge.result import count, result
from pipeline.judge.revision_data import RevisionData


def window(data: RevisionData, policy: Policy) -> Check:
    """Entries of the service span the least time, and cover the window asked for."""
    rule = policy["evidence.window"]
    limit = f"INCONCLUSIVE below {rule['min_span_s']:g} s, or where the window's start is missing"
    if data.cut_sources:
        text = f"{', '.join(data.cut_sources)} ends in the middle of an entry: what came after is unknown"
        return result(rule, "INCONCLUSIVE", text, limit=limit)
    if data.service_first_ns is None or data.service_last_ns is None:
        return result(rule, "INCONCLUSIVE", "no entry has a timestamp", limit=limit)
    span_s = (data.service_last_ns - data.service_first_ns) / 1e9
    observed = Observed(value=span_s, unit="s", n=data.service_entries)
    if span_s < rule["min_span_s"]:
        text = f"{count(data.service_entries, 'entry', 'entries')} within {span_s:.3g} s say nothing about a deployment"
        return result(rule, "INCONCLUSIVE", text, observed=observed, limit=limit)
    if data.asked_start_ns is not None:
        end_ns = data.asked_end_ns if data.asked_end_ns is not None else data.service_last_ns
        missing_s = (data.service_first_ns - data.asked_start_ns) / 1e9
        asked_s = (end_ns - data.asked_start_ns) / 1e9
        gap_s = (data.service_max_gap_ns or 0) / 1e9
        if missing_s > rule["max_missing_ratio"] * asked_s and missing_s > rule["max_missing_gaps"] * gap_s:
            text = (
                f"the first {missing_s:,.0f} s of the {asked_s:,.0f} s asked for have no entry, while the longest "
                f"silence after them is {gap_s:,.0f} s: the export was cut, probably by its limit"
            )
            return result(rule, "INCONCLUSIVE", text, observed=observed, limit=limit)
    text = f"{count(data.service_entries, 'entry', 'entries')} of the service over {span_s:,.0f} s"
    return result(rule, "PASS", text, observed=observed, limit=limit)


def traffic(data: RevisionData, policy: Policy) -> Check:
    """At least so many requests of users reached the revision."""
    rule = policy["evidence.traffic"]
    n, needed = data.requests.eligible, int(rule["min_requests"])
    observed = Observed(value=n, unit="requests", n=data.requests.n)
    limit = f"INCONCLUSIVE below {needed} requests"
    others = data.requests.n - n
    rest = f" ({others:,} of health paths, probes, handshakes, preflights and scanners do not count)" if others else ""
    if n >= needed:
        return result(rule, "PASS", f"{count(n, 'request')} of users{rest}", observed=observed, limit=limit)
    return result(
        rule,
        "INCONCLUSIVE",
        f"{count(n, 'request')} of users{rest}: {needed - n} more are needed before a rate means anything",
        observed=observed,
        limit=limit,
    )


def unfiltered(data: RevisionData, policy: Policy) -> Check:
    """The sample holds lines of every severity, so that its rates have a denominator."""
    rule = policy["evidence.unfiltered"]
    observed = Observed(value=data.service_below_notice, unit="entries", n=data.service_entries)
    limit = "INCONCLUSIVE where no entry is below NOTICE"
    if data.filtered:
        text = "no entry is below NOTICE: the sample was filtered by severity, so rates are not estimable from it"
        return result(rule, "INCONCLUSIVE", text, observed=observed, limit=limit)
    text = f"{data.service_below_notice:,} of {count(data.service_entries, 'entry', 'entries')} are below NOTICE"
    return result(rule, "PASS", text, observed=observed, limit=limit)


def explained(data: RevisionData, policy: Policy) -> Check:
    """Few error lines are ones that nothing in the catalogue explains."""
    rule = policy["evidence.explained"]
    lines, requests = data.unexplained_errors, data.requests.eligible
    observed = Observed(value=lines, unit="lines", n=data.requests.eligible)
    limit = f"WARN from {rule['warn_lines']:g} lines, or {rule['warn_ratio']:g} per request"
    if lines >= rule["warn_lines"] or (requests and lines / requests >= rule["warn_ratio"]):
        text = f"{count(lines, 'line')} at ERROR or above that no catalogue block explains"
        return result(rule, "WARN", text, observed=observed, limit=limit, evidence=data.proof("unexplained"))
    text = f"{count(lines, 'unexplained line')} at ERROR or above"
    return result(rule, "PASS", text, observed=observed, limit=limit, evidence=data.proof("unexplained"))
