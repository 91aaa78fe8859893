"""Is there enough to judge at all? The required checks."""

import numpy as np

from pipeline.judge.model import Check, Observed, Status
from pipeline.judge.numbers import count, duration, percent
from pipeline.judge.policy import Policy
from pipeline.judge.result import result
from pipeline.judge.revision_data import RevisionData


def window(data: RevisionData, policy: Policy) -> Check:
    """Entries of the service span the least time, and cover the window asked for."""
    rule = policy["evidence.window"]
    limit = f"INCONCLUSIVE below {duration(rule['min_span_s'] * 1000)}, or where the window's start is missing"
    if data.incomplete:
        return result(rule, "INCONCLUSIVE", "; ".join(data.incomplete), limit=limit)
    if data.service_first_ns is None or data.service_last_ns is None:
        return result(rule, "INCONCLUSIVE", "no entry has a timestamp", limit=limit)
    if data.planned_end_ns is not None:
        end = np.datetime64(data.planned_end_ns, "ns").astype("datetime64[s]")
        text = f"the window was to last until {end}Z, and what came after {_second(data.asked_end_ns)} was not read"
        return result(rule, "INCONCLUSIVE", text, limit=limit)
    span_s = (data.service_last_ns - data.service_first_ns) / 1e9
    observed = Observed(value=span_s, unit="s", n=data.service_entries)
    if span_s < rule["min_span_s"] and data.workload != "job":
        entries = count(data.service_entries, "entry", "entries")
        text = f"{entries} within {duration(span_s * 1000)} are too few to judge a deployment"
        return result(rule, "INCONCLUSIVE", text, observed=observed, limit=limit)
    if data.asked_start_ns is not None:
        end_ns = data.asked_end_ns if data.asked_end_ns is not None else data.service_last_ns
        missing_s = (data.service_first_ns - data.asked_start_ns) / 1e9
        asked_s = (end_ns - data.asked_start_ns) / 1e9
        gap_s = (data.service_max_gap_ns or 0) / 1e9
        if missing_s > rule["max_missing_ratio"] * asked_s and missing_s > rule["max_missing_gaps"] * gap_s:
            text = (
                f"the first {duration(missing_s * 1000)} of the {duration(asked_s * 1000)} asked for have no entry, "
                f"while the longest gap after them is {duration(gap_s * 1000)}: the export was cut, "
                "probably by its limit"
            )
            return result(rule, "INCONCLUSIVE", text, observed=observed, limit=limit)
    text = f"{count(data.service_entries, 'entry', 'entries')} of the service over {duration(span_s * 1000)}"
    return result(rule, "PASS", text, observed=observed, limit=limit)


def _second(nanos: int | None) -> str:
    return "its last entry" if nanos is None else f"{np.datetime64(nanos, 'ns').astype('datetime64[s]')}Z"


def traffic(data: RevisionData, policy: Policy) -> Check:
    """At least so many user requests reached the revision."""
    rule = policy["evidence.traffic"]
    n, needed = data.requests.eligible, int(rule["min_requests"])
    observed = Observed(value=n, unit="requests", n=data.requests.n)
    limit = f"INCONCLUSIVE below {needed} requests"
    others = data.requests.n - n
    if data.synthetic_only:
        n = data.requests.synthetic
        text = f"no user requests; {count(n, 'synthetic request')} (uptime checks) are judged instead"
        enough: Status = "PASS" if n >= needed else "INCONCLUSIVE"
        return result(rule, enough, text, observed=Observed(value=n, unit="requests", n=data.requests.n), limit=limit)
    rest = f", not counting {others:,} health checks, handshakes, preflights and scans" if others else ""
    if n >= needed:
        return result(rule, "PASS", f"{count(n, 'user request')}{rest}", observed=observed, limit=limit)
    return result(
        rule,
        "INCONCLUSIVE",
        f"{count(n, 'user request')}{rest}; at least {needed} are needed",
        observed=observed,
        limit=limit,
    )


