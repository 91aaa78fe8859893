"""Jobs and worker pools from log to verdict: every way in which an execution ends, in the wordings of every log."""

import json
from datetime import timedelta

import pytest

from pipeline import run
from pipeline.sources.base import Request, open_sources
from pipeline.stores.local import LocalStore
from pipeline.window import Window
from tests.conftest import START, call, extracted, failing, healthy, line, ndjson, rules, stamp

SYSTEM = "run.googleapis.com%2Fvarlog%2Fsystem"
EVENTS = "cloudaudit.googleapis.com%2Fsystem_event"

DONE = "Execution etl-x7k2p has completed successfully."
TRUE = "Completed condition status changed to True for Execution etl-x7k2p."
FALSE = "Completed condition status changed to False for Execution etl-x7k2p with message: Image not found."
TIMED_OUT = "Task etl-x7k2p-task0 failed with exit code: 0 and message: The configured timeout was reached."
ABORTED = "Secret Version [projects/7/secrets/K/versions/3] is in DISABLED state. Instance startup will now abort"


def job_entry(second, execution="etl-x7k2p", task=0, attempt=0, job="etl", **more):
    """An entry of a task of a job."""
    labels = {
        "run.googleapis.com/execution_name": execution,
        "run.googleapis.com/task_index": str(task),
        "run.googleapis.com/task_attempt": str(attempt),
    }
    resource = {"type": "cloud_run_job", "labels": {"project_id": "demo", "location": "l", "job_name": job}}
    text = more.pop("text", f"row {second} loaded")
    whole = {
        "resource": resource,
        "labels": labels,
        "insertId": f"{execution}{task}{attempt}{second}{text[:9]}",
        **more,
    }
    return line(second, text, **whole)


def system(second, text, **more):
    return job_entry(second, text=text, log=SYSTEM, **more)


def audit(second, message, execution="etl-x7k2p", *, labels=True, response=None, **more):
    """The entry of the audit log about the end of an execution; labels=False: named by its resource alone."""
    payload = {
        "@type": "type.googleapis.com/google.cloud.audit.AuditLog",
        "methodName": "/Jobs.RunJob",
        "resourceName": f"namespaces/demo/executions/{execution}",
        "status": {"message": message},
        **({"response": response} if response else {}),
    }
    found = job_entry(second, execution, log=EVENTS, protoPayload=payload, textPayload=None, **more)
    return found if labels else {key: value for key, value in found.items() if key != "labels"}


def lines(execution="etl-x7k2p", start=0, n=24, **more):
    return [job_entry(start + 5 * k, execution, **more) for k in range(n)]


def verdict_of(tmp_path, entries, *options):
    """The document of the one execution that is judged, and its check."""
    found = call("check", ndjson(tmp_path / "logs.ndjson", entries), "--format", "json", *options)
    document = json.loads(found.stdout)
    return document, next(one for one in document["checks"] if one["id"] == "job.executions")


def exits_of_tasks(*codes):
    return [system(121, f"Container called exit({code}).", task=task) for task, code in enumerate(codes)]


