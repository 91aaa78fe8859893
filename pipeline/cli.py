"""The command line: parse, call, print, exit. Heavy imports stand inside the commands that need them."""

import logging
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from pipeline.errors import CatalogueError, RunverdictError, SettingsError, UsageError

if TYPE_CHECKING:
    from parsers.model import Catalogue
    from pipeline.run import Run
    from pipeline.settings import Settings

EXIT_FAIL, EXIT_USAGE, EXIT_TOOL = 1, 2, 4

_Command = TypeVar("_Command", bound=Callable[..., Any])


def _fail(error: RunverdictError) -> NoReturn:
    click.echo(f"runverdict: {error}", err=True)
    raise SystemExit(EXIT_USAGE if isinstance(error, UsageError | SettingsError | CatalogueError) else EXIT_TOOL)


@contextmanager
def _exits() -> Iterator[None]:
    """Turn our errors into exit codes: 2 for what the user can put right in the command, 4 for the rest."""
    try:
        yield
    except RunverdictError as error:
        _fail(error)


def _config_option(command: _Command) -> _Command:
    return click.option(
        "--config",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Settings file; default: runverdict.toml here, if there is one.",
    )(command)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="runverdict")
@click.option("-v", "--verbose", is_flag=True, help="Log each step to stderr.")
def cli(*, verbose: bool) -> None:
    """Was this Cloud Run deployment healthy? Decide it from its logs, and prove every word.

    \b
    Example:
      gcloud logging read 'resource.type="cloud_run_revision"' --freshness=1h --format=json > logs.json
      runverdict check logs.json --out report
    """
    logging.basicConfig(level=logging.INFO if verbose else logging.ERROR, format="%(message)s", stream=sys.stderr)


@cli.command()
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
@click.option("--store", type=click.Path(path_type=Path, file_okay=False), help="Keep entries and events there.")
@click.option("--settle", default="5m", show_default=True, help="How long after its end a window is complete.")
@_config_option
def check(**options: Any) -> None:
    """Judge the newest revision of each service in SOURCE: files, folders, globs, or - for standard input.

    Exit codes: 0 PASS or WARN, 1 FAIL, 2 wrong usage or configuration, 3 INCONCLUSIVE, 4 the tool could not do its
    work.

    \b
    Example:
      runverdict check logs.json
      runverdict check exports/ --service shop-api --out report --format md,json
      gcloud logging read ... --format=json | runverdict check -
    """
    with _exits():
        raise SystemExit(_check(**options))


def _check(
    *,
    sources: tuple[str, ...],
    service: str | None,
    revision: str,
    baseline: str,
    since: str | None,
    until: str | None,
    out: Path | None,
    forms: str | None,
    store: Path | None,
    settle: str,
    config: Path | None,
) -> int:
    from pipeline.report.files import FORMATS, write
    from pipeline.run import Job
    from pipeline.run import check as run_check
    from pipeline.sources.files import resolve
    from pipeline.window import Window, parse_time

    assert baseline == "none"
    now = datetime.now(UTC)
    window = Window(
        start=parse_time(since, now=now) if since else None, end=parse_time(until, now=now) if until else None
    )
    settle_s = (now - parse_time(settle, now=now)).total_seconds()
    wanted = [form.strip() for form in forms.split(",")] if forms else list(FORMATS)
    if unknown := [form for form in wanted if form not in FORMATS]:
        raise UsageError(f"--format {unknown[0]!r} is not known; there are: {', '.join(FORMATS)}")
    if forms and not out and len(wanted) > 1:
        raise UsageError("several forms need a folder: add --out DIR")
    settings = _settings(config)
    job = Job(
        sources=resolve(sources),
        catalogue=_catalogue(settings),
        policy=_policy(settings, config),
        window=window,
        service=service,
        revision=revision,
        settle_s=settle_s,
    )
    place = nullcontext(str(store)) if store else tempfile.TemporaryDirectory(prefix="runverdict-")
    with place as folder, _progress(job.sources) as on_progress:
        run = run_check(job, Path(folder), on_progress=on_progress)
    _talk(run)
    if out:
        write(out, run.verdict, run.verdicts, run.totals, wanted)  # type: ignore[arg-type]
    if forms and not out:
        _print_form(run, wanted[0])
    else:
        _print_summary(run)
    return _exit_code(run, settings)


def _exit_code(run: "Run", settings: "Settings") -> int:
    """Any FAIL is 1, else a source that failed 4, else what the settings say of the worst verdict."""
    if run.verdict == "FAIL":
        return EXIT_FAIL
    if run.extraction.failed:
        return EXIT_TOOL
    return {"WARN": settings.exit.WARN, "INCONCLUSIVE": settings.exit.INCONCLUSIVE}.get(run.verdict, 0)


def _talk(run: "Run") -> None:
    """Say on stderr what the sources met: failures, cuts, repairs, unparsed entries."""
    for error in run.extraction.failed:
        click.echo(f"runverdict: {error}", err=True)
    for report in run.extraction.reports:
        for note in report.notes:
            click.echo(f"runverdict: {report.source}: {note}", err=True)
    if unparsed := run.totals["unparsed"]:
        click.echo(f"runverdict: {unparsed:,} entries could not be parsed; they are kept raw and counted", err=True)


