"""What other APIs of the platform know of a revision, as the judge sees it: its requests, its configuration."""

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TrafficShare(_Document):
    """What share of a service's traffic a revision is sent, in percent."""

    revision: str
    percent: int


class Configuration(_Document):
    """What the Run Admin API says of the revision, or else the audit log, and where its service sends traffic now.

    traffic, is_ready and message: of the API alone. url, memory (such as 512Mi), cpu and concurrency (requests an
    instance takes at a time): null where neither says. deployer: a service account's name, or `a person`. is_ready:
    null while that is not decided; message: why not.
    """

    image: str | None
    commit: str | None
    deployer: str | None
    timeout_s: float | None
    traffic: list[TrafficShare]
    is_ready: bool | None
    message: str
    url: str | None = None
    memory: str | None = None
    cpu: str | None = None
    concurrency: int | None = None


class Completeness(_Document):
    """Requests of whole minutes that reached a container: counted by Cloud Monitoring, and logged."""

    counted: int
    logged: int


@dataclass(frozen=True)
class Counted:
    """Requests of whole minutes that reached a container: counted by Cloud Monitoring, and logged.

    counted: None where that cannot be read; reason says why. minutes: how many were compared.
    """

    counted: int | None = None
    logged: int = 0
    minutes: int = 0
    reason: str = ""


@dataclass(frozen=True)
class Newest:
    """The revision of a service that was created last, and when, in ns since 1970."""

    revision: str
    created_ns: int


@dataclass(frozen=True)
class Crosscheck:
    """counted, configuration: None where no API was asked, or it says nothing. newest: None where it is this revision.

    notes: which right would show what could not be read.
    """

    counted: Counted | None = None
    configuration: Configuration | None = None
    newest: Newest | None = None
    notes: tuple[str, ...] = ()

    @property
    def is_ready(self) -> bool | None:
        """Whether Cloud Run says that the revision is ready; None where it does not say."""
        return self.configuration.is_ready if self.configuration else None

    @property
    def message(self) -> str:
        """Why the revision is not ready, as Cloud Run says it."""
        return self.configuration.message if self.configuration else ""

    def percent_of(self, revision: str) -> int | None:
        """Return what share of the traffic a revision is sent, in percent; None where that is not known."""
        split = self.configuration.traffic if self.configuration else []
        return next((share.percent for share in split if share.revision == revision), 0) if split else None
