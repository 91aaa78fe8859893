"""What a look before the end of a window may say: a FAIL that holds whatever comes, and nothing else.

WARN and PASS are for the whole window. Three kinds of FAIL hold early: counts that only grow; a rate above its limit by
evidence that may be looked at at any time (`sequential.py`); and a comparison that is beyond chance at its share of the
looks' alpha (Bonferroni).
"""

import math

import numpy as np

from pipeline.judge import contracts
from pipeline.judge.compare import compare
from pipeline.judge.decide import judge
from pipeline.judge.dependencies import DEPENDENCIES, failures_by_minute
from pipeline.judge.expectations import Expectations
from pipeline.judge.model import Check
from pipeline.judge.policy import Policy
from pipeline.judge.ranks import percentile_interval
from pipeline.judge.revision_data import Profile, RevisionData, weighted
from pipeline.judge.sequential import is_above, log_e_value, running_design_effect

#: Minutes of a window at which comparisons are looked at, each with its share of their alpha.
LOOKS = (1, 2, 5, 10, 20, 40, 60)

#: Checks that count what never becomes less.
_COUNTED = (
    *("deployment.ready", "platform.exits", "platform.memory", "platform.could_not_start", "platform.no_instance"),
)

#: A request is in the log this long after its end, in s.
_LOGGED_S = 10.0


def settled_after_s(baseline: Profile | None) -> float | None:
    """Return how long after its start a request is in the log, of 95 % of the baseline's, in s; None without any.

    The slowest 5 % are missing at a look: they make a rate of failures at most 1.05 times as high.
    """
    times = baseline.of_kind("endpoint") if baseline else {}
    if not times:
        return None
    return percentile_interval(weighted(times), 95).estimate / 1000 + _LOGGED_S


def certain_failures(
    data: RevisionData, policy: Policy, expected: Expectations | None = None, *, compared: bool
) -> list[Check]:
    """Return the checks that FAIL whatever comes, the first of the policy's order first.

    data: of a window that is not over, without the requests that are not settled. compared: whether this is one of
    `LOOKS`, so that comparisons count; the rest may be looked at at any time.
    """
    expected = expected or Expectations()
    strict = policy.shared_over(len(LOOKS))
    covered, _ = contracts.honour(data, expected)
    apart = {
        check
        for check, comparisons in (compare(covered, strict) if compared else {}).items()
        if any(comparison.decided == "FAIL" for comparison in comparisons)
    }
    return [
        check
        for check in judge(data, strict, expected).checks
        if check.status == "FAIL"
        and check.severity in ("critical", "major")
        and (check.id in _COUNTED or check.id in apart or _above_limit(check, covered, policy))
    ]


def evidence(data: RevisionData, policy: Policy) -> tuple[float, float | None]:
    """Return the design effect of 5xx among user requests, and the e-value against a rate at the limit."""
    minutes, limit = data.minutes, policy["requests.error_rate"]["max_ratio"]
    design_effect = running_design_effect(minutes.errors_5xx, minutes.n)
    k, n = int(minutes.errors_5xx.sum()), int(minutes.n.sum())
    log_e = log_e_value(k / design_effect, n / design_effect, limit)
    return design_effect, math.exp(log_e) if log_e < 700 else None


def _above_limit(check: Check, data: RevisionData, policy: Policy) -> bool:
    """Whether the rate of a check is above its limit by evidence that holds at any time."""
    alpha, rule = policy.comparison["watch_alpha"], policy[check.id]
    if check.id == "requests.error_rate" and not data.filtered:
        return is_above(data.minutes.errors_5xx, data.minutes.n, rule["max_ratio"], alpha)
    if check.id in DEPENDENCIES and check.observed is not None:
        failed = failures_by_minute(data, check.id)
        # Attempts are not known by minute: the failures of a minute are one incident.
        design_effect = max(1.0, float((failed**2).sum()) / float(np.sum(failed)))
        k, n = float(failed.sum()), float(check.observed.n)
        return log_e_value(k / design_effect, n / design_effect, rule["fail_ratio"]) >= -math.log(alpha)
    return False
