"""What the commands that read services share: options, the window their words mean, progress, an estimate."""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import click

from pipeline.commands.common import say
from pipeline.errors import SourceError, UsageError

if TYPE_CHECKING:
    from pipeline.sources.cloud_logging.pull import Live, Progress
    from pipeline.sources.request import Asked

_Command = TypeVar("_Command", bound=Callable[..., Any])

#: From so many entries on a sink is the better way.
_MANY = 1_000_000
_OTHER_WAYS = (
    "more than a million entries: the API gives about 1,000 a second at most; a sink to Cloud Storage, read as files, "
    "or one to BigQuery (Log Analytics) has no such limit"
)

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
    click.option("--api-endpoint", metavar="URL", help="Another address of the API; http:// on this machine only."),
)


def live_options(command: _Command) -> _Command:
    """Add the options of windows and services to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def meaning(
    sources: Sequence[str],
    *,
    service: str | None,
    baseline: bool,
    since: str | None = None,
    until: str | None = None,
    settle: str | None = None,
    reads_per_minute: int = 50,
    api_endpoint: str | None = None,
) -> "Asked":
    """Return what the options of a command mean now. Raises UsageError and SourceError."""
    from pipeline.sources.cloud_logging.access import Access
    from pipeline.sources.request import asked
    from pipeline.window import parse_duration

    return asked(
        sources,
        Access(api_endpoint, reads_per_minute),
        now=datetime.now(UTC),
        service=service,
        since=since,
        until=until,
        settle_s=parse_duration(settle).total_seconds() if settle else None,
        baseline=baseline,
    )


def resolved(arguments: Sequence[str]) -> tuple[list[str], list[SourceError]]:
    """Return the files and services that the arguments name, and what is wrong with others, which stderr has then."""
    from pipeline.sources.cloud_logging.access import is_live, project_of
    from pipeline.sources.files.reader import resolve
    from pipeline.warehouse import is_bigquery

    good: list[str] = []
    missing: list[SourceError] = []
    services: list[str] = []
    for argument in arguments:
        if is_live(argument):
            project_of(argument)
            services.append(argument.removesuffix("/"))
            continue
        if is_bigquery(argument):
            services.append(argument)
            continue
        try:
            found = resolve([argument])
        except SourceError as error:
            missing.append(error)
            say(error)
            continue
        good.append(argument)
        if not found:
            say(f"{argument}: no file below it is named like a log: .json, .ndjson, .jsonl, .log or .txt, also .gz")
    return [*resolve(good), *dict.fromkeys(services)], missing


def settled(what: "Asked") -> "Asked":
    """Wait until the window is settled, and return what is meant at that moment."""
    if what.live is None or what.window.end is None:
        raise UsageError("--wait is for services, such as logging://PROJECT; a file gets no late entries")
    left = what.window.end + timedelta(seconds=what.settle_s) - what.live.now
    if left > timedelta(0):
        say(f"the window is settled in {left.total_seconds():.0f} s; waiting")
        time.sleep(left.total_seconds())
    return replace(what, live=replace(what.live, now=datetime.now(UTC)))


def say_estimate(sources: Sequence[str], what: "Asked") -> None:
    """Print what reading the services would take."""
    from pipeline.sources.cloud_logging.access import is_live
    from pipeline.sources.request import estimate
    from pipeline.window import rfc3339

    if what.live is None:
        raise UsageError("--dry-run is for services, such as logging://PROJECT; files are read at no cost")
    for source in filter(is_live, sources):
        found = estimate(source, what.live)
        minutes = "less than a minute" if found.minutes < 1 else _counted(round(found.minutes), "minute")
        click.echo(
            f"{source} from {rfc3339(what.live.since)} to {rfc3339(what.live.until)}: "
            f"{'' if found.exact else 'about '}{_counted(found.entries, 'entry', 'entries')}, "
            f"{_counted(found.pages, 'read')}, {minutes} at {what.live.access.reads_per_minute} reads a minute "
            f"({_counted(found.reads, 'read')} used for this)"
        )
        if found.entries > _MANY:
            say(_OTHER_WAYS)


def _counted(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


@contextmanager
def pulling(live: "Live") -> Iterator["Live"]:
    """Yield what to pull with a progress bar on a terminal, and with a word where another way would be better."""
    warned = False

    def warn(progress: "Progress") -> None:
        nonlocal warned
        if progress.entries > _MANY and not warned:
            warned = True
            say(_OTHER_WAYS)

    if not sys.stderr.isatty():
        yield replace(live, on_progress=warn)
        return
    from rich import progress as bars
    from rich.console import Console

    from pipeline.window import rfc3339_ns

    text = bars.TextColumn("{task.description}")
    columns = (text, bars.BarColumn(), bars.TaskProgressColumn(), bars.TimeRemainingColumn())
    with bars.Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("pulling", total=1.0)

        def show(progress: "Progress") -> None:
            warn(progress)
            at = rfc3339_ns(progress.position_ns // 10**9 * 10**9)
            words = f"pulling {progress.entries:,} entries, at {at}, {progress.reads_left} reads left in this minute"
            bar.update(task, completed=progress.share, description=words)

        yield replace(live, on_progress=show)
