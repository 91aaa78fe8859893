"""A filter means what it is made of, whatever a name holds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sources.cloud_logging.filter import Scope, quoted, windowed
from tests.conftest import entry, stamp
from tests.servers.log_filter import compiled, nanoseconds, tokenize

START = nanoseconds(stamp(0))
HOSTILE = [
    'shop" OR "',
    '" OR resource.type="gce_instance',
    '") OR (timestamp>="1970-01-01T00:00:00Z',
    "shop\\",
    'shop\\" AND severity="DEBUG',
    "shop\nOR insertId:*",
    "shop OR api",
    ".*",
    "(",
    "",
    "läden-🏪",
    "\x00\x1f",
]


def audit(resource_name, **labels):
    """An audit entry whose service stands in the name of its resource alone."""
    empty = {"service_name": "", "revision_name": ""}
    resource = {"type": "cloud_run_revision", "labels": {**empty, **labels}}
    return entry(5, resource=resource, protoPayload={"resourceName": resource_name})


MINE = [
    entry(1),
    audit("namespaces/demo/services/shop-api"),
    audit("projects/p/locations/l/services/shop-api"),
    audit("x", revision_name="shop-api-00042-abc"),
    audit("namespaces/demo/revisions/shop-api-00042-abc"),
]
OTHERS = [
    entry(1, service="shop-api-2"),
    entry(1, service="my-shop-api"),
    audit("namespaces/demo/services/shop-api-2"),
    audit("x", revision_name="shop-api-web-00042-abc"),
    audit("namespaces/demo/revisions/shop-api-web-00042-abc"),
    {**entry(1), "resource": {"type": "gce_instance", "labels": {"service_name": "shop-api"}}},
]


def workload(kind, label, **more):
    """An entry of a job or a worker pool."""
    labels = {label: "etl"} if label else {}
    return entry(5, resource={"type": f"cloud_run_{kind}", "labels": labels}, **more)


JOBS = [
    workload("job", "job_name"),
    workload("job", "", protoPayload={"resourceName": "namespaces/demo/jobs/etl"}),
    workload("job", "", protoPayload={"resourceName": "namespaces/demo/executions/etl-x7k2p"}),
    workload("job", "", protoPayload={"resourceName": "namespaces/demo/tasks/etl-x7k2p-task12"}),
    workload("worker_pool", "worker_pool_name"),
    workload("worker_pool", "", protoPayload={"resourceName": "projects/p/locations/l/workerPools/etl"}),
]


def test_a_job_and_a_worker_pool_are_found_like_a_service():
    """By their label, or by the execution or task that an audit entry is about."""
    holds = compiled(Scope("etl").text())
    assert all(map(holds, JOBS))
    assert all(map(compiled(Scope().text()), JOBS))
    assert not any(map(compiled(Scope("etl-x7k2p").text()), JOBS))
    assert not any(map(compiled(Scope("et").text()), JOBS))


def test_a_service_is_found_by_its_label_its_revision_or_its_audited_resource():
    """Some audit entries have one of the three alone; other services have none of them."""
    holds = compiled(Scope("shop-api").text())
    assert [holds(one) for one in MINE] == [True] * len(MINE)
    assert [holds(one) for one in OTHERS] == [False] * len(OTHERS)
    everything = compiled(Scope().text())
    assert all(map(everything, MINE + OTHERS[:-1]))


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("part", ["service", "revision", "location", "logs"])
def test_a_hostile_name_cannot_change_the_filter(name, part):
    """It finds what is called so, and nothing else: no part of it is read as the language."""
    text = Scope(**{part: (name,) if part == "logs" else name}).text()
    harmless = Scope(**{part: ("x",) if part == "logs" else "x"}).text()
    if name:
        words = [kind if kind == "string" else value for kind, value in tokenize(text)]
        assert words == [kind if kind == "string" else value for kind, value in tokenize(harmless)]
        assert not any(compiled(text)(one) for one in MINE + OTHERS)
    named = entry(1)
    named["resource"]["labels"].update(service_name=name, revision_name=name, location=name)
    named["logName"] = "projects/demo/logs/" + name.replace("/", "%2F")
    assert compiled(text)(named)


@given(st.text())
def test_a_string_is_one_string(text):
    """Every text is quoted as one token, and read back as itself."""
    assert tokenize(quoted(text)) == [("string", text)]


def test_a_window_is_half_open_in_nanoseconds():
    """The start belongs to it, the end does not; what was received before is left out where that is asked."""
    holds = compiled(windowed(Scope().text(), START + 1, START + 3))
    stamps = [stamp(0, f"00000000{n}") for n in range(5)]
    assert [holds(entry(timestamp=one)) for one in stamps] == [False, True, True, False, False]
    late = compiled(windowed(Scope().text(), START, START + 10**9, START + 2))
    assert [late(entry(receiveTimestamp=one)) for one in stamps] == [False, False, True, True, True]
