"""The job after a deployment: wait for it, its Ready and its traffic, then for the window that is judged."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from pipeline.errors import SourceError
from pipeline.sources.base import Source
from pipeline.sources.cloud_logging.deployments import READY_S, Deployment
from pipeline.sources.cloud_logging.quota import Clock
from pipeline.sources.request import KEPT_DAYS, DeploymentLog
from pipeline.stores.watches import Watch
from pipeline.text import shown
from pipeline.window import Window, moment_of, rfc3339

#: Between two reads of the log, in s: the first ones, and at most. Half a minute is little where one waits for minutes,
#: and the 60 reads a minute are for the pull itself, too.
POLL_S = 5.0
_MOST_POLL_S = 30.0

#: A deployment that began, or became ready, so long before the job is the one that started it; an older one is not.
RECENT_S = 300.0

#: One that became ready so long before the job, or later, is the job's for certain. Of an earlier one it is looked, for
#: as long, whether another follows: the call that started the job may be logged late.
LATE_S = 60.0

#: So long after the platform said that a revision failed, in s, its last lines are read.
LAST_WORDS_S = 10.0

#: A message names so many services that were seen.
_MAX_NAMES = 10


@dataclass(frozen=True)
class Plan:
    """What a job is for: a deployment and its window, which begins with its traffic; looks: those taken before.

    That of a deployment that failed, or never became ready, ends by the log's times, so that two jobs judge the same.
    """

    deployment: Deployment
    begin: datetime
    end: datetime
    looks: Sequence[Mapping[str, Any]] = field(default=(), hash=False)


def wait_for_deployment(
    sources: Sequence[Source],
    service: str | None,
    length: timedelta,
    *,
    timeout_s: float,
    now: Callable[[], datetime],
    clock: Clock,
    say: Callable[[str], None],
    watched: Sequence[Watch] = (),
) -> Plan:
    """Return the deployment that a job is for, and its window of `length`, once the revision has traffic.

    It waits `timeout_s` for the deployment, `READY_S` for its Ready, and for traffic as long as it waited for the
    deployment; where none comes, the window begins when it should have. One that failed, or never became ready, ends
    the wait at once. say: is told what is waited for, and until when. watched: deployments that a killed job watched;
    their windows stay as they were. Raises SourceError where no deployment comes.
    """
    log = DeploymentLog(sources, service)
    log.until(now())  # an answer shows what time it is there
    began = now()
    deployment = _newest(log, began, now(), watched)
    until = began + timedelta(seconds=timeout_s)
    late = timedelta(seconds=LATE_S)
    last_said = ""
    while True:
        moment = now()
        if deployment is None:
            if moment >= until:
                raise _nothing_came(sources, service, timeout_s, began, moment)
            last_said = _tell(say, last_said, f"waiting for a deployment, until {rfc3339(_second(until))}")
        elif deployment.failed_ns is not None:
            end = moment_of(deployment.failed_ns) + timedelta(seconds=LAST_WORDS_S)
            return Plan(deployment, end, end)
        elif deployment.ready_ns is None:
            limit = moment_of(deployment.started_ns) + timedelta(seconds=READY_S)
            if moment >= limit:
                return Plan(deployment, limit, limit)
            text = f"waiting for {_named(deployment)} to become ready, until {rfc3339(_second(limit))}"
            last_said = _tell(say, last_said, text)
        elif moment - began >= late or moment_of(deployment.ready_ns) >= began - late:
            break
        else:
            last_said = _tell(
                say, last_said, f"{_named(deployment)} is ready; looking whether a newer deployment follows"
            )
        pause_s = _pause_s(moment - began)
        clock.sleep(min(pause_s, (until - moment).total_seconds()) if deployment is None else pause_s)
        deployment = _newest(log, began, now(), watched) or deployment
    if watch := _watch_of(deployment, watched):
        say(f"{_named(deployment)} is watched since {rfc3339(_second(watch.begin))}; going on")
        return Plan(deployment, watch.begin, watch.end, watch.looks)
    ready = moment_of(deployment.ready_ns)
    limit = max(now(), ready) + timedelta(seconds=timeout_s)
    first = _first_request(sources, deployment, now())
    while first is None and now() < limit:
        last_said = _tell(
            say, last_said, f"waiting for traffic of {_named(deployment)}, until {rfc3339(_second(limit))}"
        )
        clock.sleep(_pause_s(now() - ready))
        first = _first_request(sources, deployment, now())
    begin = max(ready, first or ready + timedelta(seconds=timeout_s))
    if now() < begin + length:
        _tell(say, last_said, f"{_named(deployment)} serves; its window ends at {rfc3339(_second(begin + length))}")
    return Plan(deployment, begin, begin + length)


def with_late_requests(sources: Sequence[Source], plan: Plan) -> Plan:
    """Return the plan as the log shows it once its window is over: a request may be logged before an earlier one.

    So two jobs for one deployment judge the same window, whenever each of them looked. Raises SourceError.
    """
    if plan.deployment.ready_ns is None or plan.begin == plan.end:
        return plan
    first = _first_request(sources, plan.deployment, plan.begin)
    begin = max(moment_of(plan.deployment.ready_ns), min(first or plan.begin, plan.begin))
    return replace(plan, begin=begin, end=begin + (plan.end - plan.begin))


def _nothing_came(
    sources: Sequence[Source], service: str | None, timeout_s: float, began: datetime, moment: datetime
) -> SourceError:
    """What to say where no deployment came: whether one was refused, or the log shows any, and of which services."""
    seen = sorted({shown(deployment.service) for deployment in DeploymentLog(sources, None).until(moment, far=True)})
    text = f"no deployment came within {timeout_s:g} s"
    hint = "start the job with the deployment, or name a --since time"
    if refused := DeploymentLog(sources, service).refused(began - timedelta(seconds=RECENT_S), moment):
        text += f"; one was refused at {rfc3339(_second(refused))}"
        hint = "the answer of the deploy command, or the audit log, has the reason"
    elif not seen:
        text += f"; the log shows no deployment of any service in {KEPT_DAYS} days"
        hint = "may this account read the audit log? roles/logging.viewer on the project lets it; is the project right?"
    elif service and shown(service) not in seen:
        names = ", ".join(seen[:_MAX_NAMES]) + (f" and {len(seen) - _MAX_NAMES} more" if seen[_MAX_NAMES:] else "")
        text += f"; the log shows none of service {service!r} in {KEPT_DAYS} days, but of: {names}"
        hint = "check --service"
    return SourceError("--since deploy", text, hint)


def _pause_s(waited: timedelta) -> float:
    """How long to wait before the next read, by how long it was waited already."""
    return float(min(max(round(waited.total_seconds() / 6), POLL_S), _MOST_POLL_S))


def _newest(log: DeploymentLog, began: datetime, moment: datetime, watched: Sequence[Watch]) -> Deployment | None:
    """The newest deployment that the job may be for; None where there is none yet."""
    earliest = began - timedelta(seconds=RECENT_S)
    recent = [
        deployment
        for deployment in log.until(moment)
        if moment_of(deployment.begin_ns) >= earliest or _watch_of(deployment, watched) is not None
    ]
    return recent[-1] if recent else None


def _watch_of(deployment: Deployment, watched: Sequence[Watch]) -> Watch | None:
    """The watch of a deployment; that of its revision before a rollback to it is another one."""
    wanted = deployment.service, deployment.revision
    matching = (watch for watch in watched if (watch.service, watch.revision) == wanted)
    return next((watch for watch in matching if moment_of(deployment.begin_ns) <= watch.begin), None)


def _first_request(sources: Sequence[Source], deployment: Deployment, moment: datetime) -> datetime | None:
    """When the deployment's revision served its first request; None where none is seen yet."""
    assert deployment.ready_ns is not None
    assert deployment.revision is not None
    window = Window(moment_of(deployment.ready_ns) - timedelta(seconds=1), moment)
    moments = [source.first_request(deployment.revision, window) for source in sources]
    return min((time for time in moments if time is not None), default=None)


def _named(deployment: Deployment) -> str:
    return deployment.revision or f"the deployment of {deployment.service}"


def _second(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)


def _tell(say: Callable[[str], None], last_said: str, text: str) -> str:
    """Say a sentence once."""
    if text != last_said:
        say(text)
    return text
