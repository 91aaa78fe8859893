"""From the options of a command to a job: what is opened, the window that is meant, the store, the cost."""

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from pipeline.commands.common import (
    EXIT_TOOL,
    StorePath,
    catalogue_of,
    expectations_of,
    policy_of,
    results_of,
    say,
    settings_of,
)
from pipeline.commands.progress import progress_of
from pipeline.errors import UsageError

if TYPE_CHECKING:
    from datetime import datetime

    from pipeline.extract import Extraction
    from pipeline.run import Job, Run
    from pipeline.sources.base import Estimate, Opened, Request, Source
    from pipeline.sources.cloud_logging.deployments import Deployment
    from pipeline.sources.request import Asked
    from pipeline.stores.base import Store
    from pipeline.stores.watches import Watch
    from pipeline.watch import Plan

_Command = TypeVar("_Command", bound=Callable[..., Any])

#: Options of a command by their names; one that a command does not have is missing.
Options = Mapping[str, Any]


@dataclass(frozen=True)
class Judged:
    """How a job ended. missing: some source could not be opened; stopped: SIGTERM came before the window's end."""

    run: "Run"
    missing: bool
    stopped: bool = False


_OPTIONS = (
    click.option(
        "--since",
        metavar="T",
        help="Start of the window: RFC 3339, a duration back from now (30m), or deploy: when the newest revision "
        "became ready. Default: files whole, services since deploy if that is within a day, else 1h.",
    ),
    click.option("--until", metavar="T", help="End of the window, not included."),
    click.option(
        "--settle",
        metavar="D",
        help="How long after its end a window is complete. Default: the service's request time-out, else 5m.",
    ),
    click.option("--dry-run", is_flag=True, help="Estimate what reading would take, and read nothing else."),
    click.option(
        "--reads-per-minute",
        type=click.IntRange(1, 60),
        default=50,
        show_default=True,
        help="Reads of Cloud Logging; a project has 60 a minute for all that read it.",
    ),
    click.option("--group", is_flag=True, help="Let the group read what is written; else it is for its user alone."),
    click.option("--billing-project", metavar="P", help="Pays for jobs of BigQuery and requester-pays buckets."),
    click.option("--api-endpoint", metavar="URL", help="Another address of the API; http:// on this machine only."),
)


_JOB_OPTIONS = (
    click.option(
        "--store", type=StorePath(), metavar="DIR|bigquery://P.D", help="Keep entries, events and history there."
    ),
    click.option(
        "--history",
        type=StorePath(),
        metavar="DIR|gs://B/P|bigquery://P.D",
        help="Keep what is remembered of verdicts there; default: in the store.",
    ),
    click.option("--max-bytes", metavar="N", type=click.IntRange(min=1), help="The run may bill no more in BigQuery."),
    click.option("--wait", is_flag=True, help="Wait until the window is settled."),
    click.option(
        "--for",
        "length",
        metavar="D",
        is_flag=False,
        flag_value="15m",
        help="With --since deploy: wait for the deployment, its Ready and traffic, then judge so long a window.",
    ),
    click.option(
        "--deploy-timeout", metavar="D", default="10m", show_default=True, help="How long --for waits for a deployment."
    ),
)


def source_options(command: _Command) -> _Command:
    """Add the options of windows and remote sources to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def job_options(command: _Command) -> _Command:
    """Add the options of a job's store and cost to a command."""
    for option in reversed(_JOB_OPTIONS):
        command = option(command)
    return command


def opened(addresses: Sequence[str], options: Options) -> "Opened":
    """Open the sources that the arguments name, and say on stderr what is wrong with some.

    Leaves with 4 where none is left.
    """
    from pipeline.sources.base import READS_PER_MINUTE, Access, Opened

    access = Access(
        options.get("api_endpoint"),
        options.get("reads_per_minute", READS_PER_MINUTE),
        budget=options.get("budget"),
        billing_project=options.get("billing_project"),
        is_store_in_bigquery=str(options.get("store") or "").startswith("bigquery://"),
    )
    sources = Opened(access)
    for address in addresses:
        sources.add(address)
    for error in sources.failed:
        say(error)
    for address in sources.empty:
        say(f"{address}: no file below it is named like a log: .json, .ndjson, .jsonl, .log or .txt, also .gz")
    if sources.failed and not sources.sources:
        raise SystemExit(EXIT_TOOL)
    return sources


