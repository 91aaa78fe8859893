"""Sending: tried again where nothing can have arrived, for a limited time, and with no secret in any message."""

import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import NewConnectionError

from pipeline.limited import side_by_side
from pipeline.notify.channels import Channel, GitHub
from pipeline.notify.message import Notice, chat, comment, document, mark, metrics
from pipeline.whole_file import write_whole

#: All notices of a run together take no longer, in s; one answer is waited for so long.
LIMIT_S = 30.0
_TIMEOUT_S = 10.0

_WAITS_S = (0.5, 2.0, 5.0)
_MAX_ASKED_S = 10.0

#: Statuses that pass: time-out before the request was read, rate limit, and failures of the server.
_PASSING = (408, 429, 500, 502, 503, 504)

#: Comments of a pull request that are looked through, in pages of a hundred.
_MAX_PAGES = 10


class _Failed(Exception):  # noqa: N818 - said on stderr, nothing fails by it
    """Why somebody was not told, without the address."""


def tell(channel: Channel, notices: Sequence[Notice]) -> dict[str, str]:
    """Tell a channel of verdicts, and return why it was not told, by the notice's id; "" where it was.

    channel metrics: all in one file.
    """
    if channel.kind == "metrics":
        return dict.fromkeys((notice.id for notice in notices), _write(channel, notices))
    failures: dict[str, str] = {}
    for notice in notices:
        try:
            _send(channel, notice)
            failures[notice.id] = ""
        except _Failed as error:
            failures[notice.id] = str(error)
    return failures


def tell_all(wanted: Mapping[Channel, Sequence[Notice]]) -> dict[Channel, dict[str, str]]:
    """Tell each channel of its verdicts, side by side and within `LIMIT_S`; return what `tell` does, for each."""
    answers = side_by_side({channel: partial(tell, channel, notices) for channel, notices in wanted.items()}, LIMIT_S)
    late = f"gave no answer within {LIMIT_S:g} s"
    return {
        channel: dict.fromkeys((notice.id for notice in notices), late)
        if (answer := answers[channel]) is None
        else answer
        for channel, notices in wanted.items()
    }


def _write(channel: Channel, notices: Sequence[Notice]) -> str:
    assert channel.path
    try:
        write_whole(channel.path, metrics(list(notices)).encode())
    except OSError as error:
        return f"was not written: {error.strerror or error}"
    return ""


def _send(channel: Channel, notice: Notice) -> None:
    if channel.github:
        _comment(channel.github, channel.secret, notice)
        return
    body = document(notice) if channel.kind == "webhook" else chat(notice)
    _request("POST", channel.secret, body, {"Idempotency-Key": notice.id} if channel.kind == "webhook" else {})


def _comment(where: GitHub, token: str, notice: Notice) -> None:
    """Write the comment of a service anew, or a first one."""
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/vnd.github+json"}
    base = f"{where.api}/repos/{where.repository}"
    pull = where.pull
    if pull is None:
        pulls = _request("GET", f"{base}/commits/{where.commit}/pulls", None, headers)
        numbers = [one.get("number") for one in pulls if isinstance(one, dict)] if isinstance(pulls, list) else []
        if not numbers:
            raise _Failed("has no pull request of this commit")
        pull = numbers[0]
    body = {"body": comment(notice)}
    for page in range(1, _MAX_PAGES + 1):
        url = f"{base}/issues/{pull}/comments?per_page=100&page={page}"
        listed = _request("GET", url, None, headers)
        comments = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
        for one in comments:
            if str(one.get("body", "")).startswith(mark(notice)):
                _request("PATCH", f"{base}/issues/comments/{one.get('id')}", body, headers)
                return
        if len(comments) < 100:
            break
    _request("POST", f"{base}/issues/{pull}/comments", body, headers)


def _request(method: str, url: str, body: dict[str, Any] | None, headers: dict[str, str]) -> Any:
    """Return the JSON of an answer, None for another text. Raises _Failed.

    What may have arrived is sent again only where twice is once: not a POST, or one that carries its own key.
    """
    is_repeatable = method != "POST" or "Idempotency-Key" in headers
    for wait_s in (*_WAITS_S, None):
        asked_s = None
        try:
            with requests.Session() as session:
                session.trust_env = urlsplit(url).scheme == "https"  # no proxy, and no .netrc, on this machine
                options: Any = {"timeout": _TIMEOUT_S, "allow_redirects": False, "stream": True}
                with session.request(method, url, json=body, headers=headers, **options) as answer:
                    if answer.ok and not answer.is_redirect:
                        return _json(answer) if method == "GET" else None
            reason = f"answered {answer.status_code}"
            if answer.status_code not in _PASSING:
                raise _Failed(reason)
            asked_s = _asked_s(answer)
        except (requests.ConnectionError, requests.Timeout) as error:
            has_arrived = not _never_connected(error)
            reason = "gave no answer" if has_arrived else "was not reached"
            if has_arrived and not is_repeatable:
                raise _Failed(f"{reason}; it may have arrived, so it is not sent again") from None
        except (requests.RequestException, ValueError) as error:
            raise _Failed(f"was not sent ({type(error).__name__})") from None
        if wait_s is not None:
            time.sleep(wait_s if asked_s is None else asked_s)
    raise _Failed(f"{reason}, {len(_WAITS_S) + 1} times")


def _never_connected(error: requests.RequestException) -> bool:
    """Whether a request failed before anything of it was sent."""
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(error, requests.ConnectTimeout) or isinstance(reason, NewConnectionError)


def _asked_s(answer: requests.Response) -> float | None:
    """How long an answer asks to wait, in s."""
    try:
        return min(max(float(answer.headers.get("Retry-After", "")), 0.0), _MAX_ASKED_S)
    except ValueError:
        return None


def _json(answer: requests.Response) -> Any:
    try:
        return answer.json()
    except requests.JSONDecodeError:
        return None
