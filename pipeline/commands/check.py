"""`runverdict check`: from sources to verdicts, files and an exit code."""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
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
from pipeline.commands.live import live_options, meaning, pulling, resolved, say_estimate, settled
from pipeline.commands.output import joined, to_github
from pipeline.errors import UsageError

if TYPE_CHECKING:
    from pipeline.judge.policy import Policy
    from pipeline.run import Job, Run
    from pipeline.settings import Settings


@click.command()
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option("--service", help="Judge this service; default: every one with a deploy, start, crash or 20 requests.")
@click.option("--revision", default="newest", show_default=True, help="newest, serving, or a revision's name.")
@click.option(
    "--baseline",
    default="previous",
    show_default=True,
    metavar="previous|none|R",
    help="Compare with the revision that served before, with nothing, or with revision R.",
)
@live_options
@click.option("--wait", is_flag=True, help="Wait until the window is settled.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Write the files there.")
@click.option(
    "--format",
    "forms",
    metavar="md,json,html,junit",
    help="Forms to write, default all; with one and no --out: print it.",
)
@click.option("--store", type=StorePath(), metavar="DIR|bigquery://P.D", help="Keep entries, events and history there.")
@click.option("--max-bytes", metavar="N", type=click.IntRange(min=1), help="No query of BigQuery may bill more.")
@click.option(
    "--junit",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="Results of tests to take into account, as JUnit XML; can be given several times.",
)
@click.option("--explain-policy", is_flag=True, help="Say which rule decided what, and what would change the verdict.")
@config_option
def check(**options: Any) -> None:
    """Judge the newest revision of each service in SOURCE: files, folders, globs, - for standard input, the log of a
    project, logging://PROJECT, or bigquery://PROJECT.DATASET[.TABLE] for a log sink's tables or Log Analytics.

    Exit codes: 0 PASS or WARN, 1 FAIL, 2 wrong usage or configuration, 3 INCONCLUSIVE, 4 the tool could not do its
    work.

    \b
    Example:
      runverdict check logs.json
      runverdict check exports/ --service shop-api --out report --format md,json
      runverdict check bigquery://shop.logs --since 1h --store bigquery://shop.verdicts --max-bytes 50000000000
      gcloud logging read ... --format=json | runverdict check -
      runverdict check logging://my-project --service shop-api --since deploy --wait --store logs
    """
    with exits():
        raise SystemExit(run_check(**options))


def run_check(
    *,
    sources: tuple[str, ...],
    service: str | None,
    revision: str,
    baseline: str,
    out: Path | None,
    forms: str | None,
    store: str | None,
    config: Path | None,
    junit: tuple[Path, ...] = (),
    explain_policy: bool = False,
    wait: bool = False,
    dry_run: bool = False,
    max_bytes: int | None = None,
    **asked: Any,
) -> int:
    """Run the job that the options of `check` describe, print or write what it gives, and return the exit code.

    asked: the options of `live.meaning`.
    """
    from pipeline.judge.expectations import Expectations
    from pipeline.report.files import FORMATS, write
    from pipeline.run import Job
    from pipeline.sources.junit import read as read_results

    wanted = [form.strip() for form in forms.split(",")] if forms else list(FORMATS)
    if unknown := [form for form in wanted if form not in FORMATS]:
        raise UsageError(f"--format {unknown[0]!r} is not known; there are: {', '.join(FORMATS)}")
    if forms and not out and len(wanted) > 1:
        raise UsageError("several forms need a folder: add --out DIR")
    settings = settings_of(config)
    known, missing = resolved(sources)
    if missing and not known:
        return EXIT_TOOL
    what = meaning(known, service=service, baseline=baseline != "none", **asked)
    if dry_run and what.live:
        say_estimate(known, what)
        return 0
    if wait:
        what = settled(what)
    policy = policy_of(settings, config)
    job = Job(
        sources=known,
        catalogue=catalogue_of(settings),
        policy=policy,
        window=what.window,
        service=service,
        revision=revision,
        baseline=baseline,
        settle_s=what.settle_s,
        live=what.live,
        expected=Expectations(settings.expected, settings.required, settings.rename),
        tests=read_results(junit) if junit else None,
        max_bytes=max_bytes,
        expiration_days=settings.store.expiration_days,
    )
    if dry_run:
        return _estimate(job, store)
    run = run_job(job, store)
    if out:
        write(out, run.verdict, run.verdicts, run.totals, wanted, run.charts)  # type: ignore[arg-type]
    text = _form(run, wanted[0]) if forms and not out else _summary(run)
    if os.environ.get("GITHUB_ACTIONS") == "true":
        text = to_github(run, text, is_summary=not forms or bool(out))
    with suppress(BrokenPipeError):  # a reader who has read enough does not change the verdict
        click.echo(text, nl=False)
        sys.stdout.flush()
        if explain_policy:
            _explain_policy(run, policy, err=bool(forms and not out))
    return _exit_code(run, settings, failed=bool(missing or run.extraction.failed))


def run_job(job: "Job", store: str | None) -> "Run":
    """Run a job in a store, a temporary one for None, with a progress bar, and say on stderr what the sources met."""
    from pipeline.run import check as check_job

    place = nullcontext(store) if store else tempfile.TemporaryDirectory(prefix="runverdict-")
    with place as folder:
        if job.live:
            with pulling(job.live) as live:
                run = check_job(replace(job, live=live), folder)
        else:
            with _progress(job.sources) as on_progress:
                run = check_job(job, folder, on_progress=on_progress)
    _talk(run)
    return run


def _explain_policy(run: "Run", policy: "Policy", *, err: bool) -> None:
    """Print which rule decided what; on stderr where stdout has a document."""
    from pipeline.judge.whatif import explain
    from pipeline.text import shown

    for one in run.found:
        for line in explain(one.data, policy, run.expected):
            click.echo(f"{line[: len(line) - len(line.lstrip())]}{shown(line.lstrip())}", err=err)


def _estimate(job: "Job", store: str | None) -> int:
    """Print what BigQuery would read for a job, and what it would cost; return the exit code."""
    from pipeline.stores.scale import estimate
    from pipeline.warehouse import is_bigquery, price_usd

    if not any(map(is_bigquery, [store or "", *job.sources])):
        raise UsageError("--dry-run is for logging:// and bigquery://; files are read at no cost")
    total = 0
    for step, read in estimate(store, job.sources, job.catalogue, job.window):
        click.echo(f"{step}: {read:,} bytes, {price_usd(read):.4f} USD")
        total += read
    click.echo(f"in all: {total:,} bytes, {price_usd(total):.4f} USD on demand; nothing was run")
    return 0


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
    if form in ("md", "html", "junit") and run.verdicts:
        return joined(run, form)
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
    from pipeline.sources.files.reader import size

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