def asked(sources: Sequence["Source"], options: Options) -> "Asked":
    """Return what the options of a command mean now; with --wait, once the window is settled.

    Raises UsageError and SourceError.
    """
    if not options.get("length") or options.get("dry_run"):
        meant = meant_now(sources, options, until=options.get("until"))
        return settled(meant, sources) if options.get("wait") else meant
    from pipeline.watch import with_late_requests

    plan = plan_of(sources, options)
    time.sleep(max((plan.end - now_at(sources)).total_seconds(), 0.0))
    return meant_after(sources, options, with_late_requests(sources, plan))


def meant_after(sources: Sequence["Source"], options: Options, plan: "Plan") -> "Asked":
    """Return what the options mean of a deployment's window that is over, once it is settled."""
    from pipeline.window import rfc3339

    return settled(meant_now(sources, options, until=rfc3339(plan.end), deployment=plan.deployment), sources)


def meant_now(
    sources: Sequence["Source"], options: Options, *, until: str | None, deployment: "Deployment | None" = None
) -> "Asked":
    """Return what the options of a command mean now, of a deployment or of the window that they name."""
    from pipeline.sources.request import asked as meant
    from pipeline.window import parse_duration

    settle = options.get("settle")
    return meant(
        sources,
        now=now_at(sources),
        service=options.get("service"),
        since=options.get("since"),
        until=until,
        settle_s=parse_duration(settle).total_seconds() if settle else None,
        baseline=options.get("baseline", "none") != "none",
        named=bool(options.get("dry_run")) or options.get("revision") not in ("newest", "serving", "every"),
        deployment=deployment,
    )


def settled(meant: "Asked", sources: Sequence["Source"]) -> "Asked":
    """Return what is meant, once the window is settled. Raises UsageError where no source is remote."""
    from dataclasses import replace

    request = meant.request
    if request.now is None or request.window.end is None:
        raise UsageError("--wait is for services, such as logging://PROJECT; a file gets no late entries")
    left = request.window.end + timedelta(seconds=meant.settle_s) - request.now
    if left > timedelta(0):
        say(f"the window is settled in {left.total_seconds():.0f} s; waiting")
        time.sleep(left.total_seconds())
    return replace(meant, request=replace(request, now=now_at(sources)))


def plan_of(sources: Sequence["Source"], options: Options, watched: "Sequence[Watch]" = ()) -> "Plan":
    """Wait for the deployment that a job is for, and its traffic. Raises UsageError and SourceError.

    watched: deployments that a killed job watched.
    """
    from pipeline.endpoints import is_objects
    from pipeline.sources.base import MAX_CLOCK_S
    from pipeline.sources.cloud_logging.quota import Clock
    from pipeline.sources.request import DEPLOY
    from pipeline.watch import wait_for_deployment
    from pipeline.window import parse_duration

    remote = [source for source in sources if source.remote]
    if options.get("since") != DEPLOY or not remote or options.get("until"):
        raise UsageError("--for needs --since deploy, a remote source such as logging://PROJECT, and no --until")
    if late := [source.address for source in remote if is_objects(source.address)]:
        raise UsageError(f"{late[0]} lags 2 to 3 hours, so no release can wait for it; use logging://PROJECT")
    last_said = ""

    def now() -> "datetime":
        nonlocal last_said
        moment = now_at(remote)
        off_s = (moment - _now()).total_seconds()
        if abs(off_s) > MAX_CLOCK_S and not last_said:
            last_said = f"this machine's clock is {abs(off_s):.0f} s {'behind' if off_s > 0 else 'ahead of'} the log's"
            say(f"{last_said}; the log's is used")
        return moment

    return wait_for_deployment(
        remote,
        options.get("service"),
        parse_duration(options["length"]),
        timeout_s=parse_duration(options["deploy_timeout"]).total_seconds(),
        now=now,
        clock=Clock(),
        say=say,
        watched=watched,
    )


def job_of(addresses: Sequence[str], options: Options) -> tuple["Job", bool]:
    """Return the job that the options of a command describe, and whether some source could not be opened."""
    job, sources = windowless_job(addresses, options)
    return job.of_window(asked(sources.sources, options)), bool(sources.failed)


