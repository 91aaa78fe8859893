"""Ten deployments of a service, each judged by a job as it would run: every verdict right, and nobody told twice."""

import gc
import json
import os
import random
import threading
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from pipeline import run
from pipeline.commands.notifying import notify
from pipeline.looks import Looks
from pipeline.notify import send
from pipeline.simulate.fleet import ROLLOUTS
from pipeline.sources.base import Access, open_sources
from pipeline.sources.cloud_logging.quota import Clock
from pipeline.sources.request import asked, time_at
from pipeline.stores.elsewhere import StoreWithHistory, open_history
from pipeline.stores.temporary import TemporaryStore
from pipeline.stores.watches import under_way
from pipeline.watch import wait_for_deployment, with_late_requests
from tests.conftest import call, rules
from tests.servers.cloud_logging import PASSING, CloudLogging
from tests.servers.cloud_storage import CloudStorage, cut, status
from tests.servers.monitoring import Monitoring
from tests.servers.receiver import Receiver
from tests.servers.run_admin import RunAdmin

SKEW = timedelta(minutes=2)
LENGTH = timedelta(minutes=15)
SETTLE_S = 60.0


class Killed(BaseException):
    """The job was killed."""


class Story:
    """What `simulate fleet` wrote: the deployments, and entries with the time they were received."""

    def __init__(self, folder):
        self.told = json.loads((folder / "deployments.json").read_text())
        self.entries, self.excluded = (received(folder / f"{name}.ndjson") for name in ("entries", "excluded"))


def received(path):
    """Entries with the time they were received."""
    entries = [json.loads(line) for line in path.read_text().splitlines()]
    return [(datetime.fromisoformat(one["receiveTimestamp"]), one) for one in entries]


class Fleet:
    """The project as one job meets it: its APIs show what has been received by now. One read in ten fails."""

    def __init__(self, story, moment, kill_at=None):
        self.told = story.told
        self.cloud = CloudLogging(project=self.told["project"])
        self.cloud.date, self.cloud.fault = self.now, self.fault
        self.monitoring, self.run = Monitoring(self.told["project"]), RunAdmin(self.told["project"])
        self.cloud.others = [self.monitoring, self.run]
        self.moment, self.kill_at = moment, kill_at
        self.coming = {
            name: [one for one in entries if one[0] > moment - timedelta(hours=3)][::-1]
            for name, entries in (("entries", story.entries), ("excluded", story.excluded))
        }
        self.changes = sorted(self.changes_of(), key=lambda change: change[0])
        self.dice = random.Random(moment.isoformat())
        self.sleep(0)

    def changes_of(self):
        """When a revision was created, became ready, and lost its traffic again."""
        service = self.told["service"]
        for one in self.told["deployments"]:
            name, called = one["revision"], one["called"]
            yield called, partial(self.run.deploy, service, name, called, ready="CONDITION_RECONCILING")
            state = "CONDITION_SUCCEEDED" if one["ready"] else "CONDITION_FAILED"
            words = {"ready": state, "message": "" if one["ready"] else "The container failed to start."}
            percent = 100 * one["serves"]
            yield one["ready"] or called, partial(self.run.deploy, service, name, called, percent=percent, **words)
            if one["rolled_back"]:
                yield one["rolled_back"], partial(self.run.send, service, {one["baseline"]: 100})

    def now(self):
        return self.moment

    def seconds(self):
        return self.moment.timestamp()

    def sleep(self, seconds):
        """A second of sleep is a second of the story, unless the job is killed meanwhile."""
        self.moment += timedelta(seconds=seconds)
        is_killed = self.kill_at is not None and self.moment >= self.kill_at
        if is_killed:
            self.moment = self.kill_at
        for name, entries in self.coming.items():
            due = []
            while entries and entries[-1][0] <= self.moment:
                due.append(entries.pop()[1])
            self.monitoring.count(due)
            if name == "entries":
                self.cloud.add(due)
        while self.changes and datetime.fromisoformat(self.changes[0][0]) <= self.moment:
            self.changes.pop(0)[1]()
        if is_killed:
            raise Killed

    def fault(self, server, handler, request):
        """The quota, a reset, a page that is cut, an outage."""
        if self.dice.random() >= 0.1:
            return False
        return PASSING[self.dice.choice(["429", "reset", "cut", "UNAVAILABLE"])](server, handler, request)


class Job:
    """What the job after a deployment does, in the fleet's time and with a clock that is off.

    Its container is empty each time: what it has to remember is in Cloud Storage.
    """

    def __init__(self, fleet, url, store, skew):
        self.fleet, self.store, self.said = fleet, store, []
        self.clock = Clock(fleet.seconds, fleet.sleep)
        self.access = Access(url, clock=self.clock, now=lambda: fleet.now() + skew)
        self.sources = open_sources([f"logging://{fleet.told['project']}"], self.access)
        self.now = partial(time_at, self.sources, self.access.now)

    def job(self, plan, until=None):
        words = {"service": self.fleet.told["service"], "since": "deploy", "settle_s": SETTLE_S, "until": until}
        meant = asked(self.sources, now=self.now(), deployment=plan.deployment, **words)
        return run.Job(
            self.sources, *rules(), meant.request, settle_s=SETTLE_S, deployments=meant.deployments, access=self.access
        )

    def judge(self, *, watch):
        """The run: with --watch it may end early."""
        words = {"now": self.now, "clock": self.clock, "say": self.said.append}
        service = self.fleet.told["service"]
        going = under_way(self.store, self.now()) if watch else []
        plan = wait_for_deployment(self.sources, service, LENGTH, timeout_s=300.0, watched=going, **words)
        taken = []
        if watch:
            looks = Looks(plan, partial(self.job, plan), self.store, self.now, self.clock, self.said.append)
            if ended := looks.until_end():
                return ended
            taken = looks.taken
        wait_s = (plan.end - self.now()).total_seconds() + 5 * 60  # settled, and counted by Cloud Monitoring
        self.clock.sleep(max(wait_s, 0.0))
        plan = plan if watch else with_late_requests(self.sources, plan)
        meant = self.job(plan, plan.end.isoformat())
        found = run.check(run.replace(meant, looks=taken), self.store)
        if watch:
            looks.finished()
        return found


