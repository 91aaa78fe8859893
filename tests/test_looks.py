"""`--watch`: a bad deployment ends early, a healthy one is judged at the end, and a killed job goes on."""

import json
import os
import signal
import subprocess
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from pipeline import run
from pipeline.judge.early import LOOKS
from pipeline.looks import Looks
from pipeline.sources.base import Access, open_sources
from pipeline.sources.cloud_logging.quota import Clock
from pipeline.sources.request import asked
from pipeline.stores.local import LocalStore
from pipeline.stores.watches import under_way
from pipeline.watch import wait_for_deployment
from tests.conftest import RUNVERDICT, START, line, request, rules
from tests.servers.cloud_logging import CloudLogging, refusal
from tests.sources.test_deployments import NEW, NEWER, OLD, call, ready
from tests.test_watch import VARLOG, Story, served

LENGTH = timedelta(seconds=90)


def failing(first, last, every):
    """Two requests a minute in ten, and from `first` on one of `every` fails."""
    return [
        request(s, 500 if s % every == 0 else 200, revision="00042-new", insertId=f"{NEW}{s}")
        for s in range(first, last, 2)
    ]


def exits(*seconds):
    text = "Container called exit(1)."
    return [line(s, text, log=VARLOG, revision="00042-new", severity="WARNING", insertId=f"x{s}") for s in seconds]


BEFORE = [ready(-3600, OLD), *served(OLD, -1800, 22, every=6), call(0), ready(20, NEW)]


class Job:
    """A job with --watch in a story; `kill` ends it as a kill does, at a moment of the story."""

    def __init__(self, story, folder, length=LENGTH):
        self.story, self.store, self.length = story, LocalStore(folder), length
        self.kill = None

    def sleep(self, seconds):
        self.story.sleep(seconds)
        if self.kill is not None and self.story.seconds() >= self.kill:
            raise KeyboardInterrupt

    def watch(self):
        """The run, and whether it ended before the window did."""
        story, clock = self.story, Clock(self.story.seconds, self.sleep)
        with story.cloud.running() as url:
            sources = open_sources(["logging://demo"], Access(url, clock=clock, now=story.now))
            words = {"now": story.now, "clock": clock, "say": story.said.append}
            going = under_way(self.store, story.now())
            plan = wait_for_deployment(sources, "shop-api", self.length, timeout_s=600.0, watched=going, **words)

            def job_now(until=None):
                words = {"service": "shop-api", "since": "deploy", "settle_s": 60.0, "until": until}
                meant = asked(sources, now=story.now(), deployment=plan.deployment, **words)
                return run.Job(sources, *rules(), meant.request, settle_s=60.0, deployments=meant.deployments)

            self.looks = Looks(plan, job_now, self.store, **words)
            if ended := self.looks.until_end():
                return ended, True
            story.sleep(70)
            found = run.check(replace(job_now(plan.end.isoformat()), looks=self.looks.taken), self.store)
            self.looks.finished()
            return found, False


def new_of(found):
    return next(one for _, one in found.verdicts if one.revision == NEW)


def test_a_healthy_deployment_is_judged_at_its_end(tmp_path):
    """A look that decides nothing; the window is the one that was waited for."""
    story = Story([*BEFORE, *served(NEW, 22, 400)], 0)
    found, early = Job(story, tmp_path / "a").watch()
    verdict = new_of(found)
    assert (verdict.verdict, early, story.seconds() > 22 + 90) == ("PASS", False, True)
    assert [(int(look.minute), look.failed) for look in verdict.looks] == [(1, [])]
    assert [text for text in story.said if text.startswith("minute ")][-1] == (
        "minute 1: 0 of 25 settled user requests ended in 5xx; nothing fails for certain; "
        "the window ends at 2026-01-15T09:01:52Z"
    )
    assert verdict.window.end == "2026-01-15T09:01:52Z"


