"""A revision compared with its baseline: every comparison first, then what chance leaves of it.

Each comparison has two sides that are judged apart: whether the effect is large enough to matter (absolute and relative
limits of the policy) and whether it is more than chance (a one-sided p, adjusted over all comparisons of its check).
Harm needs both; a large effect that chance explains is undecided, with how much more data would decide it.
"""

from pipeline.judge import endings, instances, statuses, tails, websocket
from pipeline.judge.comparison import Comparison, decided
from pipeline.judge.latencies import drifts, durations, episodes, latencies
from pipeline.judge.policy import Policy
from pipeline.judge.rates import rates, signatures
from pipeline.judge.revision_data import RevisionData

_KINDS = (
    latencies,
    episodes,
    durations,
    rates,
    signatures,
    tails.comparisons,
    statuses.comparisons,
    endings.comparisons,
    instances.waits,
    websocket.handshake_shares,
)


def compare(data: RevisionData, policy: Policy) -> dict[str, list[Comparison]]:
    """Return all comparisons of a revision by their check, with q and what is decided."""
    compared = drifts(data, policy)
    if data.baseline is not None:
        for kind in _KINDS:
            compared += kind(data, data.baseline, policy)
    by_check: dict[str, list[Comparison]] = {}
    for comparison in compared:
        by_check.setdefault(comparison.check, []).append(comparison)
    return {check: decided(comparisons, policy[check]) for check, comparisons in by_check.items()}
