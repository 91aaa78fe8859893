"""Objects of Cloud Storage: listed by name, read by ranges, written once and never again.

`gs://BUCKET/PREFIX` names those whose names begin so. Reads and writes are repeated by the library's own rules; what
stays wrong becomes an ObjectsError with a reason and a hint.
"""

import base64
import os
import re
import weakref
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any

import google.auth.exceptions
import google_crc32c
import requests
from google.api_core import exceptions
from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials
from google.auth.transport.requests import AuthorizedSession
from google.cloud import storage  # type: ignore[attr-defined]
from google.cloud.storage.retry import DEFAULT_RETRY

from pipeline.endpoints import is_plain
from pipeline.errors import ObjectsError, UsageError

#: Bytes of one read, and reads at a time: 8 of 4 MiB are 32 MiB in memory.
RANGE_BYTES = 4 << 20
AT_A_TIME = 8

#: Seconds to connect and between two bytes, and for all tries of one call: without any answer yet the address is likely
#: wrong, as it is with Cloud Logging.
_TIMEOUT_S = (10.0, 60.0)
_RETRY = DEFAULT_RETRY.with_timeout(120.0)
_FIRST_PATIENCE_S = 60.0

#: An object that was replaced while it was read is read anew so many times.
_MOST_TRIES = 3

_ADDRESS = re.compile(r"gs://(?P<bucket>[a-z0-9][a-z0-9._-]{1,220}[a-z0-9])(?:/(?P<prefix>.*))?", re.DOTALL)
_LOGIN = "sign in: gcloud auth application-default login, or set GOOGLE_APPLICATION_CREDENTIALS"

#: What the library and what is below it raise for an answer that is an error, or none.
_REFUSALS = (
    *(exceptions.GoogleAPIError, google.auth.exceptions.GoogleAuthError),
    *(requests.RequestException, storage.exceptions.DataCorruption, storage.exceptions.InvalidResponse),
)


@dataclass(frozen=True)
class Object:
    """One object: its name, the number of its content (generation), its bytes, and their CRC32C as Google writes it."""

    name: str
    generation: int
    size: int
    crc32c: str | None


class Bucket:
    """The objects of one bucket whose names begin with a prefix. Every method may raise ObjectsError.

    endpoint: an address in place of Google's own; plain http takes no credentials with it. billing_project: pays for
    reads of a bucket that bills whoever reads it (requester pays).
    """

    def __init__(self, address: str, endpoint: str | None = None, billing_project: str | None = None) -> None:
        """Take an address apart. Raises UsageError where it is none, ObjectsError without credentials."""
        match = _ADDRESS.fullmatch(address)
        if not match:
            raise UsageError(f"{address!r} names no bucket; write gs://BUCKET/PREFIX")
        self.address = address
        self.prefix = (match["prefix"] or "").strip("/")
        self._answered = False
        with _errors(address):
            client = _client(endpoint)
            self._bucket = client.bucket(match["bucket"], user_project=billing_project)
        weakref.finalize(self, client.close)  # its connections end with the bucket, not some time after it

    @contextmanager
    def _calling(self, place: str | None = None) -> Iterator[dict[str, Any]]:
        """Give how long to wait for an answer, and turn what is raised into an ObjectsError."""
        retry = _RETRY if self._answered else _RETRY.with_timeout(_FIRST_PATIENCE_S)
        with _errors(place or self.address):
            yield {"timeout": _TIMEOUT_S, "retry": retry}
        self._answered = True

    def names_below(self, folder: str) -> list[str]:
        """Return the names of the folders right below a folder, which are "" or end with a slash."""
        with self._calling() as patience:
            listing = self._bucket.client.list_blobs(
                self._bucket, prefix=folder, delimiter="/", fields="prefixes,nextPageToken", **patience
            )
            for _ in listing.pages:
                pass
            return sorted(listing.prefixes)

    def objects(self, prefix: str, start: str | None = None, end: str | None = None) -> list[Object]:
        """Return the objects below a prefix, sorted by name: from `start` on and before `end`, both whole names."""
        with self._calling() as patience:
            blobs = self._bucket.client.list_blobs(
                *(self._bucket,),
                **{"prefix": prefix, "start_offset": start, "end_offset": end, "fields": _FIELDS, **patience},
            )
            return [Object(blob.name, int(blob.generation), int(blob.size or 0), blob.crc32c) for blob in blobs]

    def read(self, objects: list[Object]) -> Iterator[tuple[Object, Iterator[bytes]]]:
        """Yield each object with its bytes, as they are stored; the next ranges are fetched meanwhile.

        The bytes are those of the generation that was listed. They raise ObjectsError where that is gone by now,
        and at their end where they do not have its CRC32C; the next object can be read all the same.
        """
        given_up: set[Object] = set()
        ranges = (
            (object_, start)
            for object_ in objects
            for start in range(0, object_.size, RANGE_BYTES)
            if object_ not in given_up
        )
        queue: deque[tuple[Object, Future[bytes]]] = deque()
        with ThreadPoolExecutor(AT_A_TIME) as workers:

            def fetch(count: int) -> None:
                queue.extend((item[0], workers.submit(self._range, *item)) for item in islice(ranges, count))

            def content(object_: Object) -> Iterator[bytes]:
                checksum = google_crc32c.Checksum()
                for _ in range(0, object_.size, RANGE_BYTES):
                    data = queue.popleft()[1].result()
                    fetch(1)
                    checksum.update(data)
                    yield data
                digest = base64.b64encode(checksum.digest()).decode()
                if object_.crc32c and digest != object_.crc32c:
                    raise ObjectsError(f"{self.address}: {object_.name}", "its bytes do not have its CRC32C", _AGAIN)

            try:
                fetch(AT_A_TIME)
                for object_ in objects:
                    yield object_, content(object_)
                    given_up.add(object_)
                    while queue and queue[0][0] == object_:  # whoever stopped reading wants no more of it
                        queue.popleft()[1].cancel()
                        fetch(1)
            finally:
                workers.shutdown(wait=False, cancel_futures=True)

    def load(self, name: str) -> bytes:
        """Return the whole content of an object."""
        with self._calling() as patience:
            return bytes(self._bucket.blob(name).download_as_bytes(**patience))

    def create(self, name: str, content: bytes, content_type: str) -> bool:
        """Write an object if there is none of its name, and return whether it has this content now.

        An answer can be lost after the object was made, so that the library's next try finds its own.
        """
        with self._calling() as patience:
            try:
                self._bucket.blob(name).upload_from_string(
                    *(content, content_type),
                    **{"if_generation_match": 0, "checksum": "crc32c", **patience},
                )
            except exceptions.PreconditionFailed:
                return self.load(name) == content
            return True

    def _range(self, object_: Object, start: int) -> bytes:
        """The bytes of one range as they are stored; asked for again where the answer is shorter."""
        end = min(start + RANGE_BYTES, object_.size)
        data = b""
        with self._calling(f"{self.address}: {object_.name}") as patience:
            blob = self._bucket.blob(object_.name, generation=object_.generation)
            for _ in range(_MOST_TRIES):
                data += blob.download_as_bytes(
                    **{"start": start + len(data), "end": end - 1, "raw_download": True, "checksum": None, **patience}
                )
                if len(data) >= end - start:
                    return bytes(data)
        raise ObjectsError(f"{self.address}: {object_.name}", "its answers are cut", _AGAIN)


