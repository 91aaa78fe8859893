"""Which revisions and executions are chosen, at the borders of the rules."""

import pytest

from pipeline.assess.revisions import MAX_SERVICES, file_name, folder_of, select
from pipeline.judge.counts import Execution
from tests.assess.test_revisions import A, B, C, frame, names, of, served


@pytest.mark.parametrize(
    ("workload", "entries", "wanted"), [("worker_pool", 20, 1), ("worker_pool", 19, 0), ("service", 99, 0)]
)
def test_a_worker_pool_is_active_by_its_entries(workload, entries, wanted):
    """Twenty; a service needs requests."""
    busy = {"revision": A, "service": "busy"}
    pool = {"revision": B, "workload": workload, "service": "pool", "entries": entries, "request_rows": 0}
    assert [one.service for one in of(busy, pool).targets] == ["busy", "pool"][: 1 + wanted]


@pytest.mark.parametrize(("requests", "wanted"), [(20, [B, A]), (19, [A])])
def test_every_revision_of_twenty_requests(requests, wanted):
    """The newest first."""
    rows = [{"revision": A, "ready_ns": 1}, {"revision": B, "ready_ns": 2, "request_rows": requests}]
    assert names(of(*rows, revision="every")) == wanted


def test_at_most_so_many_services_those_with_most_crashes_first():
    """Of one more than the most, the quietest is left out, and listed; then by requests, then by entries."""
    rows = [{"revision": A, "service": f"s{n:03d}", "request_rows": 50} for n in range(MAX_SERVICES)]
    rows[7] |= {"request_rows": 20, "entries": 5}
    crash = {"revision": A, "service": "crashed", "request_rows": 0, "bad_exits": 1}
    found = of(*rows, crash)
    assert (len(found.targets), found.excess, found.others) == (MAX_SERVICES, 1, {"s007": 5})
    rows[9] |= {"project": None}
    assert of(*rows, {"revision": A, "service": "s999", "request_rows": 50}, crash).others == {"s007": 5, "s009": 10}
    assert of(*rows).excess == 0
    assert MAX_SERVICES == 200


def test_a_service_without_a_project_is_listed_or_judged():
    """Not both."""
    busy, quiet = ({"service": name, "project": None, "location": None} for name in ("busy", "quiet"))
    found = of({"revision": A, **busy}, {"revision": B, **quiet, "request_rows": 1})
    assert (names(found), found.others) == ([A], {"quiet": 10})


@pytest.mark.parametrize(
    ("requests", "wanted"),
    [((30, 20), B), ((30, 19), A), ((5, 4), B), ((5, 0), A), ((0, 0), None), ((19, 1), B)],
)
def test_the_baseline_had_enough_requests_else_any(requests, wanted):
    """Of A and B, before C: the newest with twenty, else with one."""
    rows = [
        *(
            {"revision": name, "ready_ns": at, "request_rows": n}
            for at, (name, n) in enumerate(zip((A, B), requests, strict=True))
        ),
        {"revision": C, "ready_ns": 9},
    ]
    assert of(*rows).targets[0].baseline == wanted


def test_where_nobody_asks_the_baseline_is_the_one_before():
    """Workers that pull their work."""
    rows = [{"revision": name, "ready_ns": at, "request_rows": 0, "deploys": 1} for at, name in enumerate((A, B, C))]
    assert of(*rows).targets[0].baseline == B


@pytest.mark.parametrize(("wanted", "baseline"), [("none", None), (A, A), (C, None), ("other", None), ("previous", B)])
def test_a_baseline_can_be_named(wanted, baseline):
    """Not the revision itself, nor one that is not there."""
    rows = frame(*({"revision": name, "ready_ns": at} for at, name in enumerate((A, B, C))))
    target = select(rows, service=None, revision="newest", baseline=wanted).targets[0]
    assert (target.revision, target.baseline, target.older) == (C, baseline, (B, A))


@pytest.mark.parametrize(
    ("deployed", "revision", "wanted"),
    [
        (A, "newest", [(A, None)]),
        (A, "serving", [(A, None)]),
        (B, "newest", [(B, A), (A, None)]),
        (B, "serving", [(A, None)]),
        ("gone", "newest", [(B, A), (A, None)]),
        (None, "newest", [(B, A), (A, None)]),
    ],
)
def test_the_deployed_revision_stands_for_the_newest(deployed, revision, wanted):
    """Where it has entries; B had no request."""
    rows = frame({"revision": A, "ready_ns": 1}, {"revision": B, "ready_ns": 2, "request_rows": 0})
    found = select(rows, service=None, revision=revision, deployed={"shop": deployed} if deployed else None)
    assert [(one.revision, one.served_by) for one in found.targets] == wanted


