"""`runverdict check`: from sources to verdicts, files and an exit code."""

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipeline.commands.common import (
    EXIT_FAIL,
    EXIT_TOOL,
    StorePath,
    config_option,
    exits,
    say,
    settings_of,
)
from pipeline.commands.job import (
    Judged,
    Options,
    estimates_of,
    job_of,
    job_options,
    run_job,
    say_estimates,
    source_options,
    store_of,
)
from pipeline.commands.notifying import channels_of, notify
from pipeline.commands.output import joined, to_github
from pipeline.endpoints import is_objects
from pipeline.errors import ObjectsError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.objects import Bucket
    from pipeline.report.files import Format
    from pipeline.run import Run
    from pipeline.settings import Settings

#: Files of so many bytes hold few entries.
_FEW_BYTES = 1 << 20


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
@source_options
@job_options
@click.option(
    "--watch",
    is_flag=True,
    help="With --for: look after 1, 2, 5, 10, 20, 40 and 60 minutes, and end at a FAIL that no later request can undo.",
)
@click.option("--out", type=StorePath(), metavar="DIR|gs://B/P", help="Write the files there.")
@click.option(
    "--format",
    "forms",
    metavar="md,json,html,junit",
    help="Forms to write, default all; with one and no --out: print it.",
)
@click.option(
    "--junit",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="Results of tests to take into account, as JUnit XML; can be given several times.",
)
@click.option(
    "--notify",
    multiple=True,
    metavar="KIND[:ENVVAR]",
    help="Tell of the verdict, once per deployment and verdict with --store or --history: slack, chat or "
    "webhook (the address is in the environment), github (a pull request's comment), metrics:PATH; can be given "
    "several times.",
)
@click.option("--explain-policy", is_flag=True, help="Say which rule decided what, and what would change the verdict.")
@config_option
def check(**options: Any) -> None:
    """Judge the newest revision of each service in SOURCE: files, folders, globs, - for standard input, the log of a
    project, logging://PROJECT, bigquery://PROJECT.DATASET[.TABLE] for a log sink's tables or Log Analytics, or
    gs://BUCKET/PREFIX for a sink's export to Cloud Storage.

    Exit codes: 0 PASS or WARN, 1 FAIL, 2 wrong usage or configuration, 3 INCONCLUSIVE, 4 the tool could not do its
    work.

    \b
    Example:
      runverdict check logs.json
      runverdict check exports/ --service shop-api --out report --format md,json
      runverdict check bigquery://shop.logs --since 1h --store bigquery://shop.verdicts --max-bytes 50000000000
      runverdict check gs://shop-logs/exports --since 2026-01-15T09:00:00Z --until 2026-01-15T11:00:00Z --dry-run
      runverdict check logging://my-project --service shop-api --history gs://shop-ops/history --out gs://shop-ops/reports
      gcloud logging read ... --format=json | runverdict check -
      runverdict check logging://my-project --service shop-api --since deploy --wait --store logs
      runverdict check logging://my-project --service shop-api --since deploy --for 1h --watch --store logs --out report
    """
    with exits():
        if limit := options["max_bytes"]:
            from pipeline.warehouse import Budget

            options["budget"] = Budget(limit)
        raise SystemExit(run_check(options))


def _spare_threads(addresses: "Sequence[str]") -> None:
    """Let polars have one thread for few entries, for handing them over takes longer than the work on them.

    polars reads the environment once, as it starts.
    """
    files = [Path(address) for address in addresses]
    if all(file.is_file() for file in files) and sum(file.stat().st_size for file in files) <= _FEW_BYTES:
        os.environ.setdefault("POLARS_MAX_THREADS", "1")


