"""Windows of time: half-open [start, end), UTC, in nanoseconds since 1970 where they meet entries."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pipeline.errors import UsageError

_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
_TIMES = "RFC 3339 such as 2026-01-15T09:00:00Z, or a duration back from now such as 30m"

#: How long after its end a window is complete where nothing else is known: Cloud Run's default request time-out, in s.
SETTLE_S = 300.0

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


#: A half-open window in ns since 1970; None for an open side. Rows without a timestamp are in every window.
Bounds = tuple[int | None, int | None]


@dataclass(frozen=True)
class Window:
    """The window asked for; None leaves a side open."""

    start: datetime | None = None
    end: datetime | None = None

    def __post_init__(self) -> None:
        if self.start and self.end and self.start >= self.end:
            raise UsageError(f"--since {rfc3339(self.start)} is not before --until {rfc3339(self.end)}")

    @property
    def bounds(self) -> Bounds:
        """The sides in ns since 1970."""
        return (
            nanoseconds(self.start) if self.start else None,
            nanoseconds(self.end) if self.end else None,
        )


def parse_time(text: str, *, now: datetime) -> datetime:
    """Return the moment that a text names: RFC 3339, or a duration back from `now` (`30m`, `1h30m`, `2d`).

    Raises UsageError for anything else; a time without an offset is UTC.
    """
    try:
        back = _duration(text)
        moment = datetime.fromisoformat(text) if back is None else now - back
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise UsageError(f"{text!r} is not a valid time; accepted are {_TIMES}") from error


def parse_duration(text: str) -> timedelta:
    """Return the duration that a text names (`90s`, `5m`, `1h30m`, `2d`). Raises UsageError for anything else."""
    try:
        duration = _duration(text)
    except OverflowError:
        duration = None
    if duration is None:
        raise UsageError(f"{text!r} is no duration; known are: days, hours, minutes and seconds such as 1h30m or 90s")
    return duration


def _duration(text: str) -> timedelta | None:
    match = _DURATION.fullmatch(text)
    if not match or not any(match.groups()):
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


def moment_of(nanos: int) -> datetime:
    """Return ns since 1970 as a time in UTC, cut to microseconds."""
    return _EPOCH + timedelta(microseconds=nanos // 1000)


def minutes_text(nanos: int) -> str:
    """Return a length of time in ns as hours and minutes, cut to minutes.

    >>> minutes_text(6 * 3600 * 10**9)
    '6 h 0 min'
    """
    hours, minutes = divmod(nanos // (60 * 10**9), 60)
    return f"{hours:,} h {minutes} min" if hours else f"{minutes} min"


def nanoseconds(moment: datetime) -> int:
    """Return a moment in ns since 1970."""
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1000


def rfc3339(moment: datetime) -> str:
    """Return a moment as RFC 3339 in UTC, microseconds only where there are some."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def rfc3339_ns(nanos: int) -> str:
    """Return ns since 1970 as RFC 3339 with the digits it needs: 0, 3, 6 or 9."""
    moment = _EPOCH + timedelta(seconds=nanos // 10**9)
    fraction = f"{nanos % 10**9:09d}"
    while fraction.endswith("000"):
        fraction = fraction[:-3]
    return moment.isoformat().removesuffix("+00:00") + (f".{fraction}" if fraction else "") + "Z"