GOOD = [*lines(), system(121, "Container called exit(0).")]
RETRIED = [
    *lines(n=3),
    system(20, "Container called exit(1)."),
    *lines(start=30, n=3, attempt=1),
    system(50, "Container called exit(0).", attempt=1),
]
ENDS = {
    "exit 0": (GOOD, "PASS", ""),
    "audit says success": ([*lines(), audit(130, DONE)], "PASS", ""),
    "the condition is true": ([*lines(), audit(130, TRUE)], "PASS", ""),
    "the audit log alone": ([audit(130, DONE, labels=False)], "PASS", ""),
    "a retry that succeeded": (RETRIED, "WARN", "1 task needed a retry"),
    "a retry after the time-out": (
        [system(20, "Terminating task because it has reached the maximum timeout of 20 seconds."), *RETRIED[4:]],
        "WARN",
        "needed a retry after the task timeout",
    ),
    "memory, then success": (
        [system(20, "Memory limit of 512 MiB exceeded with 541 MiB used. Consider"), *RETRIED[4:]],
        "WARN",
        "needed a retry after the memory limit",
    ),
    "the audit log counts retries": (
        [*lines(), audit(130, DONE, response={"status": {"retriedCount": 2}})],
        "WARN",
        "1 task needed a retry",
    ),
    "exit 3": ([*lines(), system(121, "Container called exit(3).")], "FAIL", "exit(3)"),
    "a signal": ([*lines(), system(121, "Container terminated on signal 11.")], "FAIL", "exit(139)"),
    "time-out": (
        [*lines(), system(121, "Terminating task because it has reached the maximum timeout of 120 seconds.")],
        "FAIL",
        "task timeout reached",
    ),
    "memory": (
        [*lines(), system(121, "Memory limit of 512 MiB exceeded with 541 MiB used. Consider")],
        "FAIL",
        "over its memory limit (541 MiB used)",
    ),
    "aborted start": (
        [system(1, ABORTED)],
        "FAIL",
        "1 start aborted",
    ),
    "the audit log says failure": (
        [*lines(), audit(130, "Execution etl-x7k2p has failed to complete, 3/8 tasks were a success.")],
        "FAIL",
        "5 of 8 tasks failed",
    ),
    "the audit log names the task": (
        [*lines(), audit(130, TIMED_OUT)],
        "FAIL",
        "The configured timeout was reached",
    ),
    "the failure alone, named by its text": (
        [audit(130, "Task etl-x7k2p-task3 failed with message: The container exited with an error.", labels=False)],
        "FAIL",
        "The container exited with an error",
    ),
    "the condition is false": (
        [*lines(), audit(130, FALSE)],
        "FAIL",
        "Image not found",
    ),
    "one task of three": (
        [*(line for task in range(3) for line in lines(task=task)), *exits_of_tasks(0, 0, 1)],
        "FAIL",
        "1 of 3 tasks failed",
    ),
    "cancelled": ([*lines(), audit(130, "Execution etl-x7k2p was cancelled.")], "INCONCLUSIVE", "was cancelled"),
    "cancelled, by its counts": (
        [
            *lines(),
            audit(
                130,
                "Execution etl-x7k2p has failed to complete, 0/1 tasks were a success.",
                response={"status": {"cancelledCount": 1}},
            ),
        ],
        "INCONCLUSIVE",
        "was cancelled",
    ),
    "still running": (lines(), "INCONCLUSIVE", "did not end in these entries"),
}


@pytest.mark.parametrize("name", ENDS)
def test_every_end_of_an_execution(tmp_path, name):
    """The run's verdict is that of the execution, and its reason says why."""
    entries, wanted, said = ENDS[name]
    document, check = verdict_of(tmp_path, entries)
    assert (document["workload"], document["service"], document["revision"]) == ("job", "etl", "etl-x7k2p")
    assert (check["status"], document["verdict"]) == (wanted, wanted), document["headline"]
    assert said in check["reason"]


def test_evidence_of_a_failure_is_no_exit_of_a_task_that_succeeded(tmp_path):
    """Eight tasks ended with exit(0) before the ninth failed: its exit alone shows why."""
    entries = [*(line for task in range(9) for line in lines(n=2, task=task)), *exits_of_tasks(*[0] * 8, 1)]
    _, check = verdict_of(tmp_path, entries)
    assert check["status"] == "FAIL"
    assert [entry["excerpt"] for entry in check["evidence"]] == ["Container called exit(1)."]


def test_the_newest_execution_that_ended_decides(tmp_path):
    """One that runs still is named; a failure before it is a warning."""
    entries = [
        *lines("etl-aaaaa", n=2),
        system(20, "Container called exit(1).", execution="etl-aaaaa"),
        *lines("etl-bbbbb", start=3600, n=2),
        system(3640, "Container called exit(0).", execution="etl-bbbbb"),
        *lines("etl-ccccc", start=7200, n=2),
    ]
    document, check = verdict_of(tmp_path, entries)
    assert (document["revision"], document["verdict"]) == ("etl-bbbbb", "WARN")
    assert "1 of 1 earlier execution failed, the last was etl-aaaaa" in check["reason"]
    assert check["reason"].endswith("; etl-ccccc, started later, has not ended yet")


