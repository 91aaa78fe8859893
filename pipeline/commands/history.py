"""`runverdict history`, `compare` and `calibrate`: revisions over time, side by side, and against the limits."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipeline.commands.common import EXIT_INCONCLUSIVE, EXIT_TOOL, StorePath, config_option, exits, say
from pipeline.commands.job import (
    Options,
    estimates_of,
    job_of,
    job_options,
    run_job,
    say_estimates,
    source_options,
    store_of,
)
from pipeline.errors import UsageError

if TYPE_CHECKING:
    from pipeline.run import Run
    from pipeline.stores.base import History

_FORMATS = click.Choice(["text", "json"])


@click.command()
@click.option("--store", type=StorePath(), metavar="DIR|bigquery://P.D", help="The store.")
@click.option(
    "--history", "past", type=StorePath(), metavar="DIR|gs://B/P|bigquery://P.D", help="Where --history kept it."
)
@click.option("--api-endpoint", metavar="URL", help="Another address of the API; http:// on this machine only.")
@click.option("--service", help="Of this service alone.")
@click.option("--format", "form", type=_FORMATS, default="text", show_default=True)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write pages there: index.html over services, SERVICE/history.html, and history.json.",
)
def history(
    store: str | None, past: str | None, api_endpoint: str | None, service: str | None, form: str, out: Path | None
) -> None:
    """Print the verdicts that a store or --history remembers, the oldest first, and what changed for good.

    \b
    Example:
      runverdict check logs.json --store store && runverdict history --store store
      runverdict history --store store --out pages
      runverdict history --history gs://shop-verdicts/history --service shop-api
    """
    with exits():
        from pipeline.assess.trends import drifts, of_service, points
        from pipeline.report.masked import masked_frame
        from pipeline.stores.history import documents, listed

        opened = _opened(store, past, api_endpoint)
        if not opened.exists():
            raise UsageError(f"{f'--history {past}' if past else f'--store {store}'}: no such folder, or nothing in it")
        every = listed(opened)
        verdicts = of_service(every, {"service": service} if service else {})
        rows = masked_frame(points(verdicts, documents(opened, verdicts)))
        changes = drifts(rows)
        if form == "json":
            for row in rows.iter_rows(named=True):
                click.echo(json.dumps(row))
        else:
            click.echo(_table(rows, changes), nl=False)
        if rows.is_empty():
            say(_nothing_of(service, every))
            raise SystemExit(EXIT_INCONCLUSIVE)
        if out:
            _write_pages(out, opened, rows, changes)


def _nothing_of(service: str | None, every: Any) -> str:
    """Why no verdict is shown, in words. every: the verdicts of all services."""
    from pipeline.reasons import names_of
    from pipeline.report.masked import masked_texts

    services = every["service"].drop_nulls().unique().sort().to_list()
    if service is None or not services:
        return "the store remembers no verdict; check with --store writes one"
    safe = masked_texts([service, *services])
    return f"no verdict on service {safe[service]!r}; there are verdicts on: {names_of([safe[x] for x in services])}"


def _write_pages(out: Path, opened: "History", rows: Any, changes: Any) -> None:
    from pipeline.assess.revisions import folder_of
    from pipeline.assess.trends import of_service, verdict_of
    from pipeline.report.masked import masked
    from pipeline.report.trend import ServiceTrend, write
    from pipeline.schema import SERVICE
    from pipeline.stores.history import documents

    services = rows.select(SERVICE).unique(maintain_order=True)
    newest = rows.group_by(SERVICE, maintain_order=True).tail(1)
    texts = {run: text for part in documents(opened, newest) for run, text in part.iter_rows()}
    trends = []
    for key in services.iter_rows(named=True):
        runs = of_service(rows, key)
        verdict = verdict_of(texts[runs["run"][-1]])
        shown = masked([verdict])[0] if verdict else None
        trends.append(ServiceTrend(folder_of(key, services), runs, of_service(changes, key), shown))
    click.echo(f"runverdict: {len(write(out, trends))} files in {out}", err=True)


def _opened(store: str | None, past: str | None, endpoint: str | None) -> "History":
    """What one of --store and --history names."""
    if past and not store:
        from pipeline.stores.elsewhere import open_history

        return open_history(past, endpoint=endpoint)
    if store and not past:
        from pipeline.stores.base import open_store

        return open_store(store)
    raise UsageError("name one place: --store or --history")


def _table(rows: Any, changes: Any) -> str:
    from rich.console import Console

    from pipeline.report.terminal import print_history
    from pipeline.report.trend import drift_text

    console = Console(highlight=False)
    with console.capture() as captured:
        print_history(console, rows)
    return captured.get() + "".join(f"{row['service']}: {drift_text(row)}\n" for row in changes.iter_rows(named=True))


@click.command()
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option("--revision", "revisions", multiple=True, required=True, help="Twice: the older one, then the newer one.")
@click.option("--service", help="Of this service.")
@source_options
@job_options
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Write the files there.")
@click.option(
    "--format",
    "forms",
    metavar="text,md,html,json",
    help="Forms to print, or with --out to write. Default: text, and with --out the others.",
)
@config_option
def compare(revisions: tuple[str, ...], forms: str | None, out: Path | None, **options: Any) -> None:
    """Put two revisions side by side: requests, errors and latency by endpoint, lines that are new or gone, checks.

    The exit code tells of the tool alone; `check --baseline` judges.

    \b
    Example:
      runverdict compare logs.json --revision shop-api-00041-abc --revision shop-api-00042-def
      runverdict compare logs.json --revision shop-api-00041-abc --revision shop-api-00042-def --out side-by-side
    """
    with exits():
        if len(revisions) != 2:
            raise UsageError("--revision is needed twice: the older one, then the newer one")
        wanted = (forms or ("md,html,json" if out else "text")).split(",")
        for name in wanted:
            if name not in ("text", "md", "html", "json"):
                raise UsageError(f"--format {name!r} is not known; there are: text, md, html, json")
        if out and "text" in wanted:
            raise UsageError("--format text is for the terminal; with --out there are md, html and json")
        run = _run({**options, "revision": revisions[1], "baseline": revisions[0]})
        for note in run.notes:
            click.echo(f"runverdict: {note}", err=True)
        from pipeline.report.compare import older_endpoints, rendered, write

        for assessment in run.assessments:
            verdict, target = assessment.verdict, assessment.target
            older = older_endpoints(run.measures.latency, target.identity, verdict)
            if out:
                for written in write(out, target.path, verdict, wanted, older):  # type: ignore[arg-type]
                    click.echo(f"runverdict: {written}", err=True)
                continue
            for name in wanted:
                click.echo(rendered(verdict, name, older), nl=False)  # type: ignore[arg-type]
        if not run.verdicts:
            raise SystemExit(EXIT_TOOL if run.extraction.failed else EXIT_INCONCLUSIVE)


@click.command()
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option("--service", help="Of this service alone.")
@source_options
@job_options
@config_option
def calibrate(**options: Any) -> None:
    """Judge every revision in logs of deployments that went well, and say which limits would have raised an alarm.

    What is printed can stand in runverdict.toml: each limit that an alarm would have needed, as a comment beside the
    check and the revision that raised it. Whether it was an alarm or a fault is yours to say.

    \b
    Example:
      runverdict calibrate last-month/ --service shop-api
    """
    with exits():
        run = _run({**options, "revision": "every", "baseline": "previous"})
        if not run.verdicts:
            raise SystemExit(EXIT_TOOL if run.extraction.failed else EXIT_INCONCLUSIVE)
        _calibration(run)


def _run(options: Options) -> "Run":
    """Run the job of some options; leaves with 0 after --dry-run."""
    job, _ = job_of(options["sources"], options)
    with store_of(options) as store:
        if options["dry_run"]:
            say_estimates(estimates_of(job.sources, job.request))
            raise SystemExit(0)
        return run_job(job, store)


def _calibration(run: "Run") -> None:
    from pipeline.judge.whatif import turns
    from pipeline.text import shown

    statuses = [verdict.verdict for _, verdict in run.verdicts]
    counts = ", ".join(f"{statuses.count(name)} {name}" for name in ("PASS", "WARN", "INCONCLUSIVE", "FAIL"))
    click.echo(f"# {len(statuses)} revisions judged: {counts}")
    for assessment in run.assessments:
        for check in assessment.verdict.checks:
            if check.status not in ("WARN", "FAIL"):
                continue
            click.echo(f"\n# {assessment.verdict.revision}: {check.status}, {shown(check.reason)}")
            click.echo(f'[policy."{check.id}"]')
            for name, value, status in turns(assessment.data, assessment.policy, run.assessed.expected, check):
                click.echo(f"# {name} = {value:.4g} would make it {status}")
