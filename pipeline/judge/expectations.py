"""What a team expects of its service: warnings within a budget, events that must come, codes that were renamed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Positive = Annotated[float, Field(gt=0)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Contract(_Strict):
    """An expected warning: an event or a signature, where it may come and how often, who vouches for it and until when.

    startup_s: only so long after an instance's start. endpoint: 5xx of it, such as `GET /api/stats`, with the event
    `http.request`. revision: only of that one. max_count, max_per_request: both hold; neither means any number.
    """

    event: str = ""
    signature: str = ""
    endpoint: str = ""
    revision: str = ""
    startup_s: Positive | None = None
    max_count: Annotated[int, Field(ge=0)] | None = None
    max_per_request: Annotated[float, Field(ge=0)] | None = None
    owner: str
    reason: str
    expires: date | None = None

    @model_validator(mode="after")
    def _one_thing(self) -> Self:
        if bool(self.event) == bool(self.signature):
            raise ValueError("an expected warning names either an event or a signature")
        if self.endpoint and self.event != "http.request":
            raise ValueError('an endpoint goes with event = "http.request"')
        if self.event == "http.request" and not self.endpoint:
            raise ValueError('event = "http.request" needs an endpoint, such as "GET /api/stats"')
        if self.signature and self.startup_s is not None:
            raise ValueError("startup_s goes with an event")
        return self


class Required(_Strict):
    """An event that must come: at least `min_count` times for every `per_requests` eligible requests."""

    event: str
    per_requests: Annotated[int, Field(ge=1)]
    min_count: Annotated[int, Field(ge=1)] = 1


class Rename(_Strict):
    """A code of an event that another one replaces since a revision."""

    event: str
    old: int
    new: int
    since: str
    reason: str = ""


@dataclass(frozen=True)
class Expectations:
    """All that is expected. known: events of the catalogue that are expected anyway, with their meaning."""

    contracts: Sequence[Contract] = ()
    required: Sequence[Required] = ()
    renames: Sequence[Rename] = ()
    known: Mapping[str, str] | None = None

    @property
    def endpoints(self) -> list[str]:
        """The endpoints that contracts name."""
        return sorted({contract.endpoint for contract in self.contracts if contract.endpoint})
