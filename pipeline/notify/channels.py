"""`--notify KIND[:ENVVAR]`: whom to tell, with secrets from the environment alone."""

import ipaddress
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pipeline.errors import UsageError

#: Kinds that are an address, which is a secret, and the variable that holds it where none is named.
ADDRESSED = {"slack": "RUNVERDICT_SLACK", "chat": "RUNVERDICT_CHAT", "webhook": "RUNVERDICT_WEBHOOK"}

_KINDS = (*ADDRESSED, "github", "metrics:PATH")
_PULL = re.compile(r"refs/pull/([0-9]+)/")


@dataclass(frozen=True)
class GitHub:
    """Where a comment goes. pull: the number of the pull request; None: the one that `commit` came with."""

    api: str
    repository: str
    pull: int | None
    commit: str


@dataclass(frozen=True)
class Channel:
    """One to tell. secret: the address of slack, chat and webhook, the token of github. path: of metrics."""

    kind: str
    secret: str = field(default="", repr=False)
    path: Path | None = None
    github: GitHub | None = None


def channels(words: Sequence[str], environment: Mapping[str, str] = os.environ) -> list[Channel]:
    """Return whom the values of --notify name, each once. Raises UsageError, in which no secret stands."""
    return [_channel(word, environment) for word in dict.fromkeys(words)]


def _channel(word: str, environment: Mapping[str, str]) -> Channel:
    kind, _, rest = word.partition(":")
    if kind == "metrics":
        if not rest:
            raise UsageError("--notify metrics needs a file: metrics:PATH")
        return Channel(kind, path=Path(rest))
    if kind not in ADDRESSED and kind != "github":
        raise UsageError(f"--notify {kind!r} is not known; there are: {', '.join(_KINDS)}")
    variable = rest or ADDRESSED.get(kind, "GITHUB_TOKEN")
    if not re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", variable):
        raise UsageError(f"--notify {kind}: what follows is the name of an environment variable, not the secret itself")
    secret = environment.get(variable, "").strip()
    if not secret:
        raise UsageError(f"--notify {kind}: the environment variable {variable} is not set")
    if kind == "github":
        return Channel(kind, secret, github=_github(environment))
    if not is_safe(secret):
        raise UsageError(f"--notify {kind}: {variable} does not hold an https:// address")
    return Channel(kind, secret)


def is_safe(address: str) -> bool:
    """Return whether an address is https, or http of this machine."""
    try:
        parts = urlsplit(address)
        if parts.scheme == "http" and parts.hostname:
            return parts.hostname == "localhost" or ipaddress.ip_address(parts.hostname).is_loopback
        return parts.scheme == "https" and bool(parts.hostname)
    except ValueError:
        return False


def _github(environment: Mapping[str, str]) -> GitHub:
    """What GitHub Actions says of the run; the pull request is in the event, or in the name of the ref."""
    repository, api = environment.get("GITHUB_REPOSITORY", ""), environment.get("GITHUB_API_URL", "")
    if not re.fullmatch(r"[A-Za-z0-9._-]+/[A-Za-z0-9._-]+", repository):
        raise UsageError("--notify github is for GitHub Actions: GITHUB_REPOSITORY is not set")
    api = api or "https://api.github.com"
    if not is_safe(api):
        raise UsageError("--notify github: GITHUB_API_URL does not hold an https:// address")
    event = _event(environment.get("GITHUB_EVENT_PATH"))
    numbers = [
        event.get(name, {}).get("number") for name in ("pull_request", "issue") if isinstance(event.get(name), dict)
    ]
    match = _PULL.match(environment.get("GITHUB_REF", ""))
    pull = next((number for number in numbers if isinstance(number, int)), int(match[1]) if match else None)
    commit = environment.get("GITHUB_SHA", "")
    if pull is None and not re.fullmatch("[0-9a-f]{7,64}", commit):
        raise UsageError("--notify github: neither a pull request nor GITHUB_SHA is known")
    return GitHub(api.rstrip("/"), repository, pull, commit)


def _event(path: str | None) -> dict[str, Any]:
    try:
        event = json.loads(Path(path).read_text(encoding="utf-8")) if path else {}
    except (OSError, ValueError):
        return {}
    return event if isinstance(event, dict) else {}