def run_check(options: Options) -> int:
    """Run the job that the options of `check` describe, print or write what it gives, and return the exit code."""
    _spare_threads(options["sources"])
    from pipeline.report.files import FORMATS

    out, forms = options.get("out"), options.get("forms")
    wanted = [form.strip() for form in forms.split(",")] if forms else list(FORMATS)
    if unknown := [form for form in wanted if form not in FORMATS]:
        raise UsageError(f"--format {unknown[0]!r} is not known; there are: {', '.join(FORMATS)}")
    if forms and not out and len(wanted) > 1:
        raise UsageError("several forms need a folder: add --out DIR")
    bucket = _bucket(options)
    channels_of(options)
    if options.get("dry_run"):
        _say_estimates(options)
        return 0
    judged = _judged(options)
    run, settings = judged.run, settings_of(options.get("config"))
    refused = _write(run, wanted, bucket or Path(out)) if out else None
    # A reader who has read enough does not change the verdict; nor does a closed stdout where files have the result.
    with suppress(OSError if out else BrokenPipeError):
        text = _form(run, wanted[0]) if forms and not out else _summary(run)
        if os.environ.get("GITHUB_ACTIONS") == "true":
            text = to_github(run, text, is_summary=not forms or bool(out))
        click.echo(text, nl=False)
        sys.stdout.flush()
        if options.get("explain_policy"):
            _explain_policy(run, err=bool(forms and not out))
    if refused:
        raise refused
    if judged.stopped:
        return EXIT_TOOL
    if options.get("notify"):
        with store_of(options) as store:
            notify(options, run, store)
    return _exit_code(run, settings, failed=judged.missing or bool(run.extraction.failed))


def _bucket(options: Options) -> "Bucket | None":
    """Where --out names Cloud Storage. Raises UsageError and ObjectsError before anything is read."""
    out = str(options.get("out") or "")
    if is_objects(out):
        from pipeline.objects import Bucket

        return Bucket(out, options.get("api_endpoint"))
    if "://" in out:
        raise UsageError(f"--out {out}: reports are files, so name a folder or gs://; --history takes bigquery://")
    return None


def _write(run: "Run", forms: "Sequence[Format]", out: "Path | Bucket") -> ObjectsError | None:
    """Write the files of a run. What Cloud Storage refuses is returned, so that the verdict is printed before."""
    from pipeline.report.files import contents, upload, write

    files = contents(run.verdict, run.verdicts, run.totals, forms, run.charts, run.inputs)
    if isinstance(out, Path):
        write(out, files)
        return None
    ends = [verdict.window.covered_end for _, verdict in run.verdicts if verdict.window.covered_end]
    try:
        say(f"the reports are in {upload(out, files, max(ends, default=None))}")
    except ObjectsError as error:
        return error
    return None


def _say_estimates(options: Options) -> None:
    """Print what the run would take."""
    job, _ = job_of(options["sources"], options)
    with store_of(options) as store:
        coming = estimates_of(job.sources, job.request)
        say_estimates([*coming, *store.estimate(job.request.read_window, coming)])


def _judged(options: Options) -> Judged:
    """Run the job, or with --watch look until it has ended."""
    if options.get("watch"):
        from pipeline.commands.watching import watch

        with store_of(options) as store:
            return watch({**options, "length": options.get("length") or "15m"}, store)
    job, missing = job_of(options["sources"], options)
    with store_of(options) as store:
        return Judged(run_job(job, store), missing)


def _explain_policy(run: "Run", *, err: bool) -> None:
    """Print which rule decided what; on stderr where stdout has a document."""
    from pipeline.judge.whatif import explain
    from pipeline.report.masked import masked_texts
    from pipeline.text import shown

    for assessment in run.assessments:
        lines = list(explain(assessment.data, assessment.policy, run.assessed.expected))
        safe = masked_texts(lines)
        for line in map(safe.__getitem__, lines):
            click.echo(f"{line[: len(line) - len(line.lstrip())]}{shown(line.lstrip())}", err=err)


def _exit_code(run: "Run", settings: "Settings", *, failed: bool) -> int:
    """Any FAIL is 1, else a source that failed 4, else what the settings say of the worst verdict."""
    if run.verdict == "FAIL":
        return EXIT_FAIL
    if failed:
        return EXIT_TOOL
    return {"WARN": settings.exit.WARN, "INCONCLUSIVE": settings.exit.INCONCLUSIVE}.get(run.verdict, 0)


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
        return "[" + ",\n".join(rendered(verdict, "json").rstrip() for _, verdict in run.verdicts) + "]\n"
    return summary(run.verdict, run.verdicts, run.totals, run.inputs)


def _summary(run: "Run") -> str:
    """The summary for the terminal, with colours where stdout is one."""
    from rich.console import Console

    from pipeline.report.terminal import print_summary

    console = Console(highlight=False)
    with console.capture() as captured:
        print_summary(
            console,
            [verdict for _, verdict in run.verdicts],
            run.others,
            run.totals,
            run.notes,
            run.other_types,
            run.extraction.outside,
        )
    return captured.get()