def runs(*endings):
    """Executions of a job in order of time, and their rows."""
    executions = tuple(Execution(f"job-{n}", started_ns=n, ending=ending) for n, ending in enumerate(endings, 1))
    rows = [{"workload": "job", "service": "job", "revision": one.name, "request_rows": 0} for one in executions]
    return frame(*rows), {("p", "l", "job"): executions}


@pytest.mark.parametrize(
    ("endings", "revision", "wanted", "baseline"),
    [
        (("succeeded", "failed", "unknown"), "newest", ["job-2"], "job-1"),
        (("succeeded", "failed", "unknown"), "every", ["job-2", "job-1"], "job-1"),
        (("failed", "failed"), "newest", ["job-2"], "job-1"),  # none succeeded: the one before
        (("succeeded", "failed", "failed"), "newest", ["job-3"], "job-1"),
        (("succeeded", "succeeded", "failed"), "newest", ["job-3"], "job-2"),
        (("unknown", "unknown"), "newest", ["job-2"], "job-1"),
        (("succeeded", "failed"), "job-1", ["job-1"], None),
        (("succeeded",), "job-9", [], None),
    ],
)
def test_executions_of_a_job(endings, revision, wanted, baseline):
    """The newest that has ended, beside the newest before it that succeeded."""
    rows, jobs = runs(*endings)
    found = select(rows, service="job", revision=revision, jobs=jobs).targets
    assert [one.revision for one in found] == wanted
    assert [one.baseline for one in found[:1]] == [baseline][: len(found)]


def test_executions_stand_by_their_start_and_not_by_their_entries():
    """The one that started last is the newest, whatever its name, and whether it has entries here or not."""
    executions = tuple(Execution(name, started_ns=at, ending="succeeded") for at, name in enumerate(("c", "b", "a"), 1))
    rows = frame(
        {"workload": "job", "service": "job", "revision": "b"}, {"workload": "job", "service": "job", "revision": "c"}
    )
    jobs = {("p", "l", "job"): executions}
    (found,) = select(rows, service="job", revision="newest", jobs=jobs).targets
    assert (found.revision, found.older, found.baseline) == ("a", ("b", "c"), "b")


def test_a_job_is_active_where_an_execution_has_ended():
    """One that only runs is listed."""
    for ending, wanted in (("succeeded", ["job", "shop"]), ("unknown", ["shop"])):
        rows, jobs = runs(ending)
        found = select(rows.vstack(frame({"revision": A})), service=None, revision="newest", jobs=jobs)
        assert sorted(one.service for one in found.targets) == wanted


def test_minutes_of_another_service_say_nothing():
    """The baseline is the one before, whoever served another service last."""
    rows = frame(*({"revision": name, "ready_ns": at} for at, name in enumerate((A, B, C))))
    minutes = served((A, 59), (C, 60)).with_columns(service=served((A, 59), (C, 60))["service"] + "x")
    assert select(rows, service=None, revision="newest", served=minutes).targets[0].baseline == B


def test_names_that_redaction_makes_the_same_are_numbered():
    """From two on; a tilde is in no name of its own."""
    rows = [{"revision": name} for name in ("a" * 300, "a" * 300 + "b")]
    assert len({one.path for one in of(*rows, revision="every").targets}) == 2
    assert file_name("~") == "%7E"


@pytest.mark.parametrize(("length", "cut"), [(200, False), (201, True)])
def test_long_names_end_in_a_digest(length, cut):
    """Of more than 200 characters."""
    name = file_name("x" * length)
    assert (name != "x" * length, len(name)) == (cut, 213 if cut else 200)


@pytest.mark.parametrize(
    ("name", "wanted"), [(".", "%2E"), ("..", "%2E%2E"), ("...", "..."), ("summary.json", "summary%2Ejson")]
)
def test_names_that_mean_something_to_a_file_system(name, wanted):
    """And the one of the file beside the folders."""
    assert file_name(name) == wanted
    row = {"service": "shop", "workload": "job", "location": "l", "project": "p"}
    assert folder_of(row, frame({"workload": "job"})) == "shop@job"