def resources():
    """Open files, and MiB of memory."""
    gc.collect()
    for thread in threading.enumerate():
        if "process_request" in thread.name:  # a server's, which ends once the client's connection is gone
            thread.join(10)
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return len(list(Path("/proc/self/fd").iterdir())), pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def test_the_story_is_what_it_says(tmp_path):
    """Ten deployments, each with its revision; the same seed gives the same bytes."""
    for name in ("a", "b"):
        found = call("simulate", "fleet", "--out", tmp_path / name)
        assert (found.exit_code, found.output.split(",")[0]) == (0, "10 deployments")
    files = ["deployments.json", "entries.ndjson", "excluded.ndjson"]
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == files
    for name in files:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    told = json.loads((tmp_path / "a/deployments.json").read_text())["deployments"]
    assert [one["verdict"] for one in told] == [rollout.verdict for rollout in ROLLOUTS]
    assert len({one["revision"] for one in told}) == 10
    rows = [json.loads(line) for line in (tmp_path / "a/excluded.ndjson").read_text().splitlines()]
    assert {one["resource"]["labels"]["revision_name"] for one in rows} == {told[-1]["revision"]}
    (tmp_path / "file").touch()
    assert call("simulate", "fleet", "--out", tmp_path / "file").exit_code == 4


def judged(story, one, history, *, watch, skew, kill_after=None):
    """The run of a job that starts four seconds after a deployment's call, or after it was killed, and who was told."""
    called = datetime.fromisoformat(one["called"])
    start, kill_at = called + timedelta(seconds=4), None
    if kill_after:
        start, kill_at = called + kill_after if skew < timedelta(0) else start, called + kill_after
    fleet = Fleet(story, start, kill_at if start != kill_at else None)
    with fleet.cloud.running() as url, TemporaryDirectory() as container:
        job = Job(fleet, url, StoreWithHistory(TemporaryStore(Path(container)), history()), skew)
        found = job.judge(watch=watch)
        notify({"notify": ("webhook",)}, found, job.store)
    return found


@pytest.mark.full
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")  # the library closes no answer of 503 that it streams
def test_ten_deployments(tmp_path, monkeypatch):
    """Faults, kills, doubled jobs, a clock two minutes off: ten verdicts, each in history, and told, once.

    Every third job is killed after two minutes and started again; those with --watch go on. The others run twice, as
    a doubled event starts them. The webhook answers the first time with 503, and resets a connection;
    Cloud Storage answers with 503 or half of an object now and then.
    """
    monkeypatch.setattr(send, "_WAITS_S", (0.01, 0.01, 0.01))
    assert call("simulate", "fleet", "--out", tmp_path / "fleet").exit_code == 0
    story = Story(tmp_path / "fleet")
    receiver, bucket = Receiver(503, None, "reset"), CloudStorage(bucket="runverdict")
    bucket.faults = {number: status(503) if number % 2 else cut for number in range(7, 10_000, 61)}
    used, verdicts = [], []
    with receiver.running() as hook, bucket.running() as storage:
        history = partial(open_history, "gs://runverdict/history", None, storage)
        monkeypatch.setenv("RUNVERDICT_WEBHOOK", hook)
        for number, one in enumerate(story.told["deployments"]):
            job = partial(judged, story, one, history, watch=number % 2 == 0)
            if number % 3 == 0:
                with pytest.raises(Killed):
                    job(skew=SKEW, kill_after=timedelta(minutes=2))
                found = job(skew=-SKEW, kill_after=timedelta(minutes=2))
            else:
                found = job(skew=SKEW)
                if number % 2:
                    found = job(skew=-SKEW)
            (own,) = [verdict for _, verdict in found.verdicts if verdict.revision == one["revision"]]
            verdicts.append(own)
            used.append(resources())
        rows = history().load("verdicts").select("revision", "verdict").rows()
    told = story.told["deployments"]
    assert [own.verdict for own in verdicts] == [one["verdict"] for one in told], [own.headline for own in verdicts]
    assert [own.superseded_by for own in verdicts] == [
        *[None] * 6,
        told[6]["baseline"],
        told[8]["revision"],
        None,
        None,
    ]
    assert {own.verdict: own.completeness.logged / own.completeness.counted for own in verdicts[8:]} == {
        "PASS": 1,
        "INCONCLUSIVE": pytest.approx(0.5, abs=0.01),
    }
    for one, own in zip(told, verdicts, strict=True):
        if own.compared and one["ready"]:
            assert own.baseline == one["baseline"]
    bodies = {body["id"]: body for body in receiver.bodies}
    assert [(body["revision"], body["verdict"]) for body in bodies.values()] == [
        (one["revision"], one["verdict"]) for one in told
    ]
    assert len(receiver.got) == 10 + 2  # what failed at the receiver came again, with the same id
    assert [rows.count((one["revision"], one["verdict"])) for one in told] == [1] * 10
    files, memory = zip(*used, strict=True)
    assert max(files[3:]) <= max(files[:3]) + 2
    assert memory[-1] < memory[3] * 1.25 + 50
