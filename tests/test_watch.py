"""The job after a deployment judges the new revision, whenever it starts and in whatever order entries come."""

import re
import tempfile
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from pathlib import Path

import pytest

from pipeline import run
from pipeline.errors import SourceError
from pipeline.sources.base import Access, open_sources
from pipeline.sources.cloud_logging.quota import Clock
from pipeline.sources.request import asked, time_at
from pipeline.stores.local import LocalStore
from pipeline.watch import wait_for_deployment, with_late_requests
from tests.conftest import START, line, ndjson, request, rules
from tests.conftest import call as command
from tests.servers.cloud_logging import CloudLogging, refusal
from tests.sources.test_deployments import NEW, NEWER, OLD, V1, call, ready

VARLOG = "run.googleapis.com%2Fvarlog%2Fsystem"
MINUTES = timedelta(minutes=1)
DAY = 86400


class Story:
    """A project whose entries appear when their time has come: a second of sleep is a second of the log."""

    def __init__(self, entries, start):
        self.cloud = CloudLogging()
        self.cloud.date = self.now
        self.entries = sorted(entries, key=lambda one: one["timestamp"])
        self.moment = START + timedelta(seconds=start)
        self.said = []
        self.sleep(0)

    def now(self):
        return self.moment

    def sleep(self, seconds):
        self.moment += timedelta(seconds=seconds)
        text = self.moment.strftime("%Y-%m-%dT%H:%M:%S.%f")
        due = [one for one in self.entries if one["timestamp"][:26] <= text]
        self.entries = self.entries[len(due) :]
        self.cloud.add(due)

    def seconds(self):
        return (self.moment - START).total_seconds()

    def wait(self, *, length=5 * MINUTES):
        """What the job waits for, and its window."""
        clock = Clock(self.seconds, self.sleep)
        with self.cloud.running() as url:
            sources = open_sources(["logging://demo"], Access(url, clock=clock, now=self.now))
            return wait_for_deployment(
                *(sources, "shop-api", length), timeout_s=600.0, now=self.now, clock=clock, say=self.said.append
            )

    def judge(self, folder, *, length=5 * MINUTES):
        """What the job says: it waits, and then judges."""
        return self.verdict(self.wait(length=length), folder)

    def verdict(self, plan, folder):
        """The run on a window that was waited for."""
        with self.cloud.running() as url:
            sources = open_sources(["logging://demo"], Access(url, now=self.now))
            self.sleep(max((plan.end - self.moment).total_seconds(), 0) + 10)
            words = {"service": "shop-api", "since": "deploy", "until": plan.end.isoformat(), "settle_s": 10.0}
            meant = asked(sources, now=self.now(), deployment=plan.deployment, **words)
            catalogue, policy = rules()
            job = run.Job(sources, catalogue, policy, meant.request, settle_s=10.0, deployments=meant.deployments)
            return run.check(job, LocalStore(folder))


def served(revision, first, last, status=200, every=2):
    return [
        request(second, status, revision=revision.removeprefix("shop-api-"), insertId=f"{revision}{second}")
        for second in range(first, last, every)
    ]


def fate(kind, until=900):
    """The new revision from its Ready at 20 s on."""
    if kind == "healthy":
        return [*served(NEW, 22, until)]
    if kind == "crashing":
        exits = [
            line(s, "Container called exit(1).", log=VARLOG, revision="00042-new", severity="WARNING", insertId=f"x{s}")
            for s in range(30, until, 30)
        ]
        return [*served(NEW, 22, until), *exits]
    return served(OLD, 22, until)


ORDERS = {
    "call, Ready": [call(0), ready(20, NEW)],
    "Ready, call": [ready(20, NEW), call(26, latest=NEW)],
    "two calls": [call(0), ready(20, NEW), call(26, template=NEW)],
}
WANT = {"healthy": "PASS", "crashing": "FAIL", "never Ready": "FAIL"}


#: From 20 s before the call at 0 to a minute after Ready at 20; "Ready, call" has its call at 26.
STARTS = [-20, -12, -3, 1, 7, 12, 19, 21, 25, 30, 45, 60, 80]
#: Before the call, between call and Ready, just after Ready, and long after; the others are in `make test-full`.
QUICK_STARTS = (-20, 7, 21, 80)


def race(kind, order, start):
    """The story of a kind of revision whose entries come in an order, seen by a job that starts then."""
    events = ORDERS[order]
    if kind == "never Ready":
        message = "The user-provided container failed to start and listen on the port defined by PORT=8080."
        events = [ready(20, NEW, "False", message=message) if "Ready condition" in str(one) else one for one in events]
    return Story([ready(-3600, OLD), *served(OLD, -1800, 22), *events, *fate(kind)], start)


