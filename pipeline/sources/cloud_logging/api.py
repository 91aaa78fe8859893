"""Cloud Logging's entries.list: pages of raw entries, each read retried by its kind and inside the project's quota.

Over REST, not gRPC: the client's own messages round integers beyond 2^53, sort the keys of a payload, cut timestamps
to microseconds, drop fields that they do not know (errorGroups) and fail a whole page for one entry that is nested too
deeply or holds NaN. JSON arrives as it was sent. `Client.list_entries` is not used: it adds a filter of its own
(the last day), hides the tokens, and asks the metadata server for every log.
"""

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

import google.auth.exceptions
import requests
from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials
from google.auth.transport.requests import AuthorizedSession
from google.cloud import logging_v2

from pipeline.endpoints import is_plain
from pipeline.errors import SourceError
from pipeline.sources.base import Access
from pipeline.sources.cloud_logging.pages import NotAPageError, Page, split
from pipeline.sources.cloud_logging.quota import backoff_s
from pipeline.sources.cloud_logging.resources import resources_of
from pipeline.sources.records import SourceReport
from pipeline.window import nanoseconds

log = logging.getLogger(__name__)

#: The most that entries.list gives; its default of 50 would waste the quota.
PAGE_SIZE = 1000

_READ_ONLY = "https://www.googleapis.com/auth/logging.read"
_TIMEOUT_S = (10.0, 120.0)  # to connect, and between two bytes

#: HTTP statuses that pass: time-outs, ABORTED, quota, CANCELLED, INTERNAL and UNKNOWN, what proxies say.
_PASSING = frozenset({408, 409, 429, 499, 500, 502, 503, 504})

#: Failures in a row are waited out so long, in s; without any answer yet the address is likely wrong.
_PATIENCE_S = 900.0
_FIRST_PATIENCE_S = 60.0

#: Waits after a failure, in s: the first and the longest; the quota comes back within a minute.
_WAITS_S = (0.5, 30.0)
_QUOTA_WAITS_S = (4.0, 60.0)

#: Empty pages in a row, each with a token: the service may search in vain for long, but not for ever.
_MAX_EMPTY = 500


class TokenError(Exception):
    """A page token that is expired, rejected or was given before: the listing has to start anew."""


class _Failed(Exception):  # noqa: N818 - it is tried again
    """A read that may succeed when it is tried again."""

    def __init__(self, reason: str, *, asked_s: float | None = None, quota: bool = False) -> None:
        self.reason = reason
        self.asked_s = asked_s
        self.quota = quota
        super().__init__(reason)


@dataclass
class Api:
    """Reads of the resources that an address names.

    reads, retries: calls made, and how many of them repeated one that failed. server_ns: when the first answer was
    given by the server's clock, in ns since 1970; None where it does not say.
    """

    source: str
    access: Access = field(default_factory=Access)
    reads: int = 0
    retries: int = 0
    server_ns: int | None = None

    def __post_init__(self) -> None:
        self.resources = resources_of(self.source)
        self.clock = self.access.clock
        self.pace = self.access.pace
        self._client = _client(self.source, self.resources[0].id, self.access.endpoint)
        self._answered = False

    def pages(self, filter_: str, token: str | None, report: SourceReport) -> Iterator[Page]:
        """Yield the pages of a listing in ascending order of time, from a token on, until one has no token.

        Raises TokenError where the token, or a later one, is not taken or was given before; SourceError for the rest.
        """
        seen = {token} if token else set()
        empty = 0
        while True:
            page = self.read(filter_, report, token=token)
            if page.token in seen:
                raise TokenError("a page token came twice")
            empty = 0 if page.lines else empty + 1
            if empty > _MAX_EMPTY:
                raise SourceError(self.source, f"gave {empty} empty pages in a row", "ask for a shorter window")
            yield page
            if not page.token:
                return
            token = page.token
            seen.add(token)

    def read(self, filter_: str, report: SourceReport, *, token: str | None = None, size: int = PAGE_SIZE) -> Page:
        """Return one page. Raises TokenError and SourceError."""
        body = {
            "resourceNames": [resource.name for resource in self.resources],
            "filter": filter_,
            "orderBy": "timestamp asc",
            "pageSize": size,
            **({"pageToken": token} if token else {}),
        }
        began, failures = self.clock.now(), 0
        damaged: list[bytes] = []
        while True:
            self.pace.take()
            self.reads += 1
            try:
                data = self._call(body)
                page = split(data, report)
                if page.intact or page.lines == damaged:  # twice alike: an entry is broken, not the connection
                    report.bytes_read += len(data)
                    report.records += len(page.lines)
                    return page
                damaged = page.lines
                reason, asked_s, quota = "a page that is not whole", None, False
            except NotAPageError:
                reason, asked_s, quota = "an answer that is no page of entries: cut, or a proxy's", None, False
            except _Failed as error:
                reason, asked_s, quota = error.reason, error.asked_s, error.quota
            failures += 1
            self.retries += 1
            first_s, most_s = _QUOTA_WAITS_S if quota else _WAITS_S
            wait_s = backoff_s(failures, first_s=first_s, most_s=most_s, asked_s=asked_s)
            patience_s = _PATIENCE_S if self._answered else _FIRST_PATIENCE_S
            if self.clock.now() + wait_s - began > patience_s:
                raise SourceError(
                    self.source,
                    f"cannot be read: {reason}, {failures} times in {self.clock.now() - began:.0f} s",
                    "what was read is kept; run it again to go on",
                )
            log.info("retry: failures=%d wait_s=%.1f reason=%s", failures, wait_s, reason)
            self.clock.sleep(wait_s)

    def _call(self, body: dict[str, Any]) -> bytes:
        """Send one request, and return the bytes of the answer. Raises _Failed, TokenError, SourceError."""
        connection = self._client._connection
        try:
            # Private, and the only way to the bytes: everything public decodes them. tests/sources pins it.
            answer = connection._make_request(
                "POST",
                connection.build_api_url("/entries:list"),
                data=json.dumps(body),
                content_type="application/json",
                timeout=_TIMEOUT_S,
            )
        except requests.RequestException as error:
            raise _Failed(f"the connection failed ({type(error).__name__})") from error
        except google.auth.exceptions.GoogleAuthError as error:
            if error.retryable:
                raise _Failed(f"no access token ({type(error).__name__})") from error
            raise SourceError(self.source, f"the credentials are refused: {_line(error)}", _LOGIN) from error
        self._answered = True
        self.access.answered_at(answer.headers.get("Date"))
        if answer.status_code == HTTPStatus.OK:
            self.server_ns = self.server_ns or _date_ns(answer.headers.get("Date"))
            return bytes(answer.content)
        raise self._mapped(answer, with_token="pageToken" in body)

    def _mapped(self, answer: requests.Response, *, with_token: bool) -> Exception:
        """The error of ours that an answer with an error status is."""
        code = answer.status_code
        said, details = _error(answer.content)
        if code in _PASSING:
            quota = code == HTTPStatus.TOO_MANY_REQUESTS
            return _Failed(f"{code} {said}", asked_s=_asked_s(answer, details) if quota else None, quota=quota)
        if code == HTTPStatus.BAD_REQUEST and with_token:
            return TokenError(said)
        if code == HTTPStatus.FORBIDDEN:
            named = [resource for resource in self.resources if resource.name in said] or self.resources
            hint = "; ".join(resource.hint for resource in named[:_MAX_HINTS])
            if "SERVICE_DISABLED" in str(details):
                hint = f"enable it: gcloud services enable logging.googleapis.com --project {self.resources[0].id}"
            elif any(sign in f"{said} {details}" for sign in _PERIMETER):
                hint = (
                    "a service perimeter (VPC Service Controls) refuses it: run it inside, or ask for an ingress rule "
                    "for logging.googleapis.com"
                )
            return SourceError(self.source, f"permission denied: {said}", hint)
        if code == HTTPStatus.NOT_FOUND:
            named = [resource for resource in self.resources if resource.name in said] or self.resources
            hint = "; ".join(resource.search for resource in named[:_MAX_HINTS])
            return SourceError(self.source, f"not found: {said}", hint)
        if code == HTTPStatus.UNAUTHORIZED:
            return SourceError(self.source, f"not signed in: {said}", _LOGIN)
        return SourceError(self.source, f"the request is refused ({code}): {said}", "check --service, --since, --until")


