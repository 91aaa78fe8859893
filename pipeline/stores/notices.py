"""What a store remembers of notices, so that nobody is told twice of one deployment and verdict.

STORE/history/notices/RUN.parquet      one row per notice that was sent: to what kind of channel, of which verdict
"""

import hashlib
from datetime import datetime

import polars as pl

from pipeline.schema import HISTORY, polars_schema
from pipeline.stores.base import Store


def key(notice: str, channel: str) -> str:
    """Return the name of a notice to a channel; channel: what it is and where, of which only a digest is kept."""
    return hashlib.sha256(f"{notice}\n{channel}".encode()).hexdigest()[:16]


def sent(store: Store) -> set[str]:
    """Return the names of the notices that were sent."""
    return set(store.load("notices")["run"]) if store.exists() else set()


def save(store: Store, name: str, kind: str, service: str, revision: str, verdict: str, moment: datetime) -> None:
    """Remember that a notice was sent."""
    row = (None, None, None, service, revision, name, moment, kind, verdict)
    store.save("notices", name, pl.DataFrame([row], schema=polars_schema(HISTORY["notices"]), orient="row"))