@cache
def judged_race(kind, order, plan):
    """The run on what a job waited for: the same for all that waited for the same."""
    with tempfile.TemporaryDirectory() as folder:
        return race(kind, order, 80).verdict(plan, Path(folder))


@pytest.mark.parametrize(
    ("kind", "order", "start"),
    [
        pytest.param(kind, order, start, marks=[] if start in QUICK_STARTS else pytest.mark.full)
        for kind in WANT
        for order in ORDERS
        for start in STARTS
    ],
)
def test_the_race(kind, order, start):
    """From 20 s before the call to a minute after Ready: the new revision's verdict, never the old one's PASS."""
    story = race(kind, order, start)
    plan = story.wait()
    assert plan.deployment.revision == NEW, story.said
    seconds = 20 + 10 if kind == "never Ready" else 22 + 5 * 60
    assert plan.end == START + timedelta(seconds=seconds)
    found = judged_race(kind, order, plan)
    verdicts = {one.revision: one.verdict for _, one in found.verdicts}
    assert verdicts[NEW] == found.verdict == WANT[kind], (verdicts, story.said)
    new = next(one for _, one in found.verdicts if one.revision == NEW)
    assert new.headline.startswith(WANT[kind])
    if kind == "never Ready":
        assert "failed to become ready: The user-provided container failed to start" in new.headline
    else:
        assert {check.id: check.status for check in new.checks}["evidence.deployed"] == "PASS"


def test_it_says_what_it_waits_for(tmp_path):
    """And until when; each sentence once."""
    story = Story([ready(-3600, OLD), call(20), ready(60, NEW), *served(NEW, 90, 900)], 0)
    story.judge(tmp_path / "store")
    assert story.said == [
        "waiting for a deployment, until 2026-01-15T09:10:00Z",
        "waiting for the deployment of shop-api to become ready, until 2026-01-15T09:10:20Z",
        f"waiting for traffic of {NEW}, until 2026-01-15T09:11:05Z",
        f"{NEW} serves; its window ends at 2026-01-15T09:06:30Z",
    ]


def test_a_deployment_that_never_comes_is_an_error():
    """After ten minutes, with what to do."""
    story = Story([ready(-3600, OLD), *served(OLD, -1800, 900)], 0)
    with story.cloud.running() as url:
        clock = Clock(story.seconds, story.sleep)
        sources = open_sources(["logging://demo"], Access(url, clock=clock, now=story.now))
        with pytest.raises(SourceError, match=r"no deployment came within 600 s; start the job with the deployment"):
            wait_for_deployment(
                *(sources, "shop-api", MINUTES), timeout_s=600.0, now=story.now, clock=clock, say=story.said.append
            )
    assert 600 <= story.seconds() <= 630


@pytest.mark.parametrize(
    ("entries", "service", "reason", "advice"),
    [
        (
            [ready(-3600, OLD), *served(OLD, -60, 60)],
            "shop-api",
            "no deployment came within 1 s",
            "start the job with the deployment, or name a --since time",
        ),
        (
            [ready(-3600, OLD), call(-20, code=7), *served(OLD, -60, 60)],
            "shop-api",
            "no deployment came within 1 s; one was refused at TIME",
            "the answer of the deploy command, or the audit log, has the reason",
        ),
        (
            [ready(-3600, OLD), *served(OLD, -60, 60)],
            "shop-apii",
            "no deployment came within 1 s; the log shows none of service 'shop-apii' in 400 days, but of: shop-api",
            "check --service",
        ),
        (
            served(OLD, -60, 60),
            "shop-api",
            "no deployment came within 1 s; the log shows no deployment of any service in 400 days",
            "may this account read the audit log? roles/logging.viewer on the project lets it; is the project right?",
        ),
    ],
    ids=["no deployment", "refused", "no such service", "no right to the audit log"],
)
@pytest.mark.parametrize("watch", [[], ["--watch"]])
def test_nothing_to_wait_for_is_4_with_a_sentence(entries, service, reason, advice, watch):
    """On the command line: what did not come, what was seen in its place, and what to do."""
    shift = datetime.now(UTC) - START
    moved = [
        {**one, "timestamp": (datetime.fromisoformat(one["timestamp"]) + shift).isoformat().replace("+00:00", "Z")}
        for one in entries
    ]
    with CloudLogging(moved).running() as url:
        words = ["--since", "deploy", "--for", "1m", "--deploy-timeout", "1s", "--api-endpoint", url, *watch]
        found = command("check", "logging://demo", "--service", service, *words)
    assert found.exit_code == 4
    told = re.sub(r"at [-0-9T:]+Z", "at TIME", found.stderr.splitlines()[-1])
    assert told == f"runverdict: --since deploy: {reason}; {advice}"
    assert found.stdout == ""