@pytest.mark.parametrize(
    ("entries", "minutes", "until", "check"),
    [
        (failing(22, 400, 4), 2, 60, "requests.error_rate"),
        ([*served(NEW, 22, 400), *exits(50, 60, 70)], 2, 60, "platform.exits"),
        ([*served(NEW, 22, 400), *exits(150, 160, 170)], 4, 180, "platform.exits"),
    ],
    ids=["one request in two fails", "a crash loop", "a crash loop between two looks"],
)
def test_a_bad_deployment_ends_early(tmp_path, entries, minutes, until, check):
    """With FAIL, and what it was that no later request can undo."""
    story = Story([*BEFORE, *entries], 0)
    found, early = Job(story, tmp_path, timedelta(minutes=minutes)).watch()
    verdict = new_of(found)
    assert (found.verdict, verdict.verdict, early) == ("FAIL", "FAIL", True)
    assert story.seconds() <= 22 + until
    assert check in verdict.looks[-1].failed
    assert "; FAIL, whatever comes: " in story.said[-1]
    window = next(one for one in verdict.checks if one.id == "evidence.window")
    assert f"the window was to last until 2026-01-15T09:0{minutes}:22Z" in window.reason
    assert under_way(LocalStore(tmp_path), story.now()) == []


def test_a_burst_ends_nothing(tmp_path):
    """Twelve failures of one minute may be one incident: it is for the end to judge."""
    burst = [request(s, 500, revision="00042-new", insertId=f"b{s}") for s in range(40, 52)]
    story = Story([*BEFORE, *served(NEW, 22, 400, every=1), *burst], 0)
    found, early = Job(story, tmp_path).watch()
    look = new_of(found).looks[-1]
    assert (early, look.errors_5xx, look.design_effect) == (False, 12, 12.0)


def test_a_killed_job_goes_on(tmp_path):
    """Killed while its window settles and started again: the same window, and the looks before stand in it."""
    story = Story([*BEFORE, *served(NEW, 22, 400)], 0)
    job = Job(story, tmp_path)
    job.kill = 22 + 65
    with pytest.raises(KeyboardInterrupt):
        job.watch()
    found, early = Job(story, tmp_path).watch()
    verdict = new_of(found)
    assert (verdict.verdict, early) == ("PASS", False)
    assert (verdict.window.start, verdict.window.end) == ("2026-01-15T09:00:20Z", "2026-01-15T09:01:52Z")
    assert [int(look.minute) for look in verdict.looks] == [1]
    assert f"{NEW} is watched since 2026-01-15T09:00:22Z; going on" in story.said


def test_a_new_deployment_is_not_taken_for_a_watch_that_was_killed(tmp_path):
    """The job of the next deployment starts before its call: it waits for that one, not for the one watched before."""
    events = [call(120, template=NEWER), ready(135, NEWER), *served(NEWER, 140, 500)]
    story = Story([*BEFORE, *served(NEW, 22, 140), *events], 0)
    job = Job(story, tmp_path, timedelta(minutes=10))
    job.kill = 22 + 20
    with pytest.raises(KeyboardInterrupt):
        job.watch()
    story.sleep(100 - story.seconds())
    assert [watch.revision for watch in under_way(job.store, story.now())] == [NEW]
    job = Job(story, tmp_path)
    job.kill = 150
    with pytest.raises(KeyboardInterrupt):
        job.watch()
    assert job.looks.plan.deployment.revision == NEWER


def test_a_rollback_to_a_watched_revision_is_a_window_of_its_own(tmp_path):
    """The watch of its first deployment was killed; what is judged now begins with the call that sent traffic back."""
    back = [call(170, template=NEWER), ready(185, NEWER), call(220, template=NEW, target=NEW), *served(NEW, 222, 700)]
    story = Story([*BEFORE, *served(NEW, 22, 190), *served(NEWER, 190, 222), *back], 0)
    job = Job(story, tmp_path, timedelta(minutes=10))
    job.kill = 22 + 20
    with pytest.raises(KeyboardInterrupt):
        job.watch()
    story.sleep(225 - story.seconds())
    job = Job(story, tmp_path)
    job.kill = 225
    with pytest.raises(KeyboardInterrupt):
        job.watch()
    plan = job.looks.plan
    assert (plan.deployment.revision, plan.deployment.rollback) == (NEW, True)
    assert (plan.begin - START).total_seconds() == 222
    assert plan.looks == ()


def test_what_is_known_passes_nothing(tmp_path):
    """A job that is stopped has a verdict on what it read: INCONCLUSIVE, for the window was not over."""
    story = Story([*BEFORE, *served(NEW, 22, 400)], 0)
    job = Job(story, tmp_path)
    job.kill = 22 + 65
    with pytest.raises(KeyboardInterrupt):
        job.watch()
    verdict = new_of(job.looks.known())
    assert verdict.verdict == "INCONCLUSIVE"
    assert verdict.headline.startswith("INCONCLUSIVE: the window was to last until 2026-01-15T09:01:52Z")
    assert [int(look.minute) for look in verdict.looks] == [1]


