"""`runverdict check`: from sources to verdicts, files and an exit code."""

import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipeline.commands.common import (
    EXIT_FAIL,
    EXIT_TOOL,
    StorePath,
    catalogue_of,
    config_option,
    exits,
    policy_of,
    say,
    settings_of,
)
from pipeline.errors import SourceError, UsageError

if TYPE_CHECKING:
    from pipeline.run import Job, Run
    from pipeline.settings import Settings


@click.command()
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option("--service", help="Judge this service; default: every one with a deploy, start, crash or 20 requests.")
@click.option("--revision", default="newest", show_default=True, help="newest, serving, or a revision's name.")
@click.option(
    "--baseline", type=click.Choice(["none"]), default="none", show_default=True, help="What to compare with."
)
@click.option("--since", metavar="T", help="Start of the window: RFC 3339, or a duration back from now (30m).")
@click.option("--until", metavar="T", help="End of the window, not included.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Write the files there.")
@click.option("--format", "forms", metavar="md,json", help="Forms to write; with one and no --out: print it.")
@click.option("--store", type=StorePath(), metavar="DIR|bigquery://P.D", help="Keep entries and events there.")
@click.option("--settle", default="5m", show_default=True, help="How long after its end a window is complete.")
@click.option("--dry-run", is_flag=True, help="Print what BigQuery would read, and its price; run nothing.")
@click.option("--max-bytes", metavar="N", type=click.IntRange(min=1), help="No query of BigQuery may bill more.")
@config_option
def check(**options: Any) -> None:
    """Judge the newest revision of each service in SOURCE: files, folders, globs, - for standard input, or
    bigquery://PROJECT.DATASET[.TABLE] for a log sink's tables or Log Analytics.

    Exit codes: 0 PASS or WARN, 1 FAIL, 2 wrong usage or configuration, 3 INCONCLUSIVE, 4 the tool could not do its
    work.

    \b
    Example:
      runverdict check logs.json
      runverdict check exports/ --service shop-api --out report --format md,json
      runverdict check bigquery://shop.logs --since 1h --store bigquery://shop.verdicts --max-bytes 50000000000
      gcloud logging read ... --format=json | runverdict check -
    """
    with exits():
        raise SystemExit(run_check(**options))


def run_check(
    *,
    sources: tuple[str, ...],
    service: str | None,
    revision: str,
    baseline: str,
    since: str | None,
    until: str | None,
    out: Path | None,
    forms: str | None,
    store: str | None,
    settle: str,
    config: Path | None,
    dry_run: bool = False,
    max_bytes: int | None = None,
) -> int:
    """Run the job that the options of `check` describe, print or write what it gives, and return the exit code."""
    from pipeline.report.files import FORMATS, write
    from pipeline.run import Job
    from pipeline.run import check as check_job
    from pipeline.window import Window, parse_duration, parse_time

    assert baseline == "none"
    now = datetime.now(UTC)
    window = Window(
        start=parse_time(since, now=now) if since else None, end=parse_time(until, now=now) if until else None
    )
    settle_s = parse_duration(settle).total_seconds()
    wanted = [form.strip() for form in forms.split(",")] if forms else list(FORMATS)
    if unknown := [form for form in wanted if form not in FORMATS]:
        raise UsageError(f"--format {unknown[0]!r} is not known; there are: {', '.join(FORMATS)}")
    if forms and not out and len(wanted) > 1:
        raise UsageError("several forms need a folder: add --out DIR")
    settings = settings_of(config)
    known, missing = _resolved(sources)
    if missing and not known:
        return EXIT_TOOL
    policy = policy_of(settings, config)
    job = Job(
        sources=known,
        catalogue=catalogue_of(settings),
        policy=policy,
        window=window,
        service=service,
        revision=revision,
        settle_s=settle_s,
        max_bytes=max_bytes,
        expiration_days=settings.store.expiration_days,
    )
    if dry_run:
        return _estimate(job, store)
    place = nullcontext(store) if store else tempfile.TemporaryDirectory(prefix="runverdict-")
    with place as folder, _progress(job.sources) as on_progress:
        run = check_job(job, folder, on_progress=on_progress)
    _talk(run)
    if out:
        write(out, run.verdict, run.verdicts, run.totals, wanted)  # type: ignore[arg-type]
    text = _form(run, wanted[0]) if forms and not out else _summary(run)
    with suppress(BrokenPipeError):  # a reader who has read enough does not change the verdict
        click.echo(text, nl=False)
        sys.stdout.flush()
    return _exit_code(run, settings, failed=bool(missing or run.extraction.failed))


