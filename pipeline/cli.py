"""The command line: parse, call, print, exit. Heavy imports stand inside the commands that need them."""

import logging
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from pipeline.errors import CatalogueError, RunverdictError, SettingsError, SourceError, UsageError

if TYPE_CHECKING:
    from parsers.model import Catalogue
    from pipeline.run import Run
    from pipeline.settings import Settings

EXIT_FAIL, EXIT_USAGE, EXIT_INCONCLUSIVE, EXIT_TOOL, EXIT_INTERRUPTED = 1, 2, 3, 4, 130

log = logging.getLogger(__name__)

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
    settings = _settings(config)
    known, missing = _resolved(sources)
    if missing and not known:
        return EXIT_TOOL
    policy = _policy(settings, config)
    job = Job(
        sources=known,
        catalogue=_catalogue(settings),
        policy=policy,
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
    text = _form(run, wanted[0]) if forms and not out else _summary(run)
    with suppress(BrokenPipeError):  # a reader who has read enough does not change the verdict
        click.echo(text, nl=False)
        sys.stdout.flush()
    return _exit_code(run, settings, failed=bool(missing or run.extraction.failed))


def _resolved(arguments: tuple[str, ...]) -> tuple[list[str], list[SourceError]]:
    """Return the files that the arguments name, and what is wrong with the others, which stderr has then."""
    from pipeline.sources.files import resolve

    good, missing = [], []
    for argument in arguments:
        try:
            found = resolve([argument])
        except SourceError as error:
            missing.append(error)
            _say(error)
            continue
        good.append(argument)
        if not found:
            _say(f"{argument}: no file below it is named like a log: .json, .ndjson, .jsonl, .log or .txt, also .gz")
    return resolve(good), missing


def _say(text: object) -> None:
    """Tell something on stderr."""
    from pipeline.report.text import shown

    click.echo(f"runverdict: {shown(str(text))}", err=True)


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
        _say(error)
    for report in run.extraction.reports:
        for note in report.notes:
            _say(f"{report.source}: {note}")
        if report.repaired_utf8:
            _say(f"{report.source}: invalid UTF-8 in {report.repaired_utf8:,} records became U+FFFD")
        if report.cut:
            _say(f"{report.source}: {report.cut:,} records above 64 MiB were cut")
    if unparsed := run.totals["unparsed"]:
        _say(f"{unparsed:,} {'entry' if unparsed == 1 else 'entries'} could not be parsed; kept raw and counted")


def _form(run: "Run", form: str) -> str:
    """The verdicts in one form, as one document; what was not judged is said on stderr."""
    from pipeline.report.files import rendered, summary

    for note in run.notes:
        _say(note)
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
      runverdict explain - --format json < app.log
    """
    with _exits():
        from pipeline import explain as explanation

        known = _catalogue(_settings(config))
        if line == "-":
            lines = [part.rstrip(b"\r\n").decode("utf-8", "replace") for part in sys.stdin.buffer]
        else:
            lines = [os.fsencode(line).decode("utf-8", "replace")]
        for found in explanation.explain(lines, known, log=log):
            click.echo(found.model_dump_json() if form == "json" else explanation.text(found, known))


@cli.command()
@click.argument("identifier", metavar="ID")
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@_config_option
def trace(identifier: str, sources: tuple[str, ...], form: str, config: Path | None) -> None:
    """Print the entries of one request in order of time; ID is a trace, a request id or a correlation id.

    Entries are joined by any of the three that they carry. Exit code 3 where no entry carries the ID.

    \b
    Example:
      runverdict trace req_1760000000001_5_0a1b2c3d logs.json
    """
    with _exits():
        from pipeline.extract import extract
        from pipeline.run import classify_store
        from pipeline.sources.files import resolve
        from pipeline.store import Store
        from pipeline.timeline import as_json, text, timeline
        from pipeline.window import Window

        known = _catalogue(_settings(config))
        with tempfile.TemporaryDirectory(prefix="runverdict-") as folder:
            store = Store(Path(folder))
            extraction = extract(resolve(sources), store, window=Window())
            classify_store(store, known)
            steps = list(timeline(store.slices("events"), identifier))
        for step in steps:
            click.echo(as_json(step) if form == "json" else text(step))
        for error in extraction.failed:
            click.echo(f"runverdict: {error}", err=True)
        if not steps:
            click.echo(f"runverdict: no entry carries the id {identifier!r}", err=True)
            raise SystemExit(EXIT_TOOL if extraction.failed else EXIT_INCONCLUSIVE)


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

    An exit code of 1 is a FAIL and nothing else: whatever goes wrong in here, and a reader of our output who is gone,
    is 4. Leaving by `os._exit` spares the interpreter's tear-down, in which DuckDB's bindings report leaks on stderr.
    """
    code = EXIT_TOOL
    try:
        with cli.make_context("runverdict", sys.argv[1:]) as context:  # cli() makes a 1 of a reader who is gone
            cli.invoke(context)
        sys.stdout.flush()
        code = 0
    except (SystemExit, click.exceptions.Exit) as error:
        found = error.exit_code if isinstance(error, click.exceptions.Exit) else error.code
        code = found if isinstance(found, int) else EXIT_TOOL
    except click.ClickException as error:
        error.show()
        code = EXIT_USAGE
    except (click.Abort, KeyboardInterrupt):
        code = EXIT_INTERRUPTED
    except BrokenPipeError:
        code = EXIT_TOOL
    except Exception as error:  # the last resort: a bug must not be taken for a verdict
        log.info("internal error", exc_info=True)
        click.echo(f"runverdict: internal error, {type(error).__name__}: {error}; with -v it says where", err=True)
    with suppress(OSError):
        sys.stdout.flush()
    with suppress(OSError):
        sys.stderr.flush()
    os._exit(code)