def deployed(data: RevisionData, policy: Policy) -> Check:
    """The revision that is judged is the one that was deployed, it is ready, and it was served traffic."""
    rule = policy["evidence.deployed"]
    limit = "INCONCLUSIVE unless it is the newest deployed revision, ready, and was served requests"
    newest = data.deployed
    if newest is None:
        text = "no live window with a deployment, or the revision was named"
        return result(rule, "NOT_APPLICABLE", text, limit=limit)
    if newest.revision and newest.revision != data.revision:
        text = f"{newest.revision} is the newest deployed revision, and this is not it"
        return result(rule, "INCONCLUSIVE", text, limit=limit)
    later = data.crosscheck.newest
    if later and not newest.newer and data.asked_end_ns and later.created_ns < data.asked_end_ns:
        text = f"{later.revision} was created after it, and the log does not show its deployment"
        return result(rule, "INCONCLUSIVE", text, limit=limit)
    if newest.ready_ns is None and not (newest.revision and (data.serves or data.crosscheck.is_ready)):
        began = np.datetime64(newest.started_ns, "ns").astype("datetime64[s]")
        if newest.revision and (newest.failed or newest.overdue):  # deployment.ready says what became of it
            return result(rule, "PASS", f"its deployment began at {began}Z, and it is not ready", limit=limit)
        text = f"a deployment began at {began}Z, and its revision is not ready yet"
        return result(rule, "INCONCLUSIVE", text, limit=limit)
    if data.workload == "service" and not data.requests.n:
        percents = data.crosscheck.percent_of(data.revision)
        sent = "" if percents is None else f"; Cloud Run sends it {percents} % of the traffic"
        return result(rule, "INCONCLUSIVE", f"it is ready, but no request reached it{sent}", limit=limit)
    share = "" if data.traffic_ratio is None else f" and had {percent(data.traffic_ratio)} of the user requests"
    what = "all traffic was sent to it" if newest.rollback else "it is the newest deployed revision"
    return result(rule, "PASS", what + share, limit=limit)


def complete(data: RevisionData, policy: Policy) -> Check:
    """The requests that Cloud Monitoring counted are in the log: none was excluded or sampled away."""
    rule = policy["evidence.complete"]
    limit = f"INCONCLUSIVE below {percent(rule['min_ratio'])} of {rule['min_counted']:g} or more counted requests"
    counts = data.crosscheck.counted
    if counts is None:
        text = "Cloud Monitoring is asked where a remote source is read, not for files"
        return result(rule, "NOT_APPLICABLE", text, limit=limit)
    if counts.counted is None:
        return result(rule, "NOT_OBSERVABLE", counts.reason, limit=limit)
    counted = f"{counts.counted:,} requests that Cloud Monitoring counted in {count(counts.minutes, 'minute')}"
    if counts.counted < rule["min_counted"]:
        text = f"{counted} are too few to compare with the log"
        return result(rule, "NOT_OBSERVABLE", text, limit=limit)
    ratio = counts.logged / counts.counted
    observed = Observed(value=ratio, unit="ratio", n=counts.counted)
    text = f"of {counted}, {counts.logged:,} are in the log ({percent(ratio)})"
    if ratio < rule["min_ratio"]:
        text += ": an exclusion filter or sampling drops the rest, so no rate can be trusted"
        return result(rule, "INCONCLUSIVE", text, observed=observed, limit=limit)
    return result(rule, "PASS", text, observed=observed, limit=limit)


def unfiltered(data: RevisionData, policy: Policy) -> Check:
    """The entries hold every severity, so that rates can be computed."""
    rule = policy["evidence.unfiltered"]
    observed = Observed(value=data.service_below_notice, unit="entries", n=data.service_entries)
    limit = "INCONCLUSIVE where no entry is below NOTICE"
    if data.workload == "job" and any(execution.ending != "unknown" for execution in data.executions):
        return result(rule, "NOT_APPLICABLE", "how the execution ended is in the entries, and a job has no rates")
    if data.filtered:
        text = "no entry is below NOTICE: the export was filtered by severity, so error rates cannot be computed"
        return result(rule, "INCONCLUSIVE", text, observed=observed, limit=limit)
    text = f"{data.service_below_notice:,} of {count(data.service_entries, 'entry', 'entries')} are below NOTICE"
    return result(rule, "PASS", text, observed=observed, limit=limit)


def explained(data: RevisionData, policy: Policy) -> Check:
    """Few error lines are unknown to the catalogue."""
    rule = policy["evidence.explained"]
    lines, requests = data.unexplained_errors, data.requests.eligible
    observed = Observed(value=lines, unit="lines", n=data.requests.eligible)
    limit = f"WARN from {rule['warn_lines']:g} unknown lines, or {rule['warn_ratio']:g} per request"
    if lines >= rule["warn_lines"] or (requests and lines / requests >= rule["warn_ratio"]):
        text = f"{count(lines, 'unknown line')} at ERROR or above"
        return result(rule, "WARN", text, observed=observed, limit=limit, evidence=data.proof("unexplained"))
    text = f"{count(lines, 'unknown line')} at ERROR or above"
    return result(rule, "PASS", text, observed=observed, limit=limit, evidence=data.proof("unexplained"))