@pytest.mark.parametrize("watch", [[], ["--watch"]])
def test_a_denied_log_is_4_at_once(watch):
    """Nobody waits ten minutes for what may not be read."""
    cloud = CloudLogging()
    cloud.fault = refusal(403, "PERMISSION_DENIED")
    with cloud.running() as url:
        words = ["--since", "deploy", "--for", "1m", "--api-endpoint", url, *watch]
        found = command("check", "logging://demo", "--service", "shop-api", *words)
    assert (found.exit_code, len(cloud.calls)) == (4, 1)
    assert "permission denied" in found.stderr
    assert "ask for roles/logging.viewer on project demo" in found.stderr


@pytest.mark.parametrize("words", [["--watch"], ["--for", "5m"], ["--watch", "--since", "1h"]])
def test_files_have_no_deployment_to_wait_for(tmp_path, words):
    """2, with what is needed."""
    path = ndjson(tmp_path / "x.ndjson", served(NEW, 0, 60))
    found = command("check", path, *words)
    assert found.exit_code == 2
    assert "--for needs --since deploy, a remote source such as logging://PROJECT, and no --until" in found.stderr


@pytest.mark.parametrize("off", [-120, 120])
def test_a_clock_that_is_two_minutes_off_is_not_used(tmp_path, off):
    """This machine's clock is behind or ahead of the log's: the same window and verdict."""
    story = Story([ready(-3600, OLD), *served(OLD, -1800, 22), call(0), ready(20, NEW), *served(NEW, 22, 900)], 1)
    clock = Clock(story.seconds, story.sleep)
    with story.cloud.running() as url:
        access = Access(url, clock=clock, now=lambda: story.now() + timedelta(seconds=off))
        sources = open_sources(["logging://demo"], access)
        now = partial(time_at, sources, story.now)
        plan = wait_for_deployment(
            *(sources, "shop-api", 5 * MINUTES), timeout_s=600.0, now=now, clock=clock, say=story.said.append
        )
    assert (plan.deployment.revision, plan.end) == (NEW, START + timedelta(seconds=22) + 5 * MINUTES)
    assert abs(now() - story.now()) < timedelta(seconds=1)


def test_the_command_says_that_the_clock_is_off():
    """And goes on by the log's."""
    cloud = CloudLogging()
    cloud.date = lambda: datetime.now(UTC) + timedelta(seconds=120)
    with cloud.running() as url:
        words = ["--since", "deploy", "--for", "1m", "--deploy-timeout", "1s", "--api-endpoint", url]
        found = command("check", "logging://demo", *words)
    assert found.exit_code == 4
    assert re.search(r"this machine's clock is 1[12][0-9] s behind the log's; the log's is used", found.stderr)


def test_one_that_never_becomes_ready_fails(tmp_path):
    """No Ready within ten minutes, while the old revision serves on: FAIL of the new one, which the call names."""
    lines = [line(s, "starting", revision="00042-new", insertId=f"l{s}") for s in range(5, 700, 50)]
    story = Story([ready(-3600, OLD), call(0, template=NEW), *lines, *served(OLD, -1800, 1400)], 0)
    found = story.judge(tmp_path / "store")
    assert found.verdict == "FAIL"
    assert story.seconds() < 700
    assert {one.revision: one.verdict for _, one in found.verdicts}[NEW] == "FAIL"


def test_one_that_nothing_names_is_no_pass_of_the_old_one(tmp_path):
    """No Ready, no name, no entry of it: that the old revision is well decides nothing."""
    story = Story([ready(-3600, OLD), call(0), *served(OLD, -1800, 1400)], 0)
    found = story.judge(tmp_path / "store")
    ((_, one),) = found.verdicts
    assert (one.revision, one.verdict) == (OLD, "INCONCLUSIVE")
    assert "a deployment began at 2026-01-15T09:00:00Z, and its revision is not ready" in one.headline


