"""Tasks that others may let hang: side by side, each in a thread that a process does not wait for at its end."""

import threading
import time
from collections.abc import Callable, Hashable, Mapping
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Found = TypeVar("Found")


class _Task(Generic[Found]):
    def __init__(self, task: Callable[[], Found]) -> None:
        self._task = task
        self.result: Found | None = None
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        self.result = self._task()


def side_by_side(tasks: Mapping[Key, Callable[[], Found]], seconds: float) -> dict[Key, Found | None]:
    """Return what tasks return that end within so long, all together; None for one that does not end, or fails.

    A task should return its failure: what it raises is printed by its thread.

    >>> side_by_side({"quick": lambda: 1, "slow": lambda: time.sleep(1)}, 0.05)
    {'quick': 1, 'slow': None}
    """
    end = time.monotonic() + seconds
    started = {key: _Task(task) for key, task in tasks.items()}
    for task in started.values():
        task.thread.join(max(end - time.monotonic(), 0.0))
    return {key: task.result for key, task in started.items()}
