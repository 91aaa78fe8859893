"""Is there enough to judge at all? The required checks."""

from pipeline.judge.checks import count, result
from pipeline.judge.model import Check, Observed
from pipeline.judge.policy import Policy
from pipeline.judge.sample import Sample


def window(sample: Sample, policy: Policy) -> Check:
    """Entries of the service span the least time, and cover the window asked for."""
    rule = policy["evidence.window"]
    limit = f"INCONCLUSIVE below {rule['min_span_s']:g} s, or where the window's start is missing"
    if sample.cut_sources:
        text = f"{', '.join(sample.cut_sources)} ends in the middle of an entry: what came after is unknown"
        return result(rule, "INCONCLUSIVE", text, limit=limit)
    if sample.service_first_ns is None or sample.service_last_ns is None:
        return result(rule, "INCONCLUSIVE", "no entry has a timestamp", limit=limit)
    span_s = (sample.service_last_ns - sample.service_first_ns) / 1e9
    observed = Observed(value=span_s, unit="s", n=sample.service_entries)
    if span_s < rule["min_span_s"]:
        text = (
            f"{count(sample.service_entries, 'entry', 'entries')} within {span_s:.3g} s say nothing about a deployment"
        )
        return result(rule, "INCONCLUSIVE", text, observed=observed, limit=limit)
    if sample.asked_start_ns is not None:
        end_ns = sample.asked_end_ns if sample.asked_end_ns is not None else sample.service_last_ns
        missing_s = (sample.service_first_ns - sample.asked_start_ns) / 1e9
        asked_s = (end_ns - sample.asked_start_ns) / 1e9
        gap_s = (sample.service_max_gap_ns or 0) / 1e9
        if missing_s > rule["max_missing_ratio"] * asked_s and missing_s > rule["max_missing_gaps"] * gap_s:
            text = (
                f"the first {missing_s:,.0f} s of the {asked_s:,.0f} s asked for have no entry, while the longest "
                f"silence after them is {gap_s:,.0f} s: the export was cut, probably by its limit"
            )
            return result(rule, "INCONCLUSIVE", text, observed=observed, limit=limit)
    text = f"{count(sample.service_entries, 'entry', 'entries')} of the service over {span_s:,.0f} s"
    return result(rule, "PASS", text, observed=observed, limit=limit)


def traffic(sample: Sample, policy: Policy) -> Check:
    """At least so many requests of users reached the revision."""
    rule = policy["evidence.traffic"]
    n, needed = sample.requests.eligible, int(rule["min_requests"])
    observed = Observed(value=n, unit="requests", n=sample.requests.n)
    limit = f"INCONCLUSIVE below {needed} requests"
    others = sample.requests.n - n
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


def unfiltered(sample: Sample, policy: Policy) -> Check:
    """The sample holds lines of every severity, so that its rates have a denominator."""
    rule = policy["evidence.unfiltered"]
    observed = Observed(value=sample.service_below_notice, unit="entries", n=sample.service_entries)
    limit = "INCONCLUSIVE where no entry is below NOTICE"
    if sample.filtered:
        text = "no entry is below NOTICE: the sample was filtered by severity, so rates are not estimable from it"
        return result(rule, "INCONCLUSIVE", text, observed=observed, limit=limit)
    text = f"{sample.service_below_notice:,} of {count(sample.service_entries, 'entry', 'entries')} are below NOTICE"
    return result(rule, "PASS", text, observed=observed, limit=limit)


def explained(sample: Sample, policy: Policy) -> Check:
    """Few error lines are ones that nothing in the catalogue explains."""
    rule = policy["evidence.explained"]
    lines, requests = sample.unexplained_errors, sample.requests.eligible
    observed = Observed(value=lines, unit="lines", n=sample.requests.eligible)
    limit = f"WARN from {rule['warn_lines']:g} lines, or {rule['warn_ratio']:g} per request"
    if lines >= rule["warn_lines"] or (requests and lines / requests >= rule["warn_ratio"]):
        text = f"{count(lines, 'line')} at ERROR or above that no catalogue block explains"
        return result(rule, "WARN", text, observed=observed, limit=limit, evidence=sample.proof("unexplained"))
    text = f"{count(lines, 'unexplained line')} at ERROR or above"
    return result(rule, "PASS", text, observed=observed, limit=limit, evidence=sample.proof("unexplained"))
