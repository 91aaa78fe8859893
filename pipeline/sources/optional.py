"""Reads of Google's APIs that a run can do without: each ends within `LIMIT_S`, with an answer or with a reason.

Plain REST over google-auth's session: one client for both APIs, no further dependency, and one way to a local server.
"""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from pipeline.limited import side_by_side

if TYPE_CHECKING:
    import requests

Key = TypeVar("Key", bound=Hashable)
Found = TypeVar("Found")

#: No run waits longer for all such reads together, in s.
LIMIT_S = 5.0

_SCOPE = "https://www.googleapis.com/auth/cloud-platform.read-only"

#: Answers of an address at which the API does not exist.
_NOT_THERE = (404, 501)

#: A list has at most so many pages; a window of a month has one.
_MAX_PAGES = 100


class UnavailableError(Exception):
    """What was asked for cannot be read. denied: the account may not; absent: there is no such API or resource."""

    def __init__(self, reason: str, *, denied: bool = False, absent: bool = False) -> None:
        self.denied = denied
        self.absent = absent
        super().__init__(reason)


@dataclass(frozen=True)
class Rest:
    """One API: its host, or the address that stands for it."""

    host: str
    endpoint: str | None = None

    def read(self, path: str, **params: str) -> dict[str, Any]:
        """Return the object at a path. Raises UnavailableError."""
        import requests  # these two take longer to import than all else of a run in which nothing is asked
        from google.auth.exceptions import GoogleAuthError

        url = f"{self.endpoint.rstrip('/') if self.endpoint else f'https://{self.host}'}{path}"
        try:
            answer = self._session().get(url, params=params, timeout=LIMIT_S)
        except (requests.RequestException, GoogleAuthError) as error:
            raise UnavailableError(f"not reached ({type(error).__name__})") from error
        if answer.status_code != 200:
            raise UnavailableError(
                f"answered {answer.status_code}",
                denied=answer.status_code in (401, 403),
                absent=answer.status_code in _NOT_THERE,
            )
        try:
            value = answer.json()
        except ValueError as error:
            raise UnavailableError("answered without JSON, so maybe a proxy did") from error
        return value if isinstance(value, dict) else {}

    def pages(self, path: str, **params: str) -> list[dict[str, Any]]:
        """Return all pages of a list. Raises UnavailableError."""
        pages = [self.read(path, **params)]
        while token := pages[-1].get("nextPageToken"):
            if len(pages) == _MAX_PAGES:
                raise UnavailableError(f"gave more than {_MAX_PAGES} pages")
            pages.append(self.read(path, **params, pageToken=str(token)))
        return pages

    def _session(self) -> "requests.Session":
        """A session; plain http takes no credentials with it, and no proxy."""
        import google.auth
        import requests
        from google.auth.transport.requests import AuthorizedSession

        if self.endpoint and urlsplit(self.endpoint).scheme == "http":
            session = requests.Session()
            session.trust_env = False
            return session
        credentials, _ = google.auth.default(scopes=[_SCOPE])
        return AuthorizedSession(credentials)


def within_limit(reads: Mapping[Key, Callable[[], Found]]) -> dict[Key, Found | UnavailableError]:
    """Return what reads give that run side by side, all within `LIMIT_S` together, or why they gave nothing."""
    answers = side_by_side({key: partial(_caught, read) for key, read in reads.items()}, LIMIT_S)
    late = UnavailableError(f"gave no whole answer within {LIMIT_S:g} s")
    return {key: late if answer is None else answer for key, answer in answers.items()}


def _caught(read: Callable[[], Found]) -> Found | UnavailableError:
    try:
        return read()
    except UnavailableError as error:
        return error
