"""Sources that are services, told by their scheme. Light: nothing of Google's is imported to tell."""

import re
from dataclasses import dataclass, field

from pipeline.errors import UsageError
from pipeline.sources.cloud_logging.quota import Clock, Pace

SCHEME = "logging://"

#: Of the 60 reads a minute that a project has, some are left to its people.
READS_PER_MINUTE = 50

_PROJECT = re.compile(r"(?:[a-z0-9.-]+:)?[a-z0-9-]+")


@dataclass
class Access:
    """How services are reached. endpoint: an address in place of their own; plain http on this machine only.

    pace: all reads of a process wait for it.
    """

    endpoint: str | None = None
    reads_per_minute: int = READS_PER_MINUTE
    clock: Clock = field(default_factory=Clock)
    pace: Pace = field(init=False)

    def __post_init__(self) -> None:
        self.pace = Pace(self.reads_per_minute, self.clock)


def is_live(source: str) -> bool:
    """Whether a source is a project's Cloud Logging."""
    return source.startswith(SCHEME)


def project_of(source: str) -> str:
    """Return the project that a source names. Raises UsageError where it is no project's id."""
    project = source.removeprefix(SCHEME).removesuffix("/")
    if not _PROJECT.fullmatch(project):
        raise UsageError(f"{source!r} names no project; write logging://PROJECT, with the project's id")
    return project
