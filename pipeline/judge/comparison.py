"""One quantity of a revision compared with its baseline's: what its size says, and what chance leaves of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isfinite

from pipeline.judge.model import Effect, Observed, Status
from pipeline.judge.numbers import count, number
from pipeline.judge.policy import Rule
from pipeline.judge.power import MOST_WINDOWS
from pipeline.judge.revision_data import RevisionData
from pipeline.judge.stats import benjamini_hochberg, clopper_pearson, fisher_exact

#: Comparisons that speak only where they are harm: late with early, and one part of the time.
DRIFT, EPISODE = "drift", "episode"

#: A FAIL asks for a quarter of the chance that a WARN may have.
_FAIL_SHARE = 0.25


@dataclass(frozen=True)
class Comparison:
    """One quantity of a revision beside its baseline's.

    what: its name within the check ("" where there is one). large: what the size of the effect alone says; decided:
    what is left of it after chance is allowed for, and doubt says why it is less. topics: where its evidence is.
    """

    check: str
    what: str
    large: Status
    reason: str
    observed: Observed
    baseline: Observed
    effect: Effect
    topics: tuple[str, ...] = ()
    decided: Status = "PASS"
    doubt: str = ""


def decided(comparisons: Sequence[Comparison], rule: Rule) -> list[Comparison]:
    """Return the comparisons of one check with q and what is decided: they are one family (Benjamini-Hochberg).

    A check's `alpha` is the chance of a WARN where nothing changed; that of a FAIL is a quarter of it. Checks are
    apart, so that 150 kinds of warnings do not dilute the error rate, and their alphas add up (Bonferroni).
    """
    tested = iter(
        benjamini_hochberg([comparison.effect.p for comparison in comparisons if comparison.effect.p is not None])
    )
    return [
        _decided(comparison, None if comparison.effect.p is None else float(next(tested)), rule["alpha"])
        for comparison in comparisons
    ]


def _decided(comparison: Comparison, q: float | None, alpha: float) -> Comparison:
    """A large effect counts where chance does not explain it; else it is undecided, if harm is not excluded."""
    effect = comparison.effect.model_copy(update={"q": q})
    if q is None or comparison.large not in ("WARN", "FAIL"):
        return replace(comparison, effect=effect, decided=comparison.large)
    if q <= alpha:
        settled = effect.model_copy(update={"needed_requests": None, "needed_minutes": None})
        status: Status = "FAIL" if comparison.large == "FAIL" and q <= alpha * _FAIL_SHARE else "WARN"
        return replace(comparison, effect=settled, decided=status)
    more = ""
    if effect.needed_requests and effect.needed_requests <= MOST_WINDOWS * max(comparison.observed.n, 1):
        more = f"; about {count(effect.needed_requests, 'more request')} would decide it"
        if effect.needed_minutes:
            more += f" ({number(effect.needed_minutes)} minutes at this traffic)"
    return replace(
        comparison, effect=effect, decided="INCONCLUSIVE", doubt=f"; chance can explain the difference{more}"
    )


def worst_of(comparisons: Sequence[Comparison]) -> Comparison | None:
    """Return the comparison that decides: the worst, the largest effect among equals; None where there is none.

    A drift or an episode speaks where it is harm, or alone.
    """
    order = ("PASS", "INCONCLUSIVE", "WARN", "FAIL")

    def whole(comparison: Comparison) -> bool:
        return comparison.what not in (DRIFT, EPISODE)

    candidates = [
        comparison for comparison in comparisons if whole(comparison) or comparison.decided in ("WARN", "FAIL")
    ] or comparisons
    return max(
        candidates,
        key=lambda comparison: (order.index(comparison.decided), whole(comparison), comparison.effect.value),
        default=None,
    )


def proportion(k: int, n: int) -> Observed:
    """Return a share with its exact 95 % interval; without a number there is no value."""
    if not n:
        return Observed(value=None, unit="ratio", n=0)
    low, high = clopper_pearson(k, n)
    return Observed(value=rounded(k / n), unit="ratio", n=n, low=rounded(low), high=rounded(high))


def share_p(here: tuple[int, int, float], there: tuple[int, int, float]) -> float:
    """Return the one-sided p of Fisher's exact test of two shares: count, number and design effect of each.

    Requests of one minute fail together: as many as the design effect weigh as one.
    """
    (k, n, effect), (base_k, base_n, base_effect) = here, there
    return fisher_exact(
        control_k=round(base_k / base_effect),
        control_n=max(round(base_n / base_effect), 1),
        experiment_k=round(k / effect),
        experiment_n=max(round(n / effect), 1),
        alternative="greater",
    )


def minutes_needed(needed: int | None, n: int, data: RevisionData) -> float | None:
    """Return how long the revision takes to give so many more, at its own pace."""
    minutes = len(set(data.minutes.minute))
    return rounded(needed * minutes / n) if needed and n and minutes else None


def rounded(value: float) -> float:
    """Return a number with 9 significant digits: what two engines can agree on."""
    return float(f"{value:.9g}")


def finite(value: float) -> float | None:
    """Return a number rounded; None where it has no bound."""
    return rounded(value) if isfinite(value) else None