def test_a_request_that_was_logged_late_begins_the_window():
    """Two jobs for one deployment look at different moments, and yet judge the same window."""
    entries = [ready(-3600, OLD), *served(OLD, -1800, 22), call(0), ready(20, NEW), *served(NEW, 22, 900)]
    story = Story(entries, 4)
    plan = story.wait()
    late = request(21, revision="00042-new", insertId="late")
    story.cloud.add([late])
    with story.cloud.running() as url:
        sources = open_sources(["logging://demo"], Access(url, now=story.now))
        plans = [with_late_requests(sources, plan), with_late_requests(sources, with_late_requests(sources, plan))]
    assert plan.begin == START + timedelta(seconds=22)
    begin = START + timedelta(seconds=21)
    assert [(each.begin, each.end) for each in plans] == [(begin, begin + 5 * MINUTES)] * 2


NO_TRAFFIC = [call(0), ready(20, NEW)]
FAILED = [call(0), ready(25, NEW, "False", message="The container failed to start.")]


@pytest.mark.parametrize("events", [NO_TRAFFIC, FAILED, [call(0)]], ids=["no traffic", "failed", "never ready"])
def test_two_jobs_for_a_deployment_judge_the_same_window(events):
    """They start at different moments and poll at others: the window depends on the log alone."""
    ends = {
        Story([ready(-3600, OLD), *served(OLD, -1800, 900, every=30), *events], start).wait().end for start in (4, 9)
    }
    assert len(ends) == 1


def test_a_newer_deployment_supersedes_it(tmp_path):
    """The verdict is the judged revision's, and says which came after it."""
    events = [call(0), ready(20, NEW), call(200, template=NEWER), ready(220, NEWER)]
    story = Story([ready(-3600, OLD), *events, *served(NEW, 22, 230), *served(NEWER, 230, 900)], 0)
    found = story.judge(tmp_path / "store")
    ((_, one),) = found.verdicts
    assert (one.revision, one.verdict, one.superseded_by) == (NEW, "PASS", NEWER)
    assert one.headline.endswith(f"superseded by {NEWER}")


@pytest.mark.parametrize("kind", ["healthy", "crashing"])
def test_a_deployment_is_judged_again_later_as_it_was(tmp_path, kind):
    """A day after it, another one long in place, by its window and revision: the same checks and numbers."""
    story = race(kind, "call, Ready", 0)
    plan = story.wait()
    then = next(one for _, one in story.verdict(plan, tmp_path / "then").verdicts if one.revision == NEW)
    story.entries += [call(40_000, template=NEWER), ready(40_015, NEWER)]
    story.sleep(DAY)
    with story.cloud.running() as url:
        sources = open_sources(["logging://demo"], Access(url, now=story.now))
        words = {"service": "shop-api", "since": then.window.start, "until": then.window.end, "settle_s": 10.0}
        meant = asked(sources, now=story.now(), named=True, **words)
        job = run.Job(sources, *rules(), meant.request, revision=NEW, settle_s=10.0)
        ((_, later),) = run.check(job, LocalStore(tmp_path / "later")).verdicts
    own = {"evidence.deployed"}  # of a named revision there is nothing to prove
    assert (later.verdict, later.requests, later.window) == (then.verdict, then.requests, then.window)
    assert [one for one in later.checks if one.id not in own] == [one for one in then.checks if one.id not in own]


def test_one_without_traffic_is_inconclusive(tmp_path):
    """`--no-traffic`: it is ready, the old one serves on, and nobody knows how the new one would do."""
    story = Story([ready(-3600, OLD), call(0), ready(20, NEW), *served(OLD, -1800, 2000)], 0)
    found = story.judge(tmp_path / "store")
    assert found.verdict == "INCONCLUSIVE"
    assert {one.revision: one.verdict for _, one in found.verdicts} == {NEW: "INCONCLUSIVE", OLD: "INCONCLUSIVE"}


def test_a_canary_says_its_share(tmp_path):
    """One request in five: judged, and its share is told."""
    old = served(OLD, -1800, 900, every=2)
    story = Story([ready(-3600, OLD), call(0), ready(20, NEW), *old, *served(NEW, 22, 900, every=8)], 0)
    found = story.judge(tmp_path / "store")
    new = next(one for _, one in found.verdicts if one.revision == NEW)
    text = next(check.reason for check in new.checks if check.id == "evidence.deployed")
    assert text.startswith("it is the newest deployed revision and had 2")


