"""`runverdict explain` and `trace`: what a line is, and what belongs to one request."""

import os
import sys
import tempfile
from pathlib import Path

import click

from pipeline.commands.common import EXIT_INCONCLUSIVE, EXIT_TOOL, catalogue_of, config_option, exits, settings_of


@click.command()
@click.argument("line")
@click.option("--log", metavar="ID", default="stderr", show_default=True, help="Log the line is from: varlog/system.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@config_option
def explain(line: str, log: str, form: str, config: Path | None) -> None:
    """Say what the catalogue makes of LINE, or of each line of standard input (-).

    A JSON object with a logName is read as a LogEntry, anything else as a line of text.

    \b
    Example:
      runverdict explain 'Container called exit(3).' --log varlog/system
      runverdict explain - --format json < app.log
    """
    with exits():
        from pipeline import explain as explanation

        known = catalogue_of(settings_of(config))
        if line == "-":
            lines = [part.rstrip(b"\r\n").decode("utf-8", "replace") for part in sys.stdin.buffer]
        else:
            lines = [os.fsencode(line).decode("utf-8", "replace")]
        for explained in explanation.explain(lines, known, log=log):
            click.echo(explained.model_dump_json() if form == "json" else explanation.text(explained, known))


@click.command()
@click.argument("identifier", metavar="ID")
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@config_option
def trace(identifier: str, sources: tuple[str, ...], form: str, config: Path | None) -> None:
    """Print the entries of one request in order of time; ID is a trace, a request id or a correlation id.

    A trace is found by its id or as it stands in the log, projects/PROJECT/traces/ID. Entries are joined by any of the
    three that they carry. Exit code 3 where no entry carries the ID.

    \b
    Example:
      runverdict trace req_1760000000001_5_0a1b2c3d logs.json
    """
    with exits():
        from pipeline.run import extract
        from pipeline.sources.base import Request, open_sources
        from pipeline.stores.local import LocalStore
        from pipeline.trace import as_json, text, timeline

        catalogue = catalogue_of(settings_of(config))
        with tempfile.TemporaryDirectory(prefix="runverdict-") as folder:
            store, request = LocalStore(Path(folder)), Request()
            with store.writing():
                extraction = extract(open_sources(sources), store, request)
                store.classify(catalogue, request.window)
            steps = list(timeline(store.slices("events"), identifier))
        for step in steps:
            click.echo(as_json(step) if form == "json" else text(step))
        for error in extraction.failed:
            click.echo(f"runverdict: {error}", err=True)
        if not steps:
            click.echo(f"runverdict: no entry carries the id {identifier!r}", err=True)
            raise SystemExit(EXIT_TOOL if extraction.failed else EXIT_INCONCLUSIVE)