def windowless_job(addresses: Sequence[str], options: Options) -> tuple["Job", "Opened"]:
    """Return the job that the options of a command describe before its window is known, and its sources."""
    from pipeline.run import Job

    config = options.get("config")
    settings = settings_of(config)
    policy = policy_of(settings, config)
    catalogue = catalogue_of(settings)
    expected = expectations_of(settings, catalogue, config)
    policies = {service: policy_of(settings, config, service) for service in settings.service}
    sources = opened(addresses, options)
    job = Job(
        sources=sources.sources,
        catalogue=catalogue,
        policy=policy,
        policies=policies,
        revision=options.get("revision", "newest"),
        baseline=options.get("baseline", "previous"),
        expected=expected,
        tests=results_of(options.get("junit")),
        access=sources.access,
    )
    return job, sources


@contextmanager
def store_of(options: Options) -> Iterator["Store"]:
    """Yield the store that --store names, a temporary one without it."""
    from pipeline.stores.base import StoreOptions, open_store

    if options.get("group"):
        os.umask(0o027)
    address = options.get("store")
    expiration_days = settings_of(options.get("config")).store.expiration_days
    paid = options.get("billing_project"), options.get("api_endpoint")
    more = StoreOptions(options.get("budget"), expiration_days, bool(options.get("copies")), *paid)
    with ExitStack() as stack:
        if address:
            store = open_store(str(address), more)
        else:
            from pipeline.stores.temporary import TemporaryStore

            store = TemporaryStore(Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="runverdict-"))))
        if past := options.get("history"):
            from pipeline.stores.elsewhere import StoreWithHistory, open_history

            store = StoreWithHistory(store, open_history(str(past), more, options.get("api_endpoint")))
        yield store


def run_job(job: "Job", store: "Store") -> "Run":
    """Run a job in a store with a progress bar, and say on stderr what the sources met."""
    from pipeline.run import check

    with progress_of(job.sources) as progress:
        run = check(job, store, progress)
    say_reports(run.extraction)
    if unparsed := run.totals["unparsed"]:
        say(f"{unparsed:,} {'entry' if unparsed == 1 else 'entries'} could not be parsed; kept raw and counted")
    return run


def say_estimates(estimates: Sequence["Estimate"]) -> None:
    """Print what reading would take, and what BigQuery would bill."""
    from pipeline.warehouse import price_text, price_usd

    if not estimates:
        raise UsageError("--dry-run is for logging://, bigquery:// and gs://; files are read at no cost")
    for estimate in estimates:
        click.echo(f"{estimate.step}: {estimate.text}")
        if estimate.advice:
            say(estimate.advice)
    billed = [(each.bytes_read, each.usd) for each in estimates if each.bytes_read is not None]
    if billed:
        usd = sum(price_usd(n_bytes) if price is None else price for n_bytes, price in billed)
        click.echo(f"in all: {price_text(sum(n_bytes for n_bytes, _ in billed), usd)} on demand; nothing was run")


def estimates_of(sources: Sequence["Source"], request: "Request") -> list["Estimate"]:
    """Return what reading the sources would take, of those that cost something."""
    return [estimate for source in sources if (estimate := source.estimate(request))]


def now_at(sources: Sequence["Source"]) -> "datetime":
    """Return the time of day at the sources, this machine's where they have none."""
    from pipeline.sources.request import time_at

    return time_at(sources, _now)


def _now() -> Any:
    from datetime import UTC, datetime

    return datetime.now(UTC)


def say_reports(extraction: "Extraction") -> None:
    """Say on stderr what the sources met: failures, losses, cuts, repairs."""
    for error in extraction.failed:
        say(error)
    for report in extraction.reports:
        for note in report.notes:
            say(f"{report.source}: {note}")
        troubles = [
            ("could not be parsed", report.unparsed, report.first_unparsed),
            ("are of other resource types", report.other_types, report.first_other),
        ]
        for words, n, first in troubles:
            if n:
                where = f", the first is record {first:,}" if first else ""
                say(f"{report.source}: {n:,} of {report.read + report.outside:,} entries {words}{where}")
        if report.repaired_utf8:
            say(f"{report.source}: invalid UTF-8 in {report.repaired_utf8:,} records became U+FFFD")
        if report.cut:
            say(f"{report.source}: {report.cut:,} records above 64 MiB were cut")
