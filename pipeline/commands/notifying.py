"""`--notify`: after a run, who is told of which verdict, each once; a failure is said and changes nothing."""

import os
from typing import TYPE_CHECKING
from urllib.parse import quote

from pipeline.commands.common import say, settings_of
from pipeline.commands.job import Options
from pipeline.errors import RunverdictError

if TYPE_CHECKING:
    from pipeline.assess.assess import Assessment
    from pipeline.notify.channels import Channel
    from pipeline.notify.message import Notice
    from pipeline.run import Run
    from pipeline.stores import notices
    from pipeline.stores.base import Store


def channels_of(options: Options) -> "list[Channel]":
    """Return whom --notify names. Raises UsageError before anything is read."""
    if not options.get("notify"):
        return []
    from pipeline.notify.channels import channels

    return channels(options["notify"])


def notify(options: Options, run: "Run", store: "Store") -> None:
    """Tell the channels of the verdicts that `[notify] on` names, and say on stderr whom it did not reach."""
    wanted = channels_of(options)
    if not wanted or not run.assessments:
        return
    from pipeline.notify.send import tell_all
    from pipeline.stores import notices

    told_on = settings_of(options.get("config")).notify.on
    every = _notices(run)
    before: set[str] = set()
    try:
        before = notices.sent(store)
    except RunverdictError as error:
        say(f"who was told before is not known, so some may be told again: {error}")
    own = {
        notice.id for notice, assessment in zip(every, run.assessments, strict=True) if _is_of_deployment(assessment)
    }
    # A file of metrics is no message: it shows what is, every time.
    due = {channel: every for channel in wanted if channel.kind == "metrics"}
    claims: dict[tuple[Channel, str], tuple[notices.Notice, str | None]] = {}
    for channel in (channel for channel in wanted if channel.kind != "metrics"):
        for notice in every:
            name = notices.key(notice.id, f"{channel.kind} {channel.secret}")
            if notice.id not in own or notice.verdict.verdict not in told_on or name in before:
                continue
            kept = _kept(name, channel, notice)
            if (claim := _claim(store, kept)) is not None:
                claims[channel, notice.id] = kept, claim or None
                due.setdefault(channel, []).append(notice)
    answers = tell_all({channel: messages for channel, messages in due.items() if messages})
    for channel, failures in answers.items():
        for notice in due[channel]:
            what = f"{notice.verdict.verdict} of {notice.verdict.service} {notice.verdict.revision}"
            if failures[notice.id]:
                say(
                    f"--notify {channel.kind}: not told of {what}: it {failures[notice.id]}; the verdict stays as it is"
                )
            if channel.kind != "metrics":
                _remember(store, *claims[channel, notice.id], told=not failures[notice.id])


def _is_of_deployment(assessment: "Assessment") -> bool:
    """Whether a revision is the one that was deployed, where that is known: nobody asked about the one before it."""
    deployed = assessment.data.deployed
    return deployed is None or deployed.revision in (None, assessment.target.revision)


def _kept(name: str, channel: "Channel", notice: "Notice") -> "notices.Notice":
    from pipeline.stores import notices

    verdict = notice.verdict
    return notices.Notice(name, channel.kind, verdict.service, verdict.revision, verdict.verdict)


def _claim(store: "Store", notice: "notices.Notice") -> str | None:
    """A claim to send a notice, empty where the store refuses any; None where another run sends it."""
    from pipeline.stores import notices

    try:
        return notices.claim(store, notice)
    except RunverdictError as error:
        say(f"whether another run tells {notice.kind} is not known, so it may be told twice: {error}")
        return ""


def _remember(store: "Store", notice: "notices.Notice", claim: str | None, *, told: bool) -> None:
    from pipeline.stores import notices

    try:
        if told:
            notices.save(store, notice)
        elif claim:
            notices.give_up(store, notice, claim)
    except RunverdictError as error:
        say(
            f"{notice.kind} was told, and may be told again: {error}"
            if told
            else f"{notice.kind} is not told again for ten minutes: {error}"
        )


def _notices(run: "Run") -> "list[Notice]":
    from pipeline.notify.message import Notice
    from pipeline.report.files import rendered
    from pipeline.report.first_screen import answers

    made = []
    for assessment in run.assessments:
        verdict, target = assessment.verdict, assessment.target
        deployed = assessment.data.deployed
        began = str(deployed.started_ns) if deployed is not None and deployed.rollback else ""
        link = _link(target.project, target.location, target.service)
        made.append(Notice(verdict, target.project, began, link, answers(verdict).now, rendered(verdict, "md")))
    return made


def _link(project: str | None, location: str | None, service: str) -> str | None:
    """Where to read more: the run of the CI system, else the service in Google Cloud's console."""
    server, repository, run = (os.environ.get(f"GITHUB_{name}") for name in ("SERVER_URL", "REPOSITORY", "RUN_ID"))
    if server and repository and run:
        return f"{server}/{repository}/actions/runs/{run}"
    if url := os.environ.get("CI_JOB_URL"):
        return url
    if not project or not location:
        return None
    path = "/".join(quote(name, safe="") for name in (location, service))
    return f"https://console.cloud.google.com/run/detail/{path}/revisions?project={quote(project, safe='')}"
