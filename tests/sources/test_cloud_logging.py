"""entries.list over a real socket: every fault that passes is waited out inside the quota, every other one told."""

import json
import random

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import logging_v2

from pipeline.errors import SourceError, UsageError
from pipeline.sources.base import Access
from pipeline.sources.cloud_logging.api import PAGE_SIZE, Api, TokenError
from pipeline.sources.cloud_logging.filter import Scope
from pipeline.sources.cloud_logging.quota import Clock, Pace, backoff_s
from pipeline.sources.cloud_logging.resources import resources_of
from pipeline.sources.records import SourceReport
from tests.conftest import line
from tests.servers import cloud_logging as server
from tests.servers.cloud_logging import CloudLogging, Time

SOURCE = "logging://demo"
FILTER = Scope().text()
LINES = [line(n % 100, f"line {n}", insertId=f"{n:05d}") for n in range(2500)]


def api(url, time, **more):
    return Api(SOURCE, Access(url, clock=Clock(time.now, time.sleep), **more))


def listed(one, **more):
    """All entries of a listing, as they were sent."""
    pages = one.pages(FILTER, None, SourceReport(SOURCE), **more)
    return [json.loads(text) for page in pages for text in page.lines]


def in_order(entries):
    return sorted(entries, key=lambda one: (one["timestamp"], one["insertId"]))


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def cloud(time):
    return CloudLogging(LINES, page_limit=200, clock=time.now)


def test_pages_are_followed_to_the_end(cloud, time):
    """Each page once, in order, as large as the service gives; the requests differ in their token alone."""
    with cloud.running() as url:
        one = api(url, time)
        assert listed(one) == in_order(LINES)
    assert (one.reads, one.retries, len(cloud.calls)) == (13, 0, 13)
    assert {json.dumps({**call, "pageToken": ""}) for call in cloud.calls} == {
        json.dumps(
            {
                "resourceNames": ["projects/demo"],
                "filter": FILTER,
                "orderBy": "timestamp asc",
                "pageSize": PAGE_SIZE,
                "pageToken": "",
            }
        )
    }


RETRIED = [name for name in server.PASSING if name not in ("empty page", "same token", "short page", "expired token")]


@pytest.mark.parametrize("fault", RETRIED)
def test_what_passes_is_tried_again(cloud, time, fault):
    """At the first call, in the middle, twice in a row, at the last; each entry comes once, and calls are counted."""
    cloud.faults = dict.fromkeys((1, 5, 6, 16), server.PASSING[fault])
    with cloud.running() as url:
        one = api(url, time)
        assert listed(one) == in_order(LINES)
    assert (one.reads, one.retries, len(cloud.calls)) == (17, 4, 17)
    assert time.now() > 0


def test_empty_and_short_pages_are_followed(cloud, time):
    """A page without entries that has a token is not the end."""
    cloud.faults = {1: server.empty, 2: server.empty, 3: server.short_page, 7: server.empty, 9: server.short_page}
    with cloud.running() as url:
        assert listed(api(url, time)) == in_order(LINES)


def test_empty_pages_end_at_last(cloud, time):
    """A service that searches in vain for ever is told so."""
    cloud.fault = server.empty
    with cloud.running() as url, pytest.raises(SourceError, match="501 empty pages in a row; ask for a shorter window"):
        listed(api(url, time))


@pytest.mark.parametrize("fault", ["same token", "expired token"])
def test_a_token_that_leads_nowhere_is_told(cloud, time, fault):
    """Repeated, or no longer valid: the listing has to start anew, which its caller does."""
    cloud.faults = {3: server.PASSING[fault]}
    with cloud.running() as url, pytest.raises(TokenError):
        listed(api(url, time))


def test_a_bad_entry_is_asked_for_twice_and_kept(cloud, time):
    """Twice the same bytes: it is the entry that is broken, not the connection. Its page is there."""
    broken = b'{"insertId":"bad","timestamp":"2026-01-15T09:00:07Z","jsonPayload":{"x":NaN,}}'
    cloud.add([(broken, line(7, "", insertId="00007a"))])
    with cloud.running() as url:
        one = api(url, time)
        texts = [text for page in one.pages(FILTER, None, SourceReport(SOURCE)) for text in page.lines]
    assert broken in texts
    assert (len(texts), one.reads, one.retries) == (2501, 14, 1)