#: What an answer holds that comes from a service perimeter.
_PERIMETER = ("VPC Service Controls", "SECURITY_POLICY_VIOLATED", "VPC_SERVICE_CONTROLS")

#: A message has the hints of so many resources.
_MAX_HINTS = 3

_LOGIN = "sign in: gcloud auth application-default login, or set GOOGLE_APPLICATION_CREDENTIALS"


def _client(source: str, project: str, endpoint: str | None) -> logging_v2.Client:
    """The client over REST; plain http takes no credentials with it, and stays on this machine.

    Raises UsageError for an endpoint that is no address, or plain http elsewhere; SourceError without credentials.
    """
    if endpoint is None or not is_plain(endpoint):
        options = ClientOptions(api_endpoint=endpoint and endpoint.rstrip("/"), scopes=[_READ_ONLY])
        try:
            return logging_v2.Client(project=project, client_options=options, _use_grpc=False)
        except google.auth.exceptions.DefaultCredentialsError as error:
            raise SourceError(source, "no credentials were found", _LOGIN) from error
    session = AuthorizedSession(AnonymousCredentials())
    session.trust_env = False  # a proxy has no business between this machine and itself
    options = ClientOptions(api_endpoint=endpoint.rstrip("/"))
    credentials = AnonymousCredentials()
    return logging_v2.Client(
        project=project, credentials=credentials, _http=session, client_options=options, _use_grpc=False
    )


def _error(content: bytes) -> tuple[str, list[Any]]:
    """The message and the details of an error of the API; a proxy's answer has neither."""
    try:
        body = json.loads(content)
        body = next(iter(body), {}) if isinstance(body, list) else body
        return _line(body["error"]["message"]), list(body["error"].get("details", []))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return "without a message of the API, so maybe from a proxy", []


def _asked_s(answer: requests.Response, details: list[Any]) -> float | None:
    """How long an answer asks to wait, in s: its RetryInfo or Retry-After, where it has one; real ones have none."""
    delays = [detail.get("retryDelay") for detail in details if isinstance(detail, dict)]
    given = [delay.removesuffix("s") for delay in delays if isinstance(delay, str)]
    return _seconds([*given, answer.headers.get("Retry-After", "")][0])


def _seconds(text: str) -> float | None:
    """Return how long to wait, of what an answer says.

    >>> [_seconds(text) for text in ("7", "-3", "900", "soon")]
    [7.0, 0.0, 60.0, None]
    """
    try:
        return min(max(float(text), 0.0), _QUOTA_WAITS_S[1])
    except ValueError:
        return None


def _date_ns(text: str | None) -> int | None:
    """A date of HTTP in ns since 1970."""
    try:
        return nanoseconds(parsedate_to_datetime(text or ""))
    except (ValueError, TypeError):  # no date, or one without an offset
        return None


def _line(text: object) -> str:
    """A message as one line of bounded length."""
    return " ".join(str(text).split())[:300]
