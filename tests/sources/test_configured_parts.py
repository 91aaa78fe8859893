"""What a revision's configuration is read of, entry by entry: which one counts, and where its numbers end."""

import json

import pytest

from pipeline.sources.cloud_logging.configured import _revision, configured
from pipeline.sources.cloud_logging.deployments import Deployment, audit_rows
from pipeline.sources.log_entry import EntryReader
from tests.sources.test_configured import V2, asked
from tests.sources.test_deployments import NEW, OLD, ready


def of(*entries):
    """What the entries say, by revision."""
    with EntryReader() as reader:
        rows = reader.read([json.dumps(one).encode() for one in entries])
    return {key[-1]: value for key, value in configured([audit_rows(rows)]).items()}


def v1(second=-20, *, name=NEW, labels=None, url=None, **spec):
    """A call that names its revision, as v1 has it."""
    template = {"metadata": {"name": name, **({"labels": labels} if labels else {})}, "spec": spec}
    whole = {"spec": {"template": template}, **({"status": {"url": url}} if url else {})}
    return asked(second, request={"service": whole})


def v2(second=-20, *, uri=None, **template):
    """The same as v2 has it."""
    whole = {"template": {"revision": NEW, **template}, **({"uri": uri} if uri else {})}
    return asked(second, V2, request={"service": whole})


def became_ready(second, **spec):
    """The Ready entry of the revision, with the revision."""
    entry = ready(second, NEW)
    entry["protoPayload"]["response"] = {"spec": spec}
    return entry


@pytest.mark.parametrize(
    ("value", "wanted"),
    [(0, None), (1, 1), (1_000_000, 1_000_000), (1_000_001, None), (-1, None), (True, None), ("80", None)],
)
def test_how_many_requests_an_instance_takes(value, wanted):
    """A whole number of 1 to a million, in both forms, and of the revision itself."""
    assert of(became_ready(-20, containers=[{"image": "a"}], containerConcurrency=value))[NEW].concurrency == wanted
    assert of(v1(containerConcurrency=value))[NEW].concurrency == wanted
    assert of(v2(maxInstanceRequestConcurrency=value))[NEW].concurrency == wanted


def test_each_form_has_its_own_names():
    """Of the time-out, the address and the revision; without any other field."""
    old, new = of(v1(timeoutSeconds=30, url="https://a"))[NEW], of(v2(timeout="40s", uri="https://b"))[NEW]
    assert (old.timeout_s, old.url, new.timeout_s, new.url) == (30.0, "https://a", 40.0, "https://b")


@pytest.mark.parametrize(("length", "wanted"), [(1, 1), (500, 500), (501, 500)])
def test_a_long_text_is_cut(length, wanted):
    """At 500 characters."""
    assert of(v1(containers=[{"image": "i" * length}]))[NEW].image == "i" * wanted


@pytest.mark.parametrize(
    ("containers", "wanted"),
    [
        ([{"image": "a"}], "a"),
        ([{"image": "a"}, {"image": "b"}], "a"),
        ([{"image": "a"}, {"image": "b", "ports": [{}]}], "b"),
        (["x", {"image": "b"}], "b"),
        ([], None),
    ],
)
def test_the_container_that_takes_requests(containers, wanted):
    """The one with a port, else the first."""
    assert of(v1(containers=containers))[NEW].image == wanted


def test_of_several_calls_the_latest_counts():
    """Each part from the latest entry that has it."""
    found = of(v1(-20, containerConcurrency=1, timeoutSeconds=30), v1(-10, containerConcurrency=2))[NEW]
    assert (found.concurrency, found.timeout_s) == (2, 30.0)
    again = of(became_ready(-20, containerConcurrency=3), became_ready(-10, containerConcurrency=4))[NEW]
    assert again.concurrency == 4


def test_a_refused_call_says_nothing():
    """What it asked for was not done."""
    refused = v1(-10, containerConcurrency=2)
    refused["protoPayload"]["status"] = {"code": 7}
    assert of(v1(-20, containerConcurrency=1), refused)[NEW].concurrency == 1


def test_the_revision_counts_before_a_call_that_is_logged_after_it():
    """The end of an operation may be logged after the Ready of its revision."""
    assert of(became_ready(-20, containerConcurrency=7), v1(-10, containerConcurrency=80))[NEW].concurrency == 7


def test_a_condition_within_other_words_names_its_revision():
    """As it does at their beginning."""
    entry = became_ready(-20, containerConcurrency=3)
    status = entry["protoPayload"]["status"]
    status["message"] = f"Done. {status['message']}"
    assert of(entry)[NEW].concurrency == 3


def test_the_service_that_became_ready_is_no_revision():
    """Its entry says nothing of a revision; nor does an entry without any method."""
    whole = ready(-5, NEW, kind="Service")
    whole["protoPayload"]["response"] = {"spec": {"containerConcurrency": 7}}
    assert of(v1(containerConcurrency=80), whole)[NEW].concurrency == 80
    assert of(whole) == {}


def test_which_revision_a_call_made():
    """The one that it names, else that of the newest deployment around it; going back to an older one made none."""
    row = {"service": "shop-api", "timestamp_ns": 1000 * 10**9}
    known = [Deployment("shop-api", (1000 + n) * 10**9, revision=revision) for n, revision in enumerate((OLD, NEW))]
    assert _revision(row, {}, known) == NEW
    assert _revision(row, {}, known[:1]) == OLD
    for template in ({"metadata": {"name": "a"}}, {"revision": "a"}, {"revision": "projects/p/revisions/a"}):
        assert _revision(row, template, known) == _revision(row, template, []) == "a"
    assert _revision(row, {}, []) is None
    back = Deployment("shop-api", 1000 * 10**9, revision=OLD, ready_ns=1000 * 10**9, rollback=True)
    assert _revision(row, {}, [back]) is None
