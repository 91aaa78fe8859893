"""The deployment that a revision is judged after, as the judge sees it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Deployed:
    """The newest deployment of a service, as its audit log shows it at the end of a live window.

    revision: None while nothing names it. ready_ns: since 1970, None where it is not ready; overdue: it should be by
    now. failed: the platform's reason. newer: the revision of a deployment that came after it, or words for it.
    """

    started_ns: int
    revision: str | None = None
    ready_ns: int | None = None
    overdue: bool = False
    failed: str | None = None
    rollback: bool = False
    newer: str | None = None
