"""What a store remembers of `--watch`, so that a job that was killed goes on where it was.

STORE/history/watches/RUN.parquet      one row per deployment: its window, its looks, whether it has ended, as JSON
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

import polars as pl

from pipeline.schema import HISTORY, polars_schema
from pipeline.stores.base import Store
from pipeline.window import rfc3339

#: So long after its end a window is settled for certain: Cloud Run's longest request time-out.
_SETTLES = timedelta(hours=1)


@dataclass(frozen=True)
class Watch:
    """A deployment that is watched. begin, end: of its window; looks: as verdict.json has them; over: it has ended."""

    service: str
    revision: str
    begin: datetime
    end: datetime
    looks: tuple[dict[str, object], ...] = ()
    over: bool = False


def save(store: Store, watch: Watch) -> None:
    """Keep a watch, in place of what was kept of that deployment."""
    run = hashlib.sha256(f"{watch.service}\n{watch.revision}\n{rfc3339(watch.begin)}".encode()).hexdigest()[:16]
    state = json.dumps({**asdict(watch), "begin": rfc3339(watch.begin), "end": rfc3339(watch.end)})
    row = (None, None, "service", watch.service, watch.revision, run, watch.end, state)
    store.save("watches", run, pl.DataFrame([row], schema=polars_schema(HISTORY["watches"]), orient="row"))


def under_way(store: Store, moment: datetime) -> list[Watch]:
    """Return the watches that have not ended, of windows that may not be settled at a moment."""
    if not store.exists():
        return []
    watches = [_read(text) for text in store.load("watches")["state"]]
    return [watch for watch in watches if not watch.over and watch.end + _SETTLES > moment]


def _read(text: str) -> Watch:
    state = json.loads(text)
    times = {name: datetime.fromisoformat(state[name]) for name in ("begin", "end")}
    return Watch(**{**state, **times, "looks": tuple(state["looks"])})
