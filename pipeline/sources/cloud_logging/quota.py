"""Reads of a project's quota: when the next one may be sent, and how long to wait after one that failed."""

import random
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

#: The quota counts minutes.
_MINUTE_S = 60.0


@dataclass(frozen=True)
class Clock:
    """Time that passes, in s, and a way to let it pass."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


@dataclass
class Pace:
    """At most `per_minute` reads in any 60 s: a short pull takes them at once, a long one at this rate."""

    per_minute: int
    clock: Clock = field(default_factory=Clock)
    _sent: deque[float] = field(default_factory=deque)

    def left(self) -> int:
        """Return how many reads may be sent at once."""
        while self._sent and self.clock.now() - self._sent[0] >= _MINUTE_S:
            self._sent.popleft()
        return self.per_minute - len(self._sent)

    def take(self) -> None:
        """Wait until a read may be sent, and count it."""
        while self.left() <= 0:
            self.clock.sleep(max(_MINUTE_S - (self.clock.now() - self._sent[0]), 0.001))
        self._sent.append(self.clock.now())


def backoff_s(failures: int, *, first_s: float, most_s: float, asked_s: float | None = None) -> float:
    """Return how long to wait after so many failures in a row, in s: doubled each time, with half of it as jitter.

    asked_s: what the service asked for; never less than that. Without jitter, runs that failed together would come
    back together.
    """
    delay_s = min(first_s * 2.0 ** (failures - 1), most_s)
    jitter = random.uniform(0.5, 1.0)  # noqa: S311 - nothing is secret
    return (asked_s or 0.0) + delay_s * jitter
