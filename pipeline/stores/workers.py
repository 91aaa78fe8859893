"""Work on slices side by side: they do not depend on each other, and polars works outside of Python's lock."""

import os
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec

_Arguments = ParamSpec("_Arguments")

#: Slices at a time. Each holds a batch several times over, some 200 MiB, and polars has threads of its own.
_WORKERS = min(2, os.cpu_count() or 1)


class Workers:
    """Runs functions side by side, as many at a time as there are workers. Use it as a context manager.

    Leaving it waits for all of them, and raises what the first one that failed has raised.
    """

    def __enter__(self) -> "Workers":
        self._pool = ThreadPoolExecutor(_WORKERS)
        self._running: deque[Future[None]] = deque()
        return self

    def start(self, work: Callable[_Arguments, None], *args: _Arguments.args, **kwargs: _Arguments.kwargs) -> None:
        """Start a function, once the oldest of those that take all workers has ended. Raises what that one raised."""
        if len(self._running) >= _WORKERS:
            self._running.popleft().result()
        self._running.append(self._pool.submit(work, *args, **kwargs))

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        self._pool.shutdown(cancel_futures=error is not None and not issubclass(error, Exception))
        if error is None or issubclass(error, Exception):
            for work in self._running:
                work.result()
