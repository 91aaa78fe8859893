"""What other tools would say of the same window, from their published rules, for comparison.

Each takes a window and returns PASS, WARN, FAIL or INCONCLUSIVE. They see what such a tool is given: per-minute metrics
of the request rows of both revisions, or the severities of the new one's lines.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.optimize import brentq
from scipy.special import ndtri
from scipy.stats import rankdata

SEVERE = ("ERROR", "CRITICAL", "ALERT", "EMERGENCY")


@dataclass(frozen=True)
class Observed:
    """A window's events, and the names of its new and its old revision (None where there is none)."""

    events: pl.DataFrame
    new: str | None
    old: str | None

    def of(self, revision: str | None) -> pl.DataFrame:
        """Return the events of a revision."""
        return self.events.filter(pl.col("revision") == pl.lit(revision, pl.String))


def kayenta(window: Observed) -> str:
    """Spinnaker's canary judge on p95 latency and number of 5xx per minute, one group, pass at 95, marginal at 75."""
    experiment, control = _minutes(window.of(window.new)), _minutes(window.of(window.old))
    found = [kayenta_metric(experiment[name], control[name]) for name in ("p95_ms", "errors")]
    counted = [one for one in found if one != "Nodata"]
    if len(counted) * 2 <= len(found):
        return "FAIL"  # half of the metrics without data: score 0
    score = 100 * counted.count("Pass") / len(counted)
    return "PASS" if score >= 95 else "WARN" if score >= 75 else "FAIL"


def _minutes(events: pl.DataFrame) -> dict[str, np.ndarray]:
    rows = events.filter(pl.col("http_status").is_not_null())
    by_minute = rows.group_by(pl.col("timestamp_ns") // (60 * 10**9)).agg(
        pl.col("http_latency_ms").quantile(0.95, "linear").alias("p95_ms"),
        (pl.col("http_status") >= 500).sum().alias("errors"),
    )
    return {name: by_minute[name].drop_nulls().to_numpy().astype(float) for name in ("p95_ms", "errors")}


def kayenta_metric(x: np.ndarray, y: np.ndarray, *, tolerance: float = 0.25, confidence: float = 0.98) -> str:
    """Return Pass, High or Nodata: whether the interval of the Mann-Whitney shift lies above a share of the shift.

    x: values of the experiment; y: of the control. Direction increase, mean ratio of at least 1.
    """
    if not len(x) or not len(y):
        return "Nodata"
    if np.array_equal(np.sort(x), np.sort(y)) or len(np.unique(np.concatenate((x, y)))) == 1:
        return "Pass"
    rng = np.random.default_rng(0)
    if len(np.unique(x)) == 1 and len(np.unique(y)) == 1:
        x, y = (one + rng.normal(0, 1, len(one)) * 1e-5 * one[0] for one in (x, y))
    m, n = len(x), len(y)

    def w(shift: float) -> float:
        ranks = rankdata(np.concatenate((x - shift, y)))
        _, groups = np.unique(ranks, return_counts=True)
        d = ranks[:m].sum() - m * (m + 1) / 2 - m * n / 2
        ties = (groups.astype(float) ** 3 - groups).sum() / ((m + n) * (m + n - 1))
        s = np.sqrt(m * n / 12 * (m + n + 1 - ties))
        return float((d - 0.5 * np.sign(d)) / s) if s else 0.0

    low, high = x.min() - y.max(), x.max() - y.min()

    def root(level: float) -> float:
        if w(low) - level <= 0:
            return float(low)
        return float(high) if w(high) - level >= 0 else float(brentq(lambda mu: w(mu) - level, low, high, xtol=1e-4))

    lower, estimate = root(-float(ndtri((1 - confidence) / 2))), root(0.0)
    ratio = x.mean() / y.mean() if x.mean() and y.mean() else np.nan
    return "High" if lower > tolerance * abs(estimate) and (np.isnan(ratio) or ratio >= 1.0) else "Pass"


def release_manager(window: Observed) -> str:
    """cloud-run-release-manager as it comes: at most 1 % of the new revision's requests are 5xx, of none 0 %."""
    status = window.of(window.new)["http_status"].drop_nulls()
    return "FAIL" if len(status) and float((status >= 500).mean()) > 0.01 else "PASS"


def any_error_line(window: Observed) -> str:
    """The query that people write first: any line of the new revision at ERROR or above."""
    return "FAIL" if window.of(window.new)["severity"].is_in(SEVERE).any() else "PASS"


RIVALS: dict[str, Callable[[Observed], str]] = {
    "Kayenta (p95, 5xx per minute)": kayenta,
    "cloud-run-release-manager": release_manager,
    "any line at ERROR or above": any_error_line,
}
