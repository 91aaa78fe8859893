"""entries.list at its borders: which statuses are tried again, how often and how long, and what a message holds."""

import json

import pytest

from pipeline.errors import SourceError, UsageError
from pipeline.sources.base import Access
from pipeline.sources.cloud_logging import api as module
from pipeline.sources.cloud_logging.api import Api
from pipeline.sources.cloud_logging.filter import Scope
from pipeline.sources.cloud_logging.quota import Clock
from pipeline.sources.cloud_logging.resources import resources_of
from pipeline.sources.records import SourceReport
from tests.conftest import line
from tests.servers import cloud_logging as server
from tests.servers.cloud_logging import CloudLogging, Time

FILTER = Scope().text()
LINES = [line(n, f"line {n}") for n in range(5)]
REPORT = SourceReport("logging://demo")


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def cloud():
    return CloudLogging(LINES)


def api(url, time, source="logging://demo"):
    return Api(source, Access(url, clock=Clock(time.now, time.sleep)))


@pytest.mark.parametrize("code", [408, 409, 429, 499, 500, 502, 503, 504])
def test_a_status_that_passes_is_tried_again(cloud, time, code):
    """Once, and all entries are there, however long ago the clock began."""
    time.sleep(5000)
    cloud.faults = {1: server.refusal(code, "X")}
    with cloud.running() as url:
        reads = api(url, time)
        assert len(reads.read(FILTER, REPORT).lines) == 5
    assert (reads.reads, reads.retries) == (2, 1)


@pytest.mark.parametrize("code", [410, 430, 501, 505])
def test_any_other_status_is_not_tried_again(cloud, time, code):
    """The next ones to those that pass."""
    cloud.faults = {1: server.refusal(code, "X")}
    with cloud.running() as url, pytest.raises(SourceError, match=rf"the request is refused \({code}\)"):
        api(url, time).read(FILTER, REPORT)
    assert (len(cloud.calls), time.now()) == (1, 0)


@pytest.mark.parametrize(
    ("fault", "least_s", "most_s"),
    [
        (server.refusal(503, "UNAVAILABLE"), 0.25, 0.5),
        (server.html(200), 0.25, 0.5),
        (server.cut_at_an_end, 0.25, 0.5),
        (server.drop, 0.25, 0.5),
        (server.refusal(429, "RESOURCE_EXHAUSTED"), 2, 4),
        (server.refusal(429, "RESOURCE_EXHAUSTED", Retry_After="20"), 22, 24),
        (server.retry_info(20), 22, 24),
        (server.refusal(429, "RESOURCE_EXHAUSTED", Retry_After="900"), 62, 64),
        (server.refusal(503, "UNAVAILABLE", Retry_After="20"), 0.25, 0.5),
    ],
    ids=["503", "a proxy", "cut", "reset", "429", "Retry-After", "RetryInfo", "too long", "no quota"],
)
def test_the_first_wait(cloud, time, fault, least_s, most_s):
    """Half a second at most; for the quota four, after what the answer asks for, of which it is a minute at most."""
    cloud.faults = {1: fault}
    with cloud.running() as url:
        assert len(api(url, time).read(FILTER, REPORT).lines) == 5
    assert least_s <= time.now() <= most_s


def test_what_the_last_message_counts(cloud, time):
    """As many failures as calls, and the time until then."""
    cloud.fault = server.refusal(503, "UNAVAILABLE")
    with cloud.running() as url, pytest.raises(SourceError) as found:
        api(url, time).read(FILTER, REPORT)
    assert f"503 said the service, {len(cloud.calls)} times in {time.now():.0f} s" in str(found.value)


@pytest.mark.parametrize(("first", "calls"), [(1, 4), (2, 5)])
def test_empty_pages_in_a_row(cloud, time, monkeypatch, first, calls):
    """So many may be empty; a page with entries before them is none of them."""
    monkeypatch.setattr(module, "_MAX_EMPTY", 3)
    cloud.page_limit = 2
    cloud.faults = dict.fromkeys(range(first, 99), server.empty)
    with cloud.running() as url, pytest.raises(SourceError, match="gave 4 empty pages in a row"):
        list(api(url, time).pages(FILTER, None, REPORT))
    assert len(cloud.calls) == calls
    cloud.faults = dict.fromkeys(range(calls + first, calls + first + 3), server.empty)
    with cloud.running() as url:
        assert sum(len(page.lines) for page in api(url, time).pages(FILTER, None, REPORT)) == 5


@pytest.mark.parametrize(("length", "wanted"), [(300, 300), (301, 300)])
def test_a_long_message_is_cut(cloud, time, length, wanted):
    """At 300 characters, on one line."""
    cloud.faults = {1: server.refusal(418, "OUT_OF_TEA", "no\n" + "x" * (length - 3))}
    with cloud.running() as url, pytest.raises(SourceError) as found:
        api(url, time).read(FILTER, REPORT)
    assert f"refused (418): no {'x' * (wanted - 3)};" in str(found.value)


VIEW = "organizations/7/locations/eu/buckets/central/views/team"


def test_only_the_resource_that_is_named_has_a_hint(cloud, time):
    """Of those that are read together, the one that was denied or is not there."""
    cloud.resources, cloud.denied = {VIEW}, {VIEW}
    with cloud.running() as url:
        with pytest.raises(SourceError) as denied:
            api(url, time, f"logging://demo,{VIEW}").read(FILTER, REPORT)
        with pytest.raises(SourceError) as missing:
            api(url, time, "logging://demo,folders/9").read(FILTER, REPORT)
    assert denied.value.hint == f"ask for roles/logging.viewAccessor on organization 7, for the view {VIEW}"
    assert missing.value.hint == "is 9 the number of the folder?"


@pytest.mark.parametrize(("code", "hint"), [(403, "ask for roles/logging.viewer on folder {}"), (404, "is {} the")])
def test_where_none_is_named_the_first_three_have_hints(cloud, time, code, hint):
    """Of four."""
    cloud.faults = {1: server.refusal(code, "X")}
    source = "logging://" + ",".join(f"folders/{n}" for n in range(1, 5))
    with cloud.running() as url, pytest.raises(SourceError) as found:
        api(url, time, source).read(FILTER, REPORT)
    hints = found.value.hint.split("; ")
    assert len(hints) == 3
    assert all(text.startswith(hint.format(n)) for n, text in enumerate(hints, 1))


@pytest.mark.parametrize("endpoint", ["https://logging.example.com", "https://logging.example.com/"])
def test_an_address_may_end_with_a_slash(tmp_path, monkeypatch, endpoint):
    """Over https, with credentials; nothing is sent here."""
    key = {"type": "authorized_user", "client_id": "a", "client_secret": "b", "refresh_token": "c"}
    (tmp_path / "key.json").write_text(json.dumps(key))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "key.json"))
    url = Api("logging://demo", Access(endpoint))._client._connection.build_api_url("/entries:list")
    assert url.startswith("https://logging.example.com/v2/entries:list")


@pytest.mark.parametrize(("count", "is_taken"), [(99, True), (100, True), (101, False)])
def test_how_many_resources_are_read_at_once(count, is_taken):
    """A hundred, as many as the API takes."""
    source = "logging://" + ",".join(f"p{n}" for n in range(count))
    if is_taken:
        assert len(resources_of(source)) == count
    else:
        with pytest.raises(UsageError, match="up to 100 with commas"):
            resources_of(source)
