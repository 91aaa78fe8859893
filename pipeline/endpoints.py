"""What an address stands for: Cloud Storage, or a server in place of Google's own."""

import ipaddress
from urllib.parse import urlsplit

from pipeline.errors import UsageError

#: What addresses of Cloud Storage begin with.
OBJECTS = "gs://"


def is_objects(address: str) -> bool:
    """Return whether an address is one of Cloud Storage."""
    return address.startswith(OBJECTS)


def is_plain(endpoint: str | None) -> bool:
    """Return whether an address is plain http of this machine, where no credentials go.

    Raises UsageError for plain http of another machine, and for what is no address.

    >>> is_plain("http://127.0.0.1:8080"), is_plain("https://logging.example"), is_plain(None)
    (True, False, False)
    """
    if endpoint is None or urlsplit(endpoint).scheme == "https":
        return False
    if not _is_loopback(endpoint):
        raise UsageError(f"--api-endpoint {endpoint!r} is neither https:// nor http:// of a loopback address")
    return True


def _is_loopback(endpoint: str) -> bool:
    try:
        parts = urlsplit(endpoint)
        if parts.scheme != "http" or parts.username or not parts.hostname:
            return False
        return parts.hostname == "localhost" or ipaddress.ip_address(parts.hostname).is_loopback
    except ValueError:
        return False
