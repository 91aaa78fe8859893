"""What is known of revisions before a window: from the lookback that was pulled with it, or from history."""

from dataclasses import dataclass, replace

import polars as pl

from pipeline.aggregate.measures import Measures
from pipeline.assess import profiles, signatures
from pipeline.assess.revision_data import View, profile
from pipeline.assess.revisions import Target
from pipeline.judge.revision_data import Profile


@dataclass(frozen=True)
class Earlier:
    """A baseline: a profile, its signatures, and a line of each event."""

    profile: Profile
    signatures: pl.DataFrame
    wordings: dict[str, str]


def seen(view: View) -> Earlier:
    """Return what a revision's measures show of it as a baseline."""
    return Earlier(profile(view), signatures.signature_totals(view), signatures.wordings(view))


def from_lookback(lookback: Measures, target: Target, revision: str) -> Earlier:
    """Return what the time before a window shows of a revision as a baseline."""
    earlier = seen(View(lookback, target, revision))
    return replace(earlier, profile=replace(earlier.profile, origin="stretch"))


def added(first: Earlier, second: Earlier) -> Earlier:
    """Return two baselines as one: what neither has is new."""
    columns = [*signatures.KEY, "n", "n_startup"]
    totals = pl.concat([first.signatures.select(columns), second.signatures.select(columns)])
    return Earlier(profiles.merged([second.profile, first.profile]), _totals(totals), first.wordings)


def from_history(verdicts: pl.DataFrame, known: pl.DataFrame) -> Earlier:
    """Return runs of history added up.

    verdicts: their rows of the table `verdicts`, in order of time, at least one. known: their rows of `signatures`.
    """
    runs = profiles.merged([profiles.load(text) for text in verdicts["profile"]])
    return Earlier(replace(runs, origin="history"), _totals(known), {})


def _totals(known: pl.DataFrame) -> pl.DataFrame:
    """Signatures added up; where they first stood is not known."""
    return known.group_by(signatures.KEY).agg(pl.col("n", "n_startup").sum()).sort(signatures.KEY)