def test_a_rollback_judges_the_revision_that_traffic_went_back_to(tmp_path):
    """The newest revision crashed, and all traffic was sent to the old one again."""
    events = [ready(-3600, OLD), call(-900), ready(-880, NEW), call(0, template=OLD, target=OLD)]
    story = Story([*events, *served(NEW, -880, 1, status=500), *served(OLD, 2, 900)], 1)
    found = story.judge(tmp_path / "store")
    ((_, one),) = found.verdicts
    assert (one.revision, one.verdict) == (OLD, "PASS")
    text = next(check.reason for check in one.checks if check.id == "evidence.deployed")
    assert text.startswith("all traffic was sent to it")


def judged_now(story, folder):
    """A check without --for, at the story's moment."""
    with story.cloud.running() as url:
        sources = open_sources(["logging://demo"], Access(url, now=story.now))
        meant = asked(sources, now=story.now(), service="shop-api", settle_s=10.0)
        catalogue, policy = rules()
        job = run.Job(sources, catalogue, policy, meant.request, settle_s=10.0, deployments=meant.deployments)
        return run.check(job, LocalStore(folder))


CANARY = call(0, template=NEW)  # gcloud run services update-traffic: a whole Replace, without a mask


@pytest.mark.parametrize(
    ("before", "start", "window", "reason"),
    [
        (
            [ready(-9 * DAY, OLD), ready(-5 * DAY, NEW)],
            "NOT_APPLICABLE",
            "08:30:00",
            "no live window with a deployment",
        ),
        ([], "PASS", "09:00:00", "it is the newest deployed revision and had 100 %"),
        ([ready(-9 * DAY, OLD)], "PASS", "09:00:00", "it is the newest deployed revision and had 100 %"),
    ],
    ids=["Ready days ago", "Ready before all that is kept", "only the older one's Ready is kept"],
)
def test_traffic_alone_never_fails_a_revision_that_serves(tmp_path, before, start, window, reason):
    """Its call names a revision whose Ready is not in the day, or nowhere."""
    lines = [line(s, "starting", revision="00042-new", insertId=f"l{s}") for s in range(-1500, 1700, 100)]
    story = Story([*before, CANARY, *lines, *served(NEW, -1700, 1790)], 1800)
    ((_, one),) = judged_now(story, tmp_path / "store").verdicts
    checks = {check.id: check for check in one.checks}
    assert (one.revision, one.verdict) == (NEW, "PASS"), one.headline
    assert one.window.start == f"2026-01-15T{window}Z"
    assert checks["evidence.deployed"].status == start
    assert checks["evidence.deployed"].reason.startswith(reason)
    assert checks["deployment.ready"].status == "NOT_OBSERVABLE"


def test_a_pending_deployment_is_inconclusive(tmp_path):
    """Its revision is named and starts, but is not ready yet; ten minutes later it never became ready."""
    lines = [line(s, "starting", revision="00042-new", insertId=f"l{s}") for s in range(5, 700, 5)]
    events = [ready(-3600, OLD), call(0, template=NEW), *lines, *served(OLD, -1800, 700)]
    for seconds, verdict, reason in (
        (500, "INCONCLUSIVE", "its revision is not ready yet"),
        (690, "FAIL", "the revision never became ready; its deployment began at 2026-01-15T09:00:00Z"),
    ):
        found = judged_now(Story(events, seconds), tmp_path / verdict)
        new = next(one for _, one in found.verdicts if one.revision == NEW)
        told = "; ".join(check.reason for check in new.checks if check.id in ("evidence.deployed", "deployment.ready"))
        assert (new.verdict, reason in told) == (verdict, True), new.headline


@pytest.mark.parametrize(
    ("newer", "superseded_by"),
    [
        ([call(200, template=NEWER)], NEWER),
        ([call(200)], "a deployment that began at 2026-01-15T09:03:20Z"),
        ([call(200), ready(220, NEWER, "False", message="It did not listen.")], None),
    ],
    ids=["named", "not named yet", "failed"],
)
def test_a_newer_deployment_that_is_pending_supersedes_it_too(tmp_path, newer, superseded_by):
    """By its revision, or by the time of its call; one that failed changed nothing."""
    story = Story([ready(-3600, OLD), call(0), ready(20, NEW), *newer, *served(NEW, 22, 900)], 0)
    ((_, one),) = story.judge(tmp_path / "store").verdicts
    assert (one.revision, one.verdict, one.superseded_by) == (NEW, "PASS", superseded_by)
    assert one.headline.endswith(f"superseded by {superseded_by}") == bool(superseded_by)


def test_the_method_is_one_of_the_calls():
    """The story's own calls are the product's: Cloud Run's v1."""
    assert call(0)["protoPayload"]["methodName"] == V1
