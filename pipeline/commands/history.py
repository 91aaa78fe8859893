"""`runverdict history`, `compare` and `calibrate`: revisions over time, side by side, and against the limits."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.commands.check import run_job
from pipeline.commands.common import (
    EXIT_INCONCLUSIVE,
    EXIT_TOOL,
    StorePath,
    catalogue_of,
    config_option,
    exits,
    policy_of,
    settings_of,
)
from pipeline.commands.live import resolved
from pipeline.errors import UsageError

if TYPE_CHECKING:
    from pipeline.run import Job, Run

_FORMATS = click.Choice(["text", "json"])


@click.command()
@click.option("--store", type=StorePath(), metavar="DIR|bigquery://P.D", required=True, help="The store.")
@click.option("--service", help="Of this service alone.")
@click.option("--format", "form", type=_FORMATS, default="text", show_default=True)
def history(store: str, service: str | None, form: str) -> None:
    """Print the verdicts that a store remembers, the oldest first.

    \b
    Example:
      runverdict check logs.json --store store && runverdict history --store store
    """
    with exits():
        from pipeline.stores.bigquery import BigQueryStore
        from pipeline.stores.history import verdicts
        from pipeline.stores.local import LocalStore
        from pipeline.warehouse import is_bigquery

        if not is_bigquery(store) and not Path(store).is_dir():
            raise UsageError(f"--store {store}: no such folder")
        rows = verdicts(BigQueryStore(store) if is_bigquery(store) else LocalStore(Path(store)), service)
        if form == "json":
            for row in rows.iter_rows(named=True):
                click.echo(json.dumps(row))
        else:
            click.echo(_table(rows), nl=False)
        if rows.is_empty():
            click.echo("runverdict: the store remembers no verdict; check with --store writes one", err=True)
            raise SystemExit(EXIT_INCONCLUSIVE)


def _table(rows: object) -> str:
    from rich.console import Console

    from pipeline.report.terminal import print_history

    console = Console(highlight=False)
    with console.capture() as captured:
        print_history(console, rows)  # type: ignore[arg-type]
    return captured.get()


@click.command()
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option("--revision", "revisions", multiple=True, required=True, help="Twice: the older one, then the newer one.")
@click.option("--service", help="Of this service.")
@click.option("--store", type=click.Path(path_type=Path, file_okay=False), help="Keep entries and events there.")
@click.option("--format", "form", type=_FORMATS, default="text", show_default=True)
@config_option
def compare(
    sources: tuple[str, ...],
    revisions: tuple[str, ...],
    service: str | None,
    store: Path | None,
    form: str,
    config: Path | None,
) -> None:
    """Put two revisions side by side: every check of the second that compares it with the first.

    The exit code tells of the tool alone; `check --baseline` judges.

    \b
    Example:
      runverdict compare logs.json --revision shop-api-00041-abc --revision shop-api-00042-def
    """
    with exits():
        if len(revisions) != 2:
            raise UsageError("--revision is needed twice: the older one, then the newer one")
        job = _job(sources, config, service=service, revision=revisions[1], baseline=revisions[0])
        run = run_job(job, str(store) if store else None)
        for note in run.notes:
            click.echo(f"runverdict: {note}", err=True)
        for _, verdict in run.verdicts:
            compared = [check for check in verdict.checks if check.baseline is not None]
            if form == "json":
                click.echo(
                    json.dumps(
                        {
                            "service": verdict.service,
                            "revision": verdict.revision,
                            "baseline": verdict.baseline,
                            "checks": [check.model_dump() for check in compared],
                            "changes": [change.model_dump() for change in verdict.changes],
                        }
                    )
                )
                continue
            from pipeline.text import shown

            click.echo(shown(f"{verdict.service}: {verdict.revision} beside {verdict.baseline}"))
            for check in compared:
                click.echo(f"  {check.status:13s} {check.id:26s} {shown(check.reason)}")
            for change in verdict.changes:
                times = f"{change.baseline_n:,} → {change.n:,}"
                click.echo(f"  {change.change:13s} {times:26s} {change.level} {shown(change.signature)[:120]}")
        if not run.verdicts:
            raise SystemExit(EXIT_TOOL if run.extraction.failed else EXIT_INCONCLUSIVE)


@click.command()
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option("--service", help="Of this service alone.")
@click.option("--store", type=click.Path(path_type=Path, file_okay=False), help="Keep entries and events there.")
@config_option
def calibrate(sources: tuple[str, ...], service: str | None, store: Path | None, config: Path | None) -> None:
    """Judge every revision in logs of deployments that went well, and say which limits would have raised an alarm.

    What is printed can stand in runverdict.toml: each limit that an alarm would have needed, as a comment beside the
    check and the revision that raised it. Whether it was an alarm or a fault is yours to say.

    \b
    Example:
      runverdict calibrate last-month/ --service shop-api
    """
    with exits():
        job = _job(sources, config, service=service, revision="every", baseline="previous")
        run = run_job(job, str(store) if store else None)
        if not run.verdicts:
            raise SystemExit(EXIT_TOOL if run.extraction.failed else EXIT_INCONCLUSIVE)
        _calibration(run, job)


def _calibration(run: "Run", job: "Job") -> None:
    from pipeline.judge.whatif import turns
    from pipeline.text import shown

    statuses = [verdict.verdict for _, verdict in run.verdicts]
    told = ", ".join(f"{statuses.count(name)} {name}" for name in ("PASS", "WARN", "INCONCLUSIVE", "FAIL"))
    click.echo(f"# {len(statuses)} revisions judged: {told}")
    for one in run.found:
        for check in one.verdict.checks:
            if check.status not in ("WARN", "FAIL"):
                continue
            click.echo(f"\n# {one.verdict.revision}: {check.status}, {shown(check.reason)}")
            click.echo(f'[policy."{check.id}"]')
            for name, value, status in turns(one.data, job.policy, run.expected, check):
                click.echo(f"# {name} = {value:.4g} would make it {status}")


def _job(sources: tuple[str, ...], config: Path | None, *, service: str | None, revision: str, baseline: str) -> "Job":
    from pipeline.judge.expectations import Expectations
    from pipeline.run import Job

    settings = settings_of(config)
    known, missing = resolved(sources)
    if missing and not known:
        raise SystemExit(EXIT_TOOL)
    return Job(
        sources=known,
        catalogue=catalogue_of(settings),
        policy=policy_of(settings, config),
        service=service,
        revision=revision,
        baseline=baseline,
        expected=Expectations(settings.expected, settings.required, settings.rename),
    )