def _print_form(run: "Run", form: str) -> None:
    from pipeline.report.files import rendered, summary

    if form == "md":
        click.echo("\n".join(rendered(one, "md") for _, one in run.verdicts), nl=False)
    elif len(run.verdicts) == 1:
        click.echo(rendered(run.verdicts[0][1], "json"), nl=False)
    elif run.verdicts:
        click.echo("[" + ",\n".join(rendered(one, "json").rstrip() for _, one in run.verdicts) + "]")
    else:
        click.echo(summary(run.verdict, run.verdicts, run.totals), nl=False)
    for note in run.notes:
        click.echo(f"runverdict: {note}", err=True)


def _print_summary(run: "Run") -> None:
    from rich.console import Console

    from pipeline.report.terminal import print_summary

    console = Console(highlight=False)
    print_summary(console, [one for _, one in run.verdicts], run.others, run.totals, run.notes)


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


@cli.command()
@click.argument("line")
@click.option("--log", metavar="ID", default="stderr", show_default=True, help="Log the line is from: varlog/system.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@_config_option
def explain(line: str, log: str, form: str, config: Path | None) -> None:
    """Say what the catalogue makes of LINE, or of each line of standard input (-).

    A JSON object with a logName is read as a LogEntry, anything else as a line of text.

    \b
    Example:
      runverdict explain 'Container called exit(3).' --log varlog/system
      tail -f app.log | runverdict explain - --format json
    """
    with _exits():
        from pipeline import explain as explanation

        known = _catalogue(_settings(config))
        lines = [part.rstrip("\n") for part in sys.stdin] if line == "-" else [line]
        for found in explanation.explain(lines, known, log=log):
            click.echo(found.model_dump_json() if form == "json" else explanation.text(found, known))


@cli.group()
def catalogue() -> None:
    """The event catalogue: what is known, and whether it holds."""


@catalogue.command("list")
@_config_option
def catalogue_list(config: Path | None) -> None:
    """Print every event: its meaning, outcome, wordings and source.

    \b
    Example:
      runverdict catalogue list | grep websocket
    """
    with _exits():
        known = _catalogue(_settings(config))
        for event in known.events:
            click.echo(f"{event.name}  [{event.outcome}]  {event.meaning}")
            for match in event.match:
                click.echo(f"    {match.pattern}")
            if event.where:
                click.echo("    where " + ", ".join(f"{column} = {value}" for column, value in event.where.items()))
            click.echo(f"    source: {event.source}")


@catalogue.command("check")
@_config_option
def catalogue_check(config: Path | None) -> None:
    """Run every example and near miss against the whole catalogue.

    \b
    Example:
      runverdict catalogue check --config runverdict.toml
    """
    with _exits():
        from parsers.check import check as run_check

        known = _catalogue(_settings(config))
        if problems := run_check(known):
            raise CatalogueError(problems)
        wordings = sum(len(event.match) for event in known.events)
        examples = sum(len(event.example) for event in known.events)
        near = sum(len(event.near_misses) for event in known.events)
        click.echo(
            f"{len(known.events)} events, {wordings} wordings: {examples} examples win as their own event, "
            f"{near} near misses do not match"
        )


@cli.command()
@click.argument("scenario")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="NDJSON file to write.")
@click.option("--seed", default=0, show_default=True, help="Same seed, same bytes.")
@click.option("--minutes", default=15.0, show_default=True, help="Length of the stream, in minutes.")
@click.option("--requests-per-minute", default=40.0, show_default=True, help="Requests of users a minute.")
def simulate(scenario: str, out: Path, seed: int, minutes: float, requests_per_minute: float) -> None:
    """Write the LogEntry stream of a made-up deployment: SCENARIO is healthy, crash-loop, auth-outage, ...

    \b
    Example:
      runverdict simulate crash-loop --out logs.ndjson && runverdict check logs.ndjson
    """
    with _exits():
        from pipeline import simulate as simulation

        entries = simulation.simulate(scenario, seed=seed, minutes=minutes, requests_per_minute=requests_per_minute)
        click.echo(f"{simulation.write(entries, out):,} entries in {out}")


@cli.command()
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Write the report there.")
def demo(out: Path | None) -> None:
    """Judge a made-up deployment of two revisions, one of them a crash loop behind successful probes.

    \b
    Example:
      runverdict demo --out demo-report
    """
    with _exits(), tempfile.TemporaryDirectory(prefix="runverdict-demo-") as folder:
        from pipeline import simulate as simulation

        logs = Path(folder) / "crash-loop.ndjson"
        simulation.write(simulation.simulate("crash-loop"), logs)
        click.echo(f"simulated: {simulation.SCENARIOS['crash-loop']}\n", err=True)
        nothing: dict[str, Any] = dict.fromkeys(("service", "since", "until", "forms", "store", "config"))
        code = _check(sources=(str(logs),), out=out, revision="newest", baseline="none", settle="5m", **nothing)
        click.echo(f"runverdict check would exit with {code}" + (f"; report in {out}" if out else ""), err=True)


def _settings(config: Path | None) -> "Settings":
    from pipeline.settings import load

    return load(config)


def _catalogue(settings: "Settings") -> "Catalogue":
    from parsers.model import load

    return load(settings.catalogue.packs, settings.catalogue.paths)


def _policy(settings: "Settings", config: Path | None) -> Any:
    from pipeline.judge.policy import PolicyError, load

    try:
        return load(settings.policy)
    except PolicyError as error:
        raise SettingsError(str(config or "runverdict.toml"), error.problems) from error


def main() -> NoReturn:
    """Run the command line and leave at once.

    Leaving by `os._exit` spares the interpreter's tear-down, in which DuckDB's bindings report leaks on stderr.
    """
    code: object = 0
    try:
        cli()
    except SystemExit as error:
        code = error.code
    if isinstance(code, str):
        click.echo(code, err=True)
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 0)
