"""`check --watch`: from the options to the looks, the run that they end with, and what SIGTERM leaves."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from pipeline.commands.common import EXIT_TOOL, say
from pipeline.commands.job import Judged, Options, meant_after, meant_now, now_at, plan_of, run_job, windowless_job
from pipeline.errors import StoreBusyError

if TYPE_CHECKING:
    from pipeline.run import Job, Run
    from pipeline.stores.base import Store


#: So often it is tried to write to a store that another run writes to, every five seconds.
_BUSY_TRIES = 60


def watch(options: Options, store: "Store") -> Judged:
    """Wait for the deployment, look early and often, and judge its whole window where no FAIL ended it before.

    SIGTERM ends it with what the last look showed; without one it leaves with 4. Raises RunverdictError.
    """
    from pipeline.looks import Looks, Stopped
    from pipeline.sources.cloud_logging.quota import Clock
    from pipeline.stores.watches import under_way

    job, sources = windowless_job(options["sources"], options)
    looks = None
    try:
        with _stoppable():
            plan = plan_of(sources.sources, options, under_way(store, now_at(sources.sources)))

            def job_now() -> "Job":
                return job.of_window(meant_now(sources.sources, options, until=None, deployment=plan.deployment))

            looks = Looks(plan, job_now, store, lambda: now_at(sources.sources), Clock(), say)
            if ended := looks.until_end():
                return Judged(ended, bool(sources.failed))
            whole = job.of_window(meant_after(sources.sources, options, plan))
            run = _run_when_free(replace(whole, looks=looks.taken), store)
            looks.finished()
            return Judged(run, bool(sources.failed))
    except Stopped:
        known = looks.known() if looks else None
        if known is None:
            say("stopped by SIGTERM before the deployment had traffic, so there is no verdict")
            raise SystemExit(EXIT_TOOL) from None
        say("stopped by SIGTERM before the window ended; the verdict is on what was read until the last look")
        return Judged(known, bool(sources.failed), stopped=True)


def _run_when_free(job: "Job", store: "Store") -> "Run":
    """Run the job once no other one writes to the store: two jobs for one deployment end at the same time."""
    from pipeline.watch import POLL_S

    for _ in range(_BUSY_TRIES - 1):
        with suppress(StoreBusyError):
            return run_job(job, store)
        time.sleep(POLL_S)
    return run_job(job, store)


@contextmanager
def _stoppable() -> Iterator[None]:
    """Raise Stopped at the first SIGTERM; later ones do nothing, for what is known is being written."""
    from pipeline.looks import Stopped

    def stop(*_: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise Stopped

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    except Stopped:
        raise
    except BaseException:
        signal.signal(signal.SIGTERM, before)
        raise
    else:
        signal.signal(signal.SIGTERM, before)