_FIELDS = "items(name,generation,size,crc32c),nextPageToken"
_AGAIN = "run it again; what was read is kept"


def _client(endpoint: str | None) -> storage.Client:
    """The client; without credentials on plain http, and no proxy between this machine and itself."""
    os.environ.setdefault("DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA", "true")  # else a thread asks for the bucket
    options = ClientOptions(api_endpoint=endpoint.rstrip("/")) if endpoint else None
    if not is_plain(endpoint):
        return storage.Client(client_options=options, project=os.environ.get("GOOGLE_CLOUD_PROJECT", "none"))
    session = AuthorizedSession(AnonymousCredentials())
    session.trust_env = False
    return storage.Client("none", AnonymousCredentials(), _http=session, client_options=options)


@contextmanager
def _errors(place: str) -> Iterator[None]:
    """Turn what the library raises into an ObjectsError that says what helps."""
    try:
        yield
    except google.auth.exceptions.DefaultCredentialsError as error:
        raise ObjectsError(place, "no credentials were found", _LOGIN) from error
    except _REFUSALS as error:
        code = getattr(error, "code", None) or getattr(getattr(error, "response", None), "status_code", None)
        said = " ".join(str(getattr(error, "message", "") or error).split())[:300]
        raise ObjectsError(
            place, _REASONS.get(code or 0, "cannot be reached") + f": {said}", _hint(code, said)
        ) from error


_REASONS = {
    400: "the request is refused",
    401: "not signed in",
    403: "permission denied",
    404: "not found",
    412: "it was replaced meanwhile",
    429: "too many requests",
    503: "not available",
}


def _hint(code: int | None, said: str) -> str:
    if "UserProjectMissing" in said or "requester pays" in said.lower():
        return "the bucket bills who reads it: name the project that pays, --billing-project P"
    if "VPC Service Controls" in said:
        return "a service perimeter refuses it: run it inside, or ask for an ingress rule for storage.googleapis.com"
    hints = {
        401: _LOGIN,
        403: "reading needs roles/storage.objectViewer on the bucket, writing roles/storage.objectCreator too",
        404: "gcloud storage ls lists what is there",
        412: _AGAIN,
    }
    return hints.get(code or 0, "try again later" if code else "check the network and --api-endpoint, then try again")