def _estimate(job: "Job", store: str | None) -> int:
    """Print what BigQuery would read for a job, and what it would cost; return the exit code."""
    from pipeline.bigquery import price_usd
    from pipeline.scale import estimate

    total = 0
    for step, read in estimate(store, job.sources, job.catalogue, job.window):
        click.echo(f"{step}: {read:,} bytes, {price_usd(read):.4f} USD")
        total += read
    click.echo(f"in all: {total:,} bytes, {price_usd(total):.4f} USD on demand; nothing was run")
    return 0


def _resolved(arguments: tuple[str, ...]) -> tuple[list[str], list[SourceError]]:
    """Return the files that the arguments name, and what is wrong with the others, which stderr has then."""
    from pipeline.bigquery import is_bigquery
    from pipeline.sources.files import resolve

    good, missing = [], []
    for argument in arguments:
        if is_bigquery(argument):
            good.append(argument)
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
    datasets = [one for one in good if is_bigquery(one)]
    return [*resolve([one for one in good if one not in datasets]), *datasets], missing


def _exit_code(run: "Run", settings: "Settings", *, failed: bool) -> int:
    """Any FAIL is 1, else a source that failed 4, else what the settings say of the worst verdict."""
    if run.verdict == "FAIL":
        return EXIT_FAIL
    if failed:
        return EXIT_TOOL
    return {"WARN": settings.exit.WARN, "INCONCLUSIVE": settings.exit.INCONCLUSIVE}.get(run.verdict, 0)


def _talk(run: "Run") -> None:
    """Say on stderr what the sources met: failures, cuts, repairs, unparsed entries."""
    for error in run.extraction.failed:
        say(error)
    for report in run.extraction.reports:
        for note in report.notes:
            say(f"{report.source}: {note}")
        if report.repaired_utf8:
            say(f"{report.source}: invalid UTF-8 in {report.repaired_utf8:,} records became U+FFFD")
        if report.cut:
            say(f"{report.source}: {report.cut:,} records above 64 MiB were cut")
    if unparsed := run.totals["unparsed"]:
        say(f"{unparsed:,} {'entry' if unparsed == 1 else 'entries'} could not be parsed; kept raw and counted")


def _form(run: "Run", form: str) -> str:
    """The verdicts in one form, as one document; what was not judged is said on stderr."""
    from pipeline.report.files import rendered, summary

    for note in run.notes:
        say(note)
    if form == "md":
        return "\n".join(rendered(one, "md") for _, one in run.verdicts)
    if len(run.verdicts) == 1:
        return rendered(run.verdicts[0][1], "json")
    if run.verdicts:
        return "[" + ",\n".join(rendered(one, "json").rstrip() for _, one in run.verdicts) + "]\n"
    return summary(run.verdict, run.verdicts, run.totals)


def _summary(run: "Run") -> str:
    """The summary for the terminal, with colours where stdout is one."""
    from rich.console import Console

    from pipeline.report.terminal import print_summary

    console = Console(highlight=False)
    with console.capture() as captured:
        print_summary(console, [one for _, one in run.verdicts], run.others, run.totals, run.notes)
    return captured.get()


@contextmanager
def _progress(sources: Any) -> Iterator[Callable[[str, int], None]]:
    """A bar over the bytes of all sources, on a terminal only."""
    from pipeline.sources.files import size

    if not sys.stderr.isatty():
        yield lambda _source, _done: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    sizes = {source: size(source) for source in sources}
    known = [number for number in sizes.values() if number is not None]
    total = sum(known) if len(known) == len(sizes) else None
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reading", total=total)
        done: dict[str, int] = {}

        def on_progress(source: str, read: int) -> None:
            done[source] = read
            bar.update(task, completed=sum(done.values()), description=f"reading {Path(source).name}")

        yield on_progress
