"""What a store remembers of notices, so that nobody is told twice of one deployment and verdict.

STORE/history/notices/RUN.parquet      one row per notice: to what kind of channel, of which verdict

Runs side by side, as a doubled event starts them, both come to tell. So each claims a notice before it sends it, which
a store lets one of them do. Where sending fails the claim is given up and a later run tries again. A run that ends
between the claim and the note that it was sent leaves nobody to know whether it arrived: after `STALE` another run
sends it again, since a FAIL that is told twice does less harm than one that is not told.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count

import polars as pl

from pipeline.schema import HISTORY, polars_schema
from pipeline.stores.base import Store

#: So old a claim without an end is of a run that was killed: sending takes half a minute, clocks are minutes off.
STALE = timedelta(minutes=10)

#: In place of the verdict, in the row of a claim.
_CLAIMED, _FAILED = "sending", "failed"


@dataclass(frozen=True)
class Notice:
    """A verdict to a channel. key: its name; kind: of the channel."""

    key: str
    kind: str
    service: str
    revision: str
    verdict: str


def key(notice: str, channel: str) -> str:
    """Return the name of a notice to a channel; channel: what it is and where, of which only a digest is kept."""
    return hashlib.sha256(f"{notice}\n{channel}".encode()).hexdigest()[:16]


def sent(store: Store) -> set[str]:
    """Return the names of the notices that were sent."""
    if not store.exists():
        return set()
    rows = store.load("notices")
    return set(rows.filter(~pl.col("verdict").str.contains(f"^(?:{_CLAIMED}|{_FAILED})"))["run"])


def claim(store: Store, notice: Notice) -> str | None:
    """Return a claim to send a notice; None where it was sent, or another run is sending it.

    Of many runs that claim at once one gets it, as far as the store can create what is not there: folders and Cloud
    Storage do; two statements of BigQuery at the very same time can both.
    """
    now = datetime.now(UTC)
    for number in count():
        name = key(notice.key, f"claim {number}")
        held = store.load("notices", [name, notice.key]) if store.exists() else pl.DataFrame(schema={"run": pl.String})
        if notice.key in set(held["run"]):
            return None
        if held.is_empty():
            return name if store.create("notices", name, _row(notice, name, now, _claimed())) else None
        if not _is_over(held.row(0, named=True), now):
            return None
    raise AssertionError


def give_up(store: Store, notice: Notice, claimed: str) -> None:
    """Let a later run send what could not be sent."""
    store.save("notices", claimed, _row(notice, claimed, datetime.now(UTC), _FAILED))


def save(store: Store, notice: Notice) -> None:
    """Remember that a notice was sent."""
    store.save("notices", notice.key, _row(notice, notice.key, datetime.now(UTC), notice.verdict))


def _claimed() -> str:
    """A word that no other run has, so that a claim is known for one's own."""
    return f"{_CLAIMED} {secrets.token_hex(8)}"


def _is_over(row: dict[str, object], now: datetime) -> bool:
    """Whether a claim has failed, or its run was killed."""
    moment = row["window_end"]
    return row["verdict"] == _FAILED or (isinstance(moment, datetime) and now - moment > STALE)


def _row(notice: Notice, run: str, moment: datetime, verdict: str) -> pl.DataFrame:
    row = (None, None, None, notice.service, notice.revision, run, moment, notice.kind, verdict)
    return pl.DataFrame([row], schema=polars_schema(HISTORY["notices"]), orient="row")