def test_many_tasks_that_were_retried_are_no_crash_loop(tmp_path):
    """Three exits within minutes, and every task succeeded in the end."""
    tasks = range(4)
    entries = [
        *(system(10 + task, "Container called exit(1).", task=task) for task in tasks),
        *(entry for task in tasks for entry in lines(start=20, n=2, task=task, attempt=1)),
        *(system(60 + task, "Container called exit(0).", task=task, attempt=1) for task in tasks),
    ]
    document, check = verdict_of(tmp_path, entries)
    assert document["verdict"] == "WARN"
    assert "4 tasks needed a retry" in check["reason"]


def test_a_failed_job_is_seen_beside_a_healthy_service(tmp_path):
    """Also where the audit log alone says so; a job that still runs is listed, and decides nothing."""
    failed = audit(60, "Execution etl-x7k2p has failed to complete, 0/1 tasks were a success.")
    path = ndjson(tmp_path / "logs.ndjson", [*healthy(), failed])
    found = call("check", path)
    assert found.exit_code == 1
    assert "etl-x7k2p failed: 1 of 1 tasks failed" in " ".join(found.stdout.split())
    found = call("check", ndjson(tmp_path / "more.ndjson", [*healthy(), *lines()]))
    assert (found.exit_code, "etl" in found.stdout) == (0, True)
    found = call("check", ndjson(tmp_path / "fails.ndjson", [*failing(), *GOOD]), "--service", "etl")
    assert found.exit_code == 0


def test_a_longer_and_a_silent_run_are_told(tmp_path):
    """Beside three earlier ones: twice as long and a minute more; a tenth of the lines."""
    earlier = []
    for n, name in enumerate(("etl-aaaaa", "etl-bbbbb", "etl-ccccc")):
        earlier += [
            *lines(name, start=n * 9000, n=24),
            system(n * 9000 + 121, "Container called exit(0).", execution=name),
        ]
    slow = [*lines(start=30_000, n=24), system(30_400, "Container called exit(0).")]
    document, check = verdict_of(tmp_path, [*earlier, *slow])
    assert document["verdict"] == "WARN"
    assert "3.31 times as long as usual (121 s" in check["reason"] or "3.3 times as long as usual" in check["reason"]
    short = [*lines(start=30_000, n=2), system(30_121, "Container called exit(0).")]
    document, check = verdict_of(tmp_path, [*earlier, *short])
    assert "it wrote 2 lines; earlier ones wrote at least 24" in check["reason"]
    same = [*lines(start=40_000, n=24), system(40_130, "Container called exit(0).")]
    document, check = verdict_of(tmp_path, [*earlier, *same])
    assert check["status"] == "PASS", check["reason"]


def hourly(*hours):
    return [
        entry
        for hour in hours
        for entry in (
            *lines(f"etl-{hour:05d}", start=3600 * hour, n=2),
            system(3600 * hour + 60, "Container called exit(0).", execution=f"etl-{hour:05d}"),
        )
    ]


def test_a_run_that_its_schedule_missed_is_told(tmp_path):
    """In the middle, or at the end where other entries show that the window goes on; not where times are irregular."""
    document, check = verdict_of(tmp_path, hourly(0, 1, 2, 3, 5, 6))
    assert "it starts every 60 min, and 1 run did not start, the first after 2026-01-15T12:00:00Z" in check["reason"]
    assert document["verdict"] == "WARN"
    late = line(3600 * 7.5, "noon", service="other")
    document, check = verdict_of(tmp_path, [*hourly(0, 1, 2, 3, 4), late], "--service", "etl")
    assert "3 runs did not start" in check["reason"]
    for hours in ((0, 1, 2, 3, 4), (0, 1, 5, 6, 14, 20), (0, 1, 2, 4)):
        document, check = verdict_of(tmp_path, hourly(*hours))
        assert check["status"] == "PASS", check["reason"]


def test_runs_after_the_newest_entry_are_not_missed(tmp_path):
    """A window that goes on for six hours behind the entries of a file says nothing of these hours."""
    _, check = verdict_of(tmp_path, hourly(0, 1, 2, 3, 4), "--since", stamp(0), "--until", stamp(3600 * 10))
    assert check["status"] == "PASS", check["reason"]