def test_a_busy_store_costs_one_look(tmp_path):
    """Another job writes to it at one moment."""
    story = Story([*BEFORE, *served(NEW, 22, 400)], 0)
    job = Job(story, tmp_path)
    other = LocalStore(tmp_path)
    with ExitStack() as held:

        def sleep(seconds):
            Story.sleep(story, seconds)
            if 22 + 30 <= story.seconds() < 22 + 80:
                held.enter_context(other.writing())
            else:
                held.close()

        story.sleep = sleep
        found, _ = job.watch()
    assert new_of(found).verdict == "PASS"
    assert new_of(found).looks == []
    assert any("another run is writing to it" in text for text in story.said)


def test_a_look_that_cannot_be_read_is_said_and_left_out(tmp_path):
    """The log is denied for half a minute: the next look, or the end, reads what it had."""
    story = Story([*BEFORE, *served(NEW, 22, 400)], 0)
    job = Job(story, tmp_path)

    def sleep(seconds):
        Story.sleep(story, seconds)
        story.cloud.fault = refusal(403, "PERMISSION_DENIED") if 22 + 50 <= story.seconds() < 22 + 80 else None

    story.sleep = sleep
    found, _ = job.watch()
    assert (new_of(found).verdict, new_of(found).looks) == ("PASS", [])
    assert any(text.startswith("this look was not taken: logging://demo: permission denied") for text in story.said)


def test_the_looks_are_those_of_the_simulation():
    """Seven, of which each has a seventh of the alpha."""
    policy = rules()[1]
    assert LOOKS == (1, 2, 5, 10, 20, 40, 60)
    strict = policy.shared_over(len(LOOKS))
    assert strict["requests.latency"]["alpha"] == pytest.approx(policy["requests.latency"]["alpha"] / 7)
    assert strict["requests.latency"]["min_n"] == policy["requests.latency"]["min_n"]
    assert rules()[1] == policy


def test_sigterm_before_there_is_traffic(tmp_path):
    """Nothing is known: 4, and no file."""
    with CloudLogging().running() as url:
        words = ["--since", "deploy", "--watch", "--api-endpoint", url, "--out", tmp_path / "out"]
        command = list(map(str, [RUNVERDICT, "check", "logging://demo", *words]))
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as job:
            said = job.stderr.readline()
            job.send_signal(signal.SIGTERM)
            said += job.communicate(timeout=30)[1]
    assert job.returncode == 4
    assert said.splitlines()[-1] == (
        "runverdict: stopped by SIGTERM before the deployment had traffic, so there is no verdict"
    )
    assert not (tmp_path / "out").exists()


def test_sigterm_writes_what_is_known(tmp_path):
    """The process, told to end in the middle of its window: exit code 4, a verdict that passes nothing."""
    now = datetime.now(UTC)
    shift = now - timedelta(seconds=50) - START

    def moved(entry):
        times = {key: datetime.fromisoformat(entry[key]) + shift for key in ("timestamp", "receiveTimestamp")}
        return {**entry, **{key: time.isoformat().replace("+00:00", "Z") for key, time in times.items()}}

    cloud = CloudLogging([moved(entry) for entry in [*BEFORE, *served(NEW, 22, 45, every=1)]])
    with cloud.running() as url:
        words = ["--since", "deploy", "--for", "5m", "--watch", "--settle", "5s", "--out", tmp_path, "--format", "json"]
        command = [RUNVERDICT, "check", "logging://demo", "--service", "shop-api", "--api-endpoint", url, *words]
        job = subprocess.Popen(list(map(str, command)), stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        said = ""
        while "minute 0" not in said and (line := job.stderr.readline()):
            said += line
        os.kill(job.pid, signal.SIGTERM)
        _, rest = job.communicate(timeout=30)
    assert job.returncode == 4, said + rest
    assert "stopped by SIGTERM before the window ended" in rest
    found = json.loads((tmp_path / "summary.json").read_text())
    assert found["verdict"] == "INCONCLUSIVE"
    (path,) = [one["path"] for one in found["services"] if one["revision"] == NEW]
    assert json.loads((tmp_path / path).read_text())["verdict"] == "INCONCLUSIVE"
