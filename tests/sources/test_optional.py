"""APIs that a run can do without: what an answer says of them, page by page."""

import pytest

from pipeline.sources.base import Access
from pipeline.sources.monitoring import request_count
from pipeline.sources.optional import Rest, UnavailableError, within_limit
from tests.conftest import START
from tests.servers.cloud_logging import CloudLogging


class Pages:
    """An API with so many pages, or with a status; `calls` has the parameters of each read."""

    def __init__(self, *pages, status=200):
        self.pages, self.status, self.calls = pages, status, []

    def answer(self, _path, params):
        self.calls.append(params)
        number = int(params.get("pageToken", 0))
        following = {"nextPageToken": str(number + 1)} if number + 1 < len(self.pages) else {}
        return self.status, {**self.pages[number], **following}


@pytest.fixture
def running():
    """Serve an API; gives its address."""
    cloud = CloudLogging()
    with cloud.running() as url:

        def started(api):
            cloud.others[:] = [api]
            return url

        yield started


@pytest.mark.parametrize(
    ("status", "denied", "absent"),
    [
        (400, False, False),
        (401, True, False),
        (402, False, False),
        (403, True, False),
        (404, False, True),
        (405, False, False),
        (500, False, False),
        (501, False, True),
        (502, False, False),
        (201, False, False),
    ],
)
def test_what_a_status_says(running, status, denied, absent):
    """The account may not, there is no such API, or something else is wrong."""
    with pytest.raises(UnavailableError, match=f"answered {status}") as found:
        Rest("example.com", running(Pages({}, status=status))).read("/x")
    assert (found.value.denied, found.value.absent) == (denied, absent)


def test_what_does_not_answer_is_neither_denied_nor_absent():
    """It was not reached."""
    with pytest.raises(UnavailableError, match="not reached") as found:
        Rest("example.com", "http://127.0.0.1:9").read("/x")
    assert (found.value.denied, found.value.absent) == (False, False)


@pytest.mark.parametrize("count", [1, 2, 3, 100])
def test_all_pages_of_a_list_are_read(running, count):
    """In their order, up to a hundred; the parameters are the same in each."""
    api = Pages(*({"n": n} for n in range(count)))
    assert [page["n"] for page in Rest("example.com", running(api)).pages("/x", a="b")] == list(range(count))
    assert [call["a"] for call in api.calls] == ["b"] * count


def test_a_list_without_an_end_is_given_up(running):
    """After a hundred pages."""
    api = Pages(*[{}] * 101)
    with pytest.raises(UnavailableError, match="gave more than 100 pages"):
        Rest("example.com", running(api)).pages("/x")
    assert len(api.calls) == 100


def test_a_proxy_is_not_asked_for_this_machine(running, monkeypatch):
    """Whatever the environment says."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert Rest("example.com", running(Pages({"a": 1}))).read("/x") == {"a": 1}


def test_over_https_credentials_are_needed(tmp_path, monkeypatch):
    """Also for an address of one's own; without them it is not reached."""
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "nothing.json"))
    for endpoint in (None, "https://localhost:9"):
        with pytest.raises(UnavailableError, match=r"not reached \(DefaultCredentialsError\)"):
            Rest("localhost:9", endpoint).read("/x")


def test_each_read_has_its_own_answer(running):
    """One that gave nothing says why; the others are there."""
    api = Rest("example.com", running(Pages({"a": 1})))
    gone = Rest("example.com", "http://127.0.0.1:9")
    found = within_limit({"there": lambda: api.read("/x"), "gone": lambda: gone.read("/x")})
    assert found["there"] == {"a": 1}
    assert isinstance(found["gone"], UnavailableError)


MINUTES = (START, START.replace(minute=5))
NAMES = {"project": "demo", "location": "europe-west1", "service": "shop-api", "revision": "shop-api-00042-abc"}


def series(*values):
    return {"timeSeries": [{"points": [{"value": value} for value in values]}]}


@pytest.mark.parametrize(
    ("pages", "count"),
    [
        ([{}], 0),
        ([series({"int64Value": "5"})], 5),
        ([series({"doubleValue": 2.4}, {"doubleValue": 2.4})], 5),
        ([series({"int64Value": "5"}, {"int64Value": "0"}, {})], 5),
        ([series({"int64Value": "5"}), series({"int64Value": "7"}, {"doubleValue": 1.0})], 13),
    ],
)
def test_how_many_requests_the_platform_counted(running, pages, count):
    """The sum of all points of all pages, whichever form a number has; a point without a number is none."""
    api = Pages(*pages)
    assert request_count(Access(running(api)), MINUTES, **NAMES) == count
    assert (api.calls[0]["interval.startTime"], api.calls[0]["interval.endTime"]) == (
        "2026-01-15T09:00:00Z",
        "2026-01-15T09:05:00Z",
    )


@pytest.mark.parametrize(
    "page", [{"timeSeries": [{}]}, {"timeSeries": [1]}, series({"int64Value": "x"}), {"timeSeries": 1}]
)
def test_an_answer_that_is_no_series_is_said(running, page):
    """It is not taken for a count."""
    with pytest.raises(UnavailableError, match="answered without time series"):
        request_count(Access(running(Pages(page))), MINUTES, **NAMES)