def test_the_quota_is_never_exceeded(time):
    """However long the pull is, no minute has more reads than were allowed; a short one takes no time at all."""
    cloud = CloudLogging(LINES, page_limit=10, per_minute=50, clock=time.now)
    with cloud.running() as url:
        assert listed(api(url, time)) == in_order(LINES)
    assert (cloud.refused, len(cloud.calls)) == (0, 250)
    assert 240 <= time.now() < 241
    with CloudLogging(LINES[:40], page_limit=1, per_minute=50, clock=Time().now).running() as url:
        before = time.now()
        listed(api(url, time))
        assert time.now() == before


def test_others_may_use_the_quota_too(time):
    """With half of the quota gone to others, what is refused is waited out."""
    cloud = CloudLogging(LINES, page_limit=20, per_minute=25, clock=time.now)
    with cloud.running() as url:
        one = api(url, time)
        assert listed(one) == in_order(LINES)
    assert cloud.refused == one.retries > 0


def test_retries_count_against_the_quota(cloud, time):
    """An outage makes no more calls than the quota has, and ends."""
    cloud.faults = dict.fromkeys(range(3, 5000), server.PASSING["UNAVAILABLE"])
    with cloud.running() as url, pytest.raises(SourceError, match=r"503 said the service, \d+ times in \d+ s"):
        listed(api(url, time))
    assert len(cloud.calls) < 60
    assert 600 < time.now() <= 900


def test_nobody_at_the_address_is_told_soon(time):
    """Without any answer yet, a minute is enough."""
    with pytest.raises(SourceError, match="the connection failed"):
        listed(api("http://127.0.0.1:9", time))
    assert time.now() <= 60


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (server.refusal(403, "PERMISSION_DENIED"), "permission denied: .*ask for roles/logging.viewer on project demo"),
        (
            server.refusal(403, "PERMISSION_DENIED", details=[{"reason": "SERVICE_DISABLED"}]),
            "gcloud services enable logging.googleapis.com --project demo",
        ),
        (server.html(403), "permission denied: without a message of the API"),
        (server.refusal(404, "NOT_FOUND"), "not found: .*is demo the project's id"),
        (server.refusal(400, "INVALID_ARGUMENT"), r"the request is refused \(400\)"),
        (server.refusal(401, "UNAUTHENTICATED"), "sign in: gcloud auth application-default login"),
        (server.refusal(418, "OUT_OF_TEA"), r"the request is refused \(418\)"),
    ],
)
@pytest.mark.parametrize("call", [1, 3])
def test_what_does_not_pass_ends_at_once(cloud, time, fault, said, call):
    """Denied, missing, refused, revoked in the middle: one call more, and what to do. A bad token is no such error."""
    cloud.faults = {call: fault}
    error = TokenError if "400" in said and call == 3 else SourceError
    with cloud.running() as url, pytest.raises(error) as found:
        listed(api(url, time))
    assert len(cloud.calls) == call
    if error is SourceError:
        found.match(said)


def test_waits_grow_and_differ():
    """Doubled each time up to a bound, at least half of that; never less than what the service asked for."""
    waits = [[backoff_s(n, first_s=1, most_s=20) for _ in range(200)] for n in range(1, 9)]
    for n, some in enumerate(waits):
        bound = min(2**n, 20)
        assert bound / 2 <= min(some) < max(some) <= bound
    assert all(wait >= 7 for wait in (backoff_s(1, first_s=1, most_s=20, asked_s=7) for _ in range(50)))


def test_a_pace_holds_in_every_minute(time):
    """Of any 60 s, wherever they start."""
    pace, sent, rng = Pace(7, Clock(time.now, time.sleep)), [], random.Random(1)
    for _ in range(300):
        time.sleep(rng.choice([0, 0, 0.01, 5]))
        pace.take()
        sent.append(time.now())
    assert all(later - earlier >= 60 for earlier, later in zip(sent, sent[7:], strict=False))


@pytest.mark.parametrize(
    "endpoint",
    [
        *("http://logging.example.com", "http://10.0.0.1:80", "http://127.0.0.1@example.com", "ftp://127.0.0.1"),
        *("http://localhost.example.com:8080", "http://0.0.0.0:80", "http://[::]:80", "http://user@127.0.0.1:80"),
        *("x", ""),
    ],
)
def test_plain_http_stays_on_this_machine(endpoint):
    """No log and no credential leaves it unencrypted."""
    with pytest.raises(UsageError, match="neither https:// nor http:// of a loopback address"):
        Api(SOURCE, Access(endpoint))