def test_executions_before_the_window_show_the_schedule(tmp_path):
    """Hours 0 to 3 are the lookback; the window has the fifth alone, and the fourth did not start."""
    begins, ends = (START + timedelta(hours=hours) for hours in (4.5, 6))
    request = Request(Window(begins, ends), START, now=ends + timedelta(hours=1))
    store, path = LocalStore(tmp_path / "store"), ndjson(tmp_path / "logs.ndjson", hourly(0, 1, 2, 3, 5))
    extracted(store, path)
    ((_, found),) = run.check(run.Job(open_sources([str(path)]), *rules(), request), store).verdicts
    check = next(one for one in found.checks if one.id == "job.executions")
    assert "it starts every 60 min, and 1 run did not start, the first after 2026-01-15T12:00:00Z" in check.reason


def pool_entry(second, text="message done", log=SYSTEM, **more):
    labels = {"project_id": "demo", "location": "l", "worker_pool_name": "queue", "revision_name": "queue-00003-abc"}
    resource = {"type": "cloud_run_worker_pool", "labels": labels}
    return line(second, text, log=log, resource=resource, insertId=f"pool{second}{text[:9]}", **more)


def test_a_worker_pool_passes_without_requests_and_fails_by_its_crashes(tmp_path):
    """Nobody asks it for requests; beside a service it is judged too."""
    stdout = "run.googleapis.com%2Fstdout"
    good = [pool_entry(second, log=stdout) for second in range(0, 200, 5)]
    found = call("check", ndjson(tmp_path / "logs.ndjson", good), "--format", "json")
    document = json.loads(found.stdout)
    assert (found.exit_code, document["workload"], document["verdict"]) == (0, "worker_pool", "PASS")
    statuses = {one["status"] for one in document["checks"] if one["id"].startswith(("requests.", "websocket."))}
    assert statuses == {"NOT_APPLICABLE"}
    bad = [*good, *(pool_entry(second, "Container called exit(1).") for second in (10, 50, 90))]
    found = call("check", ndjson(tmp_path / "bad.ndjson", [*bad, *healthy()]))
    assert (found.exit_code, "crash loop" in found.stdout) == (1, True)


def test_history_remembers_executions(tmp_path):
    """A nightly job is compared with the nights before, each checked by itself into one store."""
    store = tmp_path / "store"
    for night in range(4):
        start = 86_400 * night
        name = f"etl-{night:05d}"
        took = 121 if night < 3 else 600
        entries = [*lines(name, start=start), system(start + took, "Container called exit(0).", execution=name)]
        since, until = stamp(start - 60), stamp(start + 3600)
        path = ndjson(tmp_path / f"{night}.ndjson", entries)
        found = call("check", path, "--store", store, "--since", since, "--until", until, "--format", "json")
        check = next(one for one in json.loads(found.stdout)["checks"] if one["id"] == "job.executions")
        assert check["status"] == ("PASS" if night < 3 else "WARN"), check["reason"]
    assert "times as long as usual" in check["reason"]


def test_functions_of_the_first_generation_are_named(tmp_path):
    """Not judged, with the reason; the calls that deploy one of the second generation are deployments."""
    resource = {"type": "cloud_function", "labels": {"function_name": "hello", "project_id": "demo"}}
    log = "cloudfunctions.googleapis.com%2Fcloud-functions"
    path = ndjson(tmp_path / "logs.ndjson", [line(n, f"call {n}", resource=resource, log=log) for n in range(30)])
    found = call("check", path)
    assert found.exit_code == 3
    assert "30 cloud_function (Cloud Functions of the first generation," in " ".join(found.stdout.split())
    for method in (
        "google.cloud.serverless.internal.InternalServices.ReplaceInternalService",
        "google.cloud.functions.v2.FunctionService.UpdateFunction",
        "google.cloud.run.v2.Jobs.UpdateJob",
        "google.cloud.run.v2.WorkerPools.CreateWorkerPool",
    ):
        explained = call("explain", method, "--log", "cloudaudit.googleapis.com/activity", "--format", "json")
        assert json.loads(explained.stdout)["event"] == "audit.deploy", method


def test_entries_of_a_job_without_an_execution_are_named(tmp_path):
    """Nothing is judged, and the job is named."""
    entries = [{key: value for key, value in one.items() if key != "labels"} for one in lines()]
    found = call("check", ndjson(tmp_path / "logs.ndjson", entries))
    assert found.exit_code == 3
    assert "the services, jobs and worker pools in them: etl" in " ".join(found.stdout.split())
