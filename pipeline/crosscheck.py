"""What else is known of the revisions that are judged: by Cloud Monitoring, the Run Admin API, and the audit log.

All of them are optional; the two APIs are waited for a few seconds at most.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import polars as pl

from pipeline.aggregate.measures import Measures
from pipeline.assess.revision_data import View
from pipeline.assess.revisions import Target
from pipeline.errors import SourceError
from pipeline.judge.crosscheck import Configuration, Counted, Crosscheck, Newest, TrafficShare
from pipeline.sources.base import Access, Request, Source
from pipeline.sources.cloud_logging.configured import configured
from pipeline.sources.monitoring import request_count
from pipeline.sources.optional import UnavailableError, within_limit
from pipeline.sources.run_admin import Described, describe
from pipeline.window import Window, moment_of, nanoseconds

_MINUTE_NS = 60 * 10**9

#: A minute this old is counted: sampled every 60 s, and visible after up to 180 s by the metric's documentation.
_COUNTED_AFTER = timedelta(minutes=4)

#: What a missing right would show, by what is read.
_RIGHTS = {
    "counted": ("Cloud Monitoring", "roles/monitoring.viewer", "prove that no log is missing"),
    "described": ("The Run Admin API", "roles/run.viewer", "show the traffic split, the image and who deployed it"),
}

_Answers = dict[tuple[Target, str], Any]


def crosschecks(
    targets: Sequence[Target],
    measures: Sequence[Measures],
    *,
    access: Access,
    request: Request,
    requests_until_ns: int | None,
    settle_s: float,
) -> dict[Target, Crosscheck]:
    """Return what the APIs know of the revisions of services, within `LIMIT_S` for all together.

    measures: of the window and, behind it, of the lookback where one was read. requests_until_ns: requests that began
    later are not all logged yet. settle_s: so long a request lasts at most, in s.
    """
    known = [target for target in targets if target.workload == "service" and target.project and target.location]
    minutes = {target: _minutes(target, measures, request, requests_until_ns, settle_s) for target in known}
    reads: dict[tuple[Target, str], Callable[[], Any]] = {}
    for target in known:
        who = {
            "project": target.project or "",
            "location": target.location or "",
            "service": target.service,
            "revision": target.revision,
        }
        reads[target, "described"] = partial(describe, access, **who)
        first, last = minutes[target]
        if first < last:
            span = moment_of(first * _MINUTE_NS), moment_of(last * _MINUTE_NS)
            reads[target, "counted"] = partial(request_count, access, span, **who)
    answers = within_limit(reads)
    return {target: _crosscheck(target, answers, minutes[target], measures) for target in known}


def with_audit_logs(
    asked: Mapping[Target, Crosscheck], targets: Sequence[Target], sources: Sequence[Source], request: Request
) -> dict[Target, Crosscheck]:
    """Return the same with the configurations that audit logs show, where the Run Admin API gave none.

    Files are searched for them once more, which standard input cannot be; Cloud Logging, Cloud Storage and BigQuery
    give these entries alone.
    """
    wanted = [target for target in targets if target.workload == "service"]
    wanted = [target for target in wanted if asked.get(target, Crosscheck()).configuration is None]
    frames: list[pl.DataFrame] = []
    for source in sources if wanted else ():
        window = request.read_window if source.remote else Window()
        if source.remote or "://" not in source.address:
            with suppress(SourceError):  # without them the claim has no evidence, and the report says so
                frames += source.audit_entries(request.service, window)
    described = configured(frames)
    checks = dict(asked)
    for target in wanted:
        if known := described.get((target.project, target.location, target.service, target.revision)):
            own = replace(asked.get(target, Crosscheck()), configuration=_configuration(known))
            checks[target] = own
    return checks


def _minutes(
    target: Target, measures: Sequence[Measures], request: Request, requests_until_ns: int | None, settle_s: float
) -> tuple[int, int]:
    """The first whole minute, since 1970, whose requests are all counted and logged, and the first that is not.

    A request is logged when it ends. Those that began before the entries that were read are missing from the first
    minutes; a revision that became ready in the window has none of them.
    """
    assert request.now
    ready_ns = View(measures[0], target).row(measures[0].revisions).get("ready_ns")
    start_ns = nanoseconds(request.window.start) if request.window.start else 0
    if len(measures) == 1 and (ready_ns is None or ready_ns < start_ns):
        start_ns += int(settle_s * 1e9)
    ends = [nanoseconds(request.now - _COUNTED_AFTER), requests_until_ns]
    ends.append(nanoseconds(request.window.end) if request.window.end else None)
    return -(-start_ns // _MINUTE_NS), min(end for end in ends if end is not None) // _MINUTE_NS


def _crosscheck(
    target: Target, answers: _Answers, minutes: tuple[int, int], measures: Sequence[Measures]
) -> Crosscheck:
    notes = tuple(
        f"{name} {answer}; grant {role} to {shows}."
        for read, (name, role, shows) in _RIGHTS.items()
        if isinstance(answer := answers.get((target, read)), UnavailableError) and not answer.absent
    )
    first, last = minutes
    counted = answers.get((target, "counted"))
    if isinstance(counted, UnavailableError):
        number = Counted(reason=f"Cloud Monitoring {counted}")
    elif counted is None:
        number = Counted(reason="no whole minute of the window is old enough to be counted by Cloud Monitoring")
    else:
        number = Counted(counted, _logged(target, measures, first, last), last - first)
    described = answers[target, "described"]
    if not isinstance(described, Described):
        return Crosscheck(number, notes=notes)
    newest = Newest(described.newest[0], nanoseconds(described.newest[1])) if described.newest else None
    return Crosscheck(number, _configuration(described), newest, notes)


def _logged(target: Target, measures: Sequence[Measures], first: int, last: int) -> int:
    """How many requests of the log ended in some minutes; those that began in the lookback are in its measures."""
    rows = pl.concat([View(part, target).rows(part.ended) for part in measures])
    return int(rows.filter(pl.col("minute").is_between(first, last, closed="left"))["n"].sum())


def _configuration(described: Described) -> Configuration:
    return Configuration(
        image=described.image,
        commit=described.commit,
        deployer=described.deployer,
        timeout_s=described.timeout_s,
        traffic=[TrafficShare(revision=name, percent=percent) for name, percent in described.traffic.items()],
        is_ready=described.is_ready,
        message=described.message,
        url=described.url,
        memory=described.memory,
        cpu=described.cpu,
        concurrency=described.concurrency,
    )
