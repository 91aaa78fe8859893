"""Failures grouped into incidents: by cause, by time, and causes that share their minutes together."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.judge.model import CauseCount, Incident, IncidentMinute
from pipeline.judge.numbers import count
from pipeline.judge.revision_data import RevisionData

#: A cause that rests for longer starts a new incident, in minutes: the span in which three exits are a crash loop.
_REST = 10

#: Causes are one incident where the minutes of both are so alike (Jaccard 1901).
_ALIKE = 0.5

#: An incident of fewer failures than this, with nothing critical, is a hiccup and not listed.
_LEAST = 3

_MOST_MINUTES = 120
_REQUESTS = "requests.5xx"


@dataclass(frozen=True)
class _Episode:
    """One cause within one stretch of time: minutes since 1970 and how often it happened in each."""

    cause: str
    critical: bool
    minute: NDArray[np.int64]
    n: NDArray[np.int64]
    topics: tuple[str, ...]

    @property
    def total(self) -> int:
        """How often it happened in all."""
        return int(self.n.sum())


def incidents(data: RevisionData) -> list[Incident]:
    """Return the incidents of a revision in order of time.

    A cause is an event that failed, each occurrence once, or 5xx of user requests. Episodes of a cause end with a rest
    of ten minutes; episodes whose minutes are alike are one incident, led by what happened most, critical ones first.
    """
    episodes = _episodes(data)
    groups: list[list[_Episode]] = []
    led: dict[int, list[int]] = {}  # by minute the groups whose lead has it, for no others can be alike
    for episode in sorted(episodes, key=lambda part: (not part.critical, -part.total, part.cause, int(part.minute[0]))):
        minutes = episode.minute.tolist()
        near = sorted({group for minute in minutes for group in led.get(minute, ())})
        home = next((group for group in near if _alike(groups[group][0].minute, episode.minute) >= _ALIKE), None)
        if home is not None:
            groups[home].append(episode)
            continue
        for minute in minutes:
            led.setdefault(minute, []).append(len(groups))
        groups.append([episode])
    merged = [
        _incident(data, group)
        for group in groups
        if any(part.critical for part in group) or sum(part.total for part in group) >= _LEAST
    ]
    return sorted(merged, key=lambda part: (part.first, part.title))


def _episodes(data: RevisionData) -> list[_Episode]:
    episodes = []
    occurrences = data.occurrences
    bad = occurrences.where(occurrences.ended("failure", "critical"))
    bad = bad.where((bad.event != "http.request") & (bad.event != "http.access"))
    for cause in sorted(set(bad.cause)):
        rows = bad.of(cause)
        critical = bool((rows.outcome == "critical").any()) or str(cause) == "platform.exit"
        minute, where = np.unique(rows.minute, return_inverse=True)
        n = np.bincount(where, weights=rows.counted).astype(np.int64)
        episodes += _split(str(cause), minute, n, tuple(rows.topics), critical=critical)
    failed = data.minutes.errors_5xx > 0
    minute, n = data.minutes.minute[failed], data.minutes.errors_5xx[failed]
    return episodes + _split(_REQUESTS, minute, n, ("requests/5xx",), critical=False)


def _split(
    cause: str, minute: NDArray[np.int64], n: NDArray[np.int64], topics: tuple[str, ...], *, critical: bool
) -> list[_Episode]:
    counted = n > 0
    minute, n = minute[counted], n[counted]
    if not len(minute):
        return []
    ends = np.flatnonzero(np.diff(minute) > _REST) + 1
    parts = zip(np.split(minute, ends), np.split(n, ends), strict=True)
    return [_Episode(cause, critical, minutes, times, topics) for minutes, times in parts]


def _alike(first: NDArray[np.int64], second: NDArray[np.int64]) -> float:
    both = len(np.intersect1d(first, second))
    return both / (len(first) + len(second) - both)


def _incident(data: RevisionData, group: list[_Episode]) -> Incident:
    lead = group[0]
    minutes, where = np.unique(np.concatenate([episode.minute for episode in group]), return_inverse=True)
    n = np.bincount(where, weights=np.concatenate([episode.n for episode in group])).astype(np.int64)
    span = int(minutes[-1] - minutes[0]) + 1
    first, last = _time(int(minutes[0])), _time(int(minutes[-1]))
    evidence = [
        entry for entry in data.proof(*lead.topics) if first <= (entry.timestamp or "") < _time(int(minutes[-1]) + 1)
    ]
    return Incident(
        title=f"{lead.cause} × {lead.total:,} in {count(span, 'minute')}",
        first=first,
        last=last,
        n=int(n.sum()),
        causes=[CauseCount(cause=episode.cause, n=episode.total) for episode in group],
        timeline=[
            IncidentMinute(minute=_time(int(at)), n=int(times))
            for at, times in zip(minutes[:_MOST_MINUTES], n[:_MOST_MINUTES], strict=True)
        ],
        evidence=evidence or data.proof(*lead.topics),
    )


def _time(minute: int) -> str:
    return f"{np.datetime64(minute, 'm')}:00Z"