@pytest.mark.parametrize(
    "endpoint", ["http://127.0.0.1:1", "http://localhost:1/", "http://[::1]:1", "http://127.9.9.9"]
)
def test_loopback_needs_no_credentials(endpoint, monkeypatch):
    """Nor a way around a proxy, nor a key file that is not there."""
    monkeypatch.setenv("HTTP_PROXY", "http://192.0.2.1:3128")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere.json")
    assert Api(SOURCE, Access(endpoint)).resources[0].id == "demo"


def test_a_proxy_is_not_asked_for_this_machine(cloud, time, monkeypatch):
    """A proxy of the environment has no business with a loopback address."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with cloud.running() as url:
        assert len(listed(api(url, time))) == 2500


def test_without_credentials_it_says_how_to_sign_in(monkeypatch):
    """A key file that is missing."""
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere.json")
    for endpoint in (None, "https://logging.example.com"):
        with pytest.raises(SourceError, match="gcloud auth application-default login"):
            Api(SOURCE, Access(endpoint))


def test_the_private_call_of_the_client_is_there():
    """The one private name that is used: its arguments, and what it gives."""
    client = logging_v2.Client(project="demo", credentials=AnonymousCredentials(), _use_grpc=False)
    assert client._connection.build_api_url("/entries:list").startswith(
        "https://logging.googleapis.com/v2/entries:list"
    )
    names = client._connection._make_request.__code__.co_varnames
    assert {"method", "url", "data", "content_type", "timeout"} <= set(names)


VIEW = "organizations/7/locations/eu/buckets/central/views/team"


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("logging://demo", ["projects/demo"]),
        ("logging://demo/", ["projects/demo"]),
        ("logging://projects/demo", ["projects/demo"]),
        ("logging://example.com:demo-1", ["projects/example.com:demo-1"]),
        ("logging://organizations/7", ["organizations/7"]),
        ("logging://billingAccounts/01AB23-45CD67-89EF01", ["billingAccounts/01AB23-45CD67-89EF01"]),
        (f"logging://{VIEW}", [VIEW]),
        (
            "logging://demo/locations/eu/buckets/_Default",
            ["projects/demo/locations/eu/buckets/_Default/views/_AllLogs"],
        ),
        (f"logging://demo,folders/9,{VIEW},demo", ["projects/demo", "folders/9", VIEW]),
    ],
)
def test_what_an_address_names(source, names):
    """Projects by their id, other resources by their names, several with commas, each once."""
    assert [resource.name for resource in resources_of(source)] == names


@pytest.mark.parametrize(
    "source",
    [
        *("logging://", "logging://a/b", "logging://a b", 'logging://a"', "logging://A", "logging://a,,b"),
        *(
            "logging://organizations/x",
            "logging://folders/",
            "logging://a/locations/eu/buckets/",
            f"logging://{VIEW}/x",
        ),
        "logging://" + ",".join(f"p{n}" for n in range(101)),
    ],
)
def test_what_is_no_resource_is_refused(source):
    """Before anything is sent."""
    with pytest.raises(UsageError, match="names no project"):
        resources_of(source)


@pytest.mark.parametrize("source", ["organizations/7", VIEW, f"demo,folders/9,{VIEW}"])
def test_every_resource_is_read(cloud, time, source):
    """By the name that the API has for it, all of an address at once."""
    cloud.resources = {"organizations/7", "folders/9", VIEW}
    with cloud.running() as url:
        assert len(listed(Api(f"logging://{source}", api(url, time).access))) == 2500
    names = [resource.name for resource in resources_of(source)]
    assert all(call["resourceNames"] == names for call in cloud.calls)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("folders/9", "ask for roles/logging.viewer on folder 9"),
        (f"demo,{VIEW}", f"ask for roles/logging.viewAccessor on organization 7, for the view {VIEW}"),
        ("organizations/8", "is 8 the number of the organization"),
        ("demo/locations/eu/buckets/b/views/x", "gcloud logging views list --bucket=b --location=eu --project=demo"),
    ],
)
def test_a_denied_resource_has_the_hint_that_fits(cloud, time, source, said):
    """The role that reads it, of the resource that was denied; where it does not exist, how to find its name."""
    cloud.denied = {"folders/9", VIEW}
    with cloud.running() as url, pytest.raises(SourceError, match=said):
        listed(Api(f"logging://{source}", api(url, time).access))


def test_a_service_perimeter_is_named(cloud, time):
    """VPC Service Controls refuse with the same status; no role helps."""
    cloud.faults = {1: server.refusal(403, "PERMISSION_DENIED", details=[{"reason": "SECURITY_POLICY_VIOLATED"}])}
    with cloud.running() as url, pytest.raises(SourceError, match="service perimeter"):
        listed(api(url, time))
